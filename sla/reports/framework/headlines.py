"""Sentences that say the point of a chart or table, from its figures."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from config.ui import formats
from scoring.backtests.intervals_and_tests import Sample, newcombe
from sla.figure_catalogue.catalogue import SMALLEST_SAMPLE

#: A rate that falls by this part of itself has an alarm, whatever its level: 18 to 10 % is worse than a steady 12 %.
ALARMING_FALL: Final = 0.25
#: The confidence with which a headline names a difference.
CONFIDENCE: Final = 0.95


@dataclass(frozen=True, slots=True)
class RateTrend:
    """The change of a rate between two samples of a period."""

    name: str
    earlier: Sample
    later: Sample

    @property
    def is_firm(self) -> bool:
        return min(self.earlier.total, self.later.total) >= SMALLEST_SAMPLE

    @property
    def change(self) -> float:
        return (self.later.rate or 0.0) - (self.earlier.rate or 0.0)

    @property
    def is_clear(self) -> bool:
        """Say whether the interval of 95 % of the difference excludes zero, with samples that are large enough."""
        return self.is_clear_among(1)

    def is_clear_among(self, differences: int) -> bool:
        """Say whether the difference is clear as the largest of so many, with 95 % for all of them together (rules 12.26)."""
        bounds = newcombe(self.later, self.earlier, 1 - (1 - CONFIDENCE) / differences)
        return self.is_firm and bounds is not None and not bounds[0] <= 0 <= bounds[1]

    @property
    def is_alarming(self) -> bool:
        """Say whether the rate clearly fell by a quarter of itself or more."""
        earlier = self.earlier.rate or 0.0
        return self.is_clear and self.change < 0 and -self.change >= ALARMING_FALL * earlier

    @property
    def sentence(self) -> str:
        verb = "fell" if self.change < 0 else "rose"
        return f"{self.name} {verb} from {formats.percent(self.earlier.rate)} to {formats.percent(self.later.rate)}"


def halves(samples: Sequence[Sample]) -> tuple[Sample, Sample]:
    """Return the sums of the first and of the second half of samples in order of time."""
    middle = len(samples) // 2
    return add_samples(samples[:middle]), add_samples(samples[middle:])


def add_samples(samples: Sequence[Sample]) -> Sample:
    return Sample(sum(sample.hits for sample in samples), sum(sample.total for sample in samples))


def describe_trends(trends: Sequence[RateTrend]) -> str:
    """Return the sentence for several rates over a period: the clearest fall, else the clearest rise, else none."""
    count = sum(trend.is_firm for trend in trends)
    clear = sorted((trend for trend in trends if trend.is_clear_among(max(count, 1))), key=lambda trend: trend.change)
    if not clear:
        return "No rate changed clearly between the first and the second half of the period."
    trend = clear[0] if clear[0].change < 0 else clear[-1]
    return f"{trend.sentence} between the first and the second half of the period."


def describe_worst(rows: Sequence[tuple[str, Sample]], name: str) -> str:
    """Return the sentence for a table by groups: the lowest of the firm rates beside the highest."""
    firm = sorted(
        ((label, sample) for label, sample in rows if sample.total >= SMALLEST_SAMPLE),
        key=lambda row: row[1].rate or 0.0,
    )
    if not firm:
        return f"No sample is large enough yet to compare: {SMALLEST_SAMPLE} are needed." if rows else ""
    (worst, lowest), (best, highest) = firm[0], firm[-1]
    if len(firm) == 1:
        return f"{name} is {formats.percent(lowest.rate)} for {worst}; no other sample is large enough to compare."
    # The lowest and the highest of many groups lie far apart by chance alone: each pair of them was looked at.
    if not RateTrend(name, lowest, highest).is_clear_among(math.comb(len(firm), 2)):
        return f"{name} differs by no more than chance between the groups that are large enough."
    return f"{name} is lowest for {worst}, {formats.percent(lowest.rate)}, and highest for {best}, {formats.percent(highest.rate)}."
