"""Outcomes of leads, imported decisions of sales, and the wins that make customers."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Exists, F, OuterRef, Q

from leads.models.company import Company
from leads.models.guards import append_only
from leads.models.lead import Lead
from leads.vocabulary import Motion, OutcomeKind, PastDecision


class OutcomeQuerySet(models.QuerySet["Outcome"]):
    def effective(self) -> OutcomeQuerySet:
        """Return the outcomes that no later row corrects: those that count."""
        # As NOT EXISTS: PostgreSQL expects a single row of a join that looks for what is missing, and plans for it.
        return self.filter(~Exists(Outcome.objects.filter(corrects=OuterRef("pk"))))


class Outcome(models.Model):
    """A result of a lead, as the CRM reports it. A correction is a new row that points at the row it corrects."""

    id = models.BigAutoField(primary_key=True)
    lead = models.ForeignKey(Lead, on_delete=models.PROTECT, related_name="outcomes")
    motion = models.CharField(
        max_length=3,
        choices=Motion.choices,
        default=Motion.MQL,
        db_default=Motion.MQL,
        help_text="The motion that the deal concerns (rules 2.16).",
    )
    kind = models.CharField(max_length=16, choices=OutcomeKind.choices)
    at = models.DateTimeField()
    amount = models.DecimalField(max_digits=18, decimal_places=2, null=True)
    currency = models.CharField(
        max_length=3, blank=True, help_text="Of the amount, as EUR; empty: that of the installation."
    )
    reason = models.CharField(max_length=200, blank=True)
    recorded_at = models.DateTimeField()
    source = models.CharField(max_length=64)
    external_id = models.CharField(max_length=200, null=True)
    # One row corrects another, so that a deal's corrections are a chain and never fork.
    corrects = models.OneToOneField(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="corrected_by"
    )

    is_first = models.BooleanField(default=False, help_text="The first row of a deal with an id of the sender's.")

    objects = OutcomeQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            # Two senders that name two leads for one deal do not lock the same row: the second finds this one taken.
            models.UniqueConstraint(
                fields=["source", "external_id"], condition=Q(is_first=True), name="outcome_first_of_deal"
            ),
            models.CheckConstraint(name="outcome_corrects_another", condition=~Q(corrects=F("id"))),
        ]
        indexes: ClassVar = [
            # Read by backtests and by the pipeline overview for the deals of a period.
            models.Index(fields=["kind", "at"], name="outcome_by_kind"),
            # Read by leads.intake.outcomes for all rows of a deal.
            models.Index(fields=["source", "external_id"], name="outcome_of_deal"),
        ]
        triggers: ClassVar = [append_only("outcomes_stay")]

    def __str__(self) -> str:
        return f"{self.lead}: {self.kind}"


class PastDisposition(models.Model):
    """A decision of sales that was imported: evidence for backtests and reports, which moves no lead (rules 13.57)."""

    id = models.BigAutoField(primary_key=True)
    lead = models.ForeignKey(Lead, on_delete=models.PROTECT, related_name="past_dispositions")
    motion = models.CharField(max_length=3, choices=Motion.choices, default=Motion.MQL)
    kind = models.CharField(max_length=8, choices=PastDecision.choices)
    reason = models.SlugField(max_length=64, blank=True, help_text="The code of a rejection reason.", db_index=False)
    decided_by = models.CharField(max_length=200, blank=True, help_text="As the file names the person.")
    note = models.CharField(max_length=1000, blank=True)
    at = models.DateTimeField()
    recorded_at = models.DateTimeField()
    source = models.CharField(max_length=64)
    external_id = models.CharField(max_length=200, null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["source", "external_id"], condition=Q(external_id__isnull=False), name="past_disposition_by_id"
            ),
            models.UniqueConstraint(
                fields=["source", "lead", "motion", "at"],
                condition=Q(external_id__isnull=True),
                name="past_disposition_once",
            ),
            models.CheckConstraint(
                name="past_rejection_has_reason",
                condition=Q(kind="accept", reason="") | (Q(kind="reject") & ~Q(reason="")),
            ),
        ]
        # Read by backtests and by the reports on decisions for those of a period.
        indexes: ClassVar = [models.Index(fields=["kind", "at"], name="past_disposition_by_time")]
        triggers: ClassVar = [append_only("past_dispositions_stay")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} (imported): {self.lead}"


class CountedWin(models.Model):
    """A won outcome, and the company that it makes a customer as its history stands (rules 13.23)."""

    outcome = models.OneToOneField(Outcome, on_delete=models.CASCADE, primary_key=True, related_name="+")
    company = models.ForeignKey(Company, on_delete=models.CASCADE, related_name="+")

    def __str__(self) -> str:
        return f"{self.outcome_id} of {self.company}"
