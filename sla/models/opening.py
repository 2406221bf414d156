"""The first opening of a handoff's page by its rep."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from leads.models import append_only
from sla.models.handoff import Handoff


class HandoffOpening(models.Model):
    """The instant at which a rep first opened the page with the evidence of their handoff (rules 12.72), written once.

    The list of the queue shows a handoff, too, and lets a rep decide: that is no opening.
    """

    handoff = models.OneToOneField(Handoff, on_delete=models.PROTECT, primary_key=True, related_name="opening")
    at = models.DateTimeField()

    class Meta:
        triggers: ClassVar = [append_only("handoff_openings_stay")]

    def __str__(self) -> str:
        return f"Opened: {self.handoff}"
