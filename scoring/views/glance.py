from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_POST

from config.web import Request, roles_required
from definitions.backtests import MAY_ASK
from scoring import glance


@roles_required(*MAY_ASK)
@require_POST
def quick_figures(request: Request) -> HttpResponse:
    """The figures of a posted document, beside those of the version in force."""
    page = "scoring/what_ifs/_quick_figures.html" if request.htmx else "scoring/what_ifs/quick_figures.html"
    try:
        seen = glance.at(request.POST.get("document", ""), now=timezone.now())
    except glance.GlanceRefused as refusal:
        return render(request, page, {"refusal": refusal}, status=422)
    return render(request, page, {"glance": seen})
