"""The steps of a handoff in work: contact, note, meeting, SQL, opportunity, won or lost, assignment, correction."""

from __future__ import annotations

import datetime as dt
from typing import Any, ClassVar, Final

from django.contrib import messages
from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.functional import cached_property

from sla import handoff_states
from sla.forms.handoffs import (
    AmountForm,
    AssignForm,
    AttemptForm,
    CorrectForm,
    LostForm,
    MeetingForm,
    NoteForm,
    OpportunityForm,
    QualifyForm,
)
from sla.handoffs import attempts, creation, disposition_content, dispositions, notes, sales_stages
from sla.models import Disposition
from sla.views import page_context, responses
from sla.views.responses import HandoffFormView
from sla.vocabulary import AttemptOutcome, Channel, outcome_label

REFUSALS: Final = (
    disposition_content.DispositionRefused,
    attempts.AttemptRefused,
    sales_stages.ProgressRefused,
    creation.AssignmentRefused,
    handoff_states.HandoffStepRefused,
)


class HandoffStepView(HandoffFormView):
    """A step whose form stands on the handoff's page.

    Invalid input is answered with 422 and that page, the form as typed; in the queue with its fragment and the errors.
    """

    http_method_names = ["post"]
    conflicts = (dispositions.AlreadyDecided, handoff_states.HandoffStepRefused, creation.AssignmentOvertaken)
    form_refusals = (*REFUSALS, notes.NoteRefused)
    ends_undo_window = True
    #: The form's name in the context of the handoff's page.
    context_form_name: ClassVar[str]

    def form_invalid(self, form: Form) -> HttpResponse:
        errors = " ".join(
            f"{_field_label(form, name)}{error}" for name, of_field in form.errors.items() for error in of_field
        )
        if responses.is_from_queue(self.request):
            return responses.show_refusal(self.request, self.handoff, errors, 422)
        messages.warning(self.request, f"Not saved. {errors}")
        # Read anew: the refused step may have changed the instance in memory.
        handoff = responses.get_visible_handoff(self.request, self.handoff.pk)
        return page_context.render_handoff_page(self.request, handoff, status=422, **{self.context_form_name: form})


class LogAttemptView(HandoffStepView):
    form_class = AttemptForm
    context_form_name = "attempt_form"

    def take_step(self, typed: dict[str, Any], now: dt.datetime) -> str:
        channel, outcome = Channel(typed["channel"]), AttemptOutcome(typed["outcome"])
        attempts.log_attempt(
            handoff=self.handoff,
            channel=channel,
            outcome=outcome,
            note=typed["note"],
            at=typed["at"] or now,
            by=self.request.user,
            now=now,
        )
        return f"Logged: {channel.label}, {outcome_label(channel, outcome).lower()}."


class WriteNoteView(HandoffStepView):
    """A note decides nothing, so it leaves a decision that can still be undone alone."""

    form_class = NoteForm
    context_form_name = "note_form"
    ends_undo_window = False

    def take_step(self, typed: dict[str, Any], now: dt.datetime) -> str:
        notes.write_note(handoff=self.handoff, text=typed["text"], by=self.request.user, now=now)
        return "Noted."


class BookMeetingView(HandoffStepView):
    form_class = MeetingForm
    context_form_name = "meeting_form"

    def take_step(self, typed: dict[str, Any], now: dt.datetime) -> str:
        sales_stages.book_meeting(handoff=self.handoff, at=typed["at"], by=self.request.user, now=now)
        return f"Meeting booked with {self.handoff.lead}."


class QualifyView(HandoffStepView):
    form_class = QualifyForm
    context_form_name = "qualify_form"

    def take_step(self, typed: dict[str, Any], now: dt.datetime) -> str:
        sales_stages.qualify(handoff=self.handoff, by=self.request.user, now=now, **typed)
        return f"{self.handoff.lead} is sales qualified."


class OpenOpportunityView(HandoffStepView):
    form_class = OpportunityForm
    context_form_name = "opportunity_form"

    def take_step(self, typed: dict[str, Any], now: dt.datetime) -> str:
        sales_stages.open_opportunity(handoff=self.handoff, amount=typed["amount"], by=self.request.user, now=now)
        return f"Opportunity opened for {self.handoff.lead}."


class WinView(HandoffStepView):
    form_class = AmountForm
    context_form_name = "won_form"

    def get_form_kwargs(self) -> dict[str, Any]:
        return super().get_form_kwargs() | {"auto_id": "id_won_%s"}

    def take_step(self, typed: dict[str, Any], now: dt.datetime) -> str:
        sales_stages.win(handoff=self.handoff, amount=typed["amount"], by=self.request.user, now=now)
        return f"Won: {self.handoff.lead}. Well done."


class LoseView(HandoffStepView):
    form_class = LostForm
    context_form_name = "lost_form"

    def get_form_kwargs(self) -> dict[str, Any]:
        return super().get_form_kwargs() | {"auto_id": "id_lost_%s"}

    def take_step(self, typed: dict[str, Any], now: dt.datetime) -> str:
        sales_stages.lose(handoff=self.handoff, reason=typed["reason"], by=self.request.user, now=now)
        return f"Closed as lost: {self.handoff.lead}."


class AssignView(HandoffStepView):
    form_class = AssignForm
    context_form_name = "assign_form"

    def get_form_kwargs(self) -> dict[str, Any]:
        return super().get_form_kwargs() | {"now": timezone.now()}

    def take_step(self, typed: dict[str, Any], now: dt.datetime) -> str:
        creation.assign(handoff=self.handoff, rep=typed["rep"], by=self.request.user, now=now, reason=typed["reason"])
        return f"Given to {typed['rep']}: {self.handoff.lead}."


class CorrectView(HandoffFormView):
    """A correction: a new disposition in place of the standing one, which stays on record."""

    http_method_names = ["get", "post"]
    form_class = CorrectForm
    template_name = "sla/handoffs/correct_disposition.html"
    conflicts = (handoff_states.HandoffStepRefused,)
    form_refusals = REFUSALS

    @cached_property
    def standing(self) -> Disposition | None:
        return dispositions.current_disposition(self.handoff)

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if self.standing is None:
            messages.warning(request, "There is no decision to correct yet.")
            return redirect("handoff", self.handoff.pk)
        return super().get(request, *args, **kwargs)

    def get_initial(self) -> dict[str, Any]:
        return {} if self.standing is None else _read_disposition(self.standing)

    def get_form_kwargs(self) -> dict[str, Any]:
        day = disposition_content.default_reengagement_date(commitment=self.handoff.commitment, now=timezone.now())
        return super().get_form_kwargs() | {"reengage_on": day}

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        history = self.handoff.dispositions.select_related("by", "reason", "sub_reason", "corrects__reason").order_by(
            "at", "pk"
        )
        context = {"handoff": self.handoff, "dispositions": list(history), "now": timezone.now()}
        return super().get_context_data(**context, **kwargs)

    def take_step(self, typed: dict[str, Any], now: dt.datetime) -> str:
        dispositions.correct(handoff=self.handoff, by=self.request.user, now=now, **typed)
        return f"Corrected: {self.handoff.lead}. The earlier decision stays on record."

    def form_invalid(self, form: Form) -> HttpResponse:
        return self.render_to_response(self.get_context_data(form=form), status=422)


def _field_label(form: Form, name: str) -> str:
    return f"{form.fields[name].label or name.capitalize()}: " if name in form.fields else ""


def _read_disposition(standing: Disposition) -> dict[str, Any]:
    """Return the standing disposition as initial values of CorrectForm."""
    return {
        "kind": standing.kind,
        "reason": standing.reason_id,
        "sub_reason": standing.sub_reason_id,
        "note": standing.note,
        "missing": standing.missing,
        **({"reengage_on": standing.reengage_on} if standing.reengage_on else {}),
    }
