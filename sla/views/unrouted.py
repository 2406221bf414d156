"""The list of handoffs that nobody has."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Final

from django.db.models import Count, Min, Q
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from config.accounts.roles import roles_required
from config.accounts.vocabulary import Role
from config.downloads import csv_download
from config.web import Request
from definitions import motions
from leads.vocabulary import READERS_OF_LEADS, Motion
from sla.forms.handoffs import AssignForm
from sla.handoffs import routing
from sla.models import Clock, Handoff
from sla.queue import queue

SHOWN: Final = 100
#: Rows that are read at a time for the file.
_CHUNK: Final = 500
HEADER: Final = (
    "handoff",
    "lead",
    "email",
    "company",
    "motion",
    "tier",
    "why",
    "since",
    "due_at",
    "overdue",
    "waits_for",
)


@roles_required(Role.SALES_MANAGER, seen_by=READERS_OF_LEADS)
@require_GET
def unrouted(request: Request) -> HttpResponse:
    """Show the leads that nobody has, so that they are not overlooked (rules 6.9)."""
    motion, now = motions.read_motion_filter(request.GET), timezone.now()
    rows = queue.unrouted_handoffs(motion)
    figures = rows.order_by().aggregate(
        total=Count("pk"),
        hot=Count("pk", filter=Q(tier=1) | Q(hot_upgraded_at__isnull=False)),
        oldest=Min("created_at"),
    )
    context = {
        **figures,
        "motion": motion,
        "motions": motions.list_motions_in_use(),
        "late": Clock.objects.running().filter(handoff__in=rows.order_by().values("pk"), due_at__lt=now).count(),
        "rows": routing.find_waits(rows[:SHOWN], now=now),
        "assign_form": AssignForm(now=now),
        "here": request.path,
        "now": now,
    }
    return render(request, "sla/handoffs/unrouted.html", context)


@roles_required(Role.SALES_MANAGER, seen_by=READERS_OF_LEADS)
@require_GET
def unrouted_export(request: Request) -> HttpResponseBase:
    """Return the same leads as a file, in the order of the page."""
    return csv_download("unrouted", HEADER, _export_rows(motions.read_motion_filter(request.GET), timezone.now()))


def _export_rows(motion: Motion | None, now: dt.datetime) -> Iterator[tuple[object, ...]]:
    rows = queue.unrouted_handoffs(motion).iterator(chunk_size=_CHUNK)
    for handoff, wait in routing.find_waits(rows, now=now):
        yield _cells(handoff, wait, now)


def _cells(handoff: Handoff, wait: routing.RoutingWait, now: dt.datetime) -> tuple[object, ...]:
    due_at = handoff.due_at
    is_overdue = due_at is not None and due_at < now
    return (
        handoff.pk,
        handoff.lead.name,
        handoff.lead.email,
        str(handoff.lead.company or ""),
        handoff.get_motion_display(),
        1 if handoff.is_hot else handoff.tier,
        handoff.qualification.why,
        handoff.created_at.isoformat(),
        "" if due_at is None else due_at.isoformat(),
        "yes" if is_overdue else "no",
        str(wait.team or "a rule that matches"),
    )
