"""The figures of sources and campaigns: what leads of a source cost, and what they bring back (rules 12.51, 12.52). Pure."""

from __future__ import annotations

from typing import Final

from sla.figure_catalogue.catalogue import SMALLEST_SAMPLE
from sla.figure_catalogue.figure_shape import CatalogueFigure, FigureKind, GoodDirection

_COSTS_OF_PERIOD: Final = (
    "of each month's cost the days of the period count, and each currency stands by itself; leads count in the period in which"
    " they became {mql}s, by what is known now"
)


def _cost_per(key: str, name: str, of: str) -> CatalogueFigure:
    return CatalogueFigure(
        key=key, name=name, kind=FigureKind.MONEY, numerator="the costs entered for the source or campaign", denominator=of,
        period_rule=_COSTS_OF_PERIOD, smallest_sample=SMALLEST_SAMPLE, good_direction=GoodDirection.LOWER,
    )  # fmt: skip


COST: Final = CatalogueFigure(
    key="marketing_cost", name="Cost", kind=FigureKind.MONEY, numerator="the costs entered for the source or campaign",
    period_rule="of each month's cost the days of the period count, and each currency stands by itself",
)  # fmt: skip
#: The cost per lead of each step, by the step.
COST_PER: Final = {
    "mql": _cost_per("cost_per_mql", "Cost per {mql}", "its {mql}s"),
    "sal": _cost_per("cost_per_sal", "Cost per SAL", "those of its {mql}s that sales accepted, or that came further"),
    "sql": _cost_per("cost_per_sql", "Cost per SQL", "those of its {mql}s that became an SQL, an opportunity or a win"),
    "opportunity": _cost_per(
        "cost_per_opportunity", "Cost per opportunity", "those of its {mql}s that became an opportunity or a win"
    ),
    "won": _cost_per("cost_per_won", "Cost per won", "those of its {mql}s whose person became a customer"),
}
WON_OF_COHORT: Final = CatalogueFigure(
    key="won_of_cohort", name="Won", kind=FigureKind.MONEY,
    numerator="the amounts of the deals that the {mql}s won up to their person's next cycle, by currency; a deal without an amount"
    " makes it a lower bound",
    period_rule="each counts in the period in which it became an {mql}, by what is known now",
    good_direction=GoodDirection.HIGHER,
)  # fmt: skip
RETURNED: Final = CatalogueFigure(
    key="cost_returned", name="Won of cost", kind=FigureKind.SHARE,
    numerator="the amount won by the {mql}s of the period in the currency of the cost", denominator="the cost of the period",
    period_rule=_COSTS_OF_PERIOD, good_direction=GoodDirection.HIGHER,
)  # fmt: skip
PAYBACK: Final = CatalogueFigure(
    key="payback_months", name="Months to payback", kind=FigureKind.COUNT,
    numerator="the months from the beginning of the period until the {mql}s of the period have won more than the period cost, in the"
    " currency of the cost, begun months as whole ones",
    period_rule=_COSTS_OF_PERIOD, good_direction=GoodDirection.LOWER,
)  # fmt: skip

SOURCE_FIGURES: Final = (COST, *COST_PER.values(), WON_OF_COHORT, RETURNED, PAYBACK)
