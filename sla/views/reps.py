"""Who takes leads: a manager's reps, and a rep's own switch and absences."""

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

from config.web import Request, holds, roles_required
from leads.vocabulary import READERS_OF_LEADS, Role
from sla import access, changelog, roster, rota, successions
from sla.models import Absence, Rep, Team
from sla.routing_forms import AbsenceForm, HandOverForm, RepForm, TeamForm
from sla.views import answers

CHANGES_SHOWN: Final = 10
OPS_SHOWN: Final = 3


@roles_required(*READERS_OF_LEADS)
@require_GET
def reps(request: Request) -> HttpResponse:
    return _reps_page(request)


def _reps_page(request: Request, **typed: object) -> HttpResponse:
    now = timezone.now()
    rosters = roster.of(request.user, now=now)
    context = {
        "rosters": rosters,
        "ops": [] if rosters else roster.set_up_by()[:OPS_SHOWN],
        "changes": changelog.latest(Rep, Absence, Team)[:CHANGES_SHOWN],
        "here": reverse("reps"),
        "now": now,
        **typed,
    }
    return render(request, "sla/teams/reps.html", context, status=422 if typed else 200)


@roles_required(Role.SDR, Role.SALES_MANAGER)
@require_GET
def availability(request: Request) -> HttpResponse:
    """A rep's own: away or not, absences, and how Accord sees them at this moment."""
    return _availability_page(request)


def _availability_page(request: Request, **typed: object) -> HttpResponse:
    rep = Rep.objects.filter(user=request.user).select_related("team").first()
    now = timezone.now()
    own = rota.reps_of(rep.team) if rep else []
    standing = next((line for line in rota.standings(own, now) if line.rep == rep), None)
    context = {
        "standing": standing,
        "absences": roster.coming([rep], now=now).get(rep.pk, []) if rep else [],
        "here": reverse("availability"),
        "now": now,
        **typed,
    }
    return render(request, "sla/teams/availability.html", context, status=422 if typed else 200)


@login_required
@require_POST
def rep_away(request: Request, pk: int) -> HttpResponse:
    rep = _rep(request, pk)
    is_away = request.POST.get("to") == "away"
    done = f"{rep} is away: no new leads." if is_away else f"{rep} is back and takes leads again."
    return _do(request, done, lambda: roster.set_away(rep=rep, is_away=is_away, by=request.user, now=timezone.now()))


@login_required
@require_POST
def rep_adjust(request: Request, pk: int) -> HttpResponse:
    rep, form = _rep(request, pk), RepForm(request.POST)
    if not form.is_valid():
        return _invalid(request, form)
    return _do(
        request,
        f"Saved: {rep}.",
        lambda: roster.adjust(rep=rep, by=request.user, now=timezone.now(), **form.cleaned_data),
    )


@login_required
@require_POST
def rep_hand_over(request: Request, pk: int) -> HttpResponse:
    rep, form = _rep(request, pk), HandOverForm(request.POST)
    if not form.is_valid():
        return _invalid(request, form)
    try:
        done = successions.hand_over(rep=rep, by=request.user, now=timezone.now(), reason=form.cleaned_data["reason"])
    except access.NotYours as refusal:
        raise PermissionDenied(str(refusal)) from refusal
    stayed = f" {done.stayed} stayed: nobody of the team can take more now." if done.stayed else ""
    takers = ", ".join(f"{taker} {count}" for taker, count in done.given.items())
    messages.success(request, f"{done.total} of {rep}’s leads: {takers}.{stayed}" if takers else f"None given.{stayed}")
    return _return(request)


@login_required
@require_POST
def absence_new(request: Request, pk: int) -> HttpResponse:
    rep, form = _rep(request, pk), AbsenceForm(request.POST)
    if not form.is_valid():
        return _absence_refused(request, rep, form)
    try:
        absence = roster.add_absence(rep=rep, by=request.user, now=timezone.now(), **form.cleaned_data)
    except access.NotYours as refusal:
        raise PermissionDenied(str(refusal)) from refusal
    except roster.RosterRefused as refusal:
        form.add_error("ends_at", str(refusal))
        return _absence_refused(request, rep, form)
    messages.success(request, roster.effect(absence))
    return _return(request)


@login_required
@require_POST
def absence_delete(request: Request, pk: int) -> HttpResponse:
    absence = get_object_or_404(Absence.objects.select_related("rep__user"), pk=pk, rep__in=_within_reach(request))
    return _do(
        request,
        f"Taken back: {roster.effect(absence)}",
        lambda: roster.remove_absence(absence=absence, by=request.user, now=timezone.now()),
    )


@login_required
@require_POST
def team_settle(request: Request, pk: int) -> HttpResponse:
    team, form = get_object_or_404(roster.managed_by(request.user), pk=pk), TeamForm(request.POST)
    if not form.is_valid():
        return _invalid(request, form)
    return _do(
        request,
        f"Saved: team {team}.",
        lambda: roster.settle(team=team, by=request.user, now=timezone.now(), **form.cleaned_data),
    )


def _within_reach(request: Request) -> list[int]:
    """The reps whose lines this person may set: their own, and those of the teams they manage."""
    own = Rep.objects.filter(user=request.user).values_list("pk", flat=True)
    managed = Rep.objects.filter(team__in=roster.managed_by(request.user)).values_list("pk", flat=True)
    return [*own, *managed]


def _rep(request: Request, pk: int) -> Rep:
    """404 for a stranger's rep."""
    return get_object_or_404(Rep.objects.filter(pk__in=_within_reach(request)).select_related("user", "team"), pk=pk)


def _do(request: Request, done: str, act: Callable[[], object]) -> HttpResponse:
    try:
        act()
    except access.NotYours as refusal:
        raise PermissionDenied(str(refusal)) from refusal
    except roster.RosterRefused as refusal:
        messages.warning(request, str(refusal))
    else:
        messages.success(request, done)
    return _return(request)


def _absence_refused(request: Request, rep: Rep, form: AbsenceForm) -> HttpResponse:
    """The page it was typed on, with what was typed."""
    came_from_reps = answers.back(request) == reverse("reps") and holds(request.user, *READERS_OF_LEADS)
    _warn(request, form)
    page = _reps_page if came_from_reps else _availability_page
    return page(request, absence_form=form, absence_of=rep.pk)


def _invalid(request: Request, form: Form) -> HttpResponse:
    _warn(request, form)
    return _return(request)


def _warn(request: Request, form: Form) -> None:
    for name, errors in form.errors.items():
        messages.warning(request, f"{form.fields[name].label or name.capitalize()}: {' '.join(map(str, errors))}")


def _return(request: Request) -> HttpResponse:
    return redirect(answers.back(request) or "availability")
