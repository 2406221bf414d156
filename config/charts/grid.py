"""A grid of counts and rates by two scales, drawn as a table with shaded cells. It needs no second table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

#: Shades from 1 to 5 by the rate, in equal parts of the highest; 0 is an empty cell.
SHADES: Final = 5


@dataclass(frozen=True, slots=True)
class GridCell:
    """A cell: `hits` of `total`, and the `rate` in percent, None without any. `is_small` marks a small sample."""

    total: int
    hits: int
    rate: float | None
    shade: int
    is_small: bool


@dataclass(frozen=True, slots=True)
class GridRow:
    label: str
    cells: list[GridCell]


@dataclass(frozen=True, slots=True)
class Grid:
    """A grid. `down` and `across` name the two scales, `hit` what the rates count. The highest row is the first."""

    title: str
    down: str
    across: str
    hit: str
    columns: list[str]
    rows: list[GridRow]
    small: int
    has_small: bool


def heat_grid(
    title: str,
    *,
    down: tuple[str, Sequence[float]],
    across: tuple[str, Sequence[float]],
    cells: Sequence[Sequence[tuple[int, int]]],
    hit: str,
    small: int,
) -> Grid:
    """Build a grid from counts: `cells[i][j]` is (total, hits).

    The cell lies between the edges i and i + 1 of `down`, j and j + 1 of `across`.

    A cell with fewer than `small` is marked as a small sample, and does not set the scale of the shades.
    """
    highest = max((hits / total for row in cells for total, hits in row if total >= small), default=0.0)
    rows = [
        GridRow(label, [_build_cell(total, hits, highest, small) for total, hits in row])
        for label, row in zip(span_labels(down[1]), cells, strict=True)
    ]
    return Grid(
        title=title,
        down=down[0],
        across=across[0],
        hit=hit,
        columns=span_labels(across[1]),
        rows=rows[::-1],
        small=small,
        has_small=any(cell.is_small for row in rows for cell in row.cells),
    )


def span_labels(edges: Sequence[float]) -> list[str]:
    """Return a label for each interval between neighbouring edges."""
    return [f"{low:g} – {high:g}" for low, high in pairwise(edges)]


def _build_cell(total: int, hits: int, highest: float, small: int) -> GridCell:
    if not total:
        return GridCell(0, 0, None, 0, is_small=False)
    rate = hits / total
    share = min(rate / highest, 1.0) if highest else 0.0
    return GridCell(total, hits, rate * 100, max(1, round(share * SHADES)), is_small=total < small)
