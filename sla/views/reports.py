"""The page, the files and the rows of every report (rules 12.19, 12.25)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any, Final

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET

from config.accounts.models import User
from config.downloads import csv_download
from config.web import QueryRefused, Request, typed_number
from definitions import motions
from leads.vocabulary import Motion
from sla.filters import ClockFilter
from sla.reports import compliance, report_names, sla_report
from sla.reports.framework import cell_formats, filter_choices, report_page, row_rights
from sla.reports.framework.report_entry import ReportEntry, UnknownReport
from sla.reports.framework.report_period import WEEKS_OFFERED
from sla.reports.framework.report_query import ReportQuery, read_query
from sla.reports.framework.table_order import require_table
from sla.teams import people_groups

#: The table of the cards in files: each figure that stands for itself.
CARDS_TABLE: Final = "figures"
PAGE: Final = 50


@login_required
@require_GET
def report(request: Request, name: str) -> HttpResponse:
    """Show a report for the motion, period and filters in the address."""
    try:
        entry = _open_report(request, name)
    except UnknownReport as unknown:
        return _list_reports(request, unknown)
    now = timezone.now()
    query = _read_query(request, entry, now, also_known=("all",))
    built = entry.build_current(query, reader=request.user, now=now)
    require_table(dict(built.tables), request.GET.get("sort", ""))
    context = {
        "report": built,
        "sections": report_page.build_sections(built, request.GET.get("sort", ""), query.parameters.get("all", "")),
        "tabs": list_tabs(request.user, query),
        "choices": filter_choices.list_choices(query, entry.filters, request.user),
        "query": query,
        "motion": query.motion,
        "motions": motions.list_motions_in_use(),
        "periods": WEEKS_OFFERED,
        "cards_table": CARDS_TABLE,
        "whole": query.parameters.get("all", ""),
        "now": now,
    }
    return render(request, "sla/reports/report.html", context)


def list_tabs(reader: User, query: ReportQuery) -> list[tuple[ReportEntry, str]]:
    """List the reports that the reader may read, each with its address for the question of the page."""
    return [(entry, _link_report(entry, query)) for entry in report_names.list_reports(reader)]


def _link_report(entry: ReportEntry, query: ReportQuery) -> str:
    """Return the address of a report for the question of another one, without what it does not know.

    A report with parameters of its own, as a week, has its own period.
    """
    known = () if entry.own_parameters else ("weeks", "from", "to", *entry.filters)
    return query.link("report", entry.name, **{name: None for name in query.typed if name not in known})


def _read_query(
    request: Request, entry: ReportEntry, now: dt.datetime, *, also_known: Sequence[str] = ()
) -> ReportQuery:
    known = (*entry.own_parameters, *also_known)
    return read_query(request.GET, filters=entry.filters, reader=request.user, now=now, also_known=known)


@login_required
@require_GET
def report_export(request: Request, name: str) -> HttpResponseBase:
    """Return a table of a report as a file: `table` names it, by default the first; `figures` has the cards."""
    try:
        entry = _open_report(request, name)
    except UnknownReport as unknown:
        return _list_reports(request, unknown)
    now = timezone.now()
    query = _read_query(request, entry, now)
    built = entry.build_current(query, reader=request.user, now=now)
    sort = request.GET.get("sort", "")
    require_table(dict(built.tables), sort)
    tables = report_page.order_tables(built, sort)
    key = request.GET.get("table") or next(iter(tables), CARDS_TABLE)
    if key != CARDS_TABLE and key not in tables:
        raise QueryRefused("table", f"must be one of {', '.join((*tables, CARDS_TABLE))}.")
    if key == CARDS_TABLE:
        header, rows = cell_formats.csv_cards(built.cards, built.motion)
    else:
        header, rows = cell_formats.csv_table(tables[key])
    return csv_download(f"{built.motion}-{name}-{key}", header, rows)


@login_required
@require_GET
def sla_export(request: Request) -> HttpResponseBase:
    """Return a table of the SLA report; `by` is the older name of `table`."""
    parameters = request.GET.copy()
    if "by" in parameters:
        parameters["table"] = str(parameters.pop("by")[-1])
        return redirect(f"{reverse('sla_export')}?{parameters.urlencode()}")
    return report_export(request, sla_report.ENTRY.name)


@login_required
@require_GET
def report_rows(request: Request, name: str) -> HttpResponse:
    """List the rows behind a figure of a report, the newest first."""
    try:
        entry = _open_report(request, name)
    except UnknownReport as unknown:
        return _list_reports(request, unknown)
    now = timezone.now()
    known = ("figure", "after", *entry.row_parameters)
    query = read_query(request.GET, filters=entry.filters, reader=request.user, now=now, also_known=known)
    figure = request.GET.get("figure", "")
    figure_rows = entry.list_rows(figure, query, reader=request.user, now=now) if entry.list_rows else None
    if figure_rows is None:
        raise QueryRefused("figure", "must be the key of a figure of this report that has a list of rows.")
    page = list(rows_after(figure_rows.rows.order_by("-pk"), request.GET.get("after", ""))[: PAGE + 1])
    context = {
        "entry": entry,
        "report_url": query.link("report", name),
        "title": figure_rows.title,
        "when": figure_rows.when or query.period.label,
        "rows": [figure_rows.write(row) for row in page[:PAGE]],
        "total": figure_rows.rows.count(),
        "more": page[PAGE - 1].pk if len(page) > PAGE else None,
        "query": query,
        "motion": query.motion,
        "now": now,
    }
    return render(request, "sla/reports/figure_rows.html", context)


@login_required
@require_GET
def sla_rows(request: Request) -> HttpResponse:
    """List the promises behind a figure of one motion, the newest first."""
    _open_report(request, sla_report.ENTRY.name)
    now = timezone.now()
    known = (*ClockFilter.base_filters, "after")
    query = read_query(request.GET, filters=sla_report.ENTRY.filters, reader=request.user, now=now, also_known=known)
    about = "play__company" if query.motion == Motion.AQL else "handoff__lead__company"
    clocks = row_rights.select_clocks(query, request.user).filter(started_at__lt=query.period.end)
    clocks = clocks.select_related(about, "rep__user").order_by("-pk")
    clock_filter = ClockFilter(request.GET, queryset=clocks, request=request)
    if clock_filter.errors:
        name, errors = next(iter(clock_filter.errors.items()))
        raise QueryRefused(name, f"cannot be read: {' '.join(errors)}")
    rows = clock_filter.qs.filter(started_at__gte=query.period.start)
    page = list(rows_after(rows, request.GET.get("after", ""))[: PAGE + 1])
    context = {
        "motion": query.motion,
        "motions": motions.list_motions_in_use(),
        "rows": compliance.with_remarks(page[:PAGE]),
        "is_of_plays": query.motion == Motion.AQL,
        "named_reps": set(people_groups.select_reps_by_name(request.user).values_list("pk", flat=True)),
        "more": page[PAGE - 1].pk if len(page) > PAGE else None,
        "total": rows.count(),
        "filter": clock_filter,
        "query": query,
        "hidden": {name: value for name, value in request.GET.items() if name not in ("kind", "verdict", "after")},
        "report_url": query.link("sla_report"),
        "now": now,
    }
    return render(request, "sla/reports/compliance_rows.html", context)


def rows_after(rows: Any, after: str) -> Any:
    if not after:
        return rows
    last = typed_number(after)
    if last is None:
        raise QueryRefused("after", "must be the number of a row.")
    return rows.filter(pk__lt=last)


def _open_report(request: Request, name: str) -> ReportEntry:
    """Return the report of this name. Raises UnknownReport, and PermissionDenied for whom it is not open to."""
    entry = report_names.find_report(name)
    if not entry.is_open_to(request.user):
        raise PermissionDenied
    return entry


def _list_reports(request: Request, unknown: UnknownReport) -> HttpResponse:
    context = {"sentence": str(unknown), "entries": report_names.list_reports(request.user)}
    return render(request, "sla/reports/unknown_report.html", context, status=404)
