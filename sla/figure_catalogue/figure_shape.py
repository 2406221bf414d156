"""The shape of a figure in the catalogue: what it counts, by which rule of period, and which direction is good. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class FigureKind(StrEnum):
    """The kinds of figures.

    A rate is a part of a sample and has an interval; a share is a quotient that may exceed 100 %, as delivered of agreed; a
    ratio says how many times one rate another is; a score is a mean of answers on a scale.
    """

    RATE = "rate"
    SHARE = "share"
    RATIO = "ratio"
    COUNT = "count"
    MONEY = "money"
    TIME = "time"
    SCORE = "score"


class GoodDirection(StrEnum):
    """The direction in which a figure is better; a rate with health bands is best between two limits."""

    HIGHER = "higher"
    LOWER = "lower"
    BETWEEN = "between"
    NEITHER = "neither"


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogueFigure:
    """A figure of the catalogue. `{mql}` in its texts stands for the name of the motion.

    `numerator` is what is counted or measured. Below `smallest_sample` a value is marked as of a small sample.
    """

    key: str
    name: str
    kind: FigureKind
    numerator: str
    denominator: str = ""
    period_rule: str
    smallest_sample: int = 0
    good_direction: GoodDirection = GoodDirection.NEITHER

    def name_for(self, motion: str) -> str:
        """Return the name with the motion's leads, as PQL→SQL."""
        return self.name.format(mql=motion.upper())

    def explain_for(self, motion: str) -> str:
        """Return the sentence that explains the figure."""
        quotient = f", divided by {self.denominator}" if self.denominator else ""
        return f"{self.numerator}{quotient}; {self.period_rule}.".format(mql=motion.upper())
