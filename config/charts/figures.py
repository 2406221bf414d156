"""What charts are made of: the frame with its scale, what is drawn in it, and the table that says the same."""

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
LABELS_AT_MOST: Final = 8
STEPS: Final = 5
PERCENT: Final = "%"
#: A label at the frame's right end is written to the left of what it names, so that it stays inside.
RIGHT_THIRD: Final = LEFT + (WIDTH - LEFT - RIGHT) * 2 / 3
_THOUSAND: Final = 1000
_HUNDRED: Final = 100

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class ShadedBand:
    """The ends of an interval about each value of a series; None where there is none."""

    low: Sequence[float | None]
    high: Sequence[float | None]


@dataclass(frozen=True, slots=True)
class Series:
    """`look` is a suffix of the CSS classes `line-…`, `dot-…`, `bar-…`, `band-…`; None where there is no value."""

    label: str
    look: str
    values: Sequence[float | None]
    band: ShadedBand | None = None


@dataclass(frozen=True, slots=True)
class Across:
    """What runs from left to right: its name, and a vertical mark at a number of it with words."""

    name: str = ""
    mark: tuple[float, str] | None = None


@dataclass(frozen=True, slots=True)
class Mark:
    x: float
    y: float
    text: str
    anchor: str = "middle"


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


@dataclass(frozen=True, slots=True)
class Key:
    """A line of the legend."""

    label: str
    look: str


@dataclass(frozen=True, slots=True)
class TableRow:
    label: str
    cells: list[str]
    is_marked: bool = False


@dataclass(frozen=True, slots=True)
class Chart:
    """`title` and `description` are read out in place of the picture; `rows` are the figures, in words, under `columns`."""

    title: str
    description: str
    ticks: list[Mark]
    labels: list[Mark]
    columns: list[str]
    rows: list[TableRow]
    keys: list[Key]
    lines: Sequence[Line] = ()
    bars: Sequence[Bar] = ()
    target: Mark | None = None
    mark: Mark | None = None
    across: str = ""
    has_bars: bool = False
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    right: int = WIDTH - RIGHT
    top: int = TOP
    bottom: int = HEIGHT - BOTTOM


@dataclass(frozen=True, slots=True)
class Scale:
    """The values from 0 to `top`, in so many `unit`s; what lies outside is drawn at the edge."""

    top: float
    unit: str
    step: float

    def y(self, value: float) -> float:
        inside = min(max(value, 0), self.top)
        return round(HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * inside / self.top, 1)

    def ticks(self) -> list[Mark]:
        count = round(self.top / self.step)
        values = [self.step * number for number in range(count + 1)]
        return [Mark(LEFT, self.y(value), short(value, self.unit)) for value in values]


def scale(series: Iterable[Series], unit: str) -> Scale:
    """Percentages from 0 to 100, other units to a round number at or above all values and bands."""
    if unit == PERCENT:
        return Scale(_HUNDRED, unit, _HUNDRED / 4)
    largest = max(1.0, max(_drawn(series), default=0.0))
    step = _round_step(largest / STEPS)
    return Scale(step * math.ceil(largest / step), unit, step)


def x_of(share: float) -> float:
    """Where a share of the frame's width lies."""
    return round(LEFT + (WIDTH - LEFT - RIGHT) * share, 1)


def vertical(share: float, text: str) -> Mark:
    """A vertical mark, its words on the side where there is room."""
    x = x_of(min(max(share, 0), 1))
    return Mark(x, TOP, text, "end" if x > RIGHT_THIRD else "start")


def thinned(labels: Sequence[str], xs: Sequence[float]) -> list[Mark]:
    """As many of the labels as there is room for."""
    every = -(-len(labels) // LABELS_AT_MOST)
    marks = [Mark(x, HEIGHT - 8, label) for label, x in zip(labels, xs, strict=True)]
    return marks[:: every or 1]


def table(labels: Sequence[str], series: Sequence[Series], unit: str, marked: int | None = None) -> list[TableRow]:
    return [
        TableRow(label, [_cell(one, at, unit) for one in series], is_marked=at == marked)
        for at, label in enumerate(labels)
    ]


def described(labels: Sequence[str], series: Sequence[Series], unit: str) -> str:
    """Each series in a sentence: its ends, lowest and highest value, and where they are."""
    return " ".join(filter(None, (_told(one, labels, unit) for one in series))) or "No values."


def said(value: float | None, unit: str) -> str:
    """A value with its unit, as the table and the tips say it."""
    if value is None:
        return "–"
    number = f"{value:,.0f}" if unit == PERCENT or value == round(value) else f"{value:,.1f}"
    return f"{number}\u202f{unit}" if unit else number


def short(value: float, unit: str) -> str:
    """A tick: 12k for 12,000, 3.5M for 3,500,000."""
    size, suffixes = value, list("kMG")
    suffix = ""
    while size >= _THOUSAND and suffixes:
        size, suffix = size / _THOUSAND, suffixes.pop(0)
    return f"{size:.4g}{suffix}{' %' if unit == PERCENT else ''}"


def drawn_through(points: Iterable[Point | None]) -> str:
    """A path through the points; a gap in them is a gap in the line."""
    path, pen_up = list[str](), True
    for point in points:
        if point is not None:
            path.append(f"{'M' if pen_up else 'L'}{point[0]} {point[1]}")
        pen_up = point is None
    return " ".join(path)


def drawn_about(upper: Sequence[Point | None], lower: Sequence[Point | None]) -> str:
    """An area between two courses, one piece between each pair of neighbours that both have ends."""
    pieces = []
    ends = [(high, low) if high and low else None for high, low in zip(upper, lower, strict=True)]
    for first, second in pairwise(ends):
        if first and second:
            corners = (first[0], second[0], second[1], first[1])
            pieces.append("M" + " L".join(f"{x} {y}" for x, y in corners) + " Z")
    return " ".join(pieces)


def _drawn(series: Iterable[Series]) -> Iterable[float]:
    for one in series:
        yield from (value for value in one.values if value is not None)
        if one.band:
            yield from (value for value in one.band.high if value is not None)


def _round_step(least: float) -> float:
    """The smallest of 1, 2, 5, 10, 20, 25, 50, … that is not less."""
    size = 10.0 ** max(0, math.floor(math.log10(least)))
    factors = (1, 2, 2.5, 5, 10) if size > 1 else (1, 2, 5, 10)
    return next(size * factor for factor in factors if size * factor >= least)


def _cell(one: Series, at: int, unit: str) -> str:
    text = said(one.values[at], unit)
    ends = (one.band.low[at], one.band.high[at]) if one.band else (None, None)
    if ends[0] is None or ends[1] is None:
        return text
    return f"{text} ({said(ends[0], '')} to {said(ends[1], unit)})"


def _told(one: Series, labels: Sequence[str], unit: str) -> str:
    known = [(value, label) for value, label in zip(one.values, labels, strict=True) if value is not None]
    if not known:
        return ""
    lowest, highest = min(known, key=lambda pair: pair[0]), max(known, key=lambda pair: pair[0])
    return (
        f"{one.label}: from {said(known[0][0], unit)} at {known[0][1]} to {said(known[-1][0], unit)} at {known[-1][1]},"
        f" lowest {said(lowest[0], unit)} at {lowest[1]}, highest {said(highest[0], unit)} at {highest[1]}."
    )
