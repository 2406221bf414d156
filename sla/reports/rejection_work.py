"""The work that went into rejected leads: contact attempts, and the business time from routing to the rejection (rules 12.44)."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.db.models import Count, Q, QuerySet, Sum
from django.db.models.functions import Coalesce

from scoring.backtests.intervals_and_tests import Sample
from sla.reports.compliance import Percentile
from sla.reports.framework.report_shape import ReportCell
from sla.vocabulary import DispositionKind


def count_attempts(decisions: QuerySet[Any]) -> Sample:
    """Return how many of the contacts logged up to a decision were on leads that it rejected. One query."""
    on_rejected = Sum("attempts", filter=Q(decision=DispositionKind.REJECT))
    counts = decisions.order_by().aggregate(total=Coalesce(Sum("attempts"), 0), hits=Coalesce(on_rejected, 0))
    return Sample(counts["hits"], counts["total"])


def read_time(rejections: QuerySet[Any]) -> ReportCell:
    """Return the median business time from routing to the rejection, with the number of rejections that it stands on."""
    row = rejections.order_by().aggregate(count=Count("decision_seconds"), middle=Percentile("decision_seconds", 0.5))
    return ReportCell(None if row["middle"] is None else dt.timedelta(seconds=row["middle"]), sample=row["count"])
