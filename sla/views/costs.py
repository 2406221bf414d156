"""Pages of marketing's costs: what stands, entering one or a file of them, and correcting one (rules 12.48 to 12.50)."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from django.contrib import messages
from django.core.files.uploadedfile import UploadedFile
from django.db.models import Exists, OuterRef
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods

from config.accounts.roles import holds, roles_required
from config.downloads import csv_download
from config.uploads import has_too_large_file
from config.web import Request, typed_number
from leads.models import Lead
from leads.vocabulary import READERS_OF_LEADS, Motion
from sla.forms.costs import CostCorrectionForm, CostForm, CostUploadForm
from sla.marketing_costs import cost_entry, cost_files
from sla.marketing_costs.cost_entry import CostRefused, StoredCosts
from sla.models import MarketingCost

PAGE: Final = 100
#: As a file of costs has them, so that the export can be uploaded again.
HEADER: Final = ("motion", "source", "campaign", "month", "amount", "currency")
_RELATED: Final = ("entered_by", "corrects__entered_by")


@roles_required(*READERS_OF_LEADS, seen_by=READERS_OF_LEADS)
@require_GET
def cost_list(request: Request) -> HttpResponse:
    """List the last row of each cost, those entered last first; `source` shows those of one source."""
    source, after = request.GET.get("source", ""), typed_number(request.GET.get("after", ""))
    has_leads = Exists(Lead.objects.filter(source=OuterRef("source")))
    rows = MarketingCost.objects.filter(corrected_by=None).annotate(has_leads=has_leads)
    rows = rows.select_related(*_RELATED).order_by("-pk")
    if source:
        rows = rows.filter(source=source.replace("\0", ""))
    page = list((rows if after is None else rows.filter(pk__lt=after))[: PAGE + 1])
    context = {
        "rows": page[:PAGE],
        "more": page[PAGE - 1].pk if len(page) > PAGE else None,
        "source": source,
        "may_enter": holds(request.user, *cost_entry.ENTER_COSTS),
        "now": timezone.now(),
    }
    return render(request, "sla/marketing_costs/costs.html", context)


@roles_required(*READERS_OF_LEADS, seen_by=READERS_OF_LEADS)
@require_GET
def cost_export(_request: Request) -> HttpResponseBase:
    """Return the costs that stand as a file."""
    return csv_download("costs", HEADER, _export_rows())


@roles_required(*cost_entry.ENTER_COSTS, seen_by=READERS_OF_LEADS)
@require_http_methods(["GET", "POST"])
def cost_new(request: Request) -> HttpResponse:
    """Enter the cost of a source in a month."""
    form = CostForm(request.POST or None)
    if form.is_valid() and form.line is not None:
        try:
            stored = cost_entry.store(
                [form.line], by=request.user, now=timezone.now(), reason=form.cleaned_data["reason"]
            )
        except CostRefused as refusal:
            form.add_error(refusal.field if refusal.field in form.fields else None, str(refusal))
        else:
            messages.success(request, _describe(stored))
            return redirect("costs")
    context = {"form": form}
    return render(request, "sla/marketing_costs/cost_form.html", context, status=422 if form.is_bound else 200)


@roles_required(*cost_entry.ENTER_COSTS, seen_by=READERS_OF_LEADS)
@require_http_methods(["GET", "POST"])
def cost_upload(request: Request) -> HttpResponse:
    """Enter the costs of a file, all or none."""
    form = (
        CostUploadForm(request.POST, request.FILES, has_too_large_file=has_too_large_file(request))
        if request.method == "POST"
        else CostUploadForm()
    )
    if form.is_valid():
        try:
            stored = _store_file(request, form.cleaned_data["file"], form.cleaned_data["reason"])
        except CostRefused as refusal:
            form.add_error("file", str(refusal))
        else:
            messages.success(request, _describe(stored))
            return redirect("costs")
    context = {"form": form, "needed": cost_files.NEEDED, "at_most": cost_files.LINES_AT_MOST}
    return render(request, "sla/marketing_costs/cost_upload.html", context, status=422 if form.is_bound else 200)


@roles_required(*cost_entry.ENTER_COSTS, seen_by=READERS_OF_LEADS)
@require_http_methods(["GET", "POST"])
def cost_correct(request: Request, pk: int) -> HttpResponse:
    """Correct a cost or withdraw it, and show its history."""
    cost = get_object_or_404(MarketingCost.objects.select_related("entered_by"), pk=pk)
    form = CostCorrectionForm(request.POST or None, initial={"amount": cost.amount})
    if form.is_valid():
        try:
            cost_entry.correct(cost=cost, by=request.user, now=timezone.now(), **form.cleaned_data)
        except CostRefused as refusal:
            form.add_error(refusal.field if refusal.field in form.fields else None, str(refusal))
        else:
            messages.success(request, f"The cost of {cost} is corrected.")
            return redirect("costs")
    context = {"form": form, "cost": cost, "history": _list_history(cost), "now": timezone.now()}
    return render(request, "sla/marketing_costs/cost_correct.html", context, status=422 if form.is_bound else 200)


def _store_file(request: Request, file: UploadedFile[Any], reason: str) -> StoredCosts:
    with tempfile.NamedTemporaryFile() as copy:
        for chunk in file.chunks():
            copy.write(chunk)
        copy.flush()
        lines = cost_files.read_file(Path(copy.name), motion=Motion.MQL)
    name = (file.name or "")[:200]
    return cost_entry.store(lines, by=request.user, now=timezone.now(), reason=reason, file_name=name)


def _describe(stored: StoredCosts) -> str:
    counts = (
        (stored.added, "added"),
        (stored.corrected, "corrected"),
        (stored.unchanged, "stood already"),
    )
    return f"Costs: {', '.join(f'{count:,} {word}' for count, word in counts if count)}."


def _list_history(cost: MarketingCost) -> list[MarketingCost]:
    """Return all rows of a cost, the newest first."""
    same = MarketingCost.objects.filter(
        motion=cost.motion, source=cost.source, campaign=cost.campaign, month=cost.month, currency=cost.currency
    )
    return list(same.select_related("entered_by").order_by("-pk"))


def _export_rows() -> Iterator[tuple[object, ...]]:
    rows = MarketingCost.objects.standing().order_by("month", "source", "campaign", "pk")
    for row in rows.iterator(chunk_size=2000):
        yield (row.motion, row.source, row.campaign, f"{row.month:%Y-%m}", row.amount, row.currency)
