"""The MQLs behind the figures of the forecast report, as known at the cut-off of the forecast (rules 12.41)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from config.accounts.models import User
from config.web import QueryRefused, typed_number
from sla.figure_catalogue.forecast_figures import COHORT_STEPS
from sla.forecast import history_reader, weekly_forecasts
from sla.forecast.mql_history import KnownMqls
from sla.forecast.pipeline_forecast import COHORT_DAYS, WINDOW
from sla.reports import funnel_report
from sla.reports.framework import row_rights
from sla.reports.framework.figure_rows import FigureRows
from sla.reports.framework.report_query import ReportQuery

#: What the address of such a list takes: the number of the cohort, or the weeks from a past cut-off to that of the forecast.
ROW_PARAMETERS: Final = ("cohort", "weeks_back")


def list_rows(figure: str, query: ReportQuery, *, reader: User, now: dt.datetime) -> FigureRows | None:  # noqa: ARG001  # as entries have it
    """Return the MQLs behind a figure, as known at the cut-off of the forecast that the report shows.

    `in_hand`; `mqls` and the steps of a `cohort`; `came`: those that opened an opportunity, in any currency, in the window of
    the cut-off `weeks_back` weeks before.
    """
    row = weekly_forecasts.find_forecast(query.motion, until=query.period.end)
    if row is None:
        return None
    cutoff, name = history_reader.as_days(row.cutoff_at), f"{query.motion.upper()}s"
    if figure == "in_hand":
        title, choose = f"{name} in hand", _choose_in_hand(cutoff)
    elif figure == "mqls" or figure in COHORT_STEPS:
        cohorts = row.result["cohorts"]
        cohort = cohorts[_read_number(query, "cohort", len(cohorts))]
        title, choose = f"{name} of the cohort", _choose_of_cohort(cutoff, cohort["days_ago"], figure)
        if figure != "mqls":
            title = f"{title}: {COHORT_STEPS[figure][0].name.lower()}"
    elif figure == "came":
        weeks_back = _read_number(query, "weeks_back", COHORT_DAYS)
        title, choose = f"{name} that opened an opportunity", _choose_opened(cutoff - 7 * weeks_back)
    else:
        return None
    ids = weekly_forecasts.select_mql_ids(row, choose)
    rows = row_rights.select_mqls(query, reader).filter(pk__in=ids)
    return FigureRows(title, funnel_report.with_page_facts(rows, query, reader), funnel_report.write_mql)


def _choose_in_hand(cutoff: float) -> weekly_forecasts.KnownMqlsFilter:
    def choose(known: KnownMqls) -> Any:
        is_recent = known.qualified_at >= cutoff - COHORT_DAYS
        return is_recent & ~np.isfinite(np.minimum(known.opened_at, known.gone_at))

    return choose


def _choose_of_cohort(cutoff: float, days_ago: Sequence[int], figure: str) -> weekly_forecasts.KnownMqlsFilter:
    def choose(known: KnownMqls) -> Any:
        is_of_span = (known.qualified_at >= cutoff - days_ago[1]) & (known.qualified_at < cutoff - days_ago[0])
        at = {"accepted": known.accepted_at, "sql": known.sql_at, "opened": known.opened_at}.get(figure)
        return is_of_span if at is None else is_of_span & np.isfinite(at)

    return choose


def _choose_opened(cutoff: float) -> weekly_forecasts.KnownMqlsFilter:
    def choose(known: KnownMqls) -> Any:
        return (known.opened_at >= cutoff + WINDOW[0]) & (known.opened_at < cutoff + WINDOW[1])

    return choose


def _read_number(query: ReportQuery, name: str, end: int) -> int:
    """Return a whole number below `end` from the address. Raises QueryRefused."""
    number = typed_number(query.parameters.get(name, ""))
    if number is None or number >= end:
        raise QueryRefused(name, f"must be a whole number below {end} for this figure.")
    return number
