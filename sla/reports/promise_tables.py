"""The tables of the SLA report: both sides' promises by week, team, rep, tier, source and hour of the week (rules 12.1, 12.24)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from typing import Final

from config.accounts.models import User
from config.charts import HorizontalAxis, Series, line_chart
from leads.vocabulary import Motion
from scoring.backtests.intervals_and_tests import Sample
from sla.figure_catalogue.figure_shape import CatalogueFigure
from sla.figure_catalogue.promise_figures import (
    CONTACT_MEDIAN,
    CONTACT_P90,
    CONTACTED_IN_TIME,
    DECIDED_IN_TIME,
    DECISION_MEDIAN,
    DECISION_P90,
    LATE_CONTACTS,
    ROUTED_IN_TIME,
    ROUTING_MEDIAN,
    ROUTING_P90,
)
from sla.reports import compliance
from sla.reports.compliance import PromiseFigure
from sla.reports.framework import headlines
from sla.reports.framework.headlines import RateTrend
from sla.reports.framework.report_query import NO_SOURCE, ReportQuery
from sla.reports.framework.report_shape import NO_VALUE, ReportCell, ReportColumn, ReportRow, ReportSection, ReportTable
from sla.reports.promise_columns import By, PromiseColumns
from sla.vocabulary import ClockKind

KINDS: Final = (ClockKind.ROUTE, ClockKind.FIRST_CONTACT, ClockKind.DISPOSITION)
#: The figures of each kind of promise: share kept, median, 90th percentile.
FIGURES: Final[dict[ClockKind, tuple[CatalogueFigure, CatalogueFigure, CatalogueFigure]]] = {
    ClockKind.ROUTE: (ROUTED_IN_TIME, ROUTING_MEDIAN, ROUTING_P90),
    ClockKind.FIRST_CONTACT: (CONTACTED_IN_TIME, CONTACT_MEDIAN, CONTACT_P90),
    ClockKind.DISPOSITION: (DECIDED_IN_TIME, DECISION_MEDIAN, DECISION_P90),
}
#: Lines that differ in colour and in dashes.
_LOOKS: Final = {ClockKind.ROUTE: "marketing", ClockKind.FIRST_CONTACT: "sales", ClockKind.DISPOSITION: "four"}
_SHORT: Final = {ClockKind.ROUTE: "Routed", ClockKind.FIRST_CONTACT: "Contacted", ClockKind.DISPOSITION: "Decided"}
_TITLES: Final = {"team": "By team", "rep": "By rep", "tier": "By tier", "source": "By source"}
_ROW_TITLES: Final = {"team": "Team", "rep": "Rep", "tier": "Tier", "source": "Source"}
_WEEKDAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def sample_of(figure: PromiseFigure | None) -> Sample:
    return Sample(0, 0) if figure is None else Sample(figure.kept, figure.judged)


def time_cell(minutes: float | None, figure: PromiseFigure | None) -> ReportCell:
    """Return the cell of a median or percentile, whose sample is the promises that were met."""
    if minutes is None or figure is None:
        return NO_VALUE
    return ReportCell(dt.timedelta(minutes=minutes), sample=figure.met)


def build_group(query: ReportQuery, reader: User, columns: PromiseColumns, by: By) -> ReportSection:
    """Build the section of the promises by team, rep, tier or source, the worst first contact first."""
    kinds = KINDS if by != "rep" else KINDS[1:]
    rows = _group_rows(compliance.list_for_reader(columns, reader, by))
    table = ReportTable(
        key=by,
        caption=f"Promises {_TITLES[by].lower()}",
        row_title=_ROW_TITLES[by],
        columns=_columns(kinds),
        rows=tuple(_row(query, by, key, promises, kinds) for key, promises in rows),
        worst_by=f"{ClockKind.FIRST_CONTACT}_kept",
    )
    samples = [(_label(promises), sample_of(promises.get(ClockKind.FIRST_CONTACT))) for _, promises in rows]
    return ReportSection(by, _TITLES[by], headlines.describe_worst(samples, "First contact in time"), table=table)


def build_weeks(query: ReportQuery, reader: User, columns: PromiseColumns) -> ReportSection:
    """Build the section of the weeks: a chart of the shares kept, and the table behind it with the newest week first."""
    rows = sorted(_group_rows(compliance.list_for_reader(columns, reader, "week")), key=lambda row: row[0])
    trends = []
    for kind in KINDS:
        earlier, later = headlines.halves([sample_of(promises.get(kind)) for _, promises in rows])
        trends.append(RateTrend(FIGURES[kind][0].name, earlier, later))
    labels = [f"{dt.date.fromisoformat(key):%-d %b}" for key, _ in rows]
    chart = line_chart(
        "Share of promises kept, by week",
        labels,
        [
            Series(
                FIGURES[kind][0].name,
                _LOOKS[kind],
                [promise.share if (promise := promises.get(kind)) else None for _, promises in rows],
                hrefs=[_week_link(query, key, kind=kind) for key, _ in rows],
            )
            for kind in KINDS
        ],
        target=(100, "promised"),
        across=HorizontalAxis(is_time=True),
    )
    table = ReportTable(
        key="week",
        caption="Promises by week, the newest first",
        row_title="Week of",
        columns=_columns(KINDS),
        rows=tuple(_row(query, "week", key, promises, KINDS) for key, promises in reversed(rows)),
    )
    return ReportSection(
        "week", "Week by week", headlines.describe_trends(trends) if rows else "", chart=chart if rows else None, table=table,
        notes=("A week is Monday to Monday in the company's zone; the last one still runs.",),
    )  # fmt: skip


def build_hours(query: ReportQuery, reader: User) -> ReportSection:
    """Build the heat map of late first contacts by the hour of the week in which the promise began."""
    counts = compliance.read_late_by_hour(query, reader)
    hours = sorted({hour for _, hour in counts})
    columns = tuple(ReportColumn(f"hour_{hour}", f"{hour:02}–{(hour + 1) % 24:02}", LATE_CONTACTS) for hour in hours)
    rows = tuple(
        ReportRow(str(weekday), name, tuple(_hour_cell(query, counts, weekday, hour) for hour in hours))
        for weekday, name in enumerate(_WEEKDAYS)
        if any((weekday, hour) in counts for hour in hours)
    )
    table = ReportTable("hour", "First contacts late, by hour of the week", "Day", columns, rows, is_heat=True)
    return ReportSection("hour", "When first contact is late", _describe_hours(counts), table=table)


def _describe_hours(counts: dict[tuple[int, int], tuple[int, int]]) -> str:
    late = sum(cell[0] for cell in counts.values())
    if not late:
        return "No first contact was late." if counts else ""
    (weekday, hour), worst = max(counts.items(), key=lambda item: (item[1][0], item[0]))
    return f"Most late first contacts began on {_WEEKDAYS[weekday]} from {hour:02}:00: {worst[0]} of all {late}."


def _hour_cell(
    query: ReportQuery, counts: dict[tuple[int, int], tuple[int, int]], weekday: int, hour: int
) -> ReportCell:
    late, judged = counts.get((weekday, hour), (0, 0))
    href = (
        query.link("sla_rows", kind=ClockKind.FIRST_CONTACT, verdict="judged", weekday=weekday, hour=hour)
        if judged
        else ""
    )
    return ReportCell(Sample(late, judged), href=href)


def _group_rows(figures: Iterable[PromiseFigure]) -> list[tuple[str, dict[str, PromiseFigure]]]:
    """Return the promises of each group by their kind."""
    rows: dict[str, dict[str, PromiseFigure]] = {}
    for figure in figures:
        rows.setdefault(figure.key, {})[figure.kind] = figure
    return list(rows.items())


def _label(promises: dict[str, PromiseFigure]) -> str:
    return next(iter(promises.values())).group


def _columns(kinds: Sequence[ClockKind]) -> tuple[ReportColumn, ...]:
    columns = []
    for kind in kinds:
        in_time, median, p90 = FIGURES[kind]
        columns.append(ReportColumn(f"{kind}_kept", f"{_SHORT[kind]} in time", in_time))
        if kind != ClockKind.ROUTE:
            columns.append(ReportColumn(f"{kind}_median", f"{_SHORT[kind]}, median", median))
            columns.append(ReportColumn(f"{kind}_p90", f"{_SHORT[kind]}, p90", p90))
    return tuple(columns)


def _row(
    query: ReportQuery, by: By, key: str, promises: dict[str, PromiseFigure], kinds: Sequence[ClockKind]
) -> ReportRow:
    cells: list[ReportCell] = []
    for kind in kinds:
        promise = promises.get(kind)
        href = _link(query, by, key, kind) if promise and promise.judged else ""
        cells.append(ReportCell(sample_of(promise), href=href))
        # Accord routes itself within seconds: the times of routing stand in the cards alone.
        if kind != ClockKind.ROUTE:
            cells.append(time_cell(promise.median_minutes if promise else None, promise))
            cells.append(time_cell(promise.p90_minutes if promise else None, promise))
    label = f"{dt.date.fromisoformat(key):%-d %b %Y}" if by == "week" else _label(promises)
    return ReportRow(key, label, tuple(cells))


def _link(query: ReportQuery, by: By, key: str, kind: ClockKind) -> str:
    if by == "week":
        return _week_link(query, key, kind=kind)
    if by == "team" and not key.isdigit():
        return ""
    value = (key or NO_SOURCE) if by == "source" else key
    return query.link("sla_rows", kind=kind, verdict="judged", **{by: value})


def _week_link(query: ReportQuery, monday: str, *, kind: ClockKind) -> str:
    """Return the address of the promises of a week that lie in the period."""
    first = max(dt.date.fromisoformat(monday), query.period.start_day)
    last = min(dt.date.fromisoformat(monday) + dt.timedelta(days=6), query.period.last_day)
    changes: dict[str, object] = {"weeks": None, "from": first, "to": last, "kind": kind, "verdict": "judged"}
    return query.link("sla_rows", **changes)


def offered_groups(motion: Motion, *, names_people: bool, is_of_oneself: bool) -> list[By]:
    """Return the groups of the report: people only where the reader may see some, teams unless the rows are one person's."""
    groups: list[By] = [] if is_of_oneself else ["team"]
    if names_people:
        groups.append("rep")
    groups.append("tier")
    return groups if motion == Motion.AQL else [*groups, "source"]
