from __future__ import annotations

import datetime as dt
import random
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.db import connection, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from leads import shipped_signals
from leads.models import AttributeChange, Company, Lead, Signal
from leads.vocabulary import BEGINNING, Stage
from scoring.columns import attribute_cache, attribute_rows
from scoring.columns.attribute_fields import pack_values, unpack_values
from scoring.columns.bulk_reader import BulkReader, Scope, bulk_reader
from scoring.columns.column_cache import RANGE, ColumnCache
from scoring.engine.bands import Band

NOW = dt.datetime(2026, 3, 2, 9, 0, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)
FIELDS = ("lead.title", "lead.email_domain", "lead.custom.plan", "company.employees", "company.technologies")


@pytest.fixture
def leads(transactional_db: None) -> list[Lead]:
    shipped_signals.ship(signals=Signal.objects)
    companies = [Company.objects.create(recorded_at=NOW, industry=f"industry {n}") for n in range(3)]
    return [make_lead(n, company=companies[n % 3]) for n in range(6)]


def make_lead(number: int, **changes: object) -> Lead:
    fields = {"email": f"lead{number}@acme.example", "title": f"title {number}", "known_at": NOW - 100 * DAY}
    return Lead.objects.create(**fields | {"stage_at": NOW, "recorded_at": NOW} | changes)


@pytest.fixture
def other_session(leads: list[Lead]) -> Iterator[BaseDatabaseWrapper]:
    """Open another database session."""
    other = connection.copy()
    yield other
    other.close()


def row_values(rows: attribute_rows.AttributeRows, *fields: str) -> list[tuple[object, ...]]:
    """Return the values of the rows, whatever their codes."""
    columns = [[rows.columns[name].values[code] for code in rows.columns[name].codes.tolist()] for name in fields]
    return [(rows.lead_ids.tolist(), ()), *zip(rows.lead.tolist(), rows.start.tolist(), *columns, strict=True)]


def cache_agrees(
    reader: BulkReader, folder: Path, *, in_memory: bool = False, fields: tuple[str, ...] = FIELDS
) -> bool:
    """Say whether cache and tables hold the same rows in one snapshot."""
    cached_rows = attribute_cache.read_rows(ColumnCache(reader, folder, in_memory=in_memory), 0, fields)
    return row_values(cached_rows, *fields) == row_values(
        attribute_rows.read_rows(reader, Scope(0, RANGE), fields), *fields
    )


def cache_is_fresh(folder: Path, **how: object) -> bool:
    with bulk_reader() as reader:
        return cache_agrees(reader, folder, **how)


def sql(statement: str, *values: object) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)


def stamp(lead: Lead) -> int:
    return Lead.objects.values_list("transaction", flat=True).get(pk=lead.pk)


# Every way to change an attribute shows


def _state(lead: Lead, at: dt.datetime, **values: object) -> None:
    AttributeChange.objects.create(lead=lead, values=values, valid_from=at, recorded_at=NOW, source="test")


def _late_statement(lead: Lead) -> None:
    """Add a statement about the past, which leaves the present columns as they are."""
    _state(lead, BEGINNING, title="Clerk")
    _state(lead, NOW, title=lead.title)
    sql("UPDATE leads_lead SET has_history = true WHERE id = %s", lead.pk)
    with bulk_reader() as reader:
        attribute_cache.read_rows(ColumnCache(reader), 0, FIELDS)
    _state(lead, NOW - DAY, title="Assistant")


def _delete(lead: Lead) -> None:
    sql("DELETE FROM leads_leadkey WHERE lead_id = %s", lead.pk)
    sql("DELETE FROM leads_lead WHERE id = %s", lead.pk)


def _change_id(lead: Lead) -> None:
    sql("DELETE FROM leads_leadkey WHERE lead_id = %s", lead.pk)
    sql("UPDATE leads_lead SET id = 9999 WHERE id = %s", lead.pk)


def _gone_and_back(lead: Lead) -> None:
    _delete(lead)
    sql(
        "INSERT INTO leads_lead (id, email, title, transaction, first_name, last_name, phone, country, region, custom,"
        " external_system, not_understood,"
        " known_at, has_history, recorded_at, seniority, source, do_not_contact, budget, timeline, use_case, time_zone,"
        " stage, stage_at, look_failures, look_error) SELECT %s, 'back@acme.example', 'Back', 3, '', '', '', '', '', '{}',"
        " '', '{}', now(), false, now(), '', '', false, '', '', '', '', 'lead', now(), 0, ''",
        lead.pk,
    )


CHANGES: dict[str, Callable[[Lead], object]] = {
    "the ORM": lambda lead: Lead.objects.filter(pk=lead.pk).update(title="CFO"),
    "an instance": lambda lead: (setattr(lead, "title", "CFO"), lead.save()),
    "plain SQL": lambda lead: sql('UPDATE leads_lead SET custom = \'{"plan": ["a"]}\' WHERE id = %s', lead.pk),
    "SQL that claims an old transaction": lambda lead: sql(
        "UPDATE leads_lead SET title = 'CFO', transaction = 3 WHERE id = %s", lead.pk
    ),
    "another address": lambda lead: sql("UPDATE leads_lead SET email = 'a@other.example' WHERE id = %s", lead.pk),
    "no company": lambda lead: sql("UPDATE leads_lead SET company_id = NULL WHERE id = %s", lead.pk),
    "its company": lambda lead: sql("UPDATE leads_company SET employees_low = 7 WHERE id = %s", lead.company_id),
    "a list of its company": lambda lead: Company.objects.filter(pk=lead.company_id).update(technologies=["C, C++"]),
    "a new company": lambda lead: Lead.objects.filter(pk=lead.pk).update(
        company=Company.objects.create(recorded_at=NOW, employees_low=3, employees_high=9)
    ),
    "a new lead": lambda lead: make_lead(77, title="New", company_id=lead.company_id),
    "a statement about the past": _late_statement,
    "being deleted": _delete,
    "being deleted and put back": _gone_and_back,
    "another id": _change_id,
}


@pytest.mark.parametrize("how", CHANGES)
def test_the_cache_notices_a_change_made_by(leads: list[Lead], tmp_path: Path, how: str) -> None:
    files, memory = tmp_path / "files", tmp_path / "memory"
    assert cache_is_fresh(files)
    assert cache_is_fresh(memory, in_memory=True)

    CHANGES[how](leads[3])

    for _ in range(2):
        assert cache_is_fresh(files)
        assert cache_is_fresh(memory, in_memory=True)


def test_a_new_field_is_read_together_with_the_cached_ones(leads: list[Lead], tmp_path: Path) -> None:
    assert cache_is_fresh(tmp_path, fields=("lead.title",))

    assert cache_is_fresh(tmp_path, fields=("lead.custom.plan", "company.industry"))

    with bulk_reader() as reader:
        rows = attribute_cache.read_rows(ColumnCache(reader, tmp_path), 0, ["lead.title"])
    assert set(rows.columns) == {"lead.title", "lead.custom.plan", "company.industry"}


def test_changes_of_next_look_and_stage_do_not_stamp_a_lead(leads: list[Lead]) -> None:
    before = stamp(leads[0])

    Lead.objects.filter(pk=leads[0].pk).update(next_look_at=NOW, stage=Stage.MAL, stage_at=NOW, look_failures=2)
    Lead.objects.get(pk=leads[0].pk).save()

    assert stamp(leads[0]) == before


def test_saving_a_stale_instance_does_not_set_a_stamp_back(leads: list[Lead]) -> None:
    stale = Lead.objects.get(pk=leads[0].pk)
    for title in ("CFO", stale.title):
        Lead.objects.filter(pk=stale.pk).update(title=title)
    changed = stamp(stale)

    stale.save()

    assert stamp(stale) > changed


def test_changing_any_attribute_that_rules_read_stamps_the_row(leads: list[Lead], tmp_path: Path) -> None:
    """A field that the trigger forgot would stay in the cache for ever."""
    other = {"bool": "true", "int4": "7", "numeric": "7", "jsonb": '{"plan": 7}', "_varchar": "{new}"}
    dated = {"timestamptz": "2020-01-01"}
    ours = {"id", "transaction", "external_id", "name", "domain", "recorded_at", "first_name", "last_name", "phone"}
    ours |= {"external_system", "phone_key", "not_understood", "merged_into_id"}
    never = ours | {
        "time_zone",
        "stage",
        "stage_at",
        "stage_motion",
        "next_look_at",
        "look_failures",
        "look_error",
        "company_id",
        "read_as",
    }
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT table_name, column_name, udt_name FROM information_schema.columns"
            " WHERE table_name IN ('leads_lead', 'leads_company') AND NOT column_name = ANY (%s)",
            [list(never)],
        )
        columns = cursor.fetchall()

    for table, column, kind in columns:
        stamps = f"SELECT transaction FROM {table} ORDER BY id LIMIT 1"  # noqa: S608  # the table is a constant of the test
        with connection.cursor() as cursor:
            before = cursor.execute(stamps).fetchone()
            value = (other | dated).get(kind, "new")
            cursor.execute(
                f"UPDATE {table} SET {column} = %s::text::{kind} WHERE id = (SELECT min(id) FROM {table})",  # noqa: S608  # the table is a constant of the test
                [value],
            )
            assert cursor.execute(stamps).fetchone() > before, column


def test_only_changed_subjects_are_read_again(leads: list[Lead], tmp_path: Path) -> None:
    assert cache_is_fresh(tmp_path)
    sql("ALTER TABLE leads_lead DISABLE TRIGGER USER")
    Lead.objects.update(title="Behind our back")
    sql("ALTER TABLE leads_lead ENABLE TRIGGER USER")

    Lead.objects.filter(pk=leads[1].pk).update(title="CFO")

    with bulk_reader() as reader:
        rows = attribute_cache.read_rows(ColumnCache(reader, tmp_path), 0, ["lead.title"])
    titles = [title for _, _, title in row_values(rows, "lead.title")[1:]]
    assert titles == ["title 0", "CFO", "title 2", "title 3", "title 4", "title 5"]


def test_a_transaction_that_began_earlier_and_commits_later_is_not_missed(
    leads: list[Lead], other_session: BaseDatabaseWrapper, tmp_path: Path
) -> None:
    other_session.set_autocommit(False)
    with other_session.cursor() as cursor:
        cursor.execute("UPDATE leads_lead SET title = 'Late' WHERE id = %s", [leads[2].pk])
    Lead.objects.filter(pk=leads[4].pk).update(title="Early")
    assert cache_is_fresh(tmp_path)

    other_session.commit()

    assert cache_is_fresh(tmp_path)


def test_a_part_of_a_newer_snapshot_is_not_used(leads: list[Lead], tmp_path: Path) -> None:
    assert cache_is_fresh(tmp_path, in_memory=True)
    with bulk_reader() as older:
        Lead.objects.filter(pk=leads[0].pk).update(title="Newer")
        assert cache_is_fresh(tmp_path, in_memory=True)

        assert cache_agrees(older, tmp_path, in_memory=True)
        assert cache_agrees(older, tmp_path)


@pytest.mark.parametrize("in_memory", [False, True])
def test_the_cache_is_correct_while_others_commit(leads: list[Lead], tmp_path: Path, in_memory: bool) -> None:
    stop = threading.Event()

    def write(seed: int) -> None:
        chance = random.Random(seed)
        while not stop.is_set():
            with transaction.atomic():
                for _ in range(chance.randint(1, 3)):
                    _change_something(chance, leads[seed::3])
                    # Sessions overtake each other between a transaction's first row and its commit.
                    stop.wait(chance.random() / 50)
        connection.close()

    writers = [threading.Thread(target=write, args=(seed,)) for seed in range(3)]
    for writer in writers:
        writer.start()
    try:
        agreed = [cache_is_fresh(tmp_path, in_memory=in_memory) for _ in range(25)]
    finally:
        stop.set()
        for writer in writers:
            writer.join()

    assert all(agreed)
    assert cache_is_fresh(tmp_path, in_memory=in_memory)


def _change_something(chance: random.Random, mine: list[Lead]) -> None:
    """Change one of the writer's own leads or its company, so that no writer waits for another."""
    lead, text = chance.choice(mine), f"text {chance.randint(0, 9)}"
    match chance.randint(0, 4):
        case 0:
            sql("UPDATE leads_lead SET title = %s WHERE id = %s", text, lead.pk)
        case 1:
            sql("UPDATE leads_company SET technologies = ARRAY[%s] WHERE id = %s", text, lead.company_id)
        case 2:
            _state(lead, NOW - chance.randint(0, 90) * DAY, title=text)
            sql("UPDATE leads_lead SET has_history = true WHERE id = %s", lead.pk)
        case 3:
            make_lead(chance.randint(1000, 10**9), company_id=lead.company_id, title="")
        case _:
            gone = "FROM leads_lead WHERE title = '' AND company_id = %s"
            sql(f"DELETE FROM leads_leadkey WHERE lead_id IN (SELECT id {gone})", lead.company_id)  # noqa: S608  # a constant
            sql(f"DELETE {gone}", lead.company_id)  # a constant


def test_packed_values_unpack_unchanged() -> None:
    values = {"a": (None, "x", True, 1, 1.5, ("p", "q"), (), Band(1, None), Band(None, 9.5), "None", "[]")}

    back = unpack_values(pack_values(values))

    assert back == values
    assert [type(value) for value in back["a"]] == [type(value) for value in values["a"]]
