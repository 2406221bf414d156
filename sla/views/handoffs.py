"""The page of one handoff."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from config.web import Request
from sla.notifications import outbox
from sla.views import page_context, responses


@login_required
@require_GET
def handoff(request: Request, pk: int) -> HttpResponse:
    """Show the page, or for a filter of its history the list alone.

    Opening the page marks the reader's notices of this handoff read.
    """
    row = responses.get_visible_handoff(request, pk)
    if request.htmx and request.htmx.target == "history":
        return render(
            request, "sla/handoff_page/_filtered_timeline.html", page_context.build_history_context(request, row)
        )
    outbox.mark_handoff_read(handoff=row, user=request.user, now=timezone.now())
    return page_context.render_handoff_page(request, row)
