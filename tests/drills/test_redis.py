"""Valkey killed, emptied, frozen and full under load: intake does not notice, and the worker catches up (rules 17.4, 17.11)."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest

from tests.drills.audit import require_nothing_lost_or_doubled, wait_until_caught_up
from tests.drills.counts import COUNTS
from tests.drills.drilled_company import DrilledCompany
from tests.drills.event_load import event_load
from tests.drills.figures import Report, describe_seconds
from tests.drills.running_site import RunningSite
from tests.drills.waiting import wait_until

pytestmark = pytest.mark.xdist_group("drills")

Outage = Callable[[RunningSite], AbstractContextManager[None]]


@contextmanager
def _killed(site: RunningSite) -> Iterator[None]:
    site.kill_valkey()
    yield
    site.start_servers()


@contextmanager
def _frozen(site: RunningSite) -> Iterator[None]:
    pid = site.find_valkey()
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


@contextmanager
def _full(site: RunningSite) -> Iterator[None]:
    server = site.valkey()
    server.config_set("maxmemory", 1)
    try:
        yield
    finally:
        server.config_set("maxmemory", 0)


@contextmanager
def _emptied(site: RunningSite) -> Iterator[None]:
    """Empty it at the beginning, and once more at the end."""
    site.valkey().flushall()
    yield
    site.valkey().flushall()


@pytest.mark.parametrize("outage", [_killed, _emptied, _frozen, _full], ids=lambda outage: outage.__name__.strip("_"))
def test_an_outage_of_valkey_costs_no_event_and_no_work(
    site: RunningSite, company: DrilledCompany, report: Report, outage: Outage
) -> None:
    leads = company.add_leads(outage.__name__, COUNTS.waiting_leads)
    manager = company.call_as(company.manager)

    # The worker ends when Valkey is full; whoever runs it in production starts it again.
    with site.supervise():
        with event_load(company, leads) as record, outage(site):
            began, answered = time.monotonic(), len(record.results)
            wait_until(
                lambda: time.monotonic() - began > COUNTS.seconds_away and len(record.results) > answered + 20,
                "events are answered without Valkey",
            )
            page = manager.get("/queue/")
            is_ready = site.is_ready()
        waiting = wait_until_caught_up()

    assert (page.status, is_ready) == (200, True)
    assert set(record.statuses) <= {200, 201}
    require_nothing_lost_or_doubled(record)
    report(
        seconds_away=COUNTS.seconds_away, events=len(record.events), answers=describe_seconds(record.seconds),
        caught_up_after_s=waiting,
    )  # fmt: skip
