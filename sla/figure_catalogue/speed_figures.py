"""The figures of speed to lead (rules 12.41). Pure."""

from __future__ import annotations

from typing import Final

from sla.figure_catalogue.catalogue import SMALLEST_SAMPLE
from sla.figure_catalogue.figure_shape import CatalogueFigure, FigureKind, GoodDirection

SPEED: Final = CatalogueFigure(
    key="speed_to_lead", name="Speed to lead, median", kind=FigureKind.TIME,
    numerator="the median time on the clock from the handoff to the first contact, nights and weekends included",
    period_rule="each counts in the period in which it was handed over, if it was contacted", smallest_sample=SMALLEST_SAMPLE,
    good_direction=GoodDirection.LOWER,
)  # fmt: skip
CONTACTED: Final = CatalogueFigure(
    key="contacted", name="Contacted", kind=FigureKind.RATE, numerator="{mql}s handed over that somebody contacted",
    denominator="all {mql}s handed over", period_rule="each counts in the period in which it was handed over",
    smallest_sample=SMALLEST_SAMPLE, good_direction=GoodDirection.HIGHER,
)  # fmt: skip
HANDED_OVER: Final = CatalogueFigure(
    key="handed_over", name="{mql}s handed over", kind=FigureKind.COUNT, numerator="{mql}s that became a handoff",
    period_rule="each counts in the period in which it was handed over",
)  # fmt: skip

SPEED_FIGURES: Final = (SPEED, CONTACTED, HANDED_OVER)
