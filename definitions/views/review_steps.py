"""The steps on the page of a review: each reads its form and takes one step."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

from config.accounts.models import User
from config.web import Request
from definitions import permissions, reviews
from definitions.models import Review
from definitions.review_forms import (
    AcknowledgeForm,
    BlockForm,
    CloseGapForm,
    EscalateForm,
    GapForm,
    ReviewMeetingForm,
    ReviewStepForm,
    SeatForm,
    TickForm,
    UnblockForm,
    UnseatForm,
)
from definitions.review_record import access, gaps, participants, steps
from definitions.views import reviews as review_views
from definitions.vocabulary import ReviewSeat
from leads.exceptions import Refused


@dataclass(frozen=True, slots=True)
class PageStep:
    """A step of the page: its form, its use-case, what is said when it is taken, and the part of the page to return to."""

    form: type[ReviewStepForm]
    take: Callable[..., object]
    success: str = ""
    anchor: str = ""
    #: Whether it may follow the decision.
    is_after_decision: bool = False


def _seat(*, review: Review, person: User, seat: str, by: User, now: dt.datetime, is_new_leader: bool = False) -> None:
    participants.add_participant(
        review=review, person=person, seat=ReviewSeat(seat), is_new_leader=is_new_leader, by=by, now=now
    )


def _unseat(*, review: Review, participant: Any, by: User, now: dt.datetime) -> None:
    participants.remove_participant(review=review, participant=participant.pk, by=by, now=now)


def _close_gap(*, review: Review, gap: Any, by: User, now: dt.datetime, **closing: Any) -> None:
    gaps.close_gap(review=review, gap=gap.pk, by=by, now=now, **closing)


STEPS: Final[Mapping[str, PageStep]] = {
    "escalate": PageStep(EscalateForm, steps.escalate, "Escalated. The decider is told."),
    "block": PageStep(BlockForm, steps.block, "Blocked on data. It is not decided until somebody unblocks it."),
    "unblock": PageStep(UnblockForm, steps.unblock, "Unblocked."),
    "acknowledge": PageStep(AcknowledgeForm, steps.acknowledge, "Acknowledged."),
    "meeting": PageStep(ReviewMeetingForm, steps.set_meeting, "The meeting is set.", anchor="terms"),
    "tick": PageStep(TickForm, steps.tick, anchor="checklist"),
    "seat": PageStep(SeatForm, _seat, anchor="participants"),
    "unseat": PageStep(UnseatForm, _unseat, anchor="participants"),
    "gap": PageStep(GapForm, gaps.add_gap, anchor="gaps"),
    "close-gap": PageStep(CloseGapForm, _close_gap, anchor="gaps", is_after_decision=True),
}


@login_required
@require_POST
def review_step(request: Request, pk: int, step: str) -> HttpResponse:
    """Take the step that the address names; 404 for whoever may not work on the review, 409 when it was overtaken."""
    row = review_views.find_review(request, pk)
    page_step = STEPS.get(step)
    if page_step is None or not access.may_work(request.user, row):
        raise Http404
    if row.decided_at is not None and not page_step.is_after_decision:
        return review_views.show_overtaken(row, reviews.ReviewDecided(row))
    form = page_step.form(request.POST, review=row)
    if not form.is_valid():
        return review_views.show_review(request, row, {step: form}, status=422)
    return _take(request, row, step, form)


def _take(request: Request, row: Review, step: str, form: ReviewStepForm) -> HttpResponse:
    page_step = STEPS[step]
    try:
        page_step.take(review=row, by=request.user, now=timezone.now(), **form.cleaned_data)
    except reviews.ReviewOvertaken as refusal:
        return review_views.show_overtaken(row, refusal)
    except Refused as refusal:
        form.add_error(refusal.field if refusal.field in form.fields else None, f"This {refusal.rule}")
        return review_views.show_review(request, row, {step: form}, status=422)
    except (reviews.ReviewRefused, permissions.NotAllowed) as refusal:
        messages.error(request, str(refusal))
    else:
        if page_step.success:
            messages.success(request, page_step.success)
    anchor = f"#{page_step.anchor}" if page_step.anchor else ""
    return redirect(reverse("review", args=[row.pk]) + anchor)
