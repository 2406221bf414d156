"""The conversions of a motion's definitions on the overview, from the catalogue of figures (rules 12.16)."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from config.calendar_periods import CalendarQuarter
from definitions import versions
from definitions.models import Definition
from leads.vocabulary import Motion
from sla.figure_catalogue import readings, version_figures
from sla.figure_catalogue.catalogue import MQL_TO_OPPORTUNITY, MQL_TO_SQL, SAL_TO_SQL, RateReading


@dataclass(frozen=True, slots=True)
class ConversionRow:
    """A rate of a definition in a closed quarter; each lead had `days` to convert."""

    definition: str
    name: str
    sentence: str
    quarter: CalendarQuarter
    days: int
    reading: RateReading


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
                rows.append(ConversionRow(str(definition), name, sentence, quarter, days, reading))
    return rows
