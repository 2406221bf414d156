"""The part of the costs that falls in a period: a month's cost is spread evenly over its days (rules 12.51)."""

from __future__ import annotations

import datetime as dt
from calendar import monthrange
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from leads.vocabulary import Motion
from sla.models import MarketingCost

CENT: Final = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class CostPart:
    """The part of a month's cost that falls in a period."""

    source: str
    campaign: str
    month: dt.date
    currency: str
    amount: Decimal


def read_parts(motion: Motion, *, first: dt.date, end: dt.date, source: str | None = None) -> list[CostPart]:
    """Return the parts of the costs that stand on the days `[first, end)`; of one source if it is named."""
    rows = MarketingCost.objects.standing().filter(motion=motion, month__gte=first.replace(day=1), month__lt=end)
    if source is not None:
        rows = rows.filter(source=source)
    return [_take_part(row, first, end) for row in rows.order_by("month", "pk")]


def list_months(first: dt.date, end: dt.date) -> list[dt.date]:
    """Return the first days of the months of which any day lies in `[first, end)`."""
    return list(_months(first, end))


def add_up(parts: Iterable[CostPart]) -> dict[str, Decimal]:
    """Return the sums by currency, to the cent."""
    sums: dict[str, Decimal] = {}
    for part in parts:
        sums[part.currency] = sums.get(part.currency, Decimal(0)) + part.amount
    return {currency: amount.quantize(CENT) for currency, amount in sorted(sums.items())}


def _take_part(row: MarketingCost, first: dt.date, end: dt.date) -> CostPart:
    days = monthrange(row.month.year, row.month.month)[1]
    inside = (min(end, row.month + dt.timedelta(days=days)) - max(first, row.month)).days
    return CostPart(row.source, row.campaign, row.month, row.currency, (row.amount or Decimal(0)) * inside / days)


def _months(first: dt.date, end: dt.date) -> Iterator[dt.date]:
    month = first.replace(day=1)
    while month < end:
        yield month
        month = (month + dt.timedelta(days=32)).replace(day=1)
