from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection, transaction

from leads.intake import lead_upserts
from leads.models import Lead
from leads.rescoring import rescore_queue
from tests.leads.facts import DAY, NOW

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


def test_all_leads_are_requested_when_a_version_changes() -> None:
    leads(3)

    assert rescore_queue.request_all(at=NOW) == 3
    assert Lead.objects.filter(next_look_at=NOW).count() == 3


def test_only_due_leads_are_claimed_the_longest_waiting_first() -> None:
    late, later, early = leads(3)
    for lead, at in ((late, NOW), (later, NOW + DAY), (early, NOW - DAY)):
        rescore_queue.request(lead_ids=[lead], at=at)

    assert rescore_queue.claim(now=NOW, limit=10) == [early, late]
    assert rescore_queue.claim(now=NOW, limit=1) == [early]


def test_a_settled_lead_is_rescored_when_its_verdict_can_change() -> None:
    first, second = leads(2)
    rescore_queue.request(lead_ids=[first, second], at=NOW)

    rescore_queue.settle(next_looks={first: NOW + DAY, second: None})

    assert dict(Lead.objects.values_list("pk", "next_look_at")) == {first: NOW + DAY, second: None}


def test_each_failure_delays_a_lead_longer() -> None:
    (lead,) = leads(1)

    waits = []
    for _ in range(5):
        rescore_queue.fail(lead_id=lead, error="x" * 3000, now=NOW)
        waits.append(Lead.objects.get().next_look_at - NOW)

    assert waits == [*rescore_queue.BACKOFF, rescore_queue.BACKOFF[-1]]
    assert len(Lead.objects.get().look_error) == 2000


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
