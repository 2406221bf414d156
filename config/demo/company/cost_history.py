"""The costs of the example's sources: entered month by month from files, one of them corrected, and none for free sources."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Final

from django.db.models import Count
from django.db.models.functions import TruncMonth

from config.accounts.models import User
from config.calendar_periods import CalendarMonth
from config.demo.company.names_and_places import SYNDICATION, SYNDICATION_CAMPAIGN
from leads.models import Lead
from leads.vocabulary import Motion
from sla.marketing_costs import cost_entry
from sla.marketing_costs.cost_entry import CostLine
from sla.models import MarketingCost

#: What a lead of a source costs, in which currency, and for which campaign. Search, partners and referrals cost nobody anything.
_COST_OF_LEAD: Final = {
    "Paid search": (Decimal(24), "EUR", ""),
    "Webinar": (Decimal(14), "EUR", ""),
    "Event": (Decimal(41), "USD", ""),
    "Outbound": (Decimal(31), "EUR", ""),
    SYNDICATION: (Decimal(19), "EUR", SYNDICATION_CAMPAIGN),
}
_ENTERED_AFTER: Final = dt.timedelta(days=3)


def enter_costs(*, ops: User, start: dt.datetime, now: dt.datetime) -> None:
    """Enter the costs of each month of the year three days after its end, of the running month at once; then correct one."""
    for month, lines in _draw_costs(start).items():
        end = CalendarMonth.containing(dt.datetime(month.year, month.month, 15, tzinfo=dt.UTC)).end
        at = min(end + _ENTERED_AFTER, now)
        cost_entry.store(lines, by=ops, now=at, file_name=f"costs-{month:%Y-%m}.csv")
    cost = MarketingCost.objects.filter(source="Webinar").order_by("month").first()
    if cost is not None:
        amount = (cost.amount or Decimal(0)) + 250
        reason = "The invoice of the webinar platform came late."
        cost_entry.correct(cost=cost, amount=amount, by=ops, now=now, reason=reason)


def _draw_costs(start: dt.datetime) -> dict[dt.date, list[CostLine]]:
    """Return the costs by month: so much for each lead that a source brought."""
    leads = Lead.objects.filter(source__in=_COST_OF_LEAD, recorded_at__gte=start)
    rows = leads.annotate(month=TruncMonth("recorded_at")).values("month", "source").order_by("month", "source")
    by_month: dict[dt.date, list[CostLine]] = {}
    for row in rows.annotate(count=Count("pk")):
        cost, currency, campaign = _COST_OF_LEAD[row["source"]]
        month = row["month"].date().replace(day=1)
        line = CostLine(Motion.MQL, row["source"], campaign, month, cost * row["count"], currency)
        by_month.setdefault(month, []).append(line)
    return by_month
