from __future__ import annotations

from typing import Final

from django.db.models import Count, Min, Q
from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from config.web import Request, roles_required
from leads.vocabulary import Role
from sla import queue, routing
from sla.forms import AssignForm
from sla.models import Clock
from sla.vocabulary import HandoffState

SHOWN: Final = 100


@roles_required(Role.SALES_MANAGER)
@require_GET
def unrouted(request: Request) -> HttpResponse:
    """Leads nobody has; never to nobody's notice (SPEC 6)."""
    rows, now = queue.unrouted(), timezone.now()
    figures = rows.order_by().aggregate(
        total=Count("pk"),
        hot=Count("pk", filter=Q(tier=1) | Q(heated_at__isnull=False)),
        oldest=Min("created_at"),
    )
    context = {
        **figures,
        "late": Clock.objects.running().filter(handoff__state=HandoffState.UNROUTED, due_at__lt=now).count(),
        "rows": routing.waits(rows[:SHOWN], now=now),
        "assign_form": AssignForm(now=now),
        "here": request.path,
        "now": now,
    }
    return render(request, "sla/handoffs/unrouted.html", context)
