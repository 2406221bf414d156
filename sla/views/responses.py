"""A step on a handoff and its answer: success or refusal, as a redirect, a page or the queue's fragment."""

from __future__ import annotations

from typing import ClassVar
from urllib.parse import urlsplit

from django.contrib import messages
from django.http import HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django_htmx.http import reswap, retarget

from config import lock_waits
from config.web import Request, show_refused_step
from sla import permissions
from sla.handoff_page import detail
from sla.handoffs import decision_lookup, dispositions, undo_window
from sla.models import Handoff
from sla.views import page_context
from sla.views.step_forms import StepFormView


class HandoffFormView(StepFormView):
    """A step on the handoff of the address, answered by its page or by the queue's fragment."""

    #: Whoever goes on with a lead has decided, so a decision that could still be undone becomes final first.
    ends_undo_window: ClassVar[bool] = False

    @property
    def handoff(self) -> Handoff:
        handoff: Handoff = self.row
        return handoff

    def find_row(self) -> Handoff:
        # With the rep, by whom the right to decide is checked first.
        return get_object_or_404(permissions.visible_to(self.request.user).select_related("rep"), pk=self.kwargs["pk"])

    def begin_step(self) -> None:
        if self.ends_undo_window:
            with lock_waits.limit_lock_waits():
                undo_window.finish_now(handoff=self.handoff, by=self.request.user)

    def show_success(self, sentence: str) -> HttpResponse:
        return show_success(self.request, self.handoff, sentence)

    def show_overtaken(self, refusal: Exception, status: int) -> HttpResponse:
        return show_overtaken(self.request, self.handoff, refusal, status)


def get_visible_handoff(request: Request, pk: int) -> Handoff:
    """Return the handoff with what its page reads, if this person may see it; raises Http404 otherwise."""
    return get_object_or_404(detail.with_related_rows(permissions.visible_to(request.user)).distinct(), pk=pk)


def show_success(request: Request, handoff: Handoff, sentence: str) -> HttpResponse:
    """Show the sentence: in the queue's fragment, or after a redirect to the return path or the handoff's page."""
    messages.success(request, sentence)
    if is_from_queue(request):
        return render_queue_fragment(request)
    return redirect(return_path(request) or reverse("handoff", args=[handoff.pk]))


def show_refusal(request: Request, handoff: Handoff, sentence: str, status: int) -> HttpResponse:
    """Show the sentence with the queue's fragment or the handoff's page as they are now, with this HTTP status."""
    messages.warning(request, sentence)
    if is_from_queue(request):
        return render_queue_fragment(request, status=status)
    return page_context.render_handoff_page(request, get_visible_handoff(request, handoff.pk), status=status)


def show_overtaken(request: Request, handoff: Handoff, refusal: Exception, status: int) -> HttpResponse:
    """Show in a few words why a step came too late, and who decided: of a hundred people at once only one is first.

    In the queue it takes the place of the handoff's row; elsewhere it is a page with a link.
    """
    sentence, link = str(refusal), reverse("handoff", args=[handoff.pk])
    if not isinstance(refusal, dispositions.AlreadyDecided) and (decision := decision_lookup.find_decision(handoff.pk)):
        # Also whoever waited for the lock in vain: who held it has decided by now.
        sentence = f"{sentence} {dispositions.AlreadyDecided(decision, request.user)}"
    if not is_from_queue(request):
        return show_refused_step(sentence, link=link, status=status)
    row = f"handoff-{handoff.pk}"
    context = {"sentence": sentence, "link": link, "label": "Open it", "row": row}
    response = HttpResponse(render_to_string("sla/queue/_overtaken_row.html", context), status=status)
    return reswap(retarget(response, f"#{row}"), "outerHTML")


def render_queue_fragment(request: Request, status: int = 200) -> HttpResponse:
    """Render the queue as it is now, and out of band the other parts of the page that change with it."""
    here = return_path(request) or reverse("queue")
    context = page_context.build_queue_context(request, QueryDict(urlsplit(here).query), here)
    return render(request, "sla/queue/_after_decision.html", context, status=status)


def retarget_to_reject_slot(response: HttpResponse, handoff: Handoff) -> HttpResponse:
    """Make htmx put a form into its slot in the handoff's row, whatever target the request named."""
    return reswap(retarget(response, f"#reject-{handoff.pk}"), "innerHTML")


def is_from_queue(request: Request) -> bool:
    return bool(request.htmx) and request.htmx.target in {"queue", None}


def return_path(request: Request) -> str:
    """Return the path on this site that the form asked to return to, or an empty string.

    It begins with a slash: `redirect` would take any other text for the name of a route.
    """
    path = request.POST.get("next", "")
    return path if path.startswith("/") and url_has_allowed_host_and_scheme(path, allowed_hosts=None) else ""
