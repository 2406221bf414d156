"""The data health report: missing fields, duplicates, unexplained wins, windows and values not understood (rules 12.54)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import urlencode

from django.db.models import Case, CharField, Count, OuterRef, Q, Value, When
from django.urls import reverse

from config.accounts.models import User
from config.accounts.roles import holds
from config.accounts.vocabulary import Role
from config.ui import formats
from config.web import QueryRefused
from leads.identity import duplicates, merges
from leads.intake import not_understood
from leads.intake.not_understood import AttributeCount
from leads.models import Lead, Outcome
from leads.vocabulary import READERS_OF_LEADS, DuplicateReason, Motion, OutcomeKind
from scoring.backtests.intervals_and_tests import Sample
from scoring.live.shortfalls import field_label
from scoring.models import Qualification
from sla.figure_catalogue.data_health_figures import (
    DUPLICATES_WAITING,
    HISTORY,
    NOT_UNDERSTOOD,
    TEXTS_NOT_UNDERSTOOD,
    UNEXPLAINED_WINS,
    UNKNOWN_OF_LEADS,
    UNKNOWN_OF_MQLS,
    WINDOW,
)
from sla.reports import funnel_report, funnel_tables, missing_fields, rule_windows
from sla.reports.framework import row_rights
from sla.reports.framework.figure_rows import FigureRow, FigureRows
from sla.reports.framework.report_entry import ReportEntry
from sla.reports.framework.report_period import ReportPeriod
from sla.reports.framework.report_query import NO_SOURCE, ReportQuery
from sla.reports.framework.report_shape import (
    Report,
    ReportCard,
    ReportCell,
    ReportColumn,
    ReportRow,
    ReportSection,
    ReportTable,
)
from sla.reports.missing_fields import ReadField

NAME: Final = "data-health"
_OF_LEADS, _OF_MQLS, _WINS, _UNEXPLAINED = "unknown_of_leads", "unknown_of_mqls", "wins", "unexplained_wins"


def build(query: ReportQuery, *, reader: User, now: dt.datetime) -> Report:
    """Build what is missing in the data that the versions in force read."""
    fields = _build_fields(query, reader)
    # Of all leads, so each is counted once for its card and its table.
    waiting, values = _count_duplicates(), not_understood.count_by_attribute()
    sections = [_build_cards(query, reader, waiting, values), fields]
    if query.motion != Motion.AQL:
        sections += [_build_wins(query), _build_windows(query, reader, now)]
    sections += [_build_duplicates(reader, waiting), _build_values(reader, values)]
    return Report(
        name=NAME,
        title="Data health",
        motion=query.motion,
        period=query.period,
        headline=fields.headline or "No version of this motion is in force: nothing is read yet.",
        sections=tuple(sections),
        notes=("A rule never passes a lead by a value that is unknown: what is missing costs MQLs.",),
    )


def _count_duplicates() -> dict[str, int]:
    """Count the pairs that wait for a decision by what they share."""
    rows = duplicates.list_candidates().order_by().values("reason").annotate(count=Count("pk"))
    return {row["reason"]: row["count"] for row in rows}


def _build_cards(
    query: ReportQuery, reader: User, duplicates_waiting: dict[str, int], counts: Sequence[AttributeCount]
) -> ReportSection:
    is_of_ops = holds(reader, Role.MARKETING_OPS)
    waiting = ReportCell(sum(duplicates_waiting.values()), href=reverse("duplicates") if is_of_ops else "")
    values = sum(count.subjects for count in counts)
    cards = [
        ReportCard("duplicates_waiting", DUPLICATES_WAITING, waiting),
        ReportCard(
            "not_understood", NOT_UNDERSTOOD, ReportCell(values, href=reverse("value_list") if is_of_ops else "")
        ),
    ]
    if query.motion != Motion.AQL:
        now, before = (_count_wins(query, period) for period in (query.period, query.period.before))
        cell = ReportCell(now, href=_link(query, _UNEXPLAINED) if now.hits else "")
        cards.insert(0, ReportCard("unexplained_wins", UNEXPLAINED_WINS, cell, ReportCell(before)))
    return ReportSection("health", "What needs care", cards=tuple(cards))


def _build_fields(query: ReportQuery, reader: User) -> ReportSection:
    """Build the fields that the versions in force read, those that are unknown most first."""
    fields = missing_fields.list_fields(missing_fields.list_versions(query.motion))
    mqls = funnel_tables.in_period(row_rights.select_mqls(query, reader), query.period)
    total, unknown = missing_fields.count_unknown(mqls, fields, **_paths(query.motion))
    columns = [
        ReportColumn("asked_by", "Read by"),
        ReportColumn("mqls", UNKNOWN_OF_MQLS.name_for(query.motion), UNKNOWN_OF_MQLS),
    ]
    samples = {field.name: Sample(unknown.get(field.name, 0), total) for field in fields}
    cells: dict[str, list[ReportCell]] = {
        field.name: [
            ReportCell(field.asked_by),
            ReportCell(samples[field.name], href=_field_link(query, _OF_MQLS, field.name, samples[field.name])),
        ]
        for field in fields
    }
    if query.motion != Motion.AQL:
        columns.append(ReportColumn("leads", UNKNOWN_OF_LEADS.name, UNKNOWN_OF_LEADS))
        total_of_leads, unknown_of_leads = missing_fields.count_unknown(_new_leads(query), fields)
        for field in fields:
            sample = Sample(unknown_of_leads.get(field.name, 0), total_of_leads)
            cells[field.name].append(ReportCell(sample, href=_field_link(query, _OF_LEADS, field.name, sample)))
    rows = tuple(ReportRow(field.name, field.label, tuple(cells[field.name])) for field in fields)
    table = ReportTable(
        "fields", "Fields that the versions in force read", "Field", tuple(columns), rows, worst_by="mqls"
    )
    return ReportSection("fields", "Missing fields", _describe_fields(query, fields, samples), table=table)


def _describe_fields(query: ReportQuery, fields: Sequence[ReadField], samples: dict[str, Sample]) -> str:
    missing = [field for field in fields if samples[field.name].hits]
    if not fields:
        return ""
    if not missing:
        return f"Every field that the versions in force read is known of all {query.motion.upper()}s of the period."
    worst = max(missing, key=lambda field: samples[field.name].hits)
    share = formats.percent(samples[worst.name].rate)
    return f"{worst.label} is unknown of {share} of the {query.motion.upper()}s, the most of {len(fields)} fields that are read."


def _build_wins(query: ReportQuery) -> ReportSection:
    """Build the wins by the source of their leads, those that no MQL explains first."""
    rows = (
        _select_wins(query, query.period)
        .order_by()
        .values("lead__source", "is_unexplained")
        .annotate(count=Count("pk"))
    )
    by_source: dict[str, dict[bool, int]] = {}
    for row in rows:
        by_source.setdefault(row["lead__source"], {})[row["is_unexplained"] == "yes"] = row["count"]
    samples = {source: Sample(counts.get(True, 0), sum(counts.values())) for source, counts in by_source.items()}
    columns = (ReportColumn(_UNEXPLAINED, UNEXPLAINED_WINS.name_for(query.motion), UNEXPLAINED_WINS),)
    table = ReportTable(
        "wins",
        "Wins by the source of the lead",
        "Source",
        columns,
        tuple(
            ReportRow(
                source or NO_SOURCE,
                source or "No source",
                (
                    ReportCell(
                        sample, href=_link(query, _UNEXPLAINED, source=source or NO_SOURCE) if sample.hits else ""
                    ),
                ),
            )
            for source, sample in sorted(samples.items())
        ),
        ReportRow("total", "All", (ReportCell(_add_up(samples.values())),)) if samples else None,
        worst_by=_UNEXPLAINED,
    )
    total = _add_up(samples.values())
    mql = query.motion.upper()
    headline = f"{total.hits:,} of {total.total:,} wins came without an {mql} before." if total.total else ""
    note = "A win without an MQL before is a lead that the definition did not see, or a deal of which marketing heard last."
    return ReportSection("wins", f"Wins that no {mql} explains", headline, table=table, notes=(note,))


def _build_windows(query: ReportQuery, reader: User, now: dt.datetime) -> ReportSection:
    mqls = funnel_tables.in_period(row_rights.select_mqls(query, reader), query.period)
    windows = [
        window
        for version in missing_fields.list_versions(query.motion)
        for window in rule_windows.list_windows(version, mqls, now)
    ]
    columns = (
        ReportColumn("version", "Version"),
        ReportColumn("days", "Looks back, days", WINDOW),
        ReportColumn("history", "History, days", HISTORY),
        ReportColumn("verdict", "What it means"),
    )
    rows = tuple(
        ReportRow(
            str(place),
            window.label,
            (
                ReportCell(str(window.version)),
                ReportCell(int(window.days) if window.days.is_integer() else window.days),
                ReportCell(window.history),
                ReportCell(window.verdict, tone="" if window.is_covered else "warn"),
            ),
        )
        for place, window in enumerate(windows, start=1)
    )
    short = [window for window in windows if not window.is_covered]
    headline = (
        f"{len(short)} of {len(windows)} windows look back further than the history reaches."
        if short
        else "Every window lies within the history."
        if windows
        else "No rule of the versions in force looks back for a time."
    )
    table = ReportTable("windows", "Windows in use", "Rule", columns, rows)
    note = (
        "A window that is longer than the history counts what is there: it is no error, but leads were judged by less."
    )
    return ReportSection("windows", "Windows in use", headline, table=table, notes=(note,))


def _build_duplicates(reader: User, counts: dict[str, int]) -> ReportSection:
    columns = (ReportColumn("count", "Waiting for a decision", DUPLICATES_WAITING),)
    table = ReportTable(
        "duplicates", "Possible duplicates by what they share", "They share", columns,
        tuple(
            ReportRow(reason, str(reason.label), (ReportCell(counts[reason], href=_ops_link(reader, "duplicates", reason=reason)),))
            for reason in DuplicateReason
            if reason in counts
        ),
        ReportRow("total", "All", (ReportCell(sum(counts.values())),)) if counts else None,
        worst_by="count",
    )  # fmt: skip
    headline = f"{sum(counts.values()):,} pairs of leads may be one person each." if counts else ""
    return ReportSection("duplicates", "Duplicates awaiting a decision", headline, table=table)


def _build_values(reader: User, counts: Sequence[AttributeCount]) -> ReportSection:
    columns = (
        ReportColumn("subjects", "Leads or companies", NOT_UNDERSTOOD),
        ReportColumn("texts", "Different texts", TEXTS_NOT_UNDERSTOOD),
    )
    rows = tuple(
        ReportRow(
            count.attribute,
            field_label(count.attribute),
            (
                ReportCell(count.subjects, href=_ops_link(reader, "value_list", attribute=count.attribute)),
                ReportCell(count.texts),
            ),
        )
        for count in counts
    )
    table = ReportTable(
        "values", "Values that could not be read, by attribute", "Attribute", columns, rows, worst_by="subjects"
    )
    headline = (
        f"{counts[0].subjects:,} values of {field_label(counts[0].attribute).lower()} could not be read, the most of all."
        if counts
        else ""
    )
    return ReportSection("values", "Values not understood", headline, table=table)


def _select_wins(query: ReportQuery, period: ReportPeriod) -> Any:
    """Return the won deals of a period; `is_unexplained` is yes where the person had not become an MQL before."""
    wins = Outcome.objects.effective().filter(
        motion=query.motion, kind=OutcomeKind.WON, at__gte=period.start, at__lt=period.end
    )
    if query.filters.source is not None:
        wins = wins.filter(lead__source=query.filters.source)
    earlier = Qualification.objects.filter(motion=query.motion, at__lte=OuterRef("at"))
    explained = merges.any_of_same_person(earlier)
    return wins.annotate(
        is_unexplained=Case(When(explained, then=Value("no")), default=Value("yes"), output_field=CharField())
    )


def _count_wins(query: ReportQuery, period: ReportPeriod) -> Sample:
    row = _select_wins(query, period).aggregate(
        total=Count("pk"), unexplained=Count("pk", filter=Q(is_unexplained="yes"))
    )
    return Sample(row["unexplained"], row["total"])


def _new_leads(query: ReportQuery) -> Any:
    """Return the leads that were recorded in the period: no older one is read, nor counted."""
    period = query.period
    leads = Lead.objects.filter(recorded_at__gte=period.start, recorded_at__lt=period.end, merged_into__isnull=True)
    return leads if query.filters.source is None else leads.filter(source=query.filters.source)


def _paths(motion: Motion) -> dict[str, Any]:
    """Return the paths from an MQL to its lead and its company; a company that qualified has no lead."""
    if motion == Motion.AQL:
        return {"lead": None, "company": "company__"}
    return {"lead": "lead__", "company": "lead__company__"}


def _add_up(samples: Any) -> Sample:
    return Sample(sum(sample.hits for sample in samples), sum(sample.total for sample in samples))


def _link(query: ReportQuery, figure: str, **changes: object) -> str:
    return query.link("report_rows", NAME, figure=figure, **changes)


def _field_link(query: ReportQuery, figure: str, field: str, sample: Sample) -> str:
    return _link(query, figure, field=field) if sample.hits else ""


def _ops_link(reader: User, name: str, **parameters: str) -> str:
    """Return the address of a page of marketing ops, empty for everybody else."""
    return f"{reverse(name)}?{urlencode(parameters)}" if holds(reader, Role.MARKETING_OPS) else ""


def list_rows(figure: str, query: ReportQuery, *, reader: User, now: dt.datetime) -> FigureRows | None:  # noqa: ARG001  # as entries have it
    """Return the leads or MQLs of which a field is unknown, or the wins that no MQL explains."""
    if figure in (_OF_LEADS, _OF_MQLS):
        return _list_unknown(figure, query, reader)
    if figure in (_WINS, _UNEXPLAINED) and query.motion != Motion.AQL:
        wins = _select_wins(query, query.period).select_related("lead__company")
        wins = wins.filter(is_unexplained="yes") if figure == _UNEXPLAINED else wins
        return FigureRows("Wins", wins, _write_win)
    return None


def _list_unknown(figure: str, query: ReportQuery, reader: User) -> FigureRows:
    field = query.parameters.get("field", "")
    named = field and missing_fields.is_telling(field) and len(field.split(".")) > 1
    is_of_mqls = figure == _OF_MQLS
    paths = _paths(query.motion) if is_of_mqls else {"lead": "", "company": "company__"}
    unknown = missing_fields.match_unknown(field, **paths) if named else None
    if unknown is None or (not is_of_mqls and query.motion == Motion.AQL):
        raise QueryRefused("field", "must be a field that a definition can read, as company.country.")
    title = f"{field_label(field)} unknown"
    if is_of_mqls:
        mqls: Any = funnel_tables.in_period(row_rights.select_mqls(query, reader), query.period).filter(unknown)
        return FigureRows(title, funnel_report.with_page_facts(mqls, query, reader), funnel_report.write_mql)
    return FigureRows(title, _new_leads(query).filter(unknown).select_related("company"), _write_lead)


def _write_lead(lead: Lead) -> FigureRow:
    return FigureRow(
        label=lead.name, company=str(lead.company or ""), href=reverse("lead", args=[lead.pk]), owner="", tier=0,
        state=lead.get_stage_display(), tone="", at=lead.recorded_at, why=lead.source or "No source",
    )  # fmt: skip


def _write_win(win: Outcome) -> FigureRow:
    lead = win.lead
    amount = "" if win.amount is None else formats.money(win.amount, win.currency)
    return FigureRow(
        label=lead.name, company=str(lead.company or ""), href=reverse("lead", args=[lead.pk]), owner="", tier=0,
        state="Won", tone="good", at=win.at, why=amount or "Without an amount",
    )  # fmt: skip


ENTRY: Final = ReportEntry(
    NAME,
    "Data health",
    build,
    readers=READERS_OF_LEADS,
    filters=("source",),
    list_rows=list_rows,
    row_parameters=("field",),
)
