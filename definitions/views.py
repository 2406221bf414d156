from __future__ import annotations

import re

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods

from config.web import Request, holds, roles_required
from definitions import pages, reviews, rights, steps, versions
from definitions.forms import DecideForm, SignForm
from definitions.models import Review, Version
from definitions.step_forms import ActivateForm, ProposeForm
from definitions.vocabulary import ChangeDriver, Decision, Side
from leads.vocabulary import READERS_OF_LEADS, Role

LEADERS = (Role.MARKETING_LEADER, Role.SALES_LEADER)


@roles_required(*Role)
@require_GET
def definition(request: Request) -> HttpResponse:
    """The definition in force: what an MQL is here, today."""
    active = Version.objects.active().select_related("definition")
    version = active.order_by("-definition__is_primary", "definition_id", "pk").first()
    if version is None:
        return render(request, "definitions/none.html")
    return _page(request, version)


@roles_required(*Role)
@require_GET
def definition_list(request: Request) -> HttpResponse:
    return render(request, "definitions/list.html", {"definitions": pages.listed()})


@roles_required(*Role)
@require_GET
def definition_version(request: Request, slug: str, number: str) -> HttpResponse:
    match = re.fullmatch(r"v?(\d{1,4})\.(\d{1,4})", number)
    if match is None:
        raise Http404
    found = Version.objects.select_related("definition")
    return _page(request, get_object_or_404(found, definition__slug=slug, major=match[1], minor=match[2]))


def _page(request: Request, version: Version) -> HttpResponse:
    context = {"page": pages.published(version), "version": version, "offers": steps.offers(version, request.user)}
    return render(request, "definitions/version.html", context | {"now": timezone.now()})


@login_required
@require_http_methods(["GET", "POST"])
def version_step(request: Request, pk: int, step: str) -> HttpResponse:
    """One step in the life of a version: says what it brings about, then takes it."""
    version = get_object_or_404(Version.objects.select_related("definition"), pk=pk)
    offer = steps.STEPS.get(step)
    if offer is None or not holds(request.user, *offer.roles):
        raise Http404
    form = _form(request, version, step)
    if request.method == "POST" and form.is_valid():
        return _take(request, version, step, form)
    context = {"version": version, "step": offer, "form": form, "statement": pages.statement(version)}
    return render(request, "definitions/step.html", context, status=422 if request.method == "POST" else 200)


def _form(request: Request, version: Version, step: str) -> forms.Form:
    data = request.POST if request.method == "POST" else None
    if step == "propose":
        return ProposeForm(data, definition=version.definition)
    if step == "sign":
        return SignForm(data, sides=steps.sides_of(version, request.user))
    if step == "activate":
        return ActivateForm(data)
    return forms.Form(data)


def _take(request: Request, version: Version, step: str, form: forms.Form) -> HttpResponse:
    try:
        after = _step(request, version, step, form)
    except (versions.StepRefused, rights.NotAllowed) as refusal:
        messages.error(request, str(refusal))
        after = version
    else:
        messages.success(request, f"{after} is {after.get_state_display().lower()} now.")
    if after.is_draft and request.user.is_staff and step == "copy":
        return redirect("admin:definitions_version_change", after.pk)
    return redirect("definition_version", after.definition.slug, after.number)


def _step(request: Request, version: Version, step: str, form: forms.Form) -> Version:
    by, now, said = request.user, timezone.now(), form.cleaned_data
    if step == "propose":
        return versions.propose(version=version, by=by, now=now, **said | {"driver": ChangeDriver(said["driver"])})
    if step == "sign":
        side, decision = Side(said["side"]), Decision(said["decision"])
        return versions.sign(
            version=version, side=side, decision=decision, comment=said["comment"], by=by, now=now
        ).version
    if step == "activate":
        hands_over = said["entrants"] == "yes"
        return versions.activate(version=version, hand_over_entrants=hands_over, by=by, now=now)
    return versions.copy(version=version, by=by, now=now)


# Reviews


@roles_required(*READERS_OF_LEADS)
@require_GET
def review_list(request: Request) -> HttpResponse:
    rows = Review.objects.select_related("definition", "version__definition", "decided_by", "led_to__definition")
    context = {
        "undecided": rows.undecided().order_by("-opened_at", "-pk"),
        "decided": rows.filter(decided_at__isnull=False).order_by("-decided_at", "-pk")[:100],
        "now": timezone.now(),
    }
    return render(request, "definitions/reviews.html", context)


@roles_required(*READERS_OF_LEADS)
@require_http_methods(["GET", "POST"])
def review(request: Request, pk: int) -> HttpResponse:
    """A review with its evidence; the leaders decide it here."""
    found = Review.objects.select_related(
        "definition", "version__definition", "opened_by", "decided_by", "led_to__definition"
    )
    row = get_object_or_404(found, pk=pk)
    may_decide = row.decided_at is None and holds(request.user, *LEADERS)
    if request.method == "POST" and not holds(request.user, *LEADERS):
        raise Http404
    form = DecideForm(request.POST or None, definition=row.definition)
    if request.method == "POST" and form.is_valid():
        return _decide(request, row, form)
    context = {"review": row, "form": form, "may_decide": may_decide, "now": timezone.now(), **pages.evidence_of(row)}
    return render(request, "definitions/review.html", context, status=422 if request.method == "POST" else 200)


def _decide(request: Request, row: Review, form: DecideForm) -> HttpResponse:
    try:
        reviews.decide(review=row, by=request.user, now=timezone.now(), **form.cleaned_data)
    except (reviews.ReviewRefused, rights.NotAllowed) as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, "Decided. The record is kept with its evidence.")
    return redirect(reverse("review", args=[row.pk]))
