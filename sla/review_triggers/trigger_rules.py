"""The decisions whether figures of closed periods call for a review (rules 8.3 to 8.22). Pure: figures in, answers out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from typing import Final

from scoring.backtests.intervals_and_tests import Sample, compare, exceeds_percent
from sla.figure_catalogue.health_bands import REJECTION_LINE

#: Percent of a month's decided handoffs or plays. Above and below are strict, computed on the exact fraction.
TOO_MANY: Final = REJECTION_LINE
TOO_FEW: Final = 10
SMALLEST_SAMPLE: Final = 20
#: A rate of a quarter further off its target than this many points has drifted.
DRIFT_POINTS: Final = 5
#: A week's MQLs lie above their trend if they exceed it by more than this many standard deviations.
DEVIATIONS: Final = 2
TREND_WEEKS: Final = 12
FEWEST_TREND_WEEKS: Final = 6
FEWEST_IN_A_SPIKE: Final = 10
#: A conversion dropped if it lost at least this share of the quarter before and chance explains it with less than ALPHA.
DROP_PERCENT: Final = 20
ALPHA: Final = 0.05
#: A score band that converts less than this, of at least so many MQLs, needs recalibration.
LOW_BAND_PERCENT: Final = 5
LOW_BAND_SAMPLE: Final = 30
#: The ideal customer changed if the share of wins outside the gate rose by more than this, of at least so many wins each.
ICP_POINTS: Final = 10
FEWEST_WINS: Final = 10


class RejectionLine(Enum):
    """The line that a month's rejection rate crossed."""

    NONE = "none"
    TOO_FEW = "too few"
    TOO_MANY = "too many"


def find_rejection_line(rejected: Sample) -> RejectionLine:
    """Return the line that the rejected of the decided crossed, strictly; none below the smallest sample."""
    if rejected.total < SMALLEST_SAMPLE:
        return RejectionLine.NONE
    if exceeds_percent(rejected.hits, rejected.total, TOO_MANY):
        return RejectionLine.TOO_MANY
    is_low = rejected.hits * 100 < rejected.total * TOO_FEW
    return RejectionLine.TOO_FEW if is_low else RejectionLine.NONE


def is_below_target(accepted: Sample, target: Decimal) -> bool:
    """Say whether a SAL rate lies strictly below its target, of at least SMALLEST_SAMPLE decisions."""
    return accepted.total >= SMALLEST_SAMPLE and accepted.hits < target * accepted.total


def has_drifted(accepted: Sample, target: Decimal) -> bool:
    """Say whether a SAL rate lies strictly more than DRIFT_POINTS off its target, to either side."""
    if accepted.total < SMALLEST_SAMPLE:
        return False
    return abs(accepted.hits - target * accepted.total) * 100 > DRIFT_POINTS * accepted.total


@dataclass(frozen=True, slots=True)
class VolumeTrend:
    """A week's count beside the straight line through the weeks before and their standard deviation around it."""

    count: int
    expected: float
    deviation: float

    @property
    def is_spike(self) -> bool:
        return self.count >= FEWEST_IN_A_SPIKE and self.count > self.expected + DEVIATIONS * self.deviation


def measure_trend(weeks: Sequence[int]) -> VolumeTrend | None:
    """Compare the last week with the trend of those before, the oldest first; None with fewer than FEWEST_TREND_WEEKS.

    The trend is the line of least squares, never below 0. The deviation is at least that of counts that vary by chance
    alone (the root of what is expected, and 1), so that a quiet source does not spike by two leads.
    """
    *before, last = weeks
    if len(before) < FEWEST_TREND_WEEKS:
        return None
    middle, mean = (len(before) - 1) / 2, sum(before) / len(before)
    spread = sum((place - middle) ** 2 for place in range(len(before)))
    slope = sum((place - middle) * (count - mean) for place, count in enumerate(before)) / spread
    line = [mean + slope * (place - middle) for place in range(len(before) + 1)]
    squares = sum((count - value) ** 2 for count, value in zip(before, line, strict=False))
    expected = max(line[-1], 0.0)
    deviation = max(math.sqrt(squares / (len(before) - 2)), math.sqrt(expected), 1.0)
    return VolumeTrend(last, expected, deviation)


def has_dropped(rate: Sample, before: Sample) -> bool:
    """Say whether a conversion lost at least DROP_PERCENT of its rate of the period before, beyond chance.

    Both periods have at least SMALLEST_SAMPLE leads; p is that of `intervals_and_tests.compare`.
    """
    if min(rate.total, before.total) < SMALLEST_SAMPLE:
        return False
    is_large = rate.hits * before.total * 100 <= before.hits * rate.total * (100 - DROP_PERCENT)
    p_value = compare(rate, before).p_value
    return before.hits > 0 and is_large and p_value is not None and p_value < ALPHA


def is_low_band(converted: Sample) -> bool:
    """Say whether a score band converts strictly less than LOW_BAND_PERCENT, of at least LOW_BAND_SAMPLE MQLs."""
    return converted.total >= LOW_BAND_SAMPLE and converted.hits * 100 < converted.total * LOW_BAND_PERCENT


def has_icp_changed(outside: Sample, before: Sample) -> bool:
    """Say whether the share of wins that fail the gate rose by more than ICP_POINTS since the quarter before."""
    if min(outside.total, before.total) < FEWEST_WINS:
        return False
    rise = outside.hits * before.total - before.hits * outside.total
    return rise * 100 > ICP_POINTS * outside.total * before.total
