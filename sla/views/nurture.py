from __future__ import annotations

import datetime as dt
from typing import Any, Final

from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from config.downloads import csv_download
from config.web import Request, holds, roles_required, typed_number
from leads.vocabulary import READERS_OF_LEADS, Role
from sla import access, nurture, recycling
from sla.models import HandoffQuerySet
from sla.promise_forms import BackForm, NurtureFilterForm, PostponeForm

SHOWN: Final = 200
POSTPONED_BY: Final = dt.timedelta(days=30)


@roles_required(*READERS_OF_LEADS, Role.SDR)
@require_GET
def nurture_list(request: Request) -> HttpResponse:
    """What marketing does about each recycled lead, and when."""
    return _show(request, PostponeForm(initial={"to": timezone.localdate() + POSTPONED_BY}))


@roles_required(*READERS_OF_LEADS, Role.SDR)
@require_GET
def nurture_export(request: Request) -> HttpResponseBase:
    tasks = nurture.tasks(_asked(request), now=timezone.now())
    return csv_download("nurture", nurture.HEADER, map(nurture.cells, tasks))


@roles_required(*recycling.NURSES)
@require_POST
def nurture_postpone(request: Request) -> HttpResponse:
    form = PostponeForm(request.POST)
    if not form.is_valid():
        return _refused(request, form)
    said = form.cleaned_data
    try:
        moved = recycling.postpone(
            handoff_ids=_chosen(request), to=said["to"], by=request.user, now=timezone.now(), why=said["why"]
        )
    except recycling.RecyclingRefused as refusal:
        form.add_error("to", str(refusal))
        return _refused(request, form)
    return _done(
        request, moved, f"postponed to {said['to']:%-d %B %Y}", "were not: gone from nurture, or later already"
    )


@roles_required(*recycling.NURSES)
@require_POST
def nurture_back(request: Request) -> HttpResponse:
    form = BackForm(request.POST)
    why = form.cleaned_data["why"][:250] if form.is_valid() else ""
    moved = recycling.bring_back(handoff_ids=_chosen(request), by=request.user, now=timezone.now(), why=why)
    return _done(request, moved, "back with marketing now", "had left nurture already")


def _refused(request: Request, form: PostponeForm) -> HttpResponse:
    """With what was ticked still ticked; said above as well, as the form stands below a long list."""
    said = " ".join(f"{form[name].label}: {error}" for name, found in form.errors.items() for error in found)
    messages.warning(request, f"Nothing was postponed. {said}")
    return _show(request, form, status=422)


def _show(request: Request, postpone: PostponeForm, status: int = 200) -> HttpResponse:
    now = timezone.now()
    rows = _asked(request)
    context = {
        "tasks": list(nurture.tasks(rows[:SHOWN], now=now)),
        "total": rows.count(),
        "shown": SHOWN,
        "filter": NurtureFilterForm(request.GET),
        "is_filtered": bool(request.GET),
        "postpone": postpone,
        "ticked": set(request.POST.getlist("handoff")),
        "everything": bool(request.POST.get("everything")),
        "may_move": holds(request.user, *recycling.NURSES),
        "now": now,
    }
    return render(request, "sla/nurture/nurture.html", context, status=status)


def _asked(request: Request) -> HandoffQuerySet:
    """The recycled leads this person may see, as the address filters them; what it cannot mean filters nothing."""
    form = NurtureFilterForm(request.GET)
    form.is_valid()
    said: dict[str, Any] = {name: value for name, value in form.cleaned_data.items() if value}
    return nurture.narrowed(nurture.recycled(access.visible_to(request.user)), now=timezone.now(), **said)


def _chosen(request: Request) -> list[int]:
    """The boxes that were ticked, or all that the filter shows."""
    if request.POST.get("everything"):
        return list(_asked(request).values_list("pk", flat=True))
    typed = (typed_number(value) for value in request.POST.getlist("handoff"))
    return [number for number in typed if number is not None]


def _done(request: Request, moved: recycling.Moved, what: str, left: str) -> HttpResponse:
    if moved.moved:
        messages.success(request, f"{moved.moved} lead{'' if moved.moved == 1 else 's'} {what}.")
    if moved.left:
        messages.warning(request, f"{moved.left} {left}.")
    if not moved.moved and not moved.left:
        messages.warning(request, "Nothing was ticked.")
    query = request.GET.urlencode()
    return redirect(f"{reverse('nurture')}?{query}" if query else "nurture")
