"""Bar charts: counts side by side, and histograms."""

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
    Across,
    Bar,
    Chart,
    Key,
    Scale,
    Series,
    described,
    said,
    scale,
    table,
    thinned,
    vertical,
    x_of,
)

#: The share of its place that a group of bars fills.
FULL: Final = 0.8
ADJOINING: Final = 0.96
THINNEST: Final = 0.5
NAMELESS: Final = Across()


def bar_chart(
    title: str,
    labels: Sequence[str],
    series: Sequence[Series],
    *,
    unit: str = "",
    across: Across = NAMELESS,
    full: float = FULL,
) -> Chart:
    """A group of bars over each label, one for each series. `across.mark` stands so many groups from the left."""
    measure = scale(series, unit)
    groups = max(1, len(labels))
    return Chart(
        title=title,
        description=described(labels, series, unit),
        ticks=measure.ticks(),
        labels=thinned(labels, [x_of((at + 0.5) / groups) for at in range(len(labels))]),
        columns=[one.label for one in series],
        rows=table(labels, series, unit),
        keys=[Key(one.label, one.look) for one in series],
        bars=[bar for place, one in enumerate(series) for bar in _bars(one, labels, place, len(series), measure, full)],
        mark=vertical(across.mark[0] / groups, across.mark[1]) if across.mark else None,
        across=across.name,
        has_bars=True,
    )


def histogram(
    title: str,
    bins: Sequence[tuple[float, float]],
    series: Series,
    *,
    unit: str = "",
    across: Across = NAMELESS,
) -> Chart:
    """Counts by [from, to), in rising order; `across.mark` stands at a number on the same scale."""
    labels = [f"{low:g} – {high:g}" for low, high in bins]
    placed = (_groups_before(across.mark[0], bins), across.mark[1]) if across.mark and bins else None
    return bar_chart(title, labels, [series], unit=unit, across=replace(across, mark=placed), full=ADJOINING)


def _groups_before(value: float, bins: Sequence[tuple[float, float]]) -> float:
    """How many bins lie left of a value, the one it is in by its share."""
    return sum(min(max((value - low) / (high - low), 0.0), 1.0) for low, high in bins if high > low)


def _bars(one: Series, labels: Sequence[str], place: int, of: int, measure: Scale, full: float) -> list[Bar]:
    group = (WIDTH - LEFT - RIGHT) / max(1, len(labels))
    width = group * full / of
    begin = LEFT + group * (1 - full) / 2 + place * width
    return [
        Bar(
            x=round(begin + at * group, 1),
            y=measure.y(value),
            width=round(max(width, THINNEST), 1),
            height=round(HEIGHT - BOTTOM - measure.y(value), 1),
            look=one.look,
            text=f"{one.label}, {label}: {said(value, measure.unit)}",
        )
        for at, (label, value) in enumerate(zip(labels, one.values, strict=True))
        if value
    ]
