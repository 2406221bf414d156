"""The costs of marketing by source and month."""

from __future__ import annotations

from typing import ClassVar

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import F, Q

from config.audit.triggers import AuditTrigger
from leads.models import append_only
from leads.vocabulary import Motion

#: A correction is of the row that stands, and of the same cost.
_CORRECTS_SAME_COST = """
    IF NEW.corrects_id IS NOT NULL AND NOT EXISTS (
        SELECT FROM sla_marketingcost c WHERE c.id = NEW.corrects_id AND c.motion = NEW.motion AND c.source = NEW.source
            AND c.campaign = NEW.campaign AND c.month = NEW.month AND c.currency = NEW.currency
    ) THEN
        RAISE EXCEPTION 'pgtrigger: a correction is of the same source, campaign, month and currency';
    END IF;
    RETURN NEW;
"""


class MarketingCostQuerySet(models.QuerySet["MarketingCost"]):
    def standing(self) -> MarketingCostQuerySet:
        """Return the rows that no later row corrects, without those that were withdrawn."""
        return self.filter(corrected_by=None, amount__isnull=False)


class MarketingCost(models.Model):
    """The cost of a source, or of a campaign of it, in a month, for the leads of a motion (rules 12.48).

    A correction is a new row that points at the row it corrects and says why; without an amount it withdraws the cost.
    """

    id = models.BigAutoField(primary_key=True)
    motion = models.CharField(max_length=3, choices=Motion.choices, default=Motion.MQL)
    source = models.CharField(max_length=64, help_text="As leads write it.")
    campaign = models.CharField(max_length=200, blank=True, help_text="As events write it; empty: all of the source.")
    month = models.DateField(help_text="The first day of the month.")
    amount = models.DecimalField(max_digits=14, decimal_places=2, null=True, help_text="Empty: withdrawn.")
    currency = models.CharField(max_length=3)
    entered_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    entered_at = models.DateTimeField()
    file_name = models.CharField(max_length=200, blank=True, help_text="The file that brought it; empty: typed.")
    reason = models.CharField(max_length=300, blank=True, help_text="Of a correction: why.")
    # One row corrects another, so that the corrections of a cost are a chain and never fork.
    corrects = models.OneToOneField(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="corrected_by"
    )

    objects = MarketingCostQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["source", "month", "campaign", "motion", "currency"],
                condition=Q(corrects__isnull=True),
                name="marketing_cost_entered_once",
            ),
            models.CheckConstraint(
                name="marketing_cost_is_amount",
                condition=Q(amount__isnull=False, amount__gte=0) | Q(amount__isnull=True, corrects__isnull=False),
            ),
            models.CheckConstraint(name="marketing_cost_of_month", condition=Q(month__day=1)),
            models.CheckConstraint(name="marketing_cost_has_source", condition=~Q(source="")),
            models.CheckConstraint(name="marketing_cost_has_currency", condition=Q(currency__regex="^[A-Z]{3}$")),
            models.CheckConstraint(name="marketing_cost_of_leads", condition=~Q(motion=Motion.AQL)),
            models.CheckConstraint(
                name="marketing_cost_says_why",
                condition=Q(corrects__isnull=True, reason="") | (Q(corrects__isnull=False) & ~Q(reason="")),
            ),
            models.CheckConstraint(name="marketing_cost_corrects_another", condition=~Q(corrects=F("id"))),
        ]
        triggers: ClassVar = [
            append_only("marketing_costs_stay"),
            pgtrigger.Trigger(
                name="marketing_cost_corrects_same",
                when=pgtrigger.Before,
                operation=pgtrigger.Insert,
                func=_CORRECTS_SAME_COST,
            ),
            AuditTrigger(personal=["reason"]),
        ]

    def __str__(self) -> str:
        return f"{self.name}, {self.month:%Y-%m}"

    @property
    def name(self) -> str:
        """Return the source, with the campaign if it is of one."""
        return f"{self.source}, {self.campaign}" if self.campaign else self.source
