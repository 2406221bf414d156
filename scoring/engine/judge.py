"""The front door of the engine: who meets a definition, when, why, and for how long.

There is one interpretation of the rules (`hearing`), and it takes the instant as a parameter; these functions only ask it.
Instants are int64 microseconds since the epoch, UTC; leads are indexes into `facts.lead_ids`. Rules that name an operator, axis,
list or seniority that does not exist raise ValueError.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike

from scoring.engine.explain import Explanation, explain
from scoring.engine.facts import Facts
from scoring.engine.forecast import NEVER, next_change
from scoring.engine.hearing import Hearing, hear, hearings
from scoring.engine.profile import PASS, Attributes
from scoring.engine.rules import Rules
from scoring.engine.timeline import Ints, Positions
from scoring.engine.verdict import Axes, Verdicts, joined, picked, verdict

__all__ = [
    "NEVER", "Axes", "Explanation", "Verdicts", "axes", "explain", "first_of", "first_qualifying", "judge", "measured", "next_change",
    "verdict",
]  # fmt: skip


def judge(rules: Rules, facts: Facts, leads: ArrayLike, at: ArrayLike) -> Verdicts:
    """The verdict on each (lead, instant) pair, in the order given. Nothing dated after the instant has any part in it."""
    return hear(rules, facts, leads, at, lambda measured: verdict(rules, measured))


def axes(rules: Rules, facts: Facts, leads: ArrayLike, at: ArrayLike) -> Axes:
    """Measure each pair, in the order given: `judge` is this, then `verdict`.

    Thresholds have no part in it: `verdict(other_rules, axes)` answers for rules that differ in those alone.
    """
    return hear(rules, facts, leads, at, lambda measured: measured)


def first_qualifying(
    rules: Rules, facts: Facts, *, until: int, since: int | None = None
) -> tuple[Positions, Ints, Verdicts]:
    """The first instant in [since, until] at which each lead that meets the rules there does so: leads, instants, verdicts there.

    Judged at every event and attribute change: between them scores only fall (rules 4.11), so no other instant can be the first.
    """
    parts = []
    for names, leads, at, hearing in _pairs_to_judge(rules, facts, since, until):
        chosen, instants, verdicts = first_of(leads, at, hearing.each(leads, at, lambda axes: verdict(rules, axes)))
        parts.append((names[chosen], instants, verdicts))
    qualified, since_when, all_verdicts = zip(*parts, strict=True)
    return np.concatenate(qualified), np.concatenate(since_when), joined(all_verdicts)


def measured(rules: Rules, facts: Facts, *, until: int, since: int | None = None) -> tuple[Positions, Ints, Axes]:
    """Measure what `first_qualifying` compares, to be kept for what-ifs: leads, instants and axes of every instant in [since, until].

    Only of leads that pass the gate at some time, so it serves rules that differ in thresholds, timing or tiers alone:
    `first_of(leads, at, verdict(other_rules, axes))` is then their `first_qualifying`.
    """
    parts = [
        (names[leads], at, hearing.each(leads, at, lambda axes: axes))
        for names, leads, at, hearing in _pairs_to_judge(rules, facts, since, until)
    ]
    all_leads, all_at, all_axes = zip(*parts, strict=True)
    return np.concatenate(all_leads), np.concatenate(all_at), joined(all_axes)


def first_of(leads: Positions, at: Ints, verdicts: Verdicts) -> tuple[Positions, Ints, Verdicts]:
    """Return of pairs sorted by lead and instant the first of each lead that meets the rules."""
    meeting = np.flatnonzero(verdicts.meets)
    first = meeting[np.unique(leads[meeting], return_index=True)[1]]
    return leads[first], at[first], picked(verdicts, first)


def _pairs_to_judge(
    rules: Rules, facts: Facts, since: int | None, until: int
) -> Iterator[tuple[Positions, Positions, Ints, Hearing]]:
    """Chunk by chunk of the leads that pass the gate at some time: who they are in `facts`, and each pair to judge."""
    hopeful = _hopeful(rules, facts)
    some = facts.known(hopeful) if hopeful.size < len(facts) else facts
    for first, last, hearing in hearings(rules, some):
        leads, at = some.slice(first, last).instants()
        within = (at <= until) if since is None else (at >= since) & (at <= until)
        yield hopeful[first:last], leads[within], at[within], hearing


def _hopeful(rules: Rules, facts: Facts) -> Positions:
    """Return the leads that pass the gate at some time: of the others neither events nor disqualifiers need a look."""
    passes = Attributes(facts, rules.titles).gate(rules) == PASS
    # The last entry speaks for the time before a lead's first row.
    return np.arange(len(facts)) if passes[-1] else np.unique(facts.row_lead[passes[:-1]]).astype(np.intp)
