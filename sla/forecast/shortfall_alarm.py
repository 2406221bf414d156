"""The alarm that the pipeline will fall short of the usual, 60 days before (rules 12.35). Pure."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Final

from sla.forecast.pipeline_forecast import USUAL_DAYS, CurrencyForecast

#: The forecast is an alarm when it expects less than this percentage of the usual pipeline.
EXPECTED_BELOW_PERCENT: Final = 80
#: Within so many days another short forecast is about days that the leaders have been told of.
SAME_ALARM_DAYS: Final = 28


def is_short(figures: CurrencyForecast, *, past_days: int) -> bool:
    """Return whether the window is to fall short.

    It is if less than four fifths of the usual pipeline is expected, and even the upper end of the interval is below the
    usual. The usual needs a past of USUAL_DAYS.
    """
    if figures.expected is None or figures.high is None or past_days < USUAL_DAYS:
        return False
    return figures.expected * 100 < figures.usual * EXPECTED_BELOW_PERCENT and figures.high < figures.usual


def count_alarms(cutoffs: Sequence[float]) -> int:
    """Return how many alarms the short forecasts of these cut-offs gave, in days and in their order.

    Forecasts at most SAME_ALARM_DAYS apart are one alarm: their windows overlap.
    """
    apart = (later - earlier > SAME_ALARM_DAYS for earlier, later in pairwise(cutoffs))
    return bool(cutoffs) + sum(apart)
