from __future__ import annotations

import datetime as dt
import random
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import DatabaseError, connection, transaction

from leads import shipped_signals
from leads.intake import events, lead_upserts
from leads.intake.item_results import ItemResult
from leads.models import Event, Lead, Signal
from tests.leads.facts import DAY, NOW, event

pytestmark = pytest.mark.django_db


def record(*items: object, source: str = "site") -> list[ItemResult]:
    return events.record(items=items, source=source, now=NOW)


def test_an_event_of_an_unknown_address_adds_a_lead_to_rescore() -> None:
    (result,) = record(event(email=" Ada@Acme.Example "))

    lead = Lead.objects.get()
    assert (result.status, result.id) == ("accepted", Event.objects.get().pk)
    assert (lead.email, lead.known_at, lead.next_look_at) == ("ada@acme.example", NOW - DAY, NOW)


def test_the_same_event_again_is_a_duplicate_with_the_first_id() -> None:
    (first,) = record(event())

    (second,) = record(event())

    assert (second.status, second.id) == ("duplicate", first.id)
    assert Event.objects.count() == 1


def test_the_same_id_with_another_body_is_a_conflict_and_adds_no_lead() -> None:
    record(event())

    (result,) = record(event(email="eve@acme.example"))

    assert (result.status, result.field) == ("rejected", "id")
    assert "conflict" in result.reason
    assert Lead.objects.count() == 1


def test_the_same_id_from_another_source_is_another_event() -> None:
    record(event())

    (result,) = record(event(), source="crm")

    assert result.status == "accepted"


def test_repeats_within_a_batch_get_results_of_their_own() -> None:
    results = record(event(), event(), event(signal="blog_read"), event(id="e-2"))

    assert [result.status for result in results] == ["accepted", "duplicate", "rejected", "accepted"]
    assert results[0].id == results[1].id


def test_events_without_an_id_are_always_new() -> None:
    results = record(event(id=None), event(id="e-9"), event(id=None, signal="blog_read"))

    stored = {row.pk: row.signal.code for row in Event.objects.select_related("signal")}
    assert [stored[result.id or 0] for result in results] == ["pricing_view", "pricing_view", "blog_read"]


@pytest.mark.parametrize(
    ("changes", "field", "reason"),
    [
        ({"signal": "dance"}, "signal", "'dance' is not a signal"),
        ({"signal": 5}, "signal", "is required"),
        ({"occurred_at": "2026-03-01T10:00:00"}, "occurred_at", "zone"),
        ({"occurred_at": "2026-03-01"}, "occurred_at", "zone"),
        ({"occurred_at": "yesterday"}, "occurred_at", "not a date"),
        ({"occurred_at": "1969-12-31T23:59:59Z"}, "occurred_at", "before 1970"),
        ({"occurred_at": "0001-01-01T00:00:00+14:00"}, "occurred_at", "outside the calendar"),
        ({"occurred_at": "2026-03-02T09:05:01Z"}, "occurred_at", "in the future: 2026-03-02T09:05:01Z"),
        ({"occurred_at": None}, "occurred_at", "is required"),
        ({"email": "not an address"}, "email", "not an e-mail"),
        ({"email": None}, "email", "is required"),
        ({"lead": 5}, "lead", "both given"),
        ({"email": None, "lead": True}, "lead", "text or a whole number"),
        ({"email": None, "lead": 2**70}, "lead", "not the id of a lead"),
        ({"email": None, "lead": 10**9}, "lead", "is not the id of a lead"),
        ({"id": True}, "id", "text or a whole number"),
        ({"id": "x" * 201}, "id", "at most 200"),
        ({"id": "\x00"}, "id", "cannot be stored"),
        ({"properties": []}, "properties", "must be an object"),
        ({"properties": {"asset": 5}}, "properties.asset", "must be a text"),
        ({"properties": {"asset": "x" * 201}}, "properties.asset", "at most 200"),
        ({"properties": {"n": float("inf")}}, "properties", "numbers that can be stored"),
        ({"properties": {"n": "\ud800"}}, "properties", "cannot be stored"),
        ({"properties": {"n": "\x00"}}, "properties", "cannot be stored"),
        ({"properties": {"n": "x" * 20_000}}, "properties", "16,384"),
        ({"points": 100}, "points", "is not a key of an event"),
    ],
)
def test_a_bad_event_is_refused_by_field_and_rule_and_the_rest_is_stored(
    changes: dict[str, object], field: str, reason: str
) -> None:
    bad, good = record(event(**changes) if "email" not in changes else event() | changes, event(id="e-2"))

    assert (bad.status, bad.field) == ("rejected", field)
    assert reason in bad.reason
    assert good.status == "accepted"


def test_an_event_up_to_five_minutes_in_the_future_is_accepted() -> None:
    (result,) = record(event(occurred_at="2026-03-02T09:05:00Z"))

    assert result.status == "accepted"
    assert Lead.objects.get().known_at == NOW


def test_texts_in_any_script_and_numbers_beyond_64_bits_are_stored() -> None:
    properties = {"name": "مرحبا 👩‍🚀", "n": 2**80, "asset": "E-Book"}

    record(event(properties=properties))

    stored = Event.objects.get()
    assert (stored.properties, stored.asset) == (properties, "E-Book")


def test_an_open_by_a_machine_is_stored_but_is_no_engagement() -> None:
    record(event(signal="email_open", properties={"sg_machine_open": True}))

    assert Event.objects.get().signal == Signal.objects.get(code="machine_open", is_engagement=False)


def test_a_lead_is_found_by_external_id_and_by_accords_id() -> None:
    record(event(email=None, lead="crm-7"))
    lead = Lead.objects.get(external_id="crm-7")

    record(event(email=None, lead=lead.pk, id="e-2"))

    assert lead.events.count() == 2


def test_an_earlier_event_shows_that_the_address_was_known_earlier() -> None:
    record(event())

    record(event(id="e-0", occurred_at=(NOW - 9 * DAY).isoformat()))

    assert Lead.objects.get().known_at == NOW - 9 * DAY


def test_plain_sql_cannot_change_or_delete_events() -> None:
    record(event())

    for statement in ("UPDATE leads_event SET asset = 'x'", "DELETE FROM leads_event"):
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)
    with pytest.raises(DatabaseError), transaction.atomic():
        Event.objects.all().delete()


def test_a_batch_takes_as_many_queries_as_one_event(django_assert_max_num_queries: object) -> None:
    lead_upserts.upsert_lead(email="ada@acme.example", source="crm", now=NOW, since=NOW - 9 * DAY)

    with django_assert_max_num_queries(10):
        record(*(event(id=f"e-{number}") for number in range(500)))


@pytest.mark.django_db(transaction=True)
def test_ten_shuffled_deliveries_by_eight_clients_store_each_event_once() -> None:
    shipped_signals.ship(signals=Signal.objects)
    facts = [
        event(id=f"e-{n}", email=f"p{n % 20}@acme.example", occurred_at=(NOW - n * dt.timedelta(hours=1)).isoformat())
        for n in range(100)
    ]

    def deliver(seed: int) -> Counter[str]:
        shuffled = random.Random(seed).sample(facts, len(facts))
        try:
            return Counter(
                result.status for start in range(0, 100, 25) for result in record(*shuffled[start : start + 25])
            )
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        answers = sum(pool.map(deliver, range(10)), Counter())

    assert answers == {"accepted": 100, "duplicate": 900}
    assert (Event.objects.count(), Lead.objects.count()) == (100, 20)
    assert Lead.objects.filter(next_look_at=NOW).count() == 20
    firsts = {
        email: min(NOW - n * dt.timedelta(hours=1) for n in range(100) if n % 20 == int(email[1:].split("@")[0]))
        for email in Lead.objects.values_list("email", flat=True)
    }
    assert dict(Lead.objects.values_list("email", "known_at")) == firsts


def _record_in_thread(items: list[object]) -> list[events.EventResult]:
    try:
        return record(*items)
    finally:
        connection.close()


def _wait_for_a_blocked_statement() -> None:
    until = time.monotonic() + 60
    with connection.cursor() as cursor:
        while time.monotonic() < until:
            cursor.execute("SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)")
            if cursor.fetchone()[0]:
                return
            time.sleep(0.01)
    pytest.fail("No statement waits for a lock.")


@pytest.mark.django_db(transaction=True)
def test_events_that_wait_for_a_known_lead_keep_no_new_address_from_an_import() -> None:
    shipped_signals.ship(signals=Signal.objects)
    known, _ = lead_upserts.upsert_lead(email="ada@acme.example", source="crm", now=NOW)
    items: list[object] = [event(), event(email="new@acme.example", id="e-2")]
    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            Lead.objects.select_for_update(no_key=True).get(pk=known.pk)
            sending = pool.submit(_record_in_thread, items)
            _wait_for_a_blocked_statement()
            with connection.cursor() as cursor:
                cursor.execute("SET LOCAL lock_timeout = '2s'")
            lead_upserts.upsert_lead(email="new@acme.example", source="crm", now=NOW)

        assert [result.status for result in sending.result(timeout=60)] == ["accepted", "accepted"]
    assert Lead.objects.get(email="new@acme.example").events.count() == 1
