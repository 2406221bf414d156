"""The promises on plays, in business time as those on handoffs. Nothing else writes `PlayClock` (rules 6.40).

Code that starts, meets or cancels a clock holds the lock on its play.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from typing import Final

from django.db import transaction
from django.db.models import Min, Q, QuerySet
from django.urls import reverse

from config.jobs import sweeps
from sla.business_time import calendars
from sla.clocks import clock_sweeps, clocks
from sla.models import AccountPlay, CalendarVersion, PlayClock, Rep, Team
from sla.notifications import outbox
from sla.notifications.outbox import NoticeDraft
from sla.vocabulary import ClockKind, NoticeKind

SWEEP: Final = "clocks of plays"
_RELATED: Final = ("play__company", "play__team", "rep__user", "calendar_version")


def start_routing(*, play: AccountPlay, team: Team | None, since: dt.datetime) -> PlayClock:
    """Start marketing's routing clock in the hours of the team that the rules name; by wall time without one."""
    seconds = play.commitment.route_minutes * 60
    clock = _build_clock(play, ClockKind.ROUTE, clocks.freeze_team_hours(team, since, seconds), seconds, since)
    clock.save(force_insert=True)
    update_due_at(play)
    return clock


def start_sales(*, play: AccountPlay, rep: Rep, now: dt.datetime) -> None:
    """Start the owner's clocks by the owner's calendar: first contact by tier, and the decision.

    An owner who gets the play back goes on with the clocks they had, so that passing it away and back gains no time
    (rules 6.17).
    """
    commitment, interrupted = play.commitment, _lock_cancelled(play, rep)
    minutes = commitment.contact_minutes_tier_1 if play.tier == 1 else commitment.contact_minutes
    targets = {
        ClockKind.FIRST_CONTACT: (minutes * 60, play.first_contact_at),
        ClockKind.DISPOSITION: (commitment.disposition_hours * 3600, play.decided_at),
    }
    for kind, (seconds, fulfilled_at) in targets.items():
        if fulfilled_at is not None:
            continue
        if (clock := interrupted.get(kind)) is not None:
            clock.cancelled_at = None
            clock.save(update_fields=["cancelled_at"])
        else:
            calendar = calendars.calendar_of_rep(rep)
            version = calendars.freeze_version(calendar, now, around_the_clock=kind == ClockKind.DISPOSITION)
            _build_clock(play, kind, version, seconds, now).save(force_insert=True)
    update_due_at(play)


def mark_met(*, play: AccountPlay, kind: ClockKind, at: dt.datetime, logged_at: dt.datetime | None = None) -> None:
    """Mark the running clock as met at `at`, which was logged at `logged_at`; nothing if none runs."""
    for clock in _running(play, [kind]):
        clocks.apply_met(clock, at, logged_at or at)
        clock.save(update_fields=["met_at", "used_seconds", "is_late", "breached_at"])
    update_due_at(play)


def cancel(*, play: AccountPlay, now: dt.datetime, kinds: Sequence[ClockKind] = clocks.SALES_KINDS) -> None:
    """Cancel the running clocks of these kinds. A clock that is overdue already stays breached."""
    for clock in _running(play, kinds):
        clocks.apply_cancel(clock, now)
        clock.save(update_fields=["cancelled_at", "breached_at"])
    update_due_at(play)


def update_due_at(play: AccountPlay) -> None:
    """Set `AccountPlay.due_at` to the earliest due time of its running clocks."""
    running = play.clocks.filter(met_at=None, cancelled_at=None)
    play.due_at = running.aggregate(due=Min("due_at"))["due"]
    play.save(update_fields=["due_at"])


def sweep(*, now: dt.datetime, limit: int = 500) -> int:
    """Write a notice for each clock that is due soon or overdue, once each; one that fails is set aside (rules 17.5).

    As on handoffs all pages are read: a clock due exactly at closing is not exceeded before the next opening. Any number of
    workers may run at once. Returns how many clocks were marked.
    """
    running = PlayClock.objects.filter(met_at=None, cancelled_at=None, breached_at=None, warn_at__lte=now)
    running = running.exclude(warned_at__isnull=False, due_at__gte=now)
    sweeps.forget_done(SWEEP, running, now)
    marked: list[int] = []
    last: PlayClock | None = None
    while True:
        with transaction.atomic():
            due = sweeps.exclude_set_aside(SWEEP, running.select_related(*_RELATED), now)
            if last is not None:
                due = due.filter(Q(warn_at__gt=last.warn_at) | Q(warn_at=last.warn_at, pk__gt=last.pk))
            rows = due.select_for_update(of=("self",), no_key=True, skip_locked=True)
            page = list(rows.order_by("warn_at", "pk")[:limit])
            to_mark = [clock.pk for clock in page if clock.due_at >= now or clock_sweeps.is_exceeded(clock, now)]
            sweeps.do_together(SWEEP, to_mark, lambda ids: marked.append(_mark(ids, now)), now=now)
        if len(page) < limit:
            return sum(marked)
        last = page[-1]


def _mark(clock_ids: Sequence[int], now: dt.datetime) -> int:
    due = list(PlayClock.objects.filter(pk__in=clock_ids).select_related(*_RELATED).order_by("warn_at", "pk"))
    late = [clock for clock in due if clock.due_at < now]
    soon = [clock for clock in due if clock.due_at >= now]
    outbox.write_notices(
        [*(draft_warning(clock, now) for clock in soon), *(draft_breach(clock, now) for clock in late)]
    )
    PlayClock.objects.filter(pk__in=[clock.pk for clock in soon]).update(warned_at=now)
    PlayClock.objects.filter(pk__in=[clock.pk for clock in late]).update(breached_at=now)
    return len(soon) + len(late)


def draft_warning(clock: PlayClock, now: dt.datetime) -> NoticeDraft:
    """Draft the notice that a clock is due soon: to the owner, or to the managers if nobody owns the play."""
    text = f"{clock.get_kind_display()} is due soon: account play {clock.play.company}"
    to = outbox.rep_or_managers(clock.rep, clock.play.team)
    return NoticeDraft(NoticeKind.DUE_SOON, f"play-warning:{clock.pk}", None, to, text, now, path_of(clock.play))


def draft_breach(clock: PlayClock, now: dt.datetime) -> NoticeDraft:
    """Draft the notice that a clock is overdue: to the owner and the managers."""
    text = f"{clock.get_kind_display()} is overdue: account play {clock.play.company}"
    to = outbox.rep_and_managers(clock.rep, clock.play.team)
    return NoticeDraft(NoticeKind.BREACHED, f"play-breach:{clock.pk}", None, to, text, now, path_of(clock.play))


def path_of(play: AccountPlay) -> str:
    return reverse("play", args=[play.pk])


def _running(play: AccountPlay, kinds: Iterable[ClockKind]) -> QuerySet[PlayClock]:
    rows = play.clocks.filter(met_at=None, cancelled_at=None, kind__in=list(kinds)).order_by("pk")
    return rows.select_for_update(of=("self",), no_key=True)


def _lock_cancelled(play: AccountPlay, rep: Rep) -> dict[str, PlayClock]:
    """Return the rep's own cancelled clocks by kind, locked."""
    rows = play.clocks.filter(rep=rep, cancelled_at__isnull=False).order_by("pk")
    return {clock.kind: clock for clock in rows.select_for_update(of=("self",), no_key=True)}


def _build_clock(
    play: AccountPlay, kind: ClockKind, version: CalendarVersion | None, seconds: int, since: dt.datetime
) -> PlayClock:
    return PlayClock(
        play=play,
        kind=kind,
        rep=play.rep,
        rep_name=str(play.rep or ""),
        commitment=play.commitment,
        **clocks.reckon_times(version, seconds, since),
    )
