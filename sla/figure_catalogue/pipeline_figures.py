"""The figures of money: pipeline and won deals by currency (rules 12.3, 12.9). Pure."""

from __future__ import annotations

from typing import Final

from sla.figure_catalogue.figure_shape import CatalogueFigure, FigureKind, GoodDirection

PIPELINE: Final = CatalogueFigure(
    key="pipeline", name="Pipeline from {mql}s", kind=FigureKind.MONEY,
    numerator="the amounts of opportunities of people that had been handed to sales, by currency; what has no amount makes it a"
    " lower bound",
    period_rule="each counts in the period in which the opportunity was opened", good_direction=GoodDirection.HIGHER,
)  # fmt: skip
WON: Final = CatalogueFigure(
    key="won", name="Won from {mql}s", kind=FigureKind.MONEY,
    numerator="the amounts of won deals of people that had been handed to sales, by currency",
    period_rule="each counts in the period in which it was won", good_direction=GoodDirection.HIGHER,
)  # fmt: skip

PIPELINE_FIGURES: Final = (PIPELINE, WON)
