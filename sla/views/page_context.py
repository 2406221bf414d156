"""The contexts of the queue's and a handoff's page, shared by their views and by the answers to actions."""

from __future__ import annotations

from typing import Any, Final

from django.forms import Form
from django.http import HttpResponse, QueryDict
from django.shortcuts import render
from django.utils import timezone

from config.accounts.roles import holds
from config.web import Request, typed_number
from definitions import motions
from leads.vocabulary import READERS_OF_LEADS
from sla.filters import QueueFilter, managed_reps
from sla.forms.handoffs import (
    AmountForm,
    AssignForm,
    AttemptForm,
    LostForm,
    MeetingForm,
    NoteForm,
    OpportunityForm,
    QualifyForm,
)
from sla.handoff_page import detail, lead_timeline
from sla.handoffs import rejection_reasons
from sla.models import AlertSettings, Handoff
from sla.queue import queue, saved_filters
from sla.vocabulary import CONTACTS, Channel

#: Contacts are logged by two keystrokes: the channel's key, then the digit of the outcome.
CONTACT_KEYS: Final = {Channel.CALL: "c", Channel.EMAIL: "e", Channel.LINKEDIN: "l"}
CONTACTS_SHOWN: Final = [
    (key, channel, [(f"{channel}:{outcome}", label) for outcome, label in CONTACTS[channel].items()])
    for channel, key in CONTACT_KEYS.items()
]


def build_queue_context(request: Request, query: QueryDict, here: str) -> dict[str, Any]:
    now = timezone.now()
    # Refuses an unknown motion, which the filter below would ignore.
    motions.read_motion_filter(query)
    queue_filter = QueueFilter(query, queryset=queue.for_user(request.user), request=request)
    limit = typed_number(query.get("limit", "")) or queue.SHOWN
    return {
        "filter": queue_filter,
        "queue": queue.build_queue(queue_filter.qs, now=now, limit=min(limit, queue.SHOWN_AT_MOST)),
        "is_manager": managed_reps(request).exists(),
        "saved_filters": saved_filters.for_user(request.user),
        "view": saved_filters.canonical_query(query),
        "reasons": rejection_reasons.bulk_reasons(),
        # A callable: the query runs only where the template shows it, so not on each poll.
        "alarm": AlertSettings.objects.filter(user=request.user).first,
        "here": here,
        "now": now,
    }


def render_handoff_page(request: Request, handoff: Handoff, status: int = 200, **forms: Form) -> HttpResponse:
    """Render the page; `forms` are forms with invalid input, by their names in the context."""
    now = timezone.now()
    context = {
        "detail": detail.for_handoff(handoff, reader=request.user, now=now),
        "handoff": handoff,
        "lead": handoff.lead,
        "now": now,
        "may_see_leads": holds(request.user, *READERS_OF_LEADS),
        "contacts": CONTACTS_SHOWN,
        "assign_form": AssignForm(now=now),
        "attempt_form": AttemptForm(),
        "note_form": NoteForm(),
        "meeting_form": MeetingForm(initial={"at": handoff.meeting_at}),
        "qualify_form": QualifyForm(lead=handoff.lead),
        "opportunity_form": OpportunityForm(),
        "won_form": AmountForm(auto_id="id_won_%s"),
        "lost_form": LostForm(auto_id="id_lost_%s"),
        **build_history_context(request, handoff),
        **forms,
    }
    return render(request, "sla/handoff_page/handoff.html", context, status=status)


def build_history_context(request: Request, handoff: Handoff) -> dict[str, Any]:
    """Return the timeline that the query string asks for: one kind or all, and how many entries."""
    limit = min(typed_number(request.GET.get("limit", "")) or lead_timeline.SHOWN, lead_timeline.SHOWN_AT_MOST)
    return {
        "timeline": lead_timeline.for_lead(handoff.lead, limit=limit, kind=request.GET.get("show", "")),
        "kinds": [(key, label) for key, (label, _) in lead_timeline.KINDS.items()],
        "more": limit * 2,
        "handoff": handoff,
        "now": timezone.now(),
    }
