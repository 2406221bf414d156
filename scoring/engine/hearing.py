"""Rules before a chunk of facts: what does not depend on the instant is prepared once, then any instants may be asked."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike

from scoring.engine import counts, points
from scoring.engine.events import Events
from scoring.engine.facts import Facts
from scoring.engine.profile import Attributes, InForce, Profile
from scoring.engine.rules import Rules, SignalPoints
from scoring.engine.timeline import FOREVER, Bools, Floats, Ints, Moments, Positions, microseconds
from scoring.engine.verdict import DECIMALS, Axes, Verdicts, joined, picked

_PAIRS_AT_ONCE = 1 << 19
Result = TypeVar("Result", Axes, Verdicts)


class Hearing:
    """The one place where rules meet facts: live scores, backtests, explanations and forecasts all ask it."""

    def __init__(self, rules: Rules, facts: Facts, profile: Profile) -> None:
        self.rules = rules
        self.profile = profile
        self.events = Events(facts)
        self.in_force = InForce(facts)
        self._contributions = points.contributions(rules.signals, rules.decay, self.events, rules.catalogue)
        self._figures = {tally: counts.figure(tally, self.events) for tally in rules.tallies}

    def moments(self, leads: Positions, at: Ints) -> Moments:
        return Moments(self.events.timeline, leads, at)

    def axes(self, leads: Positions, at: Ints) -> Axes:
        """Measure each (lead index, microseconds) pair; quickest when they are sorted."""
        moments, row = self.moments(leads, at), self.in_force.row(leads, at)
        profile, quiet = self.profile, self.quiet(moments)
        return Axes(
            fit=self._limited("fit", profile.fit)[row],
            engagement=self._limited("engagement", self.earned(moments) - self.penalty(quiet)),
            bant=self._limited("bant", profile.bant)[row],
            gate=profile.gate[row],
            disqualified=profile.disqualified[row] | self.excluded(moments),
            quiet=quiet,
            waiting=self.waiting(moments),
            figures={tally: figure(moments) for tally, figure in self._figures.items()},
        )

    def each(self, leads: Positions, at: Ints, finish: Callable[[Axes], Result]) -> Result:
        """`finish` of the axes of each pair, a bounded number of pairs at a time."""
        starts = range(0, max(leads.size, 1), _PAIRS_AT_ONCE)
        pieces = [slice(start, start + _PAIRS_AT_ONCE) for start in starts]
        return joined([finish(self.axes(leads[piece], at[piece])) for piece in pieces])

    def earned(self, moments: Moments) -> Floats:
        """The sum of all contributions, before penalty and ceiling."""
        return self._contributions(moments)

    def penalty(self, quiet: Ints) -> Floats:
        return points.penalty(self.rules.inactivity, quiet)

    def quiet(self, moments: Moments) -> Ints:
        """Microseconds since the last engagement; FOREVER where there was none."""
        return self.events.stream(self.rules.engaging).age(moments)

    def excluded(self, moments: Moments) -> Bools:
        """Tell whether a signal excludes the lead (rules 4.31)."""
        parts = [self.excluded_by(rule, moments) for rule in self.rules.excluding]
        excluded: Bools = np.logical_or.reduce([np.zeros(moments.at.size, dtype=np.bool_), *parts])
        return excluded

    def excluded_by(self, rule: SignalPoints, moments: Moments) -> Bools:
        """Tell whether this signal excludes the lead: between two facts of the lead that does not change."""
        age = self.events.stream(frozenset({rule.signal})).age(moments)
        age_of_end = self.events.stream(self.rules.catalogue.signals_ending(rule.signal)).age(moments)
        holds: Bools = (age < FOREVER) & (age <= age_of_end)
        if rule.excludes_days is not None:
            since_activity = self.events.stream(self.rules.activity).age(moments)
            # Compared with the last activity, not with now: time alone brings nobody back.
            holds &= age <= microseconds(rule.excludes_days) + since_activity
        return holds

    def waiting(self, moments: Moments) -> Ints:
        """Microseconds since the last request, unless something closed it at or after its instant; else FOREVER."""
        requested = self.events.stream(self.rules.catalogue.requests).age(moments)
        closed = self.events.stream(self.rules.catalogue.closing).age(moments)
        open_: Bools = requested < closed
        return np.where(open_, requested, FOREVER)

    def _limited(self, axis: str, raw: Floats) -> Floats:
        ceiling = self.rules.ceilings.get(axis)
        return np.round(np.clip(raw, 0.0, np.inf if ceiling is None else ceiling) + 0.0, DECIMALS)


def hearings(rules: Rules, facts: Facts) -> Iterator[tuple[int, int, Hearing]]:
    """Leads [first, last) chunk by chunk, each with its hearing. Attributes are asked once for all chunks."""
    profile = Attributes(facts, rules.titles).profile(rules)
    for first, last in facts.chunks():
        rows = np.searchsorted(facts.row_lead, (first, last)).tolist()
        yield first, last, Hearing(rules, facts.slice(first, last), profile.slice(*rows))


def hear(rules: Rules, facts: Facts, leads: ArrayLike, at: ArrayLike, finish: Callable[[Axes], Result]) -> Result:
    """`finish` of what is measured at each pair, in the order given.

    Facts are taken in chunks of leads and pairs in pieces, so memory is bounded by those, whatever is asked.
    """
    leads, at = np.asarray(leads, dtype=np.intp), np.asarray(at, dtype=np.int64)
    if not _in_order(leads, at):
        order = np.lexsort((at, leads))
        back = np.empty_like(order)
        back[order] = np.arange(order.size)
        return picked(hear(rules, facts, leads[order], at[order], finish), back)
    distinct = leads[np.flatnonzero(np.diff(leads, prepend=-1))]
    if 2 * distinct.size < len(facts):
        return hear(rules, facts.known(distinct), np.searchsorted(distinct, leads), at, finish)
    parts = []
    for first, last, hearing in hearings(rules, facts):
        within = slice(*np.searchsorted(leads, (first, last)).tolist())
        parts.append(hearing.each(leads[within] - first, at[within], finish))
    return joined(parts)


def _in_order(leads: Positions, at: Ints) -> bool:
    return bool(np.all((leads[1:] > leads[:-1]) | ((leads[1:] == leads[:-1]) & (at[1:] >= at[:-1]))))
