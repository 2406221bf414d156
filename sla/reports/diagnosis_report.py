"""The diagnosis: too loose, too tight, no shared ownership or healthy, with the inputs that it stands on (rules 12.55, 12.56)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Final

from django.conf import settings

from config.accounts.models import User
from config.calendar_periods import CalendarMonth
from config.ui import formats
from leads.vocabulary import READERS_OF_LEADS, Motion, OutcomeKind
from sla.figure_catalogue.pipeline_figures import PIPELINE
from sla.figure_catalogue.promise_figures import DELIVERED, DELIVERED_SHARE
from sla.figure_catalogue.version_comparison_figures import COHORT_REJECTION, UNTOUCHED
from sla.reports import diagnosis_rules, pipeline_sums, version_counts, versions_report, volume_and_yield
from sla.reports.conversion_rows import is_still_maturing
from sla.reports.diagnosis_rules import DIAGNOSES, Diagnosis, DiagnosisInputs, RuleFinding
from sla.reports.framework import row_rights
from sla.reports.framework.figure_rows import FigureRows
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
from sla.reports.pipeline_sums import PipelineMoney
from sla.reports.version_counts import VersionCounts

NAME: Final = "diagnosis"
_TONES: Final[Mapping[RuleFinding, str]] = {RuleFinding.HOLDS: "bad", RuleFinding.NOT: "", RuleFinding.TOO_FEW: "warn"}


def build(query: ReportQuery, *, reader: User, now: dt.datetime) -> Report:
    """Build the diagnosis of the motion as a whole: it has no filters."""
    counts, counts_before = (_count(query, reader, period, now) for period in (query.period, query.period.before))
    pipeline, pipeline_before = (_read_pipeline(query.motion, period) for period in (query.period, query.period.before))
    delivered, agreed = _read_delivered(query, now)
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
    )
    findings = diagnosis_rules.diagnose(inputs)
    return Report(
        name=NAME,
        title="Diagnosis",
        motion=query.motion,
        period=query.period,
        headline=_describe(findings),
        sections=(
            _build_inputs(query, inputs, counts, counts_before, pipeline, pipeline_before, now),
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
) -> ReportSection:
    share = inputs.delivered_share
    is_young = is_still_maturing(query.period.end, "sal", now)
    of_months = f"{inputs.delivered:,} of {inputs.agreed:,} agreed" if inputs.agreed else "no month within it is agreed"
    cards = (
        ReportCard(
            "delivered", DELIVERED, ReportCell(inputs.mqls, href=_rows(query, "mql", inputs.mqls)),
            ReportCell(inputs.mqls_before), note=_describe_change(inputs.volume_change),
        ),
        ReportCard(
            "delivered_share", DELIVERED_SHARE, ReportCell(None if share is None else float(share)),
            target=None if share is None else ReportCell(1.0), note=of_months,
        ),
        ReportCard(
            "pipeline", PIPELINE, _money_cell(pipeline), _money_cell(pipeline_before),
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
    return ReportSection("inputs", "What it stands on", cards=cards)


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


def _describe(findings: Mapping[str, RuleFinding]) -> str:
    """Return the headline: the diagnoses that hold with what follows, or that nothing can be said yet."""
    holding = [diagnosis for diagnosis in DIAGNOSES if findings[diagnosis.key] == RuleFinding.HOLDS]
    if holding:
        return " ".join(f"{diagnosis.name}. {diagnosis.consequence}" for diagnosis in holding)
    open_ones = [diagnosis.name for diagnosis in DIAGNOSES[:-1] if findings[diagnosis.key] == RuleFinding.TOO_FEW]
    return f"Not enough to say: the samples are too small to tell whether it is {' or '.join(open_ones).lower()}."


def _explain(diagnosis: Diagnosis, inputs: DiagnosisInputs, findings: Mapping[str, RuleFinding]) -> str:
    """Return the figures that the rule of a diagnosis read."""
    if diagnosis is diagnosis_rules.HEALTHY:
        return ", ".join(f"{other.name.lower()}: {findings[other.key]}" for other in DIAGNOSES[:-1])
    share = inputs.delivered_share
    volume = "no number agreed" if share is None else f"{formats.percent(float(share))} of the agreed number"
    if diagnosis is diagnosis_rules.TOO_LOOSE:
        return (
            f"Volume {_describe_change(inputs.volume_change)}, {volume}. Pipeline {_describe_change(inputs.pipeline_change)}, with"
            f" {inputs.opportunities:,} opportunities after {inputs.opportunities_before:,}."
        )
    rejection = f"{formats.percent(inputs.rejection.rate)} of {inputs.rejection.total:,} rejected"
    if diagnosis is diagnosis_rules.TOO_TIGHT:
        return f"Volume {_describe_change(inputs.volume_change)}, {volume}; {rejection}."
    untouched = inputs.untouched
    return f"{rejection}; {formats.percent(untouched.rate)} of {untouched.total:,} untouched."


def _describe_change(change: Fraction | None) -> str:
    if change is None:
        return "none before"
    return f"{float(change) * 100:+.0f}\u202f% on the period before"


def _tone(diagnosis: Diagnosis, finding: RuleFinding) -> str:
    return "good" if diagnosis is diagnosis_rules.HEALTHY and finding == RuleFinding.HOLDS else _TONES[finding]


def _money_cell(pipeline: PipelineMoney) -> ReportCell:
    amounts = tuple(sorted(pipeline.amounts.items()))
    note = f"{pipeline.count:,} opportunities" + (
        f", {pipeline.unpriced:,} without an amount" if pipeline.unpriced else ""
    )
    return ReportCell(MoneySums(amounts) if amounts else None, sample=pipeline.count, note=note)


def _rows(query: ReportQuery, figure: str, count: int) -> str:
    return query.link("report_rows", NAME, figure=figure) if count else ""


def list_rows(figure: str, query: ReportQuery, *, reader: User, now: dt.datetime) -> FigureRows | None:
    """Return the MQLs of the period, or those that were rejected or left untouched."""
    return versions_report.list_rows(figure, query, reader=reader, now=now)


ENTRY: Final = ReportEntry(NAME, "Diagnosis", build, readers=READERS_OF_LEADS, filters=(), list_rows=list_rows)
