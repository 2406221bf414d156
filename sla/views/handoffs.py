"""The page of one handoff, and the receipt of its verdict."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET

from config.web import Request
from scoring.receipts import issuing, receipt_keys
from sla.handoffs import openings
from sla.notifications import outbox
from sla.views import page_context, responses


@login_required
@require_GET
def handoff(request: Request, pk: int) -> HttpResponse:
    """Show the page, or for a filter of its history the list alone.

    Opening the page marks the reader's notices of this handoff read, and is recorded once for the rep who has it.
    """
    row = responses.get_visible_handoff(request, pk)
    if request.htmx and request.htmx.target == "history":
        return render(
            request, "sla/handoff_page/_filtered_timeline.html", page_context.build_history_context(request, row)
        )
    now = timezone.now()
    outbox.mark_handoff_read(handoff=row, user=request.user, now=now)
    openings.record_opening(handoff=row, by=request.user, now=now)
    return page_context.render_handoff_page(request, row)


@login_required
@require_GET
def handoff_receipt(request: Request, pk: int) -> HttpResponse:
    """Download the signed receipt of the verdict at the instant of the MQL, with the evidence of its day (rules 16.23)."""
    row = responses.get_visible_handoff(request, pk)
    try:
        receipt = issuing.issue_for_qualification(row.qualification, now=timezone.now())
    except receipt_keys.NoSigningKey as failure:
        messages.error(request, str(failure))
        return redirect("handoff", pk)
    return HttpResponse(
        receipt.file,
        content_type="application/json",
        headers={"Content-Disposition": f'attachment; filename="receipt-handoff-{row.pk}.json"'},
    )
