"""SIGTERM of the web server under load: every request that it took is answered before it ends."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.drills.audit import require_nothing_lost_or_doubled, wait_until_caught_up
from tests.drills.counts import COUNTS
from tests.drills.drilled_company import DrilledCompany
from tests.drills.event_load import EventRecord, draw_without_end, send_until_answered
from tests.drills.figures import Report, describe_seconds
from tests.drills.running_site import WEB, RunningSite
from tests.drills.waiting import wait_until

pytestmark = pytest.mark.xdist_group("drills")


def test_sigterm_answers_every_request_that_was_taken(
    site: RunningSite, company: DrilledCompany, report: Report
) -> None:
    leads = company.add_leads("stop", COUNTS.waiting_leads)
    record, ended = EventRecord(), threading.Event()
    exit_codes, endings = [], []

    def send_events(seed: int) -> None:
        # A connection for each request, as a proxy may use: one that is closed between requests says nothing of them.
        caller = company.call_as_sender()
        for event in draw_without_end(leads, seed=seed):
            if ended.wait(0.01):
                return
            send_until_answered(caller, event, record)

    with ThreadPoolExecutor(COUNTS.clients) as pool:
        jobs = [pool.submit(send_events, number) for number in range(COUNTS.clients)]
        for _ in range(COUNTS.stops):
            answered = len(record.results)
            wait_until(lambda answered=answered: len(record.results) > answered + 50, "50 events are answered")
            began = time.monotonic()
            exit_codes.append(site.stop(WEB))
            endings.append(time.monotonic() - began)
            site.start(WEB)
            wait_until(site.is_alive, "the web server answers again")
        ended.set()
        for job in jobs:
            job.result()
    waiting = wait_until_caught_up()

    assert set(exit_codes) == {0}
    # An event that is a duplicate when it is sent again was taken before, and its answer was lost.
    assert record.count("duplicate") == 0
    require_nothing_lost_or_doubled(record)
    report(
        stops=COUNTS.stops, clients=COUNTS.clients, events=len(record.events), answers=describe_seconds(record.seconds),
        statuses=record.describe_statuses(), ended=describe_seconds(endings), caught_up_after_s=waiting,
    )  # fmt: skip
