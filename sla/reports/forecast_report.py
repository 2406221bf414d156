"""The forecast report: the pipeline 60 to 90 days ahead, the forecasts of past weeks, what came, and the cohorts (rules 12.41).

It shows stored forecasts as they were made, and computes none. Only the rows behind its figures read the history again.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any, Final

from config.accounts.models import User
from config.company_days import day_of
from config.ui import formats
from leads.vocabulary import READERS_OF_LEADS, Motion
from scoring.backtests.intervals_and_tests import Sample
from sla.figure_catalogue.forecast_figures import FORECAST, IN_HAND, INTERVALS_HELD, PRICED_OPENINGS, USUAL
from sla.forecast import weekly_forecasts
from sla.models import WeeklyForecast
from sla.reports import forecast_rows, forecast_tables
from sla.reports.forecast_cells import (
    AIM_PERCENT,
    MONEY,
    NAME,
    as_decimal,
    find_leading,
    link_rows,
    money_of,
    write_day,
    write_money,
    write_window,
)
from sla.reports.framework.report_entry import ReportEntry
from sla.reports.framework.report_query import ReportQuery
from sla.reports.framework.report_shape import (
    NO_VALUE,
    MoneySums,
    Report,
    ReportCard,
    ReportCell,
    ReportColumn,
    ReportRow,
    ReportSection,
    ReportTable,
)


def build(query: ReportQuery, *, reader: User, now: dt.datetime) -> Report:  # noqa: ARG001  # as entries have it
    """Build the report of the newest forecast whose week began in the period or before it."""
    row = weekly_forecasts.find_forecast(query.motion, until=query.period.end)
    sections = () if row is None else tuple(_build_sections(query, row))
    return Report(
        name=NAME,
        title="Forecast",
        motion=query.motion,
        period=query.period,
        headline=_write_headline(query.motion, row),
        sections=sections,
        notes=(
            "A forecast is stored at the beginning of each week, from nothing but what was recorded before, and never changed.",
            "Currencies are never summed.",
        ),
    )


def _build_sections(query: ReportQuery, row: WeeklyForecast) -> Iterator[ReportSection]:
    forecasts = weekly_forecasts.list_forecasts(query.motion, since=query.period.start, until=query.period.end)
    yield _build_cards(query, row)
    yield _build_currencies(row)
    yield forecast_tables.build_kept(query, row, forecasts)
    yield forecast_tables.build_backtest(query, row)
    yield forecast_tables.build_cohorts(query, row)


def _write_headline(motion: Motion, row: WeeklyForecast | None) -> str:
    if row is None:
        return (
            f"There is no forecast of {motion.upper()}s yet: each motion in use gets one at the beginning of each week."
        )
    figures = find_leading(row)
    if figures["expected"] is None:
        return str(figures["too_few"])
    code = figures["currency"]
    sentence = (
        f"{write_money(figures['expected'], code)} of pipeline is expected from {write_window(row.result['window'])}"
        f" (80 % interval {write_money(figures['low'], code)} to {write_money(figures['high'], code)})"
    )
    usual = f"{write_money(figures['usual'], code)} is usual"
    return f"Alarm: {sentence}; {usual}, so it is to fall short." if figures["is_short"] else f"{sentence}; {usual}."


def _build_cards(query: ReportQuery, row: WeeklyForecast) -> ReportSection:
    before = weekly_forecasts.find_forecast(query.motion, until=query.period.before.end)
    short = [figures["currency"] for figures in row.result["currencies"] if figures["is_short"]]
    leading = find_leading(row)
    cards = (
        ReportCard(
            "forecast", FORECAST, _sum_money(row, "expected"), None if before is None else _sum_money(before, "expected"),
            tone="bad" if short else "",
            note=f"Alarm: {', '.join(short)} is to fall short of the usual." if short else write_window(row.result["window"]),
        ),
        ReportCard("usual", USUAL, _sum_money(row, "usual"), None if before is None else _sum_money(before, "usual")),
        ReportCard(
            "in_hand", IN_HAND,
            ReportCell(row.result["mqls_in_hand"], href=link_rows(query, "in_hand") if row.result["mqls_in_hand"] else ""),
            None if before is None else ReportCell(before.result["mqls_in_hand"]),
            note=f"{row.result['mqls_a_week']:,.0f} new ones a week of late",
        ),
        ReportCard(
            "held", INTERVALS_HELD, ReportCell(Sample(leading["within"], leading["cutoffs"])),
            target=ReportCell(AIM_PERCENT / 100), note=f"{leading['currency']}; {_count_alarms(leading)}",
        ),
    )  # fmt: skip
    return ReportSection("forecast", f"As of {write_day(day_of(row.cutoff_at))}", cards=cards)


def _sum_money(row: WeeklyForecast, name: str) -> ReportCell:
    amounts = [
        (figures["currency"], figures[name]) for figures in row.result["currencies"] if figures[name] is not None
    ]
    return ReportCell(MoneySums(tuple((code, as_decimal(amount)) for code, amount in amounts))) if amounts else NO_VALUE


def _build_currencies(row: WeeklyForecast) -> ReportSection:
    columns = tuple(ReportColumn(name, figure.name_for(row.motion), figure) for name, figure in MONEY.items())
    rows = tuple(
        ReportRow(
            figures["currency"], figures["currency"],
            (*(money_of(figures, name) for name in MONEY), ReportCell(figures["openings"])),
            note=figures["too_few"],
        )
        for figures in row.result["currencies"]
    )  # fmt: skip
    openings = ReportColumn("openings", PRICED_OPENINGS.name_for(row.motion), PRICED_OPENINGS)
    table = ReportTable("currency", "Forecast by currency", "Currency", (*columns, openings), rows)
    headline = " ".join(filter(None, (_describe_currency(figures) for figures in row.result["currencies"])))
    return ReportSection("currency", "By currency", headline, table=table)


def _describe_currency(figures: dict[str, Any]) -> str:
    if not figures["expected"]:
        return str(figures["too_few"])
    share = formats.percent(figures["in_hand"] / figures["expected"])
    return f"{figures['currency']}: {share} of what is expected comes from those in hand, the rest from those to come."


def _count_alarms(figures: dict[str, Any]) -> str:
    alarms = figures["alarms"]
    return f"{alarms} alarm{'' if alarms == 1 else 's'} in the year of the backtest"


ENTRY: Final = ReportEntry(
    NAME,
    "Forecast",
    build,
    readers=READERS_OF_LEADS,
    filters=(),
    list_rows=forecast_rows.list_rows,
    row_parameters=forecast_rows.ROW_PARAMETERS,
)
