from __future__ import annotations

from typing import Any, Final

from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from config.downloads import csv_download
from config.web import Request, holds, roles_required, typed_number
from leads.vocabulary import READERS_OF_LEADS
from scoring.models import QualificationQuerySet
from sla import handoffs, recycling, tier_3
from sla.promise_forms import BackForm, NurtureFilterForm

SHOWN: Final = 200


@roles_required(*READERS_OF_LEADS)
@require_GET
def first_list(request: Request) -> HttpResponse:
    """The MQLs of tier 3 that marketing nurtures first, and when each goes to sales."""
    return _show(request, BackForm())


@roles_required(*READERS_OF_LEADS)
@require_GET
def first_export(request: Request) -> HttpResponseBase:
    held = tier_3.listed(_asked(request), now=timezone.now())
    return csv_download("nurture-first", tier_3.HEADER, map(tier_3.cells, held))


@roles_required(*recycling.NURSES)
@require_POST
def first_hand_over(request: Request) -> HttpResponse:
    """Asked once more, for sales' clocks start with it."""
    form, chosen = BackForm(request.POST), _chosen(request)
    form.fields["why"].required = True
    if not chosen:
        messages.warning(request, "Nothing was ticked.")
        return redirect("nurture_first")
    if not form.is_valid():
        return _show(request, form, chosen=chosen, status=422)
    if not request.POST.get("confirmed"):
        return _show(request, form, chosen=chosen, asks=True)
    try:
        moved = handoffs.hand_off_early(
            qualification_ids=chosen, by=request.user, now=timezone.now(), why=form.cleaned_data["why"]
        )
    except handoffs.TooSoon as refusal:
        form.add_error(None, str(refusal))
        return _show(request, form, chosen=chosen, status=409)
    if moved:
        messages.success(request, f"{moved} lead{'' if moved == 1 else 's'} handed to sales.")
    if left := len(chosen) - moved:
        messages.warning(request, f"{left} {'was' if left == 1 else 'were'} not: gone from here already.")
    return redirect("nurture_first")


def _show(
    request: Request, form: BackForm, *, chosen: list[int] | None = None, asks: bool = False, status: int = 200
) -> HttpResponse:
    now = timezone.now()
    rows = _asked(request)
    context: dict[str, Any] = {
        "held": list(tier_3.listed(rows[:SHOWN], now=now)),
        "total": rows.count(),
        "shown": SHOWN,
        "q": request.GET.get("q", ""),
        "form": form,
        "chosen": chosen or [],
        "asks": asks,
        "may_move": holds(request.user, *recycling.NURSES),
        "days": tier_3.days(),
        "now": now,
    }
    return render(request, "sla/nurture/nurture_first.html", context, status=status)


def _asked(request: Request) -> QualificationQuerySet:
    form = NurtureFilterForm(request.GET)
    form.is_valid()
    return tier_3.in_nurture(now=timezone.now(), q=form.cleaned_data.get("q", ""))


def _chosen(request: Request) -> list[int]:
    typed = (typed_number(value) for value in request.POST.getlist("mql"))
    return list({number for number in typed if number is not None})
