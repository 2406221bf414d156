from __future__ import annotations

import re

from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.http import require_GET

from config.web import Request, holds, roles_required
from definitions import dossier, pages, steps
from definitions.models import Version
from leads.vocabulary import READERS_OF_LEADS, Role


@roles_required(*Role)
@require_GET
def definition(request: Request) -> HttpResponse:
    """The definition in force: what an MQL is here, today."""
    active = Version.objects.active().select_related("definition")
    version = active.order_by("-definition__is_primary", "definition_id", "pk").first()
    if version is None:
        return render(request, "definitions/published/no_definition.html")
    return _page(request, version)


@roles_required(*Role)
@require_GET
def definition_list(request: Request) -> HttpResponse:
    return render(request, "definitions/published/definitions.html", {"definitions": pages.listed()})


@roles_required(*Role)
@require_GET
def definition_version(request: Request, slug: str, number: str) -> HttpResponse:
    return _page(request, _version(slug, number))


@roles_required(*Role)
@require_GET
def version_diff(request: Request, slug: str, number: str, against: str) -> HttpResponse:
    """What `number` says otherwise than `against`, row by row."""
    after, before = _version(slug, number), _version(slug, against)
    context = {
        "version": after,
        "before": before,
        "changes": dossier.changes(before, after),
        "versions": pages.history(after.definition),
        "may_read": holds(request.user, *READERS_OF_LEADS),
    }
    return render(request, "definitions/published/diff.html", context)


def _version(slug: str, number: str) -> Version:
    match = re.fullmatch(r"v?(\d{1,4})\.(\d{1,4})", number)
    if match is None:
        raise Http404
    found = Version.objects.select_related("definition", "based_on", "created_by")
    return get_object_or_404(found, definition__slug=slug, major=match[1], minor=match[2])


def _page(request: Request, version: Version) -> HttpResponse:
    context = {
        "page": pages.published(version),
        "version": version,
        "offers": steps.offers(version, request.user),
        "may_read": holds(request.user, *READERS_OF_LEADS),
        "now": timezone.now(),
    }
    return render(request, "definitions/published/version.html", context)
