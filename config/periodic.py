"""The periodic work, one function for each task of Celery beat.

Each function claims due rows in a few batches, so any number of workers may run it at once.
"""

from __future__ import annotations

import datetime as dt
import logging
import time
from collections import Counter
from collections.abc import Callable, Mapping

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
from scoring.live import daily_rescore, due_leads, quiet_leads, recency_validations, shortfalls
from sla.clocks import clock_sweeps, do_not_contact
from sla.forecast import weekly_forecasts
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
from sla.notifications import blind_rule_notices, deliveries, leader_notices, recency_notices
from sla.nurture import recycling
from sla.plays import play_clocks, play_creation, play_routing
from sla.promise_simulation import promise_outlooks
from sla.report_subscriptions import monday_mails
from sla.reported_mqls import refresh
from sla.reports import rejection_digests
from sla.review_triggers import daily_check, running_month
from sla.satisfaction import monthly_question
from sla.weekly_meetings import preparation

log = logging.getLogger(__name__)

#: The time limit of a tick; the next tick does the rest.
SECONDS_A_TICK = 20
#: The time limit of what a tick does about many leads at once: less than the time to the next tick, so that alerts, clocks
#: and imports have their turn with a single worker as well.
SECONDS_FOR_MANY = 1.5
#: Handoffs of one round, few enough that an event which comes meanwhile does not wait long.
HANDOFFS_A_ROUND = 20


def tick(*, now: dt.datetime) -> dict[str, int]:
    """Take new facts all the way to a rep. Return how many rows each step took.

    1. Carry out decisions whose undo window is over.
    2. Rescore a batch of the leads that are due.
    3. Judge the companies that are due.
    4. Bring back the disqualified leads that raised their hand; the next round judges them.
    5. Treat leads that turned hot as tier 1: hand them off, or shorten the time to their first contact. Raise handoffs whose
       MQL turned out to be of tier 2.
    6. Hand off the leads that qualified.
    7. Route handoffs that have no rep yet.
    8. Make plays of the companies that qualified, and route plays that have no owner yet.
    9. If no more leads are due, do one batch of what concerns many leads: read texts again whose corrections are new or
       have ended, have people of changed companies rescored, rescore all leads after an activation.

    While there is more to do it begins again, so that a new fact passes all steps between two batches of a mass of others.
    """
    began = time.monotonic()
    totals: Counter[str] = Counter()
    while True:
        seconds = time.monotonic() - began
        # The first round is of the instant that was passed in.
        at = now + dt.timedelta(seconds=seconds) if totals else now
        counts = _run_steps("tick", at, _list_steps(at))
        is_behind = _is_behind(counts)
        if not is_behind:
            counts |= _run_steps("tick for many", at, _list_steps_for_many(at))
        totals.update(counts)
        limit = SECONDS_A_TICK if is_behind else SECONDS_FOR_MANY
        if not (is_behind or _has_many_left(counts)) or time.monotonic() - began > limit:
            return dict(totals)


def _list_steps(now: dt.datetime) -> dict[str, Callable[[], int]]:
    return {
        "decided": lambda: undo_window.finish_due(now=now),
        "rescored": lambda: due_leads.rescore_due(now=now),
        "accounts": lambda: account_qualification.judge_due(now=now),
        "reinstated": lambda: reinstatements.follow_hand_raises(now=now),
        "hurried": lambda: hot_upgrades.follow_hot_upgrades(now=now) + tier_upgrades.follow_tier_upgrades(now=now),
        "handed_off": lambda: creation.hand_off_waiting(now=now, limit=HANDOFFS_A_ROUND),
        "routed": lambda: routing.route_unrouted(now=now, limit=HANDOFFS_A_ROUND),
        "plays": lambda: play_creation.start_waiting(now=now),
        "plays_routed": lambda: play_routing.route_unrouted(now=now),
    }


def _list_steps_for_many(now: dt.datetime) -> dict[str, Callable[[], int]]:
    return {
        "read_again": lambda: value_readings.apply_pending(now=now),
        "company_people": lambda: company_rescores.rescore_people(now=now),
        "everybody": lambda: due_leads.rescore_everybody(now=now),
    }


def _is_behind(counts: Mapping[str, int]) -> bool:
    """Return whether a step may have left rows that are due: its batch was full."""
    full = {
        "rescored": due_leads.BATCH,
        "accounts": account_qualification.BATCH,
        "handed_off": HANDOFFS_A_ROUND,
        "routed": HANDOFFS_A_ROUND,
    }
    return any(counts.get(step, 0) >= size for step, size in full.items())


def _has_many_left(counts: Mapping[str, int]) -> bool:
    """Return whether texts, people of companies or all leads may be left: their end is seen when there are none."""
    return any(counts.get(step, 0) > 0 for step in ("read_again", "company_people", "everybody"))


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
            "warned": lambda: clock_sweeps.sweep_warnings(now=now),
            "breached": lambda: clock_sweeps.sweep_breaches(now=now),
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
            "reviews": lambda: daily_check.open_due_reviews(now=now),
            "lines": lambda: running_month.notify_of_crossed_lines(now=now),
            "digests": lambda: rejection_digests.make_due_digests(now=now),
            "meetings": lambda: preparation.prepare_due(now=now),
            "satisfaction": lambda: monthly_question.ask_due(now=now),
            "report_mails": lambda: monday_mails.send_due(now=now),
            "customers": lambda: customer_status.follow_wins(now=now),
            "recency_closed": lambda: _repeat_full_batches(
                lambda: recency_validations.close_ended(now=now), recency_validations.BATCH
            ),
            "recency_notices": lambda: recency_notices.notify_of_yesterday(now=now),
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


def renew_reported_mqls(*, now: dt.datetime) -> dict[str, int]:
    """Renew the MQLs as reports read them, so that hardly any are left for a reader."""
    return _run_steps("reported MQLs", now, {"renewed": lambda: refresh.renew_waiting(seconds=SECONDS_A_TICK)})


def look_ahead(*, now: dt.datetime) -> dict[str, int]:
    """Simulate the promises that wait, and make the forecasts of the week. Apart from all others, because each takes seconds."""
    return _run_steps(
        "outlooks",
        now,
        {
            "outlooks": lambda: promise_outlooks.simulate_due(now=now),
            "forecasts": lambda: weekly_forecasts.make_due_forecasts(now=now),
        },
    )


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
    """Repeat the batch as long as it is full, but not beyond SECONDS_A_TICK. Return the total."""
    until = time.monotonic() + SECONDS_A_TICK
    total = 0
    while True:
        count = batch()
        total += count
        if count < size or time.monotonic() > until:
            return total
