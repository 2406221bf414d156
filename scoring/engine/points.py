"""Points of events at any instant: decayed, summed per signal, capped. Rules 4.4 to 4.6."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

import numpy as np

from scoring.engine.events import Events, Stream
from scoring.engine.rules import Catalogue, Decay, Inactivity, SignalPoints
from scoring.engine.timeline import DAY, FOREVER, Floats, Ints, Moments, microseconds

Tally = Callable[[Moments], Floats]

_SECOND = 1_000_000
_ALL = 100  # percent


def share(decay: Decay, age: Ints) -> Floats:
    """Return what is left of positive points after `age` microseconds (not negative): from 1 down to 0."""
    if decay.mode == "none":
        return np.ones(age.size)
    left: Floats = np.exp(age * _rate(decay)) if decay.mode == "compound" else np.maximum(1 - age * _lost(decay), 0)
    return left


def _lost(decay: Decay) -> float:
    """The share of the full points that goes each microsecond."""
    return decay.percent / _ALL / (decay.per_days * DAY)


def _rate(decay: Decay) -> float:
    """The logarithm of what a microsecond leaves. At 100 % nothing outlives the first: exp(-1000) is 0, and 0**0 stays 1."""
    if decay.percent >= _ALL:
        return -1000.0
    return math.log1p(-decay.percent / _ALL) / (decay.per_days * DAY)


def contributions(rules: Iterable[SignalPoints], decay: Decay, events: Events, catalogue: Catalogue) -> Tally:
    """Prepare what these signals contribute together, each limited by its own cap, before penalty and ceiling."""
    rules = [rule for rule in rules if rule.points]
    # Compound decay shrinks every sum alike, so all that no cap tells apart make one sum.
    shared = [rule for rule in rules if _fades(rule, decay) and decay.mode == "compound" and rule.cap is None]
    parts = [_capped(rule, decay, events, catalogue) for rule in rules if rule not in shared]
    if shared:
        parts.append(_compound(shared, decay, events))
    return lambda moments: sum((part(moments) for part in parts), np.zeros(moments.at.size))


def penalty(inactivity: Inactivity | None, quiet: Ints) -> Floats:
    """Points off for full periods without engagement; `quiet` is microseconds since the last, FOREVER for never engaged."""
    if inactivity is None:
        return np.zeros(quiet.size)
    beyond = quiet - microseconds(inactivity.after_days)
    periods = np.maximum(beyond // microseconds(inactivity.per_days), 0)
    return np.where(quiet < FOREVER, inactivity.points * periods, 0.0)


def _fades(rule: SignalPoints, decay: Decay) -> bool:
    return rule.points > 0 and decay.percent > 0 and decay.mode != "none"


def count_ended(rule: SignalPoints, catalogue: Catalogue, events: Events) -> Tally:
    """Prepare how many events of a signal count no more: those before the last event that ends them (rules 4.20).

    Only negative points end. An event at the very instant of the one that ends still counts.
    """
    enders = events.stream(catalogue.signals_ending(rule.signal))
    if rule.points >= 0 or not enders.at.size:
        return lambda moments: np.zeros(moments.at.size)
    ended = events.stream(frozenset({rule.signal}))

    def tally(moments: Moments) -> Floats:
        index, there = enders.last(moments)
        earlier = events.timeline.upto(moments.leads, enders.at[index] - 1)
        return np.where(there, ended.before(earlier) - ended.before(moments.opening), 0).astype(np.float64)

    return tally


def _capped(rule: SignalPoints, decay: Decay, events: Events, catalogue: Catalogue) -> Tally:
    tally, cap = _alone(rule, decay, events, catalogue), rule.cap
    if cap is None:
        return tally
    if rule.points < 0:
        return lambda moments: np.maximum(tally(moments), -abs(cap))
    return lambda moments: np.minimum(tally(moments), abs(cap))


def _alone(rule: SignalPoints, decay: Decay, events: Events, catalogue: Catalogue) -> Tally:
    stream = events.stream(frozenset({rule.signal}))
    if not _fades(rule, decay):
        ended = count_ended(rule, catalogue, events)
        return lambda moments: rule.points * (stream.count(moments) - ended(moments))
    return _compound([rule], decay, events) if decay.mode == "compound" else _linear(stream, rule.points, decay)


def _compound(rules: list[SignalPoints], decay: Decay, events: Events) -> Tally:
    """The decayed sum stands ready just after each event; at any moment it has only aged since the last one."""
    stream = events.stream(frozenset(rule.signal for rule in rules))
    points: dict[str, float] = {}
    for rule in rules:
        points[rule.signal] = points.get(rule.signal, 0.0) + rule.points
    standing = _accumulated(stream, events.weights(stream, points), decay)

    def tally(moments: Moments) -> Floats:
        if not standing.size:
            return np.zeros(moments.at.size)
        index, there = stream.last(moments)
        age = np.where(there, moments.at - stream.at[index], 0)
        return np.where(there, standing[index] * share(decay, age), 0.0)

    return tally


def _accumulated(stream: Stream, total: Floats, decay: Decay) -> Floats:
    """Return for each event the decayed sum of its lead's events up to it, at its own instant.

    By doubling: once total(i) covers the 2^k events up to i, adding total(i - 2^k), aged by the time between, makes it cover
    2^(k+1). No loop over leads however long they are, no growing exponent, and rounding errors of a tree instead of a chain.
    """
    rank = stream.rank()
    step, reach = 1, np.flatnonzero(rank >= 1)
    while reach.size:
        earlier = reach - step
        total[reach] += total[earlier] * share(decay, stream.at[reach] - stream.at[earlier])
        step *= 2
        reach = reach[rank[reach] >= step]
    return total


def _linear(stream: Stream, points: float, decay: Decay) -> Tally:
    """Events that still have something left, counted, less what their ages took: two running sums.

    Ages are summed in whole seconds and microseconds apart: exact in int64 for any number of events.
    """
    life = microseconds(_ALL / decay.percent * decay.per_days)
    seconds, rest = (np.concatenate(([0], np.cumsum(part))) for part in np.divmod(stream.at, _SECOND))

    def tally(moments: Moments) -> Floats:
        begin, end = stream.before(moments.since(life)), stream.before(moments.now)
        count = (end - begin).astype(np.int64)
        whole, part = np.divmod(moments.at, _SECOND)
        ages = (count * whole - (seconds[end] - seconds[begin])) * float(_SECOND)
        ages += count * part - (rest[end] - rest[begin])
        left: Floats = np.maximum(points * (count - ages * _lost(decay)), 0.0)
        return left

    return tally
