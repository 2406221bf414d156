from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from config.web import Request, roles_required
from leads.vocabulary import Role
from sla.views import pages


@roles_required(Role.SDR, Role.SALES_MANAGER)
@require_GET
def queue(request: Request) -> HttpResponse:
    """The page, or for its poll the list alone."""
    context = pages.queue_context(request, request.GET, request.get_full_path())
    return render(request, "sla/_queue.html" if request.htmx else "sla/queue.html", context)
