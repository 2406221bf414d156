"""A storm of deliveries: repeated, shuffled and at once, each event counts once (rules 17.1)."""

from __future__ import annotations

import random
import time

import pytest

from tests.drills.audit import require_nothing_lost_or_doubled, wait_until_caught_up
from tests.drills.counts import COUNTS
from tests.drills.drilled_company import DrilledCompany, draw_events
from tests.drills.event_load import deliver
from tests.drills.figures import Report, describe_seconds

pytestmark = pytest.mark.xdist_group("drills")


def test_repeated_and_shuffled_deliveries_count_each_event_once(company: DrilledCompany, report: Report) -> None:
    draw = random.Random(17)
    events = draw_events(company.add_leads("storm", COUNTS.waiting_leads), COUNTS.events, seed=17)
    deliveries = [*events, *draw.choices(events, k=COUNTS.deliveries - COUNTS.events)]
    draw.shuffle(deliveries)

    began = time.monotonic()
    record = deliver(company, deliveries, clients=COUNTS.clients)
    sending = time.monotonic() - began
    waiting = wait_until_caught_up()

    assert record.count("accepted") == COUNTS.events
    assert record.count("duplicate") == COUNTS.deliveries - COUNTS.events
    require_nothing_lost_or_doubled(record)
    report(
        deliveries=COUNTS.deliveries, events=COUNTS.events, clients=COUNTS.clients, answers=describe_seconds(record.seconds),
        deliveries_a_second=COUNTS.deliveries / sending, caught_up_after_s=waiting,
    )  # fmt: skip
