"""Charts of a backtest's result, and of how a version lets points decay."""

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
SMALL_CELL: Final = 20
#: More weeks than this are too thin to be seen as single bars.
_MAX_SINGLE_WEEKS: Final = 60
_WEEKS_TOGETHER: Final = 4
_SHARE_LINES: Final = (
    ("coverage", "Coverage", "one", True),
    ("precision_ripe", "Precision (won)", "two", True),
    ("precision_sal", "Precision (accepted by sales)", "three", False),
)
_DECAY_CURVE_DAYS: Final = range(0, 181, 10)
#: The table shows the points left after these days.
_DECAY_TABLE_DAYS: Final = (0, 30, 60, 90, 180)
_CURVE_POINTS: Final = 10


@dataclass(frozen=True, slots=True)
class ResultCharts:
    """The charts of one result; `grid` is None where no lead was known."""

    thresholds: list[Chart]
    volume: Chart
    distributions: list[Chart]
    grid: Grid | None


@dataclass(frozen=True, slots=True)
class DecayChart:
    """The decay of points: a curve of ten points, and each signal's points left after each of `days`."""

    chart: Chart
    days: Sequence[int]
    signals: list[tuple[str, list[float]]]


def build_charts(result: Result) -> ResultCharts:
    """Return the charts of a stored result; a threshold with a single value has none."""
    return ResultCharts(
        thresholds=[threshold_chart(row) for row in result["thresholds"] if len(row["choices"]) > 1],
        volume=volume_chart(result),
        distributions=[distribution_chart(row) for row in result["distributions"]],
        grid=outcome_grid(result["grid"]),
    )


def threshold_chart(threshold: Result) -> Chart:
    """Return coverage and precision over the values of one threshold, the other thresholds unchanged."""
    tried = [choice["at_least"] for choice in threshold["choices"]]
    return line_chart(
        f"Coverage and precision over “{threshold['label']}”",
        [f"{value:g}" for value in tried],
        [_share_series(threshold["choices"], *line) for line in _SHARE_LINES],
        at=tried,
        across=HorizontalAxis(_across_label(threshold), (threshold["value"], f"tested: {threshold['value']:g}")),
    )


def _across_label(threshold: Result) -> str:
    return (
        f"within so many days ({threshold['label']})"
        if threshold["unit"] == "days"
        else f"at least so many {threshold['unit']}"
    )


def _share_series(choices: Sequence[Result], name: str, label: str, look: str, has_band: bool) -> Series:
    """Return one figure over the choices in percent, with its 95 % interval as a band where `has_band`."""
    # Results from before precision_ripe have the precision of all flagged leads only.
    shares = [choice.get(name) or choice["precision_won"] for choice in choices]
    ends = [share["interval_95"] or (None, None) for share in shares]
    band = ShadedBand([_to_percent(low) for low, _ in ends], [_to_percent(high) for _, high in ends])
    return Series(label, look, [_to_percent(share["rate"]) for share in shares], band if has_band else None)


def _to_percent(rate: float | None) -> float | None:
    return None if rate is None else rate * 100


def volume_chart(result: Result) -> Chart:
    """Return MQLs by week beside those of the version in force; by four weeks where bars of one week would be hairlines."""
    is_long = len(result["weeks"]) > _MAX_SINGLE_WEEKS
    step = _WEEKS_TOGETHER if is_long else 1
    days = [dt.date.fromisoformat(day) for day in result["weeks"][::step]]
    cohorts = [(result["version"], "one"), (result["against"], "two")]
    return bar_chart(
        "Qualified by four weeks" if is_long else "Qualified by week",
        [f"{day:%-d %b %Y}" if is_long else f"{day:%-d %b}" for day in days],
        [
            Series(f"{cohort['number']}", look, _sum_weeks(cohort["by_week"], step))
            for cohort, look in cohorts
            if cohort
        ],
        across=HorizontalAxis("four weeks from" if is_long else "week from"),
    )


def _sum_weeks(counts: Sequence[int], step: int) -> list[float | None]:
    return [sum(counts[at : at + step]) for at in range(0, len(counts), step)]


def distribution_chart(distribution: Result) -> Chart:
    """Return the histogram of one axis at the end of the period."""
    name = AXES[distribution["axis"]]
    at = distribution["threshold"]
    return histogram(
        f"{name} scores at the end of the period",
        [(row["from"], row["to"]) for row in distribution["bins"]],
        Series("Leads that pass the gate", "one", [row["leads"] for row in distribution["bins"]]),
        across=HorizontalAxis(f"{name.lower()} points", None if at is None else (at, f"threshold {at:g}")),
    )


def outcome_grid(cells: Result | None) -> Grid | None:
    """Return the grid of fit and engagement with leads and wins in its cells, or None without leads."""
    if not cells or not any(cell["leads"] for row in cells["cells"] for cell in row):
        return None
    return heat_grid(
        "Leads won, by fit and engagement",
        down=(AXES["fit"], cells["fit"]),
        across=(AXES["engagement"], cells["engagement"]),
        cells=[[(cell["leads"], cell["won"]) for cell in row] for row in cells["cells"]],
        hit="won",
        small=SMALL_CELL,
    )


def decay_chart(decay: Decay, signals: Sequence[SignalPoints], names: Mapping[str, str]) -> DecayChart:
    """Return how points decay, as the engine computes it; signals with negative points do not decay and are left out
    (rules 4.5).
    """
    gaining = [rule for rule in signals if rule.points > 0]
    left = points.share(decay, _days_to_ages(_DECAY_CURVE_DAYS)) * _CURVE_POINTS
    shares = points.share(decay, _days_to_ages(_DECAY_TABLE_DAYS))
    chart = line_chart(
        f"What is left of {_CURVE_POINTS} points",
        [str(day) for day in _DECAY_CURVE_DAYS],
        [Series(f"{_CURVE_POINTS} points", "one", left.tolist())],
        unit="points",
        at=list(_DECAY_CURVE_DAYS),
        across=HorizontalAxis("days later"),
    )
    rows = [(names.get(rule.signal, rule.signal), (shares * rule.points).tolist()) for rule in gaining]
    return DecayChart(chart, _DECAY_TABLE_DAYS, rows)


def _days_to_ages(days: Sequence[int]) -> Any:
    return np.array([day * DAY for day in days], dtype=np.int64)
