"""The events of a chunk of facts, and the streams that rules pick out of them by signal."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from scoring.engine.facts import Facts
from scoring.engine.timeline import FOREVER, Bools, Floats, Ints, Moments, Positions, Timeline

Counts = NDArray[np.int32]


class Stream:
    """Some events of a timeline, in its order. Moments, which speak of places on the timeline, are translated by `before`."""

    def __init__(self, timeline: Timeline, chosen: Bools) -> None:
        self.index = np.flatnonzero(chosen)
        self.at = timeline.at[self.index]
        self._timeline = timeline
        self._before = np.zeros(chosen.size + 1, dtype=np.int32)
        np.cumsum(chosen, dtype=np.int32, out=self._before[1:])

    @property
    def leads(self) -> Positions:
        return self._timeline.lead[self.index].astype(np.intp)

    def before(self, places: Positions) -> Counts:
        """Return how many of the stream's events come before each place on the timeline: an index just past the last of them."""
        return self._before[places]

    def since(self, window: int) -> Counts:
        """Return for each event the index of its lead's first event not more than `window` microseconds before it."""
        return self.before(self._timeline.upto(self.leads, self.at - window - 1))

    def rank(self) -> Positions:
        """Return how many of the stream's events the same lead had before each."""
        return np.arange(self.index.size) - self.before(self._timeline.starts[self.leads])

    def count(self, moments: Moments) -> Counts:
        return self.before(moments.now) - self.before(moments.opening)

    def last(self, moments: Moments) -> tuple[Positions, Bools]:
        """The index of each lead's latest event at each moment, and whether there is one (the index is 0 if not)."""
        upto = self.before(moments.now)
        there = upto > self.before(moments.opening)
        return np.where(there, upto - 1, 0), there

    def age(self, moments: Moments) -> Ints:
        """Microseconds since each lead's latest event; FOREVER where there is none."""
        if not self.at.size:
            return np.full(moments.at.size, FOREVER)
        index, there = self.last(moments)
        return np.where(there, moments.at - self.at[index], FOREVER)


class Events:
    def __init__(self, facts: Facts) -> None:
        self.timeline = Timeline(facts.event_lead, facts.event_at, len(facts))
        self.signal = facts.event_signal
        self.asset = facts.event_asset
        self.names = facts.signals
        self._streams: dict[tuple[frozenset[str], bool], Stream] = {}

    def stream(self, signals: frozenset[str], *, with_asset: bool = False) -> Stream:
        """The events of these signals; those about some asset only, if asked."""
        key = signals, with_asset
        if key not in self._streams:
            chosen = np.array([name in signals for name in self.names], dtype=np.bool_)[self.signal]
            self._streams[key] = Stream(self.timeline, chosen & (self.asset >= 0) if with_asset else chosen)
        return self._streams[key]

    def weights(self, stream: Stream, points: Mapping[str, float]) -> Floats:
        """The points of each event of a stream."""
        by_signal = np.array([points.get(name, 0.0) for name in self.names])
        return by_signal[self.signal[stream.index]]
