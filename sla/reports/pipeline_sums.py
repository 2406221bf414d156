"""The deals of a motion in a period and their sums by currency: of leads, and of plays for AQL (rules 12.3, 12.9, 12.14)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db.models import Count, OuterRef, Q, QuerySet, Sum, Value
from django.db.models.functions import Coalesce, NullIf

from config.ui import formats
from leads.identity import merges
from leads.models import Outcome
from leads.vocabulary import Motion, OutcomeKind
from sla.models import Handoff, PlayOutcome


@dataclass(frozen=True, slots=True)
class PipelineMoney:
    """The sums of outcomes by currency, which are never added up.

    `unpriced` of the `count` carry no amount, so the sums are lower bounds.
    """

    amounts: Mapping[str, Decimal]
    count: int
    unpriced: int

    @property
    def label(self) -> str:
        """Write each sum with the code of its currency, that of the installation first."""
        home = settings.CURRENCY
        codes = sorted(self.amounts, key=lambda code: (code != home, code)) or [home]
        return " · ".join(formats.money(self.amounts.get(code, Decimal(0)), code) for code in codes)


def select_deals(motion: Motion, kind: OutcomeKind, *, start: dt.datetime, end: dt.datetime) -> QuerySet[Any]:
    """Return the deals in `[start, end)`: those of plays, or of leads that had been handed to sales before."""
    if motion == Motion.AQL:
        return PlayOutcome.objects.filter(kind=kind, at__gte=start, at__lt=end)
    handed_before = Handoff.objects.filter(motion=motion, created_at__lte=OuterRef("at"))
    return _select_of_leads(motion, kind, start, end).filter(merges.any_of_same_person(handed_before))


def sum_deals(motion: Motion, kind: OutcomeKind, *, start: dt.datetime, end: dt.datetime) -> PipelineMoney:
    """Sum the deals of `select_deals`."""
    return _sum_amounts(motion, select_deals(motion, kind, start=start, end=end))


def sum_pipeline_of_all_leads(motion: Motion, *, start: dt.datetime, end: dt.datetime) -> PipelineMoney:
    """Sum the opportunities in `[start, end)` of all leads, handed to sales or not."""
    return _sum_amounts(motion, _select_of_leads(motion, OutcomeKind.OPPORTUNITY, start, end))


def _select_of_leads(motion: Motion, kind: OutcomeKind, start: dt.datetime, end: dt.datetime) -> QuerySet[Outcome]:
    return Outcome.objects.effective().filter(motion=motion, kind=kind, at__gte=start, at__lt=end)


def _sum_amounts(motion: Motion, deals: QuerySet[Any]) -> PipelineMoney:
    home = Value(settings.CURRENCY)
    # Plays are in the currency of the installation.
    code = home if motion == Motion.AQL else Coalesce(NullIf("currency", Value("")), home)
    rows = deals.annotate(code=code).values("code").order_by("code")
    totals = rows.annotate(total=Sum("amount"), count=Count("pk"), unpriced=Count("pk", filter=Q(amount=None)))
    return PipelineMoney(
        {row["code"]: row["total"] for row in totals if row["total"] is not None},
        sum(row["count"] for row in totals),
        sum(row["unpriced"] for row in totals),
    )
