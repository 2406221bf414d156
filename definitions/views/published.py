"""The pages of versions: the one in force, any other, and the comparison of two."""

from __future__ import annotations

import re
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from config.accounts.roles import holds, roles_required
from config.accounts.vocabulary import Role
from config.web import Request
from definitions import motions, scopes, version_documents, versions
from definitions.models import Version
from definitions.presenters import projected_volume, published_page, signing_sheet, step_buttons
from leads.models import MassRescore
from leads.rescoring import mass_rescores
from leads.vocabulary import READERS_OF_LEADS, Motion


@roles_required(*Role)
@require_GET
def definition(request: Request) -> HttpResponse:
    """Show the definition in force of the motion asked for, by default of the primary one."""
    motion = motions.read_motion(request.GET)
    active = Version.objects.active().select_related("definition").filter(definition__motion=motion)
    version = active.order_by("definition_id", "pk").first()
    if version is None:
        context = {"motion": motion, **_motion_context(request)}
        return render(request, "definitions/published/no_definition.html", context)
    return _render_version(request, version)


@roles_required(*motions.CHOOSERS)
@require_POST
def primary_motion(request: Request) -> HttpResponse:
    """Make a motion the primary one; who did it and when is kept."""
    typed = request.POST.get("motion", "")
    if typed not in Motion.values:
        messages.error(request, f"The motion must be one of {', '.join(Motion.values)}.")
        return redirect("definition")
    try:
        motions.choose_primary_motion(motion=Motion(typed), by=request.user, now=timezone.now())
    except motions.MotionRefused as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, f"{typed.upper()} is the primary motion.")
    return redirect("definition")


@roles_required(*Role)
@require_GET
def definition_list(request: Request) -> HttpResponse:
    """List the definitions of one motion or of all, those of the primary motion first."""
    motion = motions.read_motion_filter(request.GET)
    context = {
        "definitions": published_page.list_definitions(motion),
        "motion": motion,
        "motions": motions.list_motions_in_use(),
    }
    return render(request, "definitions/published/definitions.html", context)


@roles_required(*Role)
@require_GET
def definition_version(request: Request, slug: str, number: str) -> HttpResponse:
    """Show a version; the page asks by htmx how many leads it has judged since its activation."""
    version = _get_version(slug, number)
    if version.definition.slug != slug:
        return _redirect_renamed(request, "definition_version", version.definition.slug, number)
    if request.htmx:
        context = {"version": version, "rescore": _find_rescore(version), "now": timezone.now()}
        return render(request, "definitions/published/_rescore.html", context)
    return _render_version(request, version)


@roles_required(*Role)
@require_GET
def version_diff(request: Request, slug: str, number: str, against: str) -> HttpResponse:
    """Compare `number` with `against`, row by row."""
    after, before = _get_version(slug, number), _get_version(slug, against)
    if after.definition.slug != slug:
        return _redirect_renamed(request, "version_diff", after.definition.slug, number, against)
    context = {
        "version": after,
        "before": before,
        "changes": signing_sheet.compare_versions(before, after),
        "changes_no_rule": version_documents.have_same_rules(before, after),
        "volume": projected_volume.project_volume(after, before),
        "versions": published_page.list_versions(after.definition),
        "may_read": holds(request.user, *READERS_OF_LEADS),
    }
    return render(request, "definitions/published/diff.html", context)


def _get_version(slug: str, number: str) -> Version:
    match = re.fullmatch(r"v?(\d{1,4})\.(\d{1,4})", number)
    if match is None:
        raise Http404
    versions = Version.objects.select_related("definition", "based_on", "created_by")
    return get_object_or_404(versions, definition__slugs__slug=slug, major=match[1], minor=match[2])


def _redirect_renamed(request: Request, page: str, *parts: str) -> HttpResponse:
    """Redirect a link with an earlier slug to the present page, with its query (rules 9.25)."""
    query = request.GET.urlencode()
    return redirect(reverse(page, args=parts) + (f"?{query}" if query else ""), permanent=True)


def _render_version(request: Request, version: Version) -> HttpResponse:
    context = {
        "page": published_page.build_published_page(version),
        "version": version,
        "rescore": _find_rescore(version),
        "offers": step_buttons.list_step_buttons(version, request.user),
        "may_amend": holds(request.user, Role.MARKETING_OPS),
        "motion": Motion(version.definition.motion),
        "coexisting": scopes.list_coexisting(version.definition),
        "may_read": holds(request.user, *READERS_OF_LEADS),
        "now": timezone.now(),
        **_motion_context(request),
    }
    return render(request, "definitions/published/version.html", context)


def _find_rescore(version: Version) -> MassRescore | None:
    return mass_rescores.find_latest(versions.rescore_cause(version))


def _motion_context(request: Request) -> dict[str, Any]:
    """Return the motions in use, the choice of the primary one, and whether this person may change it."""
    return {
        "motions": motions.list_motions_in_use(),
        "primary_choice": motions.find_primary_choice(),
        "primary": motions.read_primary_motion(),
        "may_choose": holds(request.user, *motions.CHOOSERS),
    }
