"""The page of a handoff and what can be done on it."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.forms import Form
from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST
from django_htmx.http import reswap, retarget

from config.web import Request
from sla import access, attempts, dispositions, handoffs, progress
from sla.forms import AmountForm, AssignForm, AttemptForm, LostForm, MeetingForm, QualifyForm, RejectForm
from sla.models import Handoff
from sla.views import answers, pages
from sla.vocabulary import AttemptOutcome, Channel


@login_required
@require_GET
def handoff(request: Request, pk: int) -> HttpResponse:
    return pages.handoff_page(request, answers.visible(request, pk))


@login_required
@require_POST
def accept(request: Request, pk: int) -> HttpResponse:
    return answers.act(
        request,
        pk,
        lambda row, now: dispositions.accept(handoff=row, by=request.user, now=now),
        "Accepted {lead}: it is yours.",
    )


@login_required
@require_http_methods(["GET", "POST"])
def reject(request: Request, pk: int) -> HttpResponse:
    """The list of reasons, and the rejection itself."""
    row = answers.visible(request, pk)
    day = dispositions.default_reengagement(handoff=row, now=timezone.now())
    form = RejectForm(request.POST if request.method == "POST" else None, reengage_on=day)
    if request.method == "GET" or not form.is_valid():
        return reject_form(request, row, form)
    try:
        dispositions.reject(handoff=row, by=request.user, now=timezone.now(), **form.cleaned_data)
    except dispositions.DispositionRefused as refusal:
        form.add_error(None, str(refusal))
        return reject_form(request, row, form)
    except access.NotYours as refusal:
        return answers.refused(request, row, refusal, 403)
    except dispositions.AlreadyDecided as refusal:
        return answers.refused(request, row, refusal, 409)
    return answers.done_with(request, row, f"Rejected {row.lead}: {form.cleaned_data['reason']}.")


def reject_form(request: Request, row: Handoff, form: RejectForm) -> HttpResponse:
    """In the row it was opened from, or as a page of its own."""
    context = {"handoff": row, "form": form, "here": request.POST.get("next") or request.GET.get("next", "")}
    status = 422 if form.is_bound else 200
    if not request.htmx:
        return render(request, "sla/reject.html", context, status=status)
    response = render(request, "sla/_reject_form.html", context, status=status)
    return reswap(retarget(response, f"#reject-{row.pk}"), "innerHTML")


@login_required
@require_POST
def log_attempt(request: Request, pk: int) -> HttpResponse:
    form = AttemptForm(request.POST)
    if not form.is_valid():
        return invalid(request, pk, form)
    typed = form.cleaned_data
    channel, outcome = Channel(typed["channel"]), AttemptOutcome(typed["outcome"])
    return answers.act(
        request,
        pk,
        lambda row, now: attempts.log(
            handoff=row,
            channel=channel,
            outcome=outcome,
            note=typed["note"],
            at=typed["at"] or now,
            by=request.user,
            now=now,
        ),
        f"Logged: {channel.label.lower()}, {outcome.label.lower()}.",
    )


@login_required
@require_POST
def book_meeting(request: Request, pk: int) -> HttpResponse:
    form = MeetingForm(request.POST)
    if not form.is_valid():
        return invalid(request, pk, form)
    return answers.act(
        request,
        pk,
        lambda row, now: progress.book_meeting(handoff=row, at=form.cleaned_data["at"], by=request.user, now=now),
        "Meeting booked with {lead}.",
    )


@login_required
@require_POST
def qualify(request: Request, pk: int) -> HttpResponse:
    form = QualifyForm(request.POST)
    if not form.is_valid():
        return invalid(request, pk, form)
    return answers.act(
        request,
        pk,
        lambda row, now: progress.qualify(handoff=row, by=request.user, now=now, **form.cleaned_data),
        "{lead} is sales qualified.",
    )


@login_required
@require_POST
def open_opportunity(request: Request, pk: int) -> HttpResponse:
    form = AmountForm(request.POST)
    if not form.is_valid():
        return invalid(request, pk, form)
    return answers.act(
        request,
        pk,
        lambda row, now: progress.open_opportunity(
            handoff=row, amount=form.cleaned_data["amount"], by=request.user, now=now
        ),
        "Opportunity opened for {lead}.",
    )


@login_required
@require_POST
def win(request: Request, pk: int) -> HttpResponse:
    form = AmountForm(request.POST)
    if not form.is_valid():
        return invalid(request, pk, form)
    return answers.act(
        request,
        pk,
        lambda row, now: progress.win(handoff=row, amount=form.cleaned_data["amount"], by=request.user, now=now),
        "Won: {lead}. Well done.",
    )


@login_required
@require_POST
def lose(request: Request, pk: int) -> HttpResponse:
    form = LostForm(request.POST)
    if not form.is_valid():
        return invalid(request, pk, form)
    return answers.act(
        request,
        pk,
        lambda row, now: progress.lose(handoff=row, reason=form.cleaned_data["reason"], by=request.user, now=now),
        "Closed as lost: {lead}.",
    )


@login_required
@require_POST
def assign(request: Request, pk: int) -> HttpResponse:
    form = AssignForm(request.POST)
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
