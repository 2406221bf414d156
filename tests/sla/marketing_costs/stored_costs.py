"""Costs of marketing for tests."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

from config.accounts.models import User
from leads.vocabulary import Motion
from sla.marketing_costs import cost_entry
from sla.marketing_costs.cost_entry import CostLine
from sla.models import MarketingCost
from tests.factories import NOW


def store_cost(
    by: User, source: str = "ads", amount: str = "310", *, campaign: str = "", currency: str = "EUR", month: int = 3
) -> MarketingCost:
    """Enter the cost of a month of 2026 and return its row."""
    line = CostLine(Motion.MQL, source, campaign, dt.date(2026, month, 1), Decimal(amount), currency)
    cost_entry.store([line], by=by, now=NOW)
    return cost_entry.find_standing([line.key])[line.key]
