"""The shape of a report: sections of cards, a chart and a table, whose cells hold values and no text of their own."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import TypeAlias

from config.charts import Chart
from leads.vocabulary import Motion
from scoring.backtests.intervals_and_tests import Sample
from sla.figure_catalogue.figure_shape import CatalogueFigure, FigureKind
from sla.reports.framework.report_period import ReportPeriod


@dataclass(frozen=True, slots=True)
class MoneySums:
    """Sums by currency, which are never added up, as ((currency, amount), …)."""

    amounts: tuple[tuple[str, Decimal], ...]

    def __bool__(self) -> bool:
        """Say whether any of the sums is other than zero."""
        return any(amount for _, amount in self.amounts)


#: A rate is a `Sample`: it brings its numerator and its denominator. A time is a `timedelta`.
CellValue: TypeAlias = int | float | Decimal | dt.timedelta | dt.date | str | Sample | MoneySums | None


@dataclass(frozen=True, slots=True)
class ReportCell:
    """A value of a figure, with the address of the rows behind it.

    `sample` is the number of rows that a median or a share stands on; a rate brings its own. `is_maturing`: the youngest of its
    leads have not had their time yet. `note` is a remark in words, and never the value. `figure` is the figure of the column as a
    version reads it, with the health bands that it states.
    """

    value: CellValue
    sample: int | None = None
    href: str = ""
    note: str = ""
    tone: str = ""
    is_maturing: bool = False
    figure: CatalogueFigure | None = None

    @property
    def size(self) -> int | None:
        """Return the size of the sample, None for a value that has none."""
        return self.value.total if isinstance(self.value, Sample) else self.sample

    @property
    def is_something(self) -> bool:
        """Say whether there is a value other than zero."""
        return bool(self.size) or (bool(self.value) and not isinstance(self.value, Sample))


NO_VALUE = ReportCell(None)


@dataclass(frozen=True, slots=True)
class ReportColumn:
    """A column of a table. Its `title` may be shorter than the name of its figure; without a figure it holds words or dates."""

    key: str
    title: str
    figure: CatalogueFigure | None = None

    @property
    def is_number(self) -> bool:
        return self.figure is not None

    @property
    def is_rate(self) -> bool:
        return self.figure is not None and self.figure.kind == FigureKind.RATE

    def is_small(self, cell: ReportCell) -> bool:
        """Say whether the sample of a cell is too small for a verdict."""
        size = cell.size
        return self.figure is not None and size is not None and 0 < size < self.figure.smallest_sample


@dataclass(frozen=True, slots=True)
class ReportRow:
    """A row of a table: `key` for machines, `label` for people, and a cell for each column."""

    key: str
    label: str
    cells: tuple[ReportCell, ...]
    note: str = ""


@dataclass(frozen=True, slots=True)
class ReportTable:
    """A table. `row_title` heads the labels of its rows.

    `worst_by` is the column by which the worst row stands first; empty: the rows stand in their own order, as weeks do.
    `is_heat`: the page shades the cells of its rates.
    """

    key: str
    caption: str
    row_title: str
    columns: tuple[ReportColumn, ...]
    rows: tuple[ReportRow, ...]
    total: ReportRow | None = None
    worst_by: str = ""
    is_heat: bool = False

    @property
    def cells_of_figures(self) -> list[ReportCell]:
        """Return the cells of the columns that have a figure; the others hold words and dates."""
        pairs = ((column, cell) for row in self.rows for column, cell in zip(self.columns, row.cells, strict=True))
        return [cell for column, cell in pairs if column.figure is not None]

    def column(self, key: str) -> ReportColumn | None:
        """Return the column of this key, None if there is none."""
        return next((column for column in self.columns if column.key == key), None)


@dataclass(frozen=True, slots=True)
class ReportCard:
    """A figure that stands for itself, with the period before and the target. `key` names it in files and the API.

    `compared` is what stands against `before` where the figure itself cannot, as of a cohort that still matures; its note says of what.
    """

    key: str
    figure: CatalogueFigure
    cell: ReportCell
    before: ReportCell | None = None
    target: ReportCell | None = None
    tone: str = ""
    note: str = ""
    compared: ReportCell | None = None


@dataclass(frozen=True, slots=True)
class ReportSection:
    """A part of a report. `headline` says in a sentence what its chart or table shows."""

    key: str
    title: str
    headline: str = ""
    cards: tuple[ReportCard, ...] = ()
    chart: Chart | None = None
    table: ReportTable | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """A report as every reader gets it, on the page, as a file and by the API.

    `links` are pages that explain it, as (label, address); the page alone shows them.
    """

    name: str
    title: str
    motion: Motion
    period: ReportPeriod
    headline: str
    sections: tuple[ReportSection, ...]
    notes: tuple[str, ...] = ()
    links: tuple[tuple[str, str], ...] = ()

    @property
    def cards(self) -> tuple[ReportCard, ...]:
        """Return the cards of all sections."""
        return tuple(card for section in self.sections for card in section.cards)

    @property
    def tables(self) -> Mapping[str, ReportTable]:
        """Return the tables of all sections by their keys."""
        return {section.table.key: section.table for section in self.sections if section.table}

    @property
    def is_empty(self) -> bool:
        """Say whether nothing at all happened in the period."""
        cells = [cell for table in self.tables.values() for cell in table.cells_of_figures]
        cells += [card.cell for card in self.cards]
        return not any(cell.is_something for cell in cells)
