"""The periodic work, one function for each task of Celery beat.

Each function claims due rows in a few batches, so any number of workers may run it at once.
"""

from __future__ import annotations

import datetime as dt
import logging
import time
from collections.abc import Callable

from config.api import request_limits
from config.audit import anchors, sealing
from config.jobs.heartbeat import record_heartbeat
from leads.identity import duplicates
from leads.imports import pending_imports
from leads.intake import customer_status, value_readings
from leads.rescoring import company_rescores
from scoring.account_judgement import account_qualification
from scoring.backtests import pending_backtests
from scoring.blind_rules import daily_search
from scoring.live import daily_rescore, due_leads, quiet_leads, shortfalls
from sla.clocks import clocks, do_not_contact
from sla.handoffs import (
    creation,
    hot_upgrades,
    overdue_first_contact,
    reinstatements,
    routing,
    sales_stages,
    tier_upgrades,
    undo_window,
)
from sla.notifications import blind_rule_notices, deliveries, leader_notices
from sla.nurture import recycling
from sla.plays import play_clocks, play_creation, play_routing
from sla.reports import rejection_monitor

log = logging.getLogger(__name__)

#: The time limit of a tick for rescoring; the next tick does the rest.
SECONDS_A_TICK = 20


def tick(*, now: dt.datetime) -> dict[str, int]:
    """Take new facts all the way to a rep. Return how many rows each step took.

    1. Carry out decisions whose undo window is over.
    2. Read texts again whose corrections are new or have ended, and have the people of changed companies rescored.
    3. Rescore the leads that are due.
    4. Judge the companies that are due.
    5. Bring back the disqualified leads that raised their hand; the next tick judges them.
    6. Treat leads that turned hot as tier 1: hand them off, or shorten the time to their first contact. Raise handoffs whose
       MQL turned out to be of tier 2.
    7. Hand off the leads that qualified.
    8. Route handoffs that have no rep yet.
    9. Make plays of the companies that qualified, and route plays that have no owner yet.
    """
    return _run_steps(
        "tick",
        now,
        {
            "decided": lambda: undo_window.finish_due(now=now),
            "read_again": lambda: _repeat_full_batches(lambda: value_readings.apply_pending(now=now), 1),
            "company_people": lambda: company_rescores.rescore_people(now=now),
            "rescored": lambda: _repeat_full_batches(lambda: due_leads.rescore_due(now=now), due_leads.BATCH),
            "accounts": lambda: _repeat_full_batches(
                lambda: account_qualification.judge_due(now=now), account_qualification.BATCH
            ),
            "reinstated": lambda: reinstatements.follow_hand_raises(now=now),
            "hurried": lambda: hot_upgrades.follow_hot_upgrades(now=now) + tier_upgrades.follow_tier_upgrades(now=now),
            "handed_off": lambda: creation.hand_off_waiting(now=now),
            "routed": lambda: routing.route_unrouted(now=now),
            "plays": lambda: play_creation.start_waiting(now=now),
            "plays_routed": lambda: play_routing.route_unrouted(now=now),
        },
    )


def deliver(*, now: dt.datetime) -> dict[str, int]:
    """Send alerts by e-mail and Slack.

    Not part of the tick: a mail server or Slack that hangs must not hold up the routing.
    """
    return _run_steps("deliveries", now, {"sent": lambda: deliveries.send_due(now=now)})


def watch_clocks(*, now: dt.datetime) -> dict[str, int]:
    return _run_steps(
        "clocks",
        now,
        {
            # First end the clocks of work that nobody need do any more, so that no warning is sent about it.
            "ended": lambda: sales_stages.follow_outcomes(now=now),
            "silenced": lambda: do_not_contact.stop_clocks(now=now),
            "warned": lambda: clocks.sweep_warnings(now=now),
            "breached": lambda: clocks.sweep_breaches(now=now),
            "play_clocks": lambda: play_clocks.sweep(now=now),
            "passed_on": lambda: overdue_first_contact.pass_on_overdue(now=now),
            "summoned": lambda: leader_notices.notify_leaders(now=now),
        },
    )


def watch_figures(*, now: dt.datetime) -> dict[str, int]:
    return _run_steps(
        "figures",
        now,
        {
            "reviews": lambda: rejection_monitor.open_rejection_reviews(now=now),
            "customers": lambda: customer_status.follow_wins(now=now),
            "paused": lambda: _repeat_full_batches(lambda: quiet_leads.pause_quiet(now=now), quiet_leads.BATCH),
            "returned": lambda: recycling.announce_returns(now=now),
            "blind": lambda: daily_search.watch_daily(now=now),
            "blind_notices": lambda: blind_rule_notices.notify_marketing_ops(now=now),
            "files_deleted": lambda: pending_imports.delete_old_files(now=now),
            "duplicates": lambda: duplicates.find_candidates(now=now),
            "request_counts": lambda: request_limits.delete_old_counts(now=now),
        },
    )


def rescore_daily(*, now: dt.datetime) -> dict[str, int]:
    """Rescore one range of leads of the daily full rescore, and note what MALs lack by their new scores."""
    return _run_steps(
        "daily rescore",
        now,
        {
            "ranges": lambda: int(daily_rescore.rescore_next_range(now=now)),
            "explained": lambda: _repeat_full_batches(lambda: shortfalls.refresh_shortfalls(now=now), shortfalls.BATCH),
        },
    )


def run_backtests(*, now: dt.datetime) -> dict[str, int]:
    """Run one pending backtest. Not part of the tick, because it may take minutes."""
    return _run_steps("backtests", now, {"backtests": lambda: pending_backtests.run_pending(now=now)})


def run_imports(*, now: dt.datetime) -> dict[str, int]:
    """Go on with one import of a file for some seconds. Not part of the tick, because routing must not wait for it."""
    return _run_steps("imports", now, {"imports": lambda: pending_imports.run_pending(now=now)})


def seal_audit(*, now: dt.datetime) -> dict[str, int]:
    """Move the entries of the audit that wait into its chain, and log where the chain stands once a day."""
    return _run_steps(
        "audit",
        now,
        {
            "sealed": lambda: _repeat_full_batches(sealing.seal_batch, sealing.BATCH),
            "anchored": lambda: int(anchors.log_daily(now=now)),
        },
    )


def _run_steps(name: str, now: dt.datetime, steps: dict[str, Callable[[], int]]) -> dict[str, int]:
    """Run the steps. One that fails is logged and stops no other; the heartbeat is noted only if all succeeded."""
    counts: dict[str, int] = {}
    for step, run in steps.items():
        try:
            counts[step] = run()
        except Exception:
            log.exception("A step of the beat failed.", extra={"beat": name, "step": step})
    if len(counts) == len(steps):
        record_heartbeat(name=name, now=now)
    return counts


def _repeat_full_batches(batch: Callable[[], int], size: int) -> int:
    """Repeat the batch as long as it is full, but not beyond the time of a tick. Return the total."""
    until = time.monotonic() + SECONDS_A_TICK
    total = 0
    while True:
        count = batch()
        total += count
        if count < size or time.monotonic() > until:
            return total
