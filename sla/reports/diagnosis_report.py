"""The diagnosis: too loose, too tight, no shared ownership or healthy, with the inputs that it stands on (rules 12.55, 12.56, 12.80)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final

from django.conf import settings
from django.urls import reverse

from config.accounts.models import User
from config.calendar_periods import CalendarMonth
from config.ui import formats
from leads.vocabulary import READERS_OF_LEADS, Motion, OutcomeKind
from sla.figure_catalogue.catalogue import MQL_TO_OPPORTUNITY
from sla.figure_catalogue.pipeline_figures import PIPELINE
from sla.figure_catalogue.promise_figures import DELIVERED, DELIVERED_SHARE
from sla.figure_catalogue.satisfaction_figures import SATISFACTION
from sla.figure_catalogue.version_comparison_figures import COHORT_REJECTION, UNTOUCHED
from sla.reports import (
    diagnosis_rules,
    pipeline_sums,
    satisfaction_results,
    version_counts,
    versions_report,
    volume_and_yield,
)
from sla.reports.conversion_rows import is_still_maturing
from sla.reports.diagnosis_rules import DIAGNOSES, Diagnosis, DiagnosisInputs, RuleFinding
from sla.reports.framework import row_rights
from sla.reports.framework.figure_rows import FigureRow, FigureRows
from sla.reports.framework.report_entry import ReportEntry
from sla.reports.framework.report_period import ReportPeriod
from sla.reports.framework.report_query import ReportQuery
from sla.reports.framework.report_shape import (
    MoneySums,
    Report,
    ReportCard,
    ReportCell,
    ReportColumn,
    ReportRow,
    ReportSection,
    ReportTable,
)
from sla.reports.funnel_tables import NAME as FUNNEL
from sla.reports.pipeline_sums import PipelineMoney
from sla.reports.satisfaction_results import SatisfactionResult
from sla.reports.version_counts import VersionCounts

NAME: Final = "diagnosis"
#: The list of the deals behind the pipeline.
OPPORTUNITIES: Final = "opportunities"
_TONES: Final[Mapping[RuleFinding, str]] = {RuleFinding.HOLDS: "bad", RuleFinding.NOT: "", RuleFinding.TOO_FEW: "warn"}


def build(query: ReportQuery, *, reader: User, now: dt.datetime) -> Report:
    """Build the diagnosis of the motion as a whole: it has no filters."""
    counts, counts_before = (_count(query, reader, period, now) for period in (query.period, query.period.before))
    pipeline, pipeline_before = (_read_pipeline(query.motion, period) for period in (query.period, query.period.before))
    delivered, agreed = _read_delivered(query, now)
    pulse, pulse_before = (_read_pulse(period, now) for period in (query.period, query.period.before))
    inputs = DiagnosisInputs(
        mqls=counts.steps["mql"],
        mqls_before=counts_before.steps["mql"],
        delivered=delivered,
        agreed=agreed,
        pipeline=_home_amount(pipeline),
        pipeline_before=_home_amount(pipeline_before),
        opportunities=pipeline.count,
        opportunities_before=pipeline_before.count,
        rejection=counts.rejection,
        untouched=counts.untouched_share,
        satisfaction=None if pulse.is_hidden or not pulse.answers else Fraction(pulse.total, pulse.answers),
    )
    findings = diagnosis_rules.diagnose(inputs)
    return Report(
        name=NAME,
        title="Diagnosis",
        motion=query.motion,
        period=query.period,
        headline=_describe(inputs, findings),
        sections=(
            ReportSection(
                "inputs",
                "What it stands on",
                cards=(
                    *_build_inputs(query, inputs, counts, counts_before, pipeline, pipeline_before, now),
                    _build_pulse(query, pulse, pulse_before),
                ),
            ),
            _build_findings(inputs, findings),
        ),
        notes=(
            "The rules compare a period with the one before it. A longer period has larger samples.",
            f"Pipelines are compared in {settings.CURRENCY}; those of other currencies stand beside them and are not added.",
        ),
    )


def _count(query: ReportQuery, reader: User, period: ReportPeriod, now: dt.datetime) -> VersionCounts:
    weeks = version_counts.read_weeks(row_rights.select_mqls(query, reader), period, query.motion, now)
    return version_counts.add_up(weeks, query.motion)


def _read_pipeline(motion: Motion, period: ReportPeriod) -> PipelineMoney:
    return pipeline_sums.sum_deals(motion, OutcomeKind.OPPORTUNITY, start=period.start, end=period.end)


def _read_pulse(period: ReportPeriod, now: dt.datetime) -> SatisfactionResult:
    """Return what sales answered in the newest month of a period that is over and shown, else in the newest one."""
    month = CalendarMonth.containing(min(period.end, now), months_back=1)
    newest = result = satisfaction_results.read_month(month)
    while (result.is_hidden or not result.answers) and month.start > period.start:
        month = CalendarMonth.containing(month.start, months_back=1)
        result = satisfaction_results.read_month(month)
    return newest if result.is_hidden or not result.answers else result


def _build_pulse(query: ReportQuery, pulse: SatisfactionResult, before: SatisfactionResult) -> ReportCard:
    """Build the satisfaction of sales, of all motions together; its rows are the months, as no answer is of a person."""
    href = f"{reverse('sla_report')}?motion={query.motion}#{satisfaction_results.KEY}" if pulse.answers else ""
    note = f"{pulse.label}: {pulse.answers:,} of {pulse.asked:,} answered" if pulse.asked else "nobody was asked yet"
    return ReportCard(
        satisfaction_results.KEY,
        SATISFACTION,
        ReportCell(None if pulse.is_hidden else pulse.mean, sample=pulse.answers, href=href),
        None if before.is_hidden or before.mean is None else ReportCell(before.mean, sample=before.answers),
        target=ReportCell(float(diagnosis_rules.CONTENT_FROM)),
        note=f"{note}, too few to be shown" if pulse.is_hidden and pulse.asked else note,
    )


def _home_amount(pipeline: PipelineMoney) -> Decimal:
    return pipeline.amounts.get(settings.CURRENCY, Decimal(0))


def _read_delivered(query: ReportQuery, now: dt.datetime) -> tuple[int, int]:
    """Return the MQLs delivered and agreed in the calendar months that are over and lie within the period."""
    delivered = agreed = 0
    month = CalendarMonth.containing(query.period.start)
    while month.end <= min(query.period.end, now):
        if month.start >= query.period.start and (number := volume_and_yield.read_agreed_volume(query.motion, month)):
            delivered += volume_and_yield.count_delivered(query.motion, month)
            agreed += number
        month = CalendarMonth.containing(month.end)
    return delivered, agreed


def _build_inputs(
    query: ReportQuery,
    inputs: DiagnosisInputs,
    counts: VersionCounts,
    counts_before: VersionCounts,
    pipeline: PipelineMoney,
    pipeline_before: PipelineMoney,
    now: dt.datetime,
) -> tuple[ReportCard, ...]:
    share = inputs.delivered_share
    is_young = is_still_maturing(query.period.end, "sal", now)
    of_months = f"{inputs.delivered:,} of {inputs.agreed:,} agreed" if inputs.agreed else "no month within it is agreed"
    return (
        ReportCard(
            "delivered", DELIVERED, ReportCell(inputs.mqls, href=_rows(query, "mql", inputs.mqls)),
            ReportCell(inputs.mqls_before), note=_describe_change(inputs.volume_change),
        ),
        ReportCard(
            "mql_to_opportunity", MQL_TO_OPPORTUNITY,
            ReportCell(
                counts.to_opportunity, is_maturing=is_still_maturing(query.period.end, "opportunity", now),
                href=query.link("report_rows", FUNNEL, figure="opportunity") if counts.to_opportunity.hits else "",
            ),
            ReportCell(counts_before.to_opportunity),
        ),
        ReportCard(
            "delivered_share", DELIVERED_SHARE,
            ReportCell(
                None if share is None else float(share), sample=inputs.delivered if inputs.agreed else None,
                href="" if share is None else f"{query.link('sla_report')}#marketing",
            ),
            target=None if share is None else ReportCell(1.0), note=of_months,
        ),
        ReportCard(
            "pipeline", PIPELINE, _money_cell(pipeline, _rows(query, OPPORTUNITIES, pipeline.count)), _money_cell(pipeline_before),
            note=_describe_change(inputs.pipeline_change),
        ),
        ReportCard(
            "cohort_rejection", COHORT_REJECTION,
            ReportCell(counts.rejection, href=_rows(query, "rejected", counts.rejected), is_maturing=is_young),
            ReportCell(counts_before.rejection), ReportCell(float(diagnosis_rules.REJECTION_LINE)),
        ),
        ReportCard(
            "untouched", UNTOUCHED,
            ReportCell(counts.untouched_share, href=_rows(query, "untouched", counts.untouched), is_maturing=is_young),
            ReportCell(counts_before.untouched_share), ReportCell(float(diagnosis_rules.UNTOUCHED_LINE)),
        ),
    )  # fmt: skip


def _build_findings(inputs: DiagnosisInputs, findings: Mapping[str, RuleFinding]) -> ReportSection:
    columns = (
        ReportColumn("finding", "Says"),
        ReportColumn("why", "Because"),
        ReportColumn("rule", "The rule"),
        ReportColumn("consequence", "What follows if it holds"),
    )
    rows = tuple(
        ReportRow(
            diagnosis.key,
            diagnosis.name,
            (
                ReportCell(str(findings[diagnosis.key]), tone=_tone(diagnosis, findings[diagnosis.key])),
                ReportCell(_explain(diagnosis, inputs, findings)),
                ReportCell(diagnosis.rule),
                ReportCell(diagnosis.consequence),
            ),
        )
        for diagnosis in DIAGNOSES
    )
    table = ReportTable("findings", "The four diagnoses and their rules", "Diagnosis", columns, rows)
    return ReportSection("findings", "What the rules say", table=table)


def _describe(inputs: DiagnosisInputs, findings: Mapping[str, RuleFinding]) -> str:
    """Return the headline: the diagnoses that hold with what follows, or that nothing can be said yet."""
    holding = [diagnosis for diagnosis in DIAGNOSES if findings[diagnosis.key] == RuleFinding.HOLDS]
    if holding:
        return " ".join(f"{diagnosis.name}. {diagnosis.consequence}" for diagnosis in holding)
    if inputs.satisfaction is not None and RuleFinding.TOO_FEW not in findings.values():
        return f"None of the rules holds, but sales gives its leads {float(inputs.satisfaction):.1f} of 5: ask what is lacking."
    open_ones = [diagnosis.name for diagnosis in DIAGNOSES[:-1] if findings[diagnosis.key] == RuleFinding.TOO_FEW]
    return f"Not enough to say: the samples are too small to tell whether it is {' or '.join(open_ones).lower()}."


def _explain(diagnosis: Diagnosis, inputs: DiagnosisInputs, findings: Mapping[str, RuleFinding]) -> str:
    """Return the figures that the rule of a diagnosis read."""
    if diagnosis is diagnosis_rules.HEALTHY:
        others = ", ".join(f"{other.name.lower()}: {findings[other.key]}" for other in DIAGNOSES[:-1])
        return f"{others}. {_describe_pulse(inputs)}"
    share = inputs.delivered_share
    volume = "no number agreed" if share is None else f"{formats.percent(float(share))} of the agreed number"
    if diagnosis is diagnosis_rules.TOO_LOOSE:
        return (
            f"Volume {_describe_change(inputs.volume_change)}, {volume}. Pipeline {_describe_change(inputs.pipeline_change)}, with"
            f" {inputs.opportunities:,} opportunities after {inputs.opportunities_before:,}."
        )
    rejection = f"{formats.percent(inputs.rejection.rate)} of {inputs.rejection.total:,} rejected"
    if diagnosis is diagnosis_rules.TOO_TIGHT:
        return f"Volume {_describe_change(inputs.volume_change)}, {volume}; {rejection}. {_describe_pulse(inputs)}"
    untouched = inputs.untouched
    return f"{rejection}; {formats.percent(untouched.rate)} of {untouched.total:,} untouched."


def _describe_pulse(inputs: DiagnosisInputs) -> str:
    if inputs.satisfaction is None:
        return "Too few of sales said how good the leads are."
    return f"Sales gives its leads {float(inputs.satisfaction):.1f} of 5."


def _describe_change(change: Fraction | None) -> str:
    if change is None:
        return "none before"
    return f"{float(change) * 100:+.0f}\u202f% on the period before"


def _tone(diagnosis: Diagnosis, finding: RuleFinding) -> str:
    return "good" if diagnosis is diagnosis_rules.HEALTHY and finding == RuleFinding.HOLDS else _TONES[finding]


def _money_cell(pipeline: PipelineMoney, href: str = "") -> ReportCell:
    amounts = tuple(sorted(pipeline.amounts.items()))
    note = f"{pipeline.count:,} opportunities" + (
        f", {pipeline.unpriced:,} without an amount" if pipeline.unpriced else ""
    )
    return ReportCell(MoneySums(amounts) if amounts else None, sample=pipeline.count, href=href, note=note)


def _rows(query: ReportQuery, figure: str, count: int) -> str:
    return query.link("report_rows", NAME, figure=figure) if count else ""


def list_rows(figure: str, query: ReportQuery, *, reader: User, now: dt.datetime) -> FigureRows | None:
    """Return the MQLs of the period, those that were rejected or left untouched, or the opportunities that were opened in it."""
    if figure == OPPORTUNITIES:
        return _list_opportunities(query)
    return versions_report.list_rows(figure, query, reader=reader, now=now)


def _list_opportunities(query: ReportQuery) -> FigureRows:
    """Return the deals that the pipeline sums, as `_read_pipeline` does; of companies those of their plays."""
    period = query.period
    deals = pipeline_sums.select_deals(query.motion, OutcomeKind.OPPORTUNITY, start=period.start, end=period.end)
    about = ("play__company", "play__rep__user") if query.motion == Motion.AQL else ("lead__company",)
    return FigureRows("Opportunities", deals.select_related(*about), _write_deal)


def _write_deal(deal: Any) -> FigureRow:
    play = getattr(deal, "play", None)
    currency = getattr(deal, "currency", "") or settings.CURRENCY
    amount = "no amount is stated" if deal.amount is None else formats.money(deal.amount, currency)
    return FigureRow(
        label=str(play.company) if play else deal.lead.name,
        company="" if play else str(deal.lead.company or ""),
        href=reverse("play", args=[play.pk]) if play else reverse("lead", args=[deal.lead_id]),
        owner=play.rep_label if play else "",
        tier=play.tier if play else None,
        state="Opportunity",
        tone="sales",
        at=deal.at,
        why=f"Opened in the period: {amount}.",
    )


ENTRY: Final = ReportEntry(NAME, "Diagnosis", build, readers=READERS_OF_LEADS, filters=(), list_rows=list_rows)
