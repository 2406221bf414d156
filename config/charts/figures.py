"""The parts of charts: the frame and its scale, the shapes in it, and the table and sentences with the same figures."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

WIDTH: Final = 760
HEIGHT: Final = 220
LEFT: Final = 44
RIGHT: Final = 28
TOP: Final = 20
BOTTOM: Final = 26
MAX_LABELS: Final = 8
STEPS: Final = 5
PERCENT: Final = "%"
#: A label at the frame's right end is written to the left of what it names, so that it stays inside.
RIGHT_THIRD: Final = LEFT + (WIDTH - LEFT - RIGHT) * 2 / 3
_THOUSAND: Final = 1000
_HUNDRED: Final = 100

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class ShadedBand:
    """An interval about each value of a series, by its ends; None where there is none."""

    low: Sequence[float | None]
    high: Sequence[float | None]


@dataclass(frozen=True, slots=True)
class Series:
    """A series of values; None where there is none.

    `look` is a suffix of the CSS classes `line-…`, `dot-…`, `bar-…`, `band-…`.
    """

    label: str
    look: str
    values: Sequence[float | None]
    band: ShadedBand | None = None
    #: The address of the rows behind each value; empty: the values lead nowhere.
    hrefs: Sequence[str] = ()

    def href(self, index: int) -> str:
        return self.hrefs[index] if self.hrefs else ""


@dataclass(frozen=True, slots=True)
class HorizontalAxis:
    """The horizontal axis: its name, a vertical mark as (number on the axis, label), and whether it is time up to now.

    `changes` are further marks, where something changed.
    """

    name: str = ""
    mark: tuple[float, str] | None = None
    is_time: bool = False
    changes: Sequence[tuple[float, str]] = ()


@dataclass(frozen=True, slots=True)
class Mark:
    x: float
    y: float
    text: str
    anchor: str = "middle"
    href: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    label: str
    look: str
    path: str
    dots: list[Mark]
    band: str = ""


@dataclass(frozen=True, slots=True)
class Bar:
    x: float
    y: float
    width: float
    height: float
    look: str
    text: str
    href: str = ""


@dataclass(frozen=True, slots=True)
class LegendEntry:
    """An entry of the legend; `is_line` is a line among bars."""

    label: str
    look: str
    is_line: bool = False


@dataclass(frozen=True, slots=True)
class TableRow:
    label: str
    cells: list[str]
    is_marked: bool = False
    hrefs: Sequence[str] = ()

    @property
    def linked_cells(self) -> list[tuple[str, str]]:
        """Return each cell with the address of the rows behind it."""
        return list(zip(self.cells, self.hrefs or [""] * len(self.cells), strict=True))


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart with its texts.

    Screen readers read `title` and `description`; `rows` are the values in words, under `columns`.
    """

    title: str
    description: str
    ticks: list[Mark]
    labels: list[Mark]
    columns: list[str]
    rows: list[TableRow]
    keys: list[LegendEntry]
    lines: Sequence[Line] = ()
    bars: Sequence[Bar] = ()
    target: Mark | None = None
    mark: Mark | None = None
    changes: Sequence[Mark] = ()
    across: str = ""
    has_bars: bool = False
    #: The newest values stand at the right: a narrow screen shows that end first.
    is_over_time: bool = False
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    right: int = WIDTH - RIGHT
    top: int = TOP
    bottom: int = HEIGHT - BOTTOM

    @property
    def has_links(self) -> bool:
        """Say whether values lead to the rows behind them."""
        return any(bar.href for bar in self.bars) or any(dot.href for line in self.lines for dot in line.dots)


@dataclass(frozen=True, slots=True)
class Scale:
    """The vertical scale from 0 to `top`, in `unit`. Values outside are drawn at the edge."""

    top: float
    unit: str
    step: float

    def y(self, value: float) -> float:
        inside = min(max(value, 0), self.top)
        return round(HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * inside / self.top, 1)

    def ticks(self) -> list[Mark]:
        count = round(self.top / self.step)
        values = [self.step * number for number in range(count + 1)]
        return [Mark(LEFT, self.y(value), format_tick(value, self.unit)) for value in values]


def build_scale(all_series: Iterable[Series], unit: str) -> Scale:
    """Build the scale: percentages from 0 to 100, other units to a round number at or above all values and bands."""
    if unit == PERCENT:
        return Scale(_HUNDRED, unit, _HUNDRED / 4)
    largest = max(1.0, max(_drawn_values(all_series), default=0.0))
    step = _round_step(largest / STEPS)
    return Scale(step * math.ceil(largest / step), unit, step)


def x_at(share: float) -> float:
    """Return the x of a share of the frame's width."""
    return round(LEFT + (WIDTH - LEFT - RIGHT) * share, 1)


def vertical_mark(share: float, text: str) -> Mark:
    """Build a vertical mark with its label on the side where there is room."""
    x = x_at(min(max(share, 0), 1))
    return Mark(x, TOP, text, "end" if x > RIGHT_THIRD else "start")


def thin_out_labels(labels: Sequence[str], xs: Sequence[float]) -> list[Mark]:
    """Return marks for as many of the labels as there is room for, at equal steps."""
    step = -(-len(labels) // MAX_LABELS)
    marks = [Mark(x, HEIGHT - 8, label) for label, x in zip(labels, xs, strict=True)]
    return marks[:: step or 1]


def build_table(
    labels: Sequence[str], all_series: Sequence[Series], unit: str, marked: int | None = None
) -> list[TableRow]:
    return [
        TableRow(
            label,
            [_format_cell(series, index, unit) for series in all_series],
            is_marked=index == marked,
            hrefs=[series.href(index) for series in all_series],
        )
        for index, label in enumerate(labels)
    ]


def describe_series(labels: Sequence[str], all_series: Sequence[Series], unit: str) -> str:
    """Describe each series in a sentence: its first, last, lowest and highest value, and where they are."""
    return " ".join(filter(None, (_describe_one(series, labels, unit) for series in all_series))) or "No values."


def format_value(value: float | None, unit: str) -> str:
    """Format a value with its unit, for the table and the tips."""
    if value is None:
        return "–"
    number = f"{value:,.0f}" if unit == PERCENT or value == round(value) else f"{value:,.1f}"
    return f"{number}\u202f{unit}" if unit else number


def format_tick(value: float, unit: str) -> str:
    """Format the value of a tick: 12k for 12,000, 3.5M for 3,500,000."""
    size, suffixes = value, list("kMG")
    suffix = ""
    while size >= _THOUSAND and suffixes:
        size, suffix = size / _THOUSAND, suffixes.pop(0)
    return f"{size:.4g}{suffix}{' %' if unit == PERCENT else ''}"


def line_path(points: Iterable[Point | None]) -> str:
    """Return the SVG path through the points, with a gap where a point is missing."""
    path, pen_up = list[str](), True
    for point in points:
        if point is not None:
            path.append(f"{'M' if pen_up else 'L'}{point[0]} {point[1]}")
        pen_up = point is None
    return " ".join(path)


def band_path(upper: Sequence[Point | None], lower: Sequence[Point | None]) -> str:
    """Return the SVG path of the area between two lines, a piece between each two neighbours that have both ends."""
    pieces = []
    ends = [(high, low) if high and low else None for high, low in zip(upper, lower, strict=True)]
    for first, second in pairwise(ends):
        if first and second:
            corners = (first[0], second[0], second[1], first[1])
            pieces.append("M" + " L".join(f"{x} {y}" for x, y in corners) + " Z")
    return " ".join(pieces)


def _drawn_values(all_series: Iterable[Series]) -> Iterable[float]:
    for series in all_series:
        yield from (value for value in series.values if value is not None)
        if series.band:
            yield from (value for value in series.band.high if value is not None)


def _round_step(least: float) -> float:
    """Return the smallest of 1, 2, 5, 10, 20, 25, 50, … that is at least `least`."""
    size = 10.0 ** max(0, math.floor(math.log10(least)))
    factors = (1, 2, 2.5, 5, 10) if size > 1 else (1, 2, 5, 10)
    return next(size * factor for factor in factors if size * factor >= least)


def _format_cell(series: Series, index: int, unit: str) -> str:
    text = format_value(series.values[index], unit)
    ends = (series.band.low[index], series.band.high[index]) if series.band else (None, None)
    if ends[0] is None or ends[1] is None:
        return text
    return f"{text} ({format_value(ends[0], '')} to {format_value(ends[1], unit)})"


def _describe_one(series: Series, labels: Sequence[str], unit: str) -> str:
    known = [(value, label) for value, label in zip(series.values, labels, strict=True) if value is not None]
    if not known:
        return ""
    lowest, highest = min(known, key=lambda pair: pair[0]), max(known, key=lambda pair: pair[0])
    return (
        f"{series.label}: from {format_value(known[0][0], unit)} at {known[0][1]} to {format_value(known[-1][0], unit)} at {known[-1][1]},"
        f" lowest {format_value(lowest[0], unit)} at {lowest[1]}, highest {format_value(highest[0], unit)} at {highest[1]}."
    )
