"""The leaders' overview of a motion: its pipeline, then acceptance, then waiting work (rules 12.3)."""

from __future__ import annotations

import datetime as dt
from calendar import monthrange
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import Count, Q, QuerySet
from django.db.models.functions import TruncMonth

from config.calendar_periods import CalendarMonth
from leads.models import PastDisposition
from leads.vocabulary import Motion, OutcomeKind, PastDecision
from scoring.backtests.intervals_and_tests import Sample
from sla.figure_catalogue.catalogue import ACCEPTANCE, REJECTION, RateReading
from sla.handoffs import creation
from sla.models import Handoff
from sla.reported_mqls import current_rows
from sla.reports import pipeline_sums, reason_counts, waiting_work
from sla.reports.pipeline_sums import PipelineMoney
from sla.reports.reason_counts import ReasonCount
from sla.vocabulary import DispositionKind, HandoffState

PIPELINE_OVER: Final = dt.timedelta(days=90)
MONTHS_SHOWN: Final = 6


@dataclass(frozen=True, slots=True)
class DecisionCounts:
    """A month's standing dispositions, by the month in which the handoffs were decided.

    `imported` of them are decisions from before Accord, from files.
    """

    name: str
    accepted: int
    rejected: int
    imported: int = 0

    @property
    def label(self) -> str:
        return f"{dt.date.fromisoformat(f'{self.name}-01'):%b %Y}"

    @property
    def last_day(self) -> dt.date:
        first = dt.date.fromisoformat(f"{self.name}-01")
        return first.replace(day=monthrange(first.year, first.month)[1])

    @property
    def decided(self) -> int:
        return self.accepted + self.rejected

    @property
    def acceptance(self) -> RateReading:
        return RateReading(ACCEPTANCE, Sample(self.accepted, self.decided))

    @property
    def rejection(self) -> RateReading:
        return RateReading(REJECTION, Sample(self.rejected, self.decided))


@dataclass(frozen=True, slots=True)
class WaitingWork:
    """Work that waits; `not_handed_over` counts qualified leads without a handoff yet."""

    not_handed_over: int
    unrouted: int
    to_decide: int
    overdue: int


@dataclass(frozen=True, slots=True)
class Dashboard:
    """The overview of a motion.

    `pipeline` and `won` are of the PIPELINE_OVER up to now, `before` is the pipeline of as long a time before it, and
    `of_all` that of all leads, handed to sales or not; None for companies, whose deals are those of their plays.
    """

    motion: Motion
    since: dt.datetime
    pipeline: PipelineMoney
    before: PipelineMoney
    of_all: PipelineMoney | None
    won: PipelineMoney
    months: list[DecisionCounts]
    reasons: list[ReasonCount]
    waiting: WaitingWork

    @property
    def shares(self) -> list[tuple[str, float]]:
        """Return the share of the pipeline in that of all leads by currency; currencies without any are left out."""
        everything = {} if self.of_all is None else self.of_all.amounts
        return [
            (code, float(self.pipeline.amounts.get(code, Decimal(0)) / total))
            for code, total in sorted(everything.items())
            if total > 0
        ]

    @property
    def month(self) -> DecisionCounts:
        return self.months[-1]

    @property
    def has_decisions(self) -> bool:
        return any(month.decided for month in self.months)


def build_overview(*, motion: Motion, now: dt.datetime) -> Dashboard:
    """Build the overview of one motion alone: motions are never summed (rules 2.7, 2.8). Eleven queries."""
    handoffs = Handoff.objects.filter(motion=motion)
    since = now - PIPELINE_OVER
    return Dashboard(
        motion=motion,
        since=since,
        pipeline=pipeline_sums.sum_deals(motion, OutcomeKind.OPPORTUNITY, start=since, end=now),
        before=pipeline_sums.sum_deals(motion, OutcomeKind.OPPORTUNITY, start=since - PIPELINE_OVER, end=since),
        of_all=pipeline_sums.sum_pipeline_of_all_leads(motion, start=since, end=now),
        won=pipeline_sums.sum_deals(motion, OutcomeKind.WON, start=since, end=now),
        months=_count_decisions(motion, now),
        reasons=count_reasons(motion, now),
        waiting=_count_waiting(motion, handoffs, now),
    )


def list_deals(motion: Motion, kind: OutcomeKind, *, now: dt.datetime) -> QuerySet[Any]:
    """Return the deals behind the overview's pipeline or won amounts."""
    about = "play__company" if motion == Motion.AQL else "lead__company"
    deals = pipeline_sums.select_deals(motion, kind, start=now - PIPELINE_OVER, end=now)
    return deals.select_related(about)


def count_reasons(motion: Motion, now: dt.datetime) -> list[ReasonCount]:
    """Count the rejections of the last MONTHS_SHOWN months by reason."""
    return reason_counts.count_reasons(motion=motion, start=list_months(now)[0].start, end=now)


def list_months(now: dt.datetime) -> list[CalendarMonth]:
    """Return the months of the overview, the oldest first."""
    return [CalendarMonth.containing(now, months_back=back) for back in reversed(range(MONTHS_SHOWN))]


def _count_decisions(motion: Motion, now: dt.datetime) -> list[DecisionCounts]:
    """Count what sales accepted and rejected in the last MONTHS_SHOWN months, the oldest first."""
    months = list_months(now)
    zone = ZoneInfo(settings.COMPANY_TIME_ZONE)
    decided = current_rows.read_mqls().filter(
        motion=motion, decided_at__gte=months[0].start, decided_at__lte=now, decision_at__isnull=False
    )
    rows = decided.annotate(month=TruncMonth("decided_at", tzinfo=zone)).values("month").order_by()
    counted = rows.annotate(
        accepted=Count("pk", filter=Q(decision=DispositionKind.ACCEPT)),
        rejected=Count("pk", filter=Q(decision=DispositionKind.REJECT)),
    )
    counts = {f"{row['month']:%Y-%m}": (row["accepted"], row["rejected"]) for row in counted}
    imported = _count_imported(motion, months[0].start, now)
    return [
        _add_decisions(month.name, counts.get(month.name, (0, 0)), imported.get(month.name, (0, 0))) for month in months
    ]


def _count_imported(motion: Motion, start: dt.datetime, now: dt.datetime) -> dict[str, tuple[int, int]]:
    """Return the accepted and rejected among imported decisions by the name of their month."""
    rows = PastDisposition.objects.filter(motion=motion, at__gte=start, at__lte=now).order_by()
    months = rows.annotate(month=TruncMonth("at", tzinfo=ZoneInfo(settings.COMPANY_TIME_ZONE))).values("month")
    counted = months.annotate(
        accepted=Count("pk", filter=Q(kind=PastDecision.ACCEPT)),
        rejected=Count("pk", filter=Q(kind=PastDecision.REJECT)),
    )
    return {f"{row['month']:%Y-%m}": (row["accepted"], row["rejected"]) for row in counted}


def _add_decisions(name: str, own: tuple[int, int], imported: tuple[int, int]) -> DecisionCounts:
    return DecisionCounts(name, own[0] + imported[0], own[1] + imported[1], sum(imported))


def _count_waiting(motion: Motion, handoffs: QuerySet[Handoff], now: dt.datetime) -> WaitingWork:
    waiting = handoffs.filter(state__in=(HandoffState.UNROUTED, HandoffState.ASSIGNED, HandoffState.ACCEPTED))
    counts = waiting.aggregate(
        **{count: Count("pk", filter=waiting_work.match(count, now)) for count in waiting_work.NAMES}
    )
    return WaitingWork(not_handed_over=creation.mqls_to_hand_off(now).filter(motion=motion).count(), **counts)
