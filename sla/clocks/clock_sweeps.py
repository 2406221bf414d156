"""Sweeps of clocks: warnings of those that are due soon, breaches of those that are overdue, and their notices (rules 6.16, 17.5)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Final

import structlog
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet, prefetch_related_objects

from config.jobs import sweeps
from sla.business_time.arithmetic import BadCalendar
from sla.clocks import clocks
from sla.models import Clock, ClockQuerySet, PendingDecision, PromiseClock, RoutingRule
from sla.notifications import outbox
from sla.teams import routing_rules
from sla.vocabulary import ClockKind, DispositionKind, NoticeKind

log = structlog.get_logger(__name__)

#: The names under which clocks that failed are set aside.
WARNINGS: Final = "clocks to warn of"
BREACHES: Final = "overdue clocks"


def sweep_warnings(*, now: dt.datetime, limit: int = 500) -> int:
    """Write a notice for each clock that is due soon, once; one that fails is set aside (rules 17.5).

    Any number of workers may run at once. Returns for how many clocks.
    """
    # Overdue clocks are skipped: sweep_breaches reports them.
    due_soon = _running_clocks().filter(warned_at=None, breached_at=None, warn_at__lte=now, due_at__gte=now)
    return sweeps.claim_together(
        WARNINGS, due_soon.order_by("warn_at", "pk"), lambda rows: _warn(rows, now), now=now, limit=limit
    )


def sweep_breaches(*, now: dt.datetime, limit: int = 500) -> int:
    """Mark overdue clocks as breached and notify the rep and the managers, once each. Any number of workers may run at once.

    A clock due exactly at closing is not exceeded before the next opening, although `due_at` has passed: all pages are read,
    so that such clocks keep no other one from being marked. One that fails is set aside (rules 17.5). Returns how many were
    marked.
    """
    overdue = _exclude_decided(Clock.objects.running()).filter(breached_at=None, due_at__lt=now)
    overdue = overdue.select_related("calendar_version")
    sweeps.forget_done(BREACHES, overdue, now)
    marked: list[int] = []
    last: Clock | None = None
    while True:
        with transaction.atomic():
            due = sweeps.exclude_set_aside(BREACHES, overdue, now)
            if last is not None:
                due = due.filter(Q(due_at__gt=last.due_at) | Q(due_at=last.due_at, pk__gt=last.pk))
            page = list(_lock_unclaimed(due.order_by("due_at", "pk"))[:limit])
            exceeded = [clock.pk for clock in page if is_exceeded(clock, now)]
            sweeps.do_together(BREACHES, exceeded, lambda ids: marked.append(_mark_breached(ids, now)), now=now)
        if len(page) < limit:
            return sum(marked)
        last = page[-1]


def _warn(due_soon: Sequence[Clock], now: dt.datetime) -> None:
    outbox.write_notices(draft_warning(clock, now) for clock in due_soon)
    Clock.objects.filter(pk__in=[clock.pk for clock in due_soon]).update(warned_at=now)


def _mark_breached(clock_ids: Sequence[int], now: dt.datetime) -> int:
    overdue = list(_running_clocks().filter(pk__in=clock_ids).order_by("due_at", "pk"))
    outbox.write_notices(chain((draft_breach(clock, now) for clock in overdue), _draft_unannounced(overdue, now)))
    return Clock.objects.filter(pk__in=clock_ids).update(breached_at=now)


def _running_clocks() -> ClockQuerySet:
    related = ("handoff__lead__company", "handoff__team", "rep__user", "calendar_version")
    running_clocks = _exclude_decided(Clock.objects.running())
    return running_clocks.select_related(*related).prefetch_related("handoff__team__managers")


def _lock_unclaimed(rows: QuerySet[Clock]) -> QuerySet[Clock]:
    return rows.select_for_update(of=("self",), no_key=True, skip_locked=True)


def _exclude_decided(running: ClockQuerySet) -> ClockQuerySet:
    """Exclude clocks that a decision made in time will meet or cancel as soon as it is final (sla.handoffs.undo_window)."""
    decisions = PendingDecision.objects.filter(handoff=OuterRef("handoff"), at__lte=OuterRef("due_at"))
    kept_in_time = Q(kind=ClockKind.DISPOSITION) & Exists(decisions)
    return running.filter(~kept_in_time, ~Exists(decisions.filter(kind=DispositionKind.REJECT)))


def is_exceeded(clock: PromiseClock, now: dt.datetime) -> bool:
    """Return whether a clock has used more than its time (rules 6.16)."""
    try:
        return clocks.seconds_used(clock, now) > clock.target_seconds
    # `due_at` was computed when the hours could be read. Hours that cannot be read now must not hold up other breaches.
    except BadCalendar:
        log.exception("hours_not_readable", clock=clock.pk)
        return True


def draft_warning(clock: Clock, now: dt.datetime) -> outbox.NoticeDraft:
    """Draft the notice that a clock is due soon: to the rep, or to the managers if nobody has the handoff."""
    return outbox.NoticeDraft(
        kind=NoticeKind.DUE_SOON,
        once=f"warning:{clock.pk}",
        handoff=clock.handoff,
        to=outbox.rep_or_managers(clock.rep, clock.handoff.team),
        text=f"{clock.get_kind_display()} is due soon: {outbox.name_lead(clock.handoff)}",
        at=now,
    )


def draft_breach(clock: Clock, now: dt.datetime) -> outbox.NoticeDraft:
    """Draft the notice that a clock is overdue: to the rep and the managers."""
    return outbox.NoticeDraft(
        kind=NoticeKind.BREACHED,
        once=f"breach:{clock.pk}",
        handoff=clock.handoff,
        to=outbox.rep_and_managers(clock.rep, clock.handoff.team),
        text=f"{clock.get_kind_display()} is overdue: {outbox.name_lead(clock.handoff)}"
        + (f" ({clock.rep})" if clock.rep else ""),
        at=now,
    )


def _draft_unannounced(overdue: Iterable[Clock], now: dt.datetime) -> Iterator[outbox.NoticeDraft]:
    """Yield notices of overdue handoffs that came while their team was closed: nobody was notified of those yet."""
    unannounced = [clock for clock in overdue if is_unannounced(clock)]
    rules = routing_rules.active_rules() if unannounced else []
    prefetch_related_objects([rule.team for rule in rules], "managers")
    for clock in unannounced:
        yield draft_unrouted(clock, rules, now)


def is_unannounced(clock: Clock) -> bool:
    """Return whether an overdue clock is of a handoff that came while its team was closed, so that nobody was alerted."""
    return clock.kind == ClockKind.ROUTE and clock.calendar_version is not None


def draft_unrouted(clock: Clock, rules: Sequence[RoutingRule], now: dt.datetime) -> outbox.NoticeDraft:
    """Draft the notice that the handoff of an overdue routing clock is still unrouted."""
    team = clocks.responsible_team(clock.handoff, rules)
    return outbox.draft_unrouted(handoff=clock.handoff, team=team, why=routing_rules.NO_MATCH, at=now)
