"""The pages of suppressions: the list, one with whom it kept back, and setting one."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any, Final

from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods

from config.accounts.roles import holds, roles_required
from config.downloads import csv_download
from config.web import Request, typed_number
from definitions.forms import EndSuppressionForm, SuppressionForm
from definitions.models import Suppression, SuppressionQuerySet
from definitions.suppressions import kept_back, lifecycle
from definitions.suppressions.kept_back import KeptBackCount
from definitions.suppressions.subjects import read_subject
from leads.exceptions import Refused
from leads.vocabulary import READERS_OF_LEADS

PAGE: Final = 50
ENDED_SHOWN: Final = 100
HEADER: Final = (
    "subject", "value", "reason", "state", "from", "until", "set by", "set at", "ended at", "ended by", "why ended",
    "leads kept back", "companies kept back",
)  # fmt: skip


@roles_required(*READERS_OF_LEADS, seen_by=READERS_OF_LEADS)
@require_GET
def suppression_list(request: Request) -> HttpResponse:
    """Show the suppressions in force and coming, then those that have ended, with how many leads each kept back."""
    now = timezone.now()
    open_rows = list(_select().not_over(now).order_by("until", "pk"))
    ended = list(_select().exclude(pk__in=[row.pk for row in open_rows]).order_by("-pk")[:ENDED_SHOWN])
    context = {
        "open": _with_counts(open_rows, now),
        "ended": _with_counts(ended, now),
        "may_suppress": holds(request.user, *lifecycle.SETTERS),
        "now": now,
    }
    return render(request, "definitions/suppressions/suppressions.html", context)


@roles_required(*READERS_OF_LEADS, seen_by=READERS_OF_LEADS)
@require_GET
def suppression_export(_request: Request) -> HttpResponseBase:
    """Send all suppressions as CSV, the latest first."""
    return csv_download("suppressions", HEADER, _export_rows())


@roles_required(*READERS_OF_LEADS, seen_by=READERS_OF_LEADS)
@require_http_methods(["GET", "POST"])
def suppression(request: Request, pk: int) -> HttpResponse:
    """Show a suppression with whom it kept back; whoever may set one can end it here before its time."""
    row, now = get_object_or_404(_select(), pk=pk), timezone.now()
    may_end = row.ends_at > now and holds(request.user, *lifecycle.SETTERS)
    if request.method == "POST" and not holds(request.user, *lifecycle.SETTERS):
        raise Http404
    form = EndSuppressionForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            lifecycle.end(suppression=row, reason=form.cleaned_data["reason"], by=request.user, now=now)
        except lifecycle.SuppressionEnded as refusal:
            messages.warning(request, str(refusal))
        else:
            messages.success(request, "Ended. Whom it kept back is judged again now.")
        return redirect("suppression", pk)
    kept_back_rows = row.kept_back.select_related("lead__company", "company", "version__definition").order_by("-pk")
    after = typed_number(request.GET.get("after", ""))
    page = list((kept_back_rows if after is None else kept_back_rows.filter(pk__lt=after))[: PAGE + 1])
    context: dict[str, Any] = {
        "suppression": row,
        "state": row.state_at(now),
        "count": kept_back.count([row]).get(row.pk, KeptBackCount()),
        "kept": page[:PAGE],
        "more": page[PAGE - 1].pk if len(page) > PAGE else None,
        "form": form,
        "may_end": may_end,
        "now": now,
    }
    return render(request, "definitions/suppressions/suppression.html", context, status=422 if form.is_bound else 200)


@roles_required(*lifecycle.SETTERS, seen_by=READERS_OF_LEADS)
@require_http_methods(["GET", "POST"])
def suppression_new(request: Request) -> HttpResponse:
    """Ask what is to be suppressed, until when and why, and set it."""
    form = SuppressionForm(request.POST or None, initial=_read_initial(request))
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        try:
            row = lifecycle.suppress(
                subject=read_subject(data["subject"], data["value"]),
                reason=data["reason"],
                until=data["until"],
                by=request.user,
                now=timezone.now(),
            )
        except Refused as refusal:
            field = refusal.field if refusal.field in form.fields else None
            form.add_error(field, f"This {refusal.rule}")
        else:
            messages.success(request, f"{row} is suppressed. Both leaders are told.")
            return redirect("suppression", row.pk)
    return render(request, "definitions/suppressions/new.html", {"form": form}, status=422 if form.is_bound else 200)


def _read_initial(request: Request) -> dict[str, str]:
    """Return what the link of a lead or company fills in."""
    return {name: request.GET[name][:254] for name in ("subject", "value") if name in request.GET}


def _select() -> SuppressionQuerySet:
    return Suppression.objects.select_related("set_by", "ended_by", "lead", "company")


def _with_counts(rows: list[Suppression], now: dt.datetime) -> list[dict[str, Any]]:
    counts = kept_back.count(rows)
    return [{"row": row, "state": row.state_at(now), "count": counts.get(row.pk, KeptBackCount())} for row in rows]


def _export_rows() -> Iterator[tuple[object, ...]]:
    now, rows = timezone.now(), _select().order_by("-pk")
    after: int | None = None
    while page := list((rows if after is None else rows.filter(pk__lt=after))[:PAGE]):
        counts = kept_back.count(page)
        for row in page:
            count = counts.get(row.pk, KeptBackCount())
            yield (
                row.get_subject_display(), row.subject_text, row.reason, row.state_at(now).label,
                row.starts_at.isoformat(), row.ends_at.isoformat(), row.set_by, row.set_at.isoformat(),
                row.ended_at.isoformat() if row.ended_at else "", row.ended_by or "", row.end_reason,
                count.leads, count.companies,
            )  # fmt: skip
        after = page[-1].pk
