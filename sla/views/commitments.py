"""The pages of the commitments: the history, a version to sign, and drafts with a preview of due times."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from config import lock_waits
from config.accounts.roles import holds, roles_required
from config.accounts.vocabulary import Role
from config.web import Request, show_refused_step, typed_number
from definitions import motions
from leads.vocabulary import Motion
from sla.business_time import calendars
from sla.business_time.arithmetic import BadCalendar
from sla.commitments import commitments, measurement, preview
from sla.forms.commitments import ArrivalForm, CommitmentForm
from sla.models import Commitment, WorkCalendar
from sla.promise_simulation import outlook_sentences, promise_outlooks
from sla.vocabulary import CommitmentState


@roles_required(*Role)
@require_GET
def commitment_list(request: Request) -> HttpResponse:
    """Show what each side promised about a motion, who signed it and when, and the earlier commitments."""
    motion = motions.read_motion(request.GET)
    rows = list(_with_signers().filter(motion=motion).order_by("-number"))
    in_force = next((row for row in rows if row.state == CommitmentState.ACTIVE), None)
    signed = [row for row in rows if row.activated_at is not None]
    context = {
        "motion": motion,
        "motions": motions.list_motions_in_use(),
        "in_force": in_force,
        "terms": commitments.term_sentences(in_force) if in_force else {},
        "measurements": measurement.describe_measurements(in_force) if in_force else [],
        "drafts": [row for row in rows if row.state == CommitmentState.DRAFT],
        "history": [
            (row, before, commitments.changed_terms(before, row) if before else ())
            for row, before in zip(signed, [*signed[1:], None], strict=False)
        ],
        "may_draft": _may_draft(request),
    }
    return render(request, "sla/commitments/commitments.html", context)


@roles_required(*Role)
@require_GET
def commitment(request: Request, pk: int) -> HttpResponse:
    return _render_page(request, get_object_or_404(_with_signers(), pk=pk))


@roles_required(*commitments.DRAFTERS)
@require_http_methods(["GET", "POST"])
def commitment_new(request: Request) -> HttpResponse:
    return _edit_draft(request, None)


@roles_required(*commitments.DRAFTERS)
@require_http_methods(["GET", "POST"])
def commitment_edit(request: Request, pk: int) -> HttpResponse:
    draft = get_object_or_404(_with_signers(), pk=pk)
    return _edit_draft(request, draft) if draft.state == CommitmentState.DRAFT else redirect("commitment", pk)


@roles_required(*Role)
@require_POST
def commitment_sign(request: Request, pk: int) -> HttpResponse:
    unsigned = get_object_or_404(_with_signers(), pk=pk)
    if not holds(request.user, Role.MARKETING_LEADER, Role.SALES_LEADER):
        raise PermissionDenied
    if not request.POST.get("agreed"):
        return _render_page(request, unsigned, "Tick that you have read them, then sign.", 422)
    try:
        with lock_waits.limit_lock_waits():
            signed = commitments.sign(
                commitment=unsigned, by=request.user, now=timezone.now(), seen_stamp=request.POST.get("read", "")
            )
    except commitments.ActivationRefused as refusal:
        version = get_object_or_404(_with_signers(), pk=pk)
        if not commitments.side_to_sign(version, request.user):
            sentence = f"{refusal} {commitments.describe_signatures(version)}"
            return show_refused_step(sentence, link=reverse("commitment", args=[pk]))
        return _render_page(request, version, str(refusal), 409)
    is_in_force = signed.state == CommitmentState.ACTIVE
    after = "are in force from now on" if is_in_force else "wait for the other side’s signature"
    messages.success(request, f"Signed: {signed} {after}.")
    return redirect("commitment", pk)


@roles_required(*commitments.DRAFTERS)
@require_POST
def commitment_delete(request: Request, pk: int) -> HttpResponse:
    draft = get_object_or_404(_with_signers(), pk=pk)
    try:
        commitments.discard_draft(commitment=draft, by=request.user)
    except commitments.DraftRefused as refusal:
        return _render_page(request, draft, str(refusal), 409)
    messages.success(request, f"The draft of {draft} is deleted.")
    return redirect(f"{reverse('commitments')}?motion={draft.motion}")


def _render_page(request: Request, version: Commitment, refusal: str = "", status: int = 200) -> HttpResponse:
    others = list(_with_signers().filter(motion=version.motion).exclude(pk=version.pk).order_by("-number"))
    against = _choose_comparison(version, others, typed_number(request.GET.get("against", "")))
    calendar, wall = _read_arrival(ArrivalForm(request.GET or None))
    is_simulated = promise_outlooks.is_simulated(version)
    context = {
        "commitment": version,
        "motion": version.motion,
        "is_draft": version.state == CommitmentState.DRAFT,
        "terms": commitments.term_sentences(version),
        "others": others,
        "against": against,
        "changes": commitments.changed_terms(against, version) if against else (),
        "side": commitments.side_to_sign(version, request.user),
        "completes": bool(version.signed_by_marketing or version.signed_by_sales),
        "read": commitments.stamp(version),
        "refusal": refusal,
        "may_draft": _may_draft(request),
        "preview": _build_preview(version, calendar, wall),
        "is_simulated": is_simulated,
        "outlook": outlook_sentences.show_outlook(promise_outlooks.draft_of_commitment(version))
        if is_simulated
        else None,
    }
    template = "sla/commitments/_preview.html" if request.htmx else "sla/commitments/commitment.html"
    return render(request, template, context, status=status)


def _edit_draft(request: Request, stored: Commitment | None) -> HttpResponse:
    motion = Motion(stored.motion) if stored else motions.read_motion(request.GET)
    start = stored or preview.terms_in_force(motion)
    initial = {term.name: getattr(start, term.name) for term in commitments.TERMS}
    initial |= {"reason": stored.reason, "read": commitments.stamp(stored)} if stored else {}
    calendar, wall = _read_arrival(ArrivalForm())
    form = CommitmentForm(
        request.POST or None, motion=motion, initial=initial | {"calendar": calendar, "arrives": wall}
    )
    if request.method != "POST":
        return _render_form(request, stored, form, _build_preview(start, calendar, wall))
    if not form.is_valid():
        return _render_form(request, stored, form, None, 422)
    if "preview" in request.POST:
        typed = form.cleaned_data
        draft = Commitment(motion=motion, number=stored.number if stored else 0, **form.read_terms())
        calendar, wall = typed["calendar"] or calendar, typed["arrives"] or wall
        return _render_form(request, stored, form, _build_preview(draft, calendar, wall))
    try:
        saved = _save_draft(request, stored, form)
    except commitments.DraftRefused as refusal:
        form.add_error(None, str(refusal))
        return _render_form(request, stored, form, None, 409)
    messages.success(request, f"{saved} are drafted. They come into force when both leaders have signed.")
    return redirect("commitment", saved.pk)


def _save_draft(request: Request, stored: Commitment | None, form: CommitmentForm) -> Commitment:
    terms, reason = form.read_terms(), form.cleaned_data["reason"]
    if stored is None:
        return commitments.create_draft(
            motion=form.motion, terms=terms, reason=reason, by=request.user, now=timezone.now()
        )
    read = form.cleaned_data["read"]
    return commitments.amend_draft(commitment=stored, terms=terms, reason=reason, seen_stamp=read, by=request.user)


def _render_form(
    request: Request, stored: Commitment | None, form: CommitmentForm, preview: Any, status: int = 200
) -> HttpResponse:
    is_fragment = request.htmx and "preview" in request.POST
    template = "sla/commitments/_preview.html" if is_fragment else "sla/commitments/commitment_form.html"
    context = {"commitment": stored, "form": form, "motion": form.motion, "preview": preview}
    return render(request, template, context, status=status)


def _read_arrival(form: ArrivalForm) -> tuple[WorkCalendar | None, dt.datetime]:
    """Return the calendar and the local time to preview.

    By default the first calendar, and the coming Friday afternoon.
    """
    typed = form.cleaned_data if form.is_valid() else {}
    calendar = typed.get("calendar") or WorkCalendar.objects.order_by("name", "pk").first()
    zone = calendar.zone if calendar else "UTC"
    return calendar, typed.get("arrives") or preview.friday_afternoon(timezone.now(), zone)


def _build_preview(draft: Commitment, calendar: WorkCalendar | None, wall: dt.datetime) -> dict[str, Any]:
    if calendar is None:
        return {"problem": "There is no calendar yet, by which a due time could be counted."}
    active = Commitment.objects.filter(motion=draft.motion, state=CommitmentState.ACTIVE)
    in_force = active.exclude(pk=draft.pk).first()
    try:
        at = preview.instant_of_wall_time(calendars.build_calendar(calendar, timezone.now()), wall)
        hours = calendars.build_calendar(calendar, at)
    except BadCalendar as error:
        return {"problem": str(error)}
    rows = preview.compare_previews(hours, before=in_force, after=draft, at=at)
    form = ArrivalForm(initial={"calendar": calendar, "arrives": wall})
    return {"rows": rows, "calendar": calendar, "in_force": in_force, "form": form, "draft": draft}


def _choose_comparison(version: Commitment, others: list[Commitment], number: int | None) -> Commitment | None:
    """Return the version asked for; else the one in force for a draft, and the preceding one for a signed version."""
    if number is not None:
        return next((row for row in others if row.number == number), None)
    signed = [row for row in others if row.state != CommitmentState.DRAFT]
    if version.state == CommitmentState.DRAFT:
        return next((row for row in signed if row.state == CommitmentState.ACTIVE), None)
    return next((row for row in signed if row.number < version.number), None)


def _with_signers() -> QuerySet[Commitment]:
    return Commitment.objects.select_related("signed_by_marketing", "signed_by_sales")


def _may_draft(request: Request) -> bool:
    return holds(request.user, *commitments.DRAFTERS)
