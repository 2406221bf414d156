"""kill -9 of each program under load, again and again: the site catches up by itself (rules 17.4)."""

from __future__ import annotations

import random
import time

import pytest
from django.utils import timezone

from config.jobs.heartbeat import last_heartbeat
from tests.drills.audit import require_nothing_lost_or_doubled, wait_until_caught_up
from tests.drills.counts import COUNTS
from tests.drills.drilled_company import DrilledCompany
from tests.drills.event_load import event_load
from tests.drills.figures import Report, describe_seconds
from tests.drills.running_site import BEAT, WEB, WORKER, RunningSite
from tests.drills.waiting import wait_until

pytestmark = pytest.mark.xdist_group("drills")


def _wait_until_it_works(site: RunningSite, name: str) -> None:
    """Wait until a program that was just started does its work: the web server answers, a new tick has ended."""
    if name == WEB:
        wait_until(site.is_alive, "the web server answers")
        return
    started_at = timezone.now()
    wait_until(
        lambda: (last_heartbeat(name="tick") or started_at) > started_at, f"a tick has ended after {name} was killed"
    )


@pytest.mark.parametrize("name", [WEB, WORKER, BEAT])
def test_killing_a_program_loses_and_doubles_nothing(
    site: RunningSite, company: DrilledCompany, report: Report, name: str
) -> None:
    draw = random.Random(name)
    leads = company.add_leads(f"kill-{name}", COUNTS.waiting_leads)

    with event_load(company, leads) as record:
        for number in range(COUNTS.kills):
            answered = len(record.results)
            wait_until(lambda answered=answered: len(record.results) > answered + 10, "10 events are answered")
            # At any point of its work.
            time.sleep(draw.random())
            if name != BEAT and number % 2:
                site.kill_child(name)
            else:
                site.kill(name)
                site.start(name)
            _wait_until_it_works(site, name)
    waiting = wait_until_caught_up()

    require_nothing_lost_or_doubled(record)
    report(
        kills=COUNTS.kills, events=len(record.events), answers=describe_seconds(record.seconds),
        statuses=record.describe_statuses(), caught_up_after_s=waiting,
    )  # fmt: skip
