"""The steps of a version: each page says what the step brings about, then takes it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from config.web import Request, holds
from definitions import permissions, proposals, versions
from definitions.forms import SignForm
from definitions.models import Version
from definitions.presenters import published_page, signing_sheet, step_buttons
from definitions.presenters.step_buttons import OfferedStep
from definitions.proposals import ProposalGrounds
from definitions.version_step_forms import ActivateForm, CopyForm, ProposeForm, RevertForm
from definitions.vocabulary import ChangeDriver, Decision, Side
from leads.vocabulary import READERS_OF_LEADS

#: What the reason of a warning is posted under, before the finding's key.
ACCEPT: Final = "accept-"


@login_required
@require_http_methods(["GET", "POST"])
def version_step(request: Request, pk: int, step: str) -> HttpResponse:
    version = get_object_or_404(Version.objects.select_related("definition"), pk=pk)
    offer, page = step_buttons.STEPS.get(step), _PAGES.get(step)
    if offer is None or page is None or not holds(request.user, *offer.roles):
        raise Http404
    form = page.form(request, version)
    if request.method != "POST":
        return _show(request, version, offer, form)
    if not form.is_valid():
        return _show(request, version, offer, form, status=422)
    try:
        after = page.take(request, version, form)
    except (versions.VersionStepRefused, permissions.NotAllowed) as refusal:
        version.refresh_from_db()
        sentences = getattr(refusal, "sentences", (str(refusal),))
        return _show(request, version, offer, form, refusals=sentences, status=409)
    return _go_on(request, after, step)


def _show(
    request: Request,
    version: Version,
    step: OfferedStep,
    form: forms.Form,
    *,
    refusals: tuple[str, ...] = (),
    status: int = 200,
) -> HttpResponse:
    context = {
        "version": version,
        "step": step,
        "form": form,
        "refusals": refusals,
        "is_offered": version.state in step.states,
        "now": timezone.now(),
        "may_read": holds(request.user, *READERS_OF_LEADS),
        "may_edit": request.user.is_staff,
        **_PAGES[step.name].context(request, version, form),
    }
    return render(request, f"definitions/steps/{step.name}.html", context, status=status)


def _go_on(request: Request, after: Version, step: str) -> HttpResponse:
    messages.success(request, f"{after} is {after.get_state_display().lower()} now.")
    if after.is_draft and request.user.is_staff and step in ("copy", "revert"):
        return redirect("admin:definitions_version_change", after.pk)
    return redirect("definition_version", after.definition.slug, after.number)


@dataclass(frozen=True, slots=True)
class _Page:
    form: Callable[[Request, Version], forms.Form]
    context: Callable[[Request, Version, forms.Form], Mapping[str, Any]]
    take: Callable[[Request, Version, forms.Form], Version]


def _posted(request: Request) -> Any:
    return request.POST if request.method == "POST" else None


# Propose


def _propose_form(request: Request, version: Version) -> forms.Form:
    in_force = proposals.find_other_version_in_force(version)
    return ProposeForm(_posted(request), definition=version.definition, is_first=in_force is None)


def _propose_page(request: Request, version: Version, form: forms.Form) -> Mapping[str, Any]:
    grounds = _grounds(request, form)
    return {
        "prepared": signing_sheet.build_proposal_page(version, grounds, now=timezone.now()),
        "statement": published_page.read_statement(version),
    }


def _propose(request: Request, version: Version, form: forms.Form) -> Version:
    grounds = _grounds(request, form)
    return versions.propose(
        version=version,
        driver=ChangeDriver(form.cleaned_data["driver"]),
        evidence=grounds.evidence,
        review=grounds.review,
        acknowledged=grounds.acknowledged,
        by=request.user,
        now=timezone.now(),
    )


def _grounds(request: Request, form: forms.Form) -> ProposalGrounds:
    """What was said so far, whether or not it is enough."""
    said = getattr(form, "cleaned_data", {})
    reasons = {name.removeprefix(ACCEPT): text for name, text in request.POST.items() if name.startswith(ACCEPT)}
    return ProposalGrounds(
        driver=ChangeDriver(said["driver"]) if said.get("driver") else None,
        evidence=said.get("evidence", ""),
        review=said.get("review"),
        acknowledged={key: str(text) for key, text in reasons.items()},
    )


# Sign


def _sign_form(request: Request, version: Version) -> forms.Form:
    return SignForm(_posted(request), sides=step_buttons.list_unsigned_sides(version, request.user))


def _sign_page(request: Request, version: Version, form: forms.Form) -> Mapping[str, Any]:  # noqa: ARG001
    return {"sheet": signing_sheet.build_signing_sheet(version)}


def _sign(request: Request, version: Version, form: forms.Form) -> Version:
    said = form.cleaned_data
    return versions.sign(
        version=version,
        side=Side(said["side"]),
        decision=Decision(said["decision"]),
        comment=said["comment"],
        by=request.user,
        now=timezone.now(),
    ).version


# Activate


def _activate_form(request: Request, version: Version) -> forms.Form:  # noqa: ARG001
    return ActivateForm(_posted(request))


def _activate_page(request: Request, version: Version, form: forms.Form) -> Mapping[str, Any]:  # noqa: ARG001
    before = proposals.find_other_version_in_force(version)
    return {
        "before": before,
        "changes": signing_sheet.compare_versions(before, version) if before else (),
        "signatures": version.sign_offs.select_related("by").order_by("pk"),
    }


def _activate(request: Request, version: Version, form: forms.Form) -> Version:
    hands_over = form.cleaned_data["entrants"] == "yes"
    return versions.activate(version=version, hand_over_entrants=hands_over, by=request.user, now=timezone.now())


# Copy and revert


def _copy_form(request: Request, version: Version) -> forms.Form:  # noqa: ARG001
    return CopyForm(_posted(request))


def _copy_page(request: Request, version: Version, form: forms.Form) -> Mapping[str, Any]:  # noqa: ARG001
    return {"statement": published_page.read_statement(version)}


def _copy(request: Request, version: Version, form: forms.Form) -> Version:
    said = form.cleaned_data
    return versions.copy_version(
        version=version,
        major=said["number"] == "major",
        reason=said["reason"],
        by=request.user,
        now=timezone.now(),
    )


def _revert_form(request: Request, version: Version) -> forms.Form:
    return RevertForm(_posted(request), initial={"reason": signing_sheet.write_reason_to_revert(version)})


def _revert_page(request: Request, version: Version, form: forms.Form) -> Mapping[str, Any]:  # noqa: ARG001
    before = proposals.find_other_version_in_force(version)
    return {
        "before": before,
        "changes": signing_sheet.compare_versions(before, version) if before else (),
        "statement": published_page.read_statement(version),
    }


def _revert(request: Request, version: Version, form: forms.Form) -> Version:
    reason = form.cleaned_data["reason"]
    return versions.revert(
        definition=version.definition, to=version, reason=reason, by=request.user, now=timezone.now()
    )


_PAGES: Final = {
    "copy": _Page(_copy_form, _copy_page, _copy),
    "propose": _Page(_propose_form, _propose_page, _propose),
    "sign": _Page(_sign_form, _sign_page, _sign),
    "activate": _Page(_activate_form, _activate_page, _activate),
    "revert": _Page(_revert_form, _revert_page, _revert),
}
