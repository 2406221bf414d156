"""The simulation of the year: every happening of Accord and of the people, in order of time.

Until the last day it is carried out in memory (`bulk_handoffs`), from then on by the use-cases (`live_handoffs`). Which
leads qualify and when, the product's judge says (`qualifying_instants`); what reps do with them is planned by `sales_plan`.
"""

from __future__ import annotations

import datetime as dt
import heapq
import random
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from itertools import count
from typing import Final, Protocol, TypeAlias

from config.accounts.models import User
from config.demo.company import definition_history, staff, weekly_routine
from config.demo.company.bulk_clocks import breach_sweep, warning_sweep
from config.demo.company.bulk_handoffs import BulkHandoffs
from config.demo.company.lead_generator import GeneratedYear
from config.demo.company.live_handoffs import LiveHandoffs
from config.demo.company.qualifying_instants import QualifyingInstants
from config.demo.company.sales_plan import AssignedLead, PlannedAction, SalesAction, SalesPlanner
from config.demo.company.staff import Staff
from definitions.models import Version
from leads.intake import customer_status
from scoring import active_versions
from scoring.live import quiet_leads
from sla.business_time import arithmetic, calendars
from sla.models import Clock, Handoff, Rep, Team
from sla.nurture import recycling
from sla.reports import rejection_digests
from sla.review_triggers import daily_check
from sla.teams import routing_rules

_SECOND: Final = dt.timedelta(seconds=1)
_DAY: Final = dt.timedelta(days=1)
#: From an event to the worker that judges it, and on to the handoff.
_JUDGED_AFTER: Final = 5 * _SECOND
_HANDED_OFF_AFTER: Final = 3 * _SECOND
#: From here on the example's rep works around the clock, and the use-cases take over.
LAST_DAY: Final = dt.timedelta(hours=30)

_Happening: TypeAlias = Callable[[dt.datetime], None]


class HandoffProcess(Protocol):
    """The way in which handoffs are carried out: in memory or by the use-cases."""

    def qualify(self, *, lead_id: int, at: dt.datetime, version: Version, now: dt.datetime) -> bool: ...
    def hand_off(self, now: dt.datetime) -> None: ...
    def reroute(self, now: dt.datetime) -> None: ...
    def assign(self, handoff: Handoff, rep: Rep, by: User, reason: str, now: dt.datetime) -> None: ...
    def take_new_assignments(self) -> list[Handoff]: ...
    def list_unrouted(self) -> list[Handoff]: ...
    def perform(self, *, handoff: Handoff, action: PlannedAction, now: dt.datetime) -> None: ...
    def catch_up(self, now: dt.datetime) -> None: ...


class YearSimulation:
    """A queue of dated happenings, each of which may add later ones."""

    def __init__(
        self,
        *,
        year: GeneratedYear,
        people: Staff,
        leads: Mapping[str, int],
        instants: QualifyingInstants,
        rng: random.Random,
    ) -> None:
        dates = year.dates
        self._dates, self._staff, self._instants, self._rng = dates, people, instants, rng
        self._cues = {leads[lead.email]: lead.cue for lead in year.leads if lead.cue}
        self._planner = SalesPlanner(rng, dates.bad_month, dates.new_version)
        self._queue: list[tuple[dt.datetime, int, _Happening]] = []
        self._numbers = count()
        self._reroutings: set[dt.datetime] = set()
        # The ids of clocks whose sweeps are planned.
        self._swept_ids: set[int] = set()
        # Leads without a rule that a manager will assign.
        self._to_assign: set[int] = set()
        self._hours: dict[tuple[int, int], arithmetic.Calendar] = {}
        self._rules = routing_rules.active_rules()
        self._version: Version | None = None
        self._process: HandoffProcess = LiveHandoffs(manager=people.manager)

    def run(self, *, in_bulk: bool = True) -> None:
        """Run the whole year; not `in_bulk`, all of it goes through the use-cases: the same rows, slowly.

        1. Queue the changes of the definition, each lead's first qualification, the days of reviews, and the meetings.
        2. Run everything until the last day in bulk, and write it.
        3. Run the last day through the use-cases.
        """
        now = self._dates.now
        last_day = now - LAST_DAY
        for at, happening in definition_history.planned_changes(self._dates, self._staff, self._instants):
            self._at(at, partial(self._change_definition, happening))
        for lead_id, at in self._instants.first_instants():
            self._at(at + _JUDGED_AFTER, partial(self._qualify, lead_id, at))
        for at in self._review_mornings():
            self._at(at, self._review)
        for at, happening, reads_handoffs in weekly_routine.planned_routine(self._dates, self._staff):
            self._at(at, partial(self._read_and_do, happening) if reads_handoffs else happening)
        if in_bulk:
            self._process = BulkHandoffs(instants=self._instants, staff=self._staff)
        self._run_until(last_day)
        self._process.catch_up(last_day)
        customer_status.follow_wins(now=last_day)
        self._begin_last_day(last_day)
        self._run_until(now)
        self._process.catch_up(now)
        while quiet_leads.pause_quiet(now=now):
            pass

    def _run_until(self, end: dt.datetime) -> None:
        while self._queue and self._queue[0][0] <= end:
            at, _, happening = heapq.heappop(self._queue)
            happening(at)

    def _begin_last_day(self, now: dt.datetime) -> None:
        """Hand everything to the use-cases; actions that are planned already stay planned."""
        live = LiveHandoffs(manager=self._staff.manager)
        self._process = live
        staff.begin_last_day(desk=self._staff.desk, now=now)
        staff.activate_second_commitment(self._staff, now=now)
        recycling.announce_returns(now=now)
        for clock in Clock.objects.running().filter(breached_at=None):
            self._sweep_when_due(live, clock, now)

    def _at(self, at: dt.datetime, happening: _Happening) -> None:
        heapq.heappush(self._queue, (at, next(self._numbers), happening))

    # ── The definition and its figures ────────────────────────────────────────────────────────────────────
    def _change_definition(self, happening: _Happening, now: dt.datetime) -> None:
        happening(now)
        self._version = next(iter(active_versions.list_active_versions()), None)

    def _review_mornings(self) -> Iterator[dt.datetime]:
        """Yield the mornings on which closed periods are checked: the first of each month, and weekly around the bad one."""
        dates = self._dates
        for days in range(1, (dates.now - LAST_DAY - dates.start).days):
            morning = (dates.start + days * _DAY).replace(hour=5, minute=10, second=0, microsecond=0)
            in_doubt = dates.bad_month + 9 * _DAY < morning < dates.bad_month_ends + 9 * _DAY
            if morning.day == 1 or (in_doubt and morning.weekday() == 0):
                yield morning

    def _review(self, now: dt.datetime) -> None:
        self._process.catch_up(now)
        daily_check.open_due_reviews(now=now)
        rejection_digests.make_due_digests(now=now)
        definition_history.decide_older_reviews(self._dates, self._staff, now)
        recycling.announce_returns(now=now)

    def _read_and_do(self, happening: _Happening, now: dt.datetime) -> None:
        """Let something happen that reads the handoffs of that moment."""
        self._process.catch_up(now)
        happening(now)

    # ── From an event to a rep ────────────────────────────────────────────────────────────────────────────
    def _qualify(self, lead_id: int, at: dt.datetime, now: dt.datetime) -> None:
        assert self._version is not None  # noqa: S101 (the year begins with the first version)
        if self._process.qualify(lead_id=lead_id, at=at, version=self._version, now=now):
            self._at(now + _HANDED_OFF_AFTER, self._hand_off)

    def _hand_off(self, now: dt.datetime) -> None:
        self._process.hand_off(now)
        self._plan_next(now)

    def _reroute(self, now: dt.datetime) -> None:
        self._process.reroute(now)
        self._plan_next(now)

    def _plan_next(self, now: dt.datetime) -> None:
        for handoff in self._process.take_new_assignments():
            self._plan_actions(handoff, now)
        for handoff in self._process.list_unrouted():
            self._plan_routing(handoff, now)
            self._plan_sweeps(handoff, now)

    def _plan_routing(self, handoff: Handoff, now: dt.datetime) -> None:
        """Route an unrouted handoff again when its team opens; one that no rule covers a manager assigns."""
        rule = routing_rules.match_rules(self._rules, handoff).rule
        if rule is not None:
            opens_at = arithmetic.next_open(self._hours_of(rule.team, now), now + 60 * _SECOND) + 2 * _SECOND
            if opens_at not in self._reroutings:
                self._reroutings.add(opens_at)
                self._at(opens_at, self._reroute)
        elif handoff.lead_id not in self._cues and handoff.lead_id not in self._to_assign:
            self._to_assign.add(handoff.lead_id)
            self._at(now + self._rng.uniform(0.5, 3) * dt.timedelta(hours=1), partial(self._assign, handoff))

    def _assign(self, handoff: Handoff, now: dt.datetime) -> None:
        americas = Rep.objects.filter(team__name="Americas").select_related("user").order_by("pk")
        rep = americas[len(self._to_assign) % 3]
        self._to_assign.discard(handoff.lead_id)
        reason = "No rule for this country yet; Americas covers it."
        self._process.assign(handoff, rep, self._staff.manager, reason, now)
        self._plan_next(now)

    def _hours_of(self, team: Team, now: dt.datetime) -> arithmetic.Calendar:
        key = (team.pk, now.year)
        if key not in self._hours:
            self._hours[key] = calendars.build_calendar(team.calendar, now)
        return self._hours[key]

    # ── The rep's actions ─────────────────────────────────────────────────────────────────────────────────
    def _plan_actions(self, handoff: Handoff, now: dt.datetime) -> None:
        lead, rep = handoff.lead, handoff.rep
        assert rep is not None  # noqa: S101 (it was just assigned)
        assigned = AssignedLead(
            tier=handoff.tier,
            source=lead.source,
            cue=self._cues.get(lead.pk, ""),
            employees=(lead.company.employees_low if lead.company else None) or 100,
            assigned_at=now,
            hours=self._hours_of(rep.team, now),
            asks_again=self._instants.asks_after(lead.pk, now),
        )
        for action in self._planner.plan(assigned, self._dates.now):
            self._at(action.at, partial(self._perform, handoff, action))
        self._plan_sweeps(handoff, now)

    def _plan_sweeps(self, handoff: Handoff, now: dt.datetime) -> None:
        if isinstance(self._process, LiveHandoffs):
            for clock in handoff.clocks.running():
                self._sweep_when_due(self._process, clock, now)

    def _sweep_when_due(self, live: LiveHandoffs, clock: Clock, now: dt.datetime) -> None:
        """Plan the sweeps that find a clock due soon and overdue: the product's sweeps in between would find nothing."""
        if clock.pk not in self._swept_ids:
            self._swept_ids.add(clock.pk)
            for instant in (warning_sweep(clock), breach_sweep(clock)):
                if instant >= now:
                    self._at(instant, live.sweep_clocks)

    def _perform(self, handoff: Handoff, action: PlannedAction, now: dt.datetime) -> None:
        self._process.perform(handoff=handoff, action=action, now=now)
        if action.kind == SalesAction.REASSIGN:
            # The new rep's clocks are others than those that sweeps were planned for.
            self._plan_sweeps(handoff, now)
        if action.kind in (SalesAction.REJECT, SalesAction.LOSE):
            reenter_at = handoff.qualification.reenter_at if action.kind == SalesAction.REJECT else None
            next_instant = self._instants.next_instant(handoff.lead_id, now, reenter_at)
            if next_instant is not None:
                self._at(next_instant + _JUDGED_AFTER, partial(self._qualify, handoff.lead_id, next_instant))
