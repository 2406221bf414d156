"""The page of a handoff, and giving it to somebody else."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from config.web import Request
from sla import handoffs, notices
from sla.forms import AssignForm
from sla.models import Handoff
from sla.views import answers, pages, steps


@login_required
@require_GET
def handoff(request: Request, pk: int) -> HttpResponse:
    """The page, or for a filter of its history the list alone."""
    row = answers.visible(request, pk)
    if request.htmx and request.htmx.target == "history":
        return render(request, "sla/handoff_page/_filtered_timeline.html", pages.history_context(request, row))
    notices.seen(handoff=row, user=request.user, now=timezone.now())
    return pages.handoff_page(request, row)


@login_required
@require_POST
def assign(request: Request, pk: int) -> HttpResponse:
    def give(row: Handoff, typed: dict[str, Any], now: dt.datetime) -> object:
        return handoffs.assign(handoff=row, rep=typed["rep"], by=request.user, now=now, reason=typed["reason"])

    form = AssignForm(request.POST, now=timezone.now())
    return steps.take(
        request, pk, {"assign_form": form}, give, lambda: f"Given to {form.cleaned_data['rep']}: {{lead}}."
    )
