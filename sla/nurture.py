"""Recycled leads and the day each comes back (SPEC 7)."""

from __future__ import annotations

from django.db.models import Exists, OuterRef, Prefetch

from leads.vocabulary import Stage
from scoring.models import Qualification
from sla.models import Disposition, HandoffQuerySet
from sla.vocabulary import HandoffState


def recycled(handoffs: HandoffQuerySet) -> HandoffQuerySet:
    """Of these, the last handoff of each lead in nurture that has a date; its standing word is `words[0]`. The nearest first."""
    later = Qualification.objects.filter(
        lead=OuterRef("lead"), motion=OuterRef("motion"), pk__gt=OuterRef("qualification")
    )
    words = Disposition.objects.filter(corrected_by__isnull=True).select_related("reason", "by")
    rows = handoffs.filter(
        ~Exists(later), state=HandoffState.REJECTED, lead__stage=Stage.NURTURE, qualification__reenter_at__isnull=False
    )
    return (
        rows.select_related("lead__company", "qualification", "rep__user")
        .defer("qualification__evidence")
        .prefetch_related(Prefetch("dispositions", queryset=words, to_attr="words"))
        .order_by("qualification__reenter_at", "pk")
    )
