"""The figures of the satisfaction of sales, asked each month (rules 12.64, 12.65). Pure."""

from __future__ import annotations

from typing import Final

from sla.figure_catalogue.figure_shape import CatalogueFigure, FigureKind, GoodDirection

#: With fewer answers a group has no figure at all, so that nobody's answer can be read.
FEWEST_ANSWERS: Final = 4
_BY_MONTH: Final = (
    f"each counts in the month in which it was asked; with fewer than {FEWEST_ANSWERS} answers nothing is shown"
)

SATISFACTION: Final = CatalogueFigure(
    key="satisfaction", name="Satisfaction of sales", kind=FigureKind.SCORE,
    numerator="the answers of reps and managers of sales, from 1 to 5, on how good the leads are that they get",
    denominator="the number of answers", period_rule=_BY_MONTH, smallest_sample=FEWEST_ANSWERS, good_direction=GoodDirection.HIGHER,
)  # fmt: skip
SATISFIED: Final = CatalogueFigure(
    key="satisfied", name="Satisfied", kind=FigureKind.RATE, numerator="answers of 4 or 5", denominator="all answers",
    period_rule=_BY_MONTH, smallest_sample=FEWEST_ANSWERS, good_direction=GoodDirection.HIGHER,
)  # fmt: skip
ANSWERED: Final = CatalogueFigure(
    key="satisfaction_answered", name="Answered", kind=FigureKind.RATE, numerator="people who answered",
    denominator="all who were asked", period_rule="each counts in the month in which it was asked",
    smallest_sample=FEWEST_ANSWERS, good_direction=GoodDirection.HIGHER,
)  # fmt: skip

SATISFACTION_FIGURES: Final = (SATISFACTION, SATISFIED, ANSWERED)
