"""The pages of working calendars, with a preview of due times, and the entry page to all rules."""

from __future__ import annotations

import datetime as dt
from typing import Any, Final

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Q
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods

from config import time_zones
from config.accounts.roles import holds, roles_required
from config.accounts.vocabulary import Role
from config.web import Request
from definitions import motions
from leads.vocabulary import READERS_OF_LEADS
from sla.business_time import calendars
from sla.business_time.arithmetic import BadCalendar, Calendar
from sla.business_time.hours import (
    DAY_NAMES,
    CalendarDraft,
    city_of_zone,
    describe_calendar,
    describe_changes,
    format_interval,
    read_hours,
)
from sla.commitments import commitments, preview
from sla.forms.calendars import CalendarForm
from sla.models import Clock, Commitment, WorkCalendar

CHANGES_SHOWN: Final = 20
OFFICE_HOURS: Final = (*[read_hours("09:00-17:00")] * 5, (), ())


@roles_required(*Role)
@require_GET
def rules(request: Request) -> HttpResponse:
    """Show the entry to the rules that govern the work of sales: routing, due times and working hours."""
    context = {
        "calendars": WorkCalendar.objects.count(),
        "in_force": commitments.commitments_in_force().values(),
        "may_route": holds(request.user, *READERS_OF_LEADS),
    }
    return render(request, "sla/rules.html", context)


@roles_required(*Role)
@require_GET
def calendar_list(request: Request) -> HttpResponse:
    rows = (
        WorkCalendar.objects.prefetch_related("hours", "special_days", "teams")
        .annotate(reps=Count("rep", filter=Q(rep__is_active=True), distinct=True))
        .order_by("name", "pk")
    )
    listed = [{"calendar": row, "sentence": describe_calendar(calendars.draft_from_rows(row))} for row in rows]
    return render(request, "sla/business_time/calendars.html", {"listed": listed, "may_edit": _may_edit(request)})


@roles_required(*Role)
@require_http_methods(["GET", "POST"])
def calendar(request: Request, pk: int) -> HttpResponse:
    rows = WorkCalendar.objects.prefetch_related("hours", "special_days")
    work_calendar = get_object_or_404(rows, pk=pk)
    return _edit(request, work_calendar, calendars.draft_from_rows(work_calendar))


@roles_required(Role.SALES_MANAGER)
@require_http_methods(["GET", "POST"])
def calendar_new(request: Request) -> HttpResponse:
    return _edit(request, None, CalendarDraft("", settings.COMPANY_TIME_ZONE, "", "", OFFICE_HOURS, ()))


def _edit(request: Request, work_calendar: WorkCalendar | None, stored: CalendarDraft) -> HttpResponse:
    now = timezone.now()
    usual = preview.friday_afternoon(now, stored.zone)
    if request.method != "POST":
        form = CalendarForm(draft=stored, arrives=usual)
        return _render_page(request, work_calendar, stored, form, _build_preview(stored, stored, usual, now))
    if not _may_edit(request):
        raise PermissionDenied
    form = CalendarForm(request.POST, draft=stored, arrives=usual)
    if not form.is_valid():
        return _render_page(request, work_calendar, stored, form, None, status=422)
    draft = form.read_draft()
    if "preview" in request.POST:
        arrives = form.cleaned_data["arrives"] or usual
        return _render_page(request, work_calendar, stored, form, _build_preview(draft, stored, arrives, now))
    try:
        saved = calendars.change_calendar(
            calendar=work_calendar,
            draft=draft,
            seen_stamp=form.cleaned_data["read"],
            by=request.user,
            now=now,
            why=form.cleaned_data["why"],
        )
    except BadCalendar as refusal:
        form.add_error(None, str(refusal))
        return _render_page(request, work_calendar, stored, form, None, status=409)
    messages.success(request, f"{saved} is saved. Clocks that run already keep the hours they started with.")
    return redirect("calendar", saved.pk)


def _render_page(
    request: Request,
    work_calendar: WorkCalendar | None,
    stored: CalendarDraft,
    form: CalendarForm,
    preview: dict[str, Any] | None,
    status: int = 200,
) -> HttpResponse:
    if request.htmx and "preview" in request.POST:
        return render(
            request, "sla/business_time/_calendar_preview.html", {"preview": preview, "form": form}, status=status
        )
    context = {
        "calendar": work_calendar,
        "stored": stored,
        "sentence": describe_calendar(stored),
        "week": [
            (name, [format_interval(interval) for interval in hours])
            for name, hours in zip(DAY_NAMES, stored.week, strict=True)
        ],
        "own_days": [(day, ", ".join(map(format_interval, day.hours))) for day in stored.days],
        "form": form,
        "preview": preview,
        "may_edit": _may_edit(request),
        "zones": time_zones.offered_zones(),
        "history": calendars.list_changes(work_calendar)[:CHANGES_SHOWN] if work_calendar else [],
        "now": timezone.now(),
        "subdivisions": calendars.subdivisions(form["country"].value() or ""),
        **_usage_context(work_calendar),
    }
    return render(request, "sla/business_time/calendar.html", context, status=status)


def _usage_context(work_calendar: WorkCalendar | None) -> dict[str, Any]:
    """Return the teams and reps that work by the calendar, and the number of running clocks on a version of it."""
    if work_calendar is None:
        return {"teams": [], "reps": [], "running": 0}
    teams = work_calendar.teams.annotate(people=Count("reps", filter=Q(reps__is_active=True)))
    reps = work_calendar.rep_set.filter(is_active=True).select_related("user", "team")
    return {
        "teams": teams.order_by("name", "pk"),
        "reps": reps.order_by("user__last_name", "pk"),
        "running": Clock.objects.running().filter(calendar_version__calendar=work_calendar).count(),
    }


def _build_preview(draft: CalendarDraft, stored: CalendarDraft, wall: dt.datetime, now: dt.datetime) -> dict[str, Any]:
    """Preview the draft: as a sentence, for a lead that arrives at the time given and one that arrives now, its holidays.

    Includes what the stored calendar gives for the same instant, and what would change.
    """
    terms = preview.terms_in_force(motions.read_primary_motion())
    try:
        at = preview.instant_of_wall_time(calendars.build_from_draft(draft, now), wall)
        calendar_then, calendar_now = calendars.build_from_draft(draft, at), calendars.build_from_draft(draft, now)
        holidays = calendars.coming_holidays(draft, now)
    except BadCalendar as error:
        return {"problem": str(error)}
    before = preview.preview_arrival(calendars.build_from_draft(stored, at), terms=terms, at=at, title="before")
    return {
        "sentence": describe_calendar(draft),
        "changes": describe_changes(stored, draft) if stored.name else (),
        "before": before.answers[0],
        "arrivals": [
            _preview_arrival(calendar_then, terms, at, "then"),
            _preview_arrival(calendar_now, terms, now, "now"),
        ],
        "holidays": holidays,
        "zone": city_of_zone(draft.zone),
        "terms": terms,
    }


def _preview_arrival(hours: Calendar, terms: Commitment, at: dt.datetime, title: str) -> preview.ArrivalPreview:
    return preview.preview_arrival(hours, terms=terms, at=at, title=title)


def _may_edit(request: Request) -> bool:
    return holds(request.user, Role.SALES_MANAGER)
