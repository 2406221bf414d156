"""The page of a handoff, and giving it to somebody else."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.forms import Form
from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from config.web import Request
from sla import handoffs, notices
from sla.forms import AssignForm
from sla.views import answers, pages


@login_required
@require_GET
def handoff(request: Request, pk: int) -> HttpResponse:
    """The page, or for a filter of its history the list alone."""
    row = answers.visible(request, pk)
    if request.htmx and request.htmx.target == "history":
        return render(request, "sla/_history.html", pages.history_context(request, row))
    notices.seen(handoff=row, user=request.user, now=timezone.now())
    return pages.handoff_page(request, row)


@login_required
@require_POST
def assign(request: Request, pk: int) -> HttpResponse:
    form = AssignForm(request.POST, now=timezone.now())
    if not form.is_valid():
        return invalid(request, pk, form)
    rep, reason = form.cleaned_data["rep"], form.cleaned_data["reason"]
    return answers.act(
        request,
        pk,
        lambda row, now: handoffs.assign(handoff=row, rep=rep, by=request.user, now=now, reason=reason),
        f"Given to {rep}: {{lead}}.",
    )


def invalid(request: Request, pk: int, form: Form) -> HttpResponse:
    """What was typed cannot be read: the page again, saying which field and why."""
    row = answers.visible(request, pk)
    errors = (
        f"{form.fields[name].label or name.capitalize()}: {error}"
        for name, found in form.errors.items()
        for error in found
    )
    return answers.refused(request, row, ValueError(" ".join(errors)), 422)
