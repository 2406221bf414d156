"""The page of the weekly meeting: its report, the earlier meetings, and the steps that people take in it (rules 12.57 to 12.61)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from django.contrib import messages
from django.forms import Form
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from config.accounts.roles import roles_required
from config.web import Request, show_refused_step
from definitions import motions
from leads.exceptions import Refused
from leads.vocabulary import READERS_OF_LEADS
from sla.forms.meetings import MeetingDecisionForm, MeetingNoteForm, MeetingOutcomeForm
from sla.models import MeetingDecision, WeeklyMeeting
from sla.reports import meeting_record, meeting_report
from sla.reports.framework import report_page
from sla.reports.framework.report_query import read_query
from sla.reports.framework.table_order import require_table
from sla.views import step_forms
from sla.views.reports import list_tabs
from sla.vocabulary import MeetingDecisionState
from sla.weekly_meetings import meeting_steps

MEETINGS_LISTED: Final = 26


@roles_required(*READERS_OF_LEADS)
@require_GET
def meeting_page(request: Request) -> HttpResponse:
    """Show the meeting about the week in the address, by default the last one that is over."""
    now = timezone.now()
    entry = meeting_report.ENTRY
    query = read_query(
        request.GET, filters=entry.filters, reader=request.user, now=now, also_known=entry.own_parameters
    )
    week = meeting_report.read_week(query, now)
    built = entry.build_current(query, reader=request.user, now=now)
    sort = request.GET.get("sort", "")
    require_table(dict(built.tables), sort)
    meeting = meeting_report.find_meeting(query.motion, week)
    earlier = WeeklyMeeting.objects.filter(motion=query.motion).select_related("closed_by").order_by("-start")
    context = {
        "report": built,
        "sections": [
            part
            for part in report_page.build_sections(built, sort)
            if part.section.key not in meeting_record.RECORD_SECTIONS
        ],
        "wide_sections": meeting_report.WIDE_SECTIONS,
        "tabs": list_tabs(request.user, query),
        "meeting": meeting,
        "week": week,
        "meetings": earlier[:MEETINGS_LISTED],
        "motion": query.motion,
        "motion_query": f"motion={query.motion}",
        "motions": motions.list_motions_in_use(),
        "earlier_decisions": _with_rights(request, meeting_record.list_earlier_decisions(query.motion, week)),
        "decisions": _with_rights(request, meeting_record.list_decisions(meeting)) if meeting else [],
        "notes": meeting_record.list_notes(meeting) if meeting else [],
        "may_write": meeting is not None and not meeting.is_closed and meeting_steps.may_write(request.user),
        "may_close": meeting is not None and not meeting.is_closed and meeting_steps.may_close(request.user),
        "note_form": MeetingNoteForm(auto_id="id_note_%s"),
        "decision_form": MeetingDecisionForm(auto_id="id_decision_%s"),
        "today": timezone.localdate(),
        "now": now,
    }
    return render(request, "sla/reports/meeting.html", context)


@roles_required(*meeting_steps.WRITERS, seen_by=READERS_OF_LEADS)
@require_POST
def meeting_note(request: Request, pk: int) -> HttpResponse:
    meeting = get_object_or_404(WeeklyMeeting, pk=pk)
    return _take_step(
        request, meeting, MeetingNoteForm(request.POST), meeting_steps.write_note, "The note is written.", "notes"
    )


@roles_required(*meeting_steps.WRITERS, seen_by=READERS_OF_LEADS)
@require_POST
def meeting_decide(request: Request, pk: int) -> HttpResponse:
    meeting = get_object_or_404(WeeklyMeeting, pk=pk)
    form = MeetingDecisionForm(request.POST)
    return _take_step(request, meeting, form, meeting_steps.take_decision, "The decision is written down.", "decisions")


@roles_required(*meeting_steps.CLOSERS, seen_by=READERS_OF_LEADS)
@require_POST
def meeting_close(request: Request, pk: int) -> HttpResponse:
    """Close the meeting: its figures are frozen, and both sides get it."""
    meeting = get_object_or_404(WeeklyMeeting, pk=pk)
    success = "The meeting is closed and on its way to both sides."
    return _take_step(request, meeting, Form(request.POST), meeting_steps.close_meeting, success, "main")


@roles_required(*READERS_OF_LEADS)
@require_POST
def meeting_settle(request: Request, pk: int) -> HttpResponse:
    """Mark a decision as done or dropped."""
    decision = get_object_or_404(MeetingDecision.objects.select_related("meeting", "owner"), pk=pk)

    def settle(*, state: str, outcome: str, **others: Any) -> object:
        del others["meeting"]
        return meeting_steps.settle_decision(
            decision=decision, state=MeetingDecisionState(state), outcome=outcome, **others
        )

    form = MeetingOutcomeForm(request.POST)
    return _take_step(
        request, decision.meeting, form, settle, "What became of the decision is written down.", "decisions"
    )


def _take_step(  # one for each part of a step
    request: Request, meeting: WeeklyMeeting, form: Form, step: Callable[..., object], success: str, anchor: str
) -> HttpResponse:
    """Take a step of a form and go back to the meeting; what was refused is said there, or on a page of its own."""
    address = meeting_steps.address_of(meeting.motion, meeting.week)
    if not form.is_valid():
        return step_forms.show_errors(form, link=address, label="Back to the meeting")
    try:
        step(meeting=meeting, by=request.user, now=timezone.now(), **form.cleaned_data)
    except meeting_steps.MeetingRefused as refusal:
        return show_refused_step(str(refusal), link=address)
    except Refused as refusal:
        form.add_error(refusal.field, refusal.rule)
        return step_forms.show_errors(form, link=address, label="Back to the meeting")
    messages.success(request, success)
    return redirect(f"{address}#{anchor}")


def _with_rights(request: Request, decisions: Any) -> list[tuple[MeetingDecision, bool]]:
    """Pair each decision with whether the reader may settle it now."""
    return [(row, row.is_open and meeting_steps.may_settle(request.user, row)) for row in decisions]
