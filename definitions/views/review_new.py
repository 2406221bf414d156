"""The page on which a person opens a review."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from config.accounts.roles import roles_required
from config.web import Request
from definitions import reviews
from definitions.models import Definition
from definitions.review_forms import OpenReviewForm
from definitions.review_record import access, checklists
from definitions.vocabulary import OPENED_BY_HAND, ReviewKind
from leads.exceptions import Refused


@roles_required(*access.OPENERS)
@require_http_methods(["GET", "POST"])
def review_new(request: Request) -> HttpResponse:
    """Ask what review to open, for what reason and with whom, and open it once."""
    form = OpenReviewForm(request.POST or None, initial=_read_initial(request))
    if request.method == "POST" and form.is_valid():
        try:
            row = reviews.open_by_hand(by=request.user, now=timezone.now(), **form.read_opening())
        except Refused as refusal:
            form.add_error(refusal.field if refusal.field in form.fields else None, f"This {refusal.rule}")
        else:
            messages.success(request, "Opened. Whoever takes part is told.")
            return redirect("review", row.pk)
    context: dict[str, Any] = {
        "form": form,
        "has_definitions": Definition.objects.exists(),
        "causes": [
            {
                "label": trigger.label,
                "kind": (kind or ReviewKind.LIGHT).label,
                "is_chosen": kind is None,
                "points": checklists.build_checklist(trigger=trigger, kind=kind or ReviewKind.LIGHT, version=None),
            }
            for trigger, kind in OPENED_BY_HAND.items()
        ],
    }
    return render(request, "definitions/reviews/new.html", context, status=422 if form.is_bound else 200)


def _read_initial(request: Request) -> dict[str, str]:
    """Return what a link to the page fills in."""
    return {name: request.GET[name][:200] for name in ("definition", "trigger", "title") if name in request.GET}
