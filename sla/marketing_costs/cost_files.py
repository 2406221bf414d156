"""Costs from a CSV file: every line is read, or the file is refused with the line and the field (rules 12.50)."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Final

from django.conf import settings

from leads.exceptions import Refused
from leads.files import csv_reader
from leads.files.table_rows import FileRow, Unreadable
from leads.normalization import written_money
from leads.normalization.locale_formats import SenderFormats
from leads.vocabulary import Motion
from sla.marketing_costs.cost_entry import CostLine, CostRefused
from sla.vocabulary import YEARS

NEEDED: Final = ("source", "month", "amount")
COLUMNS: Final = (*NEEDED, "campaign", "currency", "motion")
LINES_AT_MOST: Final = 5000
SOURCE_AT_MOST: Final = 64
CAMPAIGN_AT_MOST: Final = 200
AMOUNT_BELOW: Final = Decimal(10) ** 12
_CENT: Final = Decimal("0.01")
_MONTH: Final = re.compile(r"(\d{4})-(\d{2})(?:-\d{2})?")


def read_file(path: Path, *, motion: Motion) -> list[CostLine]:
    """Return the costs of a file; lines without a motion are of `motion`. Raises CostRefused for the first that is wrong."""
    lines: list[CostLine] = []
    try:
        rows = csv_reader.read_rows(path)
        names = _read_header(next(rows))
        for row in rows:
            if row.flaw:
                raise CostRefused("row", row.flaw, row.line)
            if len(lines) == LINES_AT_MOST:
                raise CostRefused("row", f"A file has at most {LINES_AT_MOST:,} costs.", row.line)
            lines.append(_read_row(names, row, motion))
    except Unreadable as flaw:
        raise CostRefused("file", str(flaw)) from flaw
    if not lines:
        raise CostRefused("file", "The file has a header and no costs.")
    return lines


def read_line(cells: dict[str, str], *, motion: Motion, line: int = 0) -> CostLine:
    """Read a cost from the texts of its fields. Raises CostRefused."""
    source = _read_text("source", cells.get("source", ""), SOURCE_AT_MOST, line)
    if not source:
        raise CostRefused("source", "Name the source as leads write it.", line)
    amount, currency = _read_amount(cells.get("amount", ""), cells.get("currency", ""), line)
    return CostLine(
        motion=_read_motion(cells.get("motion", ""), motion, line),
        source=source,
        campaign=_read_text("campaign", cells.get("campaign", ""), CAMPAIGN_AT_MOST, line),
        month=_read_month(cells.get("month", ""), line),
        amount=amount,
        currency=currency,
        line=line,
    )


def _read_header(header: FileRow) -> list[str]:
    names = [cell.strip().casefold() for cell in header.cells]
    known = ", ".join(COLUMNS)
    for name in names:
        if name not in COLUMNS:
            raise CostRefused(name or "header", f"This column is not known. Known are {known}.", header.line)
        if names.count(name) > 1:
            raise CostRefused(name, "This column stands twice.", header.line)
    for name in NEEDED:
        if name not in names:
            raise CostRefused(name, f"This column is missing. Needed are {', '.join(NEEDED)}.", header.line)
    return names


def _read_row(names: Sequence[str], row: FileRow, motion: Motion) -> CostLine:
    if len(row.cells) > len(names):
        raise CostRefused("row", f"The line has {len(row.cells)} cells, and the header {len(names)}.", row.line)
    cells = dict(zip(names, row.cells, strict=False))
    return read_line(cells, motion=motion, line=row.line)


def _read_text(field: str, text: str, at_most: int, line: int) -> str:
    text = text.strip()
    if len(text) > at_most:
        raise CostRefused(field, f"At most {at_most} characters.", line)
    if not text.isprintable():
        raise CostRefused(field, "A character in it cannot be printed.", line)
    return text


def _read_amount(text: str, currency: str, line: int) -> tuple[Decimal, str]:
    field = "amount"
    try:
        money = written_money.read_money(field, text.strip(), SenderFormats(home_currency=settings.CURRENCY))
        field = "currency"
        code = written_money.read_currency(field, currency)
    except Refused as refusal:
        raise CostRefused(
            field, f"“{(text if field == 'amount' else currency)[:40]}” {refusal.rule}", line
        ) from refusal
    if code and money.currency and code != money.currency:
        raise CostRefused("currency", f"The amount is in {money.currency}, and the currency says {code}.", line)
    if money.amount < 0 or money.amount >= AMOUNT_BELOW:
        raise CostRefused("amount", "It must not be negative, and below a million millions.", line)
    if money.amount != money.amount.quantize(_CENT):
        raise CostRefused("amount", "It has more than two decimals.", line)
    return money.amount.quantize(_CENT), code or money.currency or settings.CURRENCY


def _read_month(text: str, line: int) -> dt.date:
    match = _MONTH.fullmatch(text.strip())
    try:
        month = dt.date(int(match[1]), int(match[2]), 1) if match else None
    except ValueError:
        month = None
    if month is None or month.year not in YEARS:
        raise CostRefused("month", f"“{text.strip()[:40]}” is no month as 2026-03.", line)
    return month


def _read_motion(text: str, usual: Motion, line: int) -> Motion:
    text = text.strip().casefold()
    motion = Motion(text) if text in Motion.values else None if text else usual
    if motion is None or motion == Motion.AQL:
        raise CostRefused("motion", "It must be mql or pql: companies have no source.", line)
    return motion
