"""The pages of versions: the one in force, any other, and the comparison of two."""

from __future__ import annotations

import re

from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.http import require_GET

from config.accounts.roles import holds, roles_required
from config.accounts.vocabulary import Role
from config.web import Request
from definitions.models import Version
from definitions.presenters import published_page, signing_sheet, step_buttons
from leads.vocabulary import READERS_OF_LEADS


@roles_required(*Role)
@require_GET
def definition(request: Request) -> HttpResponse:
    """Show the definition in force; the primary one when there are several."""
    active = Version.objects.active().select_related("definition")
    version = active.order_by("-definition__is_primary", "definition_id", "pk").first()
    if version is None:
        return render(request, "definitions/published/no_definition.html")
    return _render_version(request, version)


@roles_required(*Role)
@require_GET
def definition_list(request: Request) -> HttpResponse:
    return render(request, "definitions/published/definitions.html", {"definitions": published_page.list_definitions()})


@roles_required(*Role)
@require_GET
def definition_version(request: Request, slug: str, number: str) -> HttpResponse:
    return _render_version(request, _get_version(slug, number))


@roles_required(*Role)
@require_GET
def version_diff(request: Request, slug: str, number: str, against: str) -> HttpResponse:
    """Compare `number` with `against`, row by row."""
    after, before = _get_version(slug, number), _get_version(slug, against)
    context = {
        "version": after,
        "before": before,
        "changes": signing_sheet.compare_versions(before, after),
        "versions": published_page.list_versions(after.definition),
        "may_read": holds(request.user, *READERS_OF_LEADS),
    }
    return render(request, "definitions/published/diff.html", context)


def _get_version(slug: str, number: str) -> Version:
    match = re.fullmatch(r"v?(\d{1,4})\.(\d{1,4})", number)
    if match is None:
        raise Http404
    versions = Version.objects.select_related("definition", "based_on", "created_by")
    return get_object_or_404(versions, definition__slug=slug, major=match[1], minor=match[2])


def _render_version(request: Request, version: Version) -> HttpResponse:
    context = {
        "page": published_page.build_published_page(version),
        "version": version,
        "offers": step_buttons.list_step_buttons(version, request.user),
        "may_read": holds(request.user, *READERS_OF_LEADS),
        "now": timezone.now(),
    }
    return render(request, "definitions/published/version.html", context)
