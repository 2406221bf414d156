"""The steps of the funnel beside its cohort: from lead to MQL, and the steps taken in a period whatever their cohort (rules 12.28)."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet

from leads.models import Lead, StageChange
from leads.vocabulary import Motion, Stage
from scoring.backtests.intervals_and_tests import Sample
from sla.figure_catalogue.funnel_figures import HAPPENED, NEW_LEADS, NEW_MALS, OF_NEW_LEADS
from sla.reports import mql_outcomes
from sla.reports.framework.report_query import ReportQuery
from sla.reports.framework.report_shape import ReportCell, ReportColumn, ReportRow, ReportSection, ReportTable
from sla.reports.mql_outcomes import STEP_NAMES


def build_leads(query: ReportQuery, now: dt.datetime) -> ReportSection | None:
    """Build the steps before the MQL; None where they cannot be told: of companies, and with a filter on MQLs."""
    filters = query.filters
    if query.motion == Motion.AQL or filters != type(filters)(source=filters.source):
        return None
    leads = Lead.objects.filter(
        recorded_at__gte=query.period.start, recorded_at__lt=query.period.end, merged_into__isnull=True
    )
    if filters.source is not None:
        leads = leads.filter(source=filters.source)
    changes = StageChange.objects.filter(
        lead__in=leads.values("pk"), motion=query.motion, to_stage__in=(Stage.MAL, Stage.MQL), at__lte=now
    )
    is_mql = Q(to_stage=Stage.MQL)
    counts = changes.aggregate(mal=Count("lead", distinct=True), mql=Count("lead", distinct=True, filter=is_mql))
    total, to_mal, to_mql = leads.count(), counts["mal"], counts["mql"]
    columns = (ReportColumn("count", "Leads", NEW_LEADS), ReportColumn("rate", "Of the new leads", OF_NEW_LEADS))
    rows = (
        ReportRow("lead", "New leads", (ReportCell(total), ReportCell(None))),
        ReportRow("mal", "MAL or beyond", (ReportCell(to_mal), ReportCell(Sample(to_mal, total)))),
        ReportRow("mql", query.motion.upper(), (ReportCell(to_mql), ReportCell(Sample(to_mql, total)))),
    )
    table = ReportTable("leads", "From lead to MQL", "Step", columns, rows)
    return ReportSection("leads", f"From lead to {query.motion.upper()}", table=table)


def build_steps_taken(query: ReportQuery, mqls: QuerySet[Any], now: dt.datetime) -> ReportSection:
    """Build the steps that were taken in the period and in the one before, whenever the leads had qualified."""
    columns = (ReportColumn("now", "In the period", HAPPENED), ReportColumn("before", "In the period before", HAPPENED))
    rows = [
        ReportRow(
            step,
            STEP_NAMES[step] if step != "mql" else query.motion.upper(),
            tuple(ReportCell(count) for count in _count_taken(query, mqls, step, now)),
        )
        for step in ("mql", *mql_outcomes.list_steps(query.motion))
    ]
    if query.motion != Motion.AQL and query.filters == type(query.filters)():
        counts = _count_new_mals(query)
        rows.insert(0, ReportRow("mal", NEW_MALS.name, tuple(ReportCell(count) for count in counts)))
    table = ReportTable("period", "Steps taken in the period", "Step", columns, tuple(rows))
    note = "Steps of the period are taken by leads of many cohorts: their quotients are no conversion."
    return ReportSection("period", "What happened in this period", table=table, notes=(note,))


def _count_taken(query: ReportQuery, mqls: QuerySet[Any], step: str, now: dt.datetime) -> tuple[int, int]:
    """Count the MQLs that took a step in the period, and in the period before."""
    period, before = query.period, query.period.before
    dated = (
        mql_outcomes.with_step_dates(mqls, step, query.motion, now)
        if step != "mql"
        else mqls.annotate(reached_at=F("at"))
    )
    # Filtered by the dates as well, so that an index on them is used and nothing older is read.
    dated = dated.filter(Q(reached_at__gte=before.start, reached_at__lt=max(before.end, period.end)))
    in_periods = [Q(reached_at__gte=one.start, reached_at__lt=one.end) for one in (period, before)]
    row = dated.order_by().aggregate(now=Count("pk", filter=in_periods[0]), before=Count("pk", filter=in_periods[1]))
    return row["now"], row["before"]


def _count_new_mals(query: ReportQuery) -> tuple[int, int]:
    """Count the leads that first became MAL in the period, and in the period before."""
    period, before = query.period, query.period.before
    became = StageChange.objects.filter(motion=query.motion, to_stage=Stage.MAL)
    earlier = became.filter(lead=OuterRef("lead"), at__lt=OuterRef("at"))
    first = became.filter(~Exists(earlier), at__gte=before.start, at__lt=period.end)
    in_periods = [Q(at__gte=one.start, at__lt=one.end) for one in (period, before)]
    row = first.aggregate(
        **{
            name: Count("lead", filter=condition, distinct=True)
            for name, condition in zip(("now", "before"), in_periods, strict=True)
        }
    )
    return row["now"], row["before"]
