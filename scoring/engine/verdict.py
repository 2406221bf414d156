"""Axes in, verdicts out: everything that compares, and nothing else. Rules 3.2 to 3.6."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from scoring.engine.profile import PASS
from scoring.engine.rules import AxisClause, Clause, CountClause, PathRule, Rules, Timing
from scoring.engine.timeline import FOREVER, Bools, Floats, Ints, microseconds

DECIMALS = 6


@dataclass(frozen=True, slots=True, eq=False)
class Axes:
    """The measurements, one entry per (lead, instant); thresholds have no part in it.

    `fit`, `engagement`, `bant` within their ceilings, rounded · `gate` 1 pass, 0 fail, -1 unknown · `quiet` microseconds since the
    last engagement, `waiting` since the last open request (FOREVER: none) · `figures` of each `CountClause.tally`.
    """

    fit: Floats
    engagement: Floats
    bant: Floats
    gate: NDArray[np.int8]
    disqualified: Bools
    quiet: Ints
    waiting: Ints
    figures: Mapping[CountClause, NDArray[np.int32]]

    def axis(self, name: str) -> Floats:
        """ValueError for an axis that does not exist."""
        if name == "fit+engagement":
            return np.round(self.fit + self.engagement, DECIMALS)
        if name not in ("fit", "engagement", "bant"):
            raise ValueError(f"There is no axis {name!r}.")
        axis: Floats = getattr(self, name)
        return axis


@dataclass(frozen=True, slots=True, eq=False)
class Verdicts:
    """The verdicts, one entry per (lead, instant).

    `threshold`, `timing` and `hot` say whether any path, the timing, any hot trigger holds by itself; `engaged` whether there was any
    engagement. `meets` is the verdict; `tier` is 0 without it.
    """

    fit: Floats
    engagement: Floats
    bant: Floats
    gate: NDArray[np.int8]
    disqualified: Bools
    engaged: Bools
    threshold: Bools
    timing: Bools
    hot: Bools
    meets: Bools
    tier: NDArray[np.int8]

    def __len__(self) -> int:
        return int(self.fit.size)


def verdict(rules: Rules, axes: Axes) -> Verdicts:
    """Compare. A what-if on thresholds, windows of timing or tiers needs nothing else than the axes at hand.

    Gate and disqualifiers come first. Then a hot trigger qualifies by itself, without path or timing (it is the fast track), and
    makes tier 1; anything else needs a path and the timing.
    """
    threshold, hot = _any_path(rules.paths, axes), _any_path(rules.hot, axes)
    timing = timely(rules.timing, axes)
    meets = (axes.gate == PASS) & ~axes.disqualified & (hot | (threshold & timing))
    return Verdicts(
        fit=axes.fit,
        engagement=axes.engagement,
        bant=axes.bant,
        gate=axes.gate,
        disqualified=axes.disqualified,
        engaged=axes.quiet < FOREVER,
        threshold=threshold,
        timing=timing,
        hot=hot,
        meets=meets,
        tier=_tier(rules, axes, meets, hot),
    )


def clause_figure(clause: Clause, axes: Axes) -> NDArray[np.float64] | NDArray[np.int32]:
    """The figure that a clause compares with its `at_least`."""
    return axes.axis(clause.axis) if isinstance(clause, AxisClause) else axes.figures[clause.tally]


def timely(timing: Timing | None, axes: Axes) -> Bools:
    """Engaged lately, or waiting for an answer not too long; always, where no condition is stated."""
    windows = () if timing is None else (timing.engaged_within_days, timing.or_request_within_days)
    is_recent = [
        age <= min(microseconds(days), FOREVER - 1)
        for days, age in zip(windows, (axes.quiet, axes.waiting), strict=False)
        if days is not None
    ]
    return np.logical_or.reduce(is_recent) if is_recent else np.ones(axes.quiet.size, dtype=np.bool_)


def _any_path(paths: Iterable[PathRule], axes: Axes) -> Bools:
    is_met = np.zeros(axes.fit.size, dtype=np.bool_)
    for path in paths:
        is_met |= holds(path, axes)
    return is_met


def holds(path: PathRule, axes: Axes) -> Bools:
    is_met = np.ones(axes.fit.size, dtype=np.bool_)
    for clause in path.clauses:
        is_met &= clause_figure(clause, axes) >= clause.at_least
    return is_met


def _tier(rules: Rules, axes: Axes, meets: Bools, hot: Bools) -> NDArray[np.int8]:
    weak = np.zeros(meets.size, dtype=np.bool_)
    if rules.tier_3_below is not None:
        weak = axes.axis(rules.tier_3_below.axis) < rules.tier_3_below.less_than
    return np.where(meets, np.where(hot, 1, np.where(weak, 3, 2)), 0).astype(np.int8)


Columns = TypeVar("Columns", Axes, Verdicts)


def joined(parts: Sequence[Columns]) -> Columns:
    """The same columns, one part after the other. At least one part."""
    columns = [[getattr(part, column.name) for part in parts] for column in fields(parts[0])]
    return type(parts[0])(*(_joined(column) for column in columns))


def picked(columns: Columns, index: NDArray[np.intp] | Bools) -> Columns:
    """The entries at an index or under a mask."""
    return type(columns)(*(_picked(getattr(columns, column.name), index) for column in fields(columns)))


def _joined(parts: list[Any]) -> Any:
    if isinstance(parts[0], Mapping):
        return {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}
    return np.concatenate(parts)


def _picked(column: Any, index: NDArray[np.intp] | Bools) -> Any:
    return {key: part[index] for key, part in column.items()} if isinstance(column, Mapping) else column[index]
