from __future__ import annotations

from typing import ClassVar

import pgtrigger
from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from definitions.models import Version
from leads.models import FrozenOnce, Lead, append_only
from leads.vocabulary import Motion
from scoring.models import Qualification
from sla.vocabulary import (
    OPEN_STATES,
    AttemptOutcome,
    Channel,
    ClockKind,
    CommitmentState,
    DispositionKind,
    Family,
    HandoffState,
    NoticeKind,
    Route,
)


class WorkCalendar(models.Model):
    """When a team works: weekly hours in its zone, a country's holidays, own days."""

    name = models.CharField(max_length=120, unique=True)
    zone = models.CharField(max_length=64, default="UTC")
    country = models.CharField(max_length=2, blank=True, help_text="For public holidays; empty: none.")
    subdivision = models.CharField(max_length=16, blank=True)

    def __str__(self) -> str:
        return self.name


class WorkHours(models.Model):
    calendar = models.ForeignKey(WorkCalendar, on_delete=models.CASCADE, related_name="hours")
    weekday = models.PositiveSmallIntegerField(help_text="0 Monday to 6 Sunday.")
    opens = models.PositiveSmallIntegerField(help_text="Minutes after midnight.")
    closes = models.PositiveSmallIntegerField(
        help_text="Minutes after midnight; at or before opening: runs into the next day."
    )

    class Meta:
        verbose_name_plural = "work hours"
        constraints: ClassVar = [
            models.CheckConstraint(name="hours_on_a_weekday", condition=Q(weekday__lte=6)),
            models.CheckConstraint(name="hours_within_a_day", condition=Q(opens__lt=1440, closes__lte=1440)),
        ]

    def __str__(self) -> str:
        return f"{self.weekday} {self.opens // 60:02}:{self.opens % 60:02}-{self.closes // 60:02}:{self.closes % 60:02}"


class SpecialDay(models.Model):
    """An own holiday (no hours) or the special hours of a date, which beat a public holiday."""

    calendar = models.ForeignKey(WorkCalendar, on_delete=models.CASCADE, related_name="special_days")
    date = models.DateField()
    opens = models.PositiveSmallIntegerField(null=True, blank=True)
    closes = models.PositiveSmallIntegerField(null=True, blank=True)
    label = models.CharField(max_length=120)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                name="special_day_closed_or_hours",
                condition=Q(opens__isnull=True, closes__isnull=True) | Q(opens__isnull=False, closes__isnull=False),
            )
        ]

    def __str__(self) -> str:
        return f"{self.date}: {self.label}"


class CalendarVersion(models.Model):
    """A calendar exactly as it was when a clock started by it (sla.calendar's dict)."""

    calendar = models.ForeignKey(WorkCalendar, on_delete=models.PROTECT, related_name="versions")
    digest = models.CharField(max_length=64)
    content = models.JSONField()
    created_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["calendar", "digest"], name="calendar_version_once")]
        triggers: ClassVar = [append_only("calendar_versions_stay")]

    def __str__(self) -> str:
        return f"{self.calendar} {self.created_at:%Y-%m-%d}"


class Team(models.Model):
    name = models.CharField(max_length=120, unique=True)
    calendar = models.ForeignKey(WorkCalendar, on_delete=models.PROTECT, related_name="teams")
    managers = models.ManyToManyField(settings.AUTH_USER_MODEL, blank=True, related_name="managed_teams")

    def __str__(self) -> str:
        return self.name


class Rep(models.Model):
    """A person as a receiver of handoffs."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="rep")
    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="reps")
    is_active = models.BooleanField(default=True)
    is_away = models.BooleanField(default=False)
    capacity = models.PositiveSmallIntegerField(default=30, help_text="Open handoffs at most.")
    weight = models.PositiveSmallIntegerField(default=1)
    last_assigned_at = models.DateTimeField(null=True, blank=True, editable=False)
    calendar = models.ForeignKey(
        WorkCalendar, on_delete=models.PROTECT, null=True, blank=True, help_text="Empty: the team's."
    )

    class Meta:
        constraints: ClassVar = [models.CheckConstraint(name="rep_weight_counts", condition=Q(weight__gte=1))]

    def __str__(self) -> str:
        return str(self.user)


class Absence(models.Model):
    rep = models.ForeignKey(Rep, on_delete=models.CASCADE, related_name="absences")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    label = models.CharField(max_length=120, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(name="absence_in_order", condition=Q(starts_at__lt=F("ends_at")))
        ]

    def __str__(self) -> str:
        return f"{self.rep} {self.starts_at:%Y-%m-%d}"


class RoutingRule(models.Model):
    """In order of position; the first that matches names the team. Empty conditions match anything."""

    position = models.PositiveSmallIntegerField(unique=True)
    name = models.CharField(max_length=120)
    countries = ArrayField(models.CharField(max_length=64), default=list, blank=True)
    sources = ArrayField(models.CharField(max_length=120), default=list, blank=True)
    tiers = ArrayField(models.PositiveSmallIntegerField(), default=list, blank=True)
    domains = ArrayField(models.CharField(max_length=253), default=list, blank=True, help_text="Named accounts.")
    employees_at_least = models.PositiveIntegerField(null=True, blank=True)
    motion = models.CharField(max_length=3, choices=Motion.choices, blank=True)
    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="rules")
    is_active = models.BooleanField(default=True)

    def __str__(self) -> str:
        return f"{self.position}. {self.name}"


class Commitment(models.Model):
    """A version of what each side promised. A handoff is judged by the one in force when it was created."""

    number = models.PositiveSmallIntegerField(unique=True)
    state = models.CharField(max_length=8, choices=CommitmentState.choices, default=CommitmentState.DRAFT)
    route_minutes = models.PositiveSmallIntegerField(default=5)
    contact_minutes = models.PositiveSmallIntegerField(default=30, help_text="Business minutes to the first contact.")
    contact_minutes_tier_1 = models.PositiveSmallIntegerField(default=5)
    disposition_hours = models.PositiveSmallIntegerField(default=24, help_text="Hours to accept or reject.")
    attempts_before_unresponsive = models.PositiveSmallIntegerField(default=6)
    recycle_days = models.PositiveSmallIntegerField(default=90)
    mqls_a_month = models.PositiveIntegerField(default=60, help_text="Marketing's volume, from sales capacity.")
    signed_by_marketing = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    signed_by_sales = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    activated_at = models.DateTimeField(null=True, blank=True)
    retired_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["state"], condition=Q(state="active"), name="one_active_commitment"),
            models.CheckConstraint(
                name="active_commitment_is_signed",
                condition=Q(state="draft")
                | (
                    Q(signed_by_marketing__isnull=False, signed_by_sales__isnull=False)
                    & ~Q(signed_by_marketing=F("signed_by_sales"))
                ),
            ),
        ]
        triggers: ClassVar = [
            pgtrigger.Protect(
                name="commitment_is_kept", operation=pgtrigger.Delete, condition=~pgtrigger.Q(old__state="draft")
            ),
            FrozenOnce(
                name="commitment_is_immutable",
                exclude=["state", "retired_at"],
                condition=~pgtrigger.Q(old__state="draft"),
            ),
        ]

    def __str__(self) -> str:
        return f"Commitments v{self.number}"


class ReasonCode(models.Model):
    """Why a lead was rejected, and what follows (SPEC 7). Retired reasons stay, unoffered."""

    code = models.SlugField(max_length=64, unique=True)
    label = models.CharField(max_length=120)
    family = models.CharField(max_length=10, choices=Family.choices)
    route = models.CharField(max_length=20, choices=Route.choices)
    hint = models.CharField(max_length=200, blank=True, help_text="What it says about the definition.")
    position = models.PositiveSmallIntegerField(default=0)
    needs_note = models.BooleanField(default=False)
    needs_attempts = models.BooleanField(default=False, help_text="Only after the promised number of attempts.")
    is_offered = models.BooleanField(default=True)

    def __str__(self) -> str:
        return self.label

    @property
    def recycles(self) -> bool:
        return self.route == Route.RECYCLE


class HandoffQuerySet(models.QuerySet["Handoff"]):
    def open(self) -> HandoffQuerySet:
        return self.filter(state__in=OPEN_STATES)

    def to_decide(self) -> HandoffQuerySet:
        return self.filter(state=HandoffState.ASSIGNED)

    def unrouted(self) -> HandoffQuerySet:
        return self.filter(state=HandoffState.UNROUTED)


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
    # The most urgent running clock's due time, kept in step by sla.clocks: the queue's order.
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
                condition=Q(state__in=("assigned", "accepted")),
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
            models.Index(
                fields=["warn_at", "id"],
                name="clock_to_warn",
                condition=Q(met_at=None, cancelled_at=None, warned_at=None),
            ),
            models.Index(fields=["kind", "started_at"], name="clock_by_start"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.handoff}"

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
        return f"{self.get_channel_display()}: {self.get_outcome_display()}"


class Disposition(models.Model):
    """The word of sales on a handoff. A correction is a new row that points at the old one."""

    id = models.BigAutoField(primary_key=True)
    handoff = models.ForeignKey(Handoff, on_delete=models.PROTECT, related_name="dispositions")
    kind = models.CharField(max_length=8, choices=DispositionKind.choices)
    reason = models.ForeignKey(ReasonCode, on_delete=models.PROTECT, null=True, related_name="+")
    note = models.CharField(max_length=1000, blank=True)
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


class Notice(models.Model):
    """The outbox: written in the transaction that caused it, sent by a sweep, once."""

    id = models.BigAutoField(primary_key=True)
    kind = models.CharField(max_length=20, choices=NoticeKind.choices)
    once = models.CharField(max_length=120, unique=True, help_text="What makes it the same notice.")
    handoff = models.ForeignKey(Handoff, on_delete=models.PROTECT, null=True, related_name="notices")
    to = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, related_name="notices")
    text = models.CharField(max_length=300)
    created_at = models.DateTimeField()
    send_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True)
    read_at = models.DateTimeField(null=True)
    failures = models.PositiveSmallIntegerField(default=0)
    error = models.TextField(blank=True)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["send_at", "id"], name="notice_to_send", condition=Q(sent_at=None)),
            models.Index(fields=["to", "-created_at"], name="notice_of_person"),
        ]

    def __str__(self) -> str:
        return self.text
