"""The steps of a handoff in somebody's hands: contacts, notes, the meeting, SQL, opportunity, won or lost, corrections."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.forms import Form
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from config.web import Request
from sla import access, attempts, dispositions, intentions, notes, progress
from sla.forms import (
    AmountForm,
    AttemptForm,
    CorrectForm,
    LostForm,
    MeetingForm,
    NoteForm,
    OpportunityForm,
    QualifyForm,
)
from sla.models import Handoff
from sla.views import answers, pages
from sla.vocabulary import AttemptOutcome, Channel, words_of

REFUSALS: Final = (*answers.REFUSALS, notes.NoteRefused, dispositions.AlreadyDecided)

#: What to do with what was typed: the handoff, the form's cleaned data, now.
Step = Callable[[Handoff, dict[str, Any], dt.datetime], object]


@login_required
@require_POST
def log_attempt(request: Request, pk: int) -> HttpResponse:
    def log(row: Handoff, typed: dict[str, Any], now: dt.datetime) -> object:
        channel, outcome = Channel(typed["channel"]), AttemptOutcome(typed["outcome"])
        at = typed["at"] or now
        return attempts.log(
            handoff=row, channel=channel, outcome=outcome, note=typed["note"], at=at, by=request.user, now=now
        )

    form = AttemptForm(request.POST)
    return take(request, pk, {"attempt_form": form}, log, lambda: f"Logged: {_contact(form.cleaned_data)}.")


@login_required
@require_POST
def write_note(request: Request, pk: int) -> HttpResponse:
    def write(row: Handoff, typed: dict[str, Any], now: dt.datetime) -> object:
        return notes.write(handoff=row, text=typed["text"], by=request.user, now=now)

    return take(request, pk, {"note_form": NoteForm(request.POST)}, write, lambda: "Noted.", settles=False)


@login_required
@require_POST
def book_meeting(request: Request, pk: int) -> HttpResponse:
    def book(row: Handoff, typed: dict[str, Any], now: dt.datetime) -> object:
        return progress.book_meeting(handoff=row, at=typed["at"], by=request.user, now=now)

    return take(request, pk, {"meeting_form": MeetingForm(request.POST)}, book, lambda: "Meeting booked with {lead}.")


@login_required
@require_POST
def qualify(request: Request, pk: int) -> HttpResponse:
    def confirm(row: Handoff, typed: dict[str, Any], now: dt.datetime) -> object:
        return progress.qualify(handoff=row, by=request.user, now=now, **typed)

    return take(request, pk, {"qualify_form": QualifyForm(request.POST)}, confirm, lambda: "{lead} is sales qualified.")


@login_required
@require_POST
def open_opportunity(request: Request, pk: int) -> HttpResponse:
    def begin(row: Handoff, typed: dict[str, Decimal], now: dt.datetime) -> object:
        return progress.open_opportunity(handoff=row, amount=typed["amount"], by=request.user, now=now)

    form = OpportunityForm(request.POST)
    return take(request, pk, {"opportunity_form": form}, begin, lambda: "Opportunity opened for {lead}.")


@login_required
@require_POST
def win(request: Request, pk: int) -> HttpResponse:
    def close(row: Handoff, typed: dict[str, Any], now: dt.datetime) -> object:
        return progress.win(handoff=row, amount=typed["amount"], by=request.user, now=now)

    form = AmountForm(request.POST, auto_id="id_won_%s")
    return take(request, pk, {"won_form": form}, close, lambda: "Won: {lead}. Well done.")


@login_required
@require_POST
def lose(request: Request, pk: int) -> HttpResponse:
    def close(row: Handoff, typed: dict[str, Any], now: dt.datetime) -> object:
        return progress.lose(handoff=row, reason=typed["reason"], by=request.user, now=now)

    form = LostForm(request.POST, auto_id="id_lost_%s")
    return take(request, pk, {"lost_form": form}, close, lambda: "Closed as lost: {lead}.")


@login_required
@require_http_methods(["GET", "POST"])
def correct(request: Request, pk: int) -> HttpResponse:
    """Another word in place of the standing one, which stays on record."""
    row = answers.visible(request, pk)
    standing = dispositions.standing(row)
    if request.method == "GET" and standing is None:
        messages.warning(request, "There is no decision to correct yet.")
        return redirect("handoff", row.pk)
    day = dispositions.default_reengagement(handoff=row, now=timezone.now())
    form = CorrectForm(request.POST if request.method == "POST" else None, reengage_on=day, initial=_as_said(standing))
    if request.method == "GET" or not form.is_valid():
        return _correction(request, row, form)
    try:
        dispositions.correct(handoff=row, by=request.user, now=timezone.now(), **form.cleaned_data)
    except access.NotYours as refusal:
        return answers.refused(request, row, refusal, 403)
    except answers.REFUSALS as refusal:
        form.add_error(None, str(refusal))
        return _correction(request, row, form)
    return answers.done_with(request, row, f"Corrected: {row.lead}. The earlier decision stays on record.")


def take(
    request: Request, pk: int, form: dict[str, Form], step: Step, done: Callable[[], str], *, settles: bool = True
) -> HttpResponse:
    """Take the step, or show the page again with the form as typed and what is wrong with it.

    404 for a foreign handoff, 403 for one only to be read, 422 for what cannot be. `settles`: whoever goes on with a
    lead has decided, though the decision could still be taken back.
    """
    row = answers.visible(request, pk)
    ((_, typed),) = form.items()
    if not typed.is_valid():
        return _unsaved(request, row, form)
    try:
        if settles:
            intentions.settle(handoff=row, by=request.user)
        step(row, typed.cleaned_data, timezone.now())
    except access.NotYours as refusal:
        return answers.refused(request, row, refusal, 403)
    except REFUSALS as refusal:
        typed.add_error(None, str(refusal))
        return _unsaved(request, row, form)
    return answers.done_with(request, row, done().replace("{lead}", str(row.lead)))


def _unsaved(request: Request, row: Handoff, form: dict[str, Form]) -> HttpResponse:
    ((_, typed),) = form.items()
    said = " ".join(f"{_label(typed, name)}{error}" for name, found in typed.errors.items() for error in found)
    if answers.in_queue(request):
        return answers.refused(request, row, ValueError(said), 422)
    messages.warning(request, f"Not saved. {said}")
    return pages.handoff_page(request, answers.visible(request, row.pk), status=422, **form)


def _label(form: Form, name: str) -> str:
    return f"{form.fields[name].label or name.capitalize()}: " if name in form.fields else ""


def _contact(typed: dict[str, Any]) -> str:
    channel = Channel(typed["channel"])
    return f"{channel.label}, {words_of(channel, typed['outcome']).lower()}"


def _correction(request: Request, row: Handoff, form: CorrectForm) -> HttpResponse:
    words = list(row.dispositions.select_related("by", "reason", "corrects__reason").order_by("at", "pk"))
    context = {"handoff": row, "form": form, "words": words, "now": timezone.now()}
    return render(request, "sla/handoffs/correct_disposition.html", context, status=422 if form.is_bound else 200)


def _as_said(standing: Any) -> dict[str, Any]:
    if standing is None:
        return {}
    return {
        "kind": standing.kind,
        "reason": standing.reason_id,
        "note": standing.note,
        "missing": standing.missing,
        **({"reengage_on": standing.reengage_on} if standing.reengage_on else {}),
    }
