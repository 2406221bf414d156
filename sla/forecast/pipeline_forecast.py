"""The forecast of the pipeline that the MQLs of a motion open 60 to 90 days ahead, with an interval of 80 % (rules 12.32).

Pure. It draws futures: of the MQLs in hand by their chances, of new MQLs at the recent rate, with amounts as past
opportunities had them. Rates and amounts differ from future to future as far as the past leaves them uncertain.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sla.forecast import stage_moves
from sla.forecast.mql_history import KnownMqls, MqlHistory, Openings, select_known
from sla.forecast.stage_moves import InHand, OpenStage, WindowChances

#: The window of the forecast, in days from the cut-off.
WINDOW: Final = (60, 90)
#: The MQLs whose moves count: those of the year before the cut-off, in days.
COHORT_DAYS: Final = 365
#: The recent weeks whose MQLs say how many will come, and those that say how unevenly they come.
RECENT_WEEKS: Final = 4
UNEVEN_WEEKS: Final = 26
#: With fewer priced opportunities in a currency, or a shorter past in days, there is no figure.
FEWEST_OPENINGS: Final = 20
SHORTEST_PAST_DAYS: Final = 120
#: The days before the cut-off whose pipeline is the usual one.
USUAL_DAYS: Final = 180
LOW_QUANTILE, HIGH_QUANTILE = 0.1, 0.9
DRAWS: Final = 400
#: About so many days of new MQLs open the opportunities of a window.
_DAYS_OF_NEW: Final = 60
#: The latest opportunities from which amounts are drawn: more say nothing new.
_AMOUNTS_AT_MOST: Final = 1_000


@dataclass(frozen=True, slots=True)
class CurrencyForecast:
    """The pipeline of the window in one currency: expected, the ends of the interval of 80 %, and what is usual.

    `in_hand` and `to_come` are the parts of `expected` that today's MQLs and future ones open. `openings` counts the past
    opportunities with an amount in this currency. Without enough of them all figures but `usual` are None.
    """

    currency: str
    openings: int
    usual: float
    expected: float | None = None
    low: float | None = None
    high: float | None = None
    in_hand: float | None = None
    to_come: float | None = None


@dataclass(frozen=True, slots=True)
class PipelineForecast:
    """The forecast at a cut-off (days since 1970): by currency, with what it was made from."""

    cutoff: float
    mqls_in_hand: int
    mqls_a_week: float
    past_days: int
    currencies: tuple[CurrencyForecast, ...]


def forecast_pipeline(
    history: MqlHistory, *, cutoff: float, seed: int, draws: int = DRAWS, window: tuple[int, int] = WINDOW
) -> PipelineForecast:
    """Forecast the window after the cut-off by nothing but what was known before it.

    1. Take the MQLs of the year before, with the steps that were known.
    2. Count moves from stage to stage by age, and draw rates.
    3. Compute the chance of each MQL in hand, and of a new one, to open an opportunity in the window.
    4. Draw how many do, with a number of new MQLs at the recent rate.
    5. Draw their amounts from those of past opportunities, and sum them by currency.
    """
    rng = np.random.default_rng(seed)
    # 1.
    known = select_known(history, until=cutoff, start=cutoff - COHORT_DAYS)
    past_days = int(cutoff - known.qualified_at[0]) if len(known.qualified_at) else 0
    # 2.
    stays = stage_moves.list_stays(known)
    in_hand = {stage: stage_moves.count_in_hand(stays[stage], cutoff) for stage in OpenStage}
    totals = None
    if past_days >= SHORTEST_PAST_DAYS and len(known.openings.at) >= FEWEST_OPENINGS:
        rates = {
            stage: stage_moves.draw_rates(stage_moves.count_moves(stays[stage]), draws, rng) for stage in OpenStage
        }
        # 3.
        chances = stage_moves.compute_window_chances(rates, in_hand, window=window)
        # 4.
        from_hand = _draw_openings_in_hand(in_hand, chances, rng)
        from_new = rng.poisson(_draw_daily_rate(known, past_days, draws, rng) * chances.per_new_mql_a_day)
        # 5.
        totals = _draw_amounts(known.openings, from_hand, from_new, len(history.currencies), rng)
    return PipelineForecast(
        cutoff=cutoff,
        mqls_in_hand=sum(int(group.counts.sum()) for group in in_hand.values()),
        # A past that is shorter than the recent weeks is no average of weeks before it; of its first week all count.
        mqls_a_week=_count_recent(known, RECENT_WEEKS) / min(max(past_days / 7, 1), RECENT_WEEKS),
        past_days=past_days,
        currencies=tuple(
            _summarize(known, place, code, _usual_pipeline(known, past_days, place, window), totals)
            for place, code in enumerate(history.currencies)
        ),
    )


def _draw_openings_in_hand(
    in_hand: dict[OpenStage, InHand], chances: WindowChances, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Draw how many of the MQLs in hand open an opportunity in the window."""
    drawn = [rng.binomial(in_hand[stage].counts, chances.in_hand[stage].clip(0, 1)).sum(axis=1) for stage in OpenStage]
    return np.sum(drawn, axis=0)  # type: ignore[no-any-return]  # numpy's sum of a list is typed Any


def _count_recent(known: KnownMqls, weeks: int) -> int:
    return int(np.count_nonzero(known.qualified_at >= known.until - 7 * weeks))


def _draw_daily_rate(known: KnownMqls, past_days: int, draws: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Draw the MQLs a day to come: the recent rate, the less certain the more unevenly the weeks went.

    The recent weeks are as uneven as the others, and so are the coming ones.
    """
    weeks = min(UNEVEN_WEEKS, past_days // 7)
    week = np.floor((known.until - known.qualified_at) / 7).astype(np.int64)
    by_week = np.bincount(week[week < weeks], minlength=weeks)
    unevenness = max(1.0, float(by_week.var(ddof=1) / by_week.mean())) if by_week.sum() else 1.0
    recent = _count_recent(known, RECENT_WEEKS)
    rate = rng.gamma((recent + 0.5) / unevenness, unevenness, draws) / (7 * RECENT_WEEKS)
    # Single MQLs come by chance anyway, so only the unevenness beyond chance is drawn.
    excess = unevenness - 1
    return rng.gamma(rate * _DAYS_OF_NEW / excess, excess) / _DAYS_OF_NEW if excess > 0 else rate


def _draw_amounts(
    openings: Openings,
    from_hand: NDArray[np.int64],
    from_new: NDArray[np.int64],
    currencies: int,
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    """Return the sums by currency, source (in hand, new) and future: `(currencies, 2, draws)`.

    Each future draws from its own resample of the past opportunities, so that a few large deals make the sums uncertain.
    """
    latest = np.argsort(openings.at, kind="stable")[-_AMOUNTS_AT_MOST:]
    amount, currency = np.nan_to_num(openings.amount[latest]), openings.currency[latest]
    draws, size = len(from_hand), len(latest)
    resampled = rng.integers(size, size=(draws, size))
    sums = np.zeros((currencies, 2, draws))
    for source, counts in enumerate((from_hand, from_new)):
        future = np.repeat(np.arange(draws), counts)
        picked = resampled[future, rng.integers(size, size=len(future))]
        for place in range(currencies):
            weights = np.where(currency == place, amount, 0.0)
            sums[place, source] = np.bincount(future, weights=weights[picked], minlength=draws)
    return sums


def _usual_pipeline(known: KnownMqls, past_days: int, place: int, window: tuple[int, int]) -> float:
    """Return the pipeline of the latest USUAL_DAYS for as many days as the window has."""
    days = min(USUAL_DAYS, past_days)
    total = known.openings.sum_amounts(place, known.until - days, known.until)
    return total * (window[1] - window[0]) / days if days else 0.0


def _summarize(
    known: KnownMqls, place: int, code: str, usual: float, totals: NDArray[np.float64] | None
) -> CurrencyForecast:
    priced = known.openings.count_priced(place)
    if totals is None or priced < FEWEST_OPENINGS:
        return CurrencyForecast(code, priced, usual)
    both = totals[place].sum(axis=0)
    low, high = np.quantile(both, [LOW_QUANTILE, HIGH_QUANTILE])
    in_hand, to_come = totals[place].mean(axis=1)
    expected = math.fsum((in_hand, to_come))
    return CurrencyForecast(code, priced, usual, expected, float(low), float(high), float(in_hand), float(to_come))
