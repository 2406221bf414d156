"""What happens by itself: one function a beat, each a few claims of due rows, so any number of workers may run it at once."""

from __future__ import annotations

import datetime as dt
import logging
import time
from collections.abc import Callable

from config.jobs.heartbeat import record_heartbeat
from scoring.backtests import jobs
from scoring.live import daily_rescore, due_leads
from sla.clocks import clocks, do_not_contact
from sla.handoffs import creation, hot_upgrades, overdue_first_contact, routing, sales_stages, undo_window
from sla.notifications import deliveries, leader_notices
from sla.nurture import recycling
from sla.reports import rejection_monitor

log = logging.getLogger(__name__)

#: A tick works at most so long, then leaves the rest to the next one.
SECONDS_A_TICK = 20


def tick(*, now: dt.datetime) -> dict[str, int]:
    """One walk takes an event all the way to a rep: rescore what is due, hurry who turned hot, hand off who qualified, route them.

    Returns how many rows each step took.
    """
    return _beat(
        "tick",
        now,
        {
            "decided": lambda: undo_window.finish_due(now=now),
            "rescored": lambda: _while_full(lambda: due_leads.rescore_due(now=now), due_leads.BATCH),
            "hurried": lambda: hot_upgrades.follow_hot_upgrades(now=now),
            "handed_off": lambda: creation.hand_off_waiting(now=now),
            "routed": lambda: routing.route_unrouted(now=now),
        },
    )


def deliver(*, now: dt.datetime) -> dict[str, int]:
    """Send alerts beyond the app. No part of the tick: a mail server or Slack that hangs must not hold up the routing."""
    return _beat("deliveries", now, {"sent": lambda: deliveries.send_due(now=now)})


def watch_clocks(*, now: dt.datetime) -> dict[str, int]:
    return _beat(
        "clocks",
        now,
        {
            # Before anything is warned of: what nobody need do any more.
            "ended": lambda: sales_stages.follow_outcomes(now=now),
            "silenced": lambda: do_not_contact.stop_clocks(now=now),
            "warned": lambda: clocks.sweep_warnings(now=now),
            "breached": lambda: clocks.sweep_breaches(now=now),
            "passed_on": lambda: overdue_first_contact.pass_on_overdue(now=now),
            "summoned": lambda: leader_notices.notify_leaders(now=now),
        },
    )


def watch_figures(*, now: dt.datetime) -> dict[str, int]:
    return _beat(
        "figures",
        now,
        {
            "reviews": lambda: rejection_monitor.open_rejection_reviews(now=now),
            "returned": lambda: recycling.announce_returns(now=now),
        },
    )


def rescore_daily(*, now: dt.datetime) -> dict[str, int]:
    """One range of the daily full rescore."""
    return _beat("daily rescore", now, {"ranges": lambda: int(daily_rescore.sweep_next(now=now))})


def run_backtests(*, now: dt.datetime) -> dict[str, int]:
    """One backtest that somebody asked for; it may take minutes, so it is no part of the tick."""
    return _beat("backtests", now, {"backtests": lambda: jobs.run_pending(now=now)})


def _beat(name: str, now: dt.datetime, steps: dict[str, Callable[[], int]]) -> dict[str, int]:
    """A step that fails is logged and stops none of the others; the heart has beaten only if all went well."""
    counts: dict[str, int] = {}
    for step, run in steps.items():
        try:
            counts[step] = run()
        except Exception:
            log.exception("A step of the beat failed.", extra={"beat": name, "step": step})
    if len(counts) == len(steps):
        record_heartbeat(name=name, now=now)
    return counts


def _while_full(batch: Callable[[], int], size: int) -> int:
    """Go on while there is a whole batch to do, but not past the tick's time."""
    until = time.monotonic() + SECONDS_A_TICK
    total = 0
    while True:
        done = batch()
        total += done
        if done < size or time.monotonic() > until:
            return total
