"""The reports of the motion AQL, counted on account plays: no lead, handoff or deal of a lead is in them (rules 12.14)."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Sum, Value
from django.db.models.functions import Least, TruncMonth, TruncWeek

from config.calendar_periods import CalendarMonth
from definitions.models import Version
from leads.vocabulary import Motion, OutcomeKind
from scoring.models import AccountQualification
from sla.figure_catalogue.cycle_outcomes import OPENED
from sla.models import AccountPlay, PlayDisposition, PlayOutcome
from sla.reports import reason_counts
from sla.reports.pipeline_overview import (
    PIPELINE_OVER,
    Dashboard,
    DecisionCounts,
    PipelineMoney,
    WaitingWork,
    list_months,
)
from sla.reports.reason_counts import ReasonCount
from sla.reports.volume_and_yield import MONTHS, OPPORTUNITY_TIME, DeliveredVolume, RepYield, build_volume
from sla.reports.weekly_cohorts import WEEKS_SHOWN, WeeklyCohort
from sla.vocabulary import DispositionKind, PlayState

_ACCEPTED = Q(disposition__kind=DispositionKind.ACCEPT)
_REJECTED = Q(disposition__kind=DispositionKind.REJECT)


def build_overview(*, now: dt.datetime) -> Dashboard:
    """Build the overview of all plays. Ten queries."""
    since = now - PIPELINE_OVER
    return Dashboard(
        motion=Motion.AQL,
        since=since,
        pipeline=sum_outcomes(OutcomeKind.OPPORTUNITY, since, now),
        before=sum_outcomes(OutcomeKind.OPPORTUNITY, since - PIPELINE_OVER, since - dt.timedelta.resolution),
        of_all=None,
        won=sum_outcomes(OutcomeKind.WON, since, now),
        months=_count_decisions(now),
        reasons=count_reasons(now),
        waiting=_count_waiting(now),
    )


def select_outcomes(kind: OutcomeKind, since: dt.datetime, until: dt.datetime) -> QuerySet[PlayOutcome]:
    """Return the deals of plays in [since, until]."""
    return PlayOutcome.objects.filter(kind=kind, at__gte=since, at__lte=until).select_related("play__company")


def count_reasons(now: dt.datetime) -> list[ReasonCount]:
    """Count the rejections of plays over the months of the overview by reason and detail, the most frequent first."""
    rejections = PlayDisposition.objects.filter(
        kind=DispositionKind.REJECT, at__gte=list_months(now)[0].start, at__lt=now
    )
    return reason_counts.build_rows(rejections, {})


def read_delivered_months(*, now: dt.datetime, count: int = MONTHS) -> list[DeliveredVolume]:
    """Read the companies that qualified in the running month and those before it, beside the number agreed."""
    months = [CalendarMonth.containing(now, months_back=back) for back in range(count)]
    return [_count_delivered(month, now) for month in months]


def read_yields(plays: QuerySet[AccountPlay], *, start: dt.datetime, end: dt.datetime) -> list[RepYield]:
    """Read the results of the plays made in `[start, end)` by the rep who owns them, in two queries."""
    owned = plays.filter(created_at__gte=start, created_at__lt=end, rep__isnull=False)
    met = Q(meeting_at__isnull=False)
    opened = Q(outcomes__kind__in=(OutcomeKind.OPPORTUNITY, OutcomeKind.WON))
    # The joins repeat a play for each of its outcomes, so every count is of distinct plays.
    counted = (
        owned.order_by()
        .values("rep")
        .annotate(
            assigned=Count("pk", distinct=True),
            meetings=Count("pk", distinct=True, filter=met),
            opened_after_meeting=Count("pk", distinct=True, filter=met & opened),
        )
    )
    columns = ("assigned", "meetings", "opened_after_meeting")
    counts_by_rep = {rep: numbers for rep, *numbers in counted.values_list("rep", *columns)}
    # Each rep by the name on the latest record, which a closed one keeps.
    latest = owned.select_related("rep__user").order_by("rep", "-created_at", "-pk").distinct("rep")
    names = {row.rep_id: row.rep_label for row in latest}
    rows = [RepYield(rep, names[rep], *numbers) for rep, numbers in counts_by_rep.items()]
    return sorted(rows, key=lambda row: (row.name.casefold(), row.rep))


def read_weekly_cohorts(version: Version, *, now: dt.datetime) -> list[WeeklyCohort]:
    """Read what became of a version's plays by the week in which their companies qualified, the newest first."""
    plays = AccountPlay.objects.filter(version=version, qualification__at__lte=now)
    weekly = plays.annotate(week=TruncWeek("qualification__at", tzinfo=ZoneInfo(settings.COMPANY_TIME_ZONE)))
    counted = (
        weekly.order_by()
        .values("week")
        .annotate(
            made=Count("pk"),
            accepted=Count("pk", filter=_ACCEPTED),
            rejected=Count("pk", filter=_REJECTED),
            untouched=Count("pk", filter=Q(disposition=None, first_contact_at=None)),
        )
        .order_by("-week")
    )
    return [
        WeeklyCohort(row["week"].date(), row["made"], row["accepted"], row["rejected"], row["untouched"])
        for row in counted[:WEEKS_SHOWN]
    ]


def sum_outcomes(kind: OutcomeKind, since: dt.datetime, until: dt.datetime) -> PipelineMoney:
    """Sum the deals of plays, which are in the currency of the installation."""
    totals = select_outcomes(kind, since, until).aggregate(
        total=Sum("amount"), count=Count("pk"), unpriced=Count("pk", filter=Q(amount=None))
    )
    amounts = {} if totals["total"] is None else {settings.CURRENCY: totals["total"]}
    return PipelineMoney(amounts, totals["count"], totals["unpriced"])


def _count_decisions(now: dt.datetime) -> list[DecisionCounts]:
    months = list_months(now)
    decisions = PlayDisposition.objects.filter(at__gte=months[0].start, at__lte=now)
    monthly = decisions.annotate(month=TruncMonth("at", tzinfo=ZoneInfo(settings.COMPANY_TIME_ZONE))).values("month")
    counted = monthly.order_by().annotate(
        accepted=Count("pk", filter=Q(kind=DispositionKind.ACCEPT)),
        rejected=Count("pk", filter=Q(kind=DispositionKind.REJECT)),
    )
    counts = {f"{row['month']:%Y-%m}": (row["accepted"], row["rejected"]) for row in counted}
    return [DecisionCounts(month.name, *counts.get(month.name, (0, 0))) for month in months]


def _count_waiting(now: dt.datetime) -> WaitingWork:
    open_plays: QuerySet[AccountPlay] = AccountPlay.objects.open()
    counts = open_plays.aggregate(
        unrouted=Count("pk", filter=Q(state=PlayState.UNROUTED)),
        to_decide=Count("pk", filter=Q(state=PlayState.ASSIGNED)),
        overdue=Count("pk", filter=Q(rep__isnull=False, due_at__lt=now)),
    )
    return WaitingWork(not_handed_over=AccountQualification.objects.waiting().count(), **counts)


def _count_delivered(month: CalendarMonth, now: dt.datetime) -> DeliveredVolume:
    opened = PlayOutcome.objects.filter(
        play__qualification=OuterRef("pk"),
        kind__in=OPENED,
        at__lte=Least(Value(now), OuterRef("at") + OPPORTUNITY_TIME),
    )
    qualified = AccountQualification.objects.filter(at__gte=month.start, at__lt=month.end)
    counts = qualified.aggregate(count=Count("pk"), opportunities=Count("pk", filter=Exists(opened)))
    return build_volume(Motion.AQL, month, now, **counts, complete=None)
