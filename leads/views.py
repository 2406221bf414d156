from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from config.accounts.roles import holds, roles_required
from config.accounts.vocabulary import Role
from config.downloads import csv_download
from config.web import QueryRefused, Request, typed_number
from leads.exceptions import Refused
from leads.filters import LeadFilter
from leads.forms import ContactDecisionForm, ValueReadingForm
from leads.identity import duplicates, merged_values, merges, replaced_persons
from leads.imports import file_imports, refused_addresses
from leads.intake import contact_decisions, not_understood, value_readings
from leads.models import Lead, LeadQuerySet, ValueReading
from leads.normalization import domain_names, validation
from leads.stages import motion_stages
from leads.vocabulary import READERS_OF_LEADS, KeyKind, Motion

PAGE: Final = 50
PERSONS_SHOWN: Final = 5
READINGS_SHOWN: Final = 500
COLUMNS: Final = ("id", "email", "first name", "last name", "title", "company", "country", "source", "stage", "since")


@roles_required(*READERS_OF_LEADS, seen_by=READERS_OF_LEADS)
@require_GET
def lead_list(request: Request) -> HttpResponse:
    """Show the newest leads first, in keyset pages: a page shows leads with ids below `after`."""
    lead_filter = _filter_leads(request)
    after = typed_number(request.GET.get("after", ""))
    rows = list((lead_filter.qs if after is None else lead_filter.qs.filter(pk__lt=after))[: PAGE + 1])
    more = rows[PAGE - 1].pk if len(rows) > PAGE else None
    return render(request, "leads/list.html", {"filter": lead_filter, "leads": rows[:PAGE], "more": more})


@roles_required(*READERS_OF_LEADS, seen_by=READERS_OF_LEADS)
@require_GET
def lead_export(request: Request) -> HttpResponseBase:
    """Send all leads that match the filters of the list, as CSV."""
    lead_filter = _filter_leads(request)
    return csv_download("leads", COLUMNS, _export_rows(lead_filter.qs))


@roles_required(*READERS_OF_LEADS, seen_by=READERS_OF_LEADS)
@require_GET
def lead(request: Request, pk: int) -> HttpResponse:
    row = get_object_or_404(Lead.objects.select_related("company", "merged_into"), pk=pk)
    if row.merged_into is not None:
        return _render_merged(request, row)
    # The page shows the values of the whole person; nothing saves this row.
    others = merged_values.show_person(row)
    keys = list(row.keys.order_by("pk"))
    persons = list(replaced_persons.earlier_persons(row)[: PERSONS_SHOWN + 1])
    context = {
        "lead": row,
        "stages": motion_stages.list_stages(row),
        "company": row.company,
        "now": timezone.now(),
        "others": others,
        "candidates": duplicates.count_candidates_of(row) if holds(request.user, Role.MARKETING_OPS) else 0,
        "contact_decision": contact_decisions.current_decision(row.pk),
        "may_decide_contact": holds(request.user, Role.MARKETING_OPS),
        "persons": persons[:PERSONS_SHOWN],
        "has_more_persons": len(persons) > PERSONS_SHOWN,
        "ids": [key for key in keys if key.kind == KeyKind.ID],
        "earlier_addresses": [
            domain_names.address_to_letters(key.value)
            for key in keys
            if key.kind == KeyKind.EMAIL and key.value != (row.email or "").lower()
        ],
    }
    return render(request, "leads/lead.html", context)


@roles_required(Role.MARKETING_OPS, seen_by=READERS_OF_LEADS)
@require_http_methods(["GET", "POST"])
def lead_contact(request: Request, pk: int) -> HttpResponse:
    """Let marketing ops set or lift a lead's opt-out, with the reason."""
    row = get_object_or_404(Lead, pk=pk)
    # The page is about the whole person; nothing saves this row.
    row.do_not_contact = merges.may_not_be_contacted(row)
    form = ContactDecisionForm(request.POST or None, initial={"is_opt_out": "no" if row.do_not_contact else "yes"})
    if request.method == "POST" and form.is_valid():
        return _decide_contact(request, row, form)
    action = "Lift the opt-out" if row.do_not_contact else "Do not contact"
    context = {"lead": row, "form": form, "action": action}
    return render(request, "leads/contact_decision.html", context, status=422 if request.method == "POST" else 200)


def _decide_contact(request: Request, row: Lead, form: ContactDecisionForm) -> HttpResponse:
    is_opt_out = form.cleaned_data["is_opt_out"]
    if is_opt_out == row.do_not_contact:
        state = "may not be contacted" if is_opt_out else "may be contacted"
        messages.warning(request, f"Nothing was changed: {row.name} {state} already.")
    else:
        by, reason, now = request.user, form.cleaned_data["reason"], timezone.now()
        if is_opt_out:
            contact_decisions.decide_contact(lead_id=row.pk, is_opt_out=True, by=by, reason=reason, now=now)
        else:
            contact_decisions.lift_for_person(lead=row, by=by, reason=reason, now=now)
        state = "may not be contacted from now on" if is_opt_out else "may be contacted again"
        messages.success(request, f"{row.name} {state}.")
    return redirect("lead", row.pk)


@roles_required(Role.MARKETING_OPS, seen_by=READERS_OF_LEADS)
@require_http_methods(["GET", "POST"])
def value_list(request: Request) -> HttpResponse:
    """List the values not understood, and take corrections."""
    form = ValueReadingForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            reading = value_readings.add_reading(
                attribute=form.cleaned_data["attribute"],
                text=form.cleaned_data["text"],
                meaning=form.cleaned_data["meaning"],
                by=request.user,
                now=timezone.now(),
            )
        except Refused as refusal:
            form.add_error(None, f"“{form.cleaned_data['meaning']}” {refusal.rule}")
        else:
            messages.success(request, f"“{reading.text}” is read as {reading.meaning or 'no answer'} from now on.")
            return redirect(_same_list(request))
    return _render_values(request, form)


@roles_required(Role.MARKETING_OPS, seen_by=READERS_OF_LEADS)
@require_POST
def reading_remove(request: Request, pk: int) -> HttpResponse:
    reading = get_object_or_404(ValueReading, pk=pk)
    value_readings.remove_reading(reading=reading, by=request.user, now=timezone.now())
    messages.success(request, f"“{reading.text}” is read by the shipped tables again.")
    return redirect(_same_list(request))


def _same_list(request: Request) -> str:
    attribute = request.GET.get("attribute", "")
    return reverse("value_list") + (f"?{urlencode({'attribute': attribute})}" if attribute else "")


def _render_values(request: Request, form: ValueReadingForm) -> HttpResponse:
    attribute, after = request.GET.get("attribute", ""), typed_number(request.GET.get("after", "")) or 0
    texts = not_understood.list_texts(attribute)
    readings = ValueReading.objects.select_related("by", "removed_by")
    context = {
        "form": form,
        "attribute": attribute,
        "attributes": not_understood.NAMES,
        "rows": not_understood.read_values(texts[after : after + PAGE]),
        "total": len(texts),
        "more": after + PAGE if len(texts) > after + PAGE else None,
        "readings": readings.filter(removed_at=None).order_by("-pk")[:READINGS_SHOWN],
        "removed": readings.exclude(removed_at=None).order_by("-removed_at", "-pk")[:PAGE],
        "now": timezone.now(),
    }
    return render(request, "leads/values.html", context, status=422 if form.errors else 200)


def _render_merged(request: Request, row: Lead) -> HttpResponse:
    """Show that a lead is merged into another one, and where to find the person."""
    context = {"lead": row, "standing": row.merged_into, "merge": merges.merge_in_force(row), "now": timezone.now()}
    return render(request, "leads/merged.html", context)


def _filter_leads(request: Request) -> LeadFilter:
    """Return the leads that an address asks for. Raises QueryRefused for an unknown motion."""
    lead_filter = LeadFilter(request.GET, queryset=_lead_rows(), request=request)
    if "motion" in lead_filter.errors:
        raise QueryRefused("motion", f"must be one of {', '.join(Motion.values)}.")
    return lead_filter


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
            row.stage_label,
            row.stage_at.isoformat(),
        )


@roles_required(Role.MARKETING_OPS, seen_by=READERS_OF_LEADS)
@require_GET
def refused_address_list(request: Request) -> HttpResponse:
    """List the addresses for which rows of files were refused, with what each may have been."""
    after = request.GET.get("after", "")[: file_imports.ADDRESS_AT_MOST]
    rows = refused_addresses.list_refused_addresses(after=after, limit=PAGE + 1)
    context = {
        "rows": rows[:PAGE],
        "more": rows[PAGE - 1].text if len(rows) > PAGE else None,
        "is_first": not after,
        "now": timezone.now(),
    }
    return render(request, "leads/refused_addresses.html", context)


@roles_required(Role.MARKETING_OPS, seen_by=READERS_OF_LEADS)
@require_POST
def refused_address_take(request: Request) -> HttpResponse:
    """Store the rows of a refused address under a mended one."""
    text, mended = request.POST.get("address", ""), request.POST.get("as_address", "")
    try:
        rows = refused_addresses.take_rows(address=text, as_address=mended, by=request.user, now=timezone.now())
    except Refused as refusal:
        messages.error(request, f"“{validation.shorten_name(mended)}” {refusal.rule}")
        return redirect("refused_addresses")
    if rows.stored:
        messages.success(
            request, f"Stored under {mended.strip()}: {rows.stored:,} row{'' if rows.stored == 1 else 's'}."
        )
    if rows.refused:
        messages.warning(request, f"Still refused: {rows.refused:,}. The first one: {rows.reason}")
    if not rows.stored and not rows.refused:
        messages.info(request, "These rows have been stored already.")
    return redirect("refused_addresses")
