"""A worker that stands still while another one works, and two beats: no work is done twice (rules 17.4, 17.7)."""

from __future__ import annotations

import contextlib
import time

import pytest

from scoring.models import Score
from tests.drills.audit import require_nothing_lost_or_doubled, wait_until_caught_up
from tests.drills.counts import COUNTS
from tests.drills.drilled_company import DrilledCompany
from tests.drills.event_load import event_load
from tests.drills.figures import Report, describe_seconds
from tests.drills.running_site import BEAT, WORKER, RunningSite
from tests.drills.waiting import wait_until

pytestmark = pytest.mark.xdist_group("drills")


def test_a_paused_worker_holds_up_nobody_for_long_and_repeats_nothing(
    site: RunningSite, company: DrilledCompany, report: Report
) -> None:
    leads = company.add_leads("pause", COUNTS.waiting_leads)

    with contextlib.ExitStack() as programs:
        with event_load(company, leads) as record:
            wait_until(lambda: Score.objects.filter(lead__in=leads).exists(), "the worker is judging these leads")
            site.pause(WORKER)
            programs.enter_context(site.run_second(WORKER))
            began = time.monotonic()
            wait_until(lambda: time.monotonic() - began > COUNTS.seconds_away, "the pause is over")
            site.resume(WORKER)
        waiting = wait_until_caught_up()

    require_nothing_lost_or_doubled(record)
    report(
        seconds_paused=COUNTS.seconds_away, events=len(record.events), answers=describe_seconds(record.seconds),
        statuses=record.describe_statuses(), caught_up_after_s=waiting,
    )  # fmt: skip


def test_two_beats_do_nothing_twice(site: RunningSite, company: DrilledCompany, report: Report) -> None:
    leads = company.add_leads("beats", COUNTS.waiting_leads)

    with site.run_second(BEAT), event_load(company, leads) as record:
        began = time.monotonic()
        wait_until(
            lambda: time.monotonic() - began > COUNTS.seconds_away and len(record.results) > COUNTS.events,
            "events are answered while two beats run",
        )
    waiting = wait_until_caught_up()

    require_nothing_lost_or_doubled(record)
    report(seconds=COUNTS.seconds_away, events=len(record.events), caught_up_after_s=waiting)
