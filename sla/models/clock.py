"""The SLA clocks of a handoff, and the columns that they share with those of a play."""

from __future__ import annotations

from typing import ClassVar, Final

from django.db import models
from django.db.models import Case, Q, Value, When

from config.audit.triggers import AuditTrigger
from sla.models.calendar import CalendarVersion
from sla.models.commitment import Commitment
from sla.models.handoff import Handoff
from sla.models.record_guards import guard_clocks
from sla.models.team import NAME_AT_MOST, Rep
from sla.vocabulary import OPEN_STATES, ClockKind, PromiseVerdict

#: The conditions on a clock of each verdict but CANCELLED.
VERDICTS: Final = {
    PromiseVerdict.KEPT: Q(is_late=False),
    PromiseVerdict.LATE: Q(is_late=True) | Q(is_late=None, breached_at__isnull=False),
    PromiseVerdict.RUNNING: Q(met_at=None, cancelled_at=None, breached_at=None),
}


def read_verdict() -> Case:
    """Return the verdict of a clock as an expression."""
    whens = (When(condition, then=Value(verdict.value)) for verdict, condition in VERDICTS.items())
    return Case(*whens, default=Value(PromiseVerdict.CANCELLED.value), output_field=models.CharField())


class PromiseClock(models.Model):
    """The columns of a promise that runs in business time by the calendar it started with."""

    kind = models.CharField(max_length=16, choices=ClockKind.choices)
    rep = models.ForeignKey(
        Rep, on_delete=models.PROTECT, null=True, related_name="+", help_text="Whose promise; empty: marketing's."
    )
    rep_name = models.CharField(
        max_length=NAME_AT_MOST, blank=True, default="", db_default="", help_text="The rep's name at the start."
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

    class Meta:
        abstract = True

    @property
    def counts_whole_days(self) -> bool:
        """Return whether all hours of working days count, not only opening hours (docs/decisions/0004-disposition-clock.md)."""
        return self.kind == ClockKind.DISPOSITION

    @property
    def is_running(self) -> bool:
        return self.met_at is None and self.cancelled_at is None

    @property
    def is_breached(self) -> bool:
        return self.is_late is True or self.breached_at is not None


class ClockQuerySet(models.QuerySet["Clock"]):
    def running(self) -> ClockQuerySet:
        return self.filter(met_at__isnull=True, cancelled_at__isnull=True)

    def overdue(self, now: object) -> ClockQuerySet:
        return self.running().filter(breached_at__isnull=True, due_at__lt=now)


class Clock(PromiseClock):
    """A promise on a handoff, running in business time by the calendar it started with."""

    id = models.BigAutoField(primary_key=True)
    handoff = models.ForeignKey(Handoff, on_delete=models.PROTECT, related_name="clocks")

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
            # For sweep_breaches.
            models.Index(
                fields=["due_at", "id"],
                name="clock_to_breach",
                condition=Q(met_at=None, cancelled_at=None, breached_at=None),
            ),
            # For sweep_warnings, and for the queues, which look for clocks past their warning.
            models.Index(fields=["warn_at", "id"], name="clock_running", condition=Q(met_at=None, cancelled_at=None)),
            # For the compliance report, which reads the clocks started in a period.
            models.Index(fields=["kind", "started_at"], name="clock_by_start"),
        ]
        triggers: ClassVar = [
            *guard_clocks("clock", owner="handoff", table="sla_handoff", open_states=OPEN_STATES),
            AuditTrigger(personal=["rep_name"]),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.handoff}"
