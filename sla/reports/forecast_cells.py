"""The values, texts and links of the forecast report, from forecasts as they are stored (rules 12.41)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final

from config.company_days import day_of
from config.ui import formats
from sla.figure_catalogue.forecast_figures import FORECAST, FORECAST_HIGH, FORECAST_LOW, FROM_HAND, TO_COME, USUAL
from sla.forecast import weekly_forecasts
from sla.models import WeeklyForecast
from sla.reports.framework.report_query import ReportQuery
from sla.reports.framework.report_shape import NO_VALUE, MoneySums, ReportCell, ReportColumn

NAME: Final = weekly_forecasts.REPORT
#: The share of outcomes that the interval is to hold, in percent (rules 12.32).
AIM_PERCENT: Final = 80
WEEK: Final = dt.timedelta(days=7)
#: The figures of one currency, as a stored forecast has them.
MONEY: Final = {
    "expected": FORECAST, "low": FORECAST_LOW, "high": FORECAST_HIGH, "in_hand": FROM_HAND, "to_come": TO_COME, "usual": USUAL,
}  # fmt: skip


def find_leading(row: WeeklyForecast) -> dict[str, Any]:
    """Return the figures of the currency with the most cut-offs; of several with as many that of the installation."""
    figures: dict[str, Any] = max(row.result["currencies"], key=lambda figures: figures["cutoffs"])
    return figures


def money_column(name: str) -> ReportColumn:
    titles = {"expected": "Expected", "low": "From", "high": "To", "usual": "Usual"}
    return ReportColumn(name, titles[name], MONEY[name])


def money_of(figures: dict[str, Any], name: str) -> ReportCell:
    return amount_cell(figures[name], figures["currency"])


def amount_cell(amount: float | None, code: str, *, href: str = "") -> ReportCell:
    return NO_VALUE if amount is None else ReportCell(MoneySums(((code, as_decimal(amount)),)), href=href)


def as_decimal(amount: float) -> Decimal:
    return Decimal(str(amount)).quantize(Decimal("0.01"))


def write_money(amount: float, code: str) -> str:
    return formats.money(round(amount), code)


def write_day(day: dt.date) -> str:
    return f"{day.day} {day:%b %Y}"


def write_window(window: Sequence[str]) -> str:
    """Write a window by its first and its last day."""
    first, end = (dt.date.fromisoformat(day) for day in window)
    return f"{first.day} {first:%b} to {write_day(end - dt.timedelta(days=1))}"


def link_rows(query: ReportQuery, figure: str, **parameters: object) -> str:
    return query.link("report_rows", NAME, figure=figure, **parameters)


def link_came(query: ReportQuery, row: WeeklyForecast, past: dict[str, Any]) -> str:
    weeks_back = round((day_of(row.cutoff_at) - dt.date.fromisoformat(past["cutoff"])) / WEEK)
    return link_rows(query, "came", weeks_back=weeks_back) if past["came"] else ""


def link_week(query: ReportQuery, week: WeeklyForecast) -> str:
    """Return the address of the report as of a week."""
    first = day_of(week.cutoff_at)
    return query.link("report", NAME, weeks=None, from_=first, to=first + WEEK - dt.timedelta(days=1))
