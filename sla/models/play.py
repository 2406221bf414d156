"""Account plays: a company that qualified, on its way through sales, with everything that is done about it.

A play is no lead: it has clocks, attempts and decisions of its own, so that no figure of leads can count it.
"""

from __future__ import annotations

from typing import ClassVar

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import Q

from config.audit.triggers import AuditTrigger
from definitions.models import Version
from leads.models import Company, Lead, append_only, set_once
from leads.vocabulary import OutcomeKind
from scoring.models import AccountQualification
from sla.models.clock import PromiseClock
from sla.models.commitment import Commitment
from sla.models.disposition import write_reason
from sla.models.reason import ReasonCode, SubReason
from sla.models.record_guards import guard_clocks, guard_moves, guard_record
from sla.models.team import NAME_AT_MOST, Rep, Team
from sla.vocabulary import (
    CLOSED_PLAY_STATES,
    OPEN_PLAY_STATES,
    PLAY_MOVES,
    AttemptOutcome,
    BuyingRole,
    Channel,
    DispositionKind,
    PlayState,
    outcome_label,
)


class AccountPlayQuerySet(models.QuerySet["AccountPlay"]):
    def open(self) -> AccountPlayQuerySet:
        return self.filter(state__in=OPEN_PLAY_STATES)

    def unrouted(self) -> AccountPlayQuerySet:
        return self.filter(state=PlayState.UNROUTED)


class AccountPlay(models.Model):
    """A company to be won by several threads at once."""

    id = models.BigAutoField(primary_key=True)
    qualification = models.OneToOneField(AccountQualification, on_delete=models.PROTECT, related_name="play")
    company = models.ForeignKey(Company, on_delete=models.PROTECT, related_name="plays")
    version = models.ForeignKey(Version, on_delete=models.PROTECT, related_name="+")
    commitment = models.ForeignKey(Commitment, on_delete=models.PROTECT, related_name="+")
    tier = models.PositiveSmallIntegerField()
    state = models.CharField(max_length=12, choices=PlayState.choices, default=PlayState.UNROUTED)
    team = models.ForeignKey(Team, on_delete=models.PROTECT, null=True, related_name="plays")
    rep = models.ForeignKey(Rep, on_delete=models.PROTECT, null=True, related_name="plays")
    created_at = models.DateTimeField()
    routed_at = models.DateTimeField(null=True)
    first_contact_at = models.DateTimeField(null=True)
    decided_at = models.DateTimeField(null=True)
    meeting_at = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True)
    # The most urgent running clock's due time, kept in step by sla.plays.play_clocks.
    due_at = models.DateTimeField(null=True)
    # The names at the close, as those of a handoff.
    rep_name = models.CharField(max_length=NAME_AT_MOST, blank=True, default="", db_default="")
    team_name = models.CharField(max_length=120, blank=True, default="", db_default="")

    objects = AccountPlayQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["company"], condition=Q(state__in=OPEN_PLAY_STATES), name="one_open_play"),
            models.CheckConstraint(
                name="play_routed_to_somebody",
                condition=Q(state="unrouted", rep__isnull=True) | Q(rep__isnull=False, team__isnull=False),
            ),
        ]
        indexes: ClassVar = [
            # For the list of plays, the newest first.
            models.Index(fields=["created_at", "id"], name="play_by_age"),
            # For play_routing.route_unrouted.
            models.Index(fields=["tier", "id"], name="play_unrouted", condition=Q(state="unrouted")),
        ]
        triggers: ClassVar = [
            pgtrigger.Protect(name="plays_stay", operation=pgtrigger.Delete),
            pgtrigger.ReadOnly(
                name="play_origin_stays",
                fields=["qualification", "company", "version", "commitment", "tier", "created_at"],
            ),
            guard_moves("play_moves", PLAY_MOVES),
            *guard_record("play", CLOSED_PLAY_STATES),
            AuditTrigger(personal=["rep_name"], outside=["due_at"]),
        ]

    def __str__(self) -> str:
        return f"{self.company} → {self.rep or 'nobody yet'}"

    @property
    def state_tone(self) -> str:
        return PlayState(self.state).tone

    @property
    def rep_label(self) -> str:
        """Return the name of the rep who owns it, of a closed play as it was on that day; empty without one."""
        return self.rep_name or str(self.rep or "")

    @property
    def team_label(self) -> str:
        """Return the name of its team, of a closed play as it was on that day; empty without one."""
        return self.team_name or str(self.team or "")

    @property
    def is_open(self) -> bool:
        return self.state in OPEN_PLAY_STATES

    @property
    def is_unrouted(self) -> bool:
        return self.state == PlayState.UNROUTED

    @property
    def is_to_decide(self) -> bool:
        return self.state == PlayState.ASSIGNED

    @property
    def is_worked(self) -> bool:
        """Return whether sales has accepted it and it is not over."""
        return self.state in (PlayState.ACCEPTED, PlayState.OPPORTUNITY)

    @property
    def is_opportunity(self) -> bool:
        return self.state == PlayState.OPPORTUNITY


class PlayContact(models.Model):
    """A person of the company, with what they had done when the play was made and their role in the buying group."""

    play = models.ForeignKey(AccountPlay, on_delete=models.PROTECT, related_name="contacts")
    lead = models.ForeignKey(Lead, on_delete=models.PROTECT, related_name="+")
    role = models.CharField(max_length=16, choices=BuyingRole.choices, default=BuyingRole.UNKNOWN)
    activity = models.JSONField(help_text="What the person had done, as the evidence has it; never recomputed.")
    last_engaged_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["play", "lead"], name="play_contact_once")]
        triggers: ClassVar = [
            pgtrigger.Protect(name="play_contacts_stay", operation=pgtrigger.Delete),
            pgtrigger.ReadOnly(name="play_contact_is_frozen", exclude=["role"]),
        ]

    def __str__(self) -> str:
        return f"{self.lead}: {self.get_role_display()}"


class PlayTask(models.Model):
    """A thread of a play: to engage a contact, or to find somebody for a role that is missing."""

    play = models.ForeignKey(AccountPlay, on_delete=models.PROTECT, related_name="tasks")
    contact = models.ForeignKey(PlayContact, on_delete=models.PROTECT, null=True, related_name="tasks")
    role = models.CharField(max_length=16, choices=BuyingRole.choices, help_text="Of the contact, or the one missing.")
    text = models.CharField(max_length=300)
    created_at = models.DateTimeField()
    completed_at = models.DateTimeField(null=True)
    completed_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                name="play_task_completed_by_somebody",
                condition=Q(completed_at__isnull=True, completed_by__isnull=True)
                | Q(completed_at__isnull=False, completed_by__isnull=False),
            ),
        ]
        triggers: ClassVar = [
            pgtrigger.Protect(name="play_tasks_stay", operation=pgtrigger.Delete),
            pgtrigger.ReadOnly(name="play_task_is_frozen", exclude=["completed_at", "completed_by"]),
            set_once("play_task_completed_once", ["completed_at", "completed_by"]),
        ]

    def __str__(self) -> str:
        return self.text

    @property
    def is_open(self) -> bool:
        return self.completed_at is None


class PlayClock(PromiseClock):
    """A promise on a play. It stands apart from those on handoffs, so that no report of leads counts it."""

    id = models.BigAutoField(primary_key=True)
    play = models.ForeignKey(AccountPlay, on_delete=models.PROTECT, related_name="clocks")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["play", "kind"], condition=Q(cancelled_at__isnull=True), name="one_play_clock_a_promise"
            ),
            models.CheckConstraint(
                name="play_clock_met_whole",
                condition=Q(met_at__isnull=True, used_seconds__isnull=True)
                | Q(met_at__isnull=False, used_seconds__isnull=False, is_late__isnull=False),
            ),
        ]
        indexes: ClassVar = [
            # For play_clocks.sweep.
            models.Index(
                fields=["warn_at", "id"],
                name="play_clock_running",
                condition=Q(met_at=None, cancelled_at=None, breached_at=None),
            ),
        ]
        triggers: ClassVar = [
            *guard_clocks("play_clock", owner="play", table="sla_accountplay", open_states=OPEN_PLAY_STATES),
            AuditTrigger(personal=["rep_name"]),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.play}"


class PlayRouting(models.Model):
    """The rep who got a play and why, with a trace rule by rule."""

    play = models.ForeignKey(AccountPlay, on_delete=models.PROTECT, related_name="routings")
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
        triggers: ClassVar = [append_only("play_routings_stay")]

    def __str__(self) -> str:
        return self.explanation


class PlayAttempt(models.Model):
    """An outbound contact with one person of the company."""

    id = models.BigAutoField(primary_key=True)
    play = models.ForeignKey(AccountPlay, on_delete=models.PROTECT, related_name="attempts")
    contact = models.ForeignKey(PlayContact, on_delete=models.PROTECT, related_name="attempts")
    at = models.DateTimeField()
    recorded_at = models.DateTimeField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    channel = models.CharField(max_length=10, choices=Channel.choices)
    outcome = models.CharField(max_length=16, choices=AttemptOutcome.choices)
    note = models.CharField(max_length=1000, blank=True)

    class Meta:
        triggers: ClassVar = [append_only("play_attempts_stay")]

    def __str__(self) -> str:
        return f"{self.get_channel_display()}: {outcome_label(self.channel, self.outcome).lower()}"


class PlayNote(models.Model):
    """A person's note on a play, or a booked meeting."""

    id = models.BigAutoField(primary_key=True)
    play = models.ForeignKey(AccountPlay, on_delete=models.PROTECT, related_name="notes")
    at = models.DateTimeField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    text = models.CharField(max_length=1000, blank=True)
    meeting_at = models.DateTimeField(null=True, help_text="The meeting that was booked with this row.")

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(name="play_note_says_something", condition=~Q(text="") | Q(meeting_at__isnull=False))
        ]
        triggers: ClassVar = [append_only("play_notes_stay")]

    def __str__(self) -> str:
        return self.text or "Meeting booked"


class PlayDisposition(models.Model):
    """The decision of sales on a play; there is one."""

    id = models.BigAutoField(primary_key=True)
    play = models.OneToOneField(AccountPlay, on_delete=models.PROTECT, related_name="disposition")
    kind = models.CharField(max_length=8, choices=DispositionKind.choices)
    reason = models.ForeignKey(ReasonCode, on_delete=models.PROTECT, null=True, related_name="+")
    sub_reason = models.ForeignKey(SubReason, on_delete=models.PROTECT, null=True, related_name="+")
    # As they were called on the day of the decision.
    reason_label = models.CharField(max_length=120, blank=True, default="", db_default="")
    sub_reason_label = models.CharField(max_length=120, blank=True, default="", db_default="")
    by_name = models.CharField(max_length=NAME_AT_MOST, blank=True, default="", db_default="")
    note = models.CharField(max_length=1000, blank=True)
    missing = models.CharField(max_length=500, blank=True, help_text="What was missing, in the rep's words.")
    reengage_on = models.DateField(null=True, help_text="Timing family: the day from which it may come back.")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                name="play_rejection_has_reason",
                condition=Q(kind="accept", reason__isnull=True) | Q(kind="reject", reason__isnull=False),
            ),
            models.CheckConstraint(
                name="play_sub_reason_has_reason", condition=Q(sub_reason__isnull=True) | Q(reason__isnull=False)
            ),
        ]
        triggers: ClassVar = [
            append_only("play_dispositions_stay"),
            AuditTrigger(personal=["note", "missing", "by_name"]),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.play}"

    @property
    def reason_text(self) -> str:
        """Return the reason with its detail, for people; empty for an acceptance."""
        return write_reason(self.reason_label, self.sub_reason_label)


class PlayOutcome(models.Model):
    """The deal of a play: an opportunity with its value, won, or lost with the reason."""

    id = models.BigAutoField(primary_key=True)
    play = models.ForeignKey(AccountPlay, on_delete=models.PROTECT, related_name="outcomes")
    kind = models.CharField(max_length=16, choices=OutcomeKind.choices)
    amount = models.DecimalField(max_digits=18, decimal_places=2, null=True)
    reason = models.CharField(max_length=200, blank=True)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["play", "kind"], name="play_outcome_once"),
            models.CheckConstraint(
                name="play_opportunity_has_value", condition=~Q(kind="opportunity") | Q(amount__isnull=False)
            ),
        ]
        triggers: ClassVar = [append_only("play_outcomes_stay")]

    def __str__(self) -> str:
        return f"{self.play}: {self.get_kind_display()}"
