"""The satisfaction of sales by month and team, never by person (rules 12.65)."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any, Final

from django.db.models import Count, Q, Sum

from config.calendar_periods import CalendarMonth
from scoring.backtests.intervals_and_tests import Sample
from sla.figure_catalogue.satisfaction_figures import ANSWERED, FEWEST_ANSWERS, SATISFACTION, SATISFIED
from sla.models import SatisfactionQuestion
from sla.reports.framework.report_shape import (
    NO_VALUE,
    ReportCard,
    ReportCell,
    ReportColumn,
    ReportRow,
    ReportSection,
    ReportTable,
)

MONTHS_SHOWN: Final = 6
KEY: Final = "satisfaction"
_MANAGERS: Final = "Sales managers"


@dataclass(frozen=True, slots=True)
class SatisfactionResult:
    """The answers of a group in a month: how many were asked, how many answered, their sum, and those of 4 or 5."""

    key: str
    label: str
    asked: int
    answers: int
    total: int
    satisfied: int
    is_hidden: bool = False

    @property
    def mean(self) -> float | None:
        return self.total / self.answers if self.answers else None


def read_month(month: CalendarMonth) -> SatisfactionResult:
    """Read the answers of all of sales in a month; hidden below the fewest answers."""
    row = SatisfactionQuestion.objects.filter(month=month.name).aggregate(**_COUNTS)
    return _build_result(month.name, month.label, row, is_hidden=row["answers"] < FEWEST_ANSWERS)


def read_teams(month: CalendarMonth) -> list[SatisfactionResult]:
    """Read the answers of a month by team.

    A team below the fewest answers is hidden. Where those hidden have together fewer than that, the next smallest one is
    hidden as well: otherwise what is hidden could be taken from the figure of all.
    """
    rows = SatisfactionQuestion.objects.filter(month=month.name).order_by().values("team", "team__name")
    counts: list[dict[str, Any]] = list(rows.annotate(**_COUNTS))  # type: ignore[arg-type]  # annotations are not in the type
    counted = sorted(counts, key=lambda row: (row["answers"], row["team"] or 0))
    hidden_answers, hidden = 0, set()
    for row in counted:
        if row["answers"] < FEWEST_ANSWERS or 0 < hidden_answers < FEWEST_ANSWERS:
            hidden.add(row["team"])
            hidden_answers += row["answers"]
    results = [
        _build_result(str(row["team"] or ""), row["team__name"] or _MANAGERS, row, is_hidden=row["team"] in hidden)
        for row in counted
    ]
    return sorted(results, key=lambda result: result.label)


def list_sentences(month: CalendarMonth) -> list[str]:
    """Return what people wrote in a month, in the order of the alphabet and without names; none below the fewest answers."""
    if read_month(month).is_hidden:
        return []
    rows = SatisfactionQuestion.objects.filter(month=month.name).exclude(sentence="")
    return sorted(rows.values_list("sentence", flat=True))


def build_section(now: dt.datetime) -> ReportSection:
    """Build the section of the SLA report: the last months that are over, the newest first."""
    months = [CalendarMonth.containing(now, months_back=back) for back in range(1, MONTHS_SHOWN + 1)]
    results = [result for result in map(read_month, months) if result.asked]
    table = ReportTable(KEY, "Satisfaction of sales by month", "Month", _COLUMNS, tuple(map(_row, results)))
    headline = _describe(results[0]) if results else ""
    return ReportSection(KEY, SATISFACTION.name, headline, table=table, notes=(_NOTE,) if results else ())


def build_month_section(month: CalendarMonth) -> ReportSection:
    """Build the section of the meeting: a month as a card beside the month before, by team, and what people wrote."""
    now, before = (read_month(period) for period in (month, CalendarMonth.containing(month.start, months_back=1)))
    card = ReportCard(
        KEY, SATISFACTION, _mean_cell(now), _mean_cell(before) if before.asked else None, note=month.label
    )
    table = ReportTable(
        KEY, f"Satisfaction in {month.label}", "Team", _COLUMNS, tuple(map(_row, read_teams(month))), _row(now)
    )
    notes = (_NOTE, *(f"“{sentence}”" for sentence in list_sentences(month)))
    return ReportSection(KEY, SATISFACTION.name, _describe(now), (card,), table=table, notes=notes)


_COUNTS: Final = {
    "asked": Count("pk"),
    "answers": Count("score"),
    "total": Sum("score", default=0),
    "satisfied": Count("pk", filter=Q(score__gte=4)),
}
_COLUMNS: Final = (
    ReportColumn("satisfaction", "1 to 5, mean", SATISFACTION),
    ReportColumn("satisfied", "4 or 5", SATISFIED),
    ReportColumn("answered", "Answered", ANSWERED),
)
_NOTE: Final = f"Never by person; with fewer than {FEWEST_ANSWERS} answers nothing is shown. Of all motions together."


def _build_result(key: str, label: str, row: dict[str, Any], *, is_hidden: bool) -> SatisfactionResult:
    return SatisfactionResult(
        key, label, row["asked"], row["answers"], row["total"], row["satisfied"], is_hidden=is_hidden
    )


def _row(result: SatisfactionResult) -> ReportRow:
    satisfied = NO_VALUE if result.is_hidden else ReportCell(Sample(result.satisfied, result.answers))
    note = "too few answers to be shown" if result.is_hidden else ""
    answered = ReportCell(Sample(result.answers, result.asked))
    return ReportRow(result.key, result.label, (_mean_cell(result), satisfied, answered), note=note)


def _mean_cell(result: SatisfactionResult) -> ReportCell:
    return NO_VALUE if result.is_hidden or result.mean is None else ReportCell(result.mean, sample=result.answers)


def _describe(result: SatisfactionResult) -> str:
    answered = f"{result.answers:,} of {result.asked:,} answered"
    if result.is_hidden or result.mean is None:
        return f"{result.label}: {answered}, too few to be shown." if result.asked else ""
    return f"Sales gives its leads {result.mean:.1f} of 5 in {result.label}; {answered}."
