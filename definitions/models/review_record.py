"""The record of a review beside its evidence: who takes part, the checklist, the gaps and the steps (rules 8.28 to 8.31)."""

from __future__ import annotations

from typing import ClassVar

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import Q

from definitions.models.definition import Version
from definitions.models.review import Review
from definitions.models.review_guards import undecided_only_trigger
from definitions.vocabulary import ReviewSeat, ReviewStepKind
from leads.models import append_only


class ReviewParticipant(models.Model):
    """A person at the table of a review, in one seat. A removed one stays as a row, with when and by whom."""

    review = models.ForeignKey(Review, on_delete=models.PROTECT, related_name="participants")
    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    seat = models.CharField(max_length=16, choices=ReviewSeat.choices)
    is_new_leader = models.BooleanField(default=False, help_text="Acknowledges the definition in a reconciliation.")
    added_at = models.DateTimeField()
    added_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        related_name="+",
        help_text="Empty: Accord itself.",
    )
    removed_at = models.DateTimeField(null=True)
    removed_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["review", "person"], condition=Q(removed_at__isnull=True), name="participant_once_a_review"
            ),
            models.UniqueConstraint(
                fields=["review"],
                condition=Q(is_new_leader=True, removed_at__isnull=True),
                name="one_new_leader_a_review",
            ),
            models.CheckConstraint(
                name="participant_removed_whole",
                condition=Q(removed_at__isnull=True, removed_by__isnull=True)
                | Q(removed_at__isnull=False, removed_by__isnull=False),
            ),
            models.CheckConstraint(
                name="new_leader_has_leaders_seat",
                condition=Q(is_new_leader=False) | Q(seat__in=["marketing", "sales"]),
            ),
        ]
        triggers: ClassVar = [
            pgtrigger.Protect(name="participants_stay", operation=pgtrigger.Delete),
            pgtrigger.ReadOnly(name="participant_is_kept", exclude=["removed_at", "removed_by"]),
            pgtrigger.Protect(
                name="participant_is_removed_once",
                operation=pgtrigger.Update,
                condition=pgtrigger.Q(old__removed_at__isnull=False),
            ),
            undecided_only_trigger("participants_until_decision", pgtrigger.Insert | pgtrigger.Update),
        ]

    def __str__(self) -> str:
        return f"{self.person} ({self.get_seat_display()})"


class ReviewChecklistPoint(models.Model):
    """A point of a review's checklist, as it read when the review was opened, and its tick."""

    review = models.ForeignKey(Review, on_delete=models.PROTECT, related_name="checklist", db_index=False)
    place = models.PositiveSmallIntegerField()
    text = models.CharField(max_length=300)
    is_required = models.BooleanField(default=False, help_text="The review is not decided without it.")
    ticked_at = models.DateTimeField(null=True)
    ticked_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["review", "place"], name="checklist_place_once"),
            models.CheckConstraint(
                name="checklist_ticked_whole",
                condition=Q(ticked_at__isnull=True, ticked_by__isnull=True)
                | Q(ticked_at__isnull=False, ticked_by__isnull=False),
            ),
        ]
        triggers: ClassVar = [
            pgtrigger.Protect(name="checklists_stay", operation=pgtrigger.Delete),
            pgtrigger.ReadOnly(name="checklist_is_kept", exclude=["ticked_at", "ticked_by"]),
            undecided_only_trigger("ticks_until_decision", pgtrigger.Insert | pgtrigger.Update),
        ]

    def __str__(self) -> str:
        return self.text


class ReviewGap(models.Model):
    """Something that the definition lacks, who sees to it until when, and how it was closed.

    It may be closed after the decision: the version that closes it comes later.
    """

    review = models.ForeignKey(Review, on_delete=models.PROTECT, related_name="gaps")
    missing = models.CharField(max_length=500)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    due_on = models.DateField()
    added_at = models.DateTimeField()
    added_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    closed_at = models.DateTimeField(null=True)
    closed_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    closed_in = models.ForeignKey(Version, on_delete=models.PROTECT, null=True, related_name="+")
    closing_note = models.CharField(max_length=500, blank=True, help_text="How it was closed without a version.")

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(name="gap_says_what_is_missing", condition=~Q(missing="")),
            models.CheckConstraint(
                name="gap_closed_whole",
                condition=Q(closed_at__isnull=True, closed_by__isnull=True, closed_in__isnull=True, closing_note="")
                | (
                    Q(closed_at__isnull=False, closed_by__isnull=False)
                    & (Q(closed_in__isnull=False) | ~Q(closing_note=""))
                ),
            ),
        ]
        triggers: ClassVar = [
            pgtrigger.Protect(name="gaps_stay", operation=pgtrigger.Delete),
            pgtrigger.ReadOnly(name="gap_is_kept", exclude=["closed_at", "closed_by", "closed_in", "closing_note"]),
            pgtrigger.Protect(
                name="gap_closes_once", operation=pgtrigger.Update, condition=pgtrigger.Q(old__closed_at__isnull=False)
            ),
            undecided_only_trigger("gaps_until_decision", pgtrigger.Insert),
        ]

    def __str__(self) -> str:
        return self.missing


class ReviewStep(models.Model):
    """A step of a review between its opening and its decision: who took it, when and why. Append-only.

    `person` is the decider of an escalation, `meets_at` the instant of a meeting.
    """

    review = models.ForeignKey(Review, on_delete=models.PROTECT, related_name="steps")
    kind = models.CharField(max_length=16, choices=ReviewStepKind.choices)
    at = models.DateTimeField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    why = models.TextField(blank=True)
    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    meets_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                name="review_step_says_why",
                condition=Q(kind__in=["acknowledged", "meeting"]) | ~Q(why=""),
            ),
            models.CheckConstraint(
                name="review_step_names_decider",
                condition=Q(kind="escalated", person__isnull=False) | (~Q(kind="escalated") & Q(person__isnull=True)),
            ),
            models.CheckConstraint(
                name="review_step_names_meeting",
                condition=Q(kind="meeting", meets_at__isnull=False) | (~Q(kind="meeting") & Q(meets_at__isnull=True)),
            ),
        ]
        triggers: ClassVar = [
            append_only("review_steps_stay"),
            undecided_only_trigger("review_steps_until_decision", pgtrigger.Insert),
        ]

    def __str__(self) -> str:
        return f"{self.review}: {self.get_kind_display()}"


class ReviewCalendarLink(models.Model):
    """A person's private address of the calendar of reviews; only a digest of its secret is kept (rules 8.34)."""

    person = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    digest = models.CharField(max_length=64, unique=True, editable=False)
    issued_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"Calendar of {self.person}"
