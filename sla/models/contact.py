"""Contact attempts and notes on a handoff."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q

from leads.models import append_only
from sla.models.handoff import Handoff
from sla.vocabulary import AttemptOutcome, Channel, outcome_label


class Attempt(models.Model):
    """An outbound contact by a person; only these count as contact (rules 6.20)."""

    id = models.BigAutoField(primary_key=True)
    handoff = models.ForeignKey(Handoff, on_delete=models.PROTECT, related_name="attempts")
    at = models.DateTimeField()
    recorded_at = models.DateTimeField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    channel = models.CharField(max_length=10, choices=Channel.choices)
    outcome = models.CharField(max_length=16, choices=AttemptOutcome.choices)
    note = models.CharField(max_length=1000, blank=True)

    class Meta:
        triggers: ClassVar = [append_only("attempts_stay")]

    def __str__(self) -> str:
        return f"{self.get_channel_display()}: {outcome_label(self.channel, self.outcome).lower()}"


class Note(models.Model):
    """A person's note, or a booked meeting. Never a contact (rules 6.20)."""

    id = models.BigAutoField(primary_key=True)
    handoff = models.ForeignKey(Handoff, on_delete=models.PROTECT, related_name="notes")
    at = models.DateTimeField()
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        related_name="+",
        help_text="Empty: Accord itself.",
    )
    text = models.CharField(max_length=1000, blank=True)
    meeting_at = models.DateTimeField(null=True, help_text="The meeting that was booked with this row.")

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(name="note_says_something", condition=~Q(text="") | Q(meeting_at__isnull=False))
        ]
        triggers: ClassVar = [append_only("notes_stay")]

    def __str__(self) -> str:
        return self.text or "Meeting booked"
