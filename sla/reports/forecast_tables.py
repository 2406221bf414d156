"""The sections of the forecast report: the forecasts of the weeks, what came of them, and the cohorts (rules 12.41)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any, Final

from config.charts import Series, ShadedBand, line_chart
from config.company_days import day_of
from config.ui import formats
from leads.vocabulary import Motion
from scoring.backtests.intervals_and_tests import Sample
from sla.figure_catalogue.figure_shape import CatalogueFigure
from sla.figure_catalogue.forecast_figures import CAME, COHORT, COHORT_STEPS, INTERVALS_HELD
from sla.models import WeeklyForecast
from sla.reports.forecast_cells import (
    AIM_PERCENT,
    amount_cell,
    find_leading,
    link_came,
    link_rows,
    link_week,
    money_column,
    money_of,
    write_day,
    write_money,
    write_window,
)
from sla.reports.framework.report_query import ReportQuery
from sla.reports.framework.report_shape import NO_VALUE, ReportCell, ReportColumn, ReportRow, ReportSection, ReportTable

_STEP_TITLES: Final = {"accepted": "Accepted", "sql": "SQL", "opened": "Opportunity"}


def build_kept(query: ReportQuery, row: WeeklyForecast, forecasts: Sequence[WeeklyForecast]) -> ReportSection:
    came = {(past["cutoff"], figures["currency"]): past["came"] for figures, past in _list_past(row)}
    columns = (
        ReportColumn("currency", "Currency"), ReportColumn("window", "Window"), money_column("expected"), money_column("low"),
        money_column("high"), money_column("usual"), ReportColumn("came", CAME.name, CAME), ReportColumn("alarm", "Alarm"),
    )  # fmt: skip
    rows = tuple(_kept_row(query, week, figures, came) for week in forecasts for figures in week.result["currencies"])
    code = find_leading(row)["currency"]
    of_code = [(week, _of_currency(week, code)) for week in forecasts]
    table = ReportTable("kept", "Forecasts as they were made", "Week", columns, rows)
    chart = line_chart(
        f"Pipeline forecast by the week in which it was made, {code}",
        [f"{day_of(week.cutoff_at):%-d %b}" for week, _ in of_code],
        [
            _forecast_series([figures for _, figures in of_code], [link_week(query, week) for week, _ in of_code]),
            Series("Usual", "two", [figures.get("usual") for _, figures in of_code]),
        ],
        unit=code,
    )
    return ReportSection(
        "kept", "The forecasts of the weeks", _describe_change([figures for _, figures in of_code], code),
        chart=chart if of_code else None, table=table,
    )  # fmt: skip


def _forecast_series(figures: Sequence[dict[str, Any]], hrefs: Sequence[str] = ()) -> Series:
    band = ShadedBand([one.get("low") for one in figures], [one.get("high") for one in figures])
    return Series("Expected", "one", [one.get("expected") for one in figures], band=band, hrefs=hrefs)


def _kept_row(
    query: ReportQuery, week: WeeklyForecast, figures: dict[str, Any], came: dict[tuple[str, str], float]
) -> ReportRow:
    day, code = day_of(week.cutoff_at), figures["currency"]
    cells = (
        ReportCell(code), ReportCell(write_window(week.result["window"]), href=link_week(query, week)),
        *(money_of(figures, name) for name in ("expected", "low", "high", "usual")),
        amount_cell(came.get((day.isoformat(), code)), code), ReportCell("short" if figures["is_short"] else "no"),
    )  # fmt: skip
    return ReportRow(f"{week.week}-{code}", write_day(day), cells, note=figures["too_few"])


def _describe_change(figures: Sequence[dict[str, Any]], code: str) -> str:
    values = [one["expected"] for one in figures if one.get("expected") is not None]
    if not values:
        return "No forecast with a figure was made in this period."
    first, last = values[0], values[-1]
    if len(values) == 1:
        return f"One forecast with a figure was made in this period: {write_money(last, code)}."
    verb = "rose" if last > first else "fell" if last < first else "stayed"
    return f"From {write_money(first, code)} the forecast {verb} to {write_money(last, code)} in {len(values)} weeks."


def _of_currency(week: WeeklyForecast, code: str) -> dict[str, Any]:
    return next((figures for figures in week.result["currencies"] if figures["currency"] == code), {})


def build_backtest(query: ReportQuery, row: WeeklyForecast) -> ReportSection:
    leading = find_leading(row)
    columns = (
        ReportColumn("currency", "Currency"), ReportColumn("window", "Window"), money_column("expected"), money_column("low"),
        money_column("high"), ReportColumn("came", CAME.name, CAME), ReportColumn("held", "Interval held"),
        ReportColumn("alarm", "Alarm"),
    )  # fmt: skip
    rows = tuple(_past_row(query, row, figures["currency"], past) for figures, past in _list_past(row))
    past = leading["past"]
    chart = line_chart(
        f"What the forecast said and what came, {leading['currency']}",
        [f"{dt.date.fromisoformat(one['cutoff']):%-d %b}" for one in past],
        [
            _forecast_series(past),
            Series("Came", "two", [one["came"] for one in past], hrefs=[link_came(query, row, one) for one in past]),
        ],
        unit=leading["currency"],
    )
    return ReportSection(
        "backtest", "What it said and what came", _describe_backtest(leading), chart=chart if past else None,
        table=ReportTable("backtest", "The same method at past cut-offs", "Cut-off", columns, rows),
    )  # fmt: skip


def _list_past(row: WeeklyForecast) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Return the past cut-offs with the figures of their currency, the newest first."""
    return [(figures, past) for figures in row.result["currencies"] for past in reversed(figures["past"])]


def _past_row(query: ReportQuery, row: WeeklyForecast, code: str, past: dict[str, Any]) -> ReportRow:
    missed = "no, less came" if past["came"] < past["low"] else "no, more came"
    cells = (
        ReportCell(code), ReportCell(write_window(past["window"])),
        *(amount_cell(past[name], code) for name in ("expected", "low", "high")),
        amount_cell(past["came"], code, href=link_came(query, row, past)),
        ReportCell("yes" if past["is_within"] else missed), ReportCell("short" if past["is_short"] else "no"),
    )  # fmt: skip
    return ReportRow(f"{past['cutoff']}-{code}", write_day(dt.date.fromisoformat(past["cutoff"])), cells)


def _describe_backtest(figures: dict[str, Any]) -> str:
    if not figures["past"]:
        return "No window of a past forecast is over yet."
    past, code = figures["past"][-1], figures["currency"]
    low, high = write_money(past["low"], code), write_money(past["high"], code)
    example = (
        f"On {write_day(dt.date.fromisoformat(past['cutoff']))} this method said {write_money(past['expected'], code)}"
        f" ({low} to {high}) for {write_window(past['window'])}; {write_money(past['came'], code)} came."
    )
    sample = Sample(figures["within"], figures["cutoffs"])
    share = f"At {sample.hits} of {sample.total} cut-offs the interval held what came"
    if sample.total < INTERVALS_HELD.smallest_sample:
        return f"{example} {share}: too few to conclude from."
    return f"{example} {share}, {formats.percent(sample.rate)} where {AIM_PERCENT} % is the aim."


def build_cohorts(query: ReportQuery, row: WeeklyForecast) -> ReportSection:
    steps = {name: figures for name, figures in COHORT_STEPS.items() if name != "sql" or query.motion != Motion.AQL}
    columns = (
        ReportColumn("mqls", f"{query.motion.upper()}s", COHORT),
        *(column for name, figures in steps.items() for column in _step_columns(name, *figures)),
    )
    rows = tuple(
        _cohort_row(query, row, number, cohort, list(steps)) for number, cohort in enumerate(row.result["cohorts"])
    )
    table = ReportTable("cohorts", "Conversions and times by cohort", "Became one", columns, rows)
    mature = next((cohort for cohort in row.result["cohorts"] if cohort["is_mature"] and cohort["mqls"]), None)
    headline = "No cohort has had its time yet."
    if mature is not None:
        opened = mature["opened"]
        days = "" if opened["median_days"] is None else f", after {opened['median_days']:.0f} days at the median"
        headline = f"Of the newest cohort that has had its time {opened['count']:,} of {mature['mqls']:,} opened an opportunity{days}."
    return ReportSection("cohorts", "The cohorts it rests on", headline, table=table)


def _step_columns(name: str, rate: CatalogueFigure, time: CatalogueFigure) -> tuple[ReportColumn, ReportColumn]:
    return ReportColumn(name, _STEP_TITLES[name], rate), ReportColumn(f"{name}_time", time.name, time)


def _cohort_row(
    query: ReportQuery, row: WeeklyForecast, number: int, cohort: dict[str, Any], steps: Sequence[str]
) -> ReportRow:
    first, end = (row.cutoff_at - dt.timedelta(days=days) for days in reversed(cohort["days_ago"]))
    cells = [_cohort_cell(query, "mqls", number, cohort["mqls"], cohort["mqls"])]
    for name in steps:
        count, days = cohort[name]["count"], cohort[name]["median_days"]
        cells.append(
            _cohort_cell(query, name, number, Sample(count, cohort["mqls"]), count, is_maturing=not cohort["is_mature"])
        )
        cells.append(NO_VALUE if days is None else ReportCell(dt.timedelta(days=days), sample=count))
    label = f"{write_day(day_of(first))} to {write_day(day_of(end - dt.timedelta(hours=12)))}"
    return ReportRow(str(number), label, tuple(cells))


def _cohort_cell(
    query: ReportQuery, figure: str, number: int, value: int | Sample, count: int, *, is_maturing: bool = False
) -> ReportCell:
    return ReportCell(value, href=link_rows(query, figure, cohort=number) if count else "", is_maturing=is_maturing)
