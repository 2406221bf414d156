"""The order of a table's rows: the worst first where a direction is good, or as the reader asks (rules 12.23)."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any, Final

from django.conf import settings

from config.web import QueryRefused
from scoring.backtests.intervals_and_tests import Sample
from sla.figure_catalogue import health_bands
from sla.figure_catalogue.catalogue import RateFigure
from sla.figure_catalogue.figure_shape import GoodDirection
from sla.reports.framework.report_shape import MoneySums, ReportCell, ReportColumn, ReportRow, ReportTable

#: The column of the rows' labels in `sort`.
LABELS: Final = "label"
_TONES: Final = {"bad": 0, "warn": 1, "good": 2}


def read_sort(text: str) -> tuple[str, str, bool]:
    """Return table, column and whether the highest stand first, of `table.column` or `-table.column`; empty without one."""
    table, _, column = text.removeprefix("-").partition(".")
    return table, column, text.startswith("-")


def order_rows(table: ReportTable, sort: str) -> ReportTable:
    """Return the table in the order that is asked for, or with the worst first. Raises QueryRefused for an unknown column.

    Rows without a value stand last, and where the worst stand first small samples come after the firm ones.
    """
    named, column_key, is_descending = read_sort(sort)
    if named == table.key:
        return replace(table, rows=_sort_as_asked(table, column_key, is_descending))
    column = table.column(table.worst_by)
    if column is None:
        return table
    return replace(table, rows=tuple(sorted(table.rows, key=lambda row: _badness(column, _cell(table, row, column)))))


def require_table(tables: dict[str, ReportTable], sort: str) -> None:
    """Check that the table named in `sort` is one of the report. Raises QueryRefused."""
    named, _, _ = read_sort(sort)
    if sort and named not in tables:
        raise QueryRefused("sort", f"must name a table and a column, as table.column; tables are {', '.join(tables)}.")


def _sort_as_asked(table: ReportTable, column_key: str, is_descending: bool) -> tuple[ReportRow, ...]:
    if column_key == LABELS:
        return tuple(sorted(table.rows, key=lambda row: row.label.casefold(), reverse=is_descending))
    column = table.column(column_key)
    if column is None:
        known = ", ".join(f"{table.key}.{key}" for key in (LABELS, *(column.key for column in table.columns)))
        raise QueryRefused("sort", f"must name one of the columns {known}.")
    valued = [(_number(_cell(table, row, column)), row) for row in table.rows]
    in_order = sorted((pair for pair in valued if pair[0] is not None), key=lambda pair: pair[0], reverse=is_descending)
    return tuple(row for _, row in in_order) + tuple(row for value, row in valued if value is None)


def _cell(table: ReportTable, row: ReportRow, column: ReportColumn) -> ReportCell:
    return row.cells[table.columns.index(column)]


def _badness(column: ReportColumn, cell: ReportCell) -> tuple[Any, ...]:
    """Return the key by which the worst row stands first: firm samples, then small ones, then no value."""
    value = _number(cell)
    if value is None:
        return (2, 0, 0)
    is_small = column.is_small(cell)
    figure = cell.figure or column.figure
    if isinstance(figure, RateFigure) and figure.bands and isinstance(cell.value, Sample):
        band = None if is_small else health_bands.find_band(figure.bands, cell.value)
        return (int(is_small), _TONES.get(band.tone, 1) if band else 1, value)
    is_higher_worse = figure is not None and figure.good_direction == GoodDirection.LOWER
    return (int(is_small), 0, -value if is_higher_worse else value)


def _number(cell: ReportCell) -> Any:
    match cell.value:
        case Sample():
            return cell.value.rate
        case MoneySums():
            # Amounts of other currencies cannot be ordered among these.
            amount = dict(cell.value.amounts).get(settings.CURRENCY)
            return None if amount is None else float(amount)
        case dt.timedelta():
            return cell.value.total_seconds()
        case dt.date():
            return cell.value.toordinal()
        case str():
            return cell.value.casefold() or None
    return cell.value
