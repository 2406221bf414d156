"""Health bands of rates: what a value says, in words and a tone (rules 8.8). Pure; limits are compared on exact fractions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from scoring.backtests.intervals_and_tests import Sample


@dataclass(frozen=True, slots=True)
class HealthBand:
    """A band up to `limit` percent: below it, or with `includes_limit` at it as well; None is no limit."""

    limit: int | None
    label: str
    tone: str
    includes_limit: bool = False

    def holds(self, sample: Sample) -> bool:
        """Say whether the rate lies below the upper limit of the band."""
        if self.limit is None:
            return True
        # Multiplied out instead of divided, so that exactly 35 % is not rounded over the limit.
        difference = sample.hits * 100 - sample.total * self.limit
        return difference < 0 or (self.includes_limit and difference == 0)


#: From the lowest to the highest; the first band that holds is the band of a rate.
REJECTION_BANDS: Final = (
    HealthBand(10, "Too low: too tight, or accepted without looking", "bad"),
    HealthBand(20, "Below the healthy 20 to 30 %", "warn"),
    HealthBand(30, "Healthy", "good", includes_limit=True),
    HealthBand(35, "Above the healthy 20 to 30 %", "warn", includes_limit=True),
    HealthBand(None, "Too high: too loose", "bad"),
)
ACCEPTANCE_BANDS: Final = (
    HealthBand(60, "Too low: too loose", "bad"),
    HealthBand(70, "Below the healthy 70 to 80 %", "warn"),
    HealthBand(80, "Healthy", "good", includes_limit=True),
    HealthBand(90, "Above the healthy 70 to 80 %", "warn", includes_limit=True),
    HealthBand(None, "Too high: too strict, or accepted without looking", "bad"),
)
#: For every definition: a version has no bands of its own.
MQL_TO_SQL_BANDS: Final = (
    HealthBand(10, "Too low: too loose", "bad"),
    HealthBand(15, "Below the healthy 15 to 20 %", "warn"),
    HealthBand(20, "Healthy", "good", includes_limit=True),
    HealthBand(25, "Above the healthy 15 to 20 %", "warn", includes_limit=True),
    HealthBand(30, "High: it may be too tight", "warn", includes_limit=True),
    HealthBand(None, "Too high: too tight", "bad"),
)


def find_band(bands: Sequence[HealthBand], sample: Sample) -> HealthBand | None:
    """Return the band of a rate; None where there are no bands or the sample is empty."""
    if not sample.total:
        return None
    return next((band for band in bands if band.holds(sample)), None)
