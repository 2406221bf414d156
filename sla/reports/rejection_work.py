"""The work that went into rejected leads: contact attempts, and the business time from routing to the rejection (rules 12.44)."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.db.models import Count, F, Q, QuerySet

from leads.vocabulary import Motion
from scoring.backtests.intervals_and_tests import Sample
from sla.models import Attempt, Clock, PlayAttempt, PlayClock
from sla.reports import rejection_decisions
from sla.reports.compliance import Percentile
from sla.reports.framework.report_shape import ReportCell
from sla.vocabulary import ClockKind, DispositionKind


def count_attempts(decisions: QuerySet[Any], motion: Motion) -> Sample:
    """Return how many of the contacts logged up to a decision were on leads that it rejected. One query."""
    owner = rejection_decisions.name_owner(motion)
    attempts: QuerySet[Any] = PlayAttempt.objects.all() if motion == Motion.AQL else Attempt.objects.all()
    rejected = decisions.filter(kind=DispositionKind.REJECT)
    logged = attempts.filter(
        **{f"{owner}__in": decisions.order_by().values(owner), "at__lte": F(f"{owner}__decided_at")}
    )
    counts = logged.order_by().aggregate(
        total=Count("pk"), hits=Count("pk", filter=Q(**{f"{owner}__in": rejected.order_by().values(owner)}))
    )
    return Sample(counts["hits"], counts["total"])


def read_time(rejections: QuerySet[Any], motion: Motion) -> ReportCell:
    """Return the median business time from routing to the rejection, with the number of rejections that it stands on."""
    owner = rejection_decisions.name_owner(motion)
    clocks: QuerySet[Any] = PlayClock.objects.all() if motion == Motion.AQL else Clock.objects.all()
    met = clocks.filter(
        kind=ClockKind.DISPOSITION, met_at__isnull=False, cancelled_at__isnull=True,
        **{f"{owner}__in": rejections.order_by().values(owner)},
    )  # fmt: skip
    row = met.order_by().aggregate(count=Count("pk"), middle=Percentile("used_seconds", 0.5))
    return ReportCell(None if row["middle"] is None else dt.timedelta(seconds=row["middle"]), sample=row["count"])
