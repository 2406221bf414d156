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
from definitions import backtest_requests, permissions, threshold_adoption, version_documents
from definitions.models import Backtest, Version
from leads.vocabulary import READERS_OF_LEADS
from scoring.backtests import result_charts, result_view
from scoring.backtests.result_view import TABLES, Result
from scoring.forms import PeriodForm, ThresholdsForm
from scoring.what_ifs import threshold_what_if

LISTED: Final = 50
UNPROCESSABLE: Final = 422


@roles_required(*READERS_OF_LEADS)
@require_http_methods(["GET", "POST"])
def version_backtests(request: Request, pk: int) -> HttpResponse:
    """All backtests of a version, and where one is asked for."""
    version = get_object_or_404(Version.objects.select_related("definition"), pk=pk)
    form = PeriodForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        return _ask(request, version, form)
    rows = (
        version.backtests.select_related("requested_by", "against__definition")
        .order_by("-pk")
        .defer("document")[:LISTED]
    )
    context = {
        "version": version,
        "form": form,
        "rows": rows,
        "digest": version_documents.digest(version_documents.export(version)),
        "may_ask": holds(request.user, *backtest_requests.MAY_ASK),
        "zone": settings.COMPANY_TIME_ZONE,
        "now": timezone.now(),
    }
    return render(request, "scoring/backtests.html", context, status=UNPROCESSABLE if form.is_bound else 200)


def _ask(request: Request, version: Version, form: PeriodForm) -> HttpResponse:
    now = timezone.now()
    start, end = form.period(now)
    try:
        asked = backtest_requests.request(version=version, start=start, end=end, by=request.user, now=now)
    except (backtest_requests.BacktestRefused, permissions.NotAllowed) as refusal:
        messages.error(request, str(refusal))
        return redirect("version_backtests", version.pk)
    return redirect("backtest", asked.pk)


@roles_required(*READERS_OF_LEADS)
@require_GET
def backtest(request: Request, pk: int) -> HttpResponse:
    """A backtest: under way, ended without a result, or its figures. Its progress asks here every two seconds."""
    row = _found(pk)
    if request.htmx and row.is_pending:
        return render(request, "scoring/_backtest_progress.html", {"backtest": row, "elapsed": _elapsed(row)})
    if request.htmx:
        return HttpResponseClientRefresh()
    return _page(request, row)


@roles_required(*READERS_OF_LEADS)
@require_POST
def backtest_cancel(request: Request, pk: int) -> HttpResponse:
    row = _found(pk)
    try:
        backtest_requests.cancel(backtest=row, by=request.user, now=timezone.now())
    except (backtest_requests.BacktestRefused, permissions.NotAllowed) as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, "Cancelled. Nothing of it is kept but that it was asked for.")
    return redirect("backtest", row.pk)


@roles_required(*READERS_OF_LEADS)
@require_GET
def backtest_csv(_request: Request, pk: int, table: str) -> HttpResponseBase:
    row = _found(pk)
    found = TABLES.get(table)
    if found is None or row.result is None:
        raise Http404
    name = f"backtest-{row.pk}-{row.version.number}-{table}"
    return csv_download(name, found.header, found.rows(row.result))


@roles_required(*READERS_OF_LEADS)
@require_http_methods(["GET", "POST"])
def what_if(request: Request, pk: int) -> HttpResponse:
    """The two numbers at other thresholds; POST takes them into the draft."""
    row = _found(pk)
    if row.result is None:
        raise Http404
    form = ThresholdsForm(row.result["thresholds"], request.POST if request.method == "POST" else request.GET)
    if request.method == "POST" and form.is_valid():
        return _adopt(request, row, form)
    if not request.htmx:
        return _page(request, row, form)
    context = {"backtest": row, "result": row.result, "form": form} | _answer(request, row, form)
    return render(request, "scoring/_what_if.html", context, status=200 if form.is_valid() else UNPROCESSABLE)


def _adopt(request: Request, row: Backtest, form: ThresholdsForm) -> HttpResponse:
    try:
        version = threshold_adoption.adopt(backtest=row, values=form.values(), by=request.user)
    except (threshold_adoption.ThresholdRefused, permissions.NotAllowed) as refusal:
        messages.error(request, str(refusal))
        return redirect("backtest", row.pk)
    messages.success(request, f"{version.number} has these values now. Run the backtest again before proposing it.")
    if request.user.is_staff:
        return redirect("admin:definitions_version_change", version.pk)
    return redirect("definition_version", version.definition.slug, version.number)


def _found(pk: int) -> Backtest:
    rows = Backtest.objects.select_related("version__definition", "against__definition", "requested_by", "cancelled_by")
    return get_object_or_404(rows, pk=pk)


def _elapsed(row: Backtest) -> float:
    return (timezone.now() - row.requested_at).total_seconds()


def _page(request: Request, row: Backtest, form: ThresholdsForm | None = None) -> HttpResponse:
    context: dict[str, Any] = {
        "backtest": row,
        "period": result_view.period(row.start, row.end),
        "may_ask": holds(request.user, *backtest_requests.MAY_ASK),
        "elapsed": _elapsed(row),
        "now": timezone.now(),
    }
    if row.result is not None:
        context |= _finished(request, row, row.result, form)
    is_bad = form is not None and not form.is_valid()
    return render(request, "scoring/backtest.html", context, status=UNPROCESSABLE if is_bad else 200)


def _finished(request: Request, row: Backtest, result: Result, form: ThresholdsForm | None) -> dict[str, Any]:
    is_current = version_documents.digest(version_documents.export(row.version)) == row.digest
    return {
        "figures": result_view.figures(row),
        "result": result,
        "pictures": result_charts.build_charts(result),
        "is_current": is_current,
        "form": form or ThresholdsForm(result["thresholds"], None),
    } | (_answer(request, row, form) if form else {})


def _answer(request: Request, row: Backtest, form: ThresholdsForm) -> dict[str, Any]:
    """What the form's values would have done; nothing while they are the backtest's own or do not fit."""
    values = form.values() if form.is_valid() else {}
    if not values:
        return {"what_if": None}
    return {
        "what_if": threshold_what_if.asked(row, values, now=timezone.now()),
        "may_adopt": row.version.is_draft and holds(request.user, Role.MARKETING_OPS),
    }
