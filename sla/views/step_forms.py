"""A step on the handoff or play of the address by a form: who may take it, and what becomes of a refusal."""

from __future__ import annotations

import datetime as dt
from typing import Any, ClassVar, TypeAlias

from django.contrib.auth.mixins import LoginRequiredMixin
from django.forms import BaseForm, Form
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.functional import cached_property
from django.views.generic.edit import FormView

from config import lock_waits
from config.web import Request, show_refused_step
from sla import permissions

Refusals: TypeAlias = tuple[type[Exception], ...]


class StepFormView(LoginRequiredMixin, FormView):  # type: ignore[type-arg]  # generic in the stubs only
    """A step that is taken when its form is valid.

    Answers 404 for a row that the person may not see, and in a few words 403 for one that they may only read and 409 for
    a refusal in `conflicts`; a refusal in `form_refusals` becomes an error of the form. Subclasses say in `form_invalid`
    how the form is shown again.
    """

    request: Request
    #: Refusals because the row has moved on: who was faster is named, with a link to the row as it is now.
    conflicts: ClassVar[Refusals] = ()
    #: Refusals of the input, which can be corrected: the form is shown again.
    form_refusals: ClassVar[Refusals] = ()

    @cached_property
    def row(self) -> Any:
        """Return the handoff or play of the address as this person may see it."""
        return self.find_row()

    def find_row(self) -> Any:
        """Return the row alone: what its page reads joins twenty tables, and a hundred people may be late at once.

        Raises Http404 for a row that this person may not see.
        """
        raise NotImplementedError

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        # Before the form is built: whoever may not see the row gets a 404 and nothing else, and the late read no choices.
        self.row  # noqa: B018  # looked up and kept
        try:
            self.refuse_early()
        except permissions.NotYours as refusal:
            return self.show_overtaken(refusal, 403)
        except self.conflicts as refusal:
            return self.show_overtaken(refusal, 409)
        return super().post(request, *args, **kwargs)

    def refuse_early(self) -> None:
        """Raise NotYours or one of `conflicts` for what can be seen without the lock, so that the late do not wait for it."""

    def begin_step(self) -> None:
        """Do what goes before the step in a transaction of its own, and may refuse it; nothing by default."""

    def take_step(self, typed: dict[str, Any], now: dt.datetime) -> str:
        """Call the use-case with the cleaned data of the form; returns the sentence that reports the success."""
        raise NotImplementedError

    def show_success(self, sentence: str) -> HttpResponse:
        raise NotImplementedError

    def show_overtaken(self, refusal: Exception, status: int) -> HttpResponse:
        """Show in a few words why the step came too late, and who decided."""
        raise NotImplementedError

    def form_valid(self, form: Form) -> HttpResponse:
        overtaken: Refusals = (*self.conflicts, lock_waits.RowContended)
        try:
            self.begin_step()
            with lock_waits.limit_lock_waits():
                sentence = self.take_step(form.cleaned_data, timezone.now())
        except permissions.NotYours as refusal:
            return self.show_overtaken(refusal, 403)
        except overtaken as refusal:
            return self.show_overtaken(refusal, 409)
        except self.form_refusals as refusal:
            form.add_error(None, str(refusal))
            return self.form_invalid(form)
        return self.show_success(sentence)


def write_errors(form: BaseForm) -> str:
    """Return the errors of a form as sentences, each after the label of its field."""
    return " ".join(f"{form[name].label}: {error}" for name, errors in form.errors.items() for error in errors)


def show_errors(form: BaseForm, *, link: str, label: str) -> HttpResponse:
    """Answer a form of which nothing was stored with a page that says why; `link` leads back to `label`."""
    return show_refused_step(f"Nothing was stored. {write_errors(form)}", link=link, label=label, status=422)
