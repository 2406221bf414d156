"""The figures of the forecast: its window, the cohorts on which it rests, and its backtest (rules 12.31 to 12.34, 12.41). Pure."""

from __future__ import annotations

from typing import Final

from sla.figure_catalogue.catalogue import SMALLEST_SAMPLE
from sla.figure_catalogue.figure_shape import CatalogueFigure, FigureKind, GoodDirection

#: With fewer cut-offs nothing is said about the interval (rules 12.34).
SMALLEST_BACKTEST: Final = 20
_AT_CUTOFF: Final = "as known at the beginning of the week for which the forecast was made"
_OF_COHORT: Final = f"each counts in the 91 days in which it became an {{mql}}, {_AT_CUTOFF}"


def _money(key: str, name: str, counted: str, rule: str = _AT_CUTOFF) -> CatalogueFigure:
    return CatalogueFigure(
        key=key, name=name, kind=FigureKind.MONEY, numerator=counted, period_rule=rule,
        good_direction=GoodDirection.HIGHER,
    )  # fmt: skip


def _rate(key: str, name: str, counted: str) -> CatalogueFigure:
    return CatalogueFigure(
        key=key, name=name, kind=FigureKind.RATE, numerator=counted, denominator="all {mql}s of the cohort",
        period_rule=_OF_COHORT, smallest_sample=SMALLEST_SAMPLE, good_direction=GoodDirection.HIGHER,
    )  # fmt: skip


def _time(key: str, name: str, step: str) -> CatalogueFigure:
    return CatalogueFigure(
        key=key, name=name, kind=FigureKind.TIME, numerator=f"the median time from {{mql}} to {step}",
        period_rule=f"{_OF_COHORT}, of those that came to it", smallest_sample=SMALLEST_SAMPLE,
        good_direction=GoodDirection.LOWER,
    )  # fmt: skip


FORECAST: Final = _money(
    "forecast_pipeline", "Pipeline forecast",
    "the amounts of opportunities that {mql}s are expected to open 60 to 90 days after the cut-off, by currency",
)  # fmt: skip
FORECAST_LOW: Final = _money("forecast_low", "80 % interval from", "the amount below which one of ten futures stays")
FORECAST_HIGH: Final = _money("forecast_high", "80 % interval to", "the amount above which one of ten futures comes")
FROM_HAND: Final = _money(
    "forecast_in_hand", "From {mql}s in hand", "the part of the forecast that today's {mql}s in hand open"
)
TO_COME: Final = _money("forecast_to_come", "From {mql}s to come", "the part of the forecast that future {mql}s open")
USUAL: Final = _money(
    "usual_pipeline", "Usual pipeline",
    "the pipeline of the 180 days before the cut-off, for as many days as the window has",
)  # fmt: skip
CAME: Final = _money(
    "forecast_came", "Came", "the amounts of the opportunities that {mql}s opened in the window, by currency",
    "as known when the newest forecast was made",
)  # fmt: skip
IN_HAND: Final = CatalogueFigure(
    key="mqls_in_hand", name="{mql}s in hand", kind=FigureKind.COUNT,
    numerator="{mql}s of the year before that are neither rejected, won nor lost, have no opportunity and no newer {mql} of their"
    " person",
    period_rule=_AT_CUTOFF,
)  # fmt: skip
PRICED_OPENINGS: Final = CatalogueFigure(
    key="priced_openings", name="Opportunities it rests on", kind=FigureKind.COUNT,
    numerator="opportunities with an amount in the currency that {mql}s of the year before opened", period_rule=_AT_CUTOFF,
)  # fmt: skip
COHORT: Final = CatalogueFigure(
    key="forecast_cohort", name="{mql}s of the cohort", kind=FigureKind.COUNT, numerator="{mql}s", period_rule=_OF_COHORT,
)  # fmt: skip
INTERVALS_HELD: Final = CatalogueFigure(
    key="intervals_held", name="Intervals that held", kind=FigureKind.RATE,
    numerator="past cut-offs at which what came lay within the interval of 80 %",
    denominator="the cut-offs of the last year whose windows are over", period_rule="made from what was known at each cut-off",
    smallest_sample=SMALLEST_BACKTEST,
)  # fmt: skip

#: Rate and median time of each step, by the name that the stored cohorts give it.
COHORT_STEPS: Final = {
    "accepted": (
        _rate("forecast_accepted", "Accepted", "{mql}s that sales accepted"),
        _time("forecast_days_to_accepted", "Time to acceptance", "its acceptance"),
    ),
    "sql": (
        _rate("forecast_sql", "Became SQL", "{mql}s that became an SQL"),
        _time("forecast_days_to_sql", "Time to SQL", "SQL"),
    ),
    "opened": (
        _rate("forecast_opened", "Opened an opportunity", "{mql}s that opened an opportunity"),
        _time("forecast_days_to_opened", "Time to opportunity", "its opportunity"),
    ),
}

FORECAST_FIGURES: Final = (
    FORECAST, FORECAST_LOW, FORECAST_HIGH, FROM_HAND, TO_COME, USUAL, CAME, IN_HAND, PRICED_OPENINGS, COHORT, INTERVALS_HELD,
    *(figure for pair in COHORT_STEPS.values() for figure in pair),
)  # fmt: skip
