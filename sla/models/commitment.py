"""The commitments of sales and marketing, versioned and signed."""

from __future__ import annotations

from typing import ClassVar

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import F, Q

from config.audit.triggers import AuditTrigger
from definitions.models import Version
from leads.models import FrozenOnce
from leads.vocabulary import Motion
from sla.models.record_guards import guard_moves
from sla.vocabulary import COMMITMENT_MOVES, Channel, CommitmentState


class Commitment(models.Model):
    """A version of what each side promised about one motion (rules 2.7, 6.18).

    A handoff is measured by the version of its motion that was in force when it was created.
    """

    motion = models.CharField(max_length=3, choices=Motion.choices, default=Motion.MQL)
    number = models.PositiveSmallIntegerField()
    state = models.CharField(max_length=8, choices=CommitmentState.choices, default=CommitmentState.DRAFT)
    route_minutes = models.PositiveSmallIntegerField(default=5)
    contact_minutes = models.PositiveSmallIntegerField(default=30, help_text="Business minutes to the first contact.")
    contact_minutes_tier_1 = models.PositiveSmallIntegerField(default=5)
    disposition_hours = models.PositiveSmallIntegerField(default=24, help_text="Hours to accept or reject.")
    attempts_before_unresponsive = models.PositiveSmallIntegerField(default=6)
    attempts_working_days = models.PositiveSmallIntegerField(
        default=5,
        # Holds for versions signed before this term existed, too: six attempts of one minute are none.
        db_default=5,
        help_text="Different working days on which those attempts lie, at least.",
    )
    attempts_channels = models.PositiveSmallIntegerField(
        default=1, db_default=1, help_text="Different channels that those attempts use, at least."
    )
    recycle_days = models.PositiveSmallIntegerField(default=90)
    tier_3_nurture_days = models.PositiveSmallIntegerField(
        default=14,
        # Versions signed before this term existed did not have it: their tier 3 leads went straight to sales.
        db_default=0,
        help_text="Days of automated nurture before tier 3 goes to sales; 0: straight to sales.",
    )
    unworked_at_most = models.PositiveSmallIntegerField(
        default=5,
        # Versions signed before this term existed did not have it: they set no limit.
        db_default=0,
        help_text="Accepted leads without a contact, beyond which a rep gets no more; 0: no limit.",
    )
    mqls_a_month = models.PositiveIntegerField(
        default=60, help_text="Marketing's volume in this motion, from sales capacity."
    )
    opportunity_percent = models.PositiveSmallIntegerField(
        # Versions signed before this term existed agreed on no target.
        null=True,
        help_text="Of those, percent that become opportunities; the days for it are the catalogue's (MQL→opportunity).",
    )
    # The minutes of an attempt by channel, for estimates of the time that goes into leads; empty: none are agreed.
    call_minutes = models.PositiveSmallIntegerField(null=True, blank=True)
    email_minutes = models.PositiveSmallIntegerField(null=True, blank=True)
    linkedin_minutes = models.PositiveSmallIntegerField(null=True, blank=True)
    sms_minutes = models.PositiveSmallIntegerField(null=True, blank=True)
    meeting_minutes = models.PositiveSmallIntegerField(null=True, blank=True)
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
            models.UniqueConstraint(fields=["motion", "number"], name="commitment_number_once"),
            models.UniqueConstraint(fields=["motion"], condition=Q(state="active"), name="one_active_commitment"),
            models.CheckConstraint(
                name="opportunity_target_is_percent",
                condition=Q(opportunity_percent__isnull=True)
                | Q(opportunity_percent__gte=1, opportunity_percent__lte=100),
            ),
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
            guard_moves("commitment_moves", COMMITMENT_MOVES),
            FrozenOnce(
                name="commitment_retires_once",
                fields=["retired_at"],
                condition=~pgtrigger.Q(old__state="active", new__state="retired"),
            ),
            AuditTrigger(personal=["reason"]),
        ]

    def __str__(self) -> str:
        return f"{self.motion.upper()} commitments v{self.number}"

    @property
    def minutes_by_channel(self) -> dict[Channel, int]:
        """Return the agreed minutes of an attempt; channels for which none are agreed are missing."""
        minutes = {channel: getattr(self, f"{channel}_minutes") for channel in Channel}
        return {channel: number for channel, number in minutes.items() if number is not None}

    @property
    def days_before_unresponsive(self) -> int:
        """Return the working days on which the attempts lie at least: never more than there are attempts."""
        return min(self.attempts_working_days, self.attempts_before_unresponsive)


class PromiseSimulation(models.Model):
    """The outlook of a promise before it is made: of drafted commitments, or of a version before its activation (rules 12.39)."""

    commitment = models.ForeignKey(Commitment, on_delete=models.CASCADE, null=True, related_name="simulations")
    version = models.ForeignKey(Version, on_delete=models.CASCADE, null=True, related_name="promise_simulations")
    motion = models.CharField(max_length=3, choices=Motion.choices)
    stamp = models.CharField(max_length=40, help_text="Of the terms and the volume: others make a new row.")
    week = models.CharField(max_length=8, help_text="As 2026-W10: calendars and absences are those of its day.")
    result = models.JSONField()
    at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                name="simulation_of_one_draft",
                condition=Q(commitment__isnull=False, version__isnull=True)
                | Q(commitment__isnull=True, version__isnull=False),
            ),
            models.UniqueConstraint(
                fields=["commitment", "version", "stamp", "week"],
                nulls_distinct=False,
                name="simulation_once_a_week",
            ),
        ]
        triggers: ClassVar = [pgtrigger.ReadOnly(name="promise_simulation_is_frozen")]

    def __str__(self) -> str:
        return f"{self.commitment or self.version} {self.week}"
