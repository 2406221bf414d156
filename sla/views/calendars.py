from __future__ import annotations

import datetime as dt
from typing import Any, Final
from zoneinfo import available_timezones

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Q
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods

from config.web import Request, holds, roles_required
from leads.vocabulary import READERS_OF_LEADS, Role
from sla import arrivals, calendars
from sla.calendar import BadCalendar, Calendar
from sla.models import Clock, Commitment, WorkCalendar
from sla.opening import DAY_NAMES, Draft, changes, place, read_hours, said, sentence
from sla.promise_forms import CalendarForm

CHANGES_SHOWN: Final = 20
OFFICE_HOURS: Final = (*[read_hours("09:00-17:00")] * 5, (), ())


@roles_required(*Role)
@require_GET
def rules(request: Request) -> HttpResponse:
    """Where what governs the work of sales is set: who gets a lead, by when, and in which hours."""
    context = {
        "calendars": WorkCalendar.objects.count(),
        "in_force": Commitment.objects.filter(state="active").first(),
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
    listed = [{"calendar": row, "sentence": sentence(calendars.draft_of(row))} for row in rows]
    return render(request, "sla/business_time/calendars.html", {"listed": listed, "may_edit": _may_edit(request)})


@roles_required(*Role)
@require_http_methods(["GET", "POST"])
def calendar(request: Request, pk: int) -> HttpResponse:
    rows = WorkCalendar.objects.prefetch_related("hours", "special_days")
    found = get_object_or_404(rows, pk=pk)
    return _edit(request, found, calendars.draft_of(found))


@roles_required(Role.SALES_MANAGER)
@require_http_methods(["GET", "POST"])
def calendar_new(request: Request) -> HttpResponse:
    return _edit(request, None, Draft("", settings.COMPANY_TIME_ZONE, "", "", OFFICE_HOURS, ()))


def _edit(request: Request, found: WorkCalendar | None, stored: Draft) -> HttpResponse:
    now = timezone.now()
    usual = arrivals.friday_afternoon(now, stored.zone)
    if request.method != "POST":
        return _show(
            request, found, stored, CalendarForm(draft=stored, arrives=usual), _preview(stored, stored, usual, now)
        )
    if not _may_edit(request):
        raise PermissionDenied
    form = CalendarForm(request.POST, draft=stored, arrives=usual)
    if not form.is_valid():
        return _show(request, found, stored, form, None, status=422)
    draft = form.draft()
    if "preview" in request.POST:
        return _show(request, found, stored, form, _preview(draft, stored, form.cleaned_data["arrives"] or usual, now))
    try:
        typed = {name: form.cleaned_data[name] for name in ("read", "why")}
        made = calendars.change(calendar=found, draft=draft, by=request.user, now=now, **typed)
    except BadCalendar as refusal:
        form.add_error(None, str(refusal))
        return _show(request, found, stored, form, None, status=409)
    messages.success(request, f"{made} is saved. Clocks that run already keep the hours they started with.")
    return redirect("calendar", made.pk)


def _show(
    request: Request,
    found: WorkCalendar | None,
    stored: Draft,
    form: CalendarForm,
    preview: dict[str, Any] | None,
    status: int = 200,
) -> HttpResponse:
    if request.htmx and "preview" in request.POST:
        return render(
            request, "sla/business_time/_calendar_preview.html", {"preview": preview, "form": form}, status=status
        )
    context = {
        "calendar": found,
        "stored": stored,
        "sentence": sentence(stored),
        "week": [(name, [said(each) for each in hours]) for name, hours in zip(DAY_NAMES, stored.week, strict=True)],
        "own_days": [(day, ", ".join(map(said, day.hours))) for day in stored.days],
        "form": form,
        "preview": preview,
        "may_edit": _may_edit(request),
        "zones": sorted(available_timezones()),
        "history": calendars.history(found)[:CHANGES_SHOWN] if found else [],
        "now": timezone.now(),
        "subdivisions": calendars.subdivisions(form["country"].value() or ""),
        **_use(found),
    }
    return render(request, "sla/business_time/calendar.html", context, status=status)


def _use(found: WorkCalendar | None) -> dict[str, Any]:
    """Which teams and people work by it, and how many clocks keep a version of it."""
    if found is None:
        return {"teams": [], "reps": [], "running": 0}
    return {
        "teams": found.teams.annotate(people=Count("reps", filter=Q(reps__is_active=True))).order_by("name", "pk"),
        "reps": found.rep_set.filter(is_active=True).select_related("user", "team").order_by("user__last_name", "pk"),
        "running": Clock.objects.running().filter(calendar_version__calendar=found).count(),
    }


def _preview(draft: Draft, stored: Draft, wall: dt.datetime, now: dt.datetime) -> dict[str, Any]:
    """What the draft says: in one sentence, of a lead that arrives then and one that arrives now, and its holidays.

    Beside it what is stored says of the same instant, and what would change.
    """
    terms = arrivals.terms_in_force()
    try:
        at = arrivals.instant(calendars.drafted(draft, now), wall)
        there, here = calendars.drafted(draft, at), calendars.drafted(draft, now)
        coming = calendars.coming_holidays(draft, now)
    except BadCalendar as error:
        return {"problem": str(error)}
    before = arrivals.of(calendars.drafted(stored, at), terms=terms, at=at, title="before")
    return {
        "sentence": sentence(draft),
        "changes": changes(stored, draft) if stored.name else (),
        "before": before.answers[0],
        "arrivals": [_arrival(there, terms, at, "then"), _arrival(here, terms, now, "now")],
        "holidays": coming,
        "zone": place(draft.zone),
        "terms": terms,
    }


def _arrival(hours: Calendar, terms: Commitment, at: dt.datetime, title: str) -> arrivals.Arrival:
    return arrivals.of(hours, terms=terms, at=at, title=title)


def _may_edit(request: Request) -> bool:
    return holds(request.user, Role.SALES_MANAGER)
