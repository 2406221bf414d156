"""The groups of the sources report: the MQLs of a source or campaign with what they cost and what they won (rules 12.52)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

from config import company_days
from leads.vocabulary import OutcomeKind
from sla.marketing_costs import cost_sums
from sla.marketing_costs.cost_sums import CENT, CostPart
from sla.reported_mqls import cycle_outcomes
from sla.reports import funnel_tables, mql_outcomes
from sla.reports.framework.report_period import ReportPeriod
from sla.reports.framework.report_query import ReportQuery
from sla.reports.framework.report_shape import MoneySums

_DAY: Final = dt.timedelta(days=1)
_MONTHS_OF_A_YEAR: Final = 12


@dataclass(frozen=True, slots=True)
class WonDeal:
    """A deal that an MQL of a source and campaign won; without an amount it is None."""

    source: str
    campaign: str
    at: dt.datetime
    amount: Decimal | None
    currency: str


@dataclass(frozen=True, slots=True)
class CostedGroup:
    """The MQLs of a source or campaign: their counts by step, the costs of the period, and the deals that they won.

    `counts` has `mql` and each step; `merged` are the groups that a sum stands for.
    """

    counts: dict[str, int]
    parts: Sequence[CostPart] = ()
    deals: Sequence[WonDeal] = ()
    merged: Sequence[CostedGroup] = field(default=())

    @property
    def costs(self) -> dict[str, Decimal]:
        return cost_sums.add_up(self.parts)

    def cost_per(self, step: str) -> tuple[MoneySums | None, int]:
        """Return the cost per lead of a step by currency, and how many such leads there are; None without costs or leads.

        Of a sum only the groups with costs in the currency count: the others would make each lead look cheaper.
        """
        groups = self.merged or (self,)
        amounts, counted = [], 0
        for currency, cost in self.costs.items():
            count = sum(group.counts[step] for group in groups if currency in group.costs)
            counted = max(counted, count)
            if count:
                amounts.append((currency, (cost / count).quantize(CENT)))
        return (MoneySums(tuple(amounts)) if amounts else None), counted

    @property
    def won(self) -> dict[str, Decimal]:
        sums: dict[str, Decimal] = {}
        for deal in self.deals:
            if deal.amount is not None:
                sums[deal.currency] = sums.get(deal.currency, Decimal(0)) + deal.amount
        return dict(sorted(sums.items()))

    @property
    def returned(self) -> float | None:
        """Return what was won as a share of the cost; None without a cost in one currency alone."""
        if len(self.costs) != 1:
            return None
        ((currency, cost),) = self.costs.items()
        return float(self._won_of_costed(currency) / cost) if cost else None

    def count_months_to_payback(self, start: dt.datetime) -> int | None:
        """Return in which month from `start` on the deals exceed the cost; None if they do not, or without one currency."""
        if len(self.costs) != 1:
            return None
        ((currency, cost),) = self.costs.items()
        total = Decimal(0)
        deals = [deal for group in self._costed(currency) for deal in group.deals if deal.currency == currency]
        for deal in sorted(deals, key=lambda deal: deal.at):
            total += deal.amount or 0
            if total > cost:
                return _months_between(start, deal.at)
        return None

    def _won_of_costed(self, currency: str) -> Decimal:
        return sum((group.won.get(currency, Decimal(0)) for group in self._costed(currency)), Decimal(0))

    def _costed(self, currency: str) -> list[CostedGroup]:
        return [group for group in self.merged or (self,) if currency in group.costs]


def read_counts(
    query: ReportQuery, mqls: Any, period: ReportPeriod, now: dt.datetime
) -> dict[str, list[dict[str, Any]]]:
    """Count the MQLs of a period and their steps: the rows by source and by campaign, each under its name."""
    cohort = funnel_tables.in_period(mqls, period)
    return mql_outcomes.count_step_sets(cohort, query.motion, now, {name: (name,) for name in ("source", "campaign")})


def read_costs(query: ReportQuery, period: ReportPeriod) -> list[CostPart]:
    """Return the costs of a period with the filters of the question."""
    filters = query.filters
    parts = cost_sums.read_parts(
        query.motion, first=period.start_day, end=period.last_day + _DAY, source=filters.source
    )
    return [part for part in parts if filters.campaign in (None, part.campaign)]


def read_deals(mqls: Any, period: ReportPeriod, home_currency: str, now: dt.datetime) -> list[WonDeal]:
    """Return the deals that the MQLs of a period won, each in the cycle that it belongs to."""
    own, of_aliases = cycle_outcomes.list_outcomes((OutcomeKind.WON,), now=now)
    won = funnel_tables.in_period(mqls, period).filter(won_at__lte=now).order_by("pk")
    rows = won.annotate(own=own, of_aliases=of_aliases).values_list("source", "campaign", "own", "of_aliases")
    return [
        _as_deal(source, campaign or "", row, home_currency)
        for source, campaign, of_lead, of_others in rows
        for row in (*of_lead, *of_others)
    ]


def group_by(
    name: str,
    counts: Mapping[str, Iterable[dict[str, Any]]],
    parts: Iterable[CostPart],
    deals: Iterable[WonDeal],
    query: ReportQuery,
) -> dict[str, CostedGroup]:
    """Return the groups by `source` or `campaign`, also those that have costs and no MQL.

    The costs of a source as a whole are of no campaign.
    """
    read: Callable[[Any], str] = lambda row: getattr(row, name)  # noqa: E731  # of parts and deals alike
    costed = [part for part in parts if name == "source" or part.campaign]
    counted = {row[name] or "": row for row in counts[name]}
    nothing = mql_outcomes.add_counts([], query.motion)
    all_deals = list(deals)
    return {
        key: CostedGroup(
            mql_outcomes.add_counts([counted[key]], query.motion) if key in counted else dict(nothing),
            [part for part in costed if read(part) == key],
            [deal for deal in all_deals if read(deal) == key],
        )
        for key in sorted({*counted, *map(read, costed)})
    }


def merge_groups(groups: Iterable[CostedGroup], query: ReportQuery) -> CostedGroup:
    """Return the sum of groups."""
    groups = list(groups)
    return CostedGroup(
        mql_outcomes.add_counts([group.counts for group in groups], query.motion),
        [part for group in groups for part in group.parts],
        [deal for group in groups for deal in group.deals],
        groups,
    )


def _as_deal(source: str, campaign: str, row: dict[str, Any], home_currency: str) -> WonDeal:
    amount = None if row["amount"] is None else Decimal(row["amount"])
    return WonDeal(source, campaign, dt.datetime.fromisoformat(row["at"]), amount, row["currency"] or home_currency)


def _months_between(start: dt.datetime, end: dt.datetime) -> int:
    """Return how many months from a day to another, a begun month as a whole one."""
    first, last = company_days.day_of(start), company_days.day_of(end)
    months = (last.year - first.year) * _MONTHS_OF_A_YEAR + last.month - first.month
    return months + (last.day >= first.day)
