"""SLA clocks, each a dated row of one handoff: started, met, resumed, cancelled. Only this and `clock_sweeps` write `Clock`.

A row's due time is computed once, in business time; the sweeps then only compare instants (rules 17.6).
Code that starts, meets or cancels a clock holds the lock on its handoff.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from typing import Any, Final, Protocol

import structlog
from django.db.models import Min

from config import outages
from config.ui import formats
from sla.business_time import arithmetic, calendars
from sla.business_time.arithmetic import BadCalendar, NeverOpen
from sla.models import (
    Attempt,
    CalendarVersion,
    Clock,
    Handoff,
    PlayAttempt,
    PromiseClock,
    Rep,
    RoutingRule,
    Team,
    WorkCalendar,
)
from sla.teams import routing_rules
from sla.vocabulary import ClockKind

log = structlog.get_logger(__name__)


#: When the receiver is told that a promise is due soon: with a fifth of its time left.
WARN_AFTER_PERCENT: Final = 80

#: A contact logged within this time counts as of when it happened: a long call and then the note about it.
BELIEVED_WITHIN: Final = dt.timedelta(hours=1)
#: Shorter delays are not remarked on: people finish their call, then log it.
REMARKED_FROM: Final = dt.timedelta(minutes=15)

#: A rep's promises; the routing is marketing's.
SALES_KINDS: Final = (ClockKind.FIRST_CONTACT, ClockKind.DISPOSITION)


class CalendarFreezer(Protocol):
    """A function like `calendars.freeze_version`: it returns the frozen version of a calendar as it is at an instant."""

    def __call__(
        self, calendar: WorkCalendar, now: dt.datetime, *, around_the_clock: bool = False
    ) -> CalendarVersion: ...


def start_routing(*, handoff: Handoff, since: dt.datetime, rules: Sequence[RoutingRule]) -> Clock:
    """Start marketing's routing clock at the instant the lead qualified, in the working hours of the team that the rules name.

    Uses wall-clock time if no rule matches: that gap is marketing's to close, and the alarm must ring at night, too.
    Until somebody has the handoff this clock says when it is due.
    """
    clock = build_routing_clock(handoff=handoff, since=since, rules=rules)
    clock.save(force_insert=True)
    # No other clock runs yet, so this needs no query for the earliest.
    handoff.due_at = clock.due_at
    handoff.save(update_fields=["due_at"])
    return clock


def build_routing_clock(
    *,
    handoff: Handoff,
    since: dt.datetime,
    rules: Sequence[RoutingRule],
    freeze_version: CalendarFreezer = calendars.freeze_version,
) -> Clock:
    """Return the routing clock of a handoff, not stored yet; `freeze_version` freezes the hours of its team."""
    seconds = handoff.commitment.route_minutes * 60
    version = _team_calendar_version(handoff, since, seconds, rules, freeze_version)
    return _build_clock(handoff, ClockKind.ROUTE, version, seconds, since)


def start_sales(*, handoff: Handoff, rep: Rep, now: dt.datetime) -> None:
    """Start the rep's clocks by the rep's calendar; clocks that were met already stay met.

    A rep's time begins when the handoff first comes to them: another rep gets fresh clocks, but a rep who gets it back
    continues with their own former clocks, breaches included. So passing a lead away and back gains no time.
    """
    interrupted = _lock_cancelled_clocks(handoff, rep)
    for kind, seconds in sales_targets(handoff).items():
        if kind in interrupted:
            _resume_clock(interrupted[kind])
        else:
            build_sales_clock(handoff=handoff, rep=rep, kind=kind, seconds=seconds, now=now).save(force_insert=True)
    update_due_at(handoff)
    if handoff.hot_upgraded_at is not None and interrupted:
        # The resumed clock may be older than the hot upgrade, which came while another rep had the lead.
        hurry_first_contact(handoff=handoff, rep=rep, now=now)


def sales_targets(handoff: Handoff) -> dict[ClockKind, int]:
    """Map each promise that the rep still has to keep to its seconds (rules 6.14)."""
    commitment = handoff.commitment
    contact_minutes = commitment.contact_minutes_tier_1 if handoff.is_hot else commitment.contact_minutes
    targets = {
        ClockKind.FIRST_CONTACT: (contact_minutes * 60, handoff.first_contact_at),
        ClockKind.DISPOSITION: (commitment.disposition_hours * 3600, handoff.decided_at),
    }
    return {kind: seconds for kind, (seconds, fulfilled_at) in targets.items() if fulfilled_at is None}


def build_sales_clock(
    *,
    handoff: Handoff,
    rep: Rep,
    kind: ClockKind,
    seconds: int,
    now: dt.datetime,
    freeze_version: CalendarFreezer = calendars.freeze_version,
) -> Clock:
    """Return a rep's clock that starts now by the rep's calendar, not stored yet.

    The disposition clock counts whole working days. Raises NeverOpen, BadCalendar.
    """
    version = freeze_version(calendars.calendar_of_rep(rep), now, around_the_clock=kind == ClockKind.DISPOSITION)
    return _build_clock(handoff, kind, version, seconds, now)


def resume_contact(*, handoff: Handoff) -> None:
    """Resume the first contact that a rejection had cancelled, after its correction; it is due when it always was."""
    if handoff.first_contact_at is not None or handoff.rep is None:
        return
    if (clock := _lock_cancelled_clocks(handoff, handoff.rep).get(ClockKind.FIRST_CONTACT)) is not None:
        _resume_clock(clock)
        update_due_at(handoff)


def hurry_first_contact(*, handoff: Handoff, rep: Rep, now: dt.datetime) -> Clock | None:
    """Bring the rep's first contact forward to tier 1's minutes from now on, for a lead that turned hot.

    Returns the new clock, or None when nothing changes: contacted already, overdue already, or due as early anyhow. The
    clock it replaces is cancelled, neither met nor breached. Raises NeverOpen, BadCalendar.
    """
    running_clocks = handoff.clocks.running().filter(kind=ClockKind.FIRST_CONTACT, breached_at=None, due_at__gte=now)
    clock = running_clocks.select_for_update(of=("self",), no_key=True).first()
    if clock is None:
        return None
    seconds = handoff.commitment.contact_minutes_tier_1 * 60
    version = calendars.freeze_version(calendars.calendar_of_rep(rep), now)
    if add_business_time(version, now, seconds) >= clock.due_at:
        return None
    cancel_clocks(handoff=handoff, kinds=[ClockKind.FIRST_CONTACT], now=now)
    hurried = _build_clock(handoff, ClockKind.FIRST_CONTACT, version, seconds, now)
    hurried.save(force_insert=True)
    update_due_at(handoff)
    return hurried


def mark_met(
    *, handoff: Handoff, kind: ClockKind, at: dt.datetime, logged_at: dt.datetime | None = None
) -> Clock | None:
    """Mark the running clock as met at `at`, which was logged at `logged_at`; the first call decides. None if none runs.

    A contact that is logged long afterwards repairs no breach: it counts as of `logged_at`
    (docs/decisions/0014-contacts-logged-late.md).
    """
    running_clocks = handoff.clocks.running().filter(kind=kind)
    clock = running_clocks.select_for_update(of=("self",), no_key=True).first()
    if clock is None:
        return None
    apply_met(clock, at, logged_at or at)
    clock.save(update_fields=["met_at", "used_seconds", "is_late", "breached_at"])
    update_due_at(handoff)
    return clock


def apply_met(clock: PromiseClock, at: dt.datetime, logged_at: dt.datetime) -> None:
    """Mark a running clock as met in memory: at `at` if that is credited, else at `logged_at`."""
    at = _credited_at(clock, at, logged_at)
    clock.met_at, clock.used_seconds = at, round(seconds_used(clock, at))
    clock.is_late = clock.used_seconds > clock.target_seconds
    if not clock.is_late:
        # The sweep had seen a breach only because the fulfilment was logged a little later than it happened.
        clock.breached_at = None


def cancel_clocks(*, handoff: Handoff, kinds: Iterable[ClockKind] = SALES_KINDS, now: dt.datetime) -> None:
    """Cancel the running clocks of these kinds. A clock that is overdue already stays breached."""
    running_clocks = handoff.clocks.running().filter(kind__in=list(kinds)).order_by("pk")
    for clock in running_clocks.select_for_update(of=("self",), no_key=True):
        apply_cancel(clock, now)
        clock.save(update_fields=["cancelled_at", "breached_at"])
    update_due_at(handoff)


def apply_cancel(clock: PromiseClock, now: dt.datetime) -> None:
    """Cancel a running clock in memory; an overdue one is breached from now on, unless a sweep marked it before."""
    clock.cancelled_at = now
    if clock.breached_at is None and seconds_used(clock, now) > clock.target_seconds:
        clock.breached_at = now


def update_due_at(handoff: Handoff) -> None:
    """Set `Handoff.due_at` to the earliest due time of its running clocks."""
    handoff.due_at = handoff.clocks.running().aggregate(due=Min("due_at"))["due"]
    handoff.save(update_fields=["due_at"])


def seconds_used(clock: PromiseClock, at: dt.datetime) -> float:
    """Return the seconds of the clock's own time from its start to `at`."""
    if clock.calendar_version is None:
        return max(0.0, (at - clock.started_at).total_seconds())
    return arithmetic.elapsed_seconds(calendars.load_version(clock.calendar_version), clock.started_at, at)


def late_logging_remark(attempt: Attempt | PlayAttempt) -> str:
    """Return the remark on a contact that was not logged when it happened, "logged 3 days later", or an empty string."""
    delay = attempt.recorded_at - attempt.at
    return f"logged {formats.duration(delay.total_seconds())} later" if delay >= REMARKED_FROM else ""


def _lock_cancelled_clocks(handoff: Handoff, rep: Rep) -> dict[str, Clock]:
    """Return the rep's own cancelled clocks by kind, locked; of each kind the earliest due, as it may have been hurried."""
    cancelled = handoff.clocks.filter(rep=rep, cancelled_at__isnull=False).order_by("-due_at", "-pk")
    return {clock.kind: clock for clock in cancelled.select_for_update(of=("self",), no_key=True)}


def _resume_clock(clock: Clock) -> None:
    clock.cancelled_at = None
    clock.save(update_fields=["cancelled_at"])


def _build_clock(
    handoff: Handoff, kind: ClockKind, version: CalendarVersion | None, seconds: int, since: dt.datetime
) -> Clock:
    return Clock(
        handoff=handoff,
        kind=kind,
        rep=handoff.rep,
        rep_name=str(handoff.rep or ""),
        commitment=handoff.commitment,
        **reckon_times(version, seconds, since),
    )


def reckon_times(version: CalendarVersion | None, seconds: int, since: dt.datetime) -> dict[str, Any]:
    """Return the columns of a promise of so many seconds: its calendar, its start, and when it is due and warned of."""
    return {
        "calendar_version": version,
        "target_seconds": seconds,
        "started_at": since,
        "due_at": add_business_time(version, since, seconds),
        "warn_at": add_business_time(version, since, seconds * WARN_AFTER_PERCENT // 100),
    }


def _team_calendar_version(
    handoff: Handoff,
    since: dt.datetime,
    seconds: int,
    rules: Sequence[RoutingRule],
    freeze_version: CalendarFreezer,
) -> CalendarVersion | None:
    return freeze_team_hours(responsible_team(handoff, rules), since, seconds, freeze_version)


def freeze_team_hours(
    team: Team | None,
    since: dt.datetime,
    seconds: int,
    freeze_version: CalendarFreezer = calendars.freeze_version,
) -> CalendarVersion | None:
    """Return the team's hours for a routing clock, or None for wall-clock time: without a team, or if they never open."""
    if team is None:
        return None
    try:
        version = freeze_version(team.calendar, since)
        add_business_time(version, since, seconds)
    # Hours that cannot be read, or never open, must not keep anything from being routed.
    except (BadCalendar, NeverOpen):
        log.warning("routing_clock_by_wall_time", team=team.pk)
        return None
    return version


def responsible_team(handoff: Handoff, rules: Sequence[RoutingRule]) -> Team | None:
    """Return the team that the rules name for the handoff, or None if no rule matches or the rules cannot be read."""
    try:
        rule = routing_rules.match_rules(rules, handoff).rule
    except Exception as error:
        # The transaction is lost: whoever began it tries again.
        if outages.is_outage(error):
            raise
        log.exception("team_not_found", handoff=handoff.pk)
        return None
    return rule.team if rule else None


def add_business_time(version: CalendarVersion | None, start: dt.datetime, seconds: int) -> dt.datetime:
    """Return the instant when so many seconds of the calendar's business time have passed; wall-clock time without one."""
    if version is None:
        return start + dt.timedelta(seconds=seconds)
    return arithmetic.due_at(calendars.load_version(version), start, seconds)


def _credited_at(clock: PromiseClock, at: dt.datetime, logged_at: dt.datetime) -> dt.datetime:
    # Forms send whole minutes, so the seconds of the start do not count.
    was_theirs = at >= clock.started_at.replace(second=0, microsecond=0)
    is_believed = was_theirs and logged_at - at <= BELIEVED_WITHIN
    return at if is_believed or seconds_used(clock, logged_at) <= clock.target_seconds else logged_at
