"""Evidence on how sales accepted in a period: how fast, whether the lead was opened, and contact before and after (rules 8.13)."""

from __future__ import annotations

import datetime as dt
from statistics import median
from typing import Any, Final

from django.db.models import Exists, F, OuterRef

from config.calendar_periods import CalendarPeriod
from definitions.models import Definition
from leads.vocabulary import Motion
from sla.models import AccountPlay, Attempt, Disposition, Notice, PlayDisposition
from sla.vocabulary import DispositionKind

#: Whoever accepts faster than this has hardly looked.
HASTY: Final = dt.timedelta(minutes=2)
_MINUTE: Final = dt.timedelta(minutes=1)


def collect_evidence(definition: Definition, period: CalendarPeriod) -> dict[str, Any]:
    """Return `minutes_to_accept` (the median from the assignment) and `acceptance`, rows of an indicator with its count.

    A lead counts as opened when whoever accepted it had read its notice before, on its page or among all notices.
    """
    rows = _read_plays(definition, period) if definition.motion == Motion.AQL else _read_handoffs(definition, period)
    if not rows:
        return {}
    times = [row["decided"] - row["assigned"] for row in rows if row["assigned"] is not None]
    counts = {
        "Accepted within two minutes of the assignment": sum(time < HASTY for time in times),
        "Accepted without having been opened": sum(row["opened"] is False for row in rows),
        "Contacted before they were accepted": sum(row["before"] for row in rows),
        "Contacted after they were accepted": sum(row["after"] for row in rows),
        "Never contacted so far": sum(not (row["before"] or row["after"]) for row in rows),
    }
    if definition.motion == Motion.AQL:
        # Nobody can tell which of its contacts a play's notice was read for.
        del counts["Accepted without having been opened"]
    return {
        "minutes_to_accept": round(median(times) / _MINUTE, 1) if times else None,
        "acceptance": [{"indicator": label, "count": count, "of": len(rows)} for label, count in counts.items()],
    }


def _read_handoffs(definition: Definition, period: CalendarPeriod) -> list[dict[str, Any]]:
    accepted = Disposition.objects.standing().filter(
        kind=DispositionKind.ACCEPT,
        handoff__version__definition=definition,
        handoff__decided_at__gte=period.start,
        handoff__decided_at__lt=period.end,
    )
    read = Notice.objects.filter(handoff=OuterRef("handoff"), to=OuterRef("by"))
    contacts = Attempt.objects.filter(handoff=OuterRef("handoff"), at__gt=OuterRef("handoff__decided_at"))
    rows = accepted.annotate(opened=Exists(read.filter(read_at__lte=OuterRef("at"))), after=Exists(contacts))
    values = rows.order_by("pk").values(
        "opened",
        "after",
        decided=F("handoff__decided_at"),
        assigned=F("handoff__routed_at"),
        before=F("contacted_before"),
    )
    return [{**row} for row in values]


def _read_plays(definition: Definition, period: CalendarPeriod) -> list[dict[str, Any]]:
    accepted = PlayDisposition.objects.filter(
        kind=DispositionKind.ACCEPT, play__version__definition=definition, at__gte=period.start, at__lt=period.end
    )
    contacted = AccountPlay.objects.filter(pk=OuterRef("play"), first_contact_at__isnull=False)
    rows = accepted.annotate(
        before=Exists(contacted.filter(first_contact_at__lte=OuterRef("at"))),
        after=Exists(contacted.filter(attempts__at__gt=OuterRef("at"))),
    )
    values = rows.order_by("pk").values("before", "after", decided=F("at"), assigned=F("play__routed_at"))
    return [{**row, "opened": None} for row in values]
