"""
The front door of the engine: who meets a definition, when, why, and for how long.

There is one interpretation of the rules (`hearing`), and it takes the instant as a parameter; these functions only ask it.
Instants are int64 microseconds since the epoch, UTC; leads are indexes into `facts.lead_ids`. Rules that name an operator, axis,
list or seniority that does not exist raise ValueError.
"""

from __future__ import annotations

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
    "NEVER", "Axes", "Explanation", "Verdicts", "axes", "explain", "first_qualifying", "judge", "next_change", "verdict",
]  # fmt: skip


def judge(rules: Rules, facts: Facts, leads: ArrayLike, at: ArrayLike) -> Verdicts:
    """The verdict on each (lead, instant) pair, in the order given. Nothing dated after the instant has any part in it."""
    return hear(rules, facts, leads, at, lambda measured: verdict(rules, measured))


def axes(rules: Rules, facts: Facts, leads: ArrayLike, at: ArrayLike) -> Axes:
    """
    What is measured of each pair, in the order given: `judge` is this, then `verdict`.

    Thresholds have no part in it: `verdict(other_rules, axes)` answers for rules that differ in those alone.
    """
    return hear(rules, facts, leads, at, lambda measured: measured)


def first_qualifying(
    rules: Rules, facts: Facts, *, until: int, since: int | None = None
) -> tuple[Positions, Ints, Verdicts]:
    """
    The first instant in [since, until] at which each lead that meets the rules there does so: leads, instants, verdicts there.

    Judged at every event and attribute change: between them scores only fall (SPEC 4), so no other instant can be the first.
    """
    hopeful = _hopeful(rules, facts)
    facts = facts.known(hopeful) if hopeful.size < len(facts) else facts
    found = [
        _first(hearing, facts.slice(first, last), first, since, until)
        for first, last, hearing in hearings(rules, facts)
    ]
    leads, at, verdicts = zip(*found, strict=True)
    return hopeful[np.concatenate(leads)], np.concatenate(at), joined(verdicts)


def _hopeful(rules: Rules, facts: Facts) -> Positions:
    """Leads that pass the gate at some time: of the others neither events nor disqualifiers need a look."""
    passes = Attributes(facts).gate(rules) == PASS
    # The last entry speaks for the time before a lead's first row.
    return np.arange(len(facts)) if passes[-1] else np.unique(facts.row_lead[passes[:-1]]).astype(np.intp)


def _first(
    hearing: Hearing, facts: Facts, shift: int, since: int | None, until: int
) -> tuple[Positions, Ints, Verdicts]:
    leads, at = facts.instants()
    asked = (at <= until) if since is None else (at >= since) & (at <= until)
    leads, at = leads[asked], at[asked]
    verdicts = hearing.each(leads, at, lambda measured: verdict(hearing.rules, measured))
    meeting = np.flatnonzero(verdicts.meets)
    first = meeting[np.unique(leads[meeting], return_index=True)[1]]
    return leads[first] + shift, at[first], picked(verdicts, first)
