"""Recency validations: marketing's tasks about leads of which only fresh engagement is missing (rules 2.25 to 2.29)."""

from __future__ import annotations

import datetime as dt
from types import MappingProxyType
from typing import ClassVar, Final

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from definitions.models import Definition, Version
from leads.models import Event, Lead


class RecencyState(models.TextChoices):
    """The states of a recency validation; all but the first are final."""

    OPEN = "open", _("To validate")
    VALIDATED = "validated", _("Validated")
    LAPSED = "lapsed", _("Lapsed")
    OVERTAKEN = "overtaken", _("Overtaken")

    @property
    def tone(self) -> str:
        """The tone of its badge."""
        return _TONES[self]


_TONES: Final = MappingProxyType(
    {
        RecencyState.OPEN: "warn",
        RecencyState.VALIDATED: "good",
        RecencyState.LAPSED: "",
        RecencyState.OVERTAKEN: "",
    }
)


class RecencyValidationQuerySet(models.QuerySet["RecencyValidation"]):
    """Queries for recency validations."""

    def open(self) -> RecencyValidationQuerySet:
        return self.filter(state=RecencyState.OPEN)

    def overdue(self, now: dt.datetime) -> RecencyValidationQuerySet:
        """Return the open ones whose window is over."""
        return self.open().filter(due_at__lte=now)


class RecencyValidation(models.Model):
    """A task: marketing says by `due_at` whether the interest of a lead is still live.

    `engaged_at` is the lead's last engagement by the version, `path` the path that held. Without an owner it is marketing
    ops' as a whole. Once closed it never changes; `closed_by` is empty where Accord closed it.
    """

    id = models.BigAutoField(primary_key=True)
    lead = models.ForeignKey(Lead, on_delete=models.PROTECT, related_name="recency_validations")
    definition = models.ForeignKey(Definition, on_delete=models.PROTECT, related_name="+")
    version = models.ForeignKey(Version, on_delete=models.PROTECT, related_name="+", db_index=False)
    path = models.CharField(max_length=200)
    engaged_at = models.DateTimeField()
    opened_at = models.DateTimeField()
    due_at = models.DateTimeField()
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    state = models.CharField(max_length=16, choices=RecencyState, default=RecencyState.OPEN)
    closed_at = models.DateTimeField(null=True)
    closed_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    note = models.CharField(max_length=250, blank=True, help_text="What was checked, or why it ended.")
    event = models.OneToOneField(
        Event, on_delete=models.PROTECT, null=True, related_name="+", help_text="The fact by which it was validated."
    )

    objects = RecencyValidationQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["lead", "definition"], name="recency_validation_open_once", condition=Q(state=RecencyState.OPEN)
            ),
            models.CheckConstraint(
                name="recency_validation_closed_with_note",
                condition=Q(state=RecencyState.OPEN, closed_at__isnull=True, closed_by__isnull=True, note="")
                | (~Q(state=RecencyState.OPEN) & Q(closed_at__isnull=False) & ~Q(note="")),
            ),
            models.CheckConstraint(
                name="recency_validated_by_person_and_event",
                condition=Q(state=RecencyState.VALIDATED, event__isnull=False, closed_by__isnull=False)
                | (~Q(state=RecencyState.VALIDATED) & Q(event__isnull=True)),
            ),
        ]
        indexes: ClassVar = [
            # Read by scoring.live.recency_validations and the list: the open ones by their due date.
            models.Index(
                fields=["due_at"], name="recency_validation_by_due_date", condition=Q(state=RecencyState.OPEN)
            ),
        ]
        triggers: ClassVar = [
            pgtrigger.Protect(name="recency_validations_stay", operation=pgtrigger.Delete),
            pgtrigger.ReadOnly(
                name="recency_validation_origin_stays",
                fields=["lead", "definition", "version", "path", "engaged_at", "opened_at", "due_at"],
            ),
            pgtrigger.Protect(
                name="closed_recency_validations_stay",
                operation=pgtrigger.Update,
                condition=~pgtrigger.Q(old__state=RecencyState.OPEN),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.lead}: {self.get_state_display()}"

    @property
    def is_open(self) -> bool:
        return self.state == RecencyState.OPEN

    @property
    def state_tone(self) -> str:
        return RecencyState(self.state).tone

    @property
    def owner_label(self) -> str:
        return "Marketing ops" if self.owner is None else str(self.owner)

    def is_overdue(self, now: dt.datetime) -> bool:
        """Say whether its window is over and nobody has closed it."""
        return self.is_open and self.due_at <= now

    def quiet_days(self, now: dt.datetime) -> int:
        """Return the whole days since the last engagement."""
        return (now - self.engaged_at).days
