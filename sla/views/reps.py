"""The pages of reps: a manager's teams, and a rep's own availability and absences."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.forms import Form
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from config.accounts.roles import holds, roles_required
from config.accounts.vocabulary import Role
from config.web import Request
from definitions import motions
from leads.vocabulary import READERS_OF_LEADS
from sla import permissions
from sla.forms.routing import AbsenceForm, HandOverForm, RepForm, TeamForm
from sla.handoffs import reassignment
from sla.handoffs.reassignment import Reassignment
from sla.models import Absence, Rep, Team
from sla.plays import play_reassignment
from sla.teams import changelog, roster, round_robin
from sla.views import responses

CHANGES_SHOWN: Final = 10
OPS_SHOWN: Final = 3


@roles_required(*READERS_OF_LEADS)
@require_GET
def reps(request: Request) -> HttpResponse:
    return _render_reps(request)


def _render_reps(request: Request, **typed: object) -> HttpResponse:
    now = timezone.now()
    rosters = roster.for_user(request.user, now=now)
    context = {
        "rosters": rosters,
        "ops": [] if rosters else roster.people_to_ask()[:OPS_SHOWN],
        "changes": changelog.latest_changes(Rep, Absence, Team)[:CHANGES_SHOWN],
        "here": reverse("reps"),
        "now": now,
        **typed,
    }
    return render(request, "sla/teams/reps.html", context, status=422 if typed else 200)


@roles_required(Role.SDR, Role.SALES_MANAGER)
@require_GET
def availability(request: Request) -> HttpResponse:
    """Show a rep's own page: away or not, absences, and whether Accord assigns leads to them now."""
    return _render_availability(request)


def _render_availability(request: Request, **typed: object) -> HttpResponse:
    rep = Rep.objects.filter(user=request.user).select_related("team").first()
    now = timezone.now()
    own = round_robin.fetch_reps(rep.team) if rep else []
    lines = round_robin.fetch_availabilities(own, now, motion=motions.read_primary_motion())
    standing = next((line for line in lines if line.rep == rep), None)
    context = {
        "standing": standing,
        "absences": roster.fetch_absences([rep], now=now).get(rep.pk, []) if rep else [],
        "here": reverse("availability"),
        "now": now,
        **typed,
    }
    return render(request, "sla/teams/availability.html", context, status=422 if typed else 200)


@login_required
@require_POST
def rep_away(request: Request, pk: int) -> HttpResponse:
    rep = _get_rep(request, pk)
    is_away = request.POST.get("to") == "away"
    sentence = f"{rep} is away: no new leads." if is_away else f"{rep} is back and takes leads again."
    return _run_action(
        request, sentence, lambda: roster.set_away(rep=rep, is_away=is_away, by=request.user, now=timezone.now())
    )


@login_required
@require_POST
def rep_adjust(request: Request, pk: int) -> HttpResponse:
    rep, form = _get_rep(request, pk), RepForm(request.POST)
    if not form.is_valid():
        return _refuse_form(request, form)
    return _run_action(
        request,
        f"Saved: {rep}.",
        lambda: roster.adjust_rep(rep=rep, by=request.user, now=timezone.now(), **form.cleaned_data),
    )


@login_required
@require_POST
def rep_hand_over(request: Request, pk: int) -> HttpResponse:
    rep, form = _get_rep(request, pk), HandOverForm(request.POST)
    if not form.is_valid():
        return _refuse_form(request, form)
    try:
        reason, now = form.cleaned_data["reason"], timezone.now()
        result = reassignment.reassign_all(rep=rep, by=request.user, now=now, reason=reason)
        of_plays = play_reassignment.reassign_all(rep=rep, by=request.user, now=now, reason=reason)
    except permissions.NotYours as refusal:
        raise PermissionDenied(str(refusal)) from refusal
    if of_plays.total or of_plays.stayed:
        messages.success(request, _describe_hand_over(of_plays, f"{rep}’s account plays"))
    if result.total or result.stayed or not of_plays.total:
        messages.success(request, _describe_hand_over(result, f"{rep}’s leads"))
    return _go_back(request)


@login_required
@require_POST
def absence_new(request: Request, pk: int) -> HttpResponse:
    rep, form = _get_rep(request, pk), AbsenceForm(request.POST)
    if not form.is_valid():
        return _render_refused_absence(request, rep, form)
    try:
        absence = roster.add_absence(rep=rep, by=request.user, now=timezone.now(), **form.cleaned_data)
    except permissions.NotYours as refusal:
        raise PermissionDenied(str(refusal)) from refusal
    except roster.RosterRefused as refusal:
        form.add_error("ends_at", str(refusal))
        return _render_refused_absence(request, rep, form)
    messages.success(request, roster.describe_absence(absence))
    return _go_back(request)


@login_required
@require_POST
def absence_delete(request: Request, pk: int) -> HttpResponse:
    absence = get_object_or_404(Absence.objects.select_related("rep__user"), pk=pk, rep__in=_editable_rep_ids(request))
    return _run_action(
        request,
        f"Taken back: {roster.describe_absence(absence)}",
        lambda: roster.remove_absence(absence=absence, by=request.user, now=timezone.now()),
    )


@login_required
@require_POST
def team_settle(request: Request, pk: int) -> HttpResponse:
    team, form = get_object_or_404(roster.managed_teams(request.user), pk=pk), TeamForm(request.POST)
    if not form.is_valid():
        return _refuse_form(request, form)
    return _run_action(
        request,
        f"Saved: team {team}.",
        lambda: roster.set_team_rules(team=team, by=request.user, now=timezone.now(), **form.cleaned_data),
    )


def _editable_rep_ids(request: Request) -> list[int]:
    """Return the reps that this person may change: themselves, and the reps of the teams they manage."""
    own = Rep.objects.filter(user=request.user).values_list("pk", flat=True)
    managed = Rep.objects.filter(team__in=roster.managed_teams(request.user)).values_list("pk", flat=True)
    return [*own, *managed]


def _get_rep(request: Request, pk: int) -> Rep:
    """Return the rep; raises Http404 for one that this person may not change."""
    return get_object_or_404(
        Rep.objects.filter(pk__in=_editable_rep_ids(request)).select_related("user", "team"), pk=pk
    )


def _run_action(request: Request, sentence: str, act: Callable[[], object]) -> HttpResponse:
    try:
        act()
    except permissions.NotYours as refusal:
        raise PermissionDenied(str(refusal)) from refusal
    except roster.RosterRefused as refusal:
        messages.warning(request, str(refusal))
    else:
        messages.success(request, sentence)
    return _go_back(request)


def _render_refused_absence(request: Request, rep: Rep, form: AbsenceForm) -> HttpResponse:
    """Show the page that the form was on, with its input."""
    came_from_reps = responses.return_path(request) == reverse("reps") and holds(request.user, *READERS_OF_LEADS)
    _show_errors(request, form)
    page = _render_reps if came_from_reps else _render_availability
    return page(request, absence_form=form, absence_of=rep.pk)


def _refuse_form(request: Request, form: Form) -> HttpResponse:
    _show_errors(request, form)
    return _go_back(request)


def _show_errors(request: Request, form: Form) -> None:
    for name, errors in form.errors.items():
        messages.warning(request, f"{form.fields[name].label or name.capitalize()}: {' '.join(map(str, errors))}")


def _describe_hand_over(result: Reassignment, subject: str) -> str:
    stayed = f" {result.stayed} stayed: nobody of the team can take more now." if result.stayed else ""
    takers = ", ".join(f"{taker} {count}" for taker, count in result.counts_by_rep.items())
    return f"{result.total} of {subject}: {takers}.{stayed}" if takers else f"None of {subject} given.{stayed}"


def _go_back(request: Request) -> HttpResponse:
    return redirect(responses.return_path(request) or "availability")
