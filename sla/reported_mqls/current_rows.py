"""The reported MQLs as reports get them: renewed before they are read (rules 12.83)."""

from __future__ import annotations

from typing import Final

from django.db.models import QuerySet

from sla.models import ReportedMql, ReportedMqlChange, ReportedPromise
from sla.reported_mqls import refresh

#: So many changes a reader renews, in a second at most. More are left to the beat, and the report says how many leads wait.
CHANGES_OF_A_READER: Final = 4_000
_SECONDS: Final = 2.0


def renew() -> None:
    """Renew the rows of leads that changed, unless they are more than a reader can wait for."""
    if 0 < ReportedMqlChange.objects.all()[: CHANGES_OF_A_READER + 1].count() <= CHANGES_OF_A_READER:
        refresh.renew_waiting(seconds=_SECONDS)


def read_mqls() -> QuerySet[ReportedMql]:
    """Return all reported MQLs, after renewing those that changed since they were read last."""
    renew()
    return ReportedMql.objects.all()


def read_promises() -> QuerySet[ReportedPromise]:
    """Return all reported promises, after renewing those that changed since they were read last."""
    renew()
    return ReportedPromise.objects.all()


def count_outdated() -> int:
    """Return how many leads changed and are not renewed yet: more than a reader can wait for."""
    return ReportedMqlChange.objects.values("lead_id").distinct().count()
