"""The queue page and its saved filters."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from config.accounts.roles import roles_required
from config.accounts.vocabulary import Role
from config.web import Request
from sla.queue import saved_filters
from sla.views import page_context, responses


@roles_required(Role.SDR, Role.SALES_MANAGER)
@require_GET
def queue(request: Request) -> HttpResponse:
    """Show the page, or for its poll the list alone."""
    context = page_context.build_queue_context(request, request.GET, request.get_full_path())
    return render(request, "sla/queue/_list.html" if request.htmx else "sla/queue/queue.html", context)


@roles_required(Role.SDR, Role.SALES_MANAGER)
@require_POST
def save_filter(request: Request) -> HttpResponse:
    try:
        saved = saved_filters.save(
            name=request.POST.get("name", ""), query=request.POST.get("query", ""), by=request.user
        )
    except saved_filters.FilterRefused as refusal:
        messages.warning(request, str(refusal))
        return redirect(responses.return_path(request) or reverse("queue"))
    return redirect(f"{reverse('queue')}?{saved.query}")


@roles_required(Role.SDR, Role.SALES_MANAGER)
@require_POST
def forget_filter(request: Request, pk: int) -> HttpResponse:
    saved_filters.delete(pk=pk, by=request.user)
    return redirect(responses.return_path(request) or reverse("queue"))
