"""What the pages of the queue and of a handoff show; their views and the answers to actions share it."""

from __future__ import annotations

from typing import Any, Final

from django.forms import Form
from django.http import HttpResponse, QueryDict
from django.shortcuts import render
from django.utils import timezone

from config.web import Request, holds, typed_number
from leads.vocabulary import READERS_OF_LEADS
from sla import casefile, queue, reasons, saved_filters, timeline
from sla.filters import QueueFilter, reps_of
from sla.forms import (
    AmountForm,
    AssignForm,
    AttemptForm,
    LostForm,
    MeetingForm,
    NoteForm,
    OpportunityForm,
    QualifyForm,
)
from sla.models import AlertSettings, Handoff
from sla.vocabulary import CONTACTS, Channel

#: Contacts of two keystrokes: the channel's key, then the digit of what came of it.
CONTACT_KEYS: Final = {Channel.CALL: "c", Channel.EMAIL: "e", Channel.LINKEDIN: "l"}
CONTACTS_SHOWN: Final = [
    (key, channel, [(f"{channel}:{outcome}", words) for outcome, words in CONTACTS[channel].items()])
    for channel, key in CONTACT_KEYS.items()
]


def queue_context(request: Request, query: QueryDict, here: str) -> dict[str, Any]:
    now = timezone.now()
    work = QueueFilter(query, queryset=queue.of(request.user), request=request)
    limit = typed_number(query.get("limit", "")) or queue.SHOWN
    return {
        "filter": work,
        "queue": queue.in_order(work.qs, now=now, limit=min(limit, queue.SHOWN_AT_MOST)),
        "is_manager": reps_of(request).exists(),
        "saved_filters": saved_filters.of(request.user),
        "view": saved_filters.canonical(query),
        "reasons": reasons.of_many(),
        # Asked for where it is shown: not by a poll.
        "alarm": AlertSettings.objects.filter(user=request.user).first,
        "here": here,
        "now": now,
    }


def handoff_page(request: Request, handoff: Handoff, status: int = 200, **forms: Form) -> HttpResponse:
    """`forms`: what was typed and could not be saved, by its name in the context."""
    now = timezone.now()
    context = {
        "case": casefile.of(handoff, reader=request.user, now=now),
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
        **history_context(request, handoff),
        **forms,
    }
    return render(request, "sla/handoff_page/handoff.html", context, status=status)


def history_context(request: Request, handoff: Handoff) -> dict[str, Any]:
    """The timeline as the address asks for it: one kind or all, so far back."""
    limit = min(typed_number(request.GET.get("limit", "")) or timeline.SHOWN, timeline.SHOWN_AT_MOST)
    return {
        "timeline": timeline.of(handoff.lead, limit=limit, kind=request.GET.get("show", "")),
        "kinds": [(key, label) for key, (label, _) in timeline.KINDS.items()],
        "more": limit * 2,
        "handoff": handoff,
        "now": timezone.now(),
    }
