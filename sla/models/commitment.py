"""How leads are routed, what was promised, and the reasons there are to reject."""

from __future__ import annotations

from typing import ClassVar

import pgtrigger
from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from leads.models import FrozenOnce
from leads.vocabulary import Motion
from sla.models.team import Team
from sla.vocabulary import (
    CommitmentState,
    Family,
    Route,
)


class RoutingRule(models.Model):
    """In order of position; the first that matches names the team. Empty conditions match anything."""

    position = models.PositiveSmallIntegerField(unique=True)
    name = models.CharField(max_length=120)
    countries = ArrayField(models.CharField(max_length=64), default=list, blank=True)
    regions = ArrayField(models.CharField(max_length=64), default=list, blank=True)
    industries = ArrayField(models.CharField(max_length=120), default=list, blank=True)
    sources = ArrayField(models.CharField(max_length=120), default=list, blank=True)
    tiers = ArrayField(models.PositiveSmallIntegerField(), default=list, blank=True)
    domains = ArrayField(models.CharField(max_length=253), default=list, blank=True, help_text="Named accounts.")
    employees_at_least = models.PositiveIntegerField(null=True, blank=True)
    employees_at_most = models.PositiveIntegerField(null=True, blank=True)
    motion = models.CharField(max_length=3, choices=Motion.choices, blank=True)
    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="rules")
    is_active = models.BooleanField(default=True)

    def __str__(self) -> str:
        return f"{self.position}. {self.name}"


class Commitment(models.Model):
    """A version of what each side promised. A handoff is judged by the one in force when it was created."""

    number = models.PositiveSmallIntegerField(unique=True)
    state = models.CharField(max_length=8, choices=CommitmentState.choices, default=CommitmentState.DRAFT)
    route_minutes = models.PositiveSmallIntegerField(default=5)
    contact_minutes = models.PositiveSmallIntegerField(default=30, help_text="Business minutes to the first contact.")
    contact_minutes_tier_1 = models.PositiveSmallIntegerField(default=5)
    disposition_hours = models.PositiveSmallIntegerField(default=24, help_text="Hours to accept or reject.")
    attempts_before_unresponsive = models.PositiveSmallIntegerField(default=6)
    recycle_days = models.PositiveSmallIntegerField(default=90)
    tier_3_nurture_days = models.PositiveSmallIntegerField(
        default=14,
        # What was signed before there was this term said nothing of it: those leads went straight to sales.
        db_default=0,
        help_text="Days of automated nurture before tier 3 goes to sales; 0: straight to sales.",
    )
    unworked_at_most = models.PositiveSmallIntegerField(
        default=5,
        # What was signed before there was this term said nothing of it.
        db_default=0,
        help_text="Accepted leads without a contact, beyond which a rep gets no more; 0: no limit.",
    )
    mqls_a_month = models.PositiveIntegerField(default=60, help_text="Marketing's volume, from sales capacity.")
    signed_by_marketing = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    signed_by_sales = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    reason = models.TextField(blank=True, help_text="Why these, and not those before.")
    created_at = models.DateTimeField(null=True, blank=True, editable=False)
    activated_at = models.DateTimeField(null=True, blank=True)
    retired_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["state"], condition=Q(state="active"), name="one_active_commitment"),
            models.CheckConstraint(
                name="active_commitment_is_signed",
                condition=Q(state="draft")
                | (
                    Q(signed_by_marketing__isnull=False, signed_by_sales__isnull=False)
                    & ~Q(signed_by_marketing=F("signed_by_sales"))
                ),
            ),
        ]
        triggers: ClassVar = [
            pgtrigger.Protect(
                name="commitment_is_kept", operation=pgtrigger.Delete, condition=~pgtrigger.Q(old__state="draft")
            ),
            FrozenOnce(
                name="commitment_is_immutable",
                exclude=["state", "retired_at"],
                condition=~pgtrigger.Q(old__state="draft"),
            ),
        ]

    def __str__(self) -> str:
        return f"Commitments v{self.number}"


class ReasonCode(models.Model):
    """Why a lead was rejected, and what follows (SPEC 7). Retired reasons stay, unoffered."""

    code = models.SlugField(max_length=64, unique=True)
    label = models.CharField(max_length=120)
    family = models.CharField(max_length=10, choices=Family.choices)
    route = models.CharField(max_length=20, choices=Route.choices)
    hint = models.CharField(max_length=200, blank=True, help_text="What it says about the definition.")
    position = models.PositiveSmallIntegerField(default=0)
    needs_note = models.BooleanField(default=False)
    needs_attempts = models.BooleanField(default=False, help_text="Only after the promised number of attempts.")
    is_offered = models.BooleanField(default=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                name="timing_recycles",
                condition=~Q(family="timing") | Q(route="recycle"),
                violation_error_message="Leads rejected for their timing come back: a reason of the family “Timing” sends them to nurture.",
            )
        ]

    def __str__(self) -> str:
        return self.label

    @property
    def recycles(self) -> bool:
        return self.route == Route.RECYCLE
