"""Bar charts: grouped bars, and histograms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from config.charts.figures import (
    BOTTOM,
    HEIGHT,
    LEFT,
    RIGHT,
    WIDTH,
    Bar,
    Chart,
    HorizontalAxis,
    LegendEntry,
    Scale,
    Series,
    build_scale,
    build_table,
    describe_series,
    format_value,
    thin_out_labels,
    vertical_mark,
    x_at,
)
from config.charts.lines import build_line

#: The share of its place that a group of bars fills, in bar charts and in histograms.
GROUP_SHARE: Final = 0.8
HISTOGRAM_SHARE: Final = 0.96
MIN_BAR_WIDTH: Final = 0.5
UNNAMED_AXIS: Final = HorizontalAxis()


def bar_chart(
    title: str,
    labels: Sequence[str],
    all_series: Sequence[Series],
    *,
    unit: str = "",
    across: HorizontalAxis = UNNAMED_AXIS,
    group_share: float = GROUP_SHARE,
    over: Series | None = None,
) -> Chart:
    """Build a chart with a group of bars over each label, one bar for each series; `over` is a line above them.

    `across.mark` is placed by a number of groups from the left.
    """
    shown = [*all_series, over] if over else all_series
    measure = build_scale(shown, unit)
    groups = max(1, len(labels))
    middles = [x_at((index + 0.5) / groups) for index in range(len(labels))]
    return Chart(
        title=title,
        description=describe_series(labels, shown, unit),
        ticks=measure.ticks(),
        labels=thin_out_labels(labels, middles),
        columns=[series.label for series in shown],
        rows=build_table(labels, shown, unit),
        keys=[LegendEntry(series.label, series.look, is_line=series is over) for series in shown],
        lines=[build_line(over, labels, middles, measure)] if over else (),
        bars=[
            bar
            for place, series in enumerate(all_series)
            for bar in _build_bars(series, labels, place, len(all_series), measure, group_share)
        ],
        mark=vertical_mark(across.mark[0] / groups, across.mark[1]) if across.mark else None,
        across=across.name,
        is_over_time=across.is_time,
        has_bars=True,
    )


def histogram(
    title: str,
    bins: Sequence[tuple[float, float]],
    series: Series,
    *,
    unit: str = "",
    across: HorizontalAxis = UNNAMED_AXIS,
) -> Chart:
    """Build a chart of counts by bins [from, to), in rising order.

    `across.mark` is placed by a number on the scale of the bins.
    """
    labels = [f"{low:g} – {high:g}" for low, high in bins]
    placed = (_bins_before(across.mark[0], bins), across.mark[1]) if across.mark and bins else None
    return bar_chart(
        title, labels, [series], unit=unit, across=replace(across, mark=placed), group_share=HISTOGRAM_SHARE
    )


def _bins_before(value: float, bins: Sequence[tuple[float, float]]) -> float:
    """Return how many bins lie left of a value, with its own bin counted by the share that lies left of it."""
    return sum(min(max((value - low) / (high - low), 0.0), 1.0) for low, high in bins if high > low)


def _build_bars(
    series: Series, labels: Sequence[str], place: int, series_count: int, measure: Scale, group_share: float
) -> list[Bar]:
    group_width = (WIDTH - LEFT - RIGHT) / max(1, len(labels))
    bar_width = group_width * group_share / series_count
    left = LEFT + group_width * (1 - group_share) / 2 + place * bar_width
    return [
        Bar(
            x=round(left + index * group_width, 1),
            y=measure.y(value),
            width=round(max(bar_width, MIN_BAR_WIDTH), 1),
            height=round(HEIGHT - BOTTOM - measure.y(value), 1),
            look=series.look,
            text=f"{series.label}, {label}: {format_value(value, measure.unit)}",
            href=series.href(index),
        )
        for index, (label, value) in enumerate(zip(labels, series.values, strict=True))
        if value
    ]
