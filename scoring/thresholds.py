"""Thresholds: the numbers in a version that can be changed, their places and labels, and rules with other numbers. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from scoring.engine import why
from scoring.engine.rules import AxisClause, Clause, PathRule, Rules
from scoring.engine.timeline import FOREVER, Bools, microseconds
from scoring.engine.verdict import Axes, clause_figure, verdict

_PATH_KINDS: Final = ("paths", "hot")
_TIMING_AXES: Final = {"engaged_within_days": "quiet", "or_request_within_days": "waiting"}
_TIMING_LABELS: Final = {
    "engaged_within_days": "Timing: days since the last engagement",
    "or_request_within_days": "Timing: days since an open request",
}
_STEPS_EACH_WAY: Final = 10
# More than any count, and still within the engine's int32.
_NEVER_COUNTED: Final = 1 << 30

Row = TypeVar("Row")


class NoSuchThreshold(ValueError):
    """The version has no number at that place, or none that can have this value."""


@dataclass(frozen=True, slots=True)
class Threshold:
    """A number of a version. `place` as in the document: `paths[0].clauses[1]`, `timing.engaged_within_days`.

    `unit` is points, times or days.
    """

    place: str
    label: str
    unit: str
    value: float

    @property
    def choices(self) -> tuple[float, ...]:
        """Return values to try, its own among them."""
        if self.unit == "times":
            return tuple(float(count) for count in range(1, max(15, int(self.value) + _STEPS_EACH_WAY) + 1))
        step = nice_step(abs(self.value) / _STEPS_EACH_WAY)
        around = (round(self.value + number * step, 6) for number in range(-_STEPS_EACH_WAY, _STEPS_EACH_WAY + 1))
        return tuple(value for value in around if value >= 0)


def list_thresholds(rules: Rules) -> tuple[Threshold, ...]:
    """Return every axis and count clause of paths and hot triggers, and the days of timing."""
    return (*_list_path_thresholds(rules), *_list_timing_thresholds(rules))


def change_thresholds(rules: Rules, values: Mapping[str, float]) -> Rules:
    """Return the rules with other numbers at these places. Raises NoSuchThreshold."""
    for place, value in values.items():
        rules = _change_threshold(rules, place, value)
    return rules


@dataclass(frozen=True, slots=True, eq=False)
class Sweep:
    """The effect of one number at each of some instants: `meets(value)` answers for any value of it.

    `figure` is compared with the number; `always` and `never` are the verdicts if the clause always or never held.
    """

    figure: NDArray[np.float64]
    always: Bools
    never: Bools
    is_days: bool

    def pick(self, index: NDArray[np.intp]) -> Sweep:
        """Return the sweep of the instants at these indexes."""
        return Sweep(self.figure[index], self.always[index], self.never[index], self.is_days)

    def meets(self, value: float) -> Bools:
        # A float64 cannot tell FOREVER, which stands for "never", from the instant before it: half of it is the most.
        """Return at which instants the rules are met with this value of the number."""
        bar = -float(min(microseconds(value), FOREVER >> 1)) if self.is_days else value
        return self.never | (self.always & (self.figure >= bar))


def sweep_threshold(rules: Rules, threshold: Threshold, axes: Axes) -> Sweep:
    """Return the sweep of one threshold, from two verdicts: with its clause never held, and always held.

    More clauses that hold never make a lead meet the rules less, so between the two only the clause itself decides.
    """
    lowest, highest = _extremes(threshold)
    return Sweep(
        figure=_compared_figure(rules, threshold, axes),
        always=verdict(_change_threshold(rules, threshold.place, lowest), axes).meets,
        never=verdict(_change_threshold(rules, threshold.place, highest), axes).meets,
        is_days=threshold.unit == "days",
    )


def axis_threshold(rules: Rules, axis: str) -> float | None:
    """Return the points that the first path with a clause on this axis asks for, or None."""
    clauses = (clause for path in rules.paths for clause in path.clauses)
    return next((clause.at_least for clause in clauses if isinstance(clause, AxisClause) and clause.axis == axis), None)


def clause_label(path: PathRule, clause: Clause) -> str:
    """Return the path's name and the clause's subject, without its number: `Engaged: engagement points`."""
    subject = why.axis_points(clause.axis) if isinstance(clause, AxisClause) else why.counted(clause)
    return f"{path.name}: {subject}"


def _list_path_thresholds(rules: Rules) -> Iterator[Threshold]:
    for kind in _PATH_KINDS:
        for number, path in enumerate(getattr(rules, kind)):
            for index, clause in enumerate(path.clauses):
                unit = "points" if isinstance(clause, AxisClause) else "times"
                yield Threshold(
                    f"{kind}[{number}].clauses[{index}]", clause_label(path, clause), unit, float(clause.at_least)
                )


def _list_timing_thresholds(rules: Rules) -> Iterator[Threshold]:
    for name, label in _TIMING_LABELS.items():
        days = getattr(rules.timing, name, None)
        if days is not None:
            yield Threshold(f"timing.{name}", label, "days", days)


def _extremes(threshold: Threshold) -> tuple[float, float]:
    """Return a value at which the clause always holds, and one at which it never does."""
    if threshold.unit == "days":
        return float(FOREVER), -1.0
    return (0.0, float(_NEVER_COUNTED)) if threshold.unit == "times" else (-math.inf, math.inf)


def _compared_figure(rules: Rules, threshold: Threshold, axes: Axes) -> NDArray[np.float64]:
    """Return the figure that is compared with the number; for days the negative age, so that here too more is better."""
    if threshold.unit == "days":
        ages: NDArray[np.int64] = getattr(axes, _TIMING_AXES[threshold.place.removeprefix("timing.")])
        return -ages.astype(np.float64)
    kind, number, index = _parse_place(threshold.place)
    return clause_figure(getattr(rules, kind)[number].clauses[index], axes).astype(np.float64)


def _change_threshold(rules: Rules, place: str, value: float) -> Rules:
    name = place.removeprefix("timing.")
    if place.startswith("timing.") and getattr(rules.timing, name if name in _TIMING_AXES else "", None) is not None:
        # The condition says that there is a timing; mypy cannot see it through getattr.
        return replace(rules, timing=replace(rules.timing, **{name: value}))  # type: ignore[type-var]  # see above
    kind, number, index = _parse_place(place)
    paths: tuple[PathRule, ...] = getattr(rules, kind)
    if number >= len(paths) or index >= len(paths[number].clauses):
        raise NoSuchThreshold(f"There is no threshold at {place}.")
    path = paths[number]
    clauses = _replace_item(path.clauses, index, _with_at_least(path.clauses[index], value))
    others = _replace_item(paths, number, replace(path, clauses=clauses))
    return replace(rules, paths=others) if kind == "paths" else replace(rules, hot=others)


def _with_at_least(clause: Clause, value: float) -> Clause:
    if not isinstance(clause, AxisClause) and not float(value).is_integer():
        raise NoSuchThreshold(f"It counts how often something happened: {value:g} times cannot be.")
    return replace(clause, at_least=value) if isinstance(clause, AxisClause) else replace(clause, at_least=int(value))


def _replace_item(rows: tuple[Row, ...], index: int, row: Row) -> tuple[Row, ...]:
    return (*rows[:index], row, *rows[index + 1 :])


def _parse_place(place: str) -> tuple[str, int, int]:
    match = re.fullmatch(r"(paths|hot)\[([0-9]{1,4})\]\.clauses\[([0-9]{1,4})\]", place)
    if match is None:
        raise NoSuchThreshold(f"There is no threshold at {place[:60]}.")
    return match[1], int(match[2]), int(match[3])


def nice_step(least: float) -> float:
    """Return the smallest of 0.1, 0.2, 0.5, 1, 2, 5, 10, … that is not less than `least`."""
    power = 10.0 ** math.floor(math.log10(max(least, 0.1)))
    return next(step * power for step in (1, 2, 5, 10) if step * power >= least * (1 - 1e-9))
