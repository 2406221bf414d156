"""Leads and companies that qualified; each row is also their cycle."""

from __future__ import annotations

import datetime as dt
from typing import ClassVar, Final

import pgtrigger
from django.db import models
from django.db.models import Q

from definitions.models import Definition, Version
from leads.models import Company, Lead
from leads.vocabulary import Motion

#: Facts known within this time are not called late on pages: it is how long a busy hour or a short outage takes.
LATE_FROM: Final = dt.timedelta(minutes=15)


class QualificationQuerySet(models.QuerySet["Qualification"]):
    """Queries for MQLs."""

    def waiting(self) -> QualificationQuerySet:
        """Return the MQLs that the app above has not taken yet."""
        return self.filter(taken_at__isnull=True)

    def open(self) -> QualificationQuerySet:
        """Return the MQLs whose cycle is open."""
        return self.filter(closed_at__isnull=True)


class Qualification(models.Model):
    """An MQL: a lead that met a version at an instant, with the reasons frozen as they were.

    By `taken_at` the app above finds its work. The row is also the cycle (rules 6.1): until `closed_at` the lead cannot
    qualify again under the same motion; afterwards only on newer activity, and not before `reenter_at` unless it raises
    its hand.
    """

    id = models.BigAutoField(primary_key=True)
    lead = models.ForeignKey(Lead, on_delete=models.PROTECT, related_name="qualifications")
    definition = models.ForeignKey(Definition, on_delete=models.PROTECT, related_name="+")
    version = models.ForeignKey(Version, on_delete=models.PROTECT, related_name="qualifications")
    motion = models.CharField(max_length=3, choices=Motion.choices)
    cycle = models.PositiveSmallIntegerField(default=1)
    at = models.DateTimeField()
    recorded_at = models.DateTimeField()
    tier = models.PositiveSmallIntegerField()
    is_hot = models.BooleanField()
    fit = models.FloatField()
    engagement = models.FloatField()
    bant = models.FloatField()
    why = models.CharField(max_length=300, help_text="One line for the queue.")
    evidence = models.JSONField(help_text="The explanation as of `at` (scoring.engine), never recomputed.")

    taken_at = models.DateTimeField(null=True, blank=True)
    closed_at = models.DateTimeField(null=True, blank=True)
    reenter_at = models.DateTimeField(null=True, blank=True)

    objects = QualificationQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["lead", "motion"], condition=Q(closed_at__isnull=True), name="one_open_qualification"
            ),
            models.UniqueConstraint(fields=["lead", "motion", "cycle"], name="qualification_cycle_once"),
            models.CheckConstraint(name="qualification_tier", condition=Q(tier__in=[1, 2, 3])),
        ]
        indexes: ClassVar = [
            # Read by sla.handoffs.creation: the next MQL to hand off, in the order of tiers.
            models.Index(fields=["tier", "id"], name="qualification_waiting", condition=Q(taken_at__isnull=True)),
            # Read by replays: the MQLs made under a version.
            models.Index(fields=["version", "at"], name="qualification_by_version"),
            # Read by reports: the MQLs of a period.
            models.Index(fields=["motion", "at"], name="qualification_by_motion"),
        ]
        triggers: ClassVar = [
            pgtrigger.Protect(name="qualifications_stay", operation=pgtrigger.Delete),
            pgtrigger.ReadOnly(name="qualification_is_frozen", exclude=["taken_at", "closed_at", "reenter_at"]),
        ]

    def __str__(self) -> str:
        return f"{self.lead} ({self.motion} {self.at:%Y-%m-%d})"

    @property
    def is_recorded_late(self) -> bool:
        """Return whether Accord learned long after the instant that the lead qualified."""
        return self.recorded_at - self.at >= LATE_FROM


class AccountQualificationQuerySet(models.QuerySet["AccountQualification"]):
    """Queries for companies that qualified."""

    def waiting(self) -> AccountQualificationQuerySet:
        """Return those that the app above has not taken yet."""
        return self.filter(taken_at__isnull=True)


class AccountQualification(models.Model):
    """An AQL: a company that met a version of the motion AQL at an instant, with the reasons frozen as they were.

    By `taken_at` the app above finds its work. The row is also the cycle: until `closed_at` the company cannot qualify
    again; afterwards only on newer activity, and not before `reenter_at`. It is no lead, and counts in no figure of leads.
    """

    id = models.BigAutoField(primary_key=True)
    company = models.ForeignKey(Company, on_delete=models.PROTECT, related_name="account_qualifications")
    definition = models.ForeignKey(Definition, on_delete=models.PROTECT, related_name="+")
    version = models.ForeignKey(Version, on_delete=models.PROTECT, related_name="account_qualifications")
    cycle = models.PositiveSmallIntegerField(default=1)
    at = models.DateTimeField()
    recorded_at = models.DateTimeField()
    tier = models.PositiveSmallIntegerField()
    contacts = models.PositiveSmallIntegerField(help_text="The different contacts that were engaged.")
    why = models.CharField(max_length=300, help_text="One line for lists.")
    evidence = models.JSONField(help_text="The judgement as of `at` (scoring.account_judgement), never recomputed.")

    taken_at = models.DateTimeField(null=True, blank=True)
    closed_at = models.DateTimeField(null=True, blank=True)
    reenter_at = models.DateTimeField(null=True, blank=True)
    is_barred = models.BooleanField(default=False, help_text="Sales ruled the company out: it does not qualify again.")

    objects = AccountQualificationQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["company"], condition=Q(closed_at__isnull=True), name="one_open_account_qualification"
            ),
            models.UniqueConstraint(fields=["company", "cycle"], name="account_cycle_once"),
            models.CheckConstraint(name="account_qualification_tier", condition=Q(tier__in=[1, 2])),
        ]
        indexes: ClassVar = [
            # Read by sla.plays.play_creation: the next company to make a play of.
            models.Index(fields=["tier", "id"], name="account_waiting", condition=Q(taken_at__isnull=True)),
        ]
        triggers: ClassVar = [
            pgtrigger.Protect(name="account_qualifications_stay", operation=pgtrigger.Delete),
            pgtrigger.ReadOnly(
                name="account_qualification_is_frozen", exclude=["taken_at", "closed_at", "reenter_at", "is_barred"]
            ),
        ]

    def __str__(self) -> str:
        return f"{self.company} (aql {self.at:%Y-%m-%d})"
