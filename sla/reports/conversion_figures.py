"""The conversions of a motion's definitions on the overview, from the catalogue of figures (rules 12.16)."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace

from config.calendar_periods import CalendarQuarter
from definitions import versions
from definitions.models import Definition
from leads.vocabulary import Motion
from sla.commitments import commitments
from sla.figure_catalogue import readings, version_figures
from sla.figure_catalogue.catalogue import MQL_TO_OPPORTUNITY, MQL_TO_SQL, SAL_TO_SQL, RateReading
from sla.reports import opportunity_target
from sla.reports.opportunity_target import TargetJudgement


@dataclass(frozen=True, slots=True)
class ConversionRow:
    """A rate of a definition in a closed quarter; each lead had `days` to convert.

    `target` is what the commitments agreed at the quarter's end, a quotient of 1; rates that have none have no judgement.
    """

    definition: str
    name: str
    sentence: str
    quarter: CalendarQuarter
    days: int
    reading: RateReading
    judgement: TargetJudgement | None = None
    target: float | None = None


def list_conversions(motion: Motion, *, now: dt.datetime) -> list[ConversionRow]:
    """Read the conversions of each definition of a motion whose version is in force; companies have no SQLs."""
    figures = (MQL_TO_OPPORTUNITY,) if motion == Motion.AQL else (SAL_TO_SQL, MQL_TO_SQL, MQL_TO_OPPORTUNITY)
    in_force = Definition.objects.filter(motion=motion, versions__state="active").order_by("pk")
    rows = []
    for definition in in_force:
        for figure in figures:
            quarter, within = readings.find_mature_quarter(figure, now), figure.matures_after
            sample = readings.read_rate(
                figure, definition=definition, start=quarter.start, end=quarter.end, now=now, within=within
            )
            if sample.total:
                name, sentence = figure.name_for(motion), figure.sentence_for(motion)
                days = within.days if within else 0
                as_agreed = version_figures.apply_range(figure, versions.find_in_force(definition, quarter.end))
                reading = RateReading(as_agreed, sample)
                row = ConversionRow(str(definition), name, sentence, quarter, days, reading)
                rows.append(_with_target(row, motion) if figure is MQL_TO_OPPORTUNITY else row)
    return rows


def _with_target(row: ConversionRow, motion: Motion) -> ConversionRow:
    agreed = commitments.find_in_force_before(motion, row.quarter.end)
    percent = agreed.opportunity_percent if agreed else None
    target = None if percent is None else percent / 100
    judgement = opportunity_target.judge(row.reading.sample, target, motion)
    return replace(row, target=target, judgement=judgement)
