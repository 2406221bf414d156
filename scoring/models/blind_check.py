"""Blind checks: people judge the same leads as a version does, without what came later (rules 9.36 to 9.41)."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from definitions.models import Version
from leads.models import Lead, append_only


class BlindCheck(models.Model):
    """A round: the leads of a period, the same for everybody, and the version whose verdicts they are compared with."""

    id = models.BigAutoField(primary_key=True)
    version = models.ForeignKey(Version, on_delete=models.PROTECT, related_name="blind_checks")
    starts_at = models.DateTimeField(help_text="Its leads are judged at instants of the period from here …")
    ends_at = models.DateTimeField(help_text="… up to and without here.")
    made_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    made_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(name="blind_check_period", condition=Q(starts_at__lt=F("ends_at"))),
        ]
        triggers: ClassVar = [append_only("blind_checks_stay")]

    def __str__(self) -> str:
        return f"Blind check of {self.version}, {self.made_at:%Y-%m-%d}"


class BlindCheckLead(models.Model):
    """A lead of a round: what was known of it `at` an instant, as people see it, and whether the version was met by that."""

    id = models.BigAutoField(primary_key=True)
    blind_check = models.ForeignKey(BlindCheck, on_delete=models.PROTECT, related_name="leads", db_index=False)
    position = models.PositiveSmallIntegerField()
    lead = models.ForeignKey(Lead, on_delete=models.PROTECT, related_name="+", db_index=False)
    at = models.DateTimeField()
    facts = models.JSONField(
        help_text="The attributes and events known then; nothing that names the person or company."
    )
    meets = models.BooleanField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["blind_check", "position"], name="blind_check_position_once"),
            models.UniqueConstraint(fields=["blind_check", "lead"], name="blind_check_lead_once"),
        ]
        triggers: ClassVar = [append_only("blind_check_leads_stay")]

    def __str__(self) -> str:
        return f"{self.blind_check_id}: {self.position}"


class BlindCheckAnswer(models.Model):
    """A person's word on a lead of a round, once."""

    id = models.BigAutoField(primary_key=True)
    row = models.ForeignKey(BlindCheckLead, on_delete=models.PROTECT, related_name="answers", db_index=False)
    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    is_qualified = models.BooleanField()
    at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["row", "person"], name="blind_check_answered_once"),
        ]
        triggers: ClassVar = [append_only("blind_check_answers_stay")]

    def __str__(self) -> str:
        return f"{self.person}: {'yes' if self.is_qualified else 'no'}"
