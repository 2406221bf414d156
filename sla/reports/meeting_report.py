"""The weekly meeting as a report: pipeline first, then what both sides owe each other, and what is to be talked about.

Its figures are those of all teams and of the whole motion for everybody who may read it (rules 12.57); those of a closed
meeting are as they stood at the closing (rules 12.59).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Final

from django.urls import reverse

from config import company_days
from config.accounts.models import User
from config.calendar_periods import CalendarMonth, CalendarWeek
from config.ui import formats
from config.web import QueryRefused
from definitions.models import Definition
from leads.vocabulary import READERS_OF_LEADS, Motion, OutcomeKind
from scoring.backtests.intervals_and_tests import Sample
from sla.figure_catalogue import readings
from sla.figure_catalogue.catalogue import ACCEPTANCE, MQL_TO_OPPORTUNITY, MQL_TO_SQL, RateFigure
from sla.figure_catalogue.pipeline_figures import PIPELINE, WON
from sla.figure_catalogue.promise_figures import DELIVERED
from sla.forecast import weekly_forecasts
from sla.models import WeeklyMeeting
from sla.reports import (
    compliance,
    meeting_changes,
    meeting_record,
    pipeline_overview,
    pipeline_sums,
    promise_tables,
    rejected_sample,
    rejection_tables,
    satisfaction_results,
    volume_section,
)
from sla.reports.framework import frozen_report, headlines
from sla.reports.framework.report_entry import ReportEntry
from sla.reports.framework.report_period import ReportPeriod
from sla.reports.framework.report_query import ReportQuery
from sla.reports.framework.report_shape import (
    MoneySums,
    Report,
    ReportCard,
    ReportCell,
    ReportColumn,
    ReportRow,
    ReportSection,
    ReportTable,
)
from sla.reports.pipeline_sums import PipelineMoney

NAME: Final = "meeting"
TITLE: Final = "Weekly meeting"
#: The section whose rows are the rejected leads; their names are never frozen.
REJECTED: Final = "rejected"
CHANGES: Final = "changes"
#: Their tables need the width of the page; the others stand beside the decisions and notes.
WIDE_SECTIONS: Final = (REJECTED, CHANGES)
NOTE: Final = "Of all teams, whoever reads it; the rows behind a figure are those that you may see. Figures by person are in no meeting."
#: What an erasure leaves of the report of a closed meeting (rules 17.19).
ERASED: Final[dict[str, Any]] = {}
_COHORT_WEEKS: Final = 4
_MONTHS_SHOWN: Final = 4
_FIRST_WEEK_UNTIL: Final = 7


def build(query: ReportQuery, *, reader: User, now: dt.datetime) -> Report:  # noqa: ARG001  # figures are not by reader
    """Build the meeting about the week that the address names, by default the last one that is over. Raises QueryRefused."""
    week = read_week(query, now)
    meeting = find_meeting(query.motion, week)
    if meeting is not None and meeting.report == ERASED:
        return _report_erased(query.motion, week)
    if meeting is not None and meeting.report is not None:
        return _name_rejected(frozen_report.thaw(meeting.report), meeting.rejected)
    report = build_live(query.motion, week, meeting=meeting, now=now)
    return _name_rejected(report, _rejected_facts(query.motion, week, meeting))


def _report_erased(motion: Motion, week: CalendarWeek) -> Report:
    """Return what is left of a closed meeting whose record was erased (rules 17.19)."""
    headline = "The record of this meeting was erased; the audit says by whom and why."
    return Report(NAME, TITLE, motion, ReportPeriod(week.start, week.end), headline, sections=())


def read_week(query: ReportQuery, now: dt.datetime) -> CalendarWeek:
    """Return the closed week that is asked for. Raises QueryRefused."""
    for name in ("weeks", "from", "to"):
        if name in query.typed:
            raise QueryRefused(name, "is not known here: a meeting is about one week. Ask for it as week=2026-W10.")
    last = CalendarWeek.containing(now, weeks_back=1)
    text = query.parameters.get("week", "")
    if not text:
        return last
    try:
        monday = dt.datetime.strptime(f"{text}-1", "%G-W%V-%u").date()  # noqa: DTZ007  # a day of the company
    except ValueError as error:
        raise QueryRefused("week", "must be a week such as 2026-W10.") from error
    week = CalendarWeek.containing(company_days.start_of(monday))
    if week.name != text or week.start > last.start:
        raise QueryRefused("week", f"must be a week that is over, as 2026-W10; the last one is {last.name}.")
    return week


def find_meeting(motion: Motion, week: CalendarWeek) -> WeeklyMeeting | None:
    return WeeklyMeeting.objects.filter(motion=motion, week=week.name).select_related("closed_by").first()


def build_live(motion: Motion, week: CalendarWeek, *, meeting: WeeklyMeeting | None, now: dt.datetime) -> Report:
    """Build the report from the rows as they are now; rejected leads are without their names."""
    period = ReportPeriod(week.start, week.end)
    first, last = period.start_day.isoformat(), period.last_day.isoformat()
    query = ReportQuery(motion, period, typed={"from": first, "to": last})
    pipeline = _build_pipeline(query)
    acceptance = _build_acceptance(query, now)
    sections = (
        pipeline,
        _build_delivered(query, now),
        acceptance,
        _build_conversion(query, now),
        _build_promises(query),
        *_build_satisfaction(week),
        _build_rejected(motion, _rejected_facts(motion, week, meeting)),
        _build_changes(motion, week),
        *meeting_record.build_sections(motion, week, meeting),
    )
    return Report(
        name=NAME,
        title=TITLE,
        motion=motion,
        period=period,
        headline=f"{pipeline.headline} {acceptance.headline}".strip(),
        sections=sections,
        notes=(NOTE,),
    )


def _build_pipeline(query: ReportQuery) -> ReportSection:
    """Build the money first: of the week, and of the 90 days up to its end, each beside the time before."""
    end, start = query.period.end, query.period.start
    before, over = query.period.before, pipeline_overview.PIPELINE_OVER
    read = partial(pipeline_sums.sum_deals, query.motion)
    opened, won = OutcomeKind.OPPORTUNITY, OutcomeKind.WON
    week = read(opened, start=start, end=end)
    cards = (
        _money_card("pipeline", PIPELINE, week, read(opened, start=before.start, end=start)),
        _money_card(
            "pipeline_90_days", PIPELINE, read(opened, start=end - over, end=end),
            read(opened, start=end - 2 * over, end=end - over), note="in 90 days",
        ),
        _money_card("won", WON, read(won, start=start, end=end), read(won, start=before.start, end=start)),
    )  # fmt: skip
    sentence = (
        f"{week.count:,} {'opportunity was' if week.count == 1 else 'opportunities were'} opened in the week,"
        f" {week.label} of pipeline."
    )
    return ReportSection("pipeline", "Pipeline", f"{sentence} {_describe_forecast(query.motion, end)}".strip(), cards)


def _money_card(key: str, figure: Any, now: PipelineMoney, before: PipelineMoney, note: str = "") -> ReportCard:
    unpriced = f"{now.unpriced:,} without an amount" if now.unpriced else ""
    return ReportCard(
        key, figure, ReportCell(_as_sums(now), sample=now.count, note=unpriced), ReportCell(_as_sums(before)), note=note
    )


def _as_sums(money: PipelineMoney) -> MoneySums:
    return MoneySums(tuple(sorted(money.amounts.items())))


def _describe_forecast(motion: Motion, end: dt.datetime) -> str:
    """Return what the forecast of the meeting's day says, for each currency; empty where it says nothing yet."""
    forecast = weekly_forecasts.find_forecast(motion, until=end + dt.timedelta(days=1))
    if forecast is None or forecast.cutoff_at != end:
        return ""
    parts = [
        f"{formats.money(round(row['expected']), row['currency'])}"
        f" ({formats.money(round(row['low']), row['currency'])} to {formats.money(round(row['high']), row['currency'])})"
        for row in forecast.result["currencies"]
        if not row["too_few"]
    ]
    return f"Forecast of 60 to 90 days ahead, with its 80 % interval: {', '.join(parts)}." if parts else ""


def _build_delivered(query: ReportQuery, now: dt.datetime) -> ReportSection:
    months = volume_section.read_months(query.motion, min(now, query.period.end))
    counts = [_read_rate(MQL_TO_OPPORTUNITY, query.motion, period, now) for period in _periods(query)]
    href = query.link("report_rows", volume_section.FUNNEL, figure="mql") if counts[0].total else ""
    cards = [ReportCard("delivered", DELIVERED, ReportCell(counts[0].total, href=href), ReportCell(counts[1].total))]
    cards += volume_section.build_cards(months, query.motion)
    return ReportSection(
        "delivered",
        "Delivered against agreed",
        volume_section.describe_months(months, query.motion),
        tuple(cards),
        table=volume_section.build_table(ReportQuery(query.motion, query.period), months[:_MONTHS_SHOWN]),
    )


def _periods(query: ReportQuery) -> tuple[ReportPeriod, ReportPeriod]:
    return query.period, query.period.before


def _build_acceptance(query: ReportQuery, now: dt.datetime) -> ReportSection:
    sample, before = (_read_rate(ACCEPTANCE, query.motion, period, now) for period in _periods(query))
    headline = f"Sales accepted {sample.hits:,} of the {sample.total:,} that it decided." if sample.total else ""
    href = query.link("report_rows", rejection_tables.NAME, figure="decided") if sample.total else ""
    card = ReportCard("acceptance", ACCEPTANCE, ReportCell(sample, href=href), ReportCell(before))
    return ReportSection("acceptance", "Acceptance", headline, (card,))


def _build_conversion(query: ReportQuery, now: dt.datetime) -> ReportSection:
    """Build the conversion of the four weeks that ended long enough before the week's end for their leads to convert."""
    figure = MQL_TO_OPPORTUNITY if query.motion == Motion.AQL else MQL_TO_SQL
    within = figure.matures_after or dt.timedelta()
    weeks_back = -(-within.days // 7)
    end = CalendarWeek.containing(query.period.end, weeks_back=weeks_back).start
    middle, start = (
        CalendarWeek.containing(end, weeks_back=weeks).start for weeks in (_COHORT_WEEKS, 2 * _COHORT_WEEKS)
    )
    samples = [
        _read_rate(figure, query.motion, ReportPeriod(*bounds), now, within)
        for bounds in ((middle, end), (start, middle))
    ]
    cohort = ReportPeriod(middle, end)
    note = f"MQLs of {cohort.label}, each with {within.days} days to convert; before: the four weeks before."
    card = ReportCard(str(figure.key), figure, ReportCell(samples[0]), ReportCell(samples[1]))
    headline = ""
    if samples[0].total:
        change = headlines.RateTrend(figure.name_for(query.motion), samples[1], samples[0])
        rate = f"{change.name} is {formats.percent(samples[0].rate)}"
        headline = f"{change.sentence}." if change.is_clear else f"{rate}, no clear change from the four weeks before."
    return ReportSection(
        "conversion",
        figure.name_for(query.motion),
        headline,
        (card,),
        notes=(note.replace("MQL", query.motion.upper()),),
    )


def _read_rate(
    figure: RateFigure, motion: Motion, period: ReportPeriod, now: dt.datetime, within: dt.timedelta | None = None
) -> Sample:
    """Read a rate of all definitions of a motion, whose MQLs are disjoint."""
    return headlines.add_samples(
        [
            readings.read_rate(figure, definition=row, start=period.start, end=period.end, now=now, within=within)
            for row in Definition.objects.filter(motion=motion).order_by("pk")
        ]
    )


def _build_promises(query: ReportQuery) -> ReportSection:
    figures, before = (
        {row.kind: row for row in compliance.read_figures(motion=query.motion, start=period.start, end=period.end)}
        for period in _periods(query)
    )
    cards = []
    for kind, (in_time, median, _p90) in promise_tables.FIGURES.items():
        now, earlier = figures.get(kind), before.get(kind)
        href = query.link("sla_rows", kind=kind, verdict="judged") if now and now.judged else ""
        note = f"{now.running:,} still running" if now and now.running else ""
        sample = ReportCell(promise_tables.sample_of(now), href=href, note=note)
        cards.append(ReportCard(str(in_time.key), in_time, sample, ReportCell(promise_tables.sample_of(earlier))))
        times = [promise_tables.time_cell(row.median_minutes if row else None, row) for row in (now, earlier)]
        cards.append(ReportCard(str(median.key), median, times[0], times[1]))
    samples = [(promise_tables.sample_of(figures.get(kind)), kind.label) for kind in promise_tables.KINDS]
    late = [
        f"{sample.misses:,} of {sample.total:,} late: {str(label).lower()}"
        for sample, label in samples
        if sample.misses
    ]
    judged = any(sample.total for sample, _ in samples)
    headline = f"{'; '.join(late)}." if late else "Both sides kept every promise of the week." if judged else ""
    return ReportSection("promises", "Promises of both sides", headline, tuple(cards))


def _build_satisfaction(week: CalendarWeek) -> list[ReportSection]:
    """Build what sales answered in the month before, in the first meeting of a month."""
    meets_on = company_days.day_of(week.end)
    if meets_on.day > _FIRST_WEEK_UNTIL:
        return []
    return [satisfaction_results.build_month_section(CalendarMonth.containing(week.end, months_back=1))]


def _rejected_facts(motion: Motion, week: CalendarWeek, meeting: WeeklyMeeting | None) -> list[dict[str, Any]]:
    return rejected_sample.choose_rejected(motion, week) if meeting is None else meeting.rejected


def _build_rejected(motion: Motion, facts: Sequence[dict[str, Any]]) -> ReportSection:
    columns = tuple(
        ReportColumn(key, title)
        for key, title in (
            ("reason", "Reason"), ("note", "What sales said"), ("why", "Why it had qualified"), ("score", "Fit, engagement"),
            ("tier", "Tier"), ("version", "Version"), ("contacted", "Contacted before"), ("decided", "Decided"),
        )
    )  # fmt: skip
    rows = tuple(
        ReportRow(str(row["record"]), "", _rejected_cells(motion, row), note=_write_evidence(row)) for row in facts
    )
    table = ReportTable(REJECTED, "Rejected in the week, with their evidence", "Lead", columns, rows)
    name = "plays" if motion == Motion.AQL else "leads"
    return ReportSection(REJECTED, f"Rejected {name} to walk through", table=table, notes=(rejected_sample.RULE,))


def _write_evidence(row: dict[str, Any]) -> str:
    """Write the lines of the frozen evidence, each with its verdict."""
    return "; ".join(f"{line['text']}: {line['verdict']}" for line in row["evidence"])


def _rejected_cells(motion: Motion, row: dict[str, Any]) -> tuple[ReportCell, ...]:
    remark = ". ".join(
        text.rstrip(".") for text in (row["note"], row["missing"] and f"Missing: {row['missing']}") if text
    )
    score = "" if row["fit"] is None else f"{formats.points(row['fit'])}, {formats.points(row['engagement'])}"
    decided = company_days.day_of(dt.datetime.fromisoformat(row["decided_at"]))
    detail = f" ({row['detail'].lower()})" if row["detail"] else ""
    contacted = "yes" if row["contacted_before"] else "no"
    href = reverse("company" if motion == Motion.AQL else "lead", args=[row["subject"]])
    others = (remark, row["why"], score, str(row["tier"]), row["version"], contacted, decided)
    return ReportCell(f"{row['reason']}{detail}", href=href), *map(ReportCell, others)


def _name_rejected(report: Report, facts: Sequence[dict[str, Any]]) -> Report:
    """Put the present names, with links, to the rejected leads: an erased or merged name is not kept in a meeting."""
    names = rejected_sample.read_names(report.motion, list(facts))
    subjects = {str(row["record"]): row["subject"] for row in facts}
    sections = []
    for section in report.sections:
        table = section.table
        if section.key == REJECTED and table is not None:
            rows = tuple(replace(row, label=names.get(subjects.get(row.key, 0), row.key)) for row in table.rows)
            section = replace(section, table=replace(table, rows=rows))  # noqa: PLW2901  # the same section, named
        sections.append(section)
    return replace(report, sections=tuple(sections))


def _build_changes(motion: Motion, week: CalendarWeek) -> ReportSection:
    columns = (ReportColumn("kind", "What"), ReportColumn("at", "When"), ReportColumn("by", "By"))
    rows = tuple(
        ReportRow(
            str(place),
            change.text,
            (
                ReportCell(change.kind, href=change.href),
                ReportCell(company_days.day_of(change.at)),
                ReportCell(change.by),
            ),
        )
        for place, change in enumerate(meeting_changes.list_changes(motion, week), start=1)
    )
    headline = "" if rows else "Nothing changed: no version, list, commitments or routing rule."
    table = ReportTable("changes", "What changed in the week", "Change", columns, rows)
    return ReportSection(CHANGES, "What changed", headline, table=table)


ENTRY: Final = ReportEntry(
    NAME, TITLE, build, readers=READERS_OF_LEADS, filters=(), own_parameters=("week",), lead_sections=(REJECTED,)
)
