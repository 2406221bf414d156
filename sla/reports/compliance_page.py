"""Compliance figures arranged for people: a table of promises by rep or week, and their course as a chart."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from config.charts import Chart, Series, line_chart
from sla.models import HandoffQuerySet
from sla.reports import compliance
from sla.reports.compliance import Figure
from sla.vocabulary import ClockKind

SALES: Final = (ClockKind.FIRST_CONTACT, ClockKind.DISPOSITION)
BOTH: Final = (ClockKind.ROUTE, *SALES)
LOOKS: Final = {ClockKind.ROUTE: "marketing", ClockKind.FIRST_CONTACT: "sales", ClockKind.DISPOSITION: "sales-second"}


@dataclass(frozen=True, slots=True)
class Row:
    """`cells` follow the kinds asked for; None where no such promise began."""

    key: str
    label: str
    cells: list[Figure | None]


@dataclass(frozen=True, slots=True)
class Scorecard:
    """Of the promises whose clocks started in `[start, end)`."""

    start: dt.datetime
    end: dt.datetime
    overall: list[Figure | None]
    reps: list[Row]
    weeks: list[Row]
    chart: Chart


def of(handoffs: HandoffQuerySet, *, start: dt.datetime, end: dt.datetime) -> Scorecard:
    weekly = by_week(compliance.promises(start=start, end=end, by="week", handoffs=handoffs))
    overall = rows(compliance.promises(start=start, end=end, handoffs=handoffs), BOTH)
    return Scorecard(
        start=start,
        end=end,
        overall=overall[0].cells if overall else [None] * len(BOTH),
        reps=rows(compliance.promises(start=start, end=end, by="rep", handoffs=handoffs), SALES),
        weeks=list(reversed(weekly)),
        chart=_chart(weekly),
    )


def rows(figures: Iterable[Figure], kinds: Sequence[ClockKind]) -> list[Row]:
    found: dict[str, dict[str, Figure]] = {}
    for figure in figures:
        found.setdefault(figure.key, {})[figure.kind] = figure
    made = [
        Row(key, next(iter(cells.values())).group, [cells.get(kind) for kind in kinds]) for key, cells in found.items()
    ]
    return sorted(made, key=lambda row: (row.label.casefold(), row.key))


def by_week(figures: Iterable[Figure]) -> list[Row]:
    """In order of time, each with its Monday as people write it."""
    dated = sorted(rows(figures, BOTH), key=lambda row: row.key)
    return [replace(row, label=f"{dt.date.fromisoformat(row.key):%-d %b %Y}") for row in dated]


def _chart(weeks: Sequence[Row]) -> Chart:
    series = [
        Series(str(kind.label), LOOKS[kind], [cell.share if (cell := row.cells[at]) else None for row in weeks])
        for at, kind in enumerate(BOTH)
    ]
    labels = [f"{dt.date.fromisoformat(row.key):%-d %b}" for row in weeks]
    return line_chart("Share of promises kept, by week", labels, series)
