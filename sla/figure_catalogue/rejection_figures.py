"""The figures of rejections: their reasons, and the work that went into rejected leads (rules 12.42 to 12.44). Pure."""

from __future__ import annotations

from typing import Final

from sla.figure_catalogue.catalogue import SMALLEST_SAMPLE
from sla.figure_catalogue.figure_shape import CatalogueFigure, FigureKind, GoodDirection

_BY_DECISION: Final = "each counts in the period of its decision, a corrected decision as corrected"

DECIDED: Final = CatalogueFigure(
    key="decided", name="Decided", kind=FigureKind.COUNT, numerator="{mql}s that sales accepted or rejected",
    period_rule=_BY_DECISION,
)  # fmt: skip
REJECTED: Final = CatalogueFigure(
    key="rejected", name="Rejected", kind=FigureKind.COUNT, numerator="{mql}s that sales rejected", period_rule=_BY_DECISION
)  # fmt: skip
SHARE_OF_REJECTIONS: Final = CatalogueFigure(
    key="share_of_rejections", name="Of the rejections", kind=FigureKind.RATE, numerator="rejections of this kind",
    denominator="all rejections", period_rule=_BY_DECISION, smallest_sample=SMALLEST_SAMPLE,
)  # fmt: skip
CUMULATIVE_SHARE: Final = CatalogueFigure(
    key="cumulative_share", name="With those above", kind=FigureKind.SHARE,
    numerator="rejections for this reason and for those that are more frequent", denominator="all rejections",
    period_rule=_BY_DECISION,
)  # fmt: skip
REJECTED_UNCONTACTED: Final = CatalogueFigure(
    key="rejected_uncontacted", name="Rejected before any contact", kind=FigureKind.RATE,
    numerator="rejections before the first contact", denominator="all rejections", period_rule=_BY_DECISION,
    smallest_sample=SMALLEST_SAMPLE,
)  # fmt: skip
ATTEMPTS_ON_REJECTED: Final = CatalogueFigure(
    key="attempts_on_rejected", name="Contact attempts on rejected leads", kind=FigureKind.COUNT,
    numerator="contacts logged on leads that were rejected, up to the rejection",
    period_rule="each counts in the period of the decision on its lead", good_direction=GoodDirection.LOWER,
)  # fmt: skip
ATTEMPTS_SHARE: Final = CatalogueFigure(
    key="attempts_share", name="Attempts that went into rejected leads", kind=FigureKind.RATE,
    numerator="contacts logged on leads that were rejected, up to the rejection",
    denominator="all contacts logged on decided leads, up to the decision",
    period_rule="each counts in the period of the decision on its lead", smallest_sample=SMALLEST_SAMPLE,
    good_direction=GoodDirection.LOWER,
)  # fmt: skip
MINUTES_ON_REJECTED: Final = CatalogueFigure(
    key="minutes_on_rejected", name="Time spent on rejected {mql}s, estimated", kind=FigureKind.TIME,
    numerator="the contacts logged on leads that were rejected, up to the rejection, each with the minutes that the commitments give"
    " for its channel",
    period_rule="each counts in the period of the decision on its lead, by the commitments in force at the end of the period",
    good_direction=GoodDirection.LOWER,
)  # fmt: skip
TIME_TO_REJECTION: Final = CatalogueFigure(
    key="time_to_rejection", name="From routing to rejection, median", kind=FigureKind.TIME,
    numerator="the median business time from routing to the rejection, as the promise to decide counts it: all hours of working days",
    period_rule=_BY_DECISION, smallest_sample=SMALLEST_SAMPLE, good_direction=GoodDirection.LOWER,
)  # fmt: skip

REJECTION_FIGURES: Final = (
    DECIDED, REJECTED, SHARE_OF_REJECTIONS, CUMULATIVE_SHARE, REJECTED_UNCONTACTED, ATTEMPTS_ON_REJECTED, ATTEMPTS_SHARE,
    MINUTES_ON_REJECTED, TIME_TO_REJECTION,
)  # fmt: skip
