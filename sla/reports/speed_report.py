"""Speed to lead against conversion, in buckets of time to the first contact, and hot against standard (rules 12.30)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from functools import partial
from typing import Any, Final

from django.db.models import Case, CharField, Count, F, QuerySet, Value, When
from django.db.models.functions import Extract

from config.accounts.models import User
from config.charts import Series, bar_chart
from config.ui import formats
from config.web import QueryRefused
from definitions.models import Version
from leads.vocabulary import Motion
from scoring.backtests.intervals_and_tests import Sample, newcombe
from sla.figure_catalogue.catalogue import SMALLEST_SAMPLE
from sla.figure_catalogue.promise_figures import CONTACTED_IN_TIME
from sla.figure_catalogue.speed_figures import CONTACTED, HANDED_OVER, SPEED
from sla.reports import compliance, conversion_rows, funnel_report, mql_outcomes
from sla.reports.compliance import Percentile
from sla.reports.conversion_rows import RATES, StepRates
from sla.reports.framework import headlines, row_rights
from sla.reports.framework.figure_rows import FigureRows
from sla.reports.framework.report_entry import ReportEntry
from sla.reports.framework.report_period import ReportPeriod
from sla.reports.framework.report_query import ReportQuery
from sla.reports.framework.report_shape import (
    Report,
    ReportCard,
    ReportCell,
    ReportRow,
    ReportSection,
    ReportTable,
)
from sla.vocabulary import ClockKind

NAME: Final = "speed-to-lead"
#: All MQLs of a row, whatever became of them.
_ALL: Final = "mql"
_MINUTE: Final = dt.timedelta(minutes=1)
_HOUR: Final = dt.timedelta(hours=1)
#: The buckets by the longest time that each holds, in the order in which they stand; the last two have no end and no contact.
BUCKETS: Final = (
    ("5m", "within 5 minutes", 5 * _MINUTE),
    ("30m", "5 to 30 minutes", 30 * _MINUTE),
    ("60m", "30 to 60 minutes", _HOUR),
    ("2h", "1 to 2 hours", 2 * _HOUR),
    ("24h", "2 to 24 hours", 24 * _HOUR),
    ("48h", "24 to 48 hours", 48 * _HOUR),
    ("later", "after 48 hours", None),
)
NEVER: Final = ("never", "not contacted")
#: The buckets as the axis of the chart names them.
_SHORT: Final = {
    "5m": "≤ 5 min", "30m": "≤ 30 min", "60m": "≤ 1 h", "2h": "≤ 2 h", "24h": "≤ 24 h", "48h": "≤ 48 h", "later": "> 48 h",
    NEVER[0]: "none",
}  # fmt: skip
#: What is called fast in the headline, and what is compared with it.
_FAST: Final = ("5m", "30m")
_SLOW: Final = ("48h", "later")


def build(query: ReportQuery, *, reader: User, now: dt.datetime) -> Report:
    """Build the conversions by the time to the first contact. Wall-clock time: the lead waits at night as well."""
    cohort = _handed_over(query, reader, query.period)
    sets = {"bucket": ("bucket",), "version": ("version",)} | (
        {} if query.motion == Motion.AQL else {"hot": ("is_hot",)}
    )
    counts = mql_outcomes.count_step_sets(_with_bucket(cohort, query.motion), query.motion, now, sets)
    versions = Version.objects.in_bulk([row["version"] for row in counts["version"]])
    rates = conversion_rows.read_rates(versions.values())
    buckets = _build_buckets(query, {row["bucket"]: row for row in counts["bucket"]}, rates, now)
    return Report(
        name=NAME,
        title="Speed to lead",
        motion=query.motion,
        period=query.period,
        headline=buckets.headline,
        sections=(_build_cards(query, reader, cohort), buckets, *_build_hot(query, counts.get("hot", []), rates, now)),
        notes=(
            "Who is contacted fast is not drawn by lot: reps may call the best leads first.",
            "A difference is no proof that speed causes it.",
        ),
    )


def _handed_over(query: ReportQuery, reader: User, period: ReportPeriod) -> Any:
    """Return the MQLs whose handoff, one that the reader's reports count, was made in the period."""
    mqls = row_rights.select_handed_over(query, reader)
    handed_over, _ = _name_instants(query.motion)
    return mqls.filter(**{f"{handed_over}__gte": period.start, f"{handed_over}__lt": period.end})


def _name_instants(motion: Motion) -> tuple[str, str]:
    """Return the names of the instants of the handoff and of the first contact."""
    if motion == Motion.AQL:
        return "play__created_at", "play__first_contact_at"
    return "handed_over_at", "first_contact_at"


def _with_bucket(cohort: Any, motion: Motion) -> Any:
    """Annotate MQLs with the `bucket` of the time from their handoff to the first contact."""
    start, contact = _name_instants(motion)
    cases = [When(**{f"{contact}__lte": F(start) + limit}, then=Value(key)) for key, _, limit in BUCKETS if limit]
    bucket = Case(
        When(**{f"{contact}__isnull": True}, then=Value(NEVER[0])),
        *cases,
        default=Value("later"),
        output_field=CharField(),
    )
    return cohort.annotate(bucket=bucket)


def _build_cards(query: ReportQuery, reader: User, cohort: QuerySet[Any]) -> ReportSection:
    median, contacted = _read_speed(cohort, query.motion)
    median_before, contacted_before = _read_speed(_handed_over(query, reader, query.period.before), query.motion)
    in_time, in_time_before = (
        next(
            (
                Sample(figure.kept, figure.judged)
                for figure in compliance.read_for_reader(query, reader, period)
                if figure.kind == ClockKind.FIRST_CONTACT
            ),
            Sample(0, 0),
        )
        for period in (query.period, query.period.before)
    )
    cards = (
        ReportCard("speed_to_lead", SPEED, median, median_before),
        ReportCard(
            "contacted", CONTACTED, ReportCell(contacted, href=_link(query, "contacted")), ReportCell(contacted_before)
        ),
        ReportCard("contacted_in_time", CONTACTED_IN_TIME, ReportCell(in_time), ReportCell(in_time_before)),
    )
    return ReportSection("speed", "How fast leads are contacted", cards=cards)


def _read_speed(cohort: Any, motion: Motion) -> tuple[ReportCell, Sample]:
    start, contact = _name_instants(motion)
    waited = Extract(F(contact) - F(start), "epoch")
    timed = cohort.order_by().annotate(waited=waited)
    row = timed.aggregate(total=Count("pk"), contacted=Count("waited"), middle=Percentile("waited", 0.5))
    time = None if row["middle"] is None else dt.timedelta(seconds=row["middle"])
    return ReportCell(time, sample=row["contacted"]), Sample(row["contacted"], row["total"])


def _build_buckets(query: ReportQuery, counted: dict[str, Any], rates: StepRates, now: dt.datetime) -> ReportSection:
    steps = mql_outcomes.list_steps(query.motion)
    named = [*((key, label) for key, label, _ in BUCKETS), NEVER]
    rows = tuple(_row(query, key, label, counted[key], rates, now) for key, label in named if key in counted)
    sums = mql_outcomes.add_counts(counted.values(), query.motion)
    total = _row(query, "", "All", sums, rates, now) if counted else None
    columns = conversion_rows.build_columns(query.motion, HANDED_OVER, rates)
    table = ReportTable(
        "bucket",
        "Conversion by time to the first contact",
        "First contact",
        columns,
        rows,
        total,
    )
    conversion = "sql" if "sql" in steps else "opportunity"
    labels = [_SHORT[row.key] for row in rows]
    chart = bar_chart(
        "Conversion by time to the first contact",
        labels,
        [
            Series(
                RATES[step].name_for(query.motion),
                look,
                [_chart_value(counted[row.key], step) for row in rows],
                hrefs=[_link(query, row.key) for row in rows],
            )
            for step, look in ((conversion, "one"), ("won", "two"))
        ],
        unit="%",
    )
    headline = _compare_speeds(counted, conversion, RATES[conversion].name_for(query.motion))
    note = f"The chart leaves out times of fewer than {SMALLEST_SAMPLE} {query.motion.upper()}s; the table marks them as small."
    return ReportSection(
        "bucket", "Conversion by speed", headline, chart=chart if rows else None, table=table, notes=(note,)
    )


def _chart_value(counts: dict[str, Any], step: str) -> float | None:
    """Return a conversion in percent; None for a small sample, whose bar would look as firm as the others."""
    return 100 * counts[step] / counts["mql"] if counts["mql"] >= SMALLEST_SAMPLE else None


def _compare_speeds(counted: dict[str, Any], step: str, name: str) -> str:
    fast, slow = (
        headlines.add_samples([Sample(counted[key][step], counted[key]["mql"]) for key in keys if key in counted])
        for keys in (_FAST, _SLOW)
    )
    if min(fast.total, slow.total) < SMALLEST_SAMPLE:
        return (
            f"{fast.total:,} were contacted within 30 minutes and {slow.total:,} after 24 hours: {SMALLEST_SAMPLE} of each are"
            " needed to compare their conversions."
        )
    sentence = (
        f"{name} is {formats.percent(fast.rate)} of {fast.total:,} contacted within 30 minutes and {formats.percent(slow.rate)} of"
        f" {slow.total:,} contacted after 24 hours"
    )
    bounds = newcombe(fast, slow)
    is_clear = bounds is not None and not bounds[0] <= 0 <= bounds[1]
    return f"{sentence}." if is_clear else f"{sentence}: no clear difference."


def _build_hot(
    query: ReportQuery, counted: list[dict[str, Any]], rates: StepRates, now: dt.datetime
) -> list[ReportSection]:
    """Build hot leads, of tier 1 when they qualified, beside all others. Companies are not hot."""
    if query.motion == Motion.AQL:
        return []
    rows = tuple(
        _row(query, "hot" if row["is_hot"] else "standard", "Hot" if row["is_hot"] else "Standard", row, rates, now)
        for row in sorted(counted, key=lambda row: not row["is_hot"])
    )
    table = ReportTable(
        "hot",
        "Conversion of hot and standard leads",
        "Kind",
        conversion_rows.build_columns(query.motion, HANDED_OVER, rates),
        rows,
    )
    samples = [(f"the {row.label.lower()} ones", row.cells[2].value) for row in rows]
    headline = headlines.describe_worst(
        [(label, sample) for label, sample in samples if isinstance(sample, Sample)], "Conversion to SQL"
    )
    return [ReportSection("hot", "Hot against standard", headline, table=table)]


def _row(
    query: ReportQuery, key: str, label: str, counts: Mapping[str, Any], rates: StepRates, now: dt.datetime
) -> ReportRow:
    return conversion_rows.build_row(
        counts,
        (key or "total", label),
        query.motion,
        ends=query.period.end,
        now=now,
        rates=rates,
        link=partial(_link, query, key) if key else None,
    )


def _link(query: ReportQuery, key: str, step: str = _ALL) -> str:
    return query.link("report_rows", NAME, figure=key, step=None if step == _ALL else step)


def list_rows(figure: str, query: ReportQuery, *, reader: User, now: dt.datetime) -> FigureRows | None:
    """Return the MQLs of a bucket, those that were contacted at all, or those that are hot or standard; of them those that came
    to a `step`. Raises QueryRefused.
    """
    names = {key: f"Contacted {label}" for key, label, _ in BUCKETS} | {
        "contacted": "Contacted",
        NEVER[0]: "Not contacted",
    }
    kinds = {} if query.motion == Motion.AQL else {"hot": True, "standard": False}
    rows = _with_bucket(_handed_over(query, reader, query.period), query.motion)
    if figure in kinds:
        rows = rows.filter(is_hot=kinds[figure])
    elif figure == "contacted":
        rows = rows.exclude(bucket=NEVER[0])
    elif figure in names:
        rows = rows.filter(bucket=figure)
    else:
        return None
    rows = _narrow_to_step(rows, query, now)
    rows = funnel_report.with_page_facts(rows, query, reader)
    return FigureRows(names.get(figure, figure.capitalize()), rows, funnel_report.write_mql)


def _narrow_to_step(rows: QuerySet[Any], query: ReportQuery, now: dt.datetime) -> QuerySet[Any]:
    step, steps = query.parameters.get("step"), mql_outcomes.list_steps(query.motion)
    if step is None:
        return rows
    if step not in steps:
        raise QueryRefused("step", f"must be one of {', '.join(steps)}.")
    reached: QuerySet[Any] = mql_outcomes.with_steps(rows, query.motion, now).filter(**{f"is_{step}": True})
    return reached


ENTRY: Final = ReportEntry(NAME, "Speed to lead", build, list_rows=list_rows, row_parameters=("step",))
