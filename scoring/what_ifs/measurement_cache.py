"""What people try while they edit a version: figures from what was measured before, when only thresholds changed.

Everything that a change of thresholds, timing or tiers leaves as it is is kept in the process for a minute: what the leads that
can pass the gate measured at every instant, and what became of leads. Then a question costs comparing.
"""

from __future__ import annotations

import datetime as dt
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, replace
from threading import Lock
from typing import Any, Final, Protocol, TypeVar

import numpy as np

from scoring.backtests import jobs, outcome_history
from scoring.backtests.coverage_and_precision import Dated, first_where
from scoring.backtests.jobs import Backtest
from scoring.backtests.statistics import Sample
from scoring.columns import fact_reader
from scoring.engine.facts import Facts
from scoring.engine.judge import Axes, axes, measured, verdict
from scoring.engine.profile import PASS
from scoring.engine.rules import Path, Rules
from scoring.engine.timeline import Ints
from scoring.engine.verdict import joined, picked
from scoring.instants import microseconds

FRESH_FOR: Final = dt.timedelta(seconds=60)
BYTES: Final = 384 << 20


@dataclass(frozen=True, slots=True)
class Quick:
    """The figures beside the editor: over [start, end), as known at `as_of`, which is at most a minute ago."""

    qualify_now: int
    coverage: Sample
    precision_won: Sample
    precision_sal: Sample
    flagged: int
    start: dt.datetime
    end: dt.datetime
    as_of: dt.datetime


def quick(rules: Rules, *, now: dt.datetime) -> Quick:
    """Who qualifies now, and the two numbers over the last six months (SPEC 10)."""
    kept = _measured(rules, now)
    start, _ = jobs.last_months(kept.as_of)
    found = _compared(rules, kept, start, kept.as_of, now)
    return Quick(
        qualify_now=int(np.count_nonzero(verdict(rules, kept.standing).meets)),
        coverage=found.coverage,
        precision_won=found.precision_won,
        precision_sal=found.precision_sal,
        flagged=found.flagged,
        start=start,
        end=kept.as_of,
        as_of=kept.as_of,
    )


def what_if(rules: Rules, *, start: dt.datetime, end: dt.datetime, now: dt.datetime) -> Backtest:
    """What `backtests.run` would answer, from facts that may be a minute old; `end` is not after `now`."""
    return _compared(rules, _measured(rules, now), start, end, now)


def forget() -> None:
    """Measure everything again."""
    _shelf.clear()


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """Every (lead, instant) before `as_of` at which rules could hold, sorted; `standing` of the same leads at `as_of`."""

    as_of: dt.datetime
    lead: Ints
    at: Ints
    axes: Axes
    standing: Axes

    @property
    def nbytes(self) -> int:
        return self.lead.nbytes + self.at.nbytes + _size(self.axes) + _size(self.standing)


@dataclass(frozen=True, slots=True, eq=False)
class Known:
    as_of: dt.datetime
    ledger: outcome_history.Ledger

    @property
    def nbytes(self) -> int:
        return self.ledger.nbytes


class Entry(Protocol):
    @property
    def as_of(self) -> dt.datetime: ...
    @property
    def nbytes(self) -> int: ...


Kept = TypeVar("Kept", Measured, Known)


class Shelf:
    """What was used last stays, up to so many bytes. Threads that want the same wait for the one that makes it."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._entries: OrderedDict[Hashable, Any] = OrderedDict()
        self._looking = Lock()
        # Measuring takes a second of every core; two at once would only take longer.
        self._making = Lock()

    def get(self, key: Hashable, now: dt.datetime, make: Callable[[], Kept]) -> Kept:
        found = self._fresh(key, now)
        if found is None:
            with self._making:
                found = self._fresh(key, now) or self._put(key, make())
        kept: Kept = found
        return kept

    def clear(self) -> None:
        with self._looking:
            self._entries.clear()

    def _fresh(self, key: Hashable, now: dt.datetime) -> Any:
        with self._looking:
            entry = self._entries.get(key)
            if entry is None or not dt.timedelta() <= now - entry.as_of < FRESH_FOR:
                return None
            self._entries.move_to_end(key)
            return entry

    def _put(self, key: Hashable, entry: Entry) -> Any:
        with self._looking:
            self._entries[key] = entry
            self._entries.move_to_end(key)
            while sum(kept.nbytes for kept in self._entries.values()) > self._most:
                self._entries.popitem(last=False)
        return entry


_shelf = Shelf(BYTES)


def _measured(rules: Rules, now: dt.datetime) -> Measured:
    plain = without_thresholds(rules)
    return _shelf.get(_key(plain), now, lambda: _measure(plain, now))


def _compared(rules: Rules, kept: Measured, start: dt.datetime, end: dt.datetime, now: dt.datetime) -> Backtest:
    known = _shelf.get("ledger", now, lambda: Known(now, outcome_history.ledger(until=now)))
    meets = verdict(rules, kept.axes).meets & (kept.at < microseconds(end))
    first = first_where(kept.lead, meets)
    history = known.ledger.history(start, end)
    return jobs.compare(Dated(kept.lead[first], kept.at[first]), history, start=start, end=end)


def without_thresholds(rules: Rules) -> Rules:
    """What is measured for these rules, and for all that differ from them in thresholds, timing and tiers alone."""
    tallies = tuple(sorted(rules.tallies, key=repr))
    return replace(rules, paths=(Path("", "", tallies),), hot=(), timing=None, tier_3_below=None)


def _key(plain: Rules) -> Hashable:
    parts = (plain.gate, plain.fit, plain.bant, plain.disqualifiers, plain.signals, plain.paths, plain.decay)
    ceilings, lists = (tuple(sorted(each.items())) for each in (plain.ceilings, plain.lists))
    return (*parts, plain.inactivity, plain.catalogue, ceilings, lists)


def _measure(plain: Rules, now: dt.datetime) -> Measured:
    parts = [_measure_range(plain, facts, microseconds(now)) for facts in fact_reader.everything(plain, kept=True)]
    lead, at, moments, standing = zip(*parts, strict=True)
    return Measured(now, np.concatenate(lead), np.concatenate(at), joined(moments), joined(standing))


def _measure_range(plain: Rules, facts: Facts, now: int) -> tuple[Ints, Ints, Axes, Axes]:
    leads, at, found = measured(plain, facts, until=now - 1)
    here = np.unique(leads)
    # Where the gate fails or something excludes, no threshold helps.
    some = (found.gate == PASS) & ~found.disqualified
    return facts.lead_ids[leads[some]], at[some], picked(found, some), axes(plain, facts, here, np.full(here.size, now))


def _size(found: Axes) -> int:
    flags = found.gate.nbytes + found.disqualified.nbytes
    scores = sum(column.nbytes for column in (found.fit, found.engagement, found.bant))
    ages = found.quiet.nbytes + found.waiting.nbytes
    return flags + scores + ages + sum(figure.nbytes for figure in found.figures.values())
