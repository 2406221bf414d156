"""The funnel report: from lead to won, as a cohort and as a period, by group, with the alarm of its trends (rules 12.28, 12.29)."""

from __future__ import annotations

import datetime as dt
from typing import Any, Final

from django.db.models import Exists, OuterRef, QuerySet
from django.urls import reverse

from config.accounts.models import User
from config.web import QueryRefused, typed_number
from leads.vocabulary import READERS_OF_LEADS, Motion
from scoring.backtests.intervals_and_tests import Sample
from scoring.models import Qualification
from sla import permissions
from sla.commitments import commitments
from sla.figure_catalogue.funnel_figures import MATURES_AFTER
from sla.figure_catalogue.readings import BAND_POINTS, score_band
from sla.reports import conversion_rows, funnel_steps, funnel_tables, mql_outcomes, opportunity_target
from sla.reports.framework import headlines, row_rights
from sla.reports.framework.figure_rows import FigureRow, FigureRows
from sla.reports.framework.headlines import RateTrend
from sla.reports.framework.report_entry import ReportEntry
from sla.reports.framework.report_query import ReportQuery, RowFilters
from sla.reports.framework.report_shape import Report, ReportCard, ReportCell, ReportSection
from sla.reports.funnel_tables import NAME, FunnelCohort
from sla.reports.mql_outcomes import STEP_NAMES


def build(query: ReportQuery, *, reader: User, now: dt.datetime) -> Report:
    """Build the funnel of the MQLs that the reader may see."""
    mqls = row_rights.select_mqls(query, reader)
    cohort = funnel_tables.read_cohort(query, mqls, now)
    cohorts, trends = funnel_tables.build_cohorts_in_time(cohort)
    leads = funnel_steps.build_leads(query, now)
    sections = [
        _build_rates(cohort, trends),
        *([leads] if leads else []),
        funnel_tables.build_cohort(cohort),
        cohorts,
        funnel_steps.build_steps_taken(query, mqls, now),
        *funnel_tables.build_groups(cohort),
    ]
    if query.motion != Motion.AQL:
        sections.append(funnel_tables.build_matrix(cohort))
    return Report(
        name=NAME,
        title="Funnel",
        motion=query.motion,
        period=query.period,
        headline=cohorts.headline,
        sections=tuple(sections),
        notes=(
            "Outcomes are those of the person, up to the next time that the lead qualified; motions are never summed.",
        ),
    )


def _build_rates(cohort: FunnelCohort, trends: list[RateTrend]) -> ReportSection:
    """Build the conversions of the period, compared with the period before; an alarm of the trend outranks the level."""
    query, now, counts = cohort.query, cohort.now, cohort.totals
    at_age, at_age_before = _compare_at_age(cohort)
    target = _read_target(query)
    cards = []
    for step, trend in zip(mql_outcomes.list_steps(query.motion), trends, strict=True):
        is_maturing = conversion_rows.is_still_maturing(query.period.end, step, now)
        href = query.link("report_rows", NAME, figure=step) if counts[step] else ""
        days = f"within {MATURES_AFTER[step].days} days"
        remarks = [f"Alarm: {trend.sentence}"] if trend.is_alarming else []
        tone = "bad" if trend.is_alarming else ""
        if step == "opportunity" and _is_of_everybody(query):
            judgement = opportunity_target.judge(at_age.get(step, Sample(0, 0)), target, query.motion)
            remarks.append(f"{days}: {judgement.remark}" if target is not None else judgement.remark)
            tone = tone or judgement.tone
        cards.append(
            ReportCard(
                step,
                cohort.rates[step],
                ReportCell(Sample(counts[step], counts["mql"]), href=href, is_maturing=is_maturing),
                before=ReportCell(at_age_before[step]) if step in at_age_before else None,
                target=ReportCell(target) if step == "opportunity" and target is not None else None,
                tone=tone,
                note="; ".join(remarks),
                compared=ReportCell(at_age[step], note=days) if step in at_age else None,
            )
        )
    return ReportSection("rates", "Conversion", cards=tuple(cards))


def _is_of_everybody(query: ReportQuery) -> bool:
    """Say whether a report is of a whole motion: the target is promised for that, and not for a source or a team."""
    return query.filters == RowFilters()


def _read_target(query: ReportQuery) -> float | None:
    """Return the agreed MQL→opportunity at the end of the period as a quotient of 1; None for a part of the motion."""
    agreed = commitments.find_in_force_before(query.motion, query.period.end) if _is_of_everybody(query) else None
    percent = agreed.opportunity_percent if agreed else None
    return None if percent is None else percent / 100


def _compare_at_age(cohort: FunnelCohort) -> tuple[dict[str, Sample], dict[str, Sample]]:
    """Return the conversions within the time that each step takes, of this period and of the one before (rules 12.71).

    Only of MQLs that have had this time; steps for which nobody of the period has are left out, and not asked for.
    """
    query, now, before = cohort.query, cohort.now, cohort.query.period.before
    if not cohort.at_age:
        return {}, {}
    ages = funnel_tables.list_ages(query, now)
    at_age = {step: headlines.add_samples([samples[step] for samples in cohort.at_age.values()]) for step in ages}
    return at_age, mql_outcomes.count_at_age(cohort.mqls, query.motion, now, ages, start=before.start, end=before.end)


def list_rows(figure: str, query: ReportQuery, *, reader: User, now: dt.datetime) -> FigureRows | None:
    """Return the MQLs that came to a step, `mql` all of them; `band`, `fit` and `engagement` narrow them by points."""
    steps = ("mql", *mql_outcomes.list_steps(query.motion))
    if figure not in steps:
        return None
    rows = funnel_tables.in_period(row_rights.select_mqls(query, reader), query.period)
    rows = _narrow(mql_outcomes.with_steps(rows, query.motion, now), query)
    if figure != "mql":
        rows = rows.filter(**{f"is_{figure}": True})
    name = (
        f"{query.motion.upper()}s" if figure == "mql" else f"{query.motion.upper()}s that became {STEP_NAMES[figure]}"
    )
    return FigureRows(name, with_page_facts(rows, query, reader), write_mql)


def with_page_facts(mqls: QuerySet[Any], query: ReportQuery, reader: User) -> QuerySet[Any]:
    """Read with MQLs what `write_mql` shows of them; `opens_work` says whether the reader may open their handoff or play."""
    is_company = query.motion == Motion.AQL
    owner, about = ("play", "company") if is_company else ("handoff", "lead__company")
    visible: QuerySet[Any] = permissions.plays_visible_to(reader) if is_company else permissions.visible_to(reader)
    if not is_company:
        mqls = Qualification.objects.filter(pk__in=mqls.order_by().values("pk"))
    mqls = mqls.annotate(opens_work=Exists(visible.filter(qualification=OuterRef("pk"))))
    return mqls.select_related(about, f"{owner}__rep__user", f"{owner}__team").defer("evidence")


def write_mql(mql: Any) -> FigureRow:
    """Write an MQL, or a company that qualified, of `with_page_facts` as a row of a list."""
    is_company = hasattr(mql, "company_id")
    owner = getattr(mql, "play" if is_company else "handoff", None)
    if owner is not None and mql.opens_work:
        href = reverse("play" if is_company else "handoff", args=[owner.pk])
    else:
        href = reverse("company", args=[mql.company_id]) if is_company else reverse("lead", args=[mql.lead_id])
    return FigureRow(
        label=str(mql.company) if is_company else mql.lead.name,
        company="" if is_company else str(mql.lead.company or ""),
        href=href,
        owner=owner.rep_label if owner else "",
        tier=mql.tier,
        state=owner.get_state_display() if owner else "Not handed over",
        tone=owner.state_tone if owner else "",
        at=mql.at,
        why=mql.why,
    )


def _narrow(rows: QuerySet[Any], query: ReportQuery) -> QuerySet[Any]:
    """Keep the MQLs of the bands of points that the address names. Raises QueryRefused."""
    for name in ROW_PARAMETERS:
        text = query.parameters.get(name)
        if text is None:
            continue
        low = typed_number(text)
        if low is None or low % BAND_POINTS or query.motion == Motion.AQL:
            raise QueryRefused(name, f"must be the lower end of a band of points: a multiple of {BAND_POINTS}.")
        if name == "band":
            rows = rows.annotate(band=score_band()).filter(band=low)
        else:
            rows = rows.filter(**{f"{name}__gte": low, f"{name}__lt": low + BAND_POINTS})
    return rows


ROW_PARAMETERS: Final = ("band", "fit", "engagement")
ENTRY: Final = ReportEntry(
    NAME, "Funnel", build, readers=READERS_OF_LEADS, list_rows=list_rows, row_parameters=ROW_PARAMETERS
)
