"""The steps of a version: each page says what the step brings about, then takes it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.forms import Form
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods
from django.views.generic.edit import FormView

from config import lock_waits
from config.accounts.roles import holds
from config.web import Request, show_refused_step
from definitions import evidence_links, permissions, proposals, versions
from definitions.forms import ActivateForm, CopyForm, ProposeForm, RevertForm, SignForm
from definitions.models import Review, Version
from definitions.presenters import draft_reasons, published_page, signing_sheet, step_buttons
from definitions.proposals import ProposalGrounds
from definitions.vocabulary import ChangeDriver, Decision, PrecisionBasis, Side, VersionState
from leads.vocabulary import READERS_OF_LEADS

#: The states of a version for which a step comes too early, and not too late.
_STATES_BEFORE: Final[Mapping[str, frozenset[VersionState]]] = {
    "copy": frozenset(),
    "propose": frozenset(),
    "sign": frozenset({VersionState.DRAFT}),
    "activate": frozenset({VersionState.DRAFT, VersionState.PROPOSED}),
    "revert": frozenset(VersionState) - {VersionState.RETIRED},
}
#: The reason for accepting a warning is posted under this prefix and the finding's key.
ACCEPT: Final = "accept-"


@login_required
@require_http_methods(["GET", "POST"])
def version_step(request: Request, pk: int, step: str) -> HttpResponseBase:
    """Pass the request to the view of the step that the address names; raises Http404 for an unknown step."""
    view = STEP_VIEWS.get(step)
    if view is None:
        raise Http404
    return view.as_view()(request, pk=pk)


class VersionStepView(FormView):  # type: ignore[type-arg]  # generic in the stubs only
    """A step of a version, taken when its form is valid.

    Answers 404 for an unknown version and for a person without the step's role, 422 for invalid input, and 409 with
    the reasons when the step is refused; in a few words when somebody else has taken it.
    """

    request: Request
    version: Version
    #: The key of step_buttons.STEPS; the template has the same name.
    step: ClassVar[str]
    #: Whether the step makes a new draft, which opens in the editor for a person who may edit.
    makes_draft: ClassVar[bool] = False

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        self.version = get_object_or_404(Version.objects.select_related("definition"), pk=kwargs["pk"])
        if not holds(request.user, *step_buttons.STEPS[self.step].roles):
            raise Http404
        return super().dispatch(request, *args, **kwargs)

    def get_template_names(self) -> list[str]:
        return [f"definitions/steps/{self.step}.html"]

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        step = step_buttons.STEPS[self.step]
        context = {
            "version": self.version,
            "step": step,
            "refusals": (),
            "is_offered": self.version.state in step.states,
            "now": timezone.now(),
            "may_read": holds(self.request.user, *READERS_OF_LEADS),
            "may_edit": self.request.user.is_staff,
        }
        return super().get_context_data(**context | kwargs)

    def take_step(self, typed: dict[str, Any]) -> Version:
        """Call the use-case with the cleaned data of the form; returns the version to show next."""
        raise NotImplementedError

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        # Before the page's statement, sheet or comparison is read: of a hundred people at once only one is first.
        if self.is_overtaken():
            return self.show_overtaken(versions.describe_standing(self.version))
        return super().post(request, *args, **kwargs)

    def is_overtaken(self) -> bool:
        """Return whether the version as it was read has left the states that allow the step, and does not come to them yet."""
        states = step_buttons.STEPS[self.step].states
        return self.version.state not in states and self.version.state not in _STATES_BEFORE[self.step]

    def show_overtaken(self, sentences: Sequence[str]) -> HttpResponse:
        link = reverse("definition_version", args=[self.version.definition.slug, self.version.number])
        return show_refused_step(" ".join(sentences), link=link)

    def form_valid(self, form: Form) -> HttpResponse:
        try:
            version = self.take_step(form.cleaned_data)
        except lock_waits.RowContended:
            self.version.refresh_from_db()
            if not self.is_overtaken():
                raise
            # Whoever held the lock for so long has taken the step by now.
            return self.show_overtaken(versions.describe_standing(self.version))
        except (versions.VersionStepRefused, permissions.NotAllowed) as refusal:
            self.version.refresh_from_db()
            sentences = getattr(refusal, "sentences", (str(refusal),))
            if self.is_overtaken():
                return self.show_overtaken(sentences)
            return self.render_to_response(self.get_context_data(form=form, refusals=sentences), status=409)
        messages.success(self.request, self.describe_success(version))
        if self.makes_draft and version.is_draft and self.request.user.is_staff:
            return redirect("admin:definitions_version_change", version.pk)
        return redirect("definition_version", version.definition.slug, version.number)

    def describe_success(self, version: Version) -> str:
        """Return what has happened, as a sentence; `version` is the one that the step returned."""
        state = "a draft" if version.is_draft else version.get_state_display().lower()
        return f"{version} is {state} now."

    def form_invalid(self, form: Form) -> HttpResponse:
        # The choices of the form go when somebody else takes the step.
        self.version.refresh_from_db()
        if self.is_overtaken():
            return self.show_overtaken(versions.describe_standing(self.version))
        return self.render_to_response(self.get_context_data(form=form), status=422)


class CopyView(VersionStepView):
    step = "copy"
    form_class = CopyForm
    makes_draft = True

    def get_initial(self) -> dict[str, Any]:
        """Fill in the reason of the page that asks for the draft, such as that of a review."""
        reason = draft_reasons.read_reason(self.request.GET, self.version.definition)
        return {"reason": reason} if reason else {}

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(statement=published_page.read_statement(self.version), **kwargs)

    def take_step(self, typed: dict[str, Any]) -> Version:
        return versions.copy_version(
            version=self.version,
            major=typed["number"] == "major",
            reason=typed["reason"],
            by=self.request.user,
            now=timezone.now(),
        )


class ProposeView(VersionStepView):
    step = "propose"
    form_class = ProposeForm

    def get_initial(self) -> dict[str, Any]:
        """Choose the review whose decision names this version."""
        return {"review": Review.objects.filter(led_to=self.version).order_by("-decided_at", "-pk").first()}

    def get_form_kwargs(self) -> dict[str, Any]:
        is_first = proposals.find_other_version_in_force(self.version) is None
        return super().get_form_kwargs() | {"definition": self.version.definition, "is_first": is_first}

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context = super().get_context_data(statement=published_page.read_statement(self.version), **kwargs)
        grounds = self.read_grounds(getattr(context["form"], "cleaned_data", {}))
        context["prepared"] = signing_sheet.build_proposal_page(self.version, grounds, now=timezone.now())
        return context

    def take_step(self, typed: dict[str, Any]) -> Version:
        grounds = self.read_grounds(typed)
        return versions.propose(
            version=self.version,
            driver=ChangeDriver(typed["driver"]),
            evidence=grounds.evidence,
            review=grounds.review,
            links=[*typed["links"], typed["report"]],
            precision_basis=grounds.precision_basis,
            acknowledged=grounds.acknowledged,
            by=self.request.user,
            now=timezone.now(),
        )

    def read_grounds(self, typed: Mapping[str, Any]) -> ProposalGrounds:
        """Return the grounds typed so far, complete or not; `typed` lacks the fields that are missing or invalid."""
        posted = self.request.POST.items()
        links, complaints = evidence_links.read_links(
            [*typed.get("links", ()), typed.get("report", "")], definition=self.version.definition
        )
        return ProposalGrounds(
            driver=ChangeDriver(typed["driver"]) if typed.get("driver") else None,
            evidence=typed.get("evidence", ""),
            review=typed.get("review"),
            links=links,
            link_complaints=complaints,
            precision_basis=PrecisionBasis(typed.get("precision_basis") or PrecisionBasis.WON),
            acknowledged={name.removeprefix(ACCEPT): str(text) for name, text in posted if name.startswith(ACCEPT)},
        )


class SignView(VersionStepView):
    step = "sign"
    form_class = SignForm

    def is_overtaken(self) -> bool:
        return super().is_overtaken() or not step_buttons.list_unsigned_sides(self.version, self.request.user)

    def get_form_kwargs(self) -> dict[str, Any]:
        return super().get_form_kwargs() | {"sides": step_buttons.list_unsigned_sides(self.version, self.request.user)}

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(sheet=signing_sheet.build_signing_sheet(self.version), **kwargs)

    def take_step(self, typed: dict[str, Any]) -> Version:
        return versions.sign(
            version=self.version,
            side=Side(typed["side"]),
            decision=Decision(typed["decision"]),
            comment=typed["comment"],
            by=self.request.user,
            now=timezone.now(),
        ).version

    def describe_success(self, version: Version) -> str:
        """Say what the signature or comment did: of two leaders the first one changes no state."""
        if version.state == VersionState.APPROVED:
            return f"Kept with your name. {version} is approved: both leaders have signed, and marketing ops may activate it."
        if version.state != VersionState.PROPOSED:
            return super().describe_success(version)
        waiting = " and ".join(side.label.lower() for side in step_buttons.list_missing_signatures(version))
        return f"Kept with your name. {version} still waits for the signature of {waiting}."


class ActivateView(VersionStepView):
    step = "activate"
    form_class = ActivateForm

    def get_form_kwargs(self) -> dict[str, Any]:
        return super().get_form_kwargs() | {"judges_companies": self.version.account is not None}

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        signatures = self.version.sign_offs.select_related("by").order_by("pk")
        return super().get_context_data(signatures=signatures, **_compare_with_active(self.version), **kwargs)

    def take_step(self, typed: dict[str, Any]) -> Version:
        return versions.activate(
            version=self.version,
            hand_over_entrants=typed["entrants"] == "yes",
            by=self.request.user,
            now=timezone.now(),
        )


class RevertView(VersionStepView):
    step = "revert"
    form_class = RevertForm
    makes_draft = True

    def get_initial(self) -> dict[str, Any]:
        return {"reason": signing_sheet.write_reason_to_revert(self.version)}

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        statement = published_page.read_statement(self.version)
        return super().get_context_data(statement=statement, **_compare_with_active(self.version), **kwargs)

    def take_step(self, typed: dict[str, Any]) -> Version:
        return versions.revert(
            definition=self.version.definition,
            to=self.version,
            reason=typed["reason"],
            by=self.request.user,
            now=timezone.now(),
        )


def _compare_with_active(version: Version) -> dict[str, Any]:
    """Return the version in force beside this one, and what this one changes in it."""
    active = proposals.find_other_version_in_force(version)
    return {"before": active, "changes": signing_sheet.compare_versions(active, version) if active else ()}


STEP_VIEWS: Final[Mapping[str, type[VersionStepView]]] = {
    view.step: view for view in (CopyView, ProposeView, SignView, ActivateView, RevertView)
}
