"""Figures that are kept as a trend."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import F, Q

from definitions.models import Definition, Version
from leads.models import append_only
from leads.vocabulary import Motion


class QuarterCoverage(models.Model):
    """The coverage of the version in force on the wins of a closed quarter (rules 8.17).

    `covered` of the `wins` had qualified before they were won; `outside_gate` of them failed the gate when they were won. `wins`
    are those of the definition's scope; `outside_scopes` more lie in no scope of its motion and are left out (rules 8.36).
    """

    definition = models.ForeignKey(Definition, on_delete=models.PROTECT, related_name="+")
    version = models.ForeignKey(Version, on_delete=models.PROTECT, related_name="+")
    quarter = models.CharField(max_length=7, help_text="As 2026-Q1, in the company's calendar.")
    wins = models.PositiveIntegerField()
    covered = models.PositiveIntegerField()
    outside_gate = models.PositiveIntegerField()
    outside_scopes = models.PositiveIntegerField(default=0, db_default=0)
    at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["definition", "quarter"], name="coverage_once_a_quarter"),
            models.CheckConstraint(
                name="coverage_is_of_the_wins", condition=Q(covered__lte=F("wins"), outside_gate__lte=F("wins"))
            ),
        ]
        triggers: ClassVar = [append_only("quarter_coverages_stay")]

    def __str__(self) -> str:
        return f"{self.definition} {self.quarter}: {self.covered} of {self.wins}"


class WeeklyForecast(models.Model):
    """The forecast of a motion's pipeline as made for a week, with the backtest of that day (rules 12.33)."""

    motion = models.CharField(max_length=3, choices=Motion.choices)
    week = models.CharField(max_length=8, help_text="As 2026-W10, in the company's calendar.")
    method = models.PositiveSmallIntegerField(help_text="The number of the method; a changed method makes a new row.")
    cutoff_at = models.DateTimeField(help_text="The beginning of the week: nothing recorded later was used.")
    result = models.JSONField()
    at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["motion", "week", "method"], name="forecast_once_a_week")
        ]
        triggers: ClassVar = [append_only("weekly_forecasts_stay")]

    def __str__(self) -> str:
        return f"{self.motion.upper()} {self.week}"


class RejectionDigest(models.Model):
    """The rejections of a definition in a closed month, as they stood when its leaders were told of them (rules 12.45).

    `reasons` are the three largest as [{"code", "label", "count"}, …]; `consequence` is the sentence that they lead to.
    """

    definition = models.ForeignKey(Definition, on_delete=models.PROTECT, related_name="+")
    month = models.CharField(max_length=7, help_text="As 2026-03, in the company's calendar.")
    decided = models.PositiveIntegerField()
    rejected = models.PositiveIntegerField()
    reasons = models.JSONField()
    consequence = models.CharField(max_length=500)
    at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["definition", "month"], name="rejection_digest_once_a_month"),
            models.CheckConstraint(
                name="rejection_digest_is_of_decisions", condition=Q(rejected__lte=F("decided"), decided__gt=0)
            ),
        ]
        triggers: ClassVar = [append_only("rejection_digests_stay")]

    def __str__(self) -> str:
        return f"{self.definition} {self.month}: {self.rejected} of {self.decided}"
