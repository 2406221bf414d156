"""The figures of content: what makes MALs, and what comes before they become MQLs (rules 12.46). Pure."""

from __future__ import annotations

from typing import Final

from sla.figure_catalogue.catalogue import SMALLEST_SAMPLE
from sla.figure_catalogue.figure_shape import CatalogueFigure, FigureKind, GoodDirection

_BY_MAL: Final = "each counts in the period in which the lead first became MAL, by what is known now"
_BY_BOTH: Final = (
    "an {mql} counts in the period in which it qualified, another MAL in the one in which it first became MAL"
)

FIRST_TOUCHES: Final = CatalogueFigure(
    key="first_touches", name="MALs that began with it", kind=FigureKind.COUNT,
    numerator="MALs whose first engagement on record, up to becoming MAL, was this", period_rule=_BY_MAL,
)  # fmt: skip
MAL_TO_MQL: Final = CatalogueFigure(
    key="mal_to_mql", name="MAL→{mql}", kind=FigureKind.RATE, numerator="MALs that became {mql}", denominator="all MALs",
    period_rule=_BY_MAL, smallest_sample=SMALLEST_SAMPLE, good_direction=GoodDirection.HIGHER,
)  # fmt: skip
TOUCHED_BY_MQLS: Final = CatalogueFigure(
    key="touched_by_mqls", name="{mql}s that had touched it", kind=FigureKind.RATE,
    numerator="{mql}s that touched it in the 30 days up to their qualification", denominator="all {mql}s",
    period_rule="each counts in the period in which it became an {mql}", smallest_sample=SMALLEST_SAMPLE,
)  # fmt: skip
TOUCHED_BY_OTHERS: Final = CatalogueFigure(
    key="touched_by_others", name="Other MALs that touched it", kind=FigureKind.RATE,
    numerator="MALs that did not become {mql} and touched it in the 30 days from becoming MAL",
    denominator="all MALs that did not become {mql}", period_rule=_BY_MAL, smallest_sample=SMALLEST_SAMPLE,
)  # fmt: skip
LIFT: Final = CatalogueFigure(
    key="content_lift", name="Lift", kind=FigureKind.RATIO,
    numerator="the share of {mql}s that had touched it",
    denominator="the share of MALs that did not become {mql} and touched it; the sample are those of both who touched it",
    period_rule=_BY_BOTH, smallest_sample=SMALLEST_SAMPLE, good_direction=GoodDirection.HIGHER,
)  # fmt: skip

CONTENT_FIGURES: Final = (FIRST_TOUCHES, MAL_TO_MQL, TOUCHED_BY_MQLS, TOUCHED_BY_OTHERS, LIFT)
