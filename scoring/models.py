from __future__ import annotations

from typing import ClassVar

import pgtrigger
from django.db import models
from django.db.models import Q

from definitions.models import Definition, Version
from leads.models import Lead
from leads.vocabulary import Motion


class Score(models.Model):
    """How a lead last stood under the active version of a definition.

    The axes are those of `as_of`, the lead's latest fact, so that mere decay rewrites no row; pages ask the
    judge for the value of the moment. `meets` and `tier` are those of `judged_at`.
    """

    id = models.BigAutoField(primary_key=True)
    lead = models.ForeignKey(Lead, on_delete=models.CASCADE, related_name="scores")
    definition = models.ForeignKey(Definition, on_delete=models.CASCADE, related_name="+")
    version = models.ForeignKey(Version, on_delete=models.PROTECT, related_name="+", db_index=False)
    as_of = models.DateTimeField()
    fit = models.FloatField()
    engagement = models.FloatField()
    bant = models.FloatField()
    gate = models.SmallIntegerField(help_text="1 passes, 0 fails, -1 unknown.")
    is_disqualified = models.BooleanField()
    meets = models.BooleanField()
    tier = models.PositiveSmallIntegerField(help_text="0: does not meet the definition.")
    judged_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["lead", "definition"], name="one_score_a_definition")]
        indexes: ClassVar = [models.Index(fields=["definition", "-engagement", "-lead"], name="score_by_engagement")]

    def __str__(self) -> str:
        return f"{self.lead}: {self.engagement:g}"


class QualificationQuerySet(models.QuerySet["Qualification"]):
    def waiting(self) -> QualificationQuerySet:
        return self.filter(taken_at__isnull=True)

    def open(self) -> QualificationQuerySet:
        return self.filter(closed_at__isnull=True)


class Qualification(models.Model):
    """An MQL: this lead met this version at this instant, and here is why, frozen as it was.

    Also the row by which the floor above finds the work (`taken_at`), and the cycle (rules 6.1): until `closed_at`
    the lead cannot qualify again under the same motion; afterwards only on newer activity, and not before
    `reenter_at` unless it raises its hand.
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
            models.Index(fields=["tier", "id"], name="qualification_waiting", condition=Q(taken_at__isnull=True)),
            models.Index(fields=["version", "at"], name="qualification_by_version"),
        ]
        triggers: ClassVar = [
            pgtrigger.Protect(name="qualifications_stay", operation=pgtrigger.Delete),
            pgtrigger.ReadOnly(name="qualification_is_frozen", exclude=["taken_at", "closed_at", "reenter_at"]),
        ]

    def __str__(self) -> str:
        return f"{self.lead} ({self.motion} {self.at:%Y-%m-%d})"


class HotUpgradeQuerySet(models.QuerySet["HotUpgrade"]):
    def waiting(self) -> HotUpgradeQuerySet:
        return self.filter(taken_at__isnull=True)


class HotUpgrade(models.Model):
    """A lead whose cycle is open met a hot trigger after it had qualified without one: `at` is when, by what it did.

    Once a cycle. Also the row by which the floor above finds what to hurry (`taken_at`).
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
            models.Index(fields=["id"], name="hot_upgrade_waiting", condition=Q(taken_at__isnull=True)),
        ]
        triggers: ClassVar = [
            pgtrigger.Protect(name="hot_upgrades_stay", operation=pgtrigger.Delete),
            pgtrigger.ReadOnly(name="hot_upgrade_is_frozen", exclude=["taken_at"]),
        ]

    def __str__(self) -> str:
        return self.why
