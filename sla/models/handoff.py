"""A lead that was handed to sales."""

from __future__ import annotations

import datetime as dt
from typing import ClassVar

import pgtrigger
from django.db import models
from django.db.models import Case, Q, When
from django.db.models.functions import Coalesce

from config.audit.triggers import AuditTrigger
from definitions.models import Version
from leads.models import Lead, set_once
from leads.vocabulary import Motion
from scoring.models import Qualification
from sla.models.commitment import Commitment
from sla.models.record_guards import guard_moves, guard_record
from sla.models.team import NAME_AT_MOST, Rep, Team
from sla.vocabulary import CLOSED_STATES, CRM_MOVES, HANDOFF_MOVES, OPEN_STATES, HandoffState


class HandoffQuerySet(models.QuerySet["Handoff"]):
    def open(self) -> HandoffQuerySet:
        return self.filter(state__in=OPEN_STATES)

    def to_decide(self) -> HandoffQuerySet:
        return self.filter(state=HandoffState.ASSIGNED)

    def unrouted(self) -> HandoffQuerySet:
        return self.filter(state=HandoffState.UNROUTED)

    def with_rank(self) -> HandoffQuerySet:
        """Annotate `rank`: the tier as `Handoff.current_tier` gives it."""
        rank = Case(
            When(hot_upgraded_at__isnull=False, then=1),
            default=Coalesce("raised_to", "tier"),
            output_field=models.SmallIntegerField(),
        )
        return self.annotate(rank=rank)

    def hot_first(self) -> HandoffQuerySet:
        """Order by rank, then the longest waiting."""
        return self.with_rank().order_by("rank", "created_at", "pk")  # type: ignore[misc]  # annotated


def counts_as_hot(tier: int, hot_upgraded_at: dt.datetime | None) -> bool:
    """Return whether a handoff of these columns is hot: it came as tier 1 or turned hot later."""
    return tier == 1 or hot_upgraded_at is not None


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
    # When Accord saw that the lead had turned hot after it qualified (scoring.HotUpgrade): from then on tier 1's minutes count.
    hot_upgraded_at = models.DateTimeField(null=True)
    # The tier to which facts that came after the handoff raised it (scoring.TierUpgrade).
    raised_to = models.PositiveSmallIntegerField(null=True)
    # The most urgent running clock's due time, kept in step by sla.clocks.clocks: the queue's order.
    due_at = models.DateTimeField(null=True)
    # The names at the close, so that a closed handoff says what it said on its day; empty while it is open.
    rep_name = models.CharField(max_length=NAME_AT_MOST, blank=True, default="", db_default="")
    team_name = models.CharField(max_length=120, blank=True, default="", db_default="")

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
            # For the queue of a rep.
            models.Index(
                fields=["rep", "tier", "due_at", "id"],
                name="handoff_queue",
                condition=Q(state__in=("assigned", "accepted", "qualified", "opportunity")),
            ),
            # For route_unrouted and the list of unrouted leads.
            models.Index(fields=["created_at", "id"], name="handoff_unrouted", condition=Q(state="unrouted")),
            # For lists of all handoffs, the newest first, and reports on those created in a period.
            models.Index(fields=["created_at", "id"], name="handoff_by_age"),
            # For the rates by what was decided in a period (sla.figure_catalogue.readings), read every ten minutes.
            models.Index(
                fields=["decided_at", "qualification"],
                name="handoff_by_decision",
                condition=Q(decided_at__isnull=False),
            ),
        ]
        triggers: ClassVar = [
            pgtrigger.Protect(name="handoffs_stay", operation=pgtrigger.Delete),
            pgtrigger.ReadOnly(
                name="handoff_origin_stays",
                fields=["qualification", "lead", "motion", "version", "commitment", "tier", "created_at"],
            ),
            guard_moves("handoff_moves", HANDOFF_MOVES, CRM_MOVES),
            *guard_record("handoff", CLOSED_STATES),
            set_once("handoff_hot_once", ["hot_upgraded_at"]),
            AuditTrigger(personal=["rep_name"], outside=["due_at"]),
        ]

    def __str__(self) -> str:
        return f"{self.lead} → {self.rep or 'nobody yet'}"

    @property
    def state_tone(self) -> str:
        return HandoffState(self.state).tone

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
    def rep_label(self) -> str:
        """Return the name of the rep who has it, of a closed handoff as it was on that day; empty without one."""
        return self.rep_name or str(self.rep or "")

    @property
    def team_label(self) -> str:
        """Return the name of its team, of a closed handoff as it was on that day; empty without one."""
        return self.team_name or str(self.team or "")

    @property
    def current_tier(self) -> int:
        """Return the tier by all that is known now; `tier` stays what it was at the handoff."""
        return 1 if self.is_hot else self.raised_to or self.tier

    @property
    def is_hot(self) -> bool:
        """Return whether the lead is of tier 1 or turned hot later."""
        return counts_as_hot(self.tier, self.hot_upgraded_at)
