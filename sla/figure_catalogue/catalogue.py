"""The catalogue of rates: each with its numerator, denominator, period rule, smallest sample and sentence (rules 12.15). Pure."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from scoring.backtests.intervals_and_tests import Bounds, Sample, wilson
from sla.figure_catalogue import health_bands
from sla.figure_catalogue.figure_shape import CatalogueFigure, FigureKind, GoodDirection
from sla.figure_catalogue.health_bands import HealthBand

#: The smallest sample of a rate that is judged: below it a rate is marked, and has no health band.
SMALLEST_SAMPLE: Final = 20


class RateKey(StrEnum):
    """The keys of the rates."""

    REJECTION = "rejection"
    ACCEPTANCE = "acceptance"
    SAL_TO_SQL = "sal_to_sql"
    MQL_TO_SQL = "mql_to_sql"
    MQL_TO_OPPORTUNITY = "mql_to_opportunity"


class Cohort(StrEnum):
    """The leads that the denominator of a rate counts, by the instant that must lie in the period."""

    DECIDED = "decided"
    ACCEPTED = "accepted"
    QUALIFIED = "qualified"


@dataclass(frozen=True, slots=True, kw_only=True)
class RateFigure(CatalogueFigure):
    """A rate in percent.

    `matures_after` is the time that each lead of the cohort has to convert where periods are compared; None: none is needed.
    """

    key: RateKey
    kind: FigureKind = FigureKind.RATE
    cohort: Cohort
    smallest_sample: int = SMALLEST_SAMPLE
    bands: tuple[HealthBand, ...] = ()
    matures_after: dt.timedelta | None = None

    def sentence_for(self, motion: str, within: dt.timedelta | None = None) -> str:
        """Return the sentence that explains the figure; `within` is the time that each lead was given to convert."""
        sentence = self.explain_for(motion)
        return sentence if within is None else f"{sentence.removesuffix('.')}, of which {within.days} days count."


_BY_DECISION: Final = "each counts in the period of its decision, a corrected decision as corrected"
_BY_QUALIFICATION: Final = (
    "each counts in the period in which it became an {mql}, the person's later outcomes up to the next cycle"
)

REJECTION: Final = RateFigure(
    key=RateKey.REJECTION,
    name="Rejection rate",
    numerator="{mql}s that sales rejected",
    denominator="all {mql}s that sales accepted or rejected",
    cohort=Cohort.DECIDED,
    period_rule=_BY_DECISION,
    good_direction=GoodDirection.BETWEEN,
    bands=health_bands.REJECTION_BANDS,
)
ACCEPTANCE: Final = RateFigure(
    key=RateKey.ACCEPTANCE,
    name="SAL rate",
    numerator="{mql}s that sales accepted",
    denominator="all {mql}s that sales accepted or rejected",
    cohort=Cohort.DECIDED,
    period_rule=_BY_DECISION,
    good_direction=GoodDirection.BETWEEN,
    bands=health_bands.ACCEPTANCE_BANDS,
)
SAL_TO_SQL: Final = RateFigure(
    key=RateKey.SAL_TO_SQL,
    name="SAL→SQL",
    numerator="accepted {mql}s that became an SQL, an opportunity or a win",
    denominator="all {mql}s that sales accepted",
    cohort=Cohort.ACCEPTED,
    period_rule="each counts in the period of its acceptance",
    good_direction=GoodDirection.HIGHER,
    matures_after=dt.timedelta(days=30),
)
MQL_TO_SQL: Final = RateFigure(
    key=RateKey.MQL_TO_SQL,
    name="{mql}→SQL",
    numerator="{mql}s that became an SQL, an opportunity or a win",
    denominator="all {mql}s",
    cohort=Cohort.QUALIFIED,
    period_rule=_BY_QUALIFICATION,
    good_direction=GoodDirection.BETWEEN,
    bands=health_bands.MQL_TO_SQL_BANDS,
    matures_after=dt.timedelta(days=30),
)
MQL_TO_OPPORTUNITY: Final = RateFigure(
    key=RateKey.MQL_TO_OPPORTUNITY,
    name="{mql}→opportunity",
    numerator="{mql}s that became an opportunity or a win",
    denominator="all {mql}s",
    cohort=Cohort.QUALIFIED,
    period_rule=_BY_QUALIFICATION,
    good_direction=GoodDirection.HIGHER,
    matures_after=dt.timedelta(days=60),
)
CATALOGUE: Final = {
    figure.key: figure for figure in (REJECTION, ACCEPTANCE, SAL_TO_SQL, MQL_TO_SQL, MQL_TO_OPPORTUNITY)
}


def write_interval(sample: Sample) -> str:
    """Write the Wilson interval of 95 % of a rate, as 22 to 41 %; empty without a sample."""
    bounds = wilson(sample.hits, sample.total)
    return "" if bounds is None else f"{bounds[0] * 100:.0f} to {bounds[1] * 100:.0f}\u202f%"


@dataclass(frozen=True, slots=True)
class RateReading:
    """A rate of the catalogue in one period, with its sample.

    `within` is the time that each lead was given to convert, None: any; not `is_mature`, the youngest have not had it yet.
    """

    figure: RateFigure
    sample: Sample
    within: dt.timedelta | None = None
    is_mature: bool = True

    @property
    def rate(self) -> float | None:
        return self.sample.rate

    @property
    def is_small(self) -> bool:
        """Say whether the sample is too small for a verdict."""
        return self.sample.total < self.figure.smallest_sample

    @property
    def interval(self) -> Bounds | None:
        """Return the Wilson interval of 95 %, None without any."""
        return wilson(self.sample.hits, self.sample.total)

    @property
    def band(self) -> HealthBand | None:
        """Return the health band; None without bands or with a small sample, which says nothing."""
        return None if self.is_small or not self.is_mature else health_bands.find_band(self.figure.bands, self.sample)

    @property
    def interval_text(self) -> str:
        """Return the interval in words, as 22 to 41 %; empty without any."""
        return write_interval(self.sample)

    @property
    def health_text(self) -> str:
        """Return what the rate says in words: the label of its band, or that the sample is small; empty without bands."""
        if not self.sample.total:
            return "Nothing yet"
        if not self.is_mature:
            return "Too early to say"
        return "Small sample" if self.is_small else (self.band.label if self.band else "")

    def as_evidence(self, motion: str, period: str = "") -> dict[str, Any]:
        """Return the row for the evidence of a review; its rate in percent."""
        return {
            "figure": self.figure.name_for(motion),
            **({"period": period} if period else {}),
            "count": self.sample.hits,
            "of": self.sample.total,
            "percent": None if self.rate is None else round(self.rate * 100, 1),
            "interval": self.interval_text,
            "health": self.health_text,
            "definition": self.figure.sentence_for(motion, self.within),
        }
