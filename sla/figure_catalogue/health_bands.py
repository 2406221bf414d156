"""Health bands of rates: what a value says, in words and a tone (rules 8.8). Pure; limits are compared on exact fractions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Final

from scoring.backtests.intervals_and_tests import Sample


@dataclass(frozen=True, slots=True)
class HealthBand:
    """A band up to `limit` percent: below it, or with `includes_limit` at it as well; None is no limit."""

    limit: int | Fraction | None
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


#: Percent of the decided leads: a rejection rate strictly above it is too high (rules 8.3).
REJECTION_LINE: Final = 35

#: From the lowest to the highest; the first band that holds is the band of a rate.
REJECTION_BANDS: Final = (
    HealthBand(10, "Too low: too tight, or accepted without looking", "bad"),
    HealthBand(20, "Below the healthy 20 to 30 %", "warn"),
    HealthBand(30, "Healthy", "good", includes_limit=True),
    HealthBand(REJECTION_LINE, "Above the healthy 20 to 30 %", "warn", includes_limit=True),
    HealthBand(None, "Too high: too loose", "bad"),
)
ACCEPTANCE_BANDS: Final = (
    HealthBand(60, "Too low: too loose", "bad"),
    HealthBand(70, "Below the healthy 70 to 80 %", "warn"),
    HealthBand(80, "Healthy", "good", includes_limit=True),
    HealthBand(90, "Above the healthy 70 to 80 %", "warn", includes_limit=True),
    HealthBand(None, "Too high: too strict, or accepted without looking", "bad"),
)


def build_conversion_bands(low: Decimal, high: Decimal) -> tuple[HealthBand, ...]:
    """Return the bands of a conversion whose healthy range is `low` to `high` percent (rules 8.35).

    It is too low below two thirds of `low`, high above five quarters of `high`, and too high above one and a half times it.
    """
    healthy = f"{float(low):g} to {float(high):g} %"
    return (
        HealthBand(Fraction(low) * 2 / 3, "Too low: too loose", "bad"),
        HealthBand(Fraction(low), f"Below the healthy {healthy}", "warn"),
        HealthBand(Fraction(high), "Healthy", "good", includes_limit=True),
        HealthBand(Fraction(high) * 5 / 4, f"Above the healthy {healthy}", "warn", includes_limit=True),
        HealthBand(Fraction(high) * 3 / 2, "High: it may be too tight", "warn", includes_limit=True),
        HealthBand(None, "Too high: too tight", "bad"),
    )


#: Of every version that states no range of its own.
MQL_TO_SQL_BANDS: Final = build_conversion_bands(Decimal(15), Decimal(20))


def find_band(bands: Sequence[HealthBand], sample: Sample) -> HealthBand | None:
    """Return the band of a rate; None where there are no bands or the sample is empty."""
    if not sample.total:
        return None
    return next((band for band in bands if band.holds(sample)), None)
