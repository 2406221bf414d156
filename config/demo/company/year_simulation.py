"""Plays the year in order of time: what Accord and the people do, each at its instant.

Until the last day it is kept in books (`books`), from then on it goes through the product's use-cases (`live`).
Who qualifies and when is the judge's word; what people do comes from the story.
"""

from __future__ import annotations

import datetime as dt
import heapq
import random
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from itertools import count
from typing import Final, Protocol, TypeAlias

from config.demo.company import definition_history, staff
from config.demo.company.bulk_handoffs import BulkHandoffs
from config.demo.company.lead_generator import GeneratedYear
from config.demo.company.live_handoffs import LiveHandoffs
from config.demo.company.qualifying_instants import QualifyingInstants
from config.demo.company.sales_plan import AssignedLead, PlannedAction, SalesAction, SalesPlanner
from config.demo.company.staff import Staff
from definitions.models import Version
from leads.models import User
from scoring import active_versions
from sla.business_time import arithmetic, calendars
from sla.models import Clock, Handoff, Rep, Team
from sla.nurture import recycling
from sla.reports import rejection_monitor
from sla.teams import routing_rules

_SECOND: Final = dt.timedelta(seconds=1)
_DAY: Final = dt.timedelta(days=1)
#: From an event to the worker that judges it, and on to the handoff.
_JUDGED_AFTER: Final = 5 * _SECOND
_HANDED_OFF_AFTER: Final = 3 * _SECOND
_SWEPT_AFTER: Final = 10 * _SECOND
#: The last day: from here on the desk works around the clock, and the use-cases take over from the books.
LAST_DAY: Final = dt.timedelta(hours=30)

Happening: TypeAlias = Callable[[dt.datetime], None]


class HandoffProcess(Protocol):
    """Whoever carries out what happens."""

    def qualify(self, *, lead_id: int, at: dt.datetime, version: Version, now: dt.datetime) -> bool: ...
    def hand_off(self, now: dt.datetime) -> None: ...
    def reroute(self, now: dt.datetime) -> None: ...
    def assign(self, handoff: Handoff, rep: Rep, by: User, reason: str, now: dt.datetime) -> None: ...
    def arrivals(self) -> list[Handoff]: ...
    def waiting(self) -> list[Handoff]: ...
    def perform(self, *, handoff: Handoff, step: PlannedAction, now: dt.datetime) -> None: ...
    def close(self, now: dt.datetime) -> None: ...


class YearSimulation:
    def __init__(
        self,
        *,
        world: GeneratedYear,
        people: Staff,
        leads: Mapping[str, int],
        candidates: QualifyingInstants,
        rng: random.Random,
    ) -> None:
        turning = world.calendar
        self._calendar, self._staff, self._candidates, self._rng = turning, people, candidates, rng
        self._cues = {leads[person.email]: person.cue for person in world.people if person.cue}
        self._story = SalesPlanner(rng, turning.bad_month, turning.new_version)
        self._queue: list[tuple[dt.datetime, int, Happening]] = []
        self._number = count()
        self._rerouted: set[dt.datetime] = set()
        self._by_hand: set[int] = set()
        self._hours_of: dict[tuple[int, int], arithmetic.Calendar] = {}
        self._rules = routing_rules.rules()
        self._version: Version | None = None
        self._office: HandoffProcess = LiveHandoffs(manager=people.manager)

    def play(self, *, books: bool = True) -> None:
        """Without books everything goes through the use-cases: the same year, slowly."""
        now = self._calendar.now
        curtain = now - LAST_DAY
        for at, happening in definition_history.planned_changes(self._calendar, self._staff, self._candidates):
            self._at(at, partial(self._change_agreement, happening))
        for lead_id, at in self._candidates.first():
            self._at(at + _JUDGED_AFTER, partial(self._qualify, lead_id, at))
        for at in self._inspections():
            self._at(at, self._inspect)
        if books:
            self._office = BulkHandoffs(candidates=self._candidates, staff=self._staff)
        self._run(until=curtain)
        self._office.close(curtain)
        self._rise(curtain)
        self._run(until=now)
        self._office.close(now)

    def _run(self, *, until: dt.datetime) -> None:
        while self._queue and self._queue[0][0] <= until:
            at, _, happening = heapq.heappop(self._queue)
            happening(at)

    def _rise(self, now: dt.datetime) -> None:
        """The last day begins: what is in hand stays in hand, by the same steps."""
        live = LiveHandoffs(manager=self._staff.manager)
        self._office = live
        staff.begin_last_day(desk=self._staff.desk, now=now)
        staff.activate_second_commitment(self._staff, now=now)
        recycling.announce_returns(now=now)
        for clock in Clock.objects.running().filter(due_at__gt=now):
            self._watch(live, clock, now)

    def _at(self, at: dt.datetime, happening: Happening) -> None:
        heapq.heappush(self._queue, (at, next(self._number), happening))

    # ── The agreement and its figures ─────────────────────────────────────────────────────────────────────
    def _change_agreement(self, happening: Happening, now: dt.datetime) -> None:
        happening(now)
        self._version = next(iter(active_versions.active()), None)

    def _inspections(self) -> Iterator[dt.datetime]:
        """The mornings on which the figures are looked at: the first of each month, and weekly around the bad one."""
        turning = self._calendar
        for days in range(1, (turning.now - LAST_DAY - turning.start).days):
            morning = (turning.start + days * _DAY).replace(hour=5, minute=10, second=0, microsecond=0)
            in_doubt = turning.bad_month + 9 * _DAY < morning < turning.bad_month_ends + 9 * _DAY
            if morning.day == 1 or (in_doubt and morning.weekday() == 0):
                yield morning

    def _inspect(self, now: dt.datetime) -> None:
        self._office.close(now)
        rejection_monitor.open_rejection_reviews(now=now)
        recycling.announce_returns(now=now)

    # ── From an event to a rep ────────────────────────────────────────────────────────────────────────────
    def _qualify(self, lead_id: int, at: dt.datetime, now: dt.datetime) -> None:
        assert self._version is not None  # noqa: S101 (the agreement begins with the year)
        if self._office.qualify(lead_id=lead_id, at=at, version=self._version, now=now):
            self._at(now + _HANDED_OFF_AFTER, self._hand_off)

    def _hand_off(self, now: dt.datetime) -> None:
        self._office.hand_off(now)
        self._go_on(now)

    def _reroute(self, now: dt.datetime) -> None:
        self._office.reroute(now)
        self._go_on(now)

    def _go_on(self, now: dt.datetime) -> None:
        for handoff in self._office.arrivals():
            self._begin(handoff, now)
        for handoff in self._office.waiting():
            self._wait(handoff, now)

    def _wait(self, handoff: Handoff, now: dt.datetime) -> None:
        """Until the team opens; what no rule covers waits for the manager."""
        rule = routing_rules.match_rules(self._rules, handoff).rule
        if rule is not None:
            opens = arithmetic.next_open(self._hours(rule.team, now), now + 60 * _SECOND) + 2 * _SECOND
            if opens not in self._rerouted:
                self._rerouted.add(opens)
                self._at(opens, self._reroute)
        elif handoff.lead_id not in self._cues and handoff.lead_id not in self._by_hand:
            self._by_hand.add(handoff.lead_id)
            self._at(now + self._rng.uniform(0.5, 3) * dt.timedelta(hours=1), partial(self._assign_by_hand, handoff))

    def _assign_by_hand(self, handoff: Handoff, now: dt.datetime) -> None:
        rep = Rep.objects.filter(team__name="Americas").select_related("user").order_by("pk")[len(self._by_hand) % 3]
        self._by_hand.discard(handoff.lead_id)
        self._office.assign(handoff, rep, self._staff.manager, "No rule for this country yet; Americas covers it.", now)
        self._go_on(now)

    def _hours(self, team: Team, now: dt.datetime) -> arithmetic.Calendar:
        key = (team.pk, now.year)
        if key not in self._hours_of:
            self._hours_of[key] = calendars.pure(team.calendar, now)
        return self._hours_of[key]

    # ── What the rep makes of it ──────────────────────────────────────────────────────────────────────────
    def _begin(self, handoff: Handoff, now: dt.datetime) -> None:
        lead, rep = handoff.lead, handoff.rep
        assert rep is not None  # noqa: S101 (it has arrived)
        case = AssignedLead(
            tier=handoff.tier,
            source=lead.source,
            cue=self._cues.get(lead.pk, ""),
            employees=(lead.company.employees_low if lead.company else None) or 100,
            assigned_at=now,
            hours=self._hours(rep.team, now),
        )
        for step in self._story.plan(case, self._calendar.now):
            self._at(step.at, partial(self._act, handoff, step))
        if isinstance(self._office, LiveHandoffs):
            for clock in handoff.clocks.running():
                self._watch(self._office, clock, now)

    def _watch(self, live: LiveHandoffs, clock: Clock, now: dt.datetime) -> None:
        """Sweep when the promise is due: sweeping every quarter of a minute would find no more."""
        for instant in (clock.warn_at, clock.due_at):
            self._at(max(instant, now) + _SWEPT_AFTER, live.watch_clocks)

    def _act(self, handoff: Handoff, step: PlannedAction, now: dt.datetime) -> None:
        self._office.perform(handoff=handoff, step=step, now=now)
        if step.verb in (SalesAction.REJECT, SalesAction.LOSE):
            back_at = handoff.qualification.reenter_at if step.verb == SalesAction.REJECT else None
            again = self._candidates.next(handoff.lead_id, now, back_at)
            if again is not None:
                self._at(again + _JUDGED_AFTER, partial(self._qualify, handoff.lead_id, again))
