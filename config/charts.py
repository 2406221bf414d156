"""Line charts as plain geometry, drawn by components/chart.html without script or style. Imports no app."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

WIDTH: Final = 760
HEIGHT: Final = 220
LEFT: Final = 40
RIGHT: Final = 28
TOP: Final = 12
BOTTOM: Final = 26
LABELS_AT_MOST: Final = 8


@dataclass(frozen=True, slots=True)
class Series:
    """`look` is a suffix of the CSS classes `line-…` and `dot-…`; None where there is no value."""

    label: str
    look: str
    values: Sequence[float | None]


@dataclass(frozen=True, slots=True)
class Mark:
    x: float
    y: float
    text: str


@dataclass(frozen=True, slots=True)
class Line:
    label: str
    look: str
    path: str
    dots: list[Mark]


@dataclass(frozen=True, slots=True)
class Chart:
    """`title` is read out in place of the picture; the table behind it holds the values."""

    title: str
    lines: list[Line]
    ticks: list[Mark]
    labels: list[Mark]
    target: Mark | None
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    right: int = WIDTH - RIGHT


def line_chart(
    title: str,
    labels: Sequence[str],
    series: Sequence[Series],
    *,
    top: float = 100,
    target: tuple[float, str] | None = None,
) -> Chart:
    """Percentages over time. A gap in the values is a gap in the line."""
    step = (WIDTH - LEFT - RIGHT) / max(1, len(labels) - 1)
    every = -(-len(labels) // LABELS_AT_MOST)
    return Chart(
        title=title,
        lines=[_line(one, labels, step, top) for one in series],
        ticks=[Mark(LEFT, _y(top * part / 4, top), f"{top * part / 4:g} %") for part in range(5)],
        labels=[Mark(_x(at, step), HEIGHT - 6, text) for at, text in enumerate(labels) if at % every == 0],
        target=Mark(WIDTH - RIGHT, _y(target[0], top), target[1]) if target else None,
    )


def _line(one: Series, labels: Sequence[str], step: float, top: float) -> Line:
    dots, path, pen_up = list[Mark](), list[str](), True
    for at, (label, value) in enumerate(zip(labels, one.values, strict=True)):
        if value is None:
            pen_up = True
            continue
        dot = Mark(_x(at, step), _y(min(value, top), top), f"{one.label}, {label}: {value:.0f} %")
        path.append(f"{'M' if pen_up else 'L'}{dot.x} {dot.y}")
        dots.append(dot)
        pen_up = False
    return Line(one.label, one.look, " ".join(path), dots)


def _x(at: int, step: float) -> float:
    return round(LEFT + at * step, 1)


def _y(value: float, top: float) -> float:
    return round(HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * value / top, 1)
