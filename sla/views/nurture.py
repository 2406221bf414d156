"""The list of recycled leads, which marketing postpones or brings back."""

from __future__ import annotations

import datetime as dt
from typing import Any, Final

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from config.accounts.roles import holds, roles_required
from config.accounts.vocabulary import Role
from config.downloads import csv_download
from config.web import Request, typed_number
from definitions import motions
from leads.vocabulary import READERS_OF_LEADS
from sla import permissions
from sla.forms.nurture import BackForm, NurtureFilterForm, PostponeForm
from sla.models import HandoffQuerySet
from sla.nurture import nurture_tasks, recycling
from sla.views import step_forms

SHOWN: Final = 200
POSTPONED_BY: Final = dt.timedelta(days=30)


@roles_required(*READERS_OF_LEADS, Role.SDR)
@require_GET
def nurture_list(request: Request) -> HttpResponse:
    """Show each recycled lead, with what marketing does about it and when."""
    return _render_page(request, PostponeForm(initial={"to": timezone.localdate() + POSTPONED_BY}))


@roles_required(*READERS_OF_LEADS, Role.SDR)
@require_GET
def nurture_export(request: Request) -> HttpResponseBase:
    tasks = nurture_tasks.build_tasks(_filter_handoffs(request), now=timezone.now())
    return csv_download("nurture", nurture_tasks.HEADER, map(nurture_tasks.cells, tasks))


@roles_required(*recycling.NURTURE_ROLES, seen_by=READERS_OF_LEADS)
@require_POST
def nurture_postpone(request: Request) -> HttpResponse:
    form = PostponeForm(request.POST)
    if not form.is_valid():
        return _render_refusal(request, form)
    typed = form.cleaned_data
    try:
        result = recycling.postpone(
            handoff_ids=_selected_ids(request), to=typed["to"], by=request.user, now=timezone.now(), why=typed["why"]
        )
    except recycling.RecyclingRefused as refusal:
        form.add_error("to", str(refusal))
        return _render_refusal(request, form)
    return _report_result(
        request, result, f"postponed to {typed['to']:%-d %B %Y}", "were not: gone from nurture, or later already"
    )


@roles_required(*recycling.NURTURE_ROLES, seen_by=READERS_OF_LEADS)
@require_POST
def nurture_back(request: Request) -> HttpResponse:
    form = BackForm(request.POST)
    why = form.cleaned_data["why"][:250] if form.is_valid() else ""
    result = recycling.bring_back(handoff_ids=_selected_ids(request), by=request.user, now=timezone.now(), why=why)
    return _report_result(request, result, "back with marketing now", "had left nurture already")


def _render_refusal(request: Request, form: PostponeForm) -> HttpResponse:
    """Show the page with the same boxes ticked; the errors also stand at the top, as the form is below a long list."""
    messages.warning(request, f"Nothing was postponed. {step_forms.write_errors(form)}")
    return _render_page(request, form, status=422)


def _render_page(request: Request, postpone: PostponeForm, status: int = 200) -> HttpResponse:
    now = timezone.now()
    rows = _filter_handoffs(request)
    context = {
        "tasks": list(nurture_tasks.build_tasks(rows[:SHOWN], now=now)),
        "total": rows.count(),
        "shown": SHOWN,
        "filter": NurtureFilterForm(request.GET),
        "is_filtered": bool(request.GET),
        "postpone": postpone,
        "ticked": set(request.POST.getlist("handoff")),
        "everything": bool(request.POST.get("everything")),
        "may_move": holds(request.user, *recycling.NURTURE_ROLES),
        "shows_paused": _shows_paused(request),
        "pause_after_days": settings.PAUSE_AFTER_DAYS,
        "now": now,
    }
    return render(request, "sla/nurture/nurture.html", context, status=status)


def _filter_handoffs(request: Request) -> HandoffQuerySet:
    """Return the recycled leads that this person may see, filtered by the query string.

    Invalid criteria are ignored, but for an unknown motion. Raises QueryRefused.
    """
    form, motion = NurtureFilterForm(request.GET), motions.read_motion_filter(request.GET)
    form.is_valid()
    criteria: dict[str, Any] = {name: value for name, value in form.cleaned_data.items() if value}
    criteria["motion"] = motion
    select = nurture_tasks.select_paused if _shows_paused(request) else nurture_tasks.select_recycled
    return nurture_tasks.filter_recycled(select(permissions.visible_to(request.user)), now=timezone.now(), **criteria)


def _shows_paused(request: Request) -> bool:
    return request.GET.get("when") == nurture_tasks.PAUSED


def _selected_ids(request: Request) -> list[int]:
    """Return the ids of the ticked handoffs, or of all that the filter shows."""
    if request.POST.get("everything"):
        return list(_filter_handoffs(request).values_list("pk", flat=True))
    typed = (typed_number(value) for value in request.POST.getlist("handoff"))
    return [number for number in typed if number is not None]


def _report_result(request: Request, result: recycling.PostponeResult, success: str, failure: str) -> HttpResponse:
    if result.moved:
        messages.success(request, f"{result.moved} lead{'' if result.moved == 1 else 's'} {success}.")
    if result.unmoved:
        messages.warning(request, f"{result.unmoved} {failure}.")
    if not result.moved and not result.unmoved:
        messages.warning(request, "Nothing was ticked.")
    query = request.GET.urlencode()
    return redirect(f"{reverse('nurture')}?{query}" if query else "nurture")
