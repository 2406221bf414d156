"""The 60-day plan that overhauls a definition: its baseline, ticks and interviews with reps (rules 12.66 to 12.68)."""

from __future__ import annotations

from functools import partial
from typing import ClassVar

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import F, Q

from config.audit.triggers import AuditTrigger
from leads.models import append_only
from leads.vocabulary import Motion
from sla.models.record_guards import guard_ended

_before_end = partial(
    guard_ended, owner="plan", table="sla_overhaulplan", ended_by="ended_at", sentence="this plan has ended"
)


class OverhaulPlan(models.Model):
    """A plan of sixty days for one motion. `baseline` has the figures of the ninety days before it began, as JSON."""

    motion = models.CharField(max_length=3, choices=Motion.choices)
    started_at = models.DateTimeField()
    started_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    baseline = models.JSONField()
    ended_at = models.DateTimeField(null=True)
    ended_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["motion"], condition=Q(ended_at__isnull=True), name="one_overhaul_a_motion"
            ),
            models.CheckConstraint(
                name="overhaul_ended_whole",
                condition=Q(ended_at__isnull=True, ended_by__isnull=True)
                | Q(ended_at__gte=F("started_at"), ended_by__isnull=False),
            ),
        ]
        triggers: ClassVar = [
            pgtrigger.Protect(name="overhauls_stay", operation=pgtrigger.Delete),
            pgtrigger.ReadOnly(
                name="overhaul_baseline_stays", fields=["motion", "started_at", "started_by", "baseline"]
            ),
            pgtrigger.Protect(
                name="overhaul_ends_once",
                operation=pgtrigger.Update,
                condition=pgtrigger.Q(old__ended_at__isnull=False),
            ),
            AuditTrigger(),
        ]

    def __str__(self) -> str:
        return f"{self.motion.upper()} overhaul of {self.started_at:%Y-%m-%d}"


class OverhaulTick(models.Model):
    """A step that a person ticked, because no fact tells that it is done."""

    plan = models.ForeignKey(OverhaulPlan, on_delete=models.PROTECT, related_name="ticks")
    step = models.SlugField(max_length=40)
    note = models.CharField(max_length=500, blank=True)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["plan", "step"], name="overhaul_step_ticked_once")]
        triggers: ClassVar = [
            append_only("overhaul_ticks_stay"),
            _before_end("overhaul_ticks_before_end"),
            AuditTrigger(personal=["note"]),
        ]

    def __str__(self) -> str:
        return self.step


class OverhaulInterview(models.Model):
    """The words of a rep in an interview: about a lead that was good, and one that was bad."""

    plan = models.ForeignKey(OverhaulPlan, on_delete=models.PROTECT, related_name="interviews")
    rep = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    good_lead = models.CharField(max_length=2000)
    bad_lead = models.CharField(max_length=2000)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(name="interview_says_both", condition=~Q(good_lead="") & ~Q(bad_lead=""))
        ]
        triggers: ClassVar = [
            append_only("overhaul_interviews_stay"),
            _before_end("overhaul_interviews_before_end"),
            AuditTrigger(personal=["good_lead", "bad_lead"]),
        ]

    def __str__(self) -> str:
        return f"Interview with {self.rep}"
