from __future__ import annotations

from typing import Any, Final

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST
from django_htmx.http import HttpResponseClientRefresh

from config.accounts.roles import holds, roles_required
from config.accounts.vocabulary import Role
from config.downloads import csv_download
from config.web import Request
from definitions import backtest_requests, permissions, threshold_adoption
from definitions.models import Backtest, Version
from leads.vocabulary import READERS_OF_LEADS
from scoring.backtests import result_charts, result_view
from scoring.backtests.result_view import TABLES, Result
from scoring.forms import PeriodForm, ThresholdsForm
from scoring.what_ifs import threshold_what_if

LISTED: Final = 50
UNPROCESSABLE: Final = 422


@roles_required(*READERS_OF_LEADS, seen_by=READERS_OF_LEADS)
@require_http_methods(["GET", "POST"])
def version_backtests(request: Request, pk: int) -> HttpResponse:
    """Show all backtests of a version; POST asks for another one."""
    version = get_object_or_404(Version.objects.select_related("definition"), pk=pk)
    form = PeriodForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        return _request_backtest(request, version, form)
    rows = (
        version.backtests.select_related("requested_by", "against__definition")
        .order_by("-pk")
        .defer("document")[:LISTED]
    )
    context = {
        "version": version,
        "form": form,
        "rows": rows,
        "digests": backtest_requests.list_fingerprints(version),
        "may_ask": holds(request.user, *backtest_requests.MAY_REQUEST),
        "zone": settings.COMPANY_TIME_ZONE,
        "now": timezone.now(),
    }
    return render(request, "scoring/backtests/backtests.html", context, status=UNPROCESSABLE if form.is_bound else 200)


def _request_backtest(request: Request, version: Version, form: PeriodForm) -> HttpResponse:
    now = timezone.now()
    start, end = form.period(now)
    try:
        requested = backtest_requests.request_backtest(version=version, start=start, end=end, by=request.user, now=now)
    except (backtest_requests.BacktestRefused, permissions.NotAllowed) as refusal:
        messages.error(request, str(refusal))
        return redirect("version_backtests", version.pk)
    return redirect("backtest", requested.pk)


@roles_required(*READERS_OF_LEADS, seen_by=READERS_OF_LEADS)
@require_GET
def backtest(request: Request, pk: int) -> HttpResponse:
    """Show a backtest: under way, ended without a result, or its figures. Its progress asks here every two seconds."""
    row = _get_backtest(pk)
    if request.htmx and row.is_pending:
        return render(request, "scoring/backtests/_progress.html", {"backtest": row, "elapsed": _elapsed_seconds(row)})
    if request.htmx:
        return HttpResponseClientRefresh()
    return _render_page(request, row)


@roles_required(*READERS_OF_LEADS, seen_by=READERS_OF_LEADS)
@require_POST
def backtest_cancel(request: Request, pk: int) -> HttpResponse:
    row = _get_backtest(pk)
    try:
        backtest_requests.cancel_backtest(backtest=row, by=request.user, now=timezone.now())
    except (backtest_requests.BacktestRefused, permissions.NotAllowed) as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, "Cancelled. Nothing of it is kept but that it was asked for.")
    return redirect("backtest", row.pk)


@roles_required(*READERS_OF_LEADS, seen_by=READERS_OF_LEADS)
@require_GET
def backtest_csv(_request: Request, pk: int, table: str) -> HttpResponseBase:
    row = _get_backtest(pk)
    chosen = TABLES.get(table)
    if chosen is None or row.result is None:
        raise Http404
    name = f"backtest-{row.pk}-{row.version.number}-{table}"
    return csv_download(name, chosen.header, chosen.rows(row.result))


@roles_required(*READERS_OF_LEADS, seen_by=READERS_OF_LEADS)
@require_http_methods(["GET", "POST"])
def what_if(request: Request, pk: int) -> HttpResponse:
    """Show the two numbers at other thresholds; POST takes them into the draft."""
    row = _get_backtest(pk)
    if row.result is None:
        raise Http404
    form = ThresholdsForm(row.result["thresholds"], request.POST if request.method == "POST" else request.GET)
    if request.method == "POST" and form.is_valid():
        return _adopt_values(request, row, form)
    if not request.htmx:
        return _render_page(request, row, form)
    context = {"backtest": row, "result": row.result, "form": form} | _what_if_context(request, row, form)
    return render(request, "scoring/what_ifs/_what_if.html", context, status=200 if form.is_valid() else UNPROCESSABLE)


def _adopt_values(request: Request, row: Backtest, form: ThresholdsForm) -> HttpResponse:
    try:
        version = threshold_adoption.adopt_thresholds(backtest=row, values=form.values(), by=request.user)
    except (threshold_adoption.ThresholdRefused, permissions.NotAllowed) as refusal:
        messages.error(request, str(refusal))
        return redirect("backtest", row.pk)
    messages.success(request, f"{version.number} has these values now. Run the backtest again before proposing it.")
    if request.user.is_staff:
        return redirect("admin:definitions_version_change", version.pk)
    return redirect("definition_version", version.definition.slug, version.number)


def _get_backtest(pk: int) -> Backtest:
    rows = Backtest.objects.select_related("version__definition", "against__definition", "requested_by", "cancelled_by")
    return get_object_or_404(rows, pk=pk)


def _elapsed_seconds(row: Backtest) -> float:
    return (timezone.now() - row.requested_at).total_seconds()


def _render_page(request: Request, row: Backtest, form: ThresholdsForm | None = None) -> HttpResponse:
    context: dict[str, Any] = {
        "backtest": row,
        "period": result_view.period_label(row.start, row.end),
        "may_ask": holds(request.user, *backtest_requests.MAY_REQUEST),
        "elapsed": _elapsed_seconds(row),
        "now": timezone.now(),
    }
    if row.result is not None:
        context |= _result_context(request, row, row.result, form)
    is_bad = form is not None and not form.is_valid()
    return render(request, "scoring/backtests/backtest.html", context, status=UNPROCESSABLE if is_bad else 200)


def _result_context(request: Request, row: Backtest, result: Result, form: ThresholdsForm | None) -> dict[str, Any]:
    is_current = row.digest in backtest_requests.list_fingerprints(row.version)
    return {
        "figures": result_view.build_figures(row),
        "result": result,
        "charts": result_charts.build_charts(result),
        "is_current": is_current,
        "form": form or ThresholdsForm(result["thresholds"], None),
    } | (_what_if_context(request, row, form) if form else {})


def _what_if_context(request: Request, row: Backtest, form: ThresholdsForm) -> dict[str, Any]:
    """Return what the form's values would have done; nothing while they are the backtest's own or invalid."""
    values = form.values() if form.is_valid() else {}
    if not values:
        return {"what_if": None}
    return {
        "what_if": threshold_what_if.compute_what_if(row, values, now=timezone.now()),
        "may_adopt": row.version.is_draft and holds(request.user, Role.MARKETING_OPS),
    }
