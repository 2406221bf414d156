"""The monthly question to sales on how good its leads are (rules 12.64, 12.65)."""

from __future__ import annotations

from typing import ClassVar

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import F, Q

from sla.models.team import Team


class SatisfactionQuestion(models.Model):
    """The question to a person in a month, and the answer, which may be changed until the month ends.

    `team` is that of the day of the question; empty for managers. Who answered what is for no page.
    """

    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    month = models.CharField(max_length=7, help_text="As 2026-03, in the company's calendar.")
    team = models.ForeignKey(Team, on_delete=models.PROTECT, null=True, related_name="+")
    asked_at = models.DateTimeField()
    closes_at = models.DateTimeField(help_text="The end of the month: no answer is taken any more.")
    score = models.PositiveSmallIntegerField(null=True)
    sentence = models.CharField(max_length=300, blank=True)
    answered_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["person", "month"], name="satisfaction_asked_once"),
            models.CheckConstraint(name="satisfaction_from_1_to_5", condition=Q(score__range=(1, 5))),
            models.CheckConstraint(
                name="satisfaction_answered_whole",
                condition=Q(score__isnull=True, answered_at__isnull=True, sentence="")
                | Q(score__isnull=False, answered_at__isnull=False),
            ),
            models.CheckConstraint(
                name="satisfaction_answered_in_time",
                condition=Q(answered_at__gte=F("asked_at"), answered_at__lt=F("closes_at")),
            ),
        ]
        triggers: ClassVar = [
            pgtrigger.Protect(name="satisfaction_stays", operation=pgtrigger.Delete),
            pgtrigger.ReadOnly(
                name="satisfaction_question_stays", fields=["person", "month", "team", "asked_at", "closes_at"]
            ),
            pgtrigger.Protect(
                name="satisfaction_answer_stays",
                operation=pgtrigger.Update,
                condition=pgtrigger.Q(old__score__isnull=False, new__score__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return f"Satisfaction of {self.month}"
