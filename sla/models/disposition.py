"""Decisions of sales on a handoff: pending, final, and the answers that make an SQL."""

from __future__ import annotations

from typing import ClassVar

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import Exists, OuterRef, Q

from config.audit.triggers import AuditTrigger
from leads.models import append_only
from sla.models.handoff import Handoff
from sla.models.reason import ReasonCode, SubReason
from sla.models.team import NAME_AT_MOST
from sla.vocabulary import DispositionKind


def write_reason(reason: str, detail: str) -> str:
    """Return the label of a reason with that of its detail, for people; empty without a reason."""
    return f"{reason} ({detail.lower()})" if detail else reason


class DispositionQuerySet(models.QuerySet["Disposition"]):
    def standing(self) -> DispositionQuerySet:
        """Return the dispositions that no other corrects, one for each decided handoff."""
        # As NOT EXISTS: PostgreSQL expects a single row of a join that looks for what is missing, and plans for it.
        return self.filter(~Exists(Disposition.objects.filter(corrects=OuterRef("pk"))))


class Disposition(models.Model):
    """The decision of sales on a handoff. A correction is a new row that points at the old one."""

    id = models.BigAutoField(primary_key=True)
    handoff = models.ForeignKey(Handoff, on_delete=models.PROTECT, related_name="dispositions")
    kind = models.CharField(max_length=8, choices=DispositionKind.choices)
    reason = models.ForeignKey(ReasonCode, on_delete=models.PROTECT, null=True, related_name="+")
    sub_reason = models.ForeignKey(SubReason, on_delete=models.PROTECT, null=True, related_name="+")
    # As they were called on the day of the decision.
    reason_label = models.CharField(max_length=120, blank=True, default="", db_default="")
    sub_reason_label = models.CharField(max_length=120, blank=True, default="", db_default="")
    by_name = models.CharField(max_length=NAME_AT_MOST, blank=True, default="", db_default="")
    note = models.CharField(max_length=1000, blank=True)
    missing = models.CharField(max_length=500, blank=True, help_text="What was missing, in the rep's words.")
    reengage_on = models.DateField(null=True, help_text="Timing family: the day it comes back.")
    contacted_before = models.BooleanField(help_text="Was the lead contacted before the decision?")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()
    corrects = models.OneToOneField("self", on_delete=models.PROTECT, null=True, related_name="corrected_by")

    objects = DispositionQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["handoff"], condition=Q(corrects__isnull=True), name="one_disposition"),
            models.CheckConstraint(
                name="rejection_has_reason",
                condition=Q(kind="accept", reason__isnull=True) | Q(kind="reject", reason__isnull=False),
            ),
            models.CheckConstraint(
                name="sub_reason_has_reason", condition=Q(sub_reason__isnull=True) | Q(reason__isnull=False)
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["at", "kind"], name="disposition_by_time")]
        triggers: ClassVar = [append_only("dispositions_stay"), AuditTrigger(personal=["note", "missing", "by_name"])]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.handoff}"

    @property
    def reason_text(self) -> str:
        """Return the reason with its detail, for people; empty for an acceptance."""
        return write_reason(self.reason_label, self.sub_reason_label)


class PendingDecision(models.Model):
    """A decision that is not final yet: for a few seconds it can be undone, then a sweep makes it a disposition."""

    handoff = models.OneToOneField(Handoff, on_delete=models.PROTECT, related_name="pending_decision")
    kind = models.CharField(max_length=8, choices=DispositionKind.choices)
    reason = models.ForeignKey(ReasonCode, on_delete=models.PROTECT, null=True, related_name="+")
    sub_reason = models.ForeignKey(SubReason, on_delete=models.PROTECT, null=True, related_name="+")
    note = models.CharField(max_length=1000, blank=True)
    missing = models.CharField(max_length=500, blank=True)
    reengage_on = models.DateField(null=True)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()
    final_at = models.DateTimeField()

    class Meta:
        # For undo_window.finish_due.
        indexes: ClassVar = [models.Index(fields=["final_at", "id"], name="pending_decision_due")]
        triggers: ClassVar = [pgtrigger.ReadOnly(name="pending_decision_is_frozen", exclude=["final_at"])]

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
