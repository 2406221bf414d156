from __future__ import annotations

import datetime as dt
from typing import ClassVar, Final

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import Q

from definitions.models.definition import Definition, Version
from definitions.models.review_guards import DECIDED_WHOLE, STATE_HAS_ITS_STEP, undecided_only_trigger
from definitions.vocabulary import ReviewKind, ReviewState, ReviewTrigger
from leads.models import append_only

#: Columns that change after the opening, until the decision; a trigger refuses updates of all others.
_LIVING_COLUMNS: Final = [
    *("decided_at", "decided_by", "decision", "reasoning", "led_to"),
    *("escalated_to", "blocked_on", "meets_at"),
]


class ReviewQuerySet(models.QuerySet["Review"]):
    def undecided(self) -> ReviewQuerySet:
        return self.filter(decided_at__isnull=True)

    def in_state(self, state: str) -> ReviewQuerySet:
        """Filter by ReviewState, as `Review.state` derives it."""
        if state == ReviewState.DECIDED:
            return self.filter(decided_at__isnull=False)
        if state == ReviewState.BLOCKED:
            return self.undecided().exclude(blocked_on="")
        return self.undecided().filter(blocked_on="", escalated_to__isnull=state != ReviewState.ESCALATED)


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
    escalated_to = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        db_index=False,
        help_text="The named decider; empty: the leaders decide.",
    )
    blocked_on = models.TextField(
        blank=True, default="", db_default="", help_text="What is wrong with the data; empty: not blocked."
    )
    meets_at = models.DateTimeField(null=True, blank=True)
    request_key = models.CharField(
        max_length=64,
        blank=True,
        default="",
        db_default="",
        help_text="Of the form or call that opened it: sent twice, it opens one review.",
    )

    objects = ReviewQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["definition", "trigger", "cause"],
                condition=Q(decided_at__isnull=True, opened_by__isnull=True),
                name="one_open_review_a_cause",
            ),
            models.UniqueConstraint(
                fields=["opened_by", "request_key"], condition=~Q(request_key=""), name="review_opened_once_a_request"
            ),
            models.CheckConstraint(
                name="review_decided_whole",
                condition=Q(decided_at__isnull=True, decided_by__isnull=True, decision="")
                | (Q(decided_at__isnull=False, decided_by__isnull=False) & ~Q(decision="") & ~Q(reasoning="")),
            ),
        ]
        triggers: ClassVar = [
            pgtrigger.Protect(name="reviews_stay", operation=pgtrigger.Delete),
            pgtrigger.ReadOnly(name="review_evidence_stays", exclude=_LIVING_COLUMNS),
            pgtrigger.Protect(
                name="review_decision_stays",
                operation=pgtrigger.Update,
                condition=pgtrigger.Q(old__decided_at__isnull=False),
            ),
            pgtrigger.Trigger(
                name="review_decided_in_order",
                when=pgtrigger.Before,
                operation=pgtrigger.Update,
                condition=pgtrigger.Q(old__decided_at__isnull=True, new__decided_at__isnull=False),
                func=DECIDED_WHOLE,
            ),
            pgtrigger.Trigger(
                name="review_state_has_step",
                when=pgtrigger.Before,
                operation=pgtrigger.Update,
                func=STATE_HAS_ITS_STEP,
            ),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def state(self) -> ReviewState:
        if self.decided_at is not None:
            return ReviewState.DECIDED
        if self.blocked_on:
            return ReviewState.BLOCKED
        return ReviewState.OPEN if self.escalated_to_id is None else ReviewState.ESCALATED

    @property
    def due_at(self) -> dt.datetime:
        """The instant by which it should be decided (rules 8.32)."""
        return self.opened_at + dt.timedelta(days=ReviewKind(self.kind).days)

    def is_overdue(self, now: dt.datetime) -> bool:
        """Return whether it waits for its decision after its day. A review that is blocked on data waits for the data."""
        return self.decided_at is None and not self.blocked_on and self.due_at <= now


class ReviewEvidence(models.Model):
    """Further evidence of an open review: a condition that persists adds a row here instead of a second review."""

    review = models.ForeignKey(Review, on_delete=models.PROTECT, related_name="further_evidence")
    period = models.CharField(max_length=32)
    evidence = models.JSONField()
    at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["review", "period"], name="evidence_once_a_period")]
        triggers: ClassVar = [
            append_only("review_evidence_rows_stay"),
            undecided_only_trigger("review_evidence_until_decision", pgtrigger.Insert),
        ]

    def __str__(self) -> str:
        return f"{self.review}: {self.period}"
