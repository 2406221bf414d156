from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.http import require_GET

from config.accounts.roles import roles_required
from config.downloads import csv_download
from config.web import Request, typed_number
from leads.filters import LeadFilter
from leads.models import Lead, LeadQuerySet
from leads.vocabulary import READERS_OF_LEADS

PAGE: Final = 50
COLUMNS: Final = ("id", "email", "first name", "last name", "title", "company", "country", "source", "stage", "since")


@roles_required(*READERS_OF_LEADS)
@require_GET
def lead_list(request: Request) -> HttpResponse:
    """The newest first, in keyset pages: the next begins below the id `after`."""
    found = LeadFilter(request.GET, queryset=_listed(), request=request)
    after = typed_number(request.GET.get("after", ""))
    rows = list((found.qs if after is None else found.qs.filter(pk__lt=after))[: PAGE + 1])
    more = rows[PAGE - 1].pk if len(rows) > PAGE else None
    return render(request, "leads/list.html", {"filter": found, "leads": rows[:PAGE], "more": more})


@roles_required(*READERS_OF_LEADS)
@require_GET
def lead_export(request: Request) -> HttpResponseBase:
    """The same leads as the list shows, all of them, as CSV."""
    found = LeadFilter(request.GET, queryset=_listed(), request=request)
    return csv_download("leads", COLUMNS, _cells(found.qs))


@roles_required(*READERS_OF_LEADS)
@require_GET
def lead(request: Request, pk: int) -> HttpResponse:
    row = get_object_or_404(Lead.objects.select_related("company"), pk=pk)
    return render(request, "leads/lead.html", {"lead": row, "company": row.company, "now": timezone.now()})


def _listed() -> LeadQuerySet:
    return Lead.objects.select_related("company").order_by("-pk")


def _cells(leads: LeadQuerySet) -> Iterator[tuple[object, ...]]:
    for row in leads.iterator(chunk_size=2000):
        person = (row.pk, row.email, row.first_name, row.last_name, row.title)
        yield (
            *person,
            str(row.company or ""),
            row.country,
            row.source,
            row.get_stage_display(),
            row.stage_at.isoformat(),
        )
