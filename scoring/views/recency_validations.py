"""The pages of recency validations: the list, and one with what marketing found out (rules 2.26, 2.27)."""

from __future__ import annotations

from django.contrib import messages
from django.forms import Form
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from config.accounts.roles import holds, roles_required
from config.downloads import csv_download
from config.web import Request
from leads.vocabulary import READERS_OF_LEADS
from scoring.forms import RecencyFilterForm, RecencyOutcomeForm, RecencyOwnerForm
from scoring.live import recency_validations
from scoring.mals import recency_list, recency_work
from scoring.models import RecencyState, RecencyValidation, RecencyValidationQuerySet
from scoring.views.mals import cut_page


@roles_required(*READERS_OF_LEADS, seen_by=READERS_OF_LEADS)
@require_GET
def recency_list_page(request: Request) -> HttpResponse:
    """Show the leads of which only fresh engagement is missing, those first that are due first."""
    form = RecencyFilterForm(request.GET)
    rows = _filter_rows(request, form)
    page, more = cut_page(request, rows)
    now = timezone.now()
    show = form.cleaned_data.get("show", "")
    context = {
        "rows": [(row, row.quiet_days(now), row.is_overdue(now)) for row in page],
        "more": more,
        "total": rows.count(),
        "overdue": RecencyValidation.objects.overdue(now).count(),
        "filter": form,
        "is_filtered": bool(form.cleaned_data.get("q") or show),
        "shows_closed": show == "closed",
        "may_work": holds(request.user, *recency_validations.ROLES),
        "now": now,
    }
    return render(request, "scoring/mals/recency_validations.html", context)


@roles_required(*READERS_OF_LEADS, seen_by=READERS_OF_LEADS)
@require_GET
def recency_export(request: Request) -> HttpResponseBase:
    """Send all validations that match the filters, as CSV."""
    rows = _filter_rows(request, RecencyFilterForm(request.GET))
    return csv_download("recency-validations", recency_list.HEADER, recency_list.cells(rows, timezone.now()))


@roles_required(*READERS_OF_LEADS, seen_by=READERS_OF_LEADS)
@require_GET
def recency_validation(request: Request, pk: int) -> HttpResponse:
    """Show one validation, with the forms for marketing while it is open."""
    return _render_validation(request, _get_row(pk))


@roles_required(*recency_validations.ROLES, seen_by=READERS_OF_LEADS)
@require_POST
def recency_assign(request: Request, pk: int) -> HttpResponse:
    """Make the chosen person the owner."""
    row, form = _get_row(pk), RecencyOwnerForm(request.POST)
    if not form.is_valid():
        return _render_validation(request, row, owner_form=form, status=422)
    try:
        row = recency_work.assign(validation=row, to=form.cleaned_data["owner"], by=request.user)
    except recency_work.RecencyRefused as refusal:
        return _render_refusal(request, pk, refusal)
    messages.success(request, f"{row.lead.name}: {row.owner} validates it.")
    return redirect("recency_validation", row.pk)


@roles_required(*recency_validations.ROLES, seen_by=READERS_OF_LEADS)
@require_POST
def recency_close(request: Request, pk: int) -> HttpResponse:
    """Record what marketing found out."""
    row, form = _get_row(pk), RecencyOutcomeForm(request.POST)
    if not form.is_valid():
        return _render_validation(request, row, outcome_form=form, status=422)
    is_live = form.cleaned_data["outcome"] == RecencyState.VALIDATED
    close = recency_work.validate if is_live else recency_work.report_inactive
    try:
        close(validation=row, note=form.cleaned_data["note"], by=request.user, now=timezone.now())
    except recency_work.RecencyRefused as refusal:
        return _render_refusal(request, pk, refusal)
    result = "is validated and judged again within a minute" if is_live else "stays a MAL"
    messages.success(request, f"{row.lead.name} {result}.")
    return redirect("recency_validations")


def _get_row(pk: int) -> RecencyValidation:
    rows = RecencyValidation.objects.select_related("lead__company", "version__definition", "owner", "closed_by")
    return get_object_or_404(rows, pk=pk)


def _render_refusal(request: Request, pk: int, refusal: recency_work.RecencyRefused) -> HttpResponse:
    """Show the validation as it is now: one that is closed has no forms, so the sentence stands at the top."""
    messages.warning(request, f"Nothing was recorded. {refusal}")
    return _render_validation(request, _get_row(pk), status=422)


def _render_validation(
    request: Request,
    row: RecencyValidation,
    *,
    owner_form: Form | None = None,
    outcome_form: Form | None = None,
    status: int = 200,
) -> HttpResponse:
    now = timezone.now()
    context = {
        "row": row,
        "quiet_days": row.quiet_days(now),
        "is_overdue": row.is_overdue(now),
        "owner_form": owner_form or RecencyOwnerForm(initial={"owner": row.owner_id or request.user.pk}),
        "outcome_form": outcome_form or RecencyOutcomeForm(),
        "may_work": row.is_open and holds(request.user, *recency_validations.ROLES),
        "now": now,
    }
    return render(request, "scoring/mals/recency_validation.html", context, status=status)


def _filter_rows(request: Request, form: RecencyFilterForm) -> RecencyValidationQuerySet:
    """Return the validations that match the valid filters; invalid ones are ignored."""
    form.is_valid()
    return recency_list.select_validations(
        user=request.user,
        now=timezone.now(),
        q=form.cleaned_data.get("q", ""),
        show=form.cleaned_data.get("show", ""),
    )
