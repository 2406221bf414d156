"""Decisions of sales on a handoff: pending, final, and the answers that make an SQL."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q

from leads.models import append_only
from sla.models.handoff import Handoff
from sla.models.reason import ReasonCode
from sla.vocabulary import (
    DispositionKind,
)


class Disposition(models.Model):
    """The decision of sales on a handoff. A correction is a new row that points at the old one."""

    id = models.BigAutoField(primary_key=True)
    handoff = models.ForeignKey(Handoff, on_delete=models.PROTECT, related_name="dispositions")
    kind = models.CharField(max_length=8, choices=DispositionKind.choices)
    reason = models.ForeignKey(ReasonCode, on_delete=models.PROTECT, null=True, related_name="+")
    note = models.CharField(max_length=1000, blank=True)
    missing = models.CharField(max_length=500, blank=True, help_text="What was missing, in the rep's words.")
    reengage_on = models.DateField(null=True, help_text="Timing family: the day it comes back.")
    contacted_before = models.BooleanField(help_text="Was the lead contacted before the decision?")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()
    corrects = models.OneToOneField("self", on_delete=models.PROTECT, null=True, related_name="corrected_by")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["handoff"], condition=Q(corrects__isnull=True), name="one_disposition"),
            models.CheckConstraint(
                name="rejection_has_reason",
                condition=Q(kind="accept", reason__isnull=True) | Q(kind="reject", reason__isnull=False),
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["at", "kind"], name="disposition_by_time")]
        triggers: ClassVar = [append_only("dispositions_stay")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.handoff}"


class PendingDecision(models.Model):
    """A decision that is not final yet: for a few seconds it can be undone, then a sweep makes it a disposition."""

    handoff = models.OneToOneField(Handoff, on_delete=models.PROTECT, related_name="pending_decision")
    kind = models.CharField(max_length=8, choices=DispositionKind.choices)
    reason = models.ForeignKey(ReasonCode, on_delete=models.PROTECT, null=True, related_name="+")
    note = models.CharField(max_length=1000, blank=True)
    missing = models.CharField(max_length=500, blank=True)
    reengage_on = models.DateField(null=True)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()
    final_at = models.DateTimeField()

    class Meta:
        # For undo_window.finish_due.
        indexes: ClassVar = [models.Index(fields=["final_at", "id"], name="pending_decision_due")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.handoff}"


class SalesQualification(models.Model):
    """The four answers that a person confirmed, which make a lead an SQL (rules 2.5)."""

    handoff = models.OneToOneField(Handoff, on_delete=models.PROTECT, related_name="sales_qualification")
    problem = models.CharField(max_length=500)
    budget = models.CharField(max_length=500)
    authority = models.CharField(max_length=500)
    timeline = models.CharField(max_length=500)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                name="sql_has_four_answers",
                condition=~Q(problem="") & ~Q(budget="") & ~Q(authority="") & ~Q(timeline=""),
            )
        ]
        triggers: ClassVar = [append_only("sales_qualifications_stay")]

    def __str__(self) -> str:
        return f"SQL: {self.handoff}"
