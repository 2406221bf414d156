from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection, transaction

from config.jobs import sweeps
from config.jobs.models import SetAsideRow
from leads.intake import lead_upserts
from leads.models import Lead
from leads.rescoring import rescore_queue
from tests.leads.facts import DAY, NOW

MINUTE = timedelta(minutes=1)

pytestmark = pytest.mark.django_db


def leads(count: int) -> list[int]:
    ids = [lead_upserts.upsert_lead(email=f"p{n}@acme.example", source="crm", now=NOW)[0].pk for n in range(count)]
    Lead.objects.update(next_look_at=None)
    return ids


def test_a_request_moves_the_rescore_forward_and_never_back() -> None:
    (lead,) = leads(1)

    looked = []
    for at in (NOW, NOW + DAY, NOW - DAY):
        rescore_queue.request(lead_ids=[lead], at=at)
        looked.append(Lead.objects.get().next_look_at)

    assert looked == [NOW, NOW, NOW - DAY]


def test_only_due_leads_are_claimed() -> None:
    late, later, early = leads(3)
    for lead, at in ((late, NOW), (later, NOW + DAY), (early, NOW - DAY)):
        rescore_queue.request(lead_ids=[lead], at=at)

    assert sorted(rescore_queue.claim(now=NOW, limit=10)) == sorted([early, late])
    assert rescore_queue.claim(now=NOW, limit=1) == [early]


def test_of_many_due_leads_the_latest_and_the_longest_waiting_are_claimed() -> None:
    ids = leads(10)
    for minutes, lead in enumerate(ids):
        rescore_queue.request(lead_ids=[lead], at=NOW - DAY + minutes * MINUTE)

    assert set(rescore_queue.claim(now=NOW, limit=4)) == {ids[0], ids[1], ids[8], ids[9]}


def test_a_new_fact_takes_a_lead_that_waits_behind_others_to_the_front() -> None:
    waiting, due_now, planned = leads(3)
    Lead.objects.filter(pk=waiting).update(next_look_at=NOW - MINUTE)
    Lead.objects.filter(pk=due_now).update(next_look_at=NOW - timedelta(seconds=1))

    with rescore_queue.slow_down(rescore_queue.RescorePace(NOW)):
        rescore_queue.request(lead_ids=[waiting], at=NOW, goes_first=True)
    assert Lead.objects.get(pk=waiting).next_look_at == NOW - MINUTE
    rescore_queue.request(lead_ids=[waiting, due_now, planned], at=NOW, goes_first=True)

    looks = dict(Lead.objects.values_list("pk", "next_look_at"))
    assert looks == {waiting: NOW, due_now: NOW - timedelta(seconds=1), planned: NOW}


def test_a_settled_lead_is_rescored_when_its_verdict_can_change() -> None:
    first, second = leads(2)
    rescore_queue.request(lead_ids=[first, second], at=NOW)

    rescore_queue.settle(next_looks={first: NOW + DAY, second: None}, now=NOW)

    assert dict(Lead.objects.values_list("pk", "next_look_at")) == {first: NOW + DAY, second: None}


def test_a_fact_that_came_after_the_judgement_keeps_its_look() -> None:
    first, second = leads(2)
    Lead.objects.update(next_look_at=NOW + timedelta(milliseconds=1))

    rescore_queue.settle(next_looks={first: NOW + DAY, second: None}, now=NOW)

    assert set(Lead.objects.values_list("next_look_at", flat=True)) == {NOW + timedelta(milliseconds=1)}


def test_each_failure_delays_a_lead_longer() -> None:
    (lead,) = leads(1)

    waits = []
    for _ in range(5):
        rescore_queue.fail(lead_id=lead, error=ValueError("clara@acme.example"), now=NOW)
        waits.append(Lead.objects.get().next_look_at - NOW)

    assert waits == [*sweeps.BACKOFF, sweeps.BACKOFF[-1]]
    aside = SetAsideRow.objects.get()
    assert (aside.sweep, aside.row_id, aside.tries, aside.is_failure) == (rescore_queue.SWEEP, lead, 5, True)
    assert aside.reason == "Accord failed (ValueError). An administrator finds more in the log."
    assert Lead.objects.get().look_error == aside.reason

    rescore_queue.settle(next_looks={lead: None}, now=Lead.objects.get().next_look_at)
    assert not SetAsideRow.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_two_workers_never_claim_the_same_lead() -> None:
    leads(40)
    Lead.objects.update(next_look_at=NOW)
    both_hold = threading.Barrier(2, timeout=20)

    def claim(_worker: int) -> list[int]:
        try:
            with transaction.atomic():
                claimed = rescore_queue.claim(now=NOW, limit=15)
                both_hold.wait()
                return claimed
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(claim, range(2))

    assert (len(first), len(second), len({*first, *second})) == (15, 15, 30)
