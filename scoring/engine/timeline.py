"""Dated rows of many leads, and the one lookup everything rests on: how many of them had happened at an instant."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Positions = NDArray[np.intp]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

HOUR = 3_600_000_000
DAY = 24 * HOUR
# Longer than any calendar, and still so short that a sum of three fits an int64.
FOREVER = 1 << 60
# The `row_from` of what has been so since ever.
EVER = -FOREVER


def microseconds(amount: float, unit: int = DAY) -> int:
    return min(round(amount * unit), FOREVER)


def bounds(lead: NDArray[np.int32], leads: int) -> Positions:
    """Return where each lead's rows begin in a column sorted by lead; one entry more than leads, the last is the end."""
    starts = np.zeros(leads + 1, dtype=np.intp)
    np.cumsum(np.bincount(lead, minlength=leads), out=starts[1:])
    return starts


def places(lead: NDArray[np.integer[Any]], at: Ints, other_lead: NDArray[np.integer[Any]], other_at: Ints) -> Positions:
    """Return where among rows sorted by (lead, at) others belong: just past their lead's last one that is not later."""
    low, high = (np.searchsorted(lead, other_lead, side=side) for side in ("left", "right"))
    # A bisection of all at once.
    while (open_ := np.flatnonzero(low < high)).size:
        middle = (low[open_] + high[open_]) // 2
        later = at[middle] > other_at[open_]
        high[open_[later]] = middle[later]
        low[open_[~later]] = middle[~later] + 1
    return low


class Timeline:
    """Rows sorted by (lead, at), laid on one growing int64 axis, so that one binary search answers (lead, instant).

    A lead takes `last - first + 2` of the axis: the extra place is "before its first row", where earlier instants are clamped
    to. The sum of those spans must fit an int64; `judge` sees to that by taking leads in chunks.
    """

    def __init__(self, lead: NDArray[np.int32], at: Ints, leads: int) -> None:
        self.lead = lead
        self.at = at
        self.starts = bounds(lead, leads)
        some = np.flatnonzero(self.starts[1:] > self.starts[:-1])
        self._before = np.full(leads, -1, dtype=np.int64)
        self._last = np.full(leads, -1, dtype=np.int64)
        self._before[some] = at[self.starts[some]] - 1
        self._last[some] = at[self.starts[some + 1] - 1]
        room = self._last - self._before + 1
        self._shift = np.cumsum(room) - room - self._before
        self._key = at + self._shift[lead]

    def upto(self, leads: Positions, at: Ints) -> Positions:
        """Return how many rows, counted over the whole axis, precede or equal each (lead, instant): an index just past the last one."""
        clamped = np.clip(at, self._before[leads], self._last[leads])
        places: Positions = np.searchsorted(self._key, clamped + self._shift[leads], side="right")
        return places


class Moments:
    """Pairs (lead, instant) looked up on a timeline; windows that several rules share are looked up once."""

    def __init__(self, timeline: Timeline, leads: Positions, at: Ints) -> None:
        self.leads = leads
        self.at = at
        self.opening = timeline.starts[leads]
        self.now = timeline.upto(leads, at)
        self._timeline = timeline
        self._since: dict[int, Positions] = {}

    def since(self, window: int | None) -> Positions:
        """The position of the first row not older than `window` microseconds (exactly that old is in); None reaches back for ever."""
        if window is None:
            return self.opening
        if window not in self._since:
            self._since[window] = self._timeline.upto(self.leads, self.at - window - 1)
        return self._since[window]
