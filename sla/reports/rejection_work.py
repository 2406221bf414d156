"""The work that went into rejected leads: contact attempts, and the business time from routing to the rejection (rules 12.44, 12.81)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.db.models import Count, F, Q, QuerySet, Sum
from django.db.models.functions import Coalesce

from leads.vocabulary import Motion
from scoring.backtests.intervals_and_tests import Sample
from sla.commitments import commitments
from sla.models import Attempt, PlayAttempt
from sla.reports import rejection_decisions
from sla.reports.compliance import Percentile
from sla.reports.framework.report_shape import ReportCell
from sla.vocabulary import Channel, DispositionKind

#: Below so many minutes a time of work is written in minutes.
_MINUTES_SHOWN: Final = 120


def count_attempts(decisions: QuerySet[Any]) -> Sample:
    """Return how many of the contacts logged up to a decision were on leads that it rejected. One query."""
    on_rejected = Sum("attempts", filter=Q(decision=DispositionKind.REJECT))
    counts = decisions.order_by().aggregate(total=Coalesce(Sum("attempts"), 0), hits=Coalesce(on_rejected, 0))
    return Sample(counts["hits"], counts["total"])


@dataclass(frozen=True, slots=True)
class WorkEstimate:
    """The time that attempts took by the agreed minutes of each channel.

    `attempts` counts by channel those on rejected leads; `minutes` are the agreed ones, of the commitments `agreed`.
    """

    attempts: Mapping[Channel, int]
    minutes: Mapping[Channel, int]
    agreed: str

    @property
    def time(self) -> dt.timedelta | None:
        """Return the sum; None where no minutes are agreed for any channel that was used, though somebody tried."""
        if not self.minutes or (self.attempts and not self.minutes.keys() & self.attempts.keys()):
            return None
        return dt.timedelta(
            minutes=sum(count * self.minutes.get(channel, 0) for channel, count in self.attempts.items())
        )

    @property
    def left_out(self) -> int:
        """Return how many attempts are of channels without agreed minutes."""
        return sum(count for channel, count in self.attempts.items() if channel not in self.minutes)

    @property
    def sentence(self) -> str:
        """Say how long sales worked on rejected leads, and by which minutes; empty without an estimate."""
        if self.time is None or not self.attempts:
            return ""
        return f"About {_write_hours(self.time)} went into rejected leads, {self.basis}."

    @property
    def basis(self) -> str:
        """Say by which minutes, and which attempts are left out."""
        if not self.minutes:
            return "no minutes of an attempt are agreed"
        basis = f"by {commitments.describe_minutes(self.minutes)} ({self.agreed})"
        return f"{basis}; {self.left_out:,} attempts by other channels are left out" if self.left_out else basis


def estimate_time(decisions: QuerySet[Any], motion: Motion, *, end: dt.datetime) -> WorkEstimate:
    """Estimate the time of the attempts on rejected leads up to the rejection, by what was agreed at the end of the period."""
    agreed = commitments.find_in_force_before(motion, end)
    if agreed is None or not agreed.minutes_by_channel:
        return WorkEstimate({}, {}, "")
    owner = rejection_decisions.name_owner(motion)
    attempts: QuerySet[Any] = PlayAttempt.objects.all() if motion == Motion.AQL else Attempt.objects.all()
    rejected = decisions.filter(decision=DispositionKind.REJECT).order_by().values(owner)
    logged = attempts.filter(**{f"{owner}__in": rejected, "at__lte": F(f"{owner}__decided_at")}).order_by()
    counts = dict(logged.values_list("channel").annotate(count=Count("pk")))
    return WorkEstimate(
        {Channel(channel): count for channel, count in counts.items()},
        agreed.minutes_by_channel,
        str(agreed),
    )


def _write_hours(time: dt.timedelta) -> str:
    """Write a time of work in hours, below two hours in minutes: a day of work has not 24 hours."""
    minutes = round(time.total_seconds() / 60)
    return f"{minutes} minutes" if minutes < _MINUTES_SHOWN else f"{round(minutes / 60):,} hours"


def read_time(rejections: QuerySet[Any]) -> ReportCell:
    """Return the median business time from routing to the rejection, with the number of rejections that it stands on."""
    row = rejections.order_by().aggregate(count=Count("decision_seconds"), middle=Percentile("decision_seconds", 0.5))
    return ReportCell(None if row["middle"] is None else dt.timedelta(seconds=row["middle"]), sample=row["count"])
