"""The simulation of a team: leads come, reps take them in turn, and contact one after the other (rules 12.36).

Pure. Instants are seconds from any beginning. A lead waits until a rep is at work who has fewer uncontacted leads than
allowed and fewer leads in hand than their capacity; it goes to the one who was served least of the last turns for their
weight, as in the routing (`sla.teams.round_robin`). A rep contacts one lead at a time, in working time.

With one uncontacted lead a rep, hours without end and exponential times this is the queue M/M/c.
"""

from __future__ import annotations

import heapq
from bisect import bisect_right
from collections import Counter, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from itertools import accumulate
from typing import Final

#: The end of a simulation's time for contacts that never come, as their rep's hours end before.
NEVER: Final = float("inf")


class _Happening(IntEnum):
    """The kinds of happenings, in the order in which they count at the same instant."""

    CONTACTED = 0
    RELEASED = 1
    OPENED = 2
    ARRIVED = 3


class WorkingTime:
    """The spans in which somebody works, in order and apart from each other."""

    def __init__(self, spans: Iterable[tuple[float, float]]) -> None:
        self.opens: list[float] = []
        self.closes: list[float] = []
        for opens, closes in spans:
            self.opens.append(opens)
            self.closes.append(closes)
        lengths = (closes - opens for opens, closes in zip(self.opens, self.closes, strict=True))
        self._worked_before = [0.0, *accumulate(lengths)]

    def is_open(self, at: float) -> bool:
        place = bisect_right(self.opens, at) - 1
        return place >= 0 and at < self.closes[place]

    def worked_until(self, at: float) -> float:
        """Return the seconds worked from the beginning until an instant."""
        place = bisect_right(self.opens, at) - 1
        if place < 0:
            return 0.0
        return self._worked_before[place] + min(at, self.closes[place]) - self.opens[place]

    def after_working(self, start: float, seconds: float) -> float:
        """Return the instant at which so many seconds after `start` are worked; NEVER beyond the last span."""
        worked = self.worked_until(start) + seconds
        if worked > self._worked_before[-1]:
            return NEVER
        # The first span by whose end that much is worked.
        place = max(bisect_right(self._worked_before, worked) - 1, 0)
        if place == len(self.opens) or (self._worked_before[place] == worked and place > 0 and seconds > 0):
            place -= 1
        return self.opens[place] + worked - self._worked_before[place]


@dataclass(frozen=True, slots=True)
class SimulatedRep:
    """A rep: hours without absences, weight, and how many leads uncontacted and in hand they have at most."""

    hours: WorkingTime
    weight: int = 1
    uncontacted_at_most: int = 1_000_000
    capacity: int = 1_000_000


@dataclass(frozen=True, slots=True)
class SimulatedLead:
    """A lead: when it comes, the working seconds that its contact takes, and the seconds that it is in hand altogether."""

    at: float
    contact_seconds: float
    in_hand_seconds: float = 0.0


@dataclass(slots=True)
class _Desk:
    """A rep's work at an instant of the simulation."""

    rep: SimulatedRep
    free_at: float = 0.0
    uncontacted: int = 0
    in_hand: int = 0
    #: The numbers of the rep's turns, counted over the team, the latest last.
    turns: list[int] = field(default_factory=list)

    def can_take(self, at: float) -> bool:
        rep = self.rep
        return self.uncontacted < rep.uncontacted_at_most and self.in_hand < rep.capacity and rep.hours.is_open(at)


@dataclass(slots=True)
class _TeamRun:
    desks: list[_Desk]
    arrivals: Sequence[SimulatedLead]
    contacted_at: list[float] = field(init=False)
    waiting: deque[int] = field(default_factory=deque)
    turns: int = 0
    events: list[tuple[float, int, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.contacted_at = [NEVER] * len(self.arrivals)
        self.events += [(arrival.at, _Happening.ARRIVED, place) for place, arrival in enumerate(self.arrivals)]
        openings = {opens for desk in self.desks for opens in desk.rep.hours.opens}
        self.events += [(opens, _Happening.OPENED, 0) for opens in openings]
        heapq.heapify(self.events)

    def run(self) -> list[float]:
        while self.events:
            at, happening, place = heapq.heappop(self.events)
            if happening == _Happening.ARRIVED:
                self.waiting.append(place)
            elif happening == _Happening.CONTACTED:
                self.desks[place].uncontacted -= 1
            elif happening == _Happening.RELEASED:
                self.desks[place].in_hand -= 1
            self._give_waiting(at)
        return self.contacted_at

    def _give_waiting(self, at: float) -> None:
        while self.waiting:
            places = [place for place, desk in enumerate(self.desks) if desk.can_take(at)]
            if not places:
                return
            self._give(self.waiting.popleft(), self._least_served(places), at)

    def _least_served(self, places: Sequence[int]) -> int:
        """Choose by weighted round robin over the last W - 1 turns of these reps, whose weights sum to W."""
        if len(places) == 1:
            return places[0]
        window = sum(self.desks[place].rep.weight for place in places) - 1
        turns = [(turn, place) for place in places for turn in self.desks[place].turns[-window:]]
        served = Counter(place for _, place in heapq.nlargest(window, turns))

        def rank(place: int) -> tuple[float, int, int]:
            desk = self.desks[place]
            return served[place] / desk.rep.weight, desk.turns[-1] if desk.turns else -1, place

        return min(places, key=rank)

    def _give(self, lead: int, place: int, at: float) -> None:
        desk, arrival = self.desks[place], self.arrivals[lead]
        contacted_at = desk.rep.hours.after_working(max(at, desk.free_at), arrival.contact_seconds)
        desk.free_at = contacted_at
        desk.uncontacted += 1
        desk.in_hand += 1
        desk.turns.append(self.turns)
        self.turns += 1
        self.contacted_at[lead] = contacted_at
        if contacted_at < NEVER:
            heapq.heappush(self.events, (contacted_at, _Happening.CONTACTED, place))
            released_at = max(contacted_at, at + arrival.in_hand_seconds)
            heapq.heappush(self.events, (released_at, _Happening.RELEASED, place))


def simulate_contacts(reps: Sequence[SimulatedRep], arrivals: Sequence[SimulatedLead]) -> list[float]:
    """Return the instant of the first contact of each arrival, NEVER where the hours end before it."""
    return _TeamRun([_Desk(rep) for rep in reps], arrivals).run()
