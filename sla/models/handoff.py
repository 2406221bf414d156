"""A lead in the hands of sales, and everything that happens to it there."""

from __future__ import annotations

from typing import ClassVar

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import Case, F, Q, When

from definitions.models import Version
from leads.models import Lead, append_only
from leads.vocabulary import Motion
from scoring.models import Qualification
from sla.models.commitment import Commitment, ReasonCode
from sla.models.team import CalendarVersion, Rep, Team
from sla.vocabulary import (
    OPEN_STATES,
    AttemptOutcome,
    Channel,
    ClockKind,
    DispositionKind,
    HandoffState,
    words_of,
)


class HandoffQuerySet(models.QuerySet["Handoff"]):
    def open(self) -> HandoffQuerySet:
        return self.filter(state__in=OPEN_STATES)

    def to_decide(self) -> HandoffQuerySet:
        return self.filter(state=HandoffState.ASSIGNED)

    def unrouted(self) -> HandoffQuerySet:
        return self.filter(state=HandoffState.UNROUTED)

    def with_rank(self) -> HandoffQuerySet:
        """Its tier; one that turned hot ranks as tier 1."""
        rank = Case(When(heated_at__isnull=False, then=1), default=F("tier"), output_field=models.SmallIntegerField())
        return self.annotate(rank=rank)

    def hot_first(self) -> HandoffQuerySet:
        """Then by tier, and the longest waiting."""
        return self.with_rank().order_by("rank", "created_at", "pk")  # type: ignore[misc]  # annotated


class Handoff(models.Model):
    """An MQL on its way through sales."""

    id = models.BigAutoField(primary_key=True)
    qualification = models.OneToOneField(Qualification, on_delete=models.PROTECT, related_name="handoff")
    lead = models.ForeignKey(Lead, on_delete=models.PROTECT, related_name="handoffs")
    motion = models.CharField(max_length=3, choices=Motion.choices)
    version = models.ForeignKey(Version, on_delete=models.PROTECT, related_name="handoffs")
    commitment = models.ForeignKey(Commitment, on_delete=models.PROTECT, related_name="+")
    tier = models.PositiveSmallIntegerField()
    state = models.CharField(max_length=12, choices=HandoffState.choices, default=HandoffState.UNROUTED)
    team = models.ForeignKey(Team, on_delete=models.PROTECT, null=True, related_name="handoffs")
    rep = models.ForeignKey(Rep, on_delete=models.PROTECT, null=True, related_name="handoffs")
    created_at = models.DateTimeField()
    routed_at = models.DateTimeField(null=True)
    first_contact_at = models.DateTimeField(null=True)
    decided_at = models.DateTimeField(null=True)
    meeting_at = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True)
    # When Accord saw that the lead had turned hot after it qualified (scoring.Heating): from then on tier 1's minutes count.
    heated_at = models.DateTimeField(null=True)
    # The most urgent running clock's due time, kept in step by sla.clocks.clocks: the queue's order.
    due_at = models.DateTimeField(null=True)

    objects = HandoffQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["lead", "motion"], condition=Q(state__in=OPEN_STATES), name="one_open_handoff"
            ),
            models.CheckConstraint(
                name="routed_to_somebody",
                condition=Q(state="unrouted", rep__isnull=True) | Q(rep__isnull=False, team__isnull=False),
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["rep", "tier", "due_at", "id"],
                name="handoff_queue",
                condition=Q(state__in=("assigned", "accepted", "qualified", "opportunity")),
            ),
            models.Index(fields=["created_at", "id"], name="handoff_unrouted", condition=Q(state="unrouted")),
            models.Index(fields=["created_at", "id"], name="handoff_by_age"),
        ]
        triggers: ClassVar = [
            pgtrigger.Protect(name="handoffs_stay", operation=pgtrigger.Delete),
            pgtrigger.ReadOnly(
                name="handoff_origin_stays",
                fields=["qualification", "lead", "motion", "version", "commitment", "tier", "created_at"],
            ),
        ]

    def __str__(self) -> str:
        return f"{self.lead} → {self.rep or 'nobody yet'}"

    @property
    def is_open(self) -> bool:
        return self.state in OPEN_STATES

    @property
    def is_to_decide(self) -> bool:
        return self.state == HandoffState.ASSIGNED

    @property
    def is_unrouted(self) -> bool:
        return self.state == HandoffState.UNROUTED

    @property
    def is_accepted(self) -> bool:
        return self.state == HandoffState.ACCEPTED

    @property
    def is_hot(self) -> bool:
        """From the start, or since the lead turned hot."""
        return self.tier == 1 or self.heated_at is not None


class RoutingDecision(models.Model):
    """Who got it and why, rule by rule."""

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
    explanation = models.CharField(max_length=300)
    trace = models.JSONField(default=list)

    class Meta:
        triggers: ClassVar = [append_only("routing_decisions_stay")]

    def __str__(self) -> str:
        return self.explanation


class ClockQuerySet(models.QuerySet["Clock"]):
    def running(self) -> ClockQuerySet:
        return self.filter(met_at__isnull=True, cancelled_at__isnull=True)

    def overdue(self, now: object) -> ClockQuerySet:
        return self.running().filter(breached_at__isnull=True, due_at__lt=now)


class Clock(models.Model):
    """One promise on one handoff, running in business time by the calendar it started with."""

    id = models.BigAutoField(primary_key=True)
    handoff = models.ForeignKey(Handoff, on_delete=models.PROTECT, related_name="clocks")
    kind = models.CharField(max_length=16, choices=ClockKind.choices)
    rep = models.ForeignKey(
        Rep, on_delete=models.PROTECT, null=True, related_name="+", help_text="Whose promise; empty: marketing's."
    )
    commitment = models.ForeignKey(Commitment, on_delete=models.PROTECT, related_name="+")
    calendar_version = models.ForeignKey(
        CalendarVersion, on_delete=models.PROTECT, null=True, related_name="+", help_text="Empty: wall-clock time."
    )
    target_seconds = models.PositiveIntegerField()
    started_at = models.DateTimeField()
    due_at = models.DateTimeField()
    warn_at = models.DateTimeField()
    warned_at = models.DateTimeField(null=True)
    breached_at = models.DateTimeField(null=True, help_text="When the breach was seen.")
    met_at = models.DateTimeField(null=True)
    used_seconds = models.PositiveIntegerField(null=True, help_text="Business seconds from start to met.")
    is_late = models.BooleanField(null=True, help_text="Used more than the target.")
    cancelled_at = models.DateTimeField(null=True)

    objects = ClockQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["handoff", "kind"], condition=Q(cancelled_at__isnull=True), name="one_clock_a_promise"
            ),
            models.CheckConstraint(
                name="clock_met_whole",
                condition=Q(met_at__isnull=True, used_seconds__isnull=True)
                | Q(met_at__isnull=False, used_seconds__isnull=False, is_late__isnull=False),
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["due_at", "id"],
                name="clock_to_breach",
                condition=Q(met_at=None, cancelled_at=None, breached_at=None),
            ),
            # For the warnings, and for the queues, which ask for those that have warned already.
            models.Index(fields=["warn_at", "id"], name="clock_running", condition=Q(met_at=None, cancelled_at=None)),
            models.Index(fields=["kind", "started_at"], name="clock_by_start"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.handoff}"

    @property
    def counts_whole_days(self) -> bool:
        """All hours of the days on which the calendar opens, not its opening hours (docs/decisions/0004-disposition-clock.md)."""
        return self.kind == ClockKind.DISPOSITION

    @property
    def is_running(self) -> bool:
        return self.met_at is None and self.cancelled_at is None

    @property
    def is_breached(self) -> bool:
        return self.is_late is True or self.breached_at is not None


class Attempt(models.Model):
    """A human's outbound contact; only these count as contact (FIELD_NOTES P22)."""

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
        return f"{self.get_channel_display()}: {words_of(self.channel, self.outcome).lower()}"


class Note(models.Model):
    """What a person wrote down, or a meeting booked. Never a contact (FIELD_NOTES P22)."""

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


class Disposition(models.Model):
    """The word of sales on a handoff. A correction is a new row that points at the old one."""

    id = models.BigAutoField(primary_key=True)
    handoff = models.ForeignKey(Handoff, on_delete=models.PROTECT, related_name="dispositions")
    kind = models.CharField(max_length=8, choices=DispositionKind.choices)
    reason = models.ForeignKey(ReasonCode, on_delete=models.PROTECT, null=True, related_name="+")
    note = models.CharField(max_length=1000, blank=True)
    missing = models.CharField(max_length=500, blank=True, help_text="What was missing, in the rep's words.")
    reengage_on = models.DateField(null=True, help_text="Timing family: the day it comes back.")
    contacted_before = models.BooleanField(help_text="Was the lead contacted before the decision?")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()
    corrects = models.OneToOneField("self", on_delete=models.PROTECT, null=True, related_name="corrected_by")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["handoff"], condition=Q(corrects__isnull=True), name="one_disposition"),
            models.CheckConstraint(
                name="rejection_has_reason",
                condition=Q(kind="accept", reason__isnull=True) | Q(kind="reject", reason__isnull=False),
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["at", "kind"], name="disposition_by_time")]
        triggers: ClassVar = [append_only("dispositions_stay")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.handoff}"


class Intention(models.Model):
    """A decision that is not final yet: for a few seconds it can be taken back, then a sweep makes it a disposition."""

    handoff = models.OneToOneField(Handoff, on_delete=models.PROTECT, related_name="intention")
    kind = models.CharField(max_length=8, choices=DispositionKind.choices)
    reason = models.ForeignKey(ReasonCode, on_delete=models.PROTECT, null=True, related_name="+")
    note = models.CharField(max_length=1000, blank=True)
    missing = models.CharField(max_length=500, blank=True)
    reengage_on = models.DateField(null=True)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()
    final_at = models.DateTimeField()

    class Meta:
        indexes: ClassVar = [models.Index(fields=["final_at", "id"], name="intention_due")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.handoff}"


class SalesQualification(models.Model):
    """The four answers a human confirmed: this makes an SQL (SPEC 2)."""

    handoff = models.OneToOneField(Handoff, on_delete=models.PROTECT, related_name="sales_qualification")
    problem = models.CharField(max_length=500)
    budget = models.CharField(max_length=500)
    authority = models.CharField(max_length=500)
    timeline = models.CharField(max_length=500)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                name="sql_has_four_answers",
                condition=~Q(problem="") & ~Q(budget="") & ~Q(authority="") & ~Q(timeline=""),
            )
        ]
        triggers: ClassVar = [append_only("sales_qualifications_stay")]

    def __str__(self) -> str:
        return f"SQL: {self.handoff}"
