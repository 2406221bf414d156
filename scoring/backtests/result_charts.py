"""Charts of a backtest's result, and of what a version makes of time."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from config.charts import Chart, Grid, HorizontalAxis, Series, ShadedBand, bar_chart, heat_grid, histogram, line_chart
from scoring.backtests.result_view import Result
from scoring.engine import points
from scoring.engine.rules import Decay, SignalPoints
from scoring.engine.timeline import DAY

AXES: Final = {"fit": "Fit", "engagement": "Engagement", "bant": "BANT", "fit+engagement": "Fit and engagement"}
SMALL: Final = 20
#: More weeks than this are too thin to be seen, each for itself.
_MOST_WEEKS: Final = 60
_WEEKS_TOGETHER: Final = 4
_SHARES: Final = (
    ("coverage", "Coverage", "one", True),
    ("precision_won", "Precision (won)", "two", True),
    ("precision_sal", "Precision (accepted by sales)", "three", False),
)
_DECAY_DAYS: Final = range(0, 181, 10)
#: What is left is told after these days.
_DECAY_TOLD: Final = (0, 30, 60, 90, 180)
_OF_POINTS: Final = 10


@dataclass(frozen=True, slots=True)
class ResultCharts:
    """All charts of a result; `grid` None where no lead was known."""

    thresholds: list[Chart]
    volume: Chart
    distributions: list[Chart]
    grid: Grid | None


@dataclass(frozen=True, slots=True)
class DecayChart:
    """What time leaves of points: the curve of ten, and each signal's after so many days."""

    chart: Chart
    days: Sequence[int]
    signals: list[tuple[str, list[float]]]


def build_charts(result: Result) -> ResultCharts:
    return ResultCharts(
        thresholds=[threshold(each) for each in result["thresholds"] if len(each["choices"]) > 1],
        volume=volume(result),
        distributions=[distribution(each) for each in result["distributions"]],
        grid=grid(result["grid"]),
    )


def threshold(each: Result) -> Chart:
    """Coverage and precision over one threshold's values, the others as they are."""
    tried = [choice["at_least"] for choice in each["choices"]]
    return line_chart(
        f"Coverage and precision over “{each['label']}”",
        [f"{value:g}" for value in tried],
        [_course(each["choices"], *how) for how in _SHARES],
        at=tried,
        across=HorizontalAxis(_asked(each), (each["value"], f"tested: {each['value']:g}")),
    )


def _asked(each: Result) -> str:
    return f"within so many days ({each['label']})" if each["unit"] == "days" else f"at least so many {each['unit']}"


def _course(choices: Sequence[Result], name: str, label: str, look: str, has_band: bool) -> Series:
    shares = [choice[name] for choice in choices]
    ends = [share["interval_95"] or (None, None) for share in shares]
    band = ShadedBand([_percent(low) for low, _ in ends], [_percent(high) for _, high in ends])
    return Series(label, look, [_percent(share["rate"]) for share in shares], band if has_band else None)


def _percent(rate: float | None) -> float | None:
    return None if rate is None else rate * 100


def volume(result: Result) -> Chart:
    """MQLs by week, beside those of the version in force; by four weeks where bars of one would be hairlines."""
    is_long = len(result["weeks"]) > _MOST_WEEKS
    step = _WEEKS_TOGETHER if is_long else 1
    days = [dt.date.fromisoformat(day) for day in result["weeks"][::step]]
    cohorts = [(result["version"], "one"), (result["against"], "two")]
    return bar_chart(
        "MQLs by four weeks" if is_long else "MQLs by week",
        [f"{day:%-d %b %Y}" if is_long else f"{day:%-d %b}" for day in days],
        [Series(f"{cohort['number']}", look, _together(cohort["by_week"], step)) for cohort, look in cohorts if cohort],
        across=HorizontalAxis("four weeks from" if is_long else "week from"),
    )


def _together(counts: Sequence[int], step: int) -> list[float | None]:
    return [sum(counts[at : at + step]) for at in range(0, len(counts), step)]


def distribution(each: Result) -> Chart:
    name = AXES[each["axis"]]
    at = each["threshold"]
    return histogram(
        f"{name} scores at the end of the period",
        [(row["from"], row["to"]) for row in each["bins"]],
        Series("Leads that pass the gate", "one", [row["leads"] for row in each["bins"]]),
        across=HorizontalAxis(f"{name.lower()} points", None if at is None else (at, f"threshold {at:g}")),
    )


def grid(cells: Result | None) -> Grid | None:
    if not cells or not any(cell["leads"] for row in cells["cells"] for cell in row):
        return None
    return heat_grid(
        "Leads won, by fit and engagement",
        down=(AXES["fit"], cells["fit"]),
        across=(AXES["engagement"], cells["engagement"]),
        cells=[[(cell["leads"], cell["won"]) for cell in row] for row in cells["cells"]],
        hit="won",
        small=SMALL,
    )


def fading(decay: Decay, signals: Sequence[SignalPoints], names: Mapping[str, str]) -> DecayChart:
    """By the engine's own reckoning; signals that take points away do not fade and are left out."""
    gaining = [rule for rule in signals if rule.points > 0]
    left = points.share(decay, _ages(_DECAY_DAYS)) * _OF_POINTS
    told = points.share(decay, _ages(_DECAY_TOLD))
    chart = line_chart(
        f"What is left of {_OF_POINTS} points",
        [str(day) for day in _DECAY_DAYS],
        [Series(f"{_OF_POINTS} points", "one", left.tolist())],
        unit="points",
        at=list(_DECAY_DAYS),
        across=HorizontalAxis("days later"),
    )
    rows = [(names.get(rule.signal, rule.signal), (told * rule.points).tolist()) for rule in gaining]
    return DecayChart(chart, _DECAY_TOLD, rows)


def _ages(days: Sequence[int]) -> Any:
    return np.array([day * DAY for day in days], dtype=np.int64)
