"""Plays the year in order of time, through the product's own use-cases with `now` in the past.

So everything that Accord decides is decided by Accord: who qualifies and when, who gets the lead, which promise was broken,
which month asks for a review. Only what people do comes from the story.
"""

from __future__ import annotations

import datetime as dt
import heapq
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from typing import Final, TypeAlias

from django.db import transaction

from definitions.models import Version
from leads.models import Lead
from scoring import columns, qualifying, rescoring, versions
from scoring.engine.rules import Rules
from scoring.judging import judge_now
from sla import calendar, calendars, clocks, handoffs, recycling, routing, territories, watch
from sla.demo import acts, agreement_history, staff
from sla.demo.candidates import Candidates
from sla.demo.company import World
from sla.demo.staff import Staff
from sla.demo.story import Case, Step, Storyteller, Verb
from sla.models import Clock, Handoff, Rep, Team
from sla.vocabulary import ClockKind, HandoffState

_SECOND: Final = dt.timedelta(seconds=1)
_DAY: Final = dt.timedelta(days=1)
#: From an event to the worker that judges it, and on to the handoff.
_JUDGED_AFTER: Final = 5 * _SECOND
_HANDED_OFF_AFTER: Final = 3 * _SECOND
#: For how long the desk has been working around the clock when the curtain rises.
DESK_FOR: Final = dt.timedelta(hours=30)

Happening: TypeAlias = Callable[[dt.datetime], None]


@dataclass(slots=True)
class Year:
    world: World
    staff: Staff
    leads: Mapping[str, int]
    candidates: Candidates
    rng: random.Random
    say: Callable[[str], None]
    story: Storyteller = field(init=False)
    cues: dict[int, str] = field(init=False)
    told: set[int] = field(default_factory=set)
    rules: dict[int, Rules] = field(default_factory=dict)
    planned: set[tuple[dt.datetime, str]] = field(default_factory=set)
    _queue: list[tuple[dt.datetime, int, Happening]] = field(default_factory=list)
    _number: Iterator[int] = field(default_factory=count)

    def __post_init__(self) -> None:
        calendar_ = self.world.calendar
        self.story = Storyteller(self.rng, calendar_.bad_month, calendar_.new_version)
        self.cues = {self.leads[person.email]: person.cue for person in self.world.people if person.cue}

    def play(self) -> None:
        now = self.world.calendar.now
        for lead_id, at in self.candidates.first():
            self._at(at + _JUDGED_AFTER, partial(self._qualify, lead_id))
        for at, happening in agreement_history.steps(self.world.calendar, self.staff):
            self._at(at, happening)
        for at in self._mornings():
            self._at(at, self._morning)
        self._at(now - DESK_FOR, lambda at: staff.close_the_year(desk=self.staff.desk, now=at))
        while self._queue and self._queue[0][0] <= now:
            at, _, happening = heapq.heappop(self._queue)
            happening(at)
        self._curtain(now)

    def _at(self, at: dt.datetime, happening: Happening) -> None:
        heapq.heappush(self._queue, (at, next(self._number), happening))

    def _at_once(self, at: dt.datetime, sweep: Happening) -> None:
        """A sweep takes all there is, so one at an instant is enough."""
        if (at, sweep.__name__) not in self.planned:
            self.planned.add((at, sweep.__name__))
            self._at(at, sweep)

    def _mornings(self) -> Iterator[dt.datetime]:
        calendar_ = self.world.calendar
        for days in range(1, (calendar_.now - calendar_.start).days + 1):
            yield (calendar_.start + days * _DAY).replace(hour=5, minute=10, second=0, microsecond=0)

    def _morning(self, now: dt.datetime) -> None:
        recycling.announce_returns(now=now)
        if now.weekday() == 0 or now.day == 1:
            watch.watch(now=now)
        if now.day == 1:
            self.say(f"  {now:%B %Y} …")

    # ── What Accord does ──────────────────────────────────────────────────────────────────────────────────
    def _qualify(self, lead_id: int, now: dt.datetime) -> None:
        """As a worker does when an event asks it to look at the lead."""
        with transaction.atomic():
            lead = Lead.objects.select_for_update(of=("self",), no_key=True).get(pk=lead_id)
            version, rules = self._in_force()
            judged = judge_now(version, rules, columns.near([lead_id], rules), now)
            qualifying.qualify(judged, leads={lead_id: lead}, since={}, now=now)
        if not self._hand_off(now + _HANDED_OFF_AFTER):
            # Not enough yet, as after a rejection: perhaps at the next thing they do.
            self._look_out_for(lead_id, now)

    def _in_force(self) -> tuple[Version, Rules]:
        version = versions.active()[0]
        if version.pk not in self.rules:
            self.rules[version.pk] = versions.rules_of(version)
        return version, self.rules[version.pk]

    def _look_out_for(self, lead_id: int, after: dt.datetime) -> None:
        at = self.candidates.next(lead_id, after)
        if at is not None:
            self._at(at + _JUDGED_AFTER, partial(self._qualify, lead_id))

    def _hand_off(self, now: dt.datetime) -> bool:
        found = handoffs.hand_off_waiting(now=now) > 0
        self._tell_stories(now)
        return found

    def _reroute(self, now: dt.datetime) -> None:
        routing.route_unrouted(now=now)
        self._tell_stories(now)

    def _watch_clocks(self, now: dt.datetime) -> None:
        clocks.sweep_warnings(now=now)
        clocks.sweep_breaches(now=now)

    def _tell_stories(self, now: dt.datetime) -> None:
        fresh = Handoff.objects.filter(state__in=(HandoffState.ASSIGNED, HandoffState.UNROUTED)).order_by("pk")
        for handoff in fresh.select_related("lead__company", "rep__team__calendar"):
            if handoff.pk in self.told:
                continue
            if handoff.rep is None:
                self._wait_for_somebody(handoff, now)
            else:
                self.told.add(handoff.pk)
                self._begin(handoff, handoff.rep, now)

    def _wait_for_somebody(self, handoff: Handoff, now: dt.datetime) -> None:
        decision = handoff.routing_decisions.order_by("-pk").first()
        uncovered = decision is not None and "→" not in decision.explanation
        if uncovered:
            if self._is_new(handoff, now):
                self._at(now + self.rng.uniform(0.5, 3) * dt.timedelta(hours=1), partial(self._assign_by_hand, handoff))
            return
        hours = calendars.pure(self._team_of(handoff).calendar, now)
        self._at_once(calendar.next_open(hours, now + 60 * _SECOND) + 2 * _SECOND, self._reroute)

    def _team_of(self, handoff: Handoff) -> Team:
        match = territories.match(territories.rules(), handoff)
        assert match.rule is not None  # noqa: S101 (a lead that no rule covers is assigned by hand)
        return match.rule.team

    def _is_new(self, handoff: Handoff, now: dt.datetime) -> bool:
        return now - handoff.created_at < _SECOND and not self.cues.get(handoff.lead_id)

    def _assign_by_hand(self, handoff: Handoff, now: dt.datetime) -> None:
        rep = Rep.objects.filter(team__name="Americas").order_by("last_assigned_at", "pk")[0]
        handoffs.assign(
            handoff=handoff, rep=rep, by=self.staff.manager, now=now, reason="No rule for this country yet; Americas covers it."
        )
        self._tell_stories(now)

    # ── What the reps do ──────────────────────────────────────────────────────────────────────────────────
    def _begin(self, handoff: Handoff, rep: Rep, now: dt.datetime) -> None:
        lead = handoff.lead
        case = Case(
            tier=handoff.tier,
            source=lead.source,
            cue=self.cues.get(lead.pk, ""),
            employees=(lead.company.employees_low if lead.company else None) or 100,
            assigned_at=now,
            hours=calendars.pure(rep.team.calendar, now),
        )
        steps = self.story.plan(case, self.world.calendar.now)
        for step in steps:
            self._at(step.at, partial(self._act, handoff, step))
        self._expect_breaches(handoff, steps)

    def _expect_breaches(self, handoff: Handoff, steps: list[Step]) -> None:
        """Sweep where the story leaves a promise unkept; sweeping every quarter of a minute of a year would find no more."""
        done = {
            ClockKind.FIRST_CONTACT: next((step.at for step in steps if step.verb == Verb.ATTEMPT), None),
            ClockKind.DISPOSITION: next((step.at for step in steps if step.verb in (Verb.ACCEPT, Verb.REJECT)), None),
        }
        for clock in Clock.objects.running().filter(handoff=handoff, kind__in=done):
            at = done[ClockKind(clock.kind)]
            for instant in (clock.warn_at, clock.due_at):
                if at is None or at > instant:
                    self._at_once(instant + 10 * _SECOND, self._watch_clocks)

    def _act(self, handoff: Handoff, step: Step, now: dt.datetime) -> None:
        if now > self.world.calendar.now - DESK_FOR and acts.is_away(handoff.pk, now):
            return
        acts.perform(handoff_id=handoff.pk, step=step, manager=self.staff.manager, now=now)
        if step.verb in (Verb.REJECT, Verb.LOSE):
            self._look_out_for(handoff.lead_id, now)

    # ── The last scene ────────────────────────────────────────────────────────────────────────────────────
    def _curtain(self, now: dt.datetime) -> None:
        """Everything is judged, handed off, watched and announced as of `now`, as a worker would have done."""
        ids = list(Lead.objects.order_by("pk").values_list("pk", flat=True))
        for first in range(0, len(ids), rescoring.BATCH):
            rescoring.rescore(lead_ids=ids[first : first + rescoring.BATCH], now=now)
        self._hand_off(now)
        routing.route_unrouted(now=now)
        self._watch_clocks(now)
        recycling.announce_returns(now=now)
