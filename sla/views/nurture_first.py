"""The list of tier-3 MQLs that marketing nurtures before they go to sales."""

from __future__ import annotations

from typing import Any, Final

from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from config.accounts.roles import holds, roles_required
from config.downloads import csv_download
from config.web import Request, typed_number
from definitions import motions
from leads.vocabulary import READERS_OF_LEADS
from scoring.models import QualificationQuerySet
from sla.forms.nurture import BackForm, NurtureFilterForm
from sla.handoffs import creation, tier_3_hold
from sla.nurture import recycling

SHOWN: Final = 200


@roles_required(*READERS_OF_LEADS, seen_by=READERS_OF_LEADS)
@require_GET
def first_list(request: Request) -> HttpResponse:
    """Show the tier-3 MQLs that marketing nurtures first, and when each goes to sales."""
    return _render_page(request, BackForm())


@roles_required(*READERS_OF_LEADS, seen_by=READERS_OF_LEADS)
@require_GET
def first_export(request: Request) -> HttpResponseBase:
    waiting = tier_3_hold.build_held_leads(_filter_qualifications(request), now=timezone.now())
    return csv_download("nurture-first", tier_3_hold.HEADER, map(tier_3_hold.cells, waiting))


@roles_required(*recycling.NURTURE_ROLES, seen_by=READERS_OF_LEADS)
@require_POST
def first_hand_over(request: Request) -> HttpResponse:
    """Hand the ticked MQLs to sales early, after a confirmation, as it starts the clocks of sales."""
    form, chosen = BackForm(request.POST), _selected_ids(request)
    form.fields["why"].required = True
    if not chosen:
        messages.warning(request, "Nothing was ticked.")
        return redirect("nurture_first")
    if not form.is_valid():
        return _render_page(request, form, chosen=chosen, status=422)
    if not request.POST.get("confirmed"):
        return _render_page(request, form, chosen=chosen, asks=True)
    try:
        moved = creation.hand_off_early(
            qualification_ids=chosen, by=request.user, now=timezone.now(), why=form.cleaned_data["why"]
        )
    except creation.TooSoon as refusal:
        form.add_error(None, str(refusal))
        return _render_page(request, form, chosen=chosen, status=409)
    if moved:
        messages.success(request, f"{moved} lead{'' if moved == 1 else 's'} handed to sales.")
    if left := len(chosen) - moved:
        messages.warning(request, f"{left} {'was' if left == 1 else 'were'} not: gone from here already.")
    return redirect("nurture_first")


def _render_page(
    request: Request, form: BackForm, *, chosen: list[int] | None = None, asks: bool = False, status: int = 200
) -> HttpResponse:
    now = timezone.now()
    rows = _filter_qualifications(request)
    context: dict[str, Any] = {
        "waiting": list(tier_3_hold.build_held_leads(rows[:SHOWN], now=now)),
        "total": rows.count(),
        "shown": SHOWN,
        "q": request.GET.get("q", ""),
        "motion": motions.read_motion_filter(request.GET),
        "motions": motions.list_motions_in_use(),
        "form": form,
        "chosen": chosen or [],
        "asks": asks,
        "may_move": holds(request.user, *recycling.NURTURE_ROLES),
        "holds": [(name, days) for name, days in tier_3_hold.nurture_days().items() if days],
        "now": now,
    }
    return render(request, "sla/nurture/nurture_first.html", context, status=status)


def _filter_qualifications(request: Request) -> QualificationQuerySet:
    form, motion = NurtureFilterForm(request.GET), motions.read_motion_filter(request.GET)
    form.is_valid()
    return tier_3_hold.search_held_mqls(now=timezone.now(), q=form.cleaned_data.get("q", ""), motion=motion)


def _selected_ids(request: Request) -> list[int]:
    typed = (typed_number(value) for value in request.POST.getlist("mql"))
    return list({number for number in typed if number is not None})
