"""The MQLs of a motion with their steps, and what was known of them at an instant (rules 12.31).

Pure: numpy arrays in, numpy arrays out. Instants are days since 1970 in UTC as floats, `NEVER` for none.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

Days: TypeAlias = NDArray[np.float64]
Indexes: TypeAlias = NDArray[np.int64]

NEVER: Final = np.inf


class StepKind(IntEnum):
    """A step on the way of an MQL. A won or lost deal, or the next MQL of the person, closes it."""

    ACCEPTED = 0
    REJECTED = 1
    QUALIFIED = 2
    OPENED = 3
    CLOSED = 4


@dataclass(frozen=True, slots=True)
class MqlSteps:
    """Steps as columns, in the order of `mql`: its place in the history; the kind, when it happened, and while it was known.

    A step is known in `[known_from, known_until)`; a correction ends it. `amount` and `currency` are of opportunities:
    the amount is NaN where it is unknown, the currency an index of `MqlHistory.currencies`, -1 for none.
    """

    mql: Indexes
    kind: Indexes
    at: Days
    known_from: Days
    known_until: Days
    amount: NDArray[np.float64]
    currency: Indexes


@dataclass(frozen=True, slots=True)
class MqlHistory:
    """The MQLs of one motion in the order in which they qualified, with all steps that were ever recorded of them."""

    qualified_at: Days
    known_at: Days
    steps: MqlSteps
    currencies: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Openings:
    """Opportunities that MQLs opened, the first of each MQL: when, and its amount and currency as in `MqlSteps`."""

    at: Days
    amount: NDArray[np.float64]
    currency: Indexes

    def sum_amounts(self, currency: int, start: float, end: float) -> float:
        """Return the sum of known amounts in one currency that were opened in `[start, end)`."""
        chosen = (self.currency == currency) & (self.at >= start) & (self.at < end)
        return float(np.nansum(self.amount[chosen]))

    def count_priced(self, currency: int) -> int:
        """Return how many have a known amount in the currency."""
        return int(np.count_nonzero((self.currency == currency) & ~np.isnan(self.amount)))


@dataclass(frozen=True, slots=True)
class KnownMqls:
    """MQLs that qualified in `[start, until)`, with the first instant of each step as known at `until`; NEVER for none."""

    until: float
    #: The place of each in the history.
    places: Indexes
    qualified_at: Days
    accepted_at: Days
    sql_at: Days
    opened_at: Days
    #: When it was rejected, won, lost, or followed by the next MQL of the person.
    gone_at: Days
    openings: Openings


def select_known(history: MqlHistory, *, until: float, start: float) -> KnownMqls:
    """Return the MQLs of `[start, until)` by nothing but what was recorded before `until`."""
    first, last = np.searchsorted(history.qualified_at, [start, until])
    is_known = history.known_at[first:last] < until
    steps = history.steps
    span = slice(*np.searchsorted(steps.mql, [first, last]))
    was_known = (steps.at[span] < until) & (steps.known_from[span] < until) & (steps.known_until[span] >= until)
    was_known &= is_known[steps.mql[span] - first]
    chosen = np.flatnonzero(was_known) + (span.start or 0)
    rows, kind, at = steps.mql[chosen] - first, steps.kind[chosen], steps.at[chosen]

    def first_of(*kinds: StepKind) -> Days:
        instants = np.full(last - first, NEVER)
        for one in kinds:
            is_one = kind == one
            np.minimum.at(instants, rows[is_one], at[is_one])
        return instants

    opened_at = first_of(StepKind.OPENED)
    first_openings = np.flatnonzero((kind == StepKind.OPENED) & (at == opened_at[rows]))
    # Of two at the same instant the first counts; the rows are in order.
    first_openings = first_openings[np.diff(rows[first_openings], prepend=-1) > 0]
    openings = chosen[first_openings]
    return KnownMqls(
        until=until,
        places=first + np.flatnonzero(is_known),
        qualified_at=history.qualified_at[first:last][is_known],
        accepted_at=first_of(StepKind.ACCEPTED)[is_known],
        sql_at=first_of(StepKind.QUALIFIED)[is_known],
        opened_at=opened_at[is_known],
        gone_at=first_of(StepKind.REJECTED, StepKind.CLOSED)[is_known],
        openings=Openings(steps.at[openings], steps.amount[openings], steps.currency[openings]),
    )
