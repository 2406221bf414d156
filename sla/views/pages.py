"""What the pages of the queue and of a handoff show; their views and the answers to actions share it."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse, QueryDict
from django.shortcuts import render
from django.utils import timezone

from config.web import Request, holds, typed_number
from leads.vocabulary import READERS_OF_LEADS
from sla import casefile, queue
from sla.filters import QueueFilter, reps_of
from sla.forms import AmountForm, AssignForm, AttemptForm, LostForm, MeetingForm, QualifyForm
from sla.models import Handoff


def queue_context(request: Request, query: QueryDict, here: str) -> dict[str, Any]:
    now = timezone.now()
    work = QueueFilter(query, queryset=queue.of(request.user), request=request)
    limit = typed_number(query.get("limit", "")) or queue.SHOWN
    return {
        "filter": work,
        "queue": queue.in_order(work.qs, now=now, limit=min(limit, queue.SHOWN_AT_MOST)),
        "is_manager": reps_of(request).exists(),
        "here": here,
        "now": now,
    }


def handoff_page(request: Request, handoff: Handoff, status: int = 200) -> HttpResponse:
    context = {
        "case": casefile.of(handoff, reader=request.user),
        "handoff": handoff,
        "lead": handoff.lead,
        "now": timezone.now(),
        "may_see_leads": holds(request.user, *READERS_OF_LEADS),
        "assign_form": AssignForm(),
        "attempt_form": AttemptForm(),
        "meeting_form": MeetingForm(),
        "qualify_form": QualifyForm(),
        "amount_form": AmountForm(),
        "lost_form": LostForm(),
    }
    return render(request, "sla/handoff.html", context, status=status)
