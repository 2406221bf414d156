"""Line charts: courses over time, or over a number such as a threshold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from config.charts.figures import (
    PERCENT,
    RIGHT,
    WIDTH,
    Across,
    Chart,
    Key,
    Line,
    Mark,
    Point,
    Scale,
    Series,
    described,
    drawn_about,
    drawn_through,
    said,
    scale,
    table,
    thinned,
    vertical,
    x_of,
)

#: With more points than this, dots would make a caterpillar of the line.
DOTS_AT_MOST: Final = 60
NAMELESS: Final = Across()


def line_chart(
    title: str,
    labels: Sequence[str],
    series: Sequence[Series],
    *,
    unit: str = PERCENT,
    at: Sequence[float] | None = None,
    target: tuple[float, str] | None = None,
    across: Across = NAMELESS,
) -> Chart:
    """Values in `unit` over `labels`; percentages on a scale to 100, others to a round number above them.

    `at` places the labels by numbers, in rising order; without it they stand at equal distances, from 0. `across.mark` stands
    at such a number; `target` is a horizontal line with its words. A gap in the values is a gap in the line.
    """
    places = list(at) if at is not None else [float(index) for index in range(len(labels))]
    measure = scale(series, unit)
    xs = [x_of(_share(place, places)) for place in places]
    mark = across.mark
    here = places.index(mark[0]) if mark and mark[0] in places else None
    return Chart(
        title=title,
        description=described(labels, series, unit),
        ticks=measure.ticks(),
        labels=thinned(labels, xs),
        columns=[one.label for one in series],
        rows=table(labels, series, unit, here),
        keys=[Key(one.label, one.look) for one in series],
        lines=[_line(one, labels, xs, measure) for one in series],
        target=Mark(WIDTH - RIGHT, measure.y(target[0]), target[1]) if target else None,
        mark=vertical(_share(mark[0], places), mark[1]) if mark and places else None,
        across=across.name,
    )


def _share(place: float, places: Sequence[float]) -> float:
    """How far from the first place to the last; a single place stands at the left."""
    first, last = places[0], places[-1]
    return (place - first) / (last - first) if last > first else 0.0


def _line(one: Series, labels: Sequence[str], xs: Sequence[float], measure: Scale) -> Line:
    points = _points(one.values, xs, measure)
    dots = [
        Mark(*point, f"{one.label}, {label}: {said(value, measure.unit)}")
        for point, label, value in zip(points, labels, one.values, strict=True)
        if point is not None
    ]
    band = one.band and drawn_about(_points(one.band.high, xs, measure), _points(one.band.low, xs, measure))
    return Line(one.label, one.look, drawn_through(points), dots if len(dots) <= DOTS_AT_MOST else [], band or "")


def _points(values: Sequence[float | None], xs: Sequence[float], measure: Scale) -> list[Point | None]:
    return [None if value is None else (x, measure.y(value)) for value, x in zip(values, xs, strict=True)]
