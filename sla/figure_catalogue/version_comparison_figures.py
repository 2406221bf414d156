"""The figures by which versions of a definition are compared, each by the MQLs that the version made (rules 12.53). Pure."""

from __future__ import annotations

import datetime as dt
from typing import Final

from sla.figure_catalogue.catalogue import SMALLEST_SAMPLE
from sla.figure_catalogue.figure_shape import CatalogueFigure, FigureKind, GoodDirection

_OF_COHORT: Final = "each counts in the period in which it became an {mql}, by what is known now"
#: How long sales has to touch a lead before it counts as untouched, and to decide before cohorts are compared.
UNTOUCHED_AFTER: Final = dt.timedelta(days=7)

COHORT_REJECTION: Final = CatalogueFigure(
    key="cohort_rejection", name="Rejected of a cohort", kind=FigureKind.RATE, numerator="{mql}s that sales rejected",
    denominator="those {mql}s of the cohort that sales accepted or rejected", period_rule=_OF_COHORT,
    smallest_sample=SMALLEST_SAMPLE, good_direction=GoodDirection.LOWER,
)  # fmt: skip
UNTOUCHED: Final = CatalogueFigure(
    key="untouched", name="Untouched", kind=FigureKind.RATE,
    numerator="{mql}s that nobody had contacted, accepted or rejected "
    f"{UNTOUCHED_AFTER.days} days after they were handed over", denominator="all {mql}s handed over", period_rule=_OF_COHORT,
    smallest_sample=SMALLEST_SAMPLE, good_direction=GoodDirection.LOWER,
)  # fmt: skip

VERSION_COMPARISON_FIGURES: Final = (COHORT_REJECTION, UNTOUCHED)
