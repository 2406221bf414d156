"""The compliance figures of the report page: tables of promises by rep and by week, and a chart of the weeks."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from config.charts import Chart, Series, line_chart
from leads.vocabulary import Motion
from sla.models import AccountPlayQuerySet, HandoffQuerySet
from sla.reports import compliance
from sla.reports.compliance import PromiseFigure
from sla.vocabulary import ClockKind

SALES: Final = (ClockKind.FIRST_CONTACT, ClockKind.DISPOSITION)
BOTH: Final = (ClockKind.ROUTE, *SALES)
CHART_TONES: Final = {
    ClockKind.ROUTE: "marketing",
    ClockKind.FIRST_CONTACT: "sales",
    ClockKind.DISPOSITION: "sales-second",
}


@dataclass(frozen=True, slots=True)
class ComplianceRow:
    """A row of a table; `cells` follow the kinds asked for, None where no such promise began."""

    key: str
    label: str
    cells: list[PromiseFigure | None]


@dataclass(frozen=True, slots=True)
class Scorecard:
    """The figures on the promises of a motion whose clocks started in `[start, end)`."""

    start: dt.datetime
    end: dt.datetime
    overall: list[PromiseFigure | None]
    reps: list[ComplianceRow]
    weeks: list[ComplianceRow]
    chart: Chart


def build_scorecard(
    handoffs: HandoffQuerySet, plays: AccountPlayQuerySet, *, motion: Motion, start: dt.datetime, end: dt.datetime
) -> Scorecard:
    """Build the figures of the report page for one motion; three queries."""
    read_figures = partial(compliance.read_figures, motion=motion, start=start, end=end, handoffs=handoffs, plays=plays)
    weekly = build_week_rows(read_figures(by="week"))
    overall = build_rows(read_figures(), BOTH)
    return Scorecard(
        start=start,
        end=end,
        overall=overall[0].cells if overall else [None] * len(BOTH),
        reps=build_rows(read_figures(by="rep"), SALES),
        weeks=list(reversed(weekly)),
        chart=_build_chart(weekly),
    )


def build_rows(figures: Iterable[PromiseFigure], kinds: Sequence[ClockKind]) -> list[ComplianceRow]:
    """Build one row for each group, sorted by label."""
    figures_by_key: dict[str, dict[str, PromiseFigure]] = {}
    for figure in figures:
        figures_by_key.setdefault(figure.key, {})[figure.kind] = figure
    table = [
        ComplianceRow(key, next(iter(cells.values())).group, [cells.get(kind) for kind in kinds])
        for key, cells in figures_by_key.items()
    ]
    return sorted(table, key=lambda row: (row.label.casefold(), row.key))


def build_week_rows(figures: Iterable[PromiseFigure]) -> list[ComplianceRow]:
    """Build rows in order of time, each labelled with its Monday."""
    dated = sorted(build_rows(figures, BOTH), key=lambda row: row.key)
    return [replace(row, label=f"{dt.date.fromisoformat(row.key):%-d %b %Y}") for row in dated]


def _build_chart(weeks: Sequence[ComplianceRow]) -> Chart:
    series = [
        Series(str(kind.label), CHART_TONES[kind], [cell.share if (cell := row.cells[at]) else None for row in weeks])
        for at, kind in enumerate(BOTH)
    ]
    labels = [f"{dt.date.fromisoformat(row.key):%-d %b}" for row in weeks]
    return line_chart("Share of promises kept, by week", labels, series)
