"""The figures of data health: what is missing, waits for a decision, is not explained or not understood (rules 12.54). Pure."""

from __future__ import annotations

from typing import Final

from sla.figure_catalogue.catalogue import SMALLEST_SAMPLE
from sla.figure_catalogue.figure_shape import CatalogueFigure, FigureKind, GoodDirection

#: The MQLs of the period whose people's events say how far history reaches, the latest of them.
HISTORY_OF_MQLS: Final = 2000
_AS_NOW: Final = "as the record stands now"

UNKNOWN_OF_LEADS: Final = CatalogueFigure(
    key="unknown_of_leads", name="Unknown of new leads", kind=FigureKind.RATE,
    numerator="new leads of which the field is unknown; a seniority is known where there is a title", denominator="all new leads",
    period_rule="each counts in the period in which it was recorded, by what is known of it now", smallest_sample=SMALLEST_SAMPLE,
    good_direction=GoodDirection.LOWER,
)  # fmt: skip
UNKNOWN_OF_MQLS: Final = CatalogueFigure(
    key="unknown_of_mqls", name="Unknown of {mql}s", kind=FigureKind.RATE,
    numerator="{mql}s of which the field is unknown; a seniority is known where there is a title", denominator="all {mql}s",
    period_rule="each counts in the period in which it became an {mql}, by what is known of it now", smallest_sample=SMALLEST_SAMPLE,
    good_direction=GoodDirection.LOWER,
)  # fmt: skip
DUPLICATES_WAITING: Final = CatalogueFigure(
    key="duplicates_waiting", name="Possible duplicates", kind=FigureKind.COUNT,
    numerator="pairs of leads that may be one person and wait for a decision, of all motions", period_rule=_AS_NOW,
    good_direction=GoodDirection.LOWER,
)  # fmt: skip
UNEXPLAINED_WINS: Final = CatalogueFigure(
    key="unexplained_wins", name="Wins that no {mql} explains", kind=FigureKind.RATE,
    numerator="won deals whose person had not become an {mql} before", denominator="all won deals of people",
    period_rule="each counts in the period in which it was won", smallest_sample=SMALLEST_SAMPLE,
    good_direction=GoodDirection.LOWER,
)  # fmt: skip
WINDOW: Final = CatalogueFigure(
    key="window_days", name="Looks back, days", kind=FigureKind.COUNT,
    numerator="the days that a rule of the version in force looks back", period_rule=_AS_NOW,
)  # fmt: skip
HISTORY: Final = CatalogueFigure(
    key="history_days", name="History, days", kind=FigureKind.COUNT,
    numerator="the days since the earliest event of the signals that the rule counts, among the people of the latest"
    f" {HISTORY_OF_MQLS:,} {{mql}}s",
    period_rule="{mql}s of the period", good_direction=GoodDirection.HIGHER,
)  # fmt: skip
NOT_UNDERSTOOD: Final = CatalogueFigure(
    key="not_understood", name="Values not understood", kind=FigureKind.COUNT,
    numerator="leads or companies with a value of the attribute that could not be read, of all motions", period_rule=_AS_NOW,
    good_direction=GoodDirection.LOWER,
)  # fmt: skip
TEXTS_NOT_UNDERSTOOD: Final = CatalogueFigure(
    key="texts_not_understood", name="Different texts", kind=FigureKind.COUNT,
    numerator="different texts of the attribute that could not be read, of all motions", period_rule=_AS_NOW,
    good_direction=GoodDirection.LOWER,
)  # fmt: skip

DATA_HEALTH_FIGURES: Final = (
    UNKNOWN_OF_LEADS, UNKNOWN_OF_MQLS, DUPLICATES_WAITING, UNEXPLAINED_WINS, WINDOW, HISTORY, NOT_UNDERSTOOD, TEXTS_NOT_UNDERSTOOD,
)  # fmt: skip
