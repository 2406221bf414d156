"""Forecasts of when a verdict will change if nothing more happens: `next_look_at`. Rules 4.14."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from scoring.engine.facts import Facts
from scoring.engine.hearing import Hearing, hear, hearings
from scoring.engine.rules import Rules
from scoring.engine.timeline import Ints, Positions
from scoring.engine.verdict import verdict

NEVER = int(np.iinfo(np.int64).max)

_SECOND = 1_000_000
_HORIZON = 10 * 365 * 86_400  # seconds
_PAIRS_AT_ONCE = 1 << 12
_PARTS = 32


def next_change(rules: Rules, facts: Facts, leads: ArrayLike, at: ArrayLike) -> Ints:
    """Return for each (lead, instant) the next whole second after it at which verdict or tier is another, by decay and recency alone.

    NEVER for a lead that doesn't meet the rules (without new facts it will not) or still will in ten years. Facts dated after the
    instant are left out. Without new facts everything only falls, so bisecting the judge's own verdicts is exact.
    """
    leads, at = np.asarray(leads, dtype=np.intp), np.asarray(at, dtype=np.int64)
    change = np.full(at.size, NEVER, dtype=np.int64)
    meeting = np.flatnonzero(hear(rules, facts, leads, at, lambda measured: verdict(rules, measured)).meets)
    for start in range(0, meeting.size, _PAIRS_AT_ONCE):
        batch = meeting[start : start + _PAIRS_AT_ONCE]
        known = facts.known(leads[batch], at[batch])
        for first, last, hearing in hearings(rules, known):
            change[batch[first:last]] = _next_fall(hearing, at[batch[first:last]])
    return change


def _next_fall(hearing: Hearing, at: Ints) -> Ints:
    """Return one instant for each lead of the hearing, which must know no later fact."""
    leads, now = np.arange(at.size), at // _SECOND
    change = np.full(at.size, NEVER, dtype=np.int64)
    rank = _rank(hearing, leads, at)
    falls = np.flatnonzero(_rank(hearing, leads, (now + _HORIZON) * _SECOND) < rank)
    leads, at, rank, same = leads[falls], at[falls], rank[falls], now[falls]
    other = same + _HORIZON
    while np.any(other - same > 1):
        # Many instants at once: for a single lead, asking costs the same for one as for a few dozen.
        step = -((same - other) // _PARTS)
        between = np.minimum(same[:, None] + step[:, None] * np.arange(1, _PARTS), other[:, None])
        instants = np.maximum(between * _SECOND, at[:, None])
        ranks = _rank(hearing, np.repeat(leads, _PARTS - 1), instants.ravel()).reshape(instants.shape)
        count = np.count_nonzero(ranks == rank[:, None], axis=1)
        same, other = same + step * count, np.minimum(same + step * (count + 1), other)
    change[falls] = other * _SECOND
    return change


def _rank(hearing: Hearing, leads: Positions, at: Ints) -> NDArray[np.int8]:
    """3 for tier 1 down to 1 for tier 3, and 0 for a lead that doesn't meet the rules: what can only fall."""
    tier = verdict(hearing.rules, hearing.axes(leads, at)).tier
    return np.where(tier > 0, 4 - tier, 0).astype(np.int8)
