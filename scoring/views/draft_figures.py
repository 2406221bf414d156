from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_POST

from config.accounts.roles import roles_required
from config.web import Request
from definitions.backtest_requests import MAY_ASK
from scoring.what_ifs import draft_figures


@roles_required(*MAY_ASK)
@require_POST
def quick_figures(request: Request) -> HttpResponse:
    """The figures of a posted document, beside those of the version in force."""
    page = "scoring/_quick_figures.html" if request.htmx else "scoring/quick_figures.html"
    try:
        seen = draft_figures.at(request.POST.get("document", ""), now=timezone.now())
    except draft_figures.DraftFiguresRefused as refusal:
        return render(request, page, {"refusal": refusal}, status=422)
    return render(request, page, {"glance": seen})
