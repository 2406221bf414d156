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


def happen(*leads: Lead, at: dt.datetime = NOW, **changes: object) -> None:
    signal = Signal.objects.get(code="pricing_view")
    Event.objects.bulk_create(
        Event(lead=lead, signal=signal, occurred_at=at, recorded_at=NOW, source="test", digest=b"", **changes)
        for lead in leads
    )


def same(one: EventColumns, other: EventColumns) -> bool:
    pairs = ((one.lead, other.lead), (one.at, other.at), (one.signal, other.signal), (one.asset, other.asset))
    return all(np.array_equal(mine, yours) for mine, yours in pairs)


def cached_is_fresh(folder: Path) -> bool:
    with bulk_reader() as reader:
        return agrees(reader, folder)


def agrees(reader: BulkReader, folder: Path) -> bool:
    """What is kept and what stands in the table, both in one snapshot."""
    return same(EventCache(reader, folder).events(0), read_events(reader, _WITHIN))


@pytest.fixture
def elsewhere(leads: list[Lead]) -> Iterator[BaseDatabaseWrapper]:
    """Another session."""
    other = connection.copy()
    yield other
    other.close()


# What one machine keeps of the events


def test_what_was_kept_is_completed_by_what_came_since(leads: list[Lead], tmp_path: Path) -> None:
    happen(*leads, at=NOW)
    assert cached_is_fresh(tmp_path)

    happen(*leads[1:3], at=NOW - DAY)
    happen(*leads[2:], at=NOW + DAY)

    assert cached_is_fresh(tmp_path)
    assert cached_is_fresh(tmp_path)


def test_only_what_came_since_is_read(leads: list[Lead], tmp_path: Path) -> None:
    happen(*leads)
    assert cached_is_fresh(tmp_path)
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE leads_event DISABLE TRIGGER USER; DELETE FROM leads_event")
        cursor.execute("ALTER TABLE leads_event ENABLE TRIGGER USER")

    happen(leads[0], at=NOW + DAY)

    with bulk_reader() as reader:
        assert len(EventCache(reader, tmp_path).events(0)) == len(leads) + 1


def test_a_transaction_that_began_earlier_and_commits_later_is_not_missed(
    leads: list[Lead], elsewhere: BaseDatabaseWrapper, tmp_path: Path
) -> None:
    elsewhere.set_autocommit(False)
    with elsewhere.cursor() as cursor:
        cursor.execute(
            "INSERT INTO leads_event (lead_id, signal_id, occurred_at, recorded_at, source, digest, asset, properties)"
            " SELECT %s, min(id), %s, %s, 'late', '', '', '{}' FROM leads_signal",
            [leads[2].pk, NOW - 2 * DAY, NOW],
        )
    happen(*leads)
    assert cached_is_fresh(tmp_path)

    elsewhere.commit()
    happen(leads[0], at=NOW + DAY)

    assert cached_is_fresh(tmp_path)
    with bulk_reader() as reader:
        assert len(EventCache(reader, tmp_path).events(0)) == len(leads) + 2


def test_cached_is_fresh_whoever_commits_meanwhile(leads: list[Lead], tmp_path: Path) -> None:
    stop = threading.Event()

    def write(seed: int) -> None:
        chance = random.Random(seed)
        while not stop.is_set():
            with transaction.atomic():
                for _ in range(chance.randint(1, 4)):
                    happen(chance.choice(leads), at=NOW + chance.randint(-50, 50) * DAY)
                    # Sessions overtake each other between a transaction's first row and its commit.
                    stop.wait(chance.random() / 50)
        connection.close()

    writers = [threading.Thread(target=write, args=(seed,)) for seed in range(3)]
    for writer in writers:
        writer.start()
    try:
        agreed = [cached_is_fresh(tmp_path) for _ in range(25)]
    finally:
        stop.set()
        for writer in writers:
            writer.join()

    assert all(agreed)
    assert cached_is_fresh(tmp_path)


def test_a_file_of_a_newer_snapshot_is_neither_believed_nor_overwritten(leads: list[Lead], tmp_path: Path) -> None:
    happen(*leads)
    with bulk_reader() as older:
        happen(*leads, at=NOW + DAY)
        assert cached_is_fresh(tmp_path)
        [cached_file] = tmp_path.rglob("*.npz")
        before = cached_file.read_bytes()

        assert agrees(older, tmp_path)

        assert cached_file.read_bytes() == before


@pytest.mark.parametrize("left", [None, 0, 2, 700])
def test_a_lost_or_broken_file_is_made_again(leads: list[Lead], tmp_path: Path, left: int | None) -> None:
    happen(*leads)
    assert cached_is_fresh(tmp_path)
    [cached_file] = tmp_path.rglob("*.npz")
    whole = cached_file.read_bytes()

    cached_file.unlink()
    if left is not None:
        cached_file.write_bytes(whole[:left])

    assert cached_is_fresh(tmp_path)
    assert len(cached_file.read_bytes()) > 700


def test_many_may_write_one_file_at_once(leads: list[Lead], tmp_path: Path) -> None:
    happen(*leads)
    agreed: list[bool] = []

    def work(seed: int) -> None:
        for turn in range(8):
            happen(leads[seed], at=NOW + turn * DAY)
            agreed.append(cached_is_fresh(tmp_path))
        connection.close()

    workers = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()

    assert agreed == [True] * 32
    assert [path.name for path in tmp_path.rglob("*.npz")] == ["0.npz"]


def test_rows_restored_from_another_server_are_read_and_not_kept(leads: list[Lead], tmp_path: Path) -> None:
    happen(*leads, transaction=10**15)
    happen(*leads, at=NOW + DAY)

    assert cached_is_fresh(tmp_path)
    assert cached_is_fresh(tmp_path)

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


def asking(*fields: str) -> Rules:
    return Rules(gate=tuple(CriterionRule(f"gate.{field}", field, "known", True) for field in fields))


def held(lead: Lead, field: str, *instants: dt.datetime) -> list[object]:
    """What the field was at each instant; the live path and the bulk path must agree on it."""
    rules = asking(field)
    near = fact_reader.read_for_leads([lead.pk], rules)
    [everything] = fact_reader.read_all(rules, cached=False)
    values = [[_held(facts, lead, field, at) for at in instants] for facts in (near, everything)]
    assert values[0] == values[1]
    return values[0]


def _held(facts: Facts, lead: Lead, field: str, at: dt.datetime) -> object:
    mine = (facts.lead_ids[facts.row_lead] == lead.pk) & (facts.row_from <= microseconds(at))
    column = facts.validated().columns[field]
    return column.values[column.codes[np.flatnonzero(mine)[-1]]] if mine.any() else None


def say(subject: Lead | Company, *statements: tuple[dt.datetime, dict[str, object]]) -> None:
    whose = {"lead": subject} if isinstance(subject, Lead) else {"company": subject}
    for at, values in statements:
        AttributeChange.objects.create(values=values, valid_from=at, recorded_at=NOW, source="test", **whose)
    subject.has_history = True
    subject.save()


def make_company(**changes: object) -> Company:
    return Company.objects.create(recorded_at=NOW, **changes)


@pytest.mark.usefixtures("transactional_db")
class TestAttributes:
    def test_without_history_are_the_columns_from_the_day_the_lead_was_known(self) -> None:
        lead = make_lead(title="CFO", company=make_company(industry="Software"))

        assert held(lead, "lead.title", NOW - 101 * DAY, NOW - 100 * DAY, NOW) == [None, "CFO", "CFO"]
        assert held(lead, "company.industry", NOW) == ["Software"]

    def test_of_a_lead_follow_its_ledger(self) -> None:
        lead = make_lead(title="CFO")
        say(
            lead,
            (BEGINNING, {"title": "Clerk", "country": "DE"}),
            (NOW - 9 * DAY, {"title": None}),
            (NOW - 5 * DAY, {"title": "CFO"}),
        )

        instants = (NOW - 10 * DAY, NOW - 9 * DAY, NOW - 5 * DAY)
        assert held(lead, "lead.title", *instants) == ["Clerk", None, "CFO"]
        assert held(lead, "lead.country", *instants) == ["DE", "DE", "DE"]

    def test_of_a_company_follow_its_ledger_for_each_of_its_leads(self) -> None:
        company = make_company(employees_low=500, employees_high=500)
        leads = [make_lead(email=f"{name}@acme.example", company=company) for name in "ab"]
        say(
            company,
            (BEGINNING, {"employees_low": 11, "employees_high": 50}),
            (NOW - DAY, {"employees_low": 500, "employees_high": 500}),
        )

        for lead in leads:
            assert held(lead, "company.employees", NOW - 2 * DAY, NOW) == [Band(11.0, 50.0), 500.0]

    def test_of_the_company_change_with_the_company(self) -> None:
        old, new = make_company(industry="Retail"), make_company(industry="Software")
        lead = make_lead(company=new)
        say(lead, (NOW - 50 * DAY, {"company": old.pk}), (NOW - DAY, {"company": new.pk}))

        assert held(lead, "company.industry", NOW - 60 * DAY, NOW - 2 * DAY, NOW) == [None, "Retail", "Software"]

    def test_of_a_company_known_later_than_the_lead_were_unknown_before(self) -> None:
        lead = make_lead(title="CFO", company=make_company(industry="Software", known_at=NOW - DAY))

        assert held(lead, "company.industry", NOW - 2 * DAY, NOW) == [None, "Software"]
        assert held(lead, "lead.title", NOW - 2 * DAY, NOW) == ["CFO", "CFO"]

    def test_of_no_company_are_unknown(self) -> None:
        lead = make_lead(company=None)
        make_company(industry="Software")

        assert held(lead, "company.industry", NOW) == [None]

    @pytest.mark.parametrize(
        ("low", "high", "band"),
        [(50, 50, 50.0), (51, 200, Band(51.0, 200.0)), (1000, None, Band(1000.0, None)), (None, None, None)],
    )
    def test_of_size_are_bands(self, low: int | None, high: int | None, band: object) -> None:
        lead = make_lead(company=make_company(employees_low=low, employees_high=high))

        assert held(lead, "company.employees", NOW) == [band]

    def test_that_are_lists_are_tuples(self) -> None:
        some = make_lead(company=make_company(technologies=["Django", "C, C++"]))
        none = make_lead(email="bob@acme.example", company=make_company())

        assert held(some, "company.technologies", NOW) == [("Django", "C, C++")]
        assert held(none, "company.technologies", NOW) == [None]

    @pytest.mark.parametrize("value", ["pro", "it's 50 %", 3, 2.5, True, False])
    def test_of_the_customers_own_keep_their_type(self, value: object) -> None:
        lead = make_lead(custom={"plan": value}, company=make_company(custom={"it's": value}))

        assert [type(read_value) for read_value in held(lead, "lead.custom.plan", NOW)] == [type(value)]
        assert held(lead, "lead.custom.plan", NOW) == [value]
        assert held(lead, "company.custom.it's", NOW) == [value]

    def test_of_the_customers_own_that_are_lists_or_missing(self) -> None:
        lead = make_lead(custom={"tools": ["a", "b"], "empty": None})

        assert held(lead, "lead.custom.tools", NOW) == [("a", "b")]
        assert held(lead, "lead.custom.empty", NOW) == [None]
        assert held(lead, "lead.custom.absent", NOW) == [None]

    def test_of_the_customers_own_follow_the_ledger(self) -> None:
        lead = make_lead(custom={"plan": "pro"})
        say(lead, (BEGINNING, {"custom.plan": ["a"]}), (NOW - DAY, {"custom.plan": "pro"}))

        assert held(lead, "lead.custom.plan", NOW - 2 * DAY, NOW) == [("a",), "pro"]

    def test_of_leads_and_companies_with_and_without_history_do_not_mix(self) -> None:
        companies = [make_company(industry=f"industry {number}") for number in range(4)]
        leads = [make_lead(email=f"{n}@acme.example", title=f"title {n}", company=companies[n % 4]) for n in range(9)]
        say(companies[1], (BEGINNING, {"industry": "before"}), (NOW - DAY, {"industry": "industry 1"}))
        say(
            leads[4], (NOW - 90 * DAY, {"title": "once", "company": companies[1].pk}), (NOW - DAY, {"title": "title 4"})
        )

        assert _all_held(leads, "lead.title", NOW) == [f"title {n}" for n in range(9)]
        expected = [f"industry {n % 4}" for n in range(9)]
        expected[4] = "industry 1"
        assert _all_held(leads, "company.industry", NOW) == expected
        assert held(leads[4], "lead.title", NOW - 2 * DAY) == ["once"]
        assert held(leads[5], "company.industry", NOW - 2 * DAY) == ["before"]


def _all_held(leads: Iterable[Lead], field: str, at: dt.datetime) -> list[object]:
    return [held(lead, field, at)[0] for lead in leads]
