"""The weekly meeting of both sides: what it was prepared with, its notes and its decisions (rules 12.57 to 12.61)."""

from __future__ import annotations

from functools import partial
from typing import ClassVar

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import F, Q

from config.audit.triggers import AuditTrigger
from leads.models import FrozenOnce, append_only
from leads.vocabulary import Motion
from sla.models.record_guards import guard_ended
from sla.vocabulary import MeetingDecisionState

_Q = pgtrigger.Q
_before_closing = partial(
    guard_ended, owner="meeting", table="sla_weeklymeeting", ended_by="closed_at", sentence="this meeting is closed"
)


class WeeklyMeeting(models.Model):
    """The meeting about a closed week of one motion.

    `rejected` are the rejected leads to walk through, chosen and frozen when the meeting was prepared: a list of
    `rejected_sample` facts. `report` is the whole report as it stood at the closing.
    """

    motion = models.CharField(max_length=3, choices=Motion.choices)
    week = models.CharField(max_length=8, help_text="The week it is about, as 2026-W10, in the company's calendar.")
    start = models.DateTimeField()
    end = models.DateTimeField()
    rejected = models.JSONField()
    prepared_at = models.DateTimeField()
    report = models.JSONField(null=True)
    closed_at = models.DateTimeField(null=True)
    closed_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["motion", "week"], name="meeting_once_a_week"),
            models.CheckConstraint(
                name="meeting_is_of_past_week", condition=Q(start__lt=F("end"), prepared_at__gte=F("end"))
            ),
            models.CheckConstraint(
                name="meeting_closed_whole",
                condition=Q(closed_at__isnull=True, closed_by__isnull=True, report__isnull=True)
                | Q(closed_at__isnull=False, closed_by__isnull=False, report__isnull=False),
            ),
        ]
        triggers: ClassVar = [
            pgtrigger.Protect(name="meetings_stay", operation=pgtrigger.Delete),
            pgtrigger.ReadOnly(
                name="meeting_as_prepared", fields=["motion", "week", "start", "end", "rejected", "prepared_at"]
            ),
            pgtrigger.Protect(
                name="closed_meeting_stays", operation=pgtrigger.Update, condition=_Q(old__closed_at__isnull=False)
            ),
            AuditTrigger(personal=["rejected", "report"]),
        ]

    def __str__(self) -> str:
        return f"{self.motion.upper()} meeting of {self.week}"

    @property
    def is_closed(self) -> bool:
        return self.closed_at is not None


class MeetingNote(models.Model):
    """A note that somebody wrote in a meeting."""

    meeting = models.ForeignKey(WeeklyMeeting, on_delete=models.PROTECT, related_name="notes")
    text = models.CharField(max_length=2000)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [models.CheckConstraint(name="meeting_note_says_something", condition=~Q(text=""))]
        triggers: ClassVar = [
            append_only("meeting_notes_stay"),
            _before_closing("meeting_notes_before_closing"),
            AuditTrigger(personal=["text"]),
        ]

    def __str__(self) -> str:
        return self.text


class MeetingDecision(models.Model):
    """A decision of a meeting, who sees to it until when, and what became of it.

    It is settled once, also after the meeting is closed: done, or dropped for a reason.
    """

    meeting = models.ForeignKey(WeeklyMeeting, on_delete=models.PROTECT, related_name="decisions")
    text = models.CharField(max_length=500)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    due_on = models.DateField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()
    state = models.CharField(max_length=8, choices=MeetingDecisionState.choices, default=MeetingDecisionState.OPEN)
    outcome = models.CharField(max_length=500, blank=True, help_text="What came of it, or why it was dropped.")
    settled_at = models.DateTimeField(null=True)
    settled_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(name="meeting_decision_says_what", condition=~Q(text="")),
            models.CheckConstraint(name="meeting_decision_state", condition=Q(state__in=MeetingDecisionState.values)),
            models.CheckConstraint(
                name="meeting_decision_settled_whole",
                condition=Q(state="open", settled_at__isnull=True, settled_by__isnull=True, outcome="")
                | (~Q(state="open") & Q(settled_at__isnull=False, settled_by__isnull=False)),
            ),
            models.CheckConstraint(name="dropped_decision_says_why", condition=~Q(state="dropped") | ~Q(outcome="")),
        ]
        triggers: ClassVar = [
            pgtrigger.Protect(name="meeting_decisions_stay", operation=pgtrigger.Delete),
            pgtrigger.ReadOnly(
                name="meeting_decision_as_taken", fields=["meeting", "text", "owner", "due_on", "by", "at"]
            ),
            FrozenOnce(
                name="meeting_decision_settled_once",
                fields=["state", "outcome", "settled_at", "settled_by"],
                condition=~_Q(old__state="open"),
            ),
            _before_closing("meeting_decisions_before_closing"),
            AuditTrigger(personal=["text", "outcome"]),
        ]

    def __str__(self) -> str:
        return self.text

    @property
    def is_open(self) -> bool:
        return self.state == MeetingDecisionState.OPEN

    @property
    def tone(self) -> str:
        return MeetingDecisionState(self.state).tone
