"""The pages of blind checks: the rounds, one lead at a time, and the results."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from config.accounts.roles import holds, roles_required
from config.accounts.vocabulary import Role
from config.downloads import csv_download
from config.web import Request, typed_number
from definitions.models import Version
from leads.vocabulary import READERS_OF_LEADS, Motion
from scoring.blind_checks import results, rounds
from scoring.models import BlindCheck, BlindCheckLead
from sla.blind_check_pages import progress, team_results


@roles_required(*Role)
@require_GET
def blind_check_list(request: Request) -> HttpResponse:
    """List the rounds with how far the person is in each."""
    may_make = holds(request.user, *rounds.MAKERS)
    active = Version.objects.active().exclude(definition__motion=Motion.AQL).select_related("definition").order_by("pk")
    context = {"rounds": progress.list_rounds(request.user), "versions": active if may_make else []}
    return render(request, "sla/blind_checks/blind_checks.html", context)


@roles_required(*rounds.MAKERS)
@require_POST
def blind_check_new(request: Request) -> HttpResponse:
    """Make a round for a version in force."""
    pk = typed_number(request.POST.get("version", ""))
    version = get_object_or_404(Version.objects.select_related("definition"), pk=pk)
    try:
        blind_check = rounds.make_round(version=version, by=request.user, now=timezone.now())
    except rounds.RoundRefused as refusal:
        messages.error(request, str(refusal))
        return redirect("blind_checks")
    messages.success(request, "The round is made; it has the same leads for everybody.")
    return redirect("blind_check", blind_check.pk)


@roles_required(*Role)
@require_GET
def blind_check(request: Request, pk: int) -> HttpResponse:
    """Ask about the next lead that the person has not answered; without one lead on to the result."""
    row = get_object_or_404(BlindCheck.objects.select_related("version__definition"), pk=pk)
    lead = rounds.find_next(row, request.user)
    if lead is None:
        return redirect("blind_check_result", pk)
    # The template gets what people may see, and not the row, which knows the lead and the verdict.
    context = {
        "blind_check": row,
        "position": lead.position,
        "size": row.leads.count(),
        "facts": lead.facts,
        "noun": Motion(row.version.definition.motion).upper(),
    }
    return render(request, "sla/blind_checks/question.html", context)


@roles_required(*Role)
@require_POST
def blind_check_answer(request: Request, pk: int) -> HttpResponse:
    """Record the answer on one lead, and go on to the next."""
    position = typed_number(request.POST.get("position", ""))
    row = get_object_or_404(BlindCheckLead, blind_check=pk, position=-1 if position is None else position)
    typed = request.POST.get("answer", "")
    if typed in ("yes", "no"):
        rounds.answer(row=row, is_qualified=typed == "yes", by=request.user, now=timezone.now())
    else:
        messages.error(request, "The answer must be yes or no.")
    return redirect("blind_check", pk)


@roles_required(*Role)
@require_GET
def blind_check_result(request: Request, pk: int) -> HttpResponse:
    """Show the result of a round; its leads one by one only to who has answered all of them."""
    row = get_object_or_404(BlindCheck.objects.select_related("version__definition", "made_by"), pk=pk)
    now = timezone.now()
    result = results.build_result(row, now=now)
    own = next((person for person in result.people if person.person_id == request.user.pk), None)
    context: dict[str, Any] = {
        "blind_check": row,
        "result": result,
        "teams": team_results.list_teams(result, viewer=request.user),
        "own": own,
        "may_read": holds(request.user, *READERS_OF_LEADS),
        "noun": Motion(row.version.definition.motion).upper(),
    }
    if own is not None:
        leads = list(row.leads.order_by("position"))
        outcomes = results.read_outcomes(row, leads, now=now)
        context["leads"] = [(lead, own.answers[lead.pk], outcomes[lead.pk]) for lead in leads]
    return render(request, "sla/blind_checks/result.html", context)


@roles_required(*Role)
@require_GET
def blind_check_export(request: Request, pk: int) -> HttpResponseBase:
    """Send the result by team as CSV, as the page shows it to the person."""
    row = get_object_or_404(BlindCheck.objects.select_related("version__definition"), pk=pk)
    result = results.build_result(row, now=timezone.now())
    return csv_download("blind-check", team_results.HEADER, team_results.list_rows(result, viewer=request.user))
