"""The promises on a handoff, each a dated row: started, met, breached, cancelled. Nothing else writes `Clock`.

A row's due time is computed once, in business time; sweeps then only compare instants (rules 17.6).
Whoever starts, meets or cancels a clock holds the lock on its handoff.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Final, Protocol

import structlog
from django.db import transaction
from django.db.models import Exists, Min, OuterRef, Q, prefetch_related_objects

from config import ui
from sla.business_time import arithmetic, calendars
from sla.business_time.arithmetic import BadCalendar, NeverOpen
from sla.models import (
    Attempt,
    CalendarVersion,
    Clock,
    ClockQuerySet,
    Handoff,
    PendingDecision,
    Rep,
    RoutingRule,
    Team,
    WorkCalendar,
)
from sla.notifications import outbox
from sla.teams import routing_rules
from sla.vocabulary import ClockKind, DispositionKind, NoticeKind

log = structlog.get_logger(__name__)

#: When the receiver is told that a promise is due soon: with a fifth of its time left.
WARN_AFTER_PERCENT: Final = 80

#: What was done is believed when it is written down so soon after: a long call and the note about it.
BELIEVED_WITHIN: Final = dt.timedelta(hours=1)
#: Below this nobody wonders: people finish their call, then log it.
REMARKED_FROM: Final = dt.timedelta(minutes=15)

#: A rep's promises; the routing is marketing's.
SALES_KINDS: Final = (ClockKind.FIRST_CONTACT, ClockKind.DISPOSITION)


class CalendarVersionReader(Protocol):
    """A function like `calendars.version_of`: the frozen version of a calendar as it is at an instant."""

    def __call__(
        self, calendar: WorkCalendar, now: dt.datetime, *, around_the_clock: bool = False
    ) -> CalendarVersion: ...


def start_routing(*, handoff: Handoff, since: dt.datetime, rules: Sequence[RoutingRule]) -> Clock:
    """Marketing's promise since the lead qualified, in the opening hours of the team that the rules name.

    By the wall if they name none: that hole is marketing's own, and the alarm must ring at night, too.
    """
    clock = build_routing_clock(handoff=handoff, since=since, rules=rules)
    clock.save(force_insert=True)
    return clock


def build_routing_clock(
    *,
    handoff: Handoff,
    since: dt.datetime,
    rules: Sequence[RoutingRule],
    version_of: CalendarVersionReader = calendars.version_of,
) -> Clock:
    """Return the routing clock of a handoff, not stored yet; `version_of` freezes the hours of its team."""
    seconds = handoff.commitment.route_minutes * 60
    version = _hours_of_its_team(handoff, since, seconds, rules, version_of)
    return _build(handoff, ClockKind.ROUTE, version, seconds, since)


def start_sales(*, handoff: Handoff, rep: Rep, now: dt.datetime) -> None:
    """The rep's promises, from now on by the rep's calendar; those that were kept already stay kept.

    Each rep's time begins when the handoff first comes to them: somebody else finds it whole, but whoever gets it back
    goes on with the very clocks they had, breaches and all. So passing a lead away and back buys nobody a minute.
    """
    interrupted = _interrupted(handoff, rep)
    for kind, seconds in sales_targets(handoff).items():
        if kind in interrupted:
            _resume(interrupted[kind])
        else:
            build_sales_clock(handoff=handoff, rep=rep, kind=kind, seconds=seconds, now=now).save(force_insert=True)
    restate_due(handoff)
    if handoff.hot_upgraded_at is not None and interrupted:
        # Their own clock may be from before the lead turned hot, in somebody else's hands.
        hurry(handoff=handoff, rep=rep, now=now)


def sales_targets(handoff: Handoff) -> dict[ClockKind, int]:
    """Map each promise that the rep still has to keep to its seconds (rules 6.14)."""
    commitment = handoff.commitment
    contact = commitment.contact_minutes_tier_1 if handoff.is_hot else commitment.contact_minutes
    targets = {
        ClockKind.FIRST_CONTACT: (contact * 60, handoff.first_contact_at),
        ClockKind.DISPOSITION: (commitment.disposition_hours * 3600, handoff.decided_at),
    }
    return {kind: seconds for kind, (seconds, done_at) in targets.items() if done_at is None}


def build_sales_clock(
    *,
    handoff: Handoff,
    rep: Rep,
    kind: ClockKind,
    seconds: int,
    now: dt.datetime,
    version_of: CalendarVersionReader = calendars.version_of,
) -> Clock:
    """Return a rep's clock that starts now by the rep's calendar, not stored yet.

    The disposition clock counts whole working days. Raises NeverOpen, BadCalendar.
    """
    version = version_of(calendars.of_rep(rep), now, around_the_clock=kind == ClockKind.DISPOSITION)
    return _build(handoff, kind, version, seconds, now)


def resume_contact(*, handoff: Handoff) -> None:
    """A rejection was corrected: the first contact that it spared the rep is due as if it had never been."""
    if handoff.first_contact_at is not None or handoff.rep is None:
        return
    if (clock := _interrupted(handoff, handoff.rep).get(ClockKind.FIRST_CONTACT)) is not None:
        _resume(clock)
        restate_due(handoff)


def hurry(*, handoff: Handoff, rep: Rep, now: dt.datetime) -> Clock | None:
    """The lead became hot in the rep's hands: the first contact is due in tier 1's minutes from now on, if that is earlier.

    The clock that begins, or None when nothing changes: contacted already, overdue already, or due as early anyhow. The
    one it replaces is cancelled, neither kept nor broken. Raises NeverOpen, BadCalendar.
    """
    running = handoff.clocks.running().filter(kind=ClockKind.FIRST_CONTACT, breached_at=None, due_at__gte=now)
    clock = running.select_for_update(of=("self",), no_key=True).first()
    if clock is None:
        return None
    seconds = handoff.commitment.contact_minutes_tier_1 * 60
    version = calendars.version_of(calendars.of_rep(rep), now)
    if instant_after(version, now, seconds) >= clock.due_at:
        return None
    cancel(handoff=handoff, kinds=[ClockKind.FIRST_CONTACT], now=now)
    hurried = _build(handoff, ClockKind.FIRST_CONTACT, version, seconds, now)
    hurried.save(force_insert=True)
    restate_due(handoff)
    return hurried


def met(*, handoff: Handoff, kind: ClockKind, at: dt.datetime, logged_at: dt.datetime | None = None) -> Clock | None:
    """The promise was fulfilled at `at`, which was written down at `logged_at`. The first such word is the verdict.

    What is written down long afterwards repairs no breach: it counts as of `logged_at`
    (docs/decisions/contacts-logged-late.md).
    """
    running = handoff.clocks.running().filter(kind=kind)
    clock = running.select_for_update(of=("self",), no_key=True).first()
    if clock is None:
        return None
    apply_met(clock, at, logged_at or at)
    clock.save(update_fields=["met_at", "used_seconds", "is_late", "breached_at"])
    restate_due(handoff)
    return clock


def apply_met(clock: Clock, at: dt.datetime, logged_at: dt.datetime) -> None:
    """Mark a running clock as met in memory: at `at` if that is believed, else at `logged_at`."""
    at = _credited_at(clock, at, logged_at)
    clock.met_at, clock.used_seconds = at, round(used(clock, at))
    clock.is_late = clock.used_seconds > clock.target_seconds
    if not clock.is_late:
        # The sweep had seen a breach only because the fulfilment was logged a little later than it happened.
        clock.breached_at = None


def cancel(*, handoff: Handoff, kinds: Iterable[ClockKind] = SALES_KINDS, now: dt.datetime) -> None:
    """These promises need not be kept any more. One that is overdue already stays broken."""
    running = handoff.clocks.running().filter(kind__in=list(kinds)).order_by("pk")
    for clock in running.select_for_update(of=("self",), no_key=True):
        apply_cancel(clock, now)
        clock.save(update_fields=["cancelled_at", "breached_at"])
    restate_due(handoff)


def apply_cancel(clock: Clock, now: dt.datetime) -> None:
    """Cancel a running clock in memory; one that is overdue is broken from now on, unless a sweep has seen it before."""
    clock.cancelled_at = now
    if clock.breached_at is None and used(clock, now) > clock.target_seconds:
        clock.breached_at = now


def restate_due(handoff: Handoff) -> None:
    """Keep `Handoff.due_at` the earliest due time of its running clocks."""
    handoff.due_at = handoff.clocks.running().aggregate(due=Min("due_at"))["due"]
    handoff.save(update_fields=["due_at"])


def used(clock: Clock, at: dt.datetime) -> float:
    """Seconds of the clock's own time from its start to `at`."""
    if clock.calendar_version is None:
        return max(0.0, (at - clock.started_at).total_seconds())
    return arithmetic.elapsed(calendars.load(clock.calendar_version), clock.started_at, at)


def remark(attempt: Attempt) -> str:
    """What a reader should know of a contact that was not logged when it happened: "logged 3 days later"."""
    delay = attempt.recorded_at - attempt.at
    return f"logged {ui.duration(delay.total_seconds())} later" if delay >= REMARKED_FROM else ""


def sweep_warnings(*, now: dt.datetime, limit: int = 500) -> int:
    """Tell the receivers of promises that are due soon, each once. Any number of workers may sweep at once."""
    with transaction.atomic():
        # One that is overdue by now gets its breach instead.
        soon = _claimable().filter(warned_at=None, breached_at=None, warn_at__lte=now, due_at__gte=now)
        clocks = list(soon.order_by("warn_at", "pk")[:limit])
        outbox.write(due_soon_notice(clock, now) for clock in clocks)
        Clock.objects.filter(pk__in=[clock.pk for clock in clocks]).update(warned_at=now)
    return len(clocks)


def sweep_breaches(*, now: dt.datetime, limit: int = 500) -> int:
    """Mark promises that were broken and tell the rep and the managers, each once. Any number of workers may sweep at once."""
    with transaction.atomic():
        due = _claimable().filter(breached_at=None, due_at__lt=now).order_by("due_at", "pk")
        # Time used up exactly at closing is not exceeded before the next opening.
        clocks = [clock for clock in due[:limit] if _is_exceeded(clock, now)]
        outbox.write(chain((overdue_notice(clock, now) for clock in clocks), _still_unrouted(clocks, now)))
        Clock.objects.filter(pk__in=[clock.pk for clock in clocks]).update(breached_at=now)
    return len(clocks)


def _interrupted(handoff: Handoff, rep: Rep) -> dict[str, Clock]:
    """The rep's own clocks that were cancelled, of each kind the most urgent: it may have been hurried meanwhile."""
    cancelled = handoff.clocks.filter(rep=rep, cancelled_at__isnull=False).order_by("-due_at", "-pk")
    return {clock.kind: clock for clock in cancelled.select_for_update(of=("self",), no_key=True)}


def _resume(clock: Clock) -> None:
    clock.cancelled_at = None
    clock.save(update_fields=["cancelled_at"])


def _build(
    handoff: Handoff, kind: ClockKind, version: CalendarVersion | None, seconds: int, since: dt.datetime
) -> Clock:
    return Clock(
        handoff=handoff,
        kind=kind,
        rep=handoff.rep,
        commitment=handoff.commitment,
        calendar_version=version,
        target_seconds=seconds,
        started_at=since,
        due_at=instant_after(version, since, seconds),
        warn_at=instant_after(version, since, seconds * WARN_AFTER_PERCENT // 100),
    )


def _hours_of_its_team(
    handoff: Handoff,
    since: dt.datetime,
    seconds: int,
    rules: Sequence[RoutingRule],
    version_of: CalendarVersionReader,
) -> CalendarVersion | None:
    team = team_of(handoff, rules)
    if team is None:
        return None
    try:
        version = version_of(team.calendar, since)
        instant_after(version, since, seconds)
    # Hours that cannot be read, or never come: no lead waits for that.
    except (BadCalendar, NeverOpen):
        log.warning("routing_promised_by_the_wall", handoff=handoff.pk)
        return None
    return version


def team_of(handoff: Handoff, rules: Sequence[RoutingRule]) -> Team | None:
    """Whose lead it is by the rules, whoever is there to take it; nobody's if they cannot be read."""
    try:
        rule = routing_rules.match_rules(rules, handoff).rule
    except Exception:
        log.exception("team_not_found", handoff=handoff.pk)
        return None
    return rule.team if rule else None


def instant_after(version: CalendarVersion | None, start: dt.datetime, seconds: int) -> dt.datetime:
    """Return when so many seconds of a calendar's business time have passed since `start`; of the wall's without one."""
    if version is None:
        return start + dt.timedelta(seconds=seconds)
    return arithmetic.due(calendars.load(version), start, seconds)


def _claimable() -> ClockQuerySet:
    related = ("handoff__lead__company", "handoff__team", "rep__user", "calendar_version")
    running = _undecided(Clock.objects.running())
    running = running.select_related(*related).prefetch_related("handoff__team__managers")
    return running.select_for_update(of=("self",), no_key=True, skip_locked=True)


def _undecided(running: ClockQuerySet) -> ClockQuerySet:
    """Without those that a decision in time keeps or ends as soon as it is final (sla.handoffs.undo_window)."""
    decided = PendingDecision.objects.filter(handoff=OuterRef("handoff"), at__lte=OuterRef("due_at"))
    kept = Q(kind=ClockKind.DISPOSITION) & Exists(decided)
    return running.filter(~kept, ~Exists(decided.filter(kind=DispositionKind.REJECT)))


def _credited_at(clock: Clock, at: dt.datetime, logged_at: dt.datetime) -> dt.datetime:
    # Forms send whole minutes.
    was_theirs = at >= clock.started_at.replace(second=0, microsecond=0)
    is_believed = was_theirs and logged_at - at <= BELIEVED_WITHIN
    return at if is_believed or used(clock, logged_at) <= clock.target_seconds else logged_at


def due_soon_notice(clock: Clock, now: dt.datetime) -> outbox.NoticeDraft:
    """Return the notice that a promise is due soon: to the rep, or to the managers if nobody has the handoff."""
    return outbox.NoticeDraft(
        kind=NoticeKind.DUE_SOON,
        once=f"warning:{clock.pk}",
        handoff=clock.handoff,
        to=outbox.rep_or_managers(clock.rep, clock.handoff.team),
        text=f"{clock.get_kind_display()} is due soon: {clock.handoff.lead}",
        at=now,
    )


def _is_exceeded(clock: Clock, now: dt.datetime) -> bool:
    try:
        return used(clock, now) > clock.target_seconds
    # It is due by what its hours said when it began; that nobody can read them any more holds up no other's breach.
    except BadCalendar:
        log.exception("hours_not_readable", clock=clock.pk)
        return True


def _still_unrouted(clocks: Iterable[Clock], now: dt.datetime) -> Iterator[outbox.NoticeDraft]:
    """Of those that came while their team was closed nobody has been told yet."""
    unannounced = [clock for clock in clocks if is_unannounced(clock)]
    rules = routing_rules.rules() if unannounced else []
    prefetch_related_objects([rule.team for rule in rules], "managers")
    for clock in unannounced:
        yield unrouted_notice(clock, rules, now)


def is_unannounced(clock: Clock) -> bool:
    """Return whether an overdue clock is of a handoff that came while its team was closed, so that nobody was alerted."""
    return clock.kind == ClockKind.ROUTE and clock.calendar_version is not None


def unrouted_notice(clock: Clock, rules: Sequence[RoutingRule], now: dt.datetime) -> outbox.NoticeDraft:
    """Return the notice that nobody has the handoff of an overdue routing clock."""
    team = team_of(clock.handoff, rules)
    return outbox.unrouted(handoff=clock.handoff, team=team, why=routing_rules.NO_MATCH, at=now)


def overdue_notice(clock: Clock, now: dt.datetime) -> outbox.NoticeDraft:
    """Return the notice that a promise was broken: to the rep and the managers."""
    return outbox.NoticeDraft(
        kind=NoticeKind.BREACHED,
        once=f"breach:{clock.pk}",
        handoff=clock.handoff,
        to=outbox.rep_and_managers(clock.rep, clock.handoff.team),
        text=f"{clock.get_kind_display()} is overdue: {clock.handoff.lead}" + (f" ({clock.rep})" if clock.rep else ""),
        at=now,
    )
