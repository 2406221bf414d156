"""Rows of conversions: the MQLs of a group, and how many of them came to each step (rules 12.28, 12.70)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from typing import Any, Final, TypeAlias

from definitions.models import Version
from leads.vocabulary import Motion
from scoring.backtests.intervals_and_tests import Sample
from sla.figure_catalogue import version_figures
from sla.figure_catalogue.catalogue import MQL_TO_OPPORTUNITY, MQL_TO_SQL, RateFigure
from sla.figure_catalogue.figure_shape import CatalogueFigure
from sla.figure_catalogue.funnel_figures import MATURES_AFTER, MQL_TO_SAL, MQL_TO_WON
from sla.reports import mql_outcomes
from sla.reports.framework.report_shape import ReportCell, ReportColumn, ReportRow

#: The figure of the rate of each step.
StepRates: TypeAlias = Mapping[str, CatalogueFigure]
#: The rates of each step of all MQLs.
RATES: Final[StepRates] = {
    "sal": MQL_TO_SAL, "sql": MQL_TO_SQL, "opportunity": MQL_TO_OPPORTUNITY, "won": MQL_TO_WON,
}  # fmt: skip


def read_rates(versions: Collection[Version]) -> StepRates:
    """Return the rates with the healthy range of MQL→SQL that these versions state; without bands where they differ."""
    figures = {version_figures.apply_range(MQL_TO_SQL, version) for version in versions} or {MQL_TO_SQL}
    to_sql: RateFigure = figures.pop() if len(figures) == 1 else replace(MQL_TO_SQL, bands=())
    return {**RATES, "sql": to_sql}


def is_still_maturing(end: dt.datetime, step: str, now: dt.datetime) -> bool:
    """Say whether the youngest of a cohort that ends at an instant have not had their time to come to the step yet."""
    return end + MATURES_AFTER[step] > now


def build_columns(motion: Motion, counted: CatalogueFigure, rates: StepRates) -> tuple[ReportColumn, ...]:
    """Return the columns of a table of conversions; `counted` is the figure of the MQLs themselves."""
    steps = mql_outcomes.list_steps(motion)
    to_steps = (ReportColumn(step, rates[step].name_for(motion), rates[step]) for step in steps)
    return (ReportColumn("mql", f"{motion.upper()}s", counted), *to_steps)


def build_row(
    counts: Mapping[str, Any],
    label: tuple[str, str],
    motion: Motion,
    *,
    ends: dt.datetime,
    now: dt.datetime,
    rates: StepRates,
    link: Callable[[str], str] | None = None,
) -> ReportRow:
    """Return the row of a group with `label` as (key, label); `link` gives the address of the rows of `mql` or a step.

    `ends` is the end of its cohort, and `rates` are those of its columns, or as the version of the group reads them.
    """
    steps = (
        ReportCell(
            Sample(counts[step], counts["mql"]),
            href=link(step) if link and counts[step] else "",
            is_maturing=is_still_maturing(ends, step, now),
            figure=rates[step],
        )
        for step in mql_outcomes.list_steps(motion)
    )
    return ReportRow(*label, (ReportCell(counts["mql"], href=link("mql") if link else ""), *steps))
