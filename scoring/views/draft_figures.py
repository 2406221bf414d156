from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_POST

from config.accounts.roles import roles_required
from config.web import Request
from definitions.backtest_requests import MAY_REQUEST
from scoring.what_ifs import draft_figures


@roles_required(*MAY_REQUEST)
@require_POST
def quick_figures(request: Request) -> HttpResponse:
    """Show the figures of a posted document, beside those of the version in force."""
    page = "scoring/what_ifs/_quick_figures.html" if request.htmx else "scoring/what_ifs/quick_figures.html"
    try:
        panel = draft_figures.build_panel(request.POST.get("document", ""), now=timezone.now())
    except draft_figures.DraftFiguresRefused as refusal:
        return render(request, page, {"refusal": refusal}, status=422)
    return render(request, page, {"panel": panel})
