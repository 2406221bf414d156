"""The formats of a report's values: as text on pages, as columns of files, and as JSON. Nothing else formats them."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any, Final

from config.ui import formats
from leads.vocabulary import Motion
from scoring.backtests.intervals_and_tests import Sample, newcombe, wilson
from sla.figure_catalogue.catalogue import write_interval
from sla.figure_catalogue.figure_shape import FigureKind, GoodDirection
from sla.reports.framework.report_shape import (
    CellValue,
    MoneySums,
    ReportCard,
    ReportCell,
    ReportColumn,
    ReportRow,
    ReportTable,
)

_SECONDS_OF_A_MINUTE: Final = 60
#: A value without an interval is called better or worse from this change on, as a part of the value before.
CLEAR_CHANGE: Final = 0.1
CARD_HEADER: Final = ("figure", "key", "value", "count", "of", "before", "target", "compared")


def page_text(value: CellValue, kind: str = "") -> str:
    """Write a value for people; a share or a rate that is no sample is a quotient of 1."""
    match value:
        case Sample():
            text = formats.percent(value.rate)
        case MoneySums():
            text = " · ".join(formats.money(amount, code) for code, amount in value.amounts) or formats.money(0)
        case dt.timedelta():
            text = formats.duration(value.total_seconds())
        case dt.date():
            text = f"{value.day} {value:%b %Y}"
        case int() | float() | Decimal():
            text = _number_text(value, kind)
        case _:
            text = value or "–"
    return text


def _number_text(value: float | Decimal, kind: str) -> str:
    if kind in {FigureKind.SHARE, FigureKind.RATE}:
        return formats.percent(float(value))
    if kind == FigureKind.RATIO:
        return f"{value:,.1f} ×"
    return formats.figure(value) if isinstance(value, int) else f"{value:,.1f}"


def interval_text(value: CellValue) -> str:
    """Write the interval of a rate; empty for other values and without a sample."""
    return write_interval(value) if isinstance(value, Sample) else ""


def number(value: CellValue) -> Any:
    """Return a value as a number for machines: rates and shares in percent, times in minutes, dates as ISO text."""
    plain: Any = value
    match value:
        case Sample():
            plain = None if value.rate is None else round(value.rate * 100, 1)
        case MoneySums():
            plain = " · ".join(f"{amount} {code}" for code, amount in value.amounts)
        case dt.timedelta():
            plain = round(value.total_seconds() / _SECONDS_OF_A_MINUTE, 1)
        case dt.date():
            plain = value.isoformat()
        case Decimal():
            plain = str(value)
        case float():
            plain = round(value, 4)
    return plain


def figure_number(cell: ReportCell, kind: str) -> Any:
    """Return the value of a cell as a number for machines; a share or a rate, which is a quotient of 1, in percent."""
    if kind in {FigureKind.SHARE, FigureKind.RATE} and isinstance(cell.value, int | float):
        return round(cell.value * 100, 1)
    return number(cell.value)


def csv_table(table: ReportTable) -> tuple[list[str], list[list[object]]]:
    """Return the header and rows of a table as a file has them, the total last: a rate has its count and sample beside it."""
    header = [table.row_title, *(title for column in table.columns for title in _csv_titles(column))]
    rows = [*table.rows, *([table.total] if table.total else [])]
    return header, [_csv_row(table, row) for row in rows]


def csv_cards(cards: tuple[ReportCard, ...], motion: Motion) -> tuple[list[str], list[list[object]]]:
    """Return the header and rows of the cards as a file has them."""
    rows: list[list[object]] = []
    for card in cards:
        value = card.cell.value
        counts = (value.hits, value.total) if isinstance(value, Sample) else (None, card.cell.sample)
        others = [
            None if cell is None else figure_number(cell, card.figure.kind)
            for cell in (card.before, card.target, card.compared)
        ]
        name = f"{card.figure.name_for(motion)}{_unit(card.figure.kind)}"
        rows.append([name, card.key, figure_number(card.cell, card.figure.kind), *counts, *others])
    return list(CARD_HEADER), rows


def json_cell(cell: ReportCell | None, kind: str = "") -> dict[str, Any] | None:
    """Return a cell for the API: `count` and `of` of a rate with its interval in percent, else `of` is the sample."""
    if cell is None:
        return None
    value = cell.value
    bounds = wilson(value.hits, value.total) if isinstance(value, Sample) else None
    return {
        "value": figure_number(cell, kind),
        "count": value.hits if isinstance(value, Sample) else None,
        "of": cell.size,
        "interval": None if bounds is None else [round(bound * 100, 1) for bound in bounds],
        "sums": {code: str(amount) for code, amount in value.amounts} if isinstance(value, MoneySums) else None,
        "is_maturing": cell.is_maturing,
        "note": cell.note,
        "rows": cell.href,
    }


def change_text(card: ReportCard) -> tuple[str, str]:
    """Return how a card differs from the period before, and the tone of it: better, worse, or nothing that can be told.

    Two rates differ if the interval of their difference excludes zero, and both samples are large enough.
    """
    compared = card.compared or card.cell
    if card.before is None or compared.value is None or card.before.value is None:
        return "", ""
    now, before = compared.value, card.before.value
    before_text = page_text(before, card.figure.kind)
    if isinstance(now, Sample) and isinstance(before, Sample):
        text, tone = _compare_rates(card, now, before, before_text)
        return f"{_compared_text(card)}{text}", tone
    if not _is_number(now) or not _is_number(before):
        return f"before: {before_text}", ""
    is_small = any(0 < (cell.size or 0) < card.figure.smallest_sample for cell in (card.cell, card.before))
    difference = _as_float(now) - _as_float(before)
    is_clear = not is_small and abs(difference) >= CLEAR_CHANGE * abs(_as_float(before))
    return f"before: {before_text}", _tone(difference, card.figure.good_direction) if is_clear else ""


def _compared_text(card: ReportCard) -> str:
    """Say what stands against the period before where it is not the figure itself, as within 30 days: 12 % of 400."""
    if card.compared is None:
        return ""
    value = card.compared.value
    sample = f" of {value.total:,}" if isinstance(value, Sample) else ""
    return f"{card.compared.note}: {page_text(value, card.figure.kind)}{sample}; "


def _compare_rates(card: ReportCard, now: Sample, before: Sample, before_text: str) -> tuple[str, str]:
    text = f"before: {before_text} of {before.total:,}"
    bounds = newcombe(now, before)
    smallest = card.figure.smallest_sample
    if bounds is None or min(now.total, before.total) < smallest:
        return f"{text}, too few to compare" if before.total else "none before", ""
    if bounds[0] <= 0 <= bounds[1]:
        return f"{text}, no clear difference", ""
    return text, _tone((now.rate or 0) - (before.rate or 0), card.figure.good_direction)


def _tone(difference: float, good_direction: GoodDirection) -> str:
    if not difference or good_direction not in (GoodDirection.HIGHER, GoodDirection.LOWER):
        return ""
    return "good" if (difference > 0) == (good_direction == GoodDirection.HIGHER) else "bad"


def _is_number(value: CellValue) -> bool:
    return isinstance(value, int | float | Decimal | dt.timedelta)


def _as_float(value: Any) -> float:
    return value.total_seconds() if isinstance(value, dt.timedelta) else float(value)


def _csv_titles(column: ReportColumn) -> list[str]:
    if column.figure is None:
        return [column.title]
    title = f"{column.title}{_unit(column.figure.kind)}"
    return [title, f"{column.title}: count", f"{column.title}: of"] if column.is_rate else [title]


def _csv_row(table: ReportTable, row: ReportRow) -> list[object]:
    values: list[object] = [row.label]
    for column, cell in zip(table.columns, row.cells, strict=True):
        values.append(figure_number(cell, column.figure.kind if column.figure else ""))
        if column.is_rate:
            counts = (cell.value.hits, cell.value.total) if isinstance(cell.value, Sample) else (None, None)
            values += counts
    return values


def _unit(kind: str) -> str:
    return {FigureKind.RATE: " (%)", FigureKind.SHARE: " (%)", FigureKind.TIME: " (minutes)"}.get(FigureKind(kind), "")
