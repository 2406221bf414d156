"""The versions report: what the MQLs of each version became, in total and week by week, the changes marked (rules 12.53)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from typing import Any, Final

from django.db.models import Q, QuerySet

from config import company_days
from config.accounts.models import User
from config.calendar_periods import CalendarWeek
from config.charts import Chart, HorizontalAxis, Series, line_chart
from definitions.models import Definition, Version
from leads.vocabulary import READERS_OF_LEADS, Motion
from scoring.backtests.intervals_and_tests import Sample
from sla.figure_catalogue.figure_shape import CatalogueFigure
from sla.figure_catalogue.funnel_figures import MATURES_AFTER, OF_STEP_BEFORE
from sla.figure_catalogue.promise_figures import DELIVERED
from sla.figure_catalogue.version_comparison_figures import COHORT_REJECTION, UNTOUCHED
from sla.reports import funnel_report, funnel_tables, mql_outcomes, version_counts
from sla.reports.conversion_rows import RATES, is_still_maturing
from sla.reports.framework import row_rights
from sla.reports.framework.figure_rows import FigureRows
from sla.reports.framework.headlines import RateTrend
from sla.reports.framework.report_entry import ReportEntry
from sla.reports.framework.report_query import ReportQuery
from sla.reports.framework.report_shape import Report, ReportCell, ReportColumn, ReportRow, ReportSection, ReportTable
from sla.reports.version_counts import VersionCounts, VersionWeek

NAME: Final = "versions"
_WEEK: Final = dt.timedelta(days=7)
#: Key, figure, the step whose time to mature holds, the rows behind it, and how it is read from counts.
_Comparison = tuple[str, CatalogueFigure, str, str, Callable[[VersionCounts], Sample]]
_COMPARED: Final[tuple[_Comparison, ...]] = (
    ("sal", RATES["sal"], "sal", "sal", lambda counts: counts.to_sal),
    ("sal_to_sql", OF_STEP_BEFORE, "sql", "sql", lambda counts: counts.sal_to_sql),
    ("opportunity", RATES["opportunity"], "opportunity", "opportunity", lambda counts: counts.to_opportunity),
    ("rejected", COHORT_REJECTION, "sal", "rejected", lambda counts: counts.rejection),
    ("untouched", UNTOUCHED, "sal", "untouched", lambda counts: counts.untouched_share),
)
#: The decisions on MQLs that the sentence compares, and how each is read from counts.
_DECISIONS: Final[tuple[tuple[CatalogueFigure, Callable[[VersionCounts], Sample]], ...]] = (
    (COHORT_REJECTION, lambda counts: counts.rejection),
    (UNTOUCHED, lambda counts: counts.untouched_share),
)
_LOOKS: Final = ("one", "two", "four", "bad", "three")


def build(query: ReportQuery, *, reader: User, now: dt.datetime) -> Report:
    """Build the comparison of the versions of each definition of the motion."""
    mqls = row_rights.select_mqls(query, reader)
    weeks = version_counts.read_weeks(mqls, query.period, query.motion, now)
    versions = _list_versions(query)
    sections: list[ReportSection] = []
    for definition in {version.definition: None for version in versions}:
        own = [version for version in versions if version.definition_id == definition.pk]
        of_own = [week for week in weeks if week.version in {version.pk for version in own}]
        sections += _build_definition(query, mqls, definition, own, of_own, now)
    return Report(
        name=NAME,
        title="Versions compared",
        motion=query.motion,
        period=query.period,
        headline=sections[0].headline if sections else "",
        sections=tuple(sections),
        notes=(
            "An MQL belongs to the version that it met.",
            "Versions were in force at different times: a difference is no proof that the version causes it.",
        ),
    )


def _list_versions(query: ReportQuery) -> list[Version]:
    """Return the versions that were in force in the period, or rolled out, by definition and in the order of their beginning."""
    until, since = query.period.end, query.period.start
    begun = Version.objects.filter(definition__motion=query.motion, activated_at__lt=until)
    in_force = begun.filter(Q(retired_at__isnull=True) | Q(retired_at__gt=since))
    return list(in_force.select_related("definition").order_by("definition", "activated_at", "pk"))


def _build_definition(  # what it is built of
    query: ReportQuery,
    mqls: QuerySet[Any],
    definition: Definition,
    versions: Sequence[Version],
    weeks: Sequence[VersionWeek],
    now: dt.datetime,
) -> list[ReportSection]:
    by_version = {version.pk: [week for week in weeks if week.version == version.pk] for version in versions}
    key = definition.slug
    return [
        ReportSection(
            f"versions-{key}",
            f"{definition}: versions",
            _compare_latest(query, mqls, versions, by_version, now),
            chart=_draw_weeks(query, definition, versions, weeks, now) if weeks else None,
            table=_build_versions(query, key, versions, by_version, now),
            notes=("The chart leaves out weeks that are still maturing; the tables mark them.",),
        ),
        ReportSection(
            f"weeks-{key}", f"{definition}: week by week", table=_build_weeks(query, key, versions, weeks, now)
        ),
    ]


def _build_versions(
    query: ReportQuery,
    key: str,
    versions: Sequence[Version],
    by_version: dict[int, list[VersionWeek]],
    now: dt.datetime,
) -> ReportTable:
    columns = (ReportColumn("since", "In force since"), ReportColumn("until", "Until"), *_columns(query.motion))
    rows = []
    for version in reversed(versions):
        end = min(version.retired_at or query.period.end, query.period.end)
        until = ReportCell(company_days.day_of(version.retired_at)) if version.retired_at else ReportCell("in force")
        since = ReportCell(company_days.day_of(version.activated_at) if version.activated_at else None)
        counts = version_counts.add_up(by_version[version.pk], query.motion)
        link = _linker(query, version=version.pk)
        rows.append(ReportRow(str(version.pk), str(version), (since, until, *_cells(query, counts, end, now, link))))
    return ReportTable(f"versions-{key}", "Versions in the period", "Version", columns, tuple(rows))


def _build_weeks(
    query: ReportQuery, key: str, versions: Sequence[Version], weeks: Sequence[VersionWeek], now: dt.datetime
) -> ReportTable:
    names = {version.pk: version.number for version in versions}
    begun = {version.pk: version.activated_at for version in versions}
    rows = []
    for week in sorted(weeks, key=lambda week: (week.begins, week.version), reverse=True):
        first = max(company_days.day_of(week.begins), query.period.start_day)
        last = min(company_days.day_of(week.end) - dt.timedelta(days=1), query.period.last_day)
        link = _linker(query, version=week.version, from_=first, to=last, weeks=None)
        began = begun[week.version]
        note = "came into force in this week" if began and week.begins <= began < week.end else ""
        cells = _cells(query, week.counts, min(week.end, query.period.end), now, link)
        label = f"{week.begins:%-d %b %Y}, {names[week.version]}"
        rows.append(ReportRow(f"{week.begins:%Y-%m-%d}-{week.version}", label, cells, note=note))
    total = ReportRow(
        "total", "All", _cells(query, version_counts.add_up(weeks, query.motion), query.period.end, now, lambda _: "")
    )
    return ReportTable(
        f"weeks-{key}",
        "Versions week by week",
        "Week from",
        _columns(query.motion),
        tuple(rows),
        total if rows else None,
    )


def _columns(motion: Motion) -> tuple[ReportColumn, ...]:
    mql = motion.upper()
    rates = (
        ReportColumn(key, "SAL→SQL" if key == "sal_to_sql" else figure.name_for(motion), figure)
        for key, figure, *_ in _list_compared(motion)
    )
    return (ReportColumn("mql", f"{mql}s", DELIVERED), *rates)


def _list_compared(motion: Motion) -> list[_Comparison]:
    """Return what is compared; companies have no SQL."""
    return [row for row in _COMPARED if motion != Motion.AQL or row[2] != "sql"]


def _cells(
    query: ReportQuery, counts: VersionCounts, end: dt.datetime, now: dt.datetime, link: Callable[[str], str]
) -> tuple[ReportCell, ...]:
    cells = [ReportCell(counts.steps["mql"], href=link("mql") if counts.steps["mql"] else "")]
    for _, _, step, figure, read in _list_compared(query.motion):
        sample = read(counts)
        href = link(figure) if sample.hits else ""
        cells.append(ReportCell(sample, href=href, is_maturing=is_still_maturing(end, step, now)))
    return tuple(cells)


def _linker(query: ReportQuery, **changes: object) -> Callable[[str], str]:
    return lambda figure: query.link("report_rows", NAME, figure=figure, **changes)


def _compare_latest(
    query: ReportQuery,
    mqls: QuerySet[Any],
    versions: Sequence[Version],
    by_version: dict[int, list[VersionWeek]],
    now: dt.datetime,
) -> str:
    """Return the clearest difference between the two latest versions that have MQLs, of those that had their time."""
    with_mqls = [version for version in versions if by_version[version.pk]]
    if len(with_mqls) < 2:  # noqa: PLR2004  # two, to compare them
        return "One version alone has leads in this period: a longer one may show those before it." if with_mqls else ""
    earlier, later = with_mqls[-2:]
    trends = _compare_at_age(query, mqls, earlier, later, now)
    for figure, read in _DECISIONS:
        samples = [
            read(version_counts.add_up(_mature(by_version[version.pk], "sal", now), query.motion))
            for version in (earlier, later)
        ]
        trends.append(RateTrend(figure.name_for(query.motion), *samples))
    firm = [trend for trend in trends if trend.is_firm]
    clear = sorted((trend for trend in firm if trend.is_clear_among(len(firm))), key=lambda trend: -abs(trend.change))
    if clear:
        return f"{clear[0].sentence} from version {earlier.number} to version {later.number}."
    if not firm:
        return f"Version {later.number} has too few leads that had their time to be compared with version {earlier.number}."
    return f"No rate differs clearly between version {earlier.number} and version {later.number}."


def _compare_at_age(
    query: ReportQuery, mqls: QuerySet[Any], earlier: Version, later: Version, now: dt.datetime
) -> list[RateTrend]:
    """Return the conversions within the time that each step takes: the MQLs of the earlier version have had more by now."""
    ages = {step: MATURES_AFTER[step] for step in mql_outcomes.list_steps(query.motion) if step != "won"}
    start, end = query.period.start, query.period.end
    samples = [
        mql_outcomes.count_at_age(mqls.filter(version=version), query.motion, now, ages, start=start, end=end)
        for version in (earlier, later)
    ]
    return [
        RateTrend(f"{RATES[step].name_for(query.motion)} within {age.days} days", *(sample[step] for sample in samples))
        for step, age in ages.items()
    ]


def _mature(weeks: Sequence[VersionWeek], step: str, now: dt.datetime) -> list[VersionWeek]:
    return [week for week in weeks if not is_still_maturing(week.end, step, now)]


def _draw_weeks(
    query: ReportQuery,
    definition: Definition,
    versions: Sequence[Version],
    weeks: Sequence[VersionWeek],
    now: dt.datetime,
) -> Chart:
    begins = _list_weeks(query)
    by_week = {
        begin: version_counts.add_up([week for week in weeks if week.begins == begin], query.motion) for begin in begins
    }
    series = [
        Series(
            "SAL→SQL" if key == "sal_to_sql" else figure.name_for(query.motion),
            look,
            [_percent(read(by_week[begin]), begin, step, now) for begin in begins],
        )
        for (key, figure, step, _, read), look in zip(_list_compared(query.motion), _LOOKS, strict=False)
    ]
    changes = [
        ((version.activated_at - begins[0]) / _WEEK, version.number)
        for version in versions
        if version.activated_at and version.activated_at > begins[0]
    ]
    across = HorizontalAxis(is_time=True, changes=changes)
    return line_chart(f"{definition} by week", [f"{begin:%-d %b}" for begin in begins], series, across=across)


def _list_weeks(query: ReportQuery) -> list[dt.datetime]:
    """Return the beginnings of the weeks of the period, also of those without an MQL."""
    begins, week = [], CalendarWeek.containing(query.period.start)
    while week.start < query.period.end:
        begins.append(week.start)
        week = CalendarWeek.containing(week.end)
    return begins


def _percent(sample: Sample, begin: dt.datetime, step: str, now: dt.datetime) -> float | None:
    end = CalendarWeek.containing(begin).end
    if is_still_maturing(end, step, now) or not sample.total:
        return None
    return 100 * sample.hits / sample.total


def list_rows(figure: str, query: ReportQuery, *, reader: User, now: dt.datetime) -> FigureRows | None:
    """Return the MQLs that came to a step, or those that were rejected or left untouched."""
    names = {"rejected": "Rejected", "untouched": "Untouched"}
    if figure not in names:
        return funnel_report.list_rows(figure, query, reader=reader, now=now)
    mqls = funnel_tables.in_period(row_rights.select_mqls(query, reader), query.period)
    rows: Any = version_counts.with_flags(mqls, query.motion, now).filter(**{f"is_{figure}": True})
    return FigureRows(names[figure], funnel_report.with_page_facts(rows, query, reader), funnel_report.write_mql)


ENTRY: Final = ReportEntry(NAME, "Versions", build, readers=READERS_OF_LEADS, list_rows=list_rows)
