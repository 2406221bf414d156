"""The figures of the funnel: steps, conversions and times between them, and speed to lead (rules 12.28, 12.30). Pure."""

from __future__ import annotations

import datetime as dt
from typing import Final

from sla.figure_catalogue.catalogue import SMALLEST_SAMPLE
from sla.figure_catalogue.figure_shape import CatalogueFigure, FigureKind, GoodDirection

_OF_COHORT: Final = (
    "each counts in the period in which it became an {mql}, by what is known now up to the person's next cycle"
)
#: How long a lead of the cohort has to come to a step where cohorts are compared.
MATURES_AFTER: Final = {
    "sal": dt.timedelta(days=7),
    "sql": dt.timedelta(days=30),
    "opportunity": dt.timedelta(days=60),
    "won": dt.timedelta(days=90),
}


def _count(key: str, name: str, counted: str, rule: str) -> CatalogueFigure:
    return CatalogueFigure(key=key, name=name, kind=FigureKind.COUNT, numerator=counted, period_rule=rule)


def _rate(key: str, name: str, counted: str, of: str, rule: str = _OF_COHORT) -> CatalogueFigure:
    return CatalogueFigure(
        key=key, name=name, kind=FigureKind.RATE, numerator=counted, denominator=of, period_rule=rule,
        smallest_sample=SMALLEST_SAMPLE, good_direction=GoodDirection.HIGHER,
    )  # fmt: skip


NEW_LEADS: Final = _count(
    "new_leads", "New leads", "leads, of a merged person one", "each counts in the period in which it was recorded"
)
NEW_MALS: Final = _count(
    "new_mals", "New MALs", "leads that became MAL, each once", "each counts in the period in which it first became one"
)
REACHED: Final = _count(
    "reached", "Came so far", "{mql}s that came to the step or beyond it; an opportunity is past SAL and SQL, whether or not they"
    " were recorded", _OF_COHORT,
)  # fmt: skip
HAPPENED: Final = _count(
    "happened",
    "In the period",
    "steps taken, whenever the lead became an {mql}",
    "each counts in the period in which it was taken",
)
OF_NEW_LEADS: Final = _rate(
    "of_new_leads",
    "Of the new leads",
    "leads that came to the step or beyond it",
    "all new leads",
    "each counts in the period in which the lead was recorded",
)
OF_STEP_BEFORE: Final = _rate(
    "of_step_before", "Of the step before", "{mql}s that came to the step", "those that came to the step before"
)
OF_MQLS: Final = _rate("of_mqls", "Of all {mql}s", "{mql}s that came to the step", "all {mql}s")
MQL_TO_SAL: Final = _rate("mql_to_sal", "{mql}→SAL", "{mql}s that sales accepted, or that came further", "all {mql}s")
MQL_TO_WON: Final = _rate("mql_to_won", "{mql}→won", "{mql}s whose person became a customer", "all {mql}s")
TIME_TO_STEP: Final = CatalogueFigure(
    key="time_to_step", name="Time from the {mql}, median", kind=FigureKind.TIME,
    numerator="the median time from the {mql} to the step, of those that have its date", period_rule=_OF_COHORT,
    smallest_sample=SMALLEST_SAMPLE, good_direction=GoodDirection.LOWER,
)  # fmt: skip

FUNNEL_FIGURES: Final = (
    NEW_LEADS, NEW_MALS, OF_NEW_LEADS, REACHED, HAPPENED, OF_STEP_BEFORE, OF_MQLS, MQL_TO_SAL, MQL_TO_WON, TIME_TO_STEP,
)  # fmt: skip
