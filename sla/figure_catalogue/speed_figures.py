"""The figures of handoffs: speed to lead (rules 12.30), and what reps made of what they got (rules 12.5). Pure."""

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

_BY_HANDOFF: Final = (
    "each counts in the period in which it was handed over, with the rep who has it now, by what is known now"
)
MEETING_BOOKED: Final = CatalogueFigure(
    key="meeting_booked", name="{mql} to meeting", kind=FigureKind.RATE, numerator="{mql}s with a meeting booked",
    denominator="all {mql}s given to the rep", period_rule=_BY_HANDOFF, smallest_sample=SMALLEST_SAMPLE,
    good_direction=GoodDirection.HIGHER,
)  # fmt: skip
MEETING_TO_OPPORTUNITY: Final = CatalogueFigure(
    key="meeting_to_opportunity", name="Meeting to opportunity", kind=FigureKind.RATE,
    numerator="{mql}s with a meeting whose person, or company, has an opportunity or a win",
    denominator="all {mql}s with a meeting booked", period_rule=_BY_HANDOFF, smallest_sample=SMALLEST_SAMPLE,
    good_direction=GoodDirection.HIGHER,
)  # fmt: skip

SPEED_FIGURES: Final = (SPEED, CONTACTED, HANDED_OVER, MEETING_BOOKED, MEETING_TO_OPPORTUNITY)
