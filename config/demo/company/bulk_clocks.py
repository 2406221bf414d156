"""The clocks of the year's handoffs, kept in memory: started, met and broken as `sla.clocks.clocks` would have it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Final

from config.demo.company.bulk_writer import BulkWriter
from sla.business_time import arithmetic, calendars
from sla.business_time.arithmetic import Calendar
from sla.clocks import clocks
from sla.models import CalendarVersion, Clock, Handoff, Rep, Team, WorkCalendar
from sla.notifications import outbox
from sla.teams import routing_rules
from sla.vocabulary import ClockKind, NoticeKind

#: How long a sweep takes to see what is due.
SEEN_AFTER: Final = dt.timedelta(seconds=10)


class BulkClocks:
    def __init__(self, ledger: BulkWriter) -> None:
        self._ledger = ledger
        self._versions: dict[tuple[int, int, bool], CalendarVersion] = {}
        # By the object, for it has no id before it is written.
        self._running: dict[int, dict[ClockKind, Clock]] = {}
        self._teams: dict[int, Team | None] = {}
        self._told_unrouted: set[int] = set()

    def hours(self, rep: Rep, now: dt.datetime) -> Calendar:
        return calendars.load(self._version(calendars.of_rep(rep), now, around_the_clock=False))

    def start_routing(self, handoff: Handoff, since: dt.datetime, team: Team | None) -> None:
        """In the hours of the team that the rules name, of nobody by the wall."""
        self._teams[id(handoff)] = team
        version = self._version(team.calendar, since, around_the_clock=False) if team else None
        self._start(handoff, ClockKind.ROUTE, version, handoff.commitment.route_minutes * 60, since)

    def tell_unrouted(self, handoff: Handoff, now: dt.datetime, *, is_overdue: bool) -> None:
        """Once, and at once, unless its team is merely closed."""
        team = self._teams[id(handoff)]
        if id(handoff) in self._told_unrouted or not (is_overdue or team is None or self._is_open(team, now)):
            return
        self._told_unrouted.add(id(handoff))
        text = outbox.unrouted_said(handoff, team, routing_rules.NO_MATCH)
        self._ledger.tell(NoticeKind.UNROUTED, [self._ledger.staff.manager], text, now, handoff, "unrouted:{}")

    def start_sales(self, handoff: Handoff, rep: Rep, now: dt.datetime) -> None:
        promised = handoff.commitment
        minutes = promised.contact_minutes_tier_1 if handoff.tier == 1 else promised.contact_minutes
        if handoff.first_contact_at is None:
            version = self._version(calendars.of_rep(rep), now, around_the_clock=False)
            self._start(handoff, ClockKind.FIRST_CONTACT, version, minutes * 60, now)
        if handoff.decided_at is None:
            version = self._version(calendars.of_rep(rep), now, around_the_clock=True)
            self._start(handoff, ClockKind.DISPOSITION, version, promised.disposition_hours * 3600, now)

    def met(self, handoff: Handoff, kind: ClockKind, at: dt.datetime) -> None:
        clock = self._running.get(id(handoff), {}).pop(kind, None)
        if clock is None:
            return
        self._look(clock, at)
        clock.met_at, clock.used_seconds = at, round(clocks.used(clock, at))
        clock.is_late = clock.used_seconds > clock.target_seconds
        self._restate(handoff)

    def cancel(self, handoff: Handoff, now: dt.datetime) -> None:
        """Sales' promises need not be kept any more; one that is overdue stays broken."""
        running = self._running.get(id(handoff), {})
        for kind in clocks.SALES_KINDS:
            if (clock := running.pop(kind, None)) is not None:
                self._look(clock, now)
                clock.cancelled_at = now
        self._restate(handoff)

    def sweep(self, handoffs: Iterable[Handoff], now: dt.datetime) -> None:
        for handoff in handoffs:
            for clock in self._running.get(id(handoff), {}).values():
                self._look(clock, now)

    def _start(
        self, handoff: Handoff, kind: ClockKind, version: CalendarVersion | None, seconds: int, since: dt.datetime
    ) -> None:
        clock = Clock(
            handoff=handoff,
            kind=kind,
            rep=handoff.rep,
            commitment=handoff.commitment,
            calendar_version=version,
            target_seconds=seconds,
            started_at=since,
            due_at=_after(version, since, seconds),
            warn_at=_after(version, since, seconds * clocks.WARN_AFTER_PERCENT // 100),
        )
        self._ledger.add(clock)
        self._running.setdefault(id(handoff), {})[kind] = clock
        self._restate(handoff)

    def _look(self, clock: Clock, now: dt.datetime) -> None:
        """What sweeps up to `now` would have seen and said."""
        warned = clock.warn_at + SEEN_AFTER
        if clock.warned_at is None and clock.breached_at is None and warned <= min(now, clock.due_at):
            clock.warned_at = warned
            self._tell(clock, NoticeKind.DUE_SOON, "is due soon", "warning:{}", warned, with_managers=False)
        seen = _after(clock.calendar_version, clock.started_at, clock.target_seconds + SEEN_AFTER.seconds)
        if clock.breached_at is None and seen <= now:
            clock.breached_at = seen
            self._tell(clock, NoticeKind.BREACHED, "is overdue", "breach:{}", seen, with_managers=True)
            if clock.kind == ClockKind.ROUTE:
                self.tell_unrouted(clock.handoff, seen, is_overdue=True)

    def _tell(
        self, clock: Clock, kind: NoticeKind, says: str, once: str, at: dt.datetime, *, with_managers: bool
    ) -> None:
        rep = [] if clock.rep is None else [clock.rep.user]
        to = [*rep, self._ledger.staff.manager] if with_managers or not rep else rep
        text = f"{clock.get_kind_display()} {says}: {clock.handoff.lead}"
        self._ledger.tell(kind, to, text, at, clock, once)

    def _restate(self, handoff: Handoff) -> None:
        running = self._running.get(id(handoff), {})
        handoff.due_at = min((clock.due_at for clock in running.values()), default=None)

    def _is_open(self, team: Team, now: dt.datetime) -> bool:
        version = self._version(team.calendar, now, around_the_clock=False)
        return arithmetic.is_open(calendars.load(version), now)

    def _version(self, hours: WorkCalendar, now: dt.datetime, *, around_the_clock: bool) -> CalendarVersion:
        key = (hours.pk, now.year, around_the_clock)
        if key not in self._versions:
            self._versions[key] = calendars.version_of(hours, now, around_the_clock=around_the_clock)
        return self._versions[key]


def _after(version: CalendarVersion | None, start: dt.datetime, seconds: float) -> dt.datetime:
    if version is None:
        return start + dt.timedelta(seconds=seconds)
    return arithmetic.due(calendars.load(version), start, seconds)
