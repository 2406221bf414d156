"""Requests of leads that are disqualified."""

from __future__ import annotations

from typing import ClassVar

import pgtrigger
from django.db import models
from django.db.models import Q

from leads.models import Event, Lead


class HandRaiseQuerySet(models.QuerySet["HandRaise"]):
    """Queries for requests of disqualified leads."""

    def waiting(self) -> HandRaiseQuerySet:
        """Return those that the app above has not handled yet."""
        return self.filter(handled_at__isnull=True)


class HandRaise(models.Model):
    """An explicit request of a lead that is disqualified: the app above reinstates the lead or leaves it closed."""

    id = models.BigAutoField(primary_key=True)
    lead = models.ForeignKey(Lead, on_delete=models.PROTECT, related_name="hand_raises")
    event = models.OneToOneField(Event, on_delete=models.PROTECT, related_name="hand_raise")
    recorded_at = models.DateTimeField()
    handled_at = models.DateTimeField(null=True)
    why_closed = models.CharField(
        max_length=300, blank=True, help_text="Why the lead stays closed; empty: it came back."
    )

    objects = HandRaiseQuerySet.as_manager()

    class Meta:
        indexes: ClassVar = [
            # Read by sla.handoffs.reinstatements: the next request to handle.
            models.Index(fields=["id"], name="hand_raise_waiting", condition=Q(handled_at__isnull=True))
        ]
        triggers: ClassVar = [
            pgtrigger.Protect(name="hand_raises_stay", operation=pgtrigger.Delete),
            pgtrigger.ReadOnly(name="hand_raise_origin_stays", fields=["lead", "event", "recorded_at"]),
        ]

    def __str__(self) -> str:
        return f"{self.lead}: {self.event_id}"
