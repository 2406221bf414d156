from __future__ import annotations

from django.db.models import QuerySet

from sla.models import ReasonCode


def offered() -> QuerySet[ReasonCode]:
    """The rejection reasons to choose from, in their order. SPEC 7's come with the migration; customers edit and add."""
    return ReasonCode.objects.filter(is_offered=True).order_by("position", "pk")


def of_many() -> QuerySet[ReasonCode]:
    """Those that may be given to several leads at once: no note and no count of attempts is asked for."""
    return offered().filter(needs_note=False, needs_attempts=False)
