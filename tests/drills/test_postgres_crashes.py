"""Crashes of PostgreSQL under load: what was answered is there afterwards, and the site goes on by itself (rules 17.4)."""

from __future__ import annotations

import signal

import pytest

from tests.drills.audit import require_nothing_lost_or_doubled, wait_until_caught_up
from tests.drills.counts import COUNTS
from tests.drills.drilled_company import DrilledCompany
from tests.drills.event_load import event_load
from tests.drills.figures import Report, describe_seconds
from tests.drills.running_site import RunningSite
from tests.drills.waiting import wait_until

pytestmark = pytest.mark.xdist_group("drills")


def test_crashes_of_postgres_lose_and_double_nothing(
    site: RunningSite, company: DrilledCompany, report: Report
) -> None:
    leads = company.add_leads("crash", COUNTS.waiting_leads)
    recoveries = []

    with site.supervise():
        with event_load(company, leads) as record:
            for number in range(COUNTS.crashes):
                answered = len(record.results)
                wait_until(lambda answered=answered: len(record.results) > answered + 20, "20 events are answered")
                site.crash_postgres(signal.SIGQUIT if number % 2 else signal.SIGKILL)
                wait_until(lambda: not site.is_ready(), "/readyz says that the database is away")
                site.start_servers()
                recoveries.append(site.wait_until_ready())
        waiting = wait_until_caught_up()

    require_nothing_lost_or_doubled(record)
    assert set(record.statuses) <= {0, 200, 201, 503}
    report(
        crashes=COUNTS.crashes, events=len(record.events), answers=describe_seconds(record.seconds),
        statuses=record.describe_statuses(), ready_again=describe_seconds(recoveries), caught_up_after_s=waiting,
    )  # fmt: skip
