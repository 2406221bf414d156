"""Line charts: values over time, or over a number such as a threshold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from config.charts.figures import (
    PERCENT,
    RIGHT,
    WIDTH,
    Chart,
    HorizontalAxis,
    LegendEntry,
    Line,
    Mark,
    Point,
    Scale,
    Series,
    band_path,
    build_scale,
    build_table,
    describe_series,
    format_value,
    line_path,
    thin_out_labels,
    vertical_mark,
    x_at,
)

#: With more points than this, dots would touch each other and hide the line.
MAX_DOTS: Final = 60
UNNAMED_AXIS: Final = HorizontalAxis()


def line_chart(
    title: str,
    labels: Sequence[str],
    all_series: Sequence[Series],
    *,
    unit: str = PERCENT,
    at: Sequence[float] | None = None,
    target: tuple[float, str] | None = None,
    across: HorizontalAxis = UNNAMED_AXIS,
) -> Chart:
    """Build a chart of values in `unit` over `labels`.

    The scale of percentages ends at 100, other scales end at a round number above the values.

    `at` places the labels by numbers, in rising order; without it they stand at equal distances, from 0. `across.mark`
    and `across.changes` stand at such numbers; `target` is a horizontal line as (value, label). A gap in the values is a gap in the line.
    """
    places = list(at) if at is not None else [float(index) for index in range(len(labels))]
    measure = build_scale(all_series, unit)
    xs = [x_at(_share_of_width(place, places)) for place in places]
    mark = across.mark
    marked = places.index(mark[0]) if mark and mark[0] in places else None
    return Chart(
        title=title,
        description=describe_series(labels, all_series, unit),
        ticks=measure.ticks(),
        labels=thin_out_labels(labels, xs),
        columns=[series.label for series in all_series],
        rows=build_table(labels, all_series, unit, marked),
        keys=[LegendEntry(series.label, series.look) for series in all_series],
        lines=[build_line(series, labels, xs, measure) for series in all_series],
        target=Mark(WIDTH - RIGHT, measure.y(target[0]), target[1]) if target else None,
        mark=vertical_mark(_share_of_width(mark[0], places), mark[1]) if mark and places else None,
        changes=[vertical_mark(_share_of_width(place, places), text) for place, text in across.changes if places],
        across=across.name,
        is_over_time=across.is_time,
    )


def _share_of_width(place: float, places: Sequence[float]) -> float:
    """Return the position of a place between the first and the last as a share; a single place is at the left."""
    first, last = places[0], places[-1]
    return (place - first) / (last - first) if last > first else 0.0


def build_line(series: Series, labels: Sequence[str], xs: Sequence[float], measure: Scale) -> Line:
    """Build the line of a series through the places of its labels."""
    points = _points(series.values, xs, measure)
    dots = [
        Mark(*point, f"{series.label}, {label}: {format_value(value, measure.unit)}", href=series.href(index))
        for index, (point, label, value) in enumerate(zip(points, labels, series.values, strict=True))
        if point is not None
    ]
    band = series.band and band_path(_points(series.band.high, xs, measure), _points(series.band.low, xs, measure))
    return Line(series.label, series.look, line_path(points), dots if len(dots) <= MAX_DOTS else [], band or "")


def _points(values: Sequence[float | None], xs: Sequence[float], measure: Scale) -> list[Point | None]:
    return [None if value is None else (x, measure.y(value)) for value, x in zip(values, xs, strict=True)]
