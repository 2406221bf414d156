"""The outlook of the promise of first contact: the share in time, by team and hour, and how many reps are missing (rules 12.38).

Pure. The weeks to come are simulated many times, with leads at the hours of past ones and with reps by their calendars and
absences; then again with more reps.
"""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from sla.promise_simulation.contact_queue import NEVER, SimulatedLead, SimulatedRep, WorkingTime, simulate_contacts
from sla.promise_simulation.working_speed import WorkingSpeed

DAY_SECONDS: Final = 86_400
WEEK_SECONDS: Final = 7 * DAY_SECONDS
HOUR_SECONDS: Final = 3_600
#: The share of first contacts in time that a promise needs, in percent.
ENOUGH_PERCENT: Final = 90
#: More reps than this are not tried.
MORE_REPS_AT_MOST: Final = 3
#: An hour or team with fewer simulated leads is not judged.
FEWEST_LEADS: Final = 20
#: Hours are looked at two at a time.
SLOT_HOURS: Final = 2
#: About so many leads that count are simulated, so that a large volume takes no longer than a small one.
_LEADS_AT_MOST: Final = 4_000
_FUTURES_AT_MOST: Final = 30

#: Weekday (Monday is 0) and the first hour of the slot, by the team's clock.
Slot: TypeAlias = tuple[int, int]


@dataclass(frozen=True, slots=True)
class PastArrival:
    """A past lead: its team, whether it was hot, the second of its week by the team's clock, and how long it was in hand."""

    team: int
    is_hot: bool
    second_of_week: float
    in_hand_seconds: float


@dataclass(frozen=True, slots=True)
class LeadFlow:
    """Leads to come: as many a week, at the hours and for the teams of past ones."""

    pattern: Sequence[PastArrival]
    a_week: float


_NO_LEADS: Final = LeadFlow((), 0.0)


@dataclass(frozen=True, slots=True)
class SimulatedTeam:
    """A team: its hours, in which the promise runs, its reps, and for each day the seconds from UTC to its clock.

    Days beyond the last one have its seconds; without any, the team's clock is UTC.
    """

    hours: WorkingTime
    reps: Sequence[SimulatedRep]
    utc_offsets: Sequence[float] = ()

    def utc_second(self, second: float) -> float:
        """Return when the team's clock shows a second since the beginning of the simulated time."""
        if not self.utc_offsets:
            return second
        day = min(int(second // DAY_SECONDS), len(self.utc_offsets) - 1)
        return second - self.utc_offsets[day]


@dataclass(frozen=True, slots=True)
class PromiseTerms:
    """The seconds of working time to the first contact, of hot leads and of others."""

    hot_seconds: float
    other_seconds: float


@dataclass(frozen=True, slots=True)
class SimulatedSpan:
    """The weeks that count, those before in which reps fill their hands, and the seed of what is drawn."""

    weeks: int
    warm_up_weeks: int
    seed: int

    @property
    def all_weeks(self) -> int:
        return self.weeks + self.warm_up_weeks


@dataclass(frozen=True, slots=True)
class ShareInTime:
    """Simulated first contacts, and how many of them were in time; `missing_reps` more would make it enough.

    `missing_reps` is None if MORE_REPS_AT_MOST more do not, and 0 if it is enough.
    """

    in_time: int
    leads: int
    missing_reps: int | None = 0

    @property
    def percent(self) -> float:
        return self.in_time * 100 / self.leads if self.leads else 0.0

    @property
    def is_enough(self) -> bool:
        return self.in_time * 100 >= self.leads * ENOUGH_PERCENT


@dataclass(frozen=True, slots=True)
class PromiseOutlook:
    """The outlook: of all leads, by team, and by team and slot those that are judged."""

    overall: ShareInTime
    by_team: Mapping[int, ShareInTime]
    by_slot: Mapping[tuple[int, Slot], ShareInTime]


@dataclass(slots=True)
class _Tally:
    in_time: Counter[tuple[int, Slot]]
    leads: Counter[tuple[int, Slot]]

    def of_team(self, team: int) -> ShareInTime:
        return ShareInTime(
            sum(count for (owner, _), count in self.in_time.items() if owner == team),
            sum(count for (owner, _), count in self.leads.items() if owner == team),
        )


def look_ahead(
    teams: Mapping[int, SimulatedTeam],
    judged: LeadFlow,
    others: LeadFlow,
    speed: WorkingSpeed,
    terms: PromiseTerms,
    span: SimulatedSpan,
) -> PromiseOutlook:
    """Simulate the weeks of the span. The leads of `judged` are counted; `others` come to the same reps and only keep them busy.

    All times begin with the warm-up, on a Monday at midnight by UTC. Leads of teams that are unknown are left out.
    """
    judged_of, others_of = _split_by_team(judged, teams), _split_by_team(others, teams)
    futures = max(1, min(_FUTURES_AT_MOST, int(_LEADS_AT_MOST / max(judged.a_week * span.all_weeks, 1))))
    tallies = {
        team: [
            _simulate_team(
                team, _add_reps(teams[team], more), (flow, others_of.get(team, _NO_LEADS)), speed, terms, span, futures
            )
            for more in range(MORE_REPS_AT_MOST + 1)
        ]
        for team, flow in judged_of.items()
    }
    shares = {team: _judge([tally.of_team(team) for tally in of_team]) for team, of_team in tallies.items()}
    return PromiseOutlook(
        overall=ShareInTime(
            sum(share.in_time for share in shares.values()),
            sum(share.leads for share in shares.values()),
            None
            if any(share.missing_reps is None for share in shares.values())
            else sum(share.missing_reps or 0 for share in shares.values()),
        ),
        by_team=shares,
        by_slot=dict(_judge_slots(tallies)),
    )


def _split_by_team(flow: LeadFlow, teams: Mapping[int, SimulatedTeam]) -> dict[int, LeadFlow]:
    by_team: dict[int, list[PastArrival]] = defaultdict(list)
    for past in flow.pattern:
        if past.team in teams:
            by_team[past.team].append(past)
    total = sum(map(len, by_team.values()))
    return {team: LeadFlow(pattern, flow.a_week * len(pattern) / total) for team, pattern in by_team.items()}


def _judge_slots(tallies: Mapping[int, Sequence[_Tally]]) -> Iterator[tuple[tuple[int, Slot], ShareInTime]]:
    for of_team in tallies.values():
        for key, leads in sorted(of_team[0].leads.items()):
            if leads >= FEWEST_LEADS:
                yield key, _judge([ShareInTime(tally.in_time[key], tally.leads[key]) for tally in of_team])


def _judge(by_more_reps: Sequence[ShareInTime]) -> ShareInTime:
    """Return the share without more reps, with how many more would make it enough."""
    missing = next((more for more, share in enumerate(by_more_reps) if share.is_enough), None)
    return ShareInTime(by_more_reps[0].in_time, by_more_reps[0].leads, missing)


def _add_reps(team: SimulatedTeam, more: int) -> SimulatedTeam:
    """Return the team with more reps, who work the team's hours and are never absent."""
    like = team.reps[0] if team.reps else SimulatedRep(team.hours)
    added = [SimulatedRep(team.hours, 1, like.uncontacted_at_most, like.capacity)] * more
    return SimulatedTeam(team.hours, [*team.reps, *added], team.utc_offsets)


def _simulate_team(
    number: int,
    team: SimulatedTeam,
    flows: tuple[LeadFlow, LeadFlow],
    speed: WorkingSpeed,
    terms: PromiseTerms,
    span: SimulatedSpan,
    futures: int,
) -> _Tally:
    """Count the leads of the first flow and those in time by slot. The same seed gives the same leads, however many reps there are."""
    tally = _Tally(Counter(), Counter())
    for future in range(futures):
        rng = random.Random(f"{span.seed} {number} {future}")  # noqa: S311 (a simulation, not a secret)
        leads = sorted(_draw_leads(flows, team, span, rng), key=lambda lead: lead.at)
        arrivals = [
            SimulatedLead(
                lead.at, rng.choice(speed.seconds_for(number, is_hot=lead.past.is_hot)), lead.past.in_hand_seconds
            )
            for lead in leads
        ]
        contacts = simulate_contacts(team.reps, arrivals)
        for lead, contacted_at in zip(leads, contacts, strict=True):
            if lead.is_judged and lead.week >= span.warm_up_weeks:
                key = number, _slot(lead.past.second_of_week)
                tally.leads[key] += 1
                target = terms.hot_seconds if lead.past.is_hot else terms.other_seconds
                used = team.hours.worked_until(contacted_at) - team.hours.worked_until(lead.at)
                tally.in_time[key] += contacted_at < NEVER and used <= target
    return tally


@dataclass(frozen=True, slots=True)
class _DrawnLead:
    at: float
    week: int
    past: PastArrival
    is_judged: bool


def _draw_leads(
    flows: tuple[LeadFlow, LeadFlow], team: SimulatedTeam, span: SimulatedSpan, rng: random.Random
) -> Iterator[_DrawnLead]:
    """Draw the leads of all weeks: at the hours of past ones by the team's clock, also where that is changed for the summer."""
    for is_judged, flow in zip((True, False), flows, strict=True):
        for week in range(span.all_weeks):
            for past in rng.choices(flow.pattern, k=_draw_count(rng, flow.a_week)):
                at = team.utc_second(week * WEEK_SECONDS + past.second_of_week)
                yield _DrawnLead(at, week, past, is_judged)


def _draw_count(rng: random.Random, mean: float) -> int:
    """Draw a number of leads of a week by the Poisson distribution: arrivals at exponential distances."""
    count, at = 0, rng.expovariate(1)
    while at < mean:
        count += 1
        at += rng.expovariate(1)
    return count


def _slot(second: float) -> Slot:
    day, of_day = divmod(second % WEEK_SECONDS, DAY_SECONDS)
    return int(day), int(of_day // HOUR_SECONDS // SLOT_HOURS * SLOT_HOURS)
