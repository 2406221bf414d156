"""The base of views that take one step on one handoff, each with a form."""

from __future__ import annotations

import datetime as dt
from typing import Any, ClassVar

from django.contrib.auth.mixins import LoginRequiredMixin
from django.forms import Form
from django.http import HttpResponse
from django.utils import timezone
from django.utils.functional import cached_property
from django.views.generic.edit import FormView

from config.web import Request
from sla import permissions
from sla.handoffs import undo_window
from sla.models import Handoff
from sla.views import responses

Refusals = tuple[type[Exception], ...]


class HandoffFormView(LoginRequiredMixin, FormView):  # type: ignore[type-arg]  # generic in the stubs only
    """A step on the handoff of the address, taken when its form is valid.

    Answers 404 for a handoff that the person may not see, 403 for one that they may only read, 409 for a refusal in
    `conflicts`; a refusal in `form_refusals` becomes an error of the form. Subclasses say in `form_invalid` how the
    form is shown again.
    """

    request: Request
    #: Refusals because the handoff has moved on: the page is shown as it is now.
    conflicts: ClassVar[Refusals] = ()
    #: Refusals of the input, which can be corrected: the form is shown again.
    form_refusals: ClassVar[Refusals] = ()
    #: Whoever goes on with a lead has decided, so a decision that could still be undone becomes final first.
    ends_undo_window: ClassVar[bool] = False

    @cached_property
    def handoff(self) -> Handoff:
        return responses.get_visible_handoff(self.request, self.kwargs["pk"])

    def take_step(self, typed: dict[str, Any], now: dt.datetime) -> str:
        """Call the use-case with the cleaned data of the form; returns the sentence that reports the success."""
        raise NotImplementedError

    def form_valid(self, form: Form) -> HttpResponse:
        try:
            if self.ends_undo_window:
                undo_window.finish_now(handoff=self.handoff, by=self.request.user)
            sentence = self.take_step(form.cleaned_data, timezone.now())
        except permissions.NotYours as refusal:
            return responses.show_refusal(self.request, self.handoff, str(refusal), 403)
        except self.conflicts as refusal:
            return responses.show_refusal(self.request, self.handoff, str(refusal), 409)
        except self.form_refusals as refusal:
            form.add_error(None, str(refusal))
            return self.form_invalid(form)
        return responses.show_success(self.request, self.handoff, sentence)
