"""How an action on a handoff is answered: done, refused or overtaken; to a page or to the queue's fragment."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Final
from urllib.parse import urlsplit

from django.contrib import messages
from django.http import HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django_htmx.http import reswap, retarget

from config.web import Request
from sla import access, attempts, casefile, dispositions, handoffs, intentions, progress, states
from sla.models import Handoff
from sla.views import pages

REFUSALS: Final = (
    dispositions.DispositionRefused,
    attempts.AttemptRefused,
    progress.ProgressRefused,
    handoffs.AssignmentRefused,
    states.StepRefused,
)

Action = Callable[[Handoff, dt.datetime], object]


def visible(request: Request, pk: int) -> Handoff:
    """The handoff, if this person may see it: else 404."""
    return get_object_or_404(casefile.rows(access.visible_to(request.user)).distinct(), pk=pk)


def act(request: Request, pk: int, action: Action, done: str) -> HttpResponse:
    """A further step with a lead: whoever takes it has decided, though the decision could still be taken back."""

    def settled(handoff: Handoff, now: dt.datetime) -> object:
        intentions.settle(handoff=handoff, by=request.user)
        return action(handoff, now)

    return decide(request, pk, settled, done)


def decide(request: Request, pk: int, action: Action, done: str) -> HttpResponse:
    """Do it and answer: 404 for a foreign handoff, 403 for one only to be read, 409 when somebody was faster, 422 when it cannot be."""
    handoff = visible(request, pk)
    try:
        action(handoff, timezone.now())
    except access.NotYours as refusal:
        return refused(request, handoff, refusal, 403)
    except (dispositions.AlreadyDecided, intentions.TooLate) as refusal:
        return refused(request, handoff, refusal, 409)
    except REFUSALS as refusal:
        return refused(request, handoff, refusal, 422)
    return done_with(request, handoff, done.replace("{lead}", str(handoff.lead)))


def done_with(request: Request, handoff: Handoff, done: str) -> HttpResponse:
    messages.success(request, done)
    if in_queue(request):
        return after_disposition(request)
    return redirect(back(request) or reverse("handoff", args=[handoff.pk]))


def refused(request: Request, handoff: Handoff, refusal: Exception, status: int) -> HttpResponse:
    messages.warning(request, str(refusal))
    if in_queue(request):
        return after_disposition(request, status=status)
    return pages.handoff_page(request, visible(request, handoff.pk), status=status)


def after_disposition(request: Request, status: int = 200) -> HttpResponse:
    """The queue as it is now, and out of band what else on the page has changed."""
    here = back(request) or reverse("queue")
    context = pages.queue_context(request, QueryDict(urlsplit(here).query), here)
    return render(request, "sla/queue/_after_decision.html", context, status=status)


def into_slot(response: HttpResponse, handoff: Handoff) -> HttpResponse:
    """A form goes into the place for it in the row, whatever was asked to be replaced."""
    return reswap(retarget(response, f"#reject-{handoff.pk}"), "innerHTML")


def in_queue(request: Request) -> bool:
    return bool(request.htmx) and request.htmx.target in {"queue", None}


def back(request: Request) -> str:
    """The page of ours that the form asked to return to."""
    to = request.POST.get("next", "")
    return to if url_has_allowed_host_and_scheme(to, allowed_hosts=None) else ""
