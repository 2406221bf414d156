"""The SLA clocks of handoffs that are still in memory, computed by the functions of `sla.clocks.clocks`."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Sequence
from typing import Final

from django.db.models import prefetch_related_objects

from config.demo.company.bulk_writer import BulkWriter
from sla.business_time import calendars
from sla.clocks import clock_sweeps, clocks
from sla.models import CalendarVersion, Clock, Handoff, Rep, RoutingRule, WorkCalendar
from sla.vocabulary import ClockKind

#: Sweeps run at the multiples of this, so that both ways of running the year find the same clocks at the same instants.
_SWEEP_EVERY: Final = dt.timedelta(seconds=10)
_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def warning_sweep(clock: Clock) -> dt.datetime:
    """Return the first sweep at which the clock is due soon."""
    return _EPOCH - (_EPOCH - clock.warn_at) // _SWEEP_EVERY * _SWEEP_EVERY


def breach_sweep(clock: Clock) -> dt.datetime:
    """Return the first sweep at which the clock's target is exceeded."""
    first_sweep = _next_sweep(clock.due_at)
    if clocks.seconds_used(clock, first_sweep) > clock.target_seconds:
        return first_sweep
    # A target that is used up exactly at closing is not exceeded before the next opening.
    second = dt.timedelta(seconds=1)
    opens_at = clocks.add_business_time(clock.calendar_version, clock.started_at, clock.target_seconds + 1) - second
    return _next_sweep(opens_at)


def _next_sweep(at: dt.datetime) -> dt.datetime:
    """Return the first sweep after `at`."""
    return _EPOCH + ((at - _EPOCH) // _SWEEP_EVERY + 1) * _SWEEP_EVERY


class BulkClocks:
    """The clocks of handoffs in memory: started, met and cancelled there.

    Sweeps do not run in the past, so a clock gets the warnings and breaches that they would have written whenever it ends
    or rows are written. A handoff never comes back to a rep who had it, so no cancelled clock is resumed.
    """

    def __init__(self, writer: BulkWriter, rules: Sequence[RoutingRule]) -> None:
        self._writer, self._rules = writer, rules
        self._versions: dict[tuple[int, int, bool], CalendarVersion] = {}
        # By the handoff's id, then by kind.
        self._running: dict[int, dict[str, Clock]] = defaultdict(dict)
        prefetch_related_objects([rule.team for rule in rules], "managers")

    def start_routing(self, handoff: Handoff, since: dt.datetime) -> None:
        """Start marketing's clock."""
        clock = clocks.build_routing_clock(
            handoff=handoff, since=since, rules=self._rules, freeze_version=self._freeze_version
        )
        self._start(clock)

    def start_sales(self, handoff: Handoff, rep: Rep, now: dt.datetime) -> None:
        """Start the clocks of the rep who was just given the handoff."""
        for kind, seconds in clocks.sales_targets(handoff).items():
            clock = clocks.build_sales_clock(
                handoff=handoff, rep=rep, kind=kind, seconds=seconds, now=now, freeze_version=self._freeze_version
            )
            self._start(clock)

    def meet(self, handoff: Handoff, kind: ClockKind, at: dt.datetime) -> None:
        """Meet the running clock of this kind, if there is one."""
        clock = self._running[handoff.pk].pop(kind, None)
        if clock is not None:
            self._sweep(clock, at)
            clocks.apply_met(clock, at, at)
            self._update_due_at(handoff)

    def cancel(self, handoff: Handoff, now: dt.datetime) -> None:
        """Cancel the rep's running clocks."""
        running = self._running[handoff.pk]
        for kind in clocks.SALES_KINDS:
            if (clock := running.pop(kind, None)) is not None:
                self._sweep(clock, now)
                clocks.apply_cancel(clock, now)
        self._update_due_at(handoff)

    def sweep(self, now: dt.datetime) -> None:
        """Warn of all running clocks and mark their breaches as sweeps until `now` would have."""
        for running in self._running.values():
            for clock in running.values():
                self._sweep(clock, now)

    def _start(self, clock: Clock) -> None:
        self._running[clock.handoff.pk][clock.kind] = self._writer.add(clock)
        self._update_due_at(clock.handoff)

    def _sweep(self, clock: Clock, now: dt.datetime) -> None:
        warned_at = warning_sweep(clock)
        if clock.warned_at is None and clock.breached_at is None and warned_at <= min(now, clock.due_at):
            clock.warned_at = warned_at
            self._writer.add_notices([clock_sweeps.draft_warning(clock, warned_at)])
        breached_at = breach_sweep(clock)
        if clock.breached_at is None and breached_at <= now:
            clock.breached_at = breached_at
            self._writer.add_notices([clock_sweeps.draft_breach(clock, breached_at)])
            if clock_sweeps.is_unannounced(clock):
                self._writer.add_notices([clock_sweeps.draft_unrouted(clock, self._rules, breached_at)])

    def _update_due_at(self, handoff: Handoff) -> None:
        running = self._running[handoff.pk].values()
        handoff.due_at = min((clock.due_at for clock in running), default=None)

    def _freeze_version(
        self, calendar: WorkCalendar, now: dt.datetime, *, around_the_clock: bool = False
    ) -> CalendarVersion:
        # Calendars stand still while the year is written; only the holidays in them depend on the year.
        key = (calendar.pk, now.year, around_the_clock)
        if key not in self._versions:
            self._versions[key] = calendars.freeze_version(calendar, now, around_the_clock=around_the_clock)
        return self._versions[key]
