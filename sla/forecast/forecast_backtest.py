"""The forecast's own backtest: what it said at each of the last weeks, and what came (rules 12.34). Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from scoring.backtests.intervals_and_tests import Sample
from sla.forecast import shortfall_alarm
from sla.forecast.mql_history import NEVER, MqlHistory, select_known
from sla.forecast.pipeline_forecast import WINDOW, forecast_pipeline

#: The cut-offs are those of the last year whose windows are over.
WEEKS_BACK: Final = 52
#: With more MQLs every other week is looked at: weeks in a row see nearly the same window, and it would take too long.
_WEEKLY_UP_TO_MQLS: Final = 300_000
#: The futures that are drawn at each cut-off: fewer than for the forecast itself, since there are many cut-offs.
DRAWS: Final = 200


@dataclass(frozen=True, slots=True)
class PastForecast:
    """A forecast of a past cut-off (days since 1970) for its window, in one currency, and what came.

    `is_short` is whether it was an alarm.
    """

    cutoff: float
    expected: float
    low: float
    high: float
    usual: float
    came: float
    is_short: bool

    @property
    def is_within(self) -> bool:
        return self.low <= self.came <= self.high


def run_backtest(history: MqlHistory, *, cutoff: float, seed: int) -> dict[str, tuple[PastForecast, ...]]:
    """Return the forecasts of the weeks whose window was over at `cutoff`, the oldest first, by currency.

    Each is made from what was known at its own cut-off; what came is as known at `cutoff`.
    """
    known = select_known(history, until=cutoff, start=-NEVER)
    past: dict[str, list[PastForecast]] = {code: [] for code in history.currencies}
    for weekly in _list_cutoffs(cutoff, weeks_apart=1 if len(history.qualified_at) <= _WEEKLY_UP_TO_MQLS else 2):
        forecast = forecast_pipeline(history, cutoff=weekly, seed=seed, draws=DRAWS)
        for place, figures in enumerate(forecast.currencies):
            if figures.expected is None or figures.low is None or figures.high is None:
                continue
            came = known.openings.sum_amounts(place, weekly + WINDOW[0], weekly + WINDOW[1])
            past[figures.currency].append(
                PastForecast(
                    cutoff=weekly,
                    expected=figures.expected,
                    low=figures.low,
                    high=figures.high,
                    usual=figures.usual,
                    came=came,
                    is_short=shortfall_alarm.is_short(figures, past_days=forecast.past_days),
                )
            )
    return {code: tuple(rows) for code, rows in past.items()}


def count_within(past: tuple[PastForecast, ...]) -> Sample:
    """Return how many of the intervals held what came."""
    return Sample(sum(row.is_within for row in past), len(past))


def _list_cutoffs(cutoff: float, *, weeks_apart: int) -> Iterator[float]:
    """Yield the cut-offs whose windows ended by `cutoff`, the oldest first."""
    weeks_of_window = -(-WINDOW[1] // 7)
    for weeks in reversed(range(weeks_of_window, weeks_of_window + WEEKS_BACK, weeks_apart)):
        yield cutoff - 7 * weeks
