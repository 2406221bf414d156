"""The tables of the funnel: steps of a cohort, steps taken in a period, cohorts in time, groups, and the matrix (rules 12.28)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import Count, F, QuerySet
from django.db.models.functions import Extract, TruncMonth, TruncWeek

from config import company_days
from config.calendar_periods import CalendarMonth, CalendarWeek
from config.charts import HorizontalAxis, Series, line_chart
from definitions.models import Version
from leads.vocabulary import Motion
from scoring.backtests.intervals_and_tests import Sample
from sla.figure_catalogue.catalogue import MQL_TO_SQL
from sla.figure_catalogue.funnel_figures import (
    MATURES_AFTER,
    OF_MQLS,
    OF_STEP_BEFORE,
    REACHED,
    TIME_TO_STEP,
)
from sla.figure_catalogue.promise_figures import DELIVERED
from sla.figure_catalogue.readings import band_name, band_range, point_band, score_band
from sla.reports import conversion_rows, mql_outcomes
from sla.reports.compliance import Percentile
from sla.reports.conversion_rows import RATES, StepRates, is_still_maturing
from sla.reports.framework import headlines
from sla.reports.framework.headlines import RateTrend
from sla.reports.framework.report_period import ReportPeriod
from sla.reports.framework.report_query import NO_SOURCE, ReportQuery
from sla.reports.framework.report_shape import ReportCell, ReportColumn, ReportRow, ReportSection, ReportTable
from sla.reports.mql_outcomes import STEP_NAMES

NAME: Final = "funnel"
#: Groups beyond this number are added up in one row.
GROUPS_SHOWN: Final = 30
#: Up to so many weeks the cohorts are weeks, else months.
_WEEKS_OF_WEEKLY_COHORTS: Final = 12
_OTHERS: Final = "others"


def in_period(mqls: QuerySet[Any], period: ReportPeriod) -> QuerySet[Any]:
    return mqls.filter(at__gte=period.start, at__lt=period.end)


@dataclass(frozen=True, slots=True)
class FunnelCohort:
    """The MQLs of a question, with the counts of those of its period by each group of the report.

    `mqls` are of any time; `counts` has rows of `mql_outcomes.count_steps` by the key of the group, `all` in one row. `versions` are
    those of its MQLs by their ids, and `rates` the figures of the steps with the healthy range that they state. `at_age` has by week
    or month the conversions within the time that each step takes, of MQLs that have had it.
    """

    query: ReportQuery
    mqls: QuerySet[Any]
    counts: Mapping[str, list[dict[str, Any]]]
    versions: Mapping[int, Version]
    rates: StepRates
    now: dt.datetime
    at_age: Mapping[dt.datetime, Mapping[str, Sample]] = field(default_factory=dict)

    @property
    def motion(self) -> Motion:
        return self.query.motion

    @property
    def ends(self) -> dt.datetime:
        return self.query.period.end

    @property
    def totals(self) -> dict[str, int]:
        """Return the counts of all MQLs of the period."""
        return mql_outcomes.add_counts(self.counts["all"], self.motion)


def read_cohort(query: ReportQuery, mqls: QuerySet[Any], now: dt.datetime) -> FunnelCohort:
    """Count the MQLs of the period by each group of the report. Two queries, whose rows are as many as there are groups."""
    truncate = (TruncWeek if is_weekly(query) else TruncMonth)("at", tzinfo=ZoneInfo(settings.COMPANY_TIME_ZONE))
    cohort = in_period(mqls, query.period).annotate(begins=truncate)
    sets: dict[str, tuple[str, ...]] = {"all": (), "begins": ("begins",), "tier": ("tier",), "version": ("version",)}
    if query.motion != Motion.AQL:
        cohort = cohort.annotate(
            band=score_band(),
            fit_band=point_band(F("fit")),
            engagement_band=point_band(F("engagement")),
        )
        sets |= {key: (key,) for key in ("source", "campaign", "band")}
        sets["matrix"] = ("fit_band", "engagement_band")
    counts = mql_outcomes.count_step_sets(cohort, query.motion, now, sets)
    for row in counts["begins"]:
        # As the time on the clock of the company, which the query truncates.
        row["begins"] = row["begins"].replace(tzinfo=ZoneInfo(settings.COMPANY_TIME_ZONE))
    versions = Version.objects.select_related("definition").in_bulk([row["version"] for row in counts["version"]])
    ages, at_age = list_ages(query, now), {}
    if ages and counts["begins"]:
        start, end = query.period.start, query.period.end
        at_age = mql_outcomes.count_at_age_by(
            "begins", mqls.annotate(begins=truncate), query.motion, now, ages, start=start, end=end
        )
    return FunnelCohort(query, mqls, counts, versions, conversion_rows.read_rates(versions.values()), now, at_age)


def list_ages(query: ReportQuery, now: dt.datetime) -> dict[str, dt.timedelta]:
    """Return the time that each step takes, of the steps for which anybody of the period has had it."""
    steps = mql_outcomes.list_steps(query.motion)
    return {step: MATURES_AFTER[step] for step in steps if query.period.start + MATURES_AFTER[step] < now}


def is_weekly(query: ReportQuery) -> bool:
    """Say whether the cohorts of a period are weeks; of a longer one they are months."""
    return (query.period.end - query.period.start).days <= _WEEKS_OF_WEEKLY_COHORTS * 7


def build_cohort(cohort: FunnelCohort) -> ReportSection:
    """Build the steps of the MQLs of the period: how many came so far, of the step before and of all, and how fast."""
    query, now, counts = cohort.query, cohort.now, cohort.totals
    mqls = in_period(cohort.mqls, query.period)
    columns = (
        ReportColumn("reached", "Came so far", REACHED),
        ReportColumn("of_before", "Of the step before", OF_STEP_BEFORE),
        ReportColumn("of_all", f"Of all {query.motion.upper()}s", OF_MQLS),
        ReportColumn("time", "Median time", TIME_TO_STEP),
    )
    rows = [
        ReportRow(
            "mql", f"{query.motion.upper()}s", (_count_cell(query, counts["mql"], "mql"), *[ReportCell(None)] * 3)
        )
    ]
    before = counts["mql"]
    for step in mql_outcomes.list_steps(query.motion):
        count, is_maturing = counts[step], is_still_maturing(query.period.end, step, now)
        cells = (
            _count_cell(query, count, step, is_maturing=is_maturing),
            ReportCell(Sample(count, before), is_maturing=is_maturing),
            ReportCell(Sample(count, counts["mql"]), is_maturing=is_maturing),
            _read_time(mqls, step, query.motion, now),
        )
        rows.append(ReportRow(step, STEP_NAMES[step], cells))
        before = count
    table = ReportTable("cohort", "Steps of the cohort", "Step", columns, tuple(rows))
    note = "Maturing: the youngest of the cohort have not had the time that the step takes, so the rate can still rise."
    return ReportSection(
        "cohort", f"What became of the {query.motion.upper()}s of this period", table=table, notes=(note,)
    )


def build_cohorts_in_time(cohort: FunnelCohort) -> tuple[ReportSection, list[RateTrend]]:
    """Build the cohorts by week or month, newest first, with the trends of those that had their time."""
    query, now = cohort.query, cohort.now
    weekly, counted = is_weekly(query), cohort.counts["begins"]
    ends = [_end_of(row["begins"], is_weekly=weekly) for row in counted]
    columns = conversion_rows.build_columns(query.motion, DELIVERED, cohort.rates)
    rows = tuple(
        conversion_rows.build_row(
            row,
            (row["begins"].date().isoformat(), _cohort_label(row["begins"], is_weekly=weekly)),
            query.motion,
            ends=end,
            now=now,
            rates=cohort.rates,
            link=_link_cohort(query, row["begins"], end),
        )
        for row, end in reversed(list(zip(counted, ends, strict=True)))
    )
    trends = [_mature_trend(step, cohort, ends) for step in mql_outcomes.list_steps(query.motion)]
    labels = [f"{row['begins']:%-d %b}" if weekly else f"{row['begins']:%b %Y}" for row in counted]
    looks = ("sales", "marketing", "four", "bad")
    chart = line_chart(
        "Conversion by cohort",
        labels,
        [
            Series(
                RATES[step].name_for(query.motion),
                look,
                [
                    None if is_still_maturing(end, step, now) or not row["mql"] else 100 * row[step] / row["mql"]
                    for row, end in zip(counted, ends, strict=True)
                ],
            )
            for step, look in zip(mql_outcomes.list_steps(query.motion), looks, strict=False)
        ],
        across=HorizontalAxis(is_time=True),
    )
    title = f"By {'week' if weekly else 'month'} of the {query.motion.upper()}"
    table = ReportTable("cohorts", f"Cohorts {title.replace('By', 'by', 1)}", "Cohort from", columns, rows)
    # Without a cohort that had its time there is nothing to draw.
    has_values = any(
        not is_still_maturing(end, step, now) for end in ends for step in mql_outcomes.list_steps(query.motion)
    )
    note = "The chart leaves out cohorts that are still maturing; the table marks them."
    section = ReportSection(
        "cohorts", title, describe_alarm(trends), chart=chart if has_values else None, table=table, notes=(note,)
    )
    return section, trends


def describe_alarm(trends: Sequence[RateTrend]) -> str:
    """Return the sentence for the trends of a funnel: an alarm first, whatever the level, else the clearest change."""
    alarming = [trend for trend in trends if trend.is_alarming]
    if alarming:
        worst = min(alarming, key=lambda trend: trend.change / (trend.earlier.rate or 1.0))
        return f"Alarm: {worst.sentence}, which is worse than a low rate that is steady."
    return headlines.describe_trends(trends)


def build_groups(cohort: FunnelCohort) -> list[ReportSection]:
    """Build the tables by source, campaign, tier, version and score band; of companies by tier and version."""
    groups: list[tuple[str, str, Callable[[Any], tuple[str, str]]]] = [
        ("tier", "By tier", lambda value: (str(value), f"Tier {value}")),
        ("version", "By version", lambda value: (str(value), str(cohort.versions[value]))),
    ]
    if cohort.motion != Motion.AQL:
        groups[:0] = [
            ("source", "By source", lambda value: (value or NO_SOURCE, value or "No source")),
            ("campaign", "By campaign", lambda value: (value or "", value or "No campaign")),
        ]
        groups.append(("band", "By score", lambda value: (str(int(value)), band_name(int(value)))))
    return [_group_section(cohort, key, title, name) for key, title, name in groups]


def build_matrix(cohort: FunnelCohort) -> ReportSection:
    """Build the conversion to SQL by fit and engagement, as they were frozen when the lead qualified."""
    query, now, counted = cohort.query, cohort.now, cohort.counts["matrix"]
    cells = {(int(row["fit_band"]), int(row["engagement_band"])): (row["sql"], row["mql"]) for row in counted}
    across = sorted({engagement for _, engagement in cells})
    columns = tuple(
        ReportColumn(f"engagement_{low}", f"Engagement {band_range(low)}", cohort.rates["sql"]) for low in across
    )
    rows = tuple(
        ReportRow(
            str(fit),
            f"Fit {band_range(fit)}",
            tuple(_matrix_cell(query, cells.get((fit, engagement)), fit, engagement, now) for engagement in across),
        )
        for fit in sorted({fit for fit, _ in cells}, reverse=True)
    )
    table = ReportTable("matrix", "Conversion to SQL by fit and engagement", "Fit", columns, rows, is_heat=True)
    samples = [
        (f"fit {band_range(fit)} and engagement {band_range(engagement)}", Sample(*cell))
        for (fit, engagement), cell in cells.items()
    ]
    return ReportSection(
        "matrix",
        "Fit and engagement",
        headlines.describe_worst(samples, MQL_TO_SQL.name_for(query.motion)),
        table=table,
    )


def _group_section(cohort: FunnelCohort, key: str, title: str, name: Callable[[Any], tuple[str, str]]) -> ReportSection:
    query, counted = cohort.query, cohort.counts[key]
    in_order = sorted(counted, key=lambda row: -row["mql"])
    named = [(name(row[key]), row) for row in in_order[:GROUPS_SHOWN]]
    build = partial(conversion_rows.build_row, motion=query.motion, ends=cohort.ends, now=cohort.now)
    rows = [
        build(row, label, link=_link_group(query, key, label[0]), rates=_rates_of(cohort, row)) for label, row in named
    ]
    if others := in_order[GROUPS_SHOWN:]:
        sums = mql_outcomes.add_counts(others, query.motion)
        rows.append(build(sums, (_OTHERS, f"{len(others)} others"), rates=cohort.rates))
    step = mql_outcomes.list_steps(query.motion)[1]
    table = ReportTable(
        key,
        f"Conversion {title.lower()}",
        title.removeprefix("By ").capitalize(),
        conversion_rows.build_columns(query.motion, DELIVERED, cohort.rates),
        tuple(rows),
        build(cohort.totals, ("total", "All"), link=_link_group(query), rates=cohort.rates) if counted else None,
        worst_by=step,
    )
    samples = [(label, Sample(row[step], row["mql"])) for (_, label), row in named]
    return ReportSection(key, title, headlines.describe_worst(samples, RATES[step].name_for(query.motion)), table=table)


def _rates_of(cohort: FunnelCohort, row: Mapping[str, Any]) -> StepRates:
    """Return the rates as the version of a row reads them; a row of another group has those of all."""
    return conversion_rows.read_rates([cohort.versions[row["version"]]]) if "version" in row else cohort.rates


def _link_group(query: ReportQuery, name: str = "", value: str = "") -> Callable[[str], str] | None:
    """Return the addresses of the rows of a group by step, of all without a name; a group without a value has none."""
    if name and not value:
        return None
    return lambda step: _rows_link(query, step, **({name: value} if name else {}))


def _link_cohort(query: ReportQuery, begins: dt.datetime, end: dt.datetime) -> Callable[[str], str]:
    """Return the addresses of the MQLs of a week or month, as far as it lies in the period."""
    first = max(company_days.day_of(begins), query.period.start_day)
    last = min(company_days.day_of(end) - dt.timedelta(days=1), query.period.last_day)
    return lambda step: _rows_link(query, step, weeks=None, from_=first, to=last)


def _rows_link(query: ReportQuery, step: str, **group: object) -> str:
    return query.link("report_rows", NAME, figure=step, **group)


def _count_cell(query: ReportQuery, count: int, step: str, *, is_maturing: bool = False) -> ReportCell:
    return ReportCell(count, href=_rows_link(query, step) if count else "", is_maturing=is_maturing)


def _matrix_cell(
    query: ReportQuery, counts: tuple[int, int] | None, fit: int, engagement: int, now: dt.datetime
) -> ReportCell:
    if counts is None:
        return ReportCell(Sample(0, 0))
    href = _rows_link(query, "mql", fit=fit, engagement=engagement)
    return ReportCell(Sample(*counts), href=href, is_maturing=is_still_maturing(query.period.end, "sql", now))


def _read_time(cohort: QuerySet[Any], step: str, motion: Motion, now: dt.datetime) -> ReportCell:
    """Return the median time from the MQL to a step, of those that have its date."""
    dated = mql_outcomes.with_step_dates(cohort, step, motion, now).filter(reached_at__gte=F("at"))
    took = dated.order_by().annotate(seconds=Extract(F("reached_at") - F("at"), "epoch"))
    row = took.aggregate(middle=Percentile("seconds", 0.5), count=Count("pk"))
    time = None if row["middle"] is None else dt.timedelta(seconds=row["middle"])
    return ReportCell(time, sample=row["count"])


def _mature_trend(step: str, cohort: FunnelCohort, ends: Sequence[dt.datetime]) -> RateTrend:
    """Return the trend of the cohorts that had their time, all of them within that time: older ones have had more by now."""
    samples = [
        cohort.at_age[row["begins"]][step]
        for row, end in zip(cohort.counts["begins"], ends, strict=True)
        if not is_still_maturing(end, step, cohort.now)
    ]
    name = f"{RATES[step].name_for(cohort.motion)} within {MATURES_AFTER[step].days} days"
    return RateTrend(name, *headlines.halves(samples))


def _end_of(begins: dt.datetime, *, is_weekly: bool) -> dt.datetime:
    return (CalendarWeek if is_weekly else CalendarMonth).containing(begins).end


def _cohort_label(begins: dt.datetime, *, is_weekly: bool) -> str:
    return f"{begins:%-d %b %Y}" if is_weekly else f"{begins:%B %Y}"
