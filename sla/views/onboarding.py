"""The pages for people who are new: what to read, who has read it, and the glossary."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from config.accounts.roles import holds, roles_required
from config.accounts.vocabulary import Role
from config.downloads import csv_download
from config.web import Request, typed_number
from definitions import acknowledgements
from definitions.models import Version
from definitions.presenters import published_page, signing_sheet
from leads.vocabulary import READERS_OF_LEADS, Motion
from sla.commitments import commitments, measurement
from sla.handoffs import rejection_reasons
from sla.models import Commitment
from sla.onboarding import glossary, readers
from sla.vocabulary import CommitmentState


@roles_required(*Role)
@require_GET
def onboarding(request: Request) -> HttpResponse:
    """Show what to read of a version in force: by default of the first one that the person has not read."""
    versions = acknowledgements.list_to_read(request.user)
    version = _choose(request, versions)
    context: dict[str, Any] = {
        "versions": versions,
        "version": version,
        "may_see_readers": holds(request.user, *READERS_OF_LEADS),
    }
    if version is not None:
        before = acknowledgements.find_read_before(version, request.user)
        commitment = _find_commitment(Motion(version.definition.motion))
        context |= {
            "page": published_page.build_published_page(version),
            "own": acknowledgements.find_own(version, request.user),
            "before": before,
            "changes": signing_sheet.compare_versions(before, version) if before else [],
            "commitment": commitment,
            "terms": commitments.term_sentences(commitment) if commitment else {},
            "measurements": measurement.describe_measurements(commitment) if commitment else [],
            "reasons": rejection_reasons.offered_reasons(),
        }
    return render(request, "sla/onboarding/onboarding.html", context)


@roles_required(*Role)
@require_POST
def onboarding_read(request: Request, pk: int) -> HttpResponse:
    """Record that the person has read the version."""
    version = get_object_or_404(Version.objects.select_related("definition"), pk=pk)
    try:
        acknowledgements.acknowledge(version=version, by=request.user, now=timezone.now())
    except acknowledgements.NotInForce as refusal:
        messages.warning(request, str(refusal))
    else:
        messages.success(request, f"Thank you: you have read {version}.")
    return redirect("onboarding")


@roles_required(*READERS_OF_LEADS)
@require_GET
def reader_list(request: Request) -> HttpResponse:
    """Show who has read a version in force, by team."""
    versions = acknowledgements.list_to_read(request.user)
    version = _choose(request, versions) if request.GET.get("version") else next(iter(versions), None)
    groups = readers.list_groups(version, viewer=request.user) if version else []
    context = {"versions": versions, "version": version, "groups": groups, "now": timezone.now()}
    return render(request, "sla/onboarding/readers.html", context)


@roles_required(*READERS_OF_LEADS)
@require_GET
def reader_export(request: Request) -> HttpResponseBase:
    """Send who has read the versions in force as CSV, as the page shows it to the person."""
    rows = (
        row
        for version in acknowledgements.list_to_read(request.user)
        for row in readers.list_rows(version, viewer=request.user)
    )
    return csv_download("readers", readers.HEADER, rows)


@login_required
@require_GET
def glossary_page(request: Request) -> HttpResponse:
    """Show the terms, or those that contain what was typed."""
    typed = request.GET.get("q", "")[:100].strip()
    return render(request, "sla/onboarding/glossary.html", {"terms": glossary.find_terms(typed), "typed": typed})


def _choose(request: Request, versions: list[Version]) -> Version | None:
    """Return the version in force that the address asks for; without one the first that is not read, else the first."""
    if "version" in request.GET:
        pk = typed_number(request.GET["version"])
        version = next((version for version in versions if version.pk == pk), None)
        if version is None:
            raise Http404
        return version
    unread = [version for version in versions if not version.is_read]  # type: ignore[attr-defined]  # annotated
    return next(iter([*unread, *versions]), None)


def _find_commitment(motion: Motion) -> Commitment | None:
    return Commitment.objects.filter(motion=motion, state=CommitmentState.ACTIVE).first()
