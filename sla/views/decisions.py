"""Accept and reject, each of which can be undone for some seconds, on one handoff or on several at once."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.contrib import messages
from django.forms import Form
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

from config.accounts.roles import roles_required
from config.accounts.vocabulary import Role
from config.web import Request
from sla import handoff_states, permissions
from sla.forms.handoffs import DecideSeveralForm, RejectForm
from sla.handoffs import disposition_content, dispositions, undo_window
from sla.views import responses
from sla.views.handoff_steps import REFUSALS
from sla.views.responses import HandoffFormView
from sla.vocabulary import DispositionKind


class DecisionView(HandoffFormView):
    """A decision of one button, without fields; a refusal is shown on the page as it is now, 409 or 422."""

    http_method_names = ["post"]
    form_class = Form
    conflicts = (dispositions.AlreadyDecided, handoff_states.HandoffStepRefused, undo_window.NothingToUndo)
    form_refusals = REFUSALS

    def form_invalid(self, form: Form) -> HttpResponse:
        return responses.show_refusal(self.request, self.handoff, " ".join(map(str, form.non_field_errors())), 422)


class AcceptView(DecisionView):
    def refuse_early(self) -> None:
        dispositions.refuse_decided(self.handoff, self.request.user)

    def take_step(self, typed: dict[str, Any], now: dt.datetime) -> str:
        undo_window.decide(handoff=self.handoff, kind=DispositionKind.ACCEPT, by=self.request.user, now=now, **typed)
        return f"Accepted {self.handoff.lead}: it is yours."


class UndoView(DecisionView):
    def refuse_early(self) -> None:
        undo_window.refuse_final(self.handoff, by=self.request.user)

    def take_step(self, typed: dict[str, Any], now: dt.datetime) -> str:
        decision = undo_window.get_pending_decision(self.handoff, by=self.request.user)
        undo_window.undo(pending_decision=decision, by=self.request.user, now=now, **typed)
        return f"Taken back: {self.handoff.lead} waits for a decision again."


class RejectView(HandoffFormView):
    """The list of reasons, in the row that it was opened from or as a page of its own, and the rejection itself."""

    http_method_names = ["get", "post"]
    form_class = RejectForm
    template_name = "sla/handoffs/reject.html"
    conflicts = (dispositions.AlreadyDecided, handoff_states.HandoffStepRefused)
    form_refusals = (disposition_content.DispositionRefused,)

    def refuse_early(self) -> None:
        dispositions.refuse_decided(self.handoff, self.request.user)

    def get_form_kwargs(self) -> dict[str, Any]:
        day = disposition_content.default_reengagement_date(commitment=self.handoff.commitment, now=timezone.now())
        return super().get_form_kwargs() | {"reengage_on": day}

    def get_template_names(self) -> list[str]:
        return ["sla/handoffs/_reject_form.html"] if self.request.htmx else super().get_template_names()

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        here = self.request.POST.get("next") or self.request.GET.get("next", "")
        return super().get_context_data(handoff=self.handoff, here=here, **kwargs)

    def render_to_response(self, context: dict[str, Any], **response_kwargs: Any) -> HttpResponse:
        response = super().render_to_response(context, **response_kwargs)
        return responses.retarget_to_reject_slot(response, self.handoff) if self.request.htmx else response

    def take_step(self, typed: dict[str, Any], now: dt.datetime) -> str:
        decision = undo_window.decide(
            handoff=self.handoff, kind=DispositionKind.REJECT, by=self.request.user, now=now, **typed
        )
        day = decision.reengage_on
        back = f" Back on {day.day} {day:%B %Y}." if day else ""
        return f"Rejected {self.handoff.lead}: {decision.reason}.{back}"

    def form_invalid(self, form: Form) -> HttpResponse:
        return self.render_to_response(self.get_context_data(form=form), status=422)


@roles_required(Role.SDR, Role.SALES_MANAGER)
@require_POST
def decide_several(request: Request) -> HttpResponse:
    """Take the same decision on several of one's own handoffs; a rejection is shown with its reason before it is taken.

    Handoffs that somebody else has decided or owns by now are left out and named; the others are decided.
    """
    form = DecideSeveralForm(request.POST)
    here = responses.return_path(request) or reverse("queue")
    if not form.is_valid():
        messages.warning(request, " ".join(str(error) for errors in form.errors.values() for error in errors))
        return redirect(here)
    typed = form.cleaned_data
    visible = permissions.visible_to(request.user).filter(pk__in=typed["handoffs"]).distinct().order_by("pk")
    handoffs = list(visible.select_related("lead__company", "rep__user"))
    own = [handoff for handoff in handoffs if handoff.rep is not None and handoff.rep.user_id == request.user.pk]
    if own and typed["kind"] == DispositionKind.REJECT and not typed["confirmed"]:
        return render(request, "sla/queue/bulk_reject.html", {"form": form, "here": here, **typed, "handoffs": own})
    results = undo_window.decide_several(
        handoffs=own, kind=typed["kind"], by=request.user, now=timezone.now(), reason=typed["reason"]
    )
    results += [
        undo_window.DecisionResult(handoff, f"{handoff.rep or 'nobody'} has it now.")
        for handoff in handoffs
        if handoff not in own
    ]
    unknown = len(set(typed["handoffs"])) - len(handoffs)
    _report_results(request, DispositionKind(typed["kind"]), results, unknown)
    return redirect(here)


def _report_results(
    request: Request, kind: DispositionKind, results: list[undo_window.DecisionResult], unknown: int
) -> None:
    """Show how many handoffs were decided, and why the others were not; `unknown` are no longer visible."""
    decided = sum(not result.refusal for result in results)
    if decided:
        messages.success(request, f"{kind.label}: {decided} lead{'' if decided == 1 else 's'}.")
    for result in results:
        if result.refusal:
            messages.warning(request, f"{result.handoff.lead}: {result.refusal}")
    if unknown:
        messages.warning(
            request, f"{unknown} of the leads you selected {'is' if unknown == 1 else 'are'} not yours any more."
        )
