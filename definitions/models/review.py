from __future__ import annotations

from typing import ClassVar

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import Q

from definitions.models.definition import Definition, Version
from definitions.vocabulary import ReviewKind, ReviewTrigger
from leads.models import append_only


class ReviewQuerySet(models.QuerySet["Review"]):
    def undecided(self) -> ReviewQuerySet:
        return self.filter(decided_at__isnull=True)


class Review(models.Model):
    """A review of the agreement: its trigger, the evidence frozen at opening, and the decision (rules 8.1)."""

    definition = models.ForeignKey(Definition, on_delete=models.PROTECT, related_name="reviews")
    version = models.ForeignKey(
        Version, on_delete=models.PROTECT, null=True, related_name="+", help_text="In force at opening."
    )
    trigger = models.CharField(max_length=24, choices=ReviewTrigger.choices)
    cause = models.CharField(
        max_length=100,
        blank=True,
        default="",
        db_default="",
        help_text="What caused it, where a trigger has several causes: a source, a campaign, a score band.",
    )
    kind = models.CharField(max_length=16, choices=ReviewKind.choices)
    title = models.CharField(max_length=200)
    proposal = models.TextField(blank=True)
    evidence = models.JSONField(default=dict)
    opened_at = models.DateTimeField()
    opened_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        related_name="+",
        help_text="Empty: Accord itself.",
    )
    decided_at = models.DateTimeField(null=True, blank=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    decision = models.TextField(blank=True)
    reasoning = models.TextField(blank=True)
    led_to = models.ForeignKey(Version, on_delete=models.PROTECT, null=True, blank=True, related_name="+")

    objects = ReviewQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["definition", "trigger", "cause"],
                condition=Q(decided_at__isnull=True, opened_by__isnull=True),
                name="one_open_review_a_cause",
            ),
            models.CheckConstraint(
                name="review_decided_whole",
                condition=Q(decided_at__isnull=True, decided_by__isnull=True, decision="")
                | (Q(decided_at__isnull=False, decided_by__isnull=False) & ~Q(decision="") & ~Q(reasoning="")),
            ),
        ]
        triggers: ClassVar = [
            pgtrigger.Protect(name="reviews_stay", operation=pgtrigger.Delete),
            pgtrigger.ReadOnly(
                name="review_evidence_stays", exclude=["decided_at", "decided_by", "decision", "reasoning", "led_to"]
            ),
            pgtrigger.Protect(
                name="review_decision_stays",
                operation=pgtrigger.Update,
                condition=pgtrigger.Q(old__decided_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return self.title


class ReviewEvidence(models.Model):
    """Further evidence of an open review: a condition that persists adds a row here instead of a second review."""

    review = models.ForeignKey(Review, on_delete=models.PROTECT, related_name="further_evidence")
    period = models.CharField(max_length=32)
    evidence = models.JSONField()
    at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["review", "period"], name="evidence_once_a_period")]
        triggers: ClassVar = [append_only("review_evidence_rows_stay")]

    def __str__(self) -> str:
        return f"{self.review}: {self.period}"
