from __future__ import annotations

from django.db.models import Prefetch, QuerySet

from sla.models import ReasonCode, SubReason


def offered_reasons() -> QuerySet[ReasonCode]:
    """Return the rejection reasons to choose from, in their order (rules 7.5).

    The migration stores those of `sla.shipped_reasons`; customers edit them and add their own.
    """
    return ReasonCode.objects.filter(is_offered=True).order_by("position", "pk")


def offered_with_details() -> QuerySet[ReasonCode]:
    """Return the same reasons, each with the details that it asks for as `details`."""
    details = SubReason.objects.filter(is_offered=True).order_by("position", "pk")
    return offered_reasons().prefetch_related(Prefetch("sub_reasons", queryset=details, to_attr="details"))


def offered_details(reason: ReasonCode) -> list[SubReason]:
    """Return the details that a reason asks for, in their order; empty if it asks for none (rules 7.22)."""
    return list(reason.sub_reasons.filter(is_offered=True).order_by("position", "pk"))


def bulk_reasons() -> QuerySet[ReasonCode]:
    """Return the offered reasons that may be given to several leads at once: they need no note, detail or count of attempts."""
    return offered_reasons().filter(needs_note=False, needs_attempts=False).exclude(sub_reasons__is_offered=True)
