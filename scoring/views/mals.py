"""The pages of MALs: the list, leads of unknown gate, and the leads that left, with the way back."""

from __future__ import annotations

from typing import Any, Final, TypeVar

from django.conf import settings
from django.contrib import messages
from django.db.models import Model, QuerySet
from django.forms import Form
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from config.accounts.roles import holds, roles_required
from config.accounts.vocabulary import Role
from config.downloads import csv_download
from config.web import Request, typed_number
from leads.models import LeadQuerySet
from leads.stages import mal_exits
from leads.vocabulary import READERS_OF_LEADS, MalExitKind
from scoring.forms import GateGapFilterForm, LeftFilterForm, MalExitForm, MalFilterForm
from scoring.live import shortfalls
from scoring.mals import exit_figures, gate_gaps, mal_list
from scoring.models import Shortfall

PAGE: Final = 50
#: Things missing, or attributes, that the head of a list counts.
COUNTS_SHOWN: Final = 8
Row = TypeVar("Row", bound=Model)


@roles_required(*READERS_OF_LEADS, seen_by=READERS_OF_LEADS)
@require_GET
def mal_list_page(request: Request) -> HttpResponse:
    """Show the MALs with what each lacks for an MQL, and how others left."""
    return _render_mals(request, MalExitForm())


@roles_required(*READERS_OF_LEADS, seen_by=READERS_OF_LEADS)
@require_GET
def mal_export(request: Request) -> HttpResponseBase:
    """Send all MALs that match the filters, as CSV."""
    rows, _ = _filter_mals(request, mal_list.count_missing())
    return csv_download("mals", mal_list.HEADER, mal_list.cells(rows))


@roles_required(*READERS_OF_LEADS, seen_by=READERS_OF_LEADS)
@require_GET
def gate_unknown(request: Request) -> HttpResponse:
    """Show the engaged leads whose gate is unknown, counted by the attribute that is missing."""
    counts = gate_gaps.count_gaps()
    rows, form = _filter_gaps(request, counts)
    page, more = cut_page(request, rows)
    context = {
        "rows": [(shortfall, gate_gaps.list_gaps(shortfall)) for shortfall in page],
        "more": more,
        "total": rows.count(),
        "filter": form,
        "is_filtered": _is_filtered(request),
        "counts": counts,
        "now": timezone.now(),
    }
    return render(request, "scoring/mals/gate_unknown.html", context)


@roles_required(*READERS_OF_LEADS, seen_by=READERS_OF_LEADS)
@require_GET
def gate_unknown_export(request: Request) -> HttpResponseBase:
    """Send all engaged leads of unknown gate that match the filters, as CSV."""
    rows, _ = _filter_gaps(request, gate_gaps.count_gaps())
    return csv_download("gate-unknown", gate_gaps.HEADER, gate_gaps.cells(rows))


@roles_required(*READERS_OF_LEADS, seen_by=READERS_OF_LEADS)
@require_GET
def left_list(request: Request) -> HttpResponse:
    """Show the leads that left the MALs, and the content that makes MALs and MQLs."""
    form = LeftFilterForm(request.GET)
    rows = _filter_left(form)
    page, more = cut_page(request, rows)
    now = timezone.now()
    context = {
        "rows": exit_figures.build_left_leads(page),
        "more": more,
        "total": rows.count(),
        "filter": form,
        "is_filtered": _is_filtered(request),
        "exits": exit_figures.count_exits(now),
        "content": exit_figures.count_content(now),
        "days": exit_figures.DAYS,
        "may_move": holds(request.user, Role.MARKETING_OPS),
        "pause_after_days": settings.PAUSE_AFTER_DAYS,
        "now": now,
    }
    return render(request, "scoring/mals/left.html", context)


@roles_required(*READERS_OF_LEADS, seen_by=READERS_OF_LEADS)
@require_GET
def left_export(request: Request) -> HttpResponseBase:
    """Send all leads that left the MALs and match the filters, as CSV."""
    rows = _filter_left(LeftFilterForm(request.GET))
    return csv_download("mals-left", exit_figures.HEADER, exit_figures.cells(rows))


@roles_required(Role.MARKETING_OPS, seen_by=READERS_OF_LEADS)
@require_POST
def mals_leave(request: Request) -> HttpResponse:
    """Take the ticked MALs out, after a confirmation."""
    form, chosen = MalExitForm(request.POST), _ticked_ids(request)
    if not chosen:
        messages.warning(request, "Nothing was ticked.")
        return redirect(_same_list(request, "mals"))
    if not form.is_valid():
        return _render_mals(request, form, chosen=chosen, status=422)
    if not request.POST.get("confirmed"):
        return _render_mals(request, form, chosen=chosen, asks=True)
    kind = MalExitKind(form.cleaned_data["kind"])
    try:
        result = mal_exits.leave(
            lead_ids=chosen, kind=kind, note=form.cleaned_data["note"], by=request.user, now=timezone.now()
        )
    except mal_exits.MalExitRefused as refusal:
        form.add_error("note", str(refusal))
        return _render_mals(request, form, chosen=chosen, status=422)
    _report_result(request, result, f"left as “{kind.label}”", "no MAL any more")
    return redirect(_same_list(request, "mals"))


@roles_required(Role.MARKETING_OPS, seen_by=READERS_OF_LEADS)
@require_POST
def mals_return(request: Request) -> HttpResponse:
    """Take the ticked leads back to the MALs."""
    chosen = _ticked_ids(request)
    if not chosen:
        messages.warning(request, "Nothing was ticked.")
        return redirect(_same_list(request, "mals_left"))
    result = mal_exits.return_to_mal(lead_ids=chosen, by=request.user, now=timezone.now())
    _report_result(request, result, "returned to the MALs", "elsewhere already, or closed for good")
    return redirect(_same_list(request, "mals_left"))


def _render_mals(
    request: Request, exit_form: Form, *, chosen: list[int] | None = None, asks: bool = False, status: int = 200
) -> HttpResponse:
    now, counts = timezone.now(), mal_list.count_missing()
    rows, form = _filter_mals(request, counts)
    page, more = cut_page(request, rows)
    context: dict[str, Any] = {
        "rows": [(lead, mal_list.shortfall_of(lead)) for lead in page],
        "more": more,
        "total": rows.count(),
        "filter": form,
        "is_filtered": _is_filtered(request),
        "counts": counts[:COUNTS_SHOWN],
        "exits": exit_figures.count_exits(now),
        "days": exit_figures.DAYS,
        "version": shortfalls.marketing_version(),
        "exit_form": exit_form,
        "exit_label": MalExitKind(exit_form.data["kind"]).label if asks else "",
        "chosen": chosen or [],
        "asks": asks,
        "may_move": holds(request.user, Role.MARKETING_OPS),
        "pause_after_days": settings.PAUSE_AFTER_DAYS,
        "now": now,
    }
    return render(request, "scoring/mals/mals.html", context, status=status)


def _filter_mals(request: Request, counts: list[mal_list.MissingCount]) -> tuple[LeadQuerySet, MalFilterForm]:
    form = MalFilterForm(request.GET, counts=counts)
    criteria = _criteria(form)
    sort = criteria.pop("sort", "")
    rows = mal_list.filter_mals(mal_list.select_mals(), now=timezone.now(), **criteria)
    return mal_list.sort_mals(rows, sort), form


def _filter_gaps(request: Request, counts: list[gate_gaps.GapCount]) -> tuple[QuerySet[Shortfall], GateGapFilterForm]:
    form = GateGapFilterForm(request.GET, counts=counts)
    return gate_gaps.select_gaps(**_criteria(form)), form


def _filter_left(form: LeftFilterForm) -> LeadQuerySet:
    return exit_figures.select_left(**_criteria(form))


def _criteria(form: Form) -> dict[str, str]:
    """Return the valid filters that were chosen; invalid ones are ignored."""
    form.is_valid()
    return {name: value for name, value in form.cleaned_data.items() if value}


def _is_filtered(request: Request) -> bool:
    return any(value for name, value in request.GET.items() if name not in {"sort", "after"})


def cut_page(request: Request, rows: QuerySet[Row]) -> tuple[list[Row], int | None]:
    """Return the rows of the page, which begins behind as many rows as `after` says, and where the next one begins."""
    after = typed_number(request.GET.get("after", "")) or 0
    page = list(rows[after : after + PAGE + 1])
    return page[:PAGE], after + PAGE if len(page) > PAGE else None


def _ticked_ids(request: Request) -> list[int]:
    typed = (typed_number(value) for value in request.POST.getlist("lead"))
    return sorted({number for number in typed if number is not None})


def _same_list(request: Request, name: str) -> str:
    query = request.GET.urlencode()
    return f"{reverse(name)}?{query}" if query else reverse(name)


def _report_result(request: Request, result: mal_exits.MovedLeads, success: str, failure: str) -> None:
    if result.moved:
        messages.success(request, f"{result.moved} lead{'' if result.moved == 1 else 's'} {success}.")
    if result.unmoved:
        messages.warning(request, f"{result.unmoved} {'was' if result.unmoved == 1 else 'were'} not: {failure}.")
