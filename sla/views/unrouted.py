from __future__ import annotations

from typing import Final

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from config.web import Request, roles_required
from leads.vocabulary import Role
from sla import queue
from sla.forms import AssignForm

SHOWN: Final = 100


@roles_required(Role.SALES_MANAGER)
@require_GET
def unrouted(request: Request) -> HttpResponse:
    """Leads nobody has; never to nobody's notice (SPEC 6)."""
    rows = queue.unrouted()
    context = {
        "total": rows.count(),
        "rows": rows[:SHOWN],
        "assign_form": AssignForm(),
        "here": request.path,
        "now": timezone.now(),
    }
    return render(request, "sla/unrouted.html", context)
