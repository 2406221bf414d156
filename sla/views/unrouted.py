"""The list of handoffs that nobody has."""

from __future__ import annotations

from typing import Final

from django.db.models import Count, Min, Q
from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from config.accounts.roles import roles_required
from config.accounts.vocabulary import Role
from config.web import Request
from leads.vocabulary import READERS_OF_LEADS
from sla.forms.handoffs import AssignForm
from sla.handoffs import routing
from sla.models import Clock
from sla.queue import queue
from sla.vocabulary import HandoffState

SHOWN: Final = 100


@roles_required(Role.SALES_MANAGER, seen_by=READERS_OF_LEADS)
@require_GET
def unrouted(request: Request) -> HttpResponse:
    """Show the leads that nobody has, so that they are not overlooked (rules 6.9)."""
    rows, now = queue.unrouted_handoffs(), timezone.now()
    figures = rows.order_by().aggregate(
        total=Count("pk"),
        hot=Count("pk", filter=Q(tier=1) | Q(hot_upgraded_at__isnull=False)),
        oldest=Min("created_at"),
    )
    context = {
        **figures,
        "late": Clock.objects.running().filter(handoff__state=HandoffState.UNROUTED, due_at__lt=now).count(),
        "rows": routing.find_waits(rows[:SHOWN], now=now),
        "assign_form": AssignForm(now=now),
        "here": request.path,
        "now": now,
    }
    return render(request, "sla/handoffs/unrouted.html", context)
