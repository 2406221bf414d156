"""The return of disqualified leads."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models

from leads.models import Lead, append_only
from scoring.models import HandRaise
from sla.models.disposition import Disposition


class Reinstatement(models.Model):
    """The return of a disqualified lead to marketing, by its own request or by a person (rules 7.20, 7.21)."""

    id = models.BigAutoField(primary_key=True)
    lead = models.ForeignKey(Lead, on_delete=models.PROTECT, related_name="reinstatements")
    disposition = models.ForeignKey(
        Disposition, on_delete=models.PROTECT, null=True, related_name="+", help_text="What had disqualified the lead."
    )
    disqualified_at = models.DateTimeField()
    hand_raise = models.OneToOneField(HandRaise, on_delete=models.PROTECT, null=True, related_name="reinstatement")
    at = models.DateTimeField()
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        related_name="+",
        help_text="Empty: Accord itself.",
    )
    reason = models.CharField(max_length=300)

    class Meta:
        # Read by the pages of the lead and its handoffs.
        indexes: ClassVar = [models.Index(fields=["lead", "at"], name="reinstatement_of_lead")]
        triggers: ClassVar = [append_only("reinstatements_stay")]

    def __str__(self) -> str:
        return f"{self.lead}, {self.at:%Y-%m-%d}"
