"""The figures by which the plan is measured: before it began, as wanted, and now (rules 12.68)."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any, Final

from config.calendar_periods import CalendarMonth
from config.ui import formats
from definitions.models import Definition
from leads.vocabulary import Motion
from scoring.backtests.intervals_and_tests import Sample
from sla.figure_catalogue import readings
from sla.figure_catalogue.catalogue import ACCEPTANCE, MQL_TO_OPPORTUNITY, MQL_TO_SQL, SMALLEST_SAMPLE, RateFigure
from sla.figure_catalogue.promise_figures import CONTACTED_IN_TIME
from sla.figure_catalogue.satisfaction_figures import SATISFACTION
from sla.models import OverhaulPlan
from sla.reports import compliance, promise_tables, satisfaction_results
from sla.reports.framework import headlines
from sla.vocabulary import ClockKind

#: The days before an instant that a figure is read of.
DAYS_READ: Final = 90
#: The sources' ranges, as texts: what each figure is to be.
TARGETS: Final = {
    str(ACCEPTANCE.key): "70 to 80 %",
    str(MQL_TO_SQL.key): "25 to 35 %",
    str(MQL_TO_OPPORTUNITY.key): "higher",
    CONTACTED_IN_TIME.key: "higher",
    SATISFACTION.key: "higher",
}


@dataclass(frozen=True, slots=True)
class PlanFigure:
    """A figure of the plan, written for people."""

    name: str
    baseline: str
    target: str
    current: str
    explanation: str


def read_figures(motion: Motion, *, at: dt.datetime, since: dt.datetime | None = None) -> dict[str, list[float]]:
    """Read the figures as of an instant, as JSON: a rate as [hits, total], the satisfaction as [mean, answers].

    Each is of the DAYS_READ before the instant, but not before `since`. Conversions are of leads that had their time; the
    satisfaction is that of the last month that is over, unless it was over before `since`.
    """
    start = max(at - dt.timedelta(days=DAYS_READ), since) if since else at - dt.timedelta(days=DAYS_READ)
    conversion = MQL_TO_OPPORTUNITY if motion == Motion.AQL else MQL_TO_SQL
    contacts = [
        row
        for row in compliance.read_figures(motion=motion, start=start, end=at)
        if row.kind == ClockKind.FIRST_CONTACT
    ]
    contact = promise_tables.sample_of(contacts[0] if contacts else None)
    figures = {
        str(ACCEPTANCE.key): _as_json(_read_rate(ACCEPTANCE, motion, start, at, at)),
        str(conversion.key): _as_json(_read_mature(conversion, motion, start, at, since)),
        CONTACTED_IN_TIME.key: _as_json(contact),
    }
    month = CalendarMonth.containing(at, months_back=1)
    answers = satisfaction_results.read_month(month)
    is_of_the_time = since is None or month.end > since
    if is_of_the_time and not answers.is_hidden and answers.mean is not None:
        figures[SATISFACTION.key] = [answers.mean, answers.answers]
    return figures


def compare(plan: OverhaulPlan, now: dt.datetime) -> list[PlanFigure]:
    """Return the figures of a plan: as frozen when it began, as wanted, and as they are now."""
    current = read_figures(Motion(plan.motion), at=plan.ended_at or now, since=plan.started_at)
    names = {
        str(figure.key): figure
        for figure in (ACCEPTANCE, MQL_TO_SQL, MQL_TO_OPPORTUNITY, CONTACTED_IN_TIME, SATISFACTION)
    }
    keys = [key for key in names if key in plan.baseline or key in current]
    return [
        PlanFigure(
            name=names[key].name_for(plan.motion),
            baseline=_write(key, plan.baseline.get(key)),
            target=TARGETS[key],
            current=_write(key, current.get(key)),
            explanation=names[key].explain_for(plan.motion),
        )
        for key in keys
    ]


def _read_mature(
    figure: RateFigure, motion: Motion, start: dt.datetime, at: dt.datetime, since: dt.datetime | None
) -> Sample:
    """Read a conversion of the leads that had their time: of a plan's own leads, else of those a maturing time earlier."""
    within = figure.matures_after or dt.timedelta()
    begin = start if since else start - within
    return _read_rate(figure, motion, begin, max(at - within, begin), at, within)


def _read_rate(  # a rate with its period
    figure: RateFigure,
    motion: Motion,
    start: dt.datetime,
    end: dt.datetime,
    now: dt.datetime,
    within: dt.timedelta | None = None,
) -> Sample:
    return headlines.add_samples(
        [
            readings.read_rate(figure, definition=row, start=start, end=end, now=now, within=within)
            for row in Definition.objects.filter(motion=motion).order_by("pk")
        ]
    )


def _as_json(sample: Sample) -> list[float]:
    return [sample.hits, sample.total]


def _write(key: str, value: Any) -> str:
    if not value or not value[1]:
        return "nothing yet"
    first, count = value
    if key == SATISFACTION.key:
        return f"{first:.1f} of 5, {count:,} answers"
    small = ", small sample" if count < SMALLEST_SAMPLE else ""
    return f"{formats.percent(first / count)}, {first:,} of {count:,}{small}"
