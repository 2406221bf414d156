from __future__ import annotations

from django.db.models import QuerySet

from sla.models import ReasonCode


def offered_reasons() -> QuerySet[ReasonCode]:
    """Return the rejection reasons to choose from, in their order (rules 7.5).

    The migration stores those of `sla.shipped_reasons`; customers edit them and add their own.
    """
    return ReasonCode.objects.filter(is_offered=True).order_by("position", "pk")


def bulk_reasons() -> QuerySet[ReasonCode]:
    """Return the offered reasons that may be given to several leads at once: they need no note and no count of attempts."""
    return offered_reasons().filter(needs_note=False, needs_attempts=False)
