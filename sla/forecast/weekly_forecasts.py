"""The forecast of each week, kept as a row with its backtest, and the notice of a shortfall (rules 12.33, 12.35)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import Any, Final, TypeAlias

import numpy as np
from django.db import transaction
from django.urls import reverse
from numpy.typing import NDArray

from config import company_days
from config.accounts.vocabulary import Role
from config.calendar_periods import CalendarWeek
from config.jobs import leases, sweeps
from config.ui import formats
from definitions import motions
from leads.vocabulary import Motion
from sla.forecast import forecast_backtest, forecast_cohorts, history_reader, shortfall_alarm
from sla.forecast.forecast_backtest import WEEKS_BACK, PastForecast
from sla.forecast.mql_history import NEVER, KnownMqls, MqlHistory, select_known
from sla.forecast.pipeline_forecast import (
    COHORT_DAYS,
    FEWEST_OPENINGS,
    SHORTEST_PAST_DAYS,
    WINDOW,
    CurrencyForecast,
    PipelineForecast,
    forecast_pipeline,
)
from sla.models import WeeklyForecast
from sla.notifications import outbox
from sla.notifications.outbox import NoticeDraft
from sla.vocabulary import NoticeKind

#: The name of the report that shows the forecasts.
REPORT: Final = "forecast"
#: The number of the method; raise it when the figures change, and each motion gets a new row for the week.
METHOD: Final = 3
#: Marks MQLs of a history by what was known of them.
KnownMqlsFilter: TypeAlias = Callable[[KnownMqls], NDArray[np.bool_]]
#: Longer than any change of the clocks.
_CLOCK_CHANGE: Final = dt.timedelta(hours=2)
#: The name under which motions whose forecast failed are set aside, each by its place among the motions.
SWEEP: Final = "weekly forecasts"
#: The same past gives the same forecast.
_SEED: Final = 20_260
#: The past that a forecast and its backtest read.
_PAST: Final = dt.timedelta(days=COHORT_DAYS + WINDOW[1] + 7 * (WEEKS_BACK + 1))


def make_due_forecasts(*, now: dt.datetime) -> int:
    """Make this week's forecast of each motion that has none yet; return how many were made.

    Any number of workers may run it: a motion that another one is at is left out, and one that fails is set aside, so that it
    keeps no other one from its forecast (rules 12.40).
    """
    week = CalendarWeek.containing(now)
    numbers = {
        motion: list(Motion).index(motion) + 1 for motion in motions.list_motions_in_use() if not _is_made(motion, week)
    }
    sweeps.forget_others(SWEEP, list(numbers.values()), now)
    aside, count = sweeps.list_set_aside(SWEEP, now=now), 0
    for motion, number in numbers.items():
        if number not in aside:
            with sweeps.set_aside_failure(SWEEP, number, now=now):
                count += _make_once(motion, week, now)
    return count


def find_forecast(motion: Motion, *, until: dt.datetime) -> WeeklyForecast | None:
    """Return the newest forecast whose week began before an instant, or None before the first."""
    rows = WeeklyForecast.objects.filter(motion=motion, cutoff_at__lt=until)
    return rows.order_by("-cutoff_at", "-method").first()


def list_forecasts(motion: Motion, *, since: dt.datetime, until: dt.datetime) -> list[WeeklyForecast]:
    """Return the forecasts of the weeks that began in `[since, until)`, the oldest first; of each that of the newest method."""
    rows = WeeklyForecast.objects.filter(motion=motion, cutoff_at__gte=since, cutoff_at__lt=until)
    return list(rows.order_by("cutoff_at", "-method").distinct("cutoff_at"))


def select_mql_ids(row: WeeklyForecast, choose: KnownMqlsFilter) -> list[int]:
    """Return the ids of MQLs (account plays for AQL) of a forecast's past, as known at its cut-off, that `choose` marks."""
    history, ids = history_reader.read_history_with_ids(
        Motion(row.motion), start=row.cutoff_at - _PAST, now=row.cutoff_at
    )
    known = select_known(history, until=history_reader.as_days(row.cutoff_at), start=-NEVER)
    chosen: list[int] = ids[known.places[choose(known)]].tolist()
    return chosen


def _is_made(motion: Motion, week: CalendarWeek) -> bool:
    return WeeklyForecast.objects.filter(motion=motion, week=week.name, method=METHOD).exists()


def _make_once(motion: Motion, week: CalendarWeek, now: dt.datetime) -> bool:
    """Make a forecast outside a transaction, and store it with its notices; return whether it was stored."""
    with leases.hold_lease(f"forecast {motion}", now=now) as is_held:
        # Another worker may have stored it before this one had the lease.
        if not is_held or _is_made(motion, week):
            return False
        history = history_reader.read_history(motion, start=week.start - _PAST, now=week.start)
        return _store_forecast(motion, week, build_result(history, cutoff_at=week.start), now)


@transaction.atomic
def _store_forecast(motion: Motion, week: CalendarWeek, result: dict[str, Any], now: dt.datetime) -> bool:
    row, is_new = WeeklyForecast.objects.get_or_create(
        motion=motion,
        week=week.name,
        method=METHOD,
        defaults={"cutoff_at": week.start, "result": result, "at": now},
    )
    if is_new:
        outbox.write_notices(_draft_notices(row))
    return is_new


def build_result(history: MqlHistory, *, cutoff_at: dt.datetime) -> dict[str, Any]:
    """Return the forecast for JSON: its window, by currency the figures, the alarm and the backtest, and the cohorts."""
    cutoff = history_reader.as_days(cutoff_at)
    forecast = forecast_pipeline(history, cutoff=cutoff, seed=_SEED)
    past = forecast_backtest.run_backtest(history, cutoff=cutoff, seed=_SEED)
    return {
        "window": _window_dates(cutoff),
        "mqls_in_hand": forecast.mqls_in_hand,
        "mqls_a_week": round(forecast.mqls_a_week, 1),
        "past_days": forecast.past_days,
        "currencies": [_describe(figures, forecast, past[figures.currency]) for figures in forecast.currencies],
        "cohorts": forecast_cohorts.describe_cohorts(history, cutoff=cutoff),
    }


def _describe(figures: CurrencyForecast, forecast: PipelineForecast, past: tuple[PastForecast, ...]) -> dict[str, Any]:
    within = forecast_backtest.count_within(past)
    return {
        **_rounded(asdict(figures)),
        "too_few": _explain_too_few(figures, forecast),
        "is_short": shortfall_alarm.is_short(figures, past_days=forecast.past_days),
        "alarms": shortfall_alarm.count_alarms([row.cutoff for row in past if row.is_short]),
        "within": within.hits,
        "cutoffs": within.total,
        "past": [_describe_past(row) for row in past],
    }


def _describe_past(row: PastForecast) -> dict[str, Any]:
    figures = _rounded(asdict(row))
    del figures["cutoff"]
    return {
        "cutoff": _company_day(row.cutoff),
        "window": _window_dates(row.cutoff),
        "is_within": row.is_within,
        **figures,
    }


def _explain_too_few(figures: CurrencyForecast, forecast: PipelineForecast) -> str:
    """Return why there is no figure, as a sentence; empty where there is one."""
    if figures.expected is not None:
        return ""
    if forecast.past_days < SHORTEST_PAST_DAYS:
        return (
            f"Not enough to forecast from: the first MQL is {forecast.past_days} days old,"
            f" and {SHORTEST_PAST_DAYS} days are needed."
        )
    return (
        f"Not enough to forecast from: {figures.openings} opportunities with an amount in {figures.currency} came of the"
        f" MQLs of the last year, and {FEWEST_OPENINGS} are needed."
    )


def _window_dates(cutoff: float) -> list[str]:
    """Return the first day of the window and the day after its last, as ISO dates of the company."""
    return [_company_day(cutoff + days) for days in WINDOW]


def _company_day(days: float) -> str:
    """Return the company's day of a cut-off or an end of a window, which lie at its beginning.

    They lie an hour beside it where the clocks change between them and the forecast's own cut-off.
    """
    return company_days.day_of(history_reader.as_instant(days) + _CLOCK_CHANGE).isoformat()


def _rounded(figures: dict[str, Any]) -> dict[str, Any]:
    return {name: round(value, 2) if isinstance(value, float) else value for name, value in figures.items()}


def _draft_notices(row: WeeklyForecast) -> Iterator[NoticeDraft]:
    """Draft the notice of each currency that is to fall short, unless a forecast of overlapping days was an alarm already."""
    # An hour more, as the clocks may change between two cut-offs.
    since = row.cutoff_at - dt.timedelta(days=shortfall_alarm.SAME_ALARM_DAYS) - _CLOCK_CHANGE
    earlier = list_forecasts(Motion(row.motion), since=since, until=row.cutoff_at)
    known = {figures["currency"] for other in earlier for figures in other.result["currencies"] if figures["is_short"]}
    leaders = outbox.role_holders(Role.MARKETING_LEADER, Role.SALES_LEADER)
    for figures in row.result["currencies"] if leaders else ():
        if figures["is_short"] and figures["currency"] not in known:
            yield NoticeDraft(
                kind=NoticeKind.PIPELINE_SHORT,
                once=f"forecast:{row.motion}:{figures['currency']}:{row.week}",
                handoff=None,
                to=leaders,
                text=_write_text(row, figures),
                at=row.at,
                path=f"{reverse('report', args=[REPORT])}?motion={row.motion}",
            )


def _write_text(row: WeeklyForecast, figures: dict[str, Any]) -> str:
    expected, low, high, usual = (
        formats.money(round(figures[name]), figures["currency"]) for name in ("expected", "low", "high", "usual")
    )
    first, end = (dt.date.fromisoformat(day) for day in row.result["window"])
    return (
        f"{row.motion.upper()} pipeline from {first:%-d %b} to {end - dt.timedelta(days=1):%-d %b %Y} is to fall short:"
        f" {expected} expected (80 % interval {low} to {high}), {usual} is usual."
    )
