from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.http import require_GET

from config.accounts.roles import holds, roles_required
from config.accounts.vocabulary import Role
from config.downloads import csv_download
from config.web import Request, typed_number
from leads import duplicates, merges
from leads.filters import LeadFilter
from leads.models import Lead, LeadQuerySet
from leads.vocabulary import READERS_OF_LEADS

PAGE: Final = 50
COLUMNS: Final = ("id", "email", "first name", "last name", "title", "company", "country", "source", "stage", "since")


@roles_required(*READERS_OF_LEADS)
@require_GET
def lead_list(request: Request) -> HttpResponse:
    """Show the newest leads first, in keyset pages: a page shows leads with ids below `after`."""
    lead_filter = LeadFilter(request.GET, queryset=_lead_rows(), request=request)
    after = typed_number(request.GET.get("after", ""))
    rows = list((lead_filter.qs if after is None else lead_filter.qs.filter(pk__lt=after))[: PAGE + 1])
    more = rows[PAGE - 1].pk if len(rows) > PAGE else None
    return render(request, "leads/list.html", {"filter": lead_filter, "leads": rows[:PAGE], "more": more})


@roles_required(*READERS_OF_LEADS)
@require_GET
def lead_export(request: Request) -> HttpResponseBase:
    """Send all leads that match the filters of the list, as CSV."""
    lead_filter = LeadFilter(request.GET, queryset=_lead_rows(), request=request)
    return csv_download("leads", COLUMNS, _export_rows(lead_filter.qs))


@roles_required(*READERS_OF_LEADS)
@require_GET
def lead(request: Request, pk: int) -> HttpResponse:
    row = get_object_or_404(Lead.objects.select_related("company", "merged_into"), pk=pk)
    if row.merged_into is not None:
        return _render_merged(request, row)
    # The page shows the word of the whole person; nothing saves this row.
    row.do_not_contact = merges.may_not_be_contacted(row)
    context = {
        "lead": row,
        "company": row.company,
        "merged": merges.list_merges_into(row),
        "candidates": duplicates.count_candidates_of(row) if holds(request.user, Role.MARKETING_OPS) else 0,
        "now": timezone.now(),
    }
    return render(request, "leads/lead.html", context)


def _render_merged(request: Request, row: Lead) -> HttpResponse:
    """Show that a lead is merged into another one, and where to find the person."""
    context = {"lead": row, "standing": row.merged_into, "merge": merges.merge_in_force(row), "now": timezone.now()}
    return render(request, "leads/merged.html", context)


def _lead_rows() -> LeadQuerySet:
    return Lead.objects.select_related("company").order_by("-pk")


def _export_rows(leads: LeadQuerySet) -> Iterator[tuple[object, ...]]:
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
