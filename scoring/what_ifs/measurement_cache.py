"""Figures for people who edit a version: computed from kept measurements when only thresholds changed.

The process keeps for a minute everything that a change of thresholds, timing or tiers leaves unchanged: the
measurements, at every instant, of the leads that can pass the gate, and the outcomes of leads. A question then costs
only comparisons.
"""

from __future__ import annotations

import datetime as dt
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, replace
from threading import Lock
from typing import Any, Final, Protocol, TypeVar

import numpy as np

from definitions import backtest_requests
from leads.vocabulary import Motion
from scoring.backtests import outcome_history, pending_backtests
from scoring.backtests.coverage_and_precision import DatedLeads, first_where
from scoring.backtests.intervals_and_tests import Sample
from scoring.backtests.pending_backtests import BacktestFigures
from scoring.columns import fact_reader
from scoring.engine.facts import Facts
from scoring.engine.judge import Axes, axes, measured, verdict
from scoring.engine.profile import PASS
from scoring.engine.rules import PathRule, Rules
from scoring.engine.timeline import Ints
from scoring.engine.verdict import joined, picked
from scoring.instants import microseconds

FRESH_FOR: Final = dt.timedelta(seconds=60)
MAX_BYTES: Final = 384 << 20


@dataclass(frozen=True, slots=True)
class DraftFigures:
    """The figures beside the editor: over [start, end), as known at `as_of`, which is at most a minute ago."""

    qualify_now: int
    coverage: Sample
    precision_ripe: Sample
    precision_sal: Sample
    flagged: int
    start: dt.datetime
    end: dt.datetime
    as_of: dt.datetime


def quick_figures(rules: Rules, *, now: dt.datetime) -> DraftFigures:
    """Return how many leads qualify now, and the two numbers over the last six months (rules 10.8)."""
    measurements = _get_measurements(rules, now)
    start, _ = backtest_requests.default_period(measurements.as_of)
    figures = _compare_with_outcomes(rules, measurements, start, measurements.as_of, now)
    return DraftFigures(
        qualify_now=int(np.count_nonzero(verdict(rules, measurements.axes_now).meets)),
        coverage=figures.coverage,
        precision_ripe=figures.precision_ripe,
        precision_sal=figures.precision_sal,
        flagged=figures.flagged,
        start=start,
        end=measurements.as_of,
        as_of=measurements.as_of,
    )


def what_if_figures(rules: Rules, *, start: dt.datetime, end: dt.datetime, now: dt.datetime) -> BacktestFigures:
    """Return what `pending_backtests.compute_figures` would return, from facts that may be a minute old; `end` is not after `now`."""
    return _compare_with_outcomes(rules, _get_measurements(rules, now), start, end, now)


def forget_measurements() -> None:
    """Drop all entries, so that everything is measured again."""
    _cache.clear()


@dataclass(frozen=True, slots=True, eq=False)
class AxisMeasurements:
    """The (lead, instant) pairs before `as_of` at which rules could hold, sorted, with its axes; `axes_now` of the same
    leads at `as_of`.
    """

    as_of: dt.datetime
    lead: Ints
    at: Ints
    axes: Axes
    axes_now: Axes

    @property
    def nbytes(self) -> int:
        return self.lead.nbytes + self.at.nbytes + _axes_bytes(self.axes) + _axes_bytes(self.axes_now)


@dataclass(frozen=True, slots=True, eq=False)
class KnownOutcomes:
    """The outcomes of leads as a motion counts them, as known at `as_of`."""

    as_of: dt.datetime
    records: outcome_history.OutcomeRecords

    @property
    def nbytes(self) -> int:
        return self.records.nbytes


class CacheEntry(Protocol):
    """An entry of the cache: when it was made, and how many bytes it takes."""

    @property
    def as_of(self) -> dt.datetime: ...
    @property
    def nbytes(self) -> int: ...


Entry = TypeVar("Entry", AxisMeasurements, KnownOutcomes)


class RecentlyUsedCache:
    """A cache of the most recently used entries, up to a number of bytes, shared by threads.

    Threads that want the same entry wait for the one that makes it.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._entries: OrderedDict[Hashable, Any] = OrderedDict()
        self._entries_lock = Lock()
        # Measuring takes a second of all cores, so two measurements at once would only take longer.
        self._make_lock = Lock()

    def get_or_make(self, key: Hashable, now: dt.datetime, make: Callable[[], Entry]) -> Entry:
        """Return the entry if it is younger than FRESH_FOR; else make and keep it."""
        fresh_entry = self._fresh(key, now)
        if fresh_entry is None:
            with self._make_lock:
                fresh_entry = self._fresh(key, now) or self._put(key, make())
        entry: Entry = fresh_entry
        return entry

    def clear(self) -> None:
        with self._entries_lock:
            self._entries.clear()

    def _fresh(self, key: Hashable, now: dt.datetime) -> Any:
        with self._entries_lock:
            entry = self._entries.get(key)
            if entry is None or not dt.timedelta() <= now - entry.as_of < FRESH_FOR:
                return None
            self._entries.move_to_end(key)
            return entry

    def _put(self, key: Hashable, entry: CacheEntry) -> Any:
        with self._entries_lock:
            self._entries[key] = entry
            self._entries.move_to_end(key)
            while sum(other.nbytes for other in self._entries.values()) > self._max_bytes:
                self._entries.popitem(last=False)
        return entry


_cache = RecentlyUsedCache(MAX_BYTES)


def _get_measurements(rules: Rules, now: dt.datetime) -> AxisMeasurements:
    """Return the measurements for the rules, kept or made now."""
    plain = without_thresholds(rules)
    return _cache.get_or_make(_measurement_key(plain), now, lambda: _measure(plain, now))


def _compare_with_outcomes(
    rules: Rules, measurements: AxisMeasurements, start: dt.datetime, end: dt.datetime, now: dt.datetime
) -> BacktestFigures:
    """Return the figures of [start, end) by the rules' thresholds, from the measurements and the cached outcomes."""
    motion = Motion(rules.motion)
    known = _cache.get_or_make(
        ("outcomes", motion), now, lambda: KnownOutcomes(now, outcome_history.read_outcomes(motion, until=now))
    )
    meets = verdict(rules, measurements.axes).meets & (measurements.at < microseconds(end))
    first = first_where(measurements.lead, meets)
    history = known.records.history_of_period(start, end)
    return pending_backtests.compare_with_outcomes(
        DatedLeads(measurements.lead[first], measurements.at[first]), history, start=start, end=end
    )


def without_thresholds(rules: Rules) -> Rules:
    """Return rules whose measurements serve these rules and all that differ from them only in thresholds, timing and
    tiers.
    """
    tallies = tuple(sorted(rules.tallies, key=repr))
    return replace(rules, paths=(PathRule("", "", tallies),), hot=(), timing=None, tier_3_below=None)


def _measurement_key(plain: Rules) -> Hashable:
    """Return a key that is equal for rules with equal measurements."""
    parts = (plain.gate, plain.fit, plain.bant, plain.disqualifiers, plain.signals, plain.paths, plain.decay)
    ceilings, lists = (tuple(sorted(mapping.items())) for mapping in (plain.ceilings, plain.lists))
    return (*parts, plain.inactivity, plain.catalogue, plain.engaged_by, ceilings, lists, plain.titles)


def _measure(plain: Rules, now: dt.datetime) -> AxisMeasurements:
    parts = [_measure_range(plain, facts, microseconds(now)) for facts in fact_reader.read_all(plain, in_memory=True)]
    lead, at, moments, standing = zip(*parts, strict=True)
    return AxisMeasurements(now, np.concatenate(lead), np.concatenate(at), joined(moments), joined(standing))


def _measure_range(plain: Rules, facts: Facts, now: int) -> tuple[Ints, Ints, Axes, Axes]:
    leads, at, measured_axes = measured(plain, facts, until=now - 1)
    known_leads = np.unique(leads)
    # Where the gate fails or a disqualifier holds, no threshold lets the lead in.
    can_pass = (measured_axes.gate == PASS) & ~measured_axes.disqualified
    return (
        facts.lead_ids[leads[can_pass]],
        at[can_pass],
        picked(measured_axes, can_pass),
        axes(plain, facts, known_leads, np.full(known_leads.size, now)),
    )


def _axes_bytes(axes_arrays: Axes) -> int:
    flags = axes_arrays.gate.nbytes + axes_arrays.disqualified.nbytes
    scores = sum(column.nbytes for column in (axes_arrays.fit, axes_arrays.engagement, axes_arrays.bant))
    ages = axes_arrays.quiet.nbytes + axes_arrays.waiting.nbytes
    return flags + scores + ages + sum(figure.nbytes for figure in axes_arrays.figures.values())
