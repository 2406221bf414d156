from __future__ import annotations

import datetime as dt
import random
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pytest
from django.db import connection, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from leads import shipped_signals
from leads.models import AttributeChange, Company, Event, Lead, Signal
from leads.vocabulary import BEGINNING
from scoring.columns import fact_reader
from scoring.columns.bulk_reader import BulkReader, Scope, Snapshot, bulk_reader
from scoring.columns.event_columns import RANGE, EventCache, EventColumns, read_events
from scoring.engine.bands import Band
from scoring.engine.facts import Facts
from scoring.engine.rules import CriterionRule, Rules
from scoring.instants import microseconds

NOW = dt.datetime(2026, 3, 2, 9, 0, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)
_WITHIN = Scope(0, RANGE).sql("lead_id")


@pytest.fixture
def leads(transactional_db: None) -> list[Lead]:
    shipped_signals.ship(signals=Signal.objects)
    return [make_lead(email=f"lead{number}@acme.example") for number in range(5)]


def make_lead(**changes: object) -> Lead:
    fields = {"email": "ada@acme.example", "known_at": NOW - 100 * DAY, "stage_at": NOW, "recorded_at": NOW}
    return Lead.objects.create(**fields | changes)


def add_events(*leads: Lead, at: dt.datetime = NOW, **changes: object) -> None:
    signal = Signal.objects.get(code="pricing_view")
    Event.objects.bulk_create(
        Event(lead=lead, signal=signal, occurred_at=at, recorded_at=NOW, source="test", digest=b"", **changes)
        for lead in leads
    )


def same(one: EventColumns, other: EventColumns) -> bool:
    pairs = ((one.lead, other.lead), (one.at, other.at), (one.signal, other.signal), (one.asset, other.asset))
    return all(np.array_equal(mine, yours) for mine, yours in pairs)


def cache_is_fresh(folder: Path) -> bool:
    with bulk_reader() as reader:
        return cache_agrees(reader, folder)


def cache_agrees(reader: BulkReader, folder: Path) -> bool:
    """Say whether cache and table hold the same events in one snapshot."""
    return same(EventCache(reader, folder).events(0), read_events(reader, _WITHIN))


@pytest.fixture
def other_session(leads: list[Lead]) -> Iterator[BaseDatabaseWrapper]:
    """Open another database session."""
    other = connection.copy()
    yield other
    other.close()


# What one machine keeps of the events


def test_a_cached_part_is_completed_with_newer_events(leads: list[Lead], tmp_path: Path) -> None:
    add_events(*leads, at=NOW)
    assert cache_is_fresh(tmp_path)

    add_events(*leads[1:3], at=NOW - DAY)
    add_events(*leads[2:], at=NOW + DAY)

    assert cache_is_fresh(tmp_path)
    assert cache_is_fresh(tmp_path)


def test_only_newer_events_are_read(leads: list[Lead], tmp_path: Path) -> None:
    add_events(*leads)
    assert cache_is_fresh(tmp_path)
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE leads_event DISABLE TRIGGER USER; DELETE FROM leads_event")
        cursor.execute("ALTER TABLE leads_event ENABLE TRIGGER USER")

    add_events(leads[0], at=NOW + DAY)

    with bulk_reader() as reader:
        assert len(EventCache(reader, tmp_path).events(0)) == len(leads) + 1


def test_a_transaction_that_began_earlier_and_commits_later_is_not_missed(
    leads: list[Lead], other_session: BaseDatabaseWrapper, tmp_path: Path
) -> None:
    other_session.set_autocommit(False)
    with other_session.cursor() as cursor:
        cursor.execute(
            "INSERT INTO leads_event (lead_id, signal_id, occurred_at, recorded_at, source, digest, asset, properties)"
            " SELECT %s, min(id), %s, %s, 'late', '', '', '{}' FROM leads_signal",
            [leads[2].pk, NOW - 2 * DAY, NOW],
        )
    add_events(*leads)
    assert cache_is_fresh(tmp_path)

    other_session.commit()
    add_events(leads[0], at=NOW + DAY)

    assert cache_is_fresh(tmp_path)
    with bulk_reader() as reader:
        assert len(EventCache(reader, tmp_path).events(0)) == len(leads) + 2


def test_the_cache_is_correct_while_others_commit(leads: list[Lead], tmp_path: Path) -> None:
    stop = threading.Event()

    def write(seed: int) -> None:
        chance = random.Random(seed)
        while not stop.is_set():
            with transaction.atomic():
                for _ in range(chance.randint(1, 4)):
                    add_events(chance.choice(leads), at=NOW + chance.randint(-50, 50) * DAY)
                    # Sessions overtake each other between a transaction's first row and its commit.
                    stop.wait(chance.random() / 50)
        connection.close()

    writers = [threading.Thread(target=write, args=(seed,)) for seed in range(3)]
    for writer in writers:
        writer.start()
    try:
        agreed = [cache_is_fresh(tmp_path) for _ in range(25)]
    finally:
        stop.set()
        for writer in writers:
            writer.join()

    assert all(agreed)
    assert cache_is_fresh(tmp_path)


def test_a_file_of_a_newer_snapshot_is_neither_used_nor_overwritten(leads: list[Lead], tmp_path: Path) -> None:
    add_events(*leads)
    with bulk_reader() as older:
        add_events(*leads, at=NOW + DAY)
        assert cache_is_fresh(tmp_path)
        [cached_file] = tmp_path.rglob("*.npz")
        before = cached_file.read_bytes()

        assert cache_agrees(older, tmp_path)

        assert cached_file.read_bytes() == before


@pytest.mark.parametrize("left", [None, 0, 2, 700])
def test_a_lost_or_broken_file_is_written_again(leads: list[Lead], tmp_path: Path, left: int | None) -> None:
    add_events(*leads)
    assert cache_is_fresh(tmp_path)
    [cached_file] = tmp_path.rglob("*.npz")
    whole = cached_file.read_bytes()

    cached_file.unlink()
    if left is not None:
        cached_file.write_bytes(whole[:left])

    assert cache_is_fresh(tmp_path)
    assert len(cached_file.read_bytes()) > 700


def test_many_readers_may_write_one_file_at_once(leads: list[Lead], tmp_path: Path) -> None:
    add_events(*leads)
    agreed: list[bool] = []

    def work(seed: int) -> None:
        for turn in range(8):
            add_events(leads[seed], at=NOW + turn * DAY)
            agreed.append(cache_is_fresh(tmp_path))
        connection.close()

    workers = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()

    assert agreed == [True] * 32
    assert [path.name for path in tmp_path.rglob("*.npz")] == ["0.npz"]


def test_rows_restored_from_another_server_are_read_and_not_cached(leads: list[Lead], tmp_path: Path) -> None:
    add_events(*leads, transaction=10**15)
    add_events(*leads, at=NOW + DAY)

    assert cache_is_fresh(tmp_path)
    assert cache_is_fresh(tmp_path)

    assert not list(tmp_path.rglob("*.npz"))


def test_a_snapshot_reads_as_postgresql_writes_it() -> None:
    earlier, later = Snapshot.parse("10:20:12,15"), Snapshot.parse("15:21:15")

    assert [str(earlier), str(Snapshot.parse("7:7:"))] == ["10:20:12,15", "7:7:"]
    assert [earlier.sees(transaction) for transaction in (9, 12, 19, 20)] == [True, False, True, False]
    assert later.covers(earlier)
    assert not earlier.covers(later)
    assert earlier.covers(earlier)
    assert earlier.unseen_condition("x") == "x >= 10 AND (x >= 20 OR x = 12 OR x = 15)"


# Attributes, at any instant


def rules_asking_for(*fields: str) -> Rules:
    return Rules(gate=tuple(CriterionRule(f"gate.{field}", field, "known", True) for field in fields))


def read_values(lead: Lead, field: str, *instants: dt.datetime) -> list[object]:
    """Return the field's value at each instant, after checking that the live reader and the bulk reader agree."""
    rules = rules_asking_for(field)
    near = fact_reader.read_for_leads([lead.pk], rules)
    [everything] = fact_reader.read_all(rules, cached=False)
    values = [[_read_value(facts, lead, field, at) for at in instants] for facts in (near, everything)]
    assert values[0] == values[1]
    return values[0]


def _read_value(facts: Facts, lead: Lead, field: str, at: dt.datetime) -> object:
    mine = (facts.lead_ids[facts.row_lead] == lead.pk) & (facts.row_from <= microseconds(at))
    column = facts.validated().columns[field]
    return column.values[column.codes[np.flatnonzero(mine)[-1]]] if mine.any() else None


def add_statements(subject: Lead | Company, *statements: tuple[dt.datetime, dict[str, object]]) -> None:
    whose = {"lead": subject} if isinstance(subject, Lead) else {"company": subject}
    for at, values in statements:
        AttributeChange.objects.create(values=values, valid_from=at, recorded_at=NOW, source="test", **whose)
    subject.has_history = True
    subject.save()


def make_company(**changes: object) -> Company:
    return Company.objects.create(recorded_at=NOW, **changes)


@pytest.mark.usefixtures("transactional_db")
class TestAttributes:
    def test_without_history_they_are_the_columns_since_the_lead_was_known(self) -> None:
        lead = make_lead(title="CFO", company=make_company(industry="Software"))

        assert read_values(lead, "lead.title", NOW - 101 * DAY, NOW - 100 * DAY, NOW) == [None, "CFO", "CFO"]
        assert read_values(lead, "company.industry", NOW) == ["Software"]

    def test_a_lead_has_the_values_of_its_history(self) -> None:
        lead = make_lead(title="CFO")
        add_statements(
            lead,
            (BEGINNING, {"title": "Clerk", "country": "DE"}),
            (NOW - 9 * DAY, {"title": None}),
            (NOW - 5 * DAY, {"title": "CFO"}),
        )

        instants = (NOW - 10 * DAY, NOW - 9 * DAY, NOW - 5 * DAY)
        assert read_values(lead, "lead.title", *instants) == ["Clerk", None, "CFO"]
        assert read_values(lead, "lead.country", *instants) == ["DE", "DE", "DE"]

    def test_a_country_from_before_codes_is_read_from_its_name(self) -> None:
        lead = make_lead(country="FR")
        add_statements(
            lead,
            (BEGINNING, {"country": "Germany"}),
            (NOW - 9 * DAY, {"country": "Ruritania"}),
            (NOW - 5 * DAY, {"country": "FR"}),
        )

        instants = (NOW - 10 * DAY, NOW - 9 * DAY, NOW - 5 * DAY)
        assert read_values(lead, "lead.country", *instants) == ["DE", None, "FR"]

    def test_a_company_history_holds_for_each_of_its_leads(self) -> None:
        company = make_company(employees_low=500, employees_high=500)
        leads = [make_lead(email=f"{name}@acme.example", company=company) for name in "ab"]
        add_statements(
            company,
            (BEGINNING, {"employees_low": 11, "employees_high": 50}),
            (NOW - DAY, {"employees_low": 500, "employees_high": 500}),
        )

        for lead in leads:
            assert read_values(lead, "company.employees", NOW - 2 * DAY, NOW) == [Band(11.0, 50.0), 500.0]

    def test_company_attributes_change_when_the_lead_changes_company(self) -> None:
        old, new = make_company(industry="Retail"), make_company(industry="Software")
        lead = make_lead(company=new)
        add_statements(lead, (NOW - 50 * DAY, {"company": old.pk}), (NOW - DAY, {"company": new.pk}))

        assert read_values(lead, "company.industry", NOW - 60 * DAY, NOW - 2 * DAY, NOW) == [None, "Retail", "Software"]

    def test_a_revenue_is_known_in_its_own_currency_alone(self) -> None:
        company = make_company(annual_revenue=5_000_000, annual_revenue_currency="USD")
        lead = make_lead(company=company)
        add_statements(
            company,
            (BEGINNING, {"annual_revenue": 3_000_000}),
            (NOW, {"annual_revenue": 5_000_000, "annual_revenue_currency": "USD"}),
        )

        fields = ("company.annual_revenue", "company.annual_revenue.EUR", "company.annual_revenue.USD")
        values = [read_values(lead, field, NOW - DAY, NOW) for field in fields]
        assert values == [[3_000_000, None], [3_000_000, None], [None, 5_000_000]]

    def test_a_budget_is_a_range_in_its_own_currency(self) -> None:
        lead = make_lead(budget="€40k–60k a year")
        add_statements(
            lead,
            (BEGINNING, {"budget": "up to 20000 USD"}),
            (NOW - 2 * DAY, {"budget": "50k+"}),
            (NOW - DAY, {"budget": "to be confirmed"}),
            (NOW, {"budget": "€40k–60k a year"}),
        )

        instants = (NOW - 3 * DAY, NOW - 2 * DAY, NOW - DAY, NOW)
        assert read_values(lead, "lead.budget.EUR", *instants) == [None, Band(50_000, None), None, Band(40_000, 60_000)]
        assert read_values(lead, "lead.budget.USD", *instants) == [Band(0, 20_000), None, None, None]
        assert read_values(lead, "lead.budget", NOW - DAY) == ["to be confirmed"]

    def test_a_region_of_the_company_can_be_asked_for(self) -> None:
        lead = make_lead(company=make_company(region="Bavaria"))

        assert read_values(lead, "company.region", NOW) == ["Bavaria"]

    def test_company_attributes_are_unknown_before_the_company_was_known(self) -> None:
        lead = make_lead(title="CFO", company=make_company(industry="Software", known_at=NOW - DAY))

        assert read_values(lead, "company.industry", NOW - 2 * DAY, NOW) == [None, "Software"]
        assert read_values(lead, "lead.title", NOW - 2 * DAY, NOW) == ["CFO", "CFO"]

    def test_company_attributes_of_a_lead_without_company_are_unknown(self) -> None:
        lead = make_lead(company=None)
        make_company(industry="Software")

        assert read_values(lead, "company.industry", NOW) == [None]

    @pytest.mark.parametrize(
        ("low", "high", "band"),
        [(50, 50, 50.0), (51, 200, Band(51.0, 200.0)), (1000, None, Band(1000.0, None)), (None, None, None)],
    )
    def test_employees_are_numbers_or_bands(self, low: int | None, high: int | None, band: object) -> None:
        lead = make_lead(company=make_company(employees_low=low, employees_high=high))

        assert read_values(lead, "company.employees", NOW) == [band]

    def test_lists_become_tuples(self) -> None:
        some = make_lead(company=make_company(technologies=["Django", "C, C++"]))
        none = make_lead(email="bob@acme.example", company=make_company())

        assert read_values(some, "company.technologies", NOW) == [("Django", "C, C++")]
        assert read_values(none, "company.technologies", NOW) == [None]

    @pytest.mark.parametrize("value", ["pro", "it's 50 %", 3, 2.5, True, False])
    def test_custom_attributes_keep_their_type(self, value: object) -> None:
        lead = make_lead(custom={"plan": value}, company=make_company(custom={"it's": value}))

        assert [type(read_value) for read_value in read_values(lead, "lead.custom.plan", NOW)] == [type(value)]
        assert read_values(lead, "lead.custom.plan", NOW) == [value]
        assert read_values(lead, "company.custom.it's", NOW) == [value]

    def test_custom_lists_become_tuples_and_missing_values_none(self) -> None:
        lead = make_lead(custom={"tools": ["a", "b"], "empty": None})

        assert read_values(lead, "lead.custom.tools", NOW) == [("a", "b")]
        assert read_values(lead, "lead.custom.empty", NOW) == [None]
        assert read_values(lead, "lead.custom.absent", NOW) == [None]

    def test_custom_attributes_have_the_values_of_the_history(self) -> None:
        lead = make_lead(custom={"plan": "pro"})
        add_statements(lead, (BEGINNING, {"custom.plan": ["a"]}), (NOW - DAY, {"custom.plan": "pro"}))

        assert read_values(lead, "lead.custom.plan", NOW - 2 * DAY, NOW) == [("a",), "pro"]

    def test_subjects_with_and_without_history_do_not_mix(self) -> None:
        companies = [make_company(industry=f"industry {number}") for number in range(4)]
        leads = [make_lead(email=f"{n}@acme.example", title=f"title {n}", company=companies[n % 4]) for n in range(9)]
        add_statements(companies[1], (BEGINNING, {"industry": "before"}), (NOW - DAY, {"industry": "industry 1"}))
        add_statements(
            leads[4], (NOW - 90 * DAY, {"title": "once", "company": companies[1].pk}), (NOW - DAY, {"title": "title 4"})
        )

        assert _read_values_of(leads, "lead.title", NOW) == [f"title {n}" for n in range(9)]
        expected = [f"industry {n % 4}" for n in range(9)]
        expected[4] = "industry 1"
        assert _read_values_of(leads, "company.industry", NOW) == expected
        assert read_values(leads[4], "lead.title", NOW - 2 * DAY) == ["once"]
        assert read_values(leads[5], "company.industry", NOW - 2 * DAY) == ["before"]


def _read_values_of(leads: Iterable[Lead], field: str, at: dt.datetime) -> list[object]:
    return [read_values(lead, field, at)[0] for lead in leads]
