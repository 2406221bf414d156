"""The page of a report: the texts of its cards and tables, and the addresses by which its tables are sorted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from config.web import QueryRefused
from leads.vocabulary import Motion
from scoring.backtests.intervals_and_tests import Sample
from sla.figure_catalogue import health_bands
from sla.figure_catalogue.catalogue import RateFigure
from sla.figure_catalogue.figure_shape import CatalogueFigure
from sla.reports.framework import cell_formats
from sla.reports.framework.report_shape import (
    Report,
    ReportCard,
    ReportCell,
    ReportColumn,
    ReportRow,
    ReportSection,
    ReportTable,
)
from sla.reports.framework.table_order import LABELS, order_rows, read_sort

#: A table shows so many rows, the first in its order, unless the address asks for all of them.
ROWS_SHOWN: Final = 8
#: Shades of a heat table by the rate, in equal parts of the highest.
_SHADES: Final = 5


@dataclass(frozen=True, slots=True)
class PageCell:
    """A cell as the page writes it. `sample` is such as “19 of 26”; `shade` is 0 to 5 in a heat table."""

    label: str
    text: str
    sample: str = ""
    interval: str = ""
    href: str = ""
    note: str = ""
    tone: str = ""
    band: str = ""
    is_small: bool = False
    is_maturing: bool = False
    is_number: bool = True
    shade: int = 0


@dataclass(frozen=True, slots=True)
class PageRow:
    label: str
    note: str
    cells: Sequence[PageCell]


@dataclass(frozen=True, slots=True)
class PageColumn:
    """A head of a table: the value of `sort` that a click on it asks for, and `order`, which is the value of aria-sort."""

    title: str
    sort: str
    order: str
    is_number: bool


@dataclass(frozen=True, slots=True)
class PageTable:
    """A table as the page writes it: `row_count` rows, of which `rows` are shown."""

    key: str
    caption: str
    columns: Sequence[PageColumn]
    rows: Sequence[PageRow]
    total: PageRow | None
    figures: Sequence[tuple[str, str]]
    is_heat: bool
    is_worst_first: bool
    row_count: int

    @property
    def is_cut(self) -> bool:
        return len(self.rows) < self.row_count


@dataclass(frozen=True, slots=True)
class PageCard:
    name: str
    cell: PageCell
    remarks: Sequence[str]
    change: str
    change_tone: str
    target: str
    tone: str
    note: str
    explanation: str


@dataclass(frozen=True, slots=True)
class PageSection:
    section: ReportSection
    cards: Sequence[PageCard]
    table: PageTable | None


def build_sections(report: Report, sort: str, whole: str = "") -> list[PageSection]:
    """Build the sections of the page, each table in the order that is asked for; of the table `whole` all rows are shown.

    Raises QueryRefused.
    """
    if whole and whole not in report.tables:
        raise QueryRefused("all", f"must be one of {', '.join(report.tables)}.")
    return [
        PageSection(
            section,
            [_build_card(card, report.motion) for card in section.cards],
            _build_table(section.table, report.motion, sort, whole) if section.table else None,
        )
        for section in report.sections
    ]


def order_tables(report: Report, sort: str) -> Mapping[str, ReportTable]:
    """Return the tables of a report by their keys, in the order that is asked for. Raises QueryRefused."""
    return {key: order_rows(table, sort) for key, table in report.tables.items()}


def list_definitions(figures: Sequence[CatalogueFigure | None], motion: Motion) -> list[tuple[str, str]]:
    """Return name and sentence of each figure once, in the order in which they come."""
    by_key = {figure.key: figure for figure in figures if figure is not None}
    return [(figure.name_for(motion), _explain(figure, motion)) for figure in by_key.values()]


def _explain(figure: CatalogueFigure, motion: Motion) -> str:
    sentence = figure.explain_for(motion)
    smallest = figure.smallest_sample
    return f"{sentence} Fewer than {smallest} are a small sample." if smallest else sentence


def _build_card(card: ReportCard, motion: Motion) -> PageCard:
    change, tone = cell_formats.change_text(card)
    change += {"good": ": better", "bad": ": worse"}.get(tone, "")
    column = ReportColumn(card.key, card.figure.name_for(motion), card.figure)
    target = cell_formats.page_text(card.target.value, card.figure.kind) if card.target else ""
    cell = _build_cell(column, card.cell)
    marks = ("small sample" if cell.is_small else "", "still maturing" if cell.is_maturing else "")
    remarks = [remark for remark in (cell.interval, *marks, cell.note) if remark]
    return PageCard(
        column.title, cell, remarks, change, tone, target, card.tone, card.note,
        _explain(card.figure, motion),
    )  # fmt: skip


def _build_table(table: ReportTable, motion: Motion, sort: str, whole: str) -> PageTable:
    ordered = order_rows(table, sort)
    # A heat table is one picture.
    shown = ordered.rows if table.is_heat or table.key == whole else ordered.rows[:ROWS_SHOWN]
    highest = _highest_rate(table) if table.is_heat else 0.0
    rows = [_build_row(table, row, highest) for row in shown]
    heads = [_build_head(table, LABELS, table.row_title, sort, is_number=False)]
    heads += [
        _build_head(table, column.key, column.title, sort, is_number=column.is_number) for column in table.columns
    ]
    return PageTable(
        key=table.key,
        caption=table.caption,
        columns=heads,
        rows=rows,
        total=_build_row(table, table.total, 0.0) if table.total else None,
        figures=list_definitions([column.figure for column in table.columns], motion),
        is_heat=table.is_heat,
        is_worst_first=bool(table.worst_by) and read_sort(sort)[0] != table.key,
        row_count=len(ordered.rows),
    )


def _build_head(table: ReportTable, key: str, title: str, sort: str, *, is_number: bool) -> PageColumn:
    named, column, is_descending = read_sort(sort)
    is_sorted = (named, column) == (table.key, key)
    order = ("descending" if is_descending else "ascending") if is_sorted else ""
    # Numbers are read from the highest down first, names from A.
    descends_next = not is_descending if is_sorted else is_number
    asks_for = f"{'-' if descends_next else ''}{table.key}.{key}"
    return PageColumn(title, "" if table.is_heat else asks_for, order, is_number)


def _build_row(table: ReportTable, row: ReportRow, highest: float) -> PageRow:
    cells = [_build_cell(column, cell, highest) for column, cell in zip(table.columns, row.cells, strict=True)]
    return PageRow(row.label, row.note, cells)


def _build_cell(column: ReportColumn, cell: ReportCell, highest: float = 0.0) -> PageCell:
    value = cell.value
    is_small = column.is_small(cell)
    is_rate = isinstance(value, Sample)
    return PageCell(
        label=column.title,
        text=cell_formats.page_text(value, column.figure.kind if column.figure else ""),
        sample=_sample_text(cell),
        interval=cell_formats.interval_text(value) if is_rate else "",
        href=cell.href,
        note=cell.note,
        is_small=is_small,
        is_maturing=cell.is_maturing,
        is_number=column.is_number,
        shade=_shade(value, highest) if isinstance(value, Sample) and not is_small else 0,
        **_read_band(column, cell),
    )


def _read_band(column: ReportColumn, cell: ReportCell) -> dict[str, Any]:
    """Return the tone and the words of the health band of a firm and mature rate; else the tone of the cell."""
    figure, value = cell.figure or column.figure, cell.value
    judged = isinstance(value, Sample) and not column.is_small(cell) and not cell.is_maturing
    if judged and isinstance(figure, RateFigure) and isinstance(value, Sample):
        band = health_bands.find_band(figure.bands, value)
        if band is not None:
            return {"tone": band.tone, "band": band.label}
    return {"tone": cell.tone, "band": ""}


def _sample_text(cell: ReportCell) -> str:
    if isinstance(cell.value, Sample):
        return f"{cell.value.hits:,} of {cell.value.total:,}" if cell.value.total else ""
    return f"of {cell.sample:,}" if cell.sample else ""


def _highest_rate(table: ReportTable) -> float:
    """Return the highest rate of a heat table, of firm samples if there are any."""
    rates = [
        cell.value.rate or 0.0
        for row in table.rows
        for column, cell in zip(table.columns, row.cells, strict=True)
        if isinstance(cell.value, Sample) and cell.value.total and not column.is_small(cell)
    ]
    return max(rates, default=0.0)


def _shade(value: Sample, highest: float) -> int:
    if not value.total:
        return 0
    share = min((value.rate or 0.0) / highest, 1.0) if highest else 0.0
    return max(1, round(share * _SHADES))
