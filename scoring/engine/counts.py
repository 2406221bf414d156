"""The figures of count clauses: events of a set, or different assets, in a window, or close together. Rules 3.2, 4.3, 15.5."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from scoring.engine.events import Counts, Events, Stream
from scoring.engine.rules import CountClause
from scoring.engine.timeline import HOUR, Ints, Moments, microseconds

# From index `begin` up to and without `end` of a stream, all of one lead: how many?
Between = Callable[[Counts, Counts], Counts]
Figure = Callable[[Moments], Counts]


def figure(clause: CountClause, events: Events) -> Figure:
    """Prepare the figure that a clause compares with its threshold (which is not looked at).

    With `within_hours_of_each_other` it is the largest number that happened so close together, the last of them in the window.
    """
    stream = events.stream(clause.signals, with_asset=clause.distinct is not None or clause.same is not None)
    window = None if clause.within_days is None else microseconds(clause.within_days)
    between = _occurrences if clause.distinct is None else _different(_previous(stream, events))
    if clause.same is not None:
        between = _complete(*_oldest_of_latest(stream, events, clause.signals))
    if clause.within_hours_of_each_other is not None:
        burst = stream.since(microseconds(clause.within_hours_of_each_other, HOUR))
        between = _largest(between(burst, np.arange(1, burst.size + 1, dtype=np.int32)))
    return lambda moments: between(stream.before(moments.since(window)), stream.before(moments.now))


def _occurrences(begin: Counts, end: Counts) -> Counts:
    return end - begin


def _largest(sizes: Counts) -> Between:
    """The maximum over a range, of 0 and more: two overlapping ranges of a power of two, whose maxima stand ready."""
    ready = [sizes]
    while (step := 1 << len(ready)) <= sizes.size:
        half = ready[-1]
        ready.append(np.maximum(half[: sizes.size - step + 1], half[step // 2 :][: sizes.size - step + 1]))

    def between(begin: Counts, end: Counts) -> Counts:
        maximum = np.zeros(begin.size, dtype=np.int32)
        level = np.frexp(end - begin)[1] - 1
        for power, maxima in enumerate(ready):
            here = np.flatnonzero(level == power)
            maximum[here] = np.maximum(maxima[begin[here]], maxima[end[here] - (1 << power)])
        return maximum

    return between


def _previous(stream: Stream, events: Events) -> Ints:
    """Return for each event one more than the index of the one before it with the same lead and asset; 0 for the first."""
    asset, lead = events.asset[stream.index], stream.leads
    order = np.lexsort((asset, lead))
    same = (asset[order][1:] == asset[order][:-1]) & (lead[order][1:] == lead[order][:-1])
    previous = np.zeros(order.size, dtype=np.int64)
    previous[order[1:][same]] = order[:-1][same] + 1
    return previous


def _different(previous: Ints) -> Between:
    """Different assets in a range: its events, less those whose asset is already in it (theirs is the later `previous`)."""

    def between(begin: Counts, end: Counts) -> Counts:
        return end - begin - _above(previous, end, begin)

    return between


def _oldest_of_latest(stream: Stream, events: Events, signals: frozenset[str]) -> tuple[Ints, Ints]:
    """Return for each event, of the latest events of every signal about its asset so far, one more than the index of the oldest.

    0 while one of the signals is missing. Beside it the same as it was at the asset's event before; 0 at its first.
    """
    lead, asset, signal = stream.leads, events.asset[stream.index], events.signal[stream.index]
    order = np.lexsort((asset, lead))
    same = (asset[order][1:] == asset[order][:-1]) & (lead[order][1:] == lead[order][:-1])
    oldest, before, size = (
        np.full(order.size, order.size, dtype=np.int64),
        np.zeros(order.size, dtype=np.int64),
        order.size + 1,
    )
    # Each asset of a lead has a range of numbers of its own, so that one running maximum serves all.
    base = np.concatenate(([0], np.cumsum(~same)))[: order.size] * size
    for name in signals:
        is_named = np.array([known == name for known in events.names], dtype=np.bool_)[signal[order]]
        oldest = np.minimum(oldest, np.maximum.accumulate(np.where(is_named, order + 1, 0) + base) - base)
    before[1:][same] = oldest[:-1][same]
    back = np.argsort(order)
    return oldest[back], before[back]


def _complete(oldest: Ints, before: Ints) -> Between:
    """Assets about which every signal lies in a range: at the last event of each before its end, the oldest does.

    `oldest` only grows along the events of an asset, so what its events add, less what the events before had, is 1 or 0.
    """

    def between(begin: Counts, end: Counts) -> Counts:
        return _above(oldest, end, begin) - _above(before, end, begin)

    return between


def _above(values: Ints, end: Counts, floor: Counts) -> Counts:
    """Return for each query how many of values[:end] exceed `floor`: all queries walk down one wavelet matrix together.

    At each bit, from the highest, the values are parted stably into those without and those with it; a query follows its floor's
    bit, and where that is 0 counts those with it, which are greater whatever follows.
    """
    counts = np.zeros(end.size, dtype=np.int32)
    low, high = np.zeros_like(end), end.copy()
    for bit in reversed(range(int(values.size).bit_length())):
        has = (values >> bit) & 1 == 1
        ones = np.concatenate(([0], np.cumsum(has, dtype=np.int32))).astype(np.int32)
        low_ones, high_ones = ones[low], ones[high]
        up = (floor >> bit) & 1 == 1
        counts += np.where(up, 0, high_ones - low_ones)
        zeros = values.size - int(ones[-1])
        low, high = np.where(up, zeros + low_ones, low - low_ones), np.where(up, zeros + high_ones, high - high_ones)
        values = np.concatenate((values[~has], values[has]))
    return counts
