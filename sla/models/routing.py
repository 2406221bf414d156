"""Routing rules, and the decision that each routing of a handoff recorded."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models

from leads.models import append_only
from leads.vocabulary import Motion
from sla.models.handoff import Handoff
from sla.models.team import NAME_AT_MOST, Rep, Team


class RoutingRule(models.Model):
    """A routing rule. Rules apply in order of position, and the first match names the team; empty conditions match anything."""

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


class RoutingDecision(models.Model):
    """The rep who got a handoff and why, with a trace rule by rule."""

    handoff = models.ForeignKey(Handoff, on_delete=models.PROTECT, related_name="routing_decisions")
    at = models.DateTimeField()
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        related_name="+",
        help_text="Empty: Accord itself.",
    )
    rep = models.ForeignKey(Rep, on_delete=models.PROTECT, null=True, related_name="+")
    rep_name = models.CharField(max_length=NAME_AT_MOST, blank=True, default="", db_default="")
    explanation = models.CharField(max_length=300)
    trace = models.JSONField(default=list)

    class Meta:
        triggers: ClassVar = [append_only("routing_decisions_stay")]

    def __str__(self) -> str:
        return self.explanation
