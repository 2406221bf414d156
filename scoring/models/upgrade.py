"""Upgrades of MQLs to a better tier."""

from __future__ import annotations

import datetime as dt
from typing import ClassVar

import pgtrigger
from django.db import models
from django.db.models import Q
from django.db.models.expressions import Combinable

from definitions.models import Version
from scoring.models.qualification import LATE_FROM, Qualification


class Upgrade(models.Model):
    """The base of upgrades: rows beside an MQL whose tier turned out to be better.

    `at` is the activity or fact that did it. By `taken_at` the app above finds what to do.
    """

    qualification: models.OneToOneField[Qualification | Combinable, Qualification]
    at: models.DateTimeField[str | dt.datetime | dt.date | Combinable, dt.datetime]
    recorded_at: models.DateTimeField[str | dt.datetime | dt.date | Combinable, dt.datetime]

    class Meta:
        abstract = True

    @property
    def is_recorded_late(self) -> bool:
        """Return whether Accord learned late of what raised the tier, or of something from before the MQL."""
        return self.recorded_at - self.at >= LATE_FROM or self.at <= self.qualification.at


class HotUpgradeQuerySet(models.QuerySet["HotUpgrade"]):
    """Queries for hot upgrades."""

    def waiting(self) -> HotUpgradeQuerySet:
        """Return the hot upgrades that the app above has not dealt with yet."""
        return self.filter(taken_at__isnull=True)


class HotUpgrade(Upgrade):
    """A hot upgrade (rules 6.25): a lead with an open cycle met a hot trigger after it had qualified without one, once a
    cycle.

    `at` is the activity that did it. By `taken_at` the app above finds the handoffs to hurry.
    """

    id = models.BigAutoField(primary_key=True)
    qualification = models.OneToOneField(Qualification, on_delete=models.PROTECT, related_name="hot_upgrade")
    version = models.ForeignKey(Version, on_delete=models.PROTECT, related_name="+", help_text="Whose trigger it met.")
    at = models.DateTimeField()
    recorded_at = models.DateTimeField()
    why = models.CharField(max_length=300, help_text="What the lead did, in one line.")
    evidence = models.JSONField(help_text="The explanation (scoring.engine) as the trigger was met, never recomputed.")

    taken_at = models.DateTimeField(null=True, blank=True)

    objects = HotUpgradeQuerySet.as_manager()

    class Meta:
        indexes: ClassVar = [
            # Read by sla.handoffs.hot_upgrades: the next one to hurry.
            models.Index(fields=["id"], name="hot_upgrade_waiting", condition=Q(taken_at__isnull=True)),
        ]
        triggers: ClassVar = [
            pgtrigger.Protect(name="hot_upgrades_stay", operation=pgtrigger.Delete),
            pgtrigger.ReadOnly(name="hot_upgrade_is_frozen", exclude=["taken_at"]),
        ]

    def __str__(self) -> str:
        return self.why


class TierUpgradeQuerySet(models.QuerySet["TierUpgrade"]):
    """Queries for tier upgrades."""

    def waiting(self) -> TierUpgradeQuerySet:
        """Return the tier upgrades that the app above has not dealt with yet."""
        return self.filter(taken_at__isnull=True)


class TierUpgrade(Upgrade):
    """A tier upgrade (rules 6.34): an MQL of tier 3 turned out to be of tier 2 by all that is known of it, once a cycle.

    `at` is the fact that did it. By `taken_at` the app above finds what to change; the MQL itself stays as it was.
    """

    id = models.BigAutoField(primary_key=True)
    qualification = models.OneToOneField(Qualification, on_delete=models.PROTECT, related_name="tier_upgrade")
    version = models.ForeignKey(Version, on_delete=models.PROTECT, related_name="+", help_text="Whose tiers they are.")
    tier = models.PositiveSmallIntegerField()
    at = models.DateTimeField()
    recorded_at = models.DateTimeField()
    why = models.CharField(max_length=300, help_text="What raised the tier, in one line.")
    evidence = models.JSONField(help_text="The explanation (scoring.engine) as of `at`, never recomputed.")

    taken_at = models.DateTimeField(null=True, blank=True)

    objects = TierUpgradeQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [models.CheckConstraint(name="upgraded_to_tier_2", condition=Q(tier=2))]
        indexes: ClassVar = [
            # Read by sla.handoffs.tier_upgrades: the next handoff to raise.
            models.Index(fields=["id"], name="tier_upgrade_waiting", condition=Q(taken_at__isnull=True)),
        ]
        triggers: ClassVar = [
            pgtrigger.Protect(name="tier_upgrades_stay", operation=pgtrigger.Delete),
            pgtrigger.ReadOnly(name="tier_upgrade_is_frozen", exclude=["taken_at"]),
        ]

    def __str__(self) -> str:
        return self.why
