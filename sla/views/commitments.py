from __future__ import annotations

import datetime as dt
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from config.web import Request, holds, roles_required, typed_number
from leads.vocabulary import Role
from sla import arrivals, calendars, commitments
from sla.calendar import BadCalendar
from sla.models import Commitment, WorkCalendar
from sla.promise_forms import ArrivalForm, CommitmentForm
from sla.vocabulary import CommitmentState


@roles_required(*Role)
@require_GET
def commitment_list(request: Request) -> HttpResponse:
    """What each side promised, who signed it and when, and what was promised before."""
    rows = list(_rows().order_by("-number"))
    in_force = next((row for row in rows if row.state == CommitmentState.ACTIVE), None)
    signed = [row for row in rows if row.activated_at is not None]
    context = {
        "in_force": in_force,
        "terms": commitments.terms(in_force) if in_force else {},
        "drafts": [row for row in rows if row.state == CommitmentState.DRAFT],
        "history": [
            (row, before, commitments.changes(before, row) if before else ())
            for row, before in zip(signed, [*signed[1:], None], strict=False)
        ],
        "may_draft": _may_draft(request),
    }
    return render(request, "sla/commitments/commitments.html", context)


@roles_required(*Role)
@require_GET
def commitment(request: Request, pk: int) -> HttpResponse:
    return _show(request, get_object_or_404(_rows(), pk=pk))


@roles_required(*commitments.DRAFTERS)
@require_http_methods(["GET", "POST"])
def commitment_new(request: Request) -> HttpResponse:
    return _edit(request, None)


@roles_required(*commitments.DRAFTERS)
@require_http_methods(["GET", "POST"])
def commitment_edit(request: Request, pk: int) -> HttpResponse:
    found = get_object_or_404(_rows(), pk=pk)
    return _edit(request, found) if found.state == CommitmentState.DRAFT else redirect("commitment", pk)


@roles_required(*Role)
@require_POST
def commitment_sign(request: Request, pk: int) -> HttpResponse:
    found = get_object_or_404(_rows(), pk=pk)
    if not holds(request.user, Role.MARKETING_LEADER, Role.SALES_LEADER):
        raise PermissionDenied
    if not request.POST.get("agreed"):
        return _show(request, found, "Tick that you have read them, then sign.", 422)
    try:
        signed = commitments.sign(
            commitment=found, by=request.user, now=timezone.now(), read=request.POST.get("read", "")
        )
    except commitments.ActivationRefused as refusal:
        return _show(request, get_object_or_404(_rows(), pk=pk), str(refusal), 409)
    is_in_force = signed.state == CommitmentState.ACTIVE
    after = "are in force from now on" if is_in_force else "wait for the other side’s signature"
    messages.success(request, f"Signed: {signed} {after}.")
    return redirect("commitment", pk)


@roles_required(*commitments.DRAFTERS)
@require_POST
def commitment_delete(request: Request, pk: int) -> HttpResponse:
    found = get_object_or_404(_rows(), pk=pk)
    try:
        commitments.discard(commitment=found, by=request.user)
    except commitments.DraftRefused as refusal:
        return _show(request, found, str(refusal), 409)
    messages.success(request, f"The draft of {found} is deleted.")
    return redirect("commitments")


def _show(request: Request, found: Commitment, refusal: str = "", status: int = 200) -> HttpResponse:
    others = list(_rows().exclude(pk=found.pk).order_by("-number"))
    against = _against(found, others, typed_number(request.GET.get("against", "")))
    calendar, wall = _asked(ArrivalForm(request.GET or None))
    context = {
        "commitment": found,
        "is_draft": found.state == CommitmentState.DRAFT,
        "terms": commitments.terms(found),
        "others": others,
        "against": against,
        "changes": commitments.changes(against, found) if against else (),
        "side": commitments.side_to_sign(found, request.user),
        "completes": bool(found.signed_by_marketing or found.signed_by_sales),
        "read": commitments.stamp(found),
        "refusal": refusal,
        "may_draft": _may_draft(request),
        "preview": _preview(found, calendar, wall),
    }
    template = "sla/commitments/_preview.html" if request.htmx else "sla/commitments/commitment.html"
    return render(request, template, context, status=status)


def _edit(request: Request, found: Commitment | None) -> HttpResponse:
    start = found or arrivals.terms_in_force()
    initial = {term.name: getattr(start, term.name) for term in commitments.TERMS}
    initial |= {"reason": found.reason, "read": commitments.stamp(found)} if found else {}
    calendar, wall = _asked(ArrivalForm())
    form = CommitmentForm(request.POST or None, initial=initial | {"calendar": calendar, "arrives": wall})
    if request.method != "POST":
        return _show_form(request, found, form, _preview(start, calendar, wall))
    if not form.is_valid():
        return _show_form(request, found, form, None, 422)
    if "preview" in request.POST:
        said = form.cleaned_data
        draft = Commitment(number=found.number if found else 0, **form.terms())
        return _show_form(request, found, form, _preview(draft, said["calendar"] or calendar, said["arrives"] or wall))
    try:
        made = _store(request, found, form)
    except commitments.DraftRefused as refusal:
        form.add_error(None, str(refusal))
        return _show_form(request, found, form, None, 409)
    messages.success(request, f"{made} are drafted. They come into force when both leaders have signed.")
    return redirect("commitment", made.pk)


def _store(request: Request, found: Commitment | None, form: CommitmentForm) -> Commitment:
    terms, reason = form.terms(), form.cleaned_data["reason"]
    if found is None:
        return commitments.draft(terms=terms, reason=reason, by=request.user, now=timezone.now())
    read = form.cleaned_data["read"]
    return commitments.amend(commitment=found, terms=terms, reason=reason, read=read, by=request.user)


def _show_form(
    request: Request, found: Commitment | None, form: CommitmentForm, preview: Any, status: int = 200
) -> HttpResponse:
    is_fragment = request.htmx and "preview" in request.POST
    template = "sla/commitments/_preview.html" if is_fragment else "sla/commitments/commitment_form.html"
    context = {"commitment": found, "form": form, "preview": preview}
    return render(request, template, context, status=status)


def _asked(form: ArrivalForm) -> tuple[WorkCalendar | None, dt.datetime]:
    """The calendar and the time on its wall: as asked, else the first calendar on the coming Friday afternoon."""
    said = form.cleaned_data if form.is_valid() else {}
    calendar = said.get("calendar") or WorkCalendar.objects.order_by("name", "pk").first()
    zone = calendar.zone if calendar else "UTC"
    return calendar, said.get("arrives") or arrivals.friday_afternoon(timezone.now(), zone)


def _preview(draft: Commitment, calendar: WorkCalendar | None, wall: dt.datetime) -> dict[str, Any]:
    if calendar is None:
        return {"problem": "There is no calendar yet, by which a due time could be counted."}
    in_force = Commitment.objects.filter(state=CommitmentState.ACTIVE).exclude(pk=draft.pk).first()
    try:
        at = arrivals.instant(calendars.pure(calendar, timezone.now()), wall)
        hours = calendars.pure(calendar, at)
    except BadCalendar as error:
        return {"problem": str(error)}
    rows = arrivals.compared(hours, before=in_force, after=draft, at=at)
    form = ArrivalForm(initial={"calendar": calendar, "arrives": wall})
    return {"rows": rows, "calendar": calendar, "in_force": in_force, "form": form, "draft": draft}


def _against(found: Commitment, others: list[Commitment], number: int | None) -> Commitment | None:
    """The version asked for; else the one in force for a draft, and the one before for a signed version."""
    if number is not None:
        return next((row for row in others if row.number == number), None)
    signed = [row for row in others if row.state != CommitmentState.DRAFT]
    if found.state == CommitmentState.DRAFT:
        return next((row for row in signed if row.state == CommitmentState.ACTIVE), None)
    return next((row for row in signed if row.number < found.number), None)


def _rows() -> QuerySet[Commitment]:
    return Commitment.objects.select_related("signed_by_marketing", "signed_by_sales")


def _may_draft(request: Request) -> bool:
    return holds(request.user, *commitments.DRAFTERS)
