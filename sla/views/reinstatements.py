"""Disqualified leads that raised their hand, and bringing one back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods

from config.accounts.roles import roles_required
from config.downloads import csv_download
from config.web import Request, typed_number
from leads.models import Lead
from leads.vocabulary import READERS_OF_LEADS
from scoring.models import HandRaise, HandRaiseQuerySet
from sla.forms.reinstatements import ReinstateForm
from sla.handoffs import reinstatements
from sla.models import Disposition, Reinstatement

PAGE: Final = 50
HEADER: Final = (
    "lead",
    "name",
    "email",
    "disqualified_as",
    "disqualified_at",
    "disqualified_by",
    "asked",
    "asked_at",
    "what_followed",
)
_RELATED: Final = ("disposition__reason", "disposition__sub_reason", "disposition__by")


@dataclass(frozen=True, slots=True)
class HandRaiseRow:
    """A request of a disqualified lead: what had disqualified it, and what followed."""

    hand_raise: HandRaise
    disposition: Disposition | None
    reinstatement: Reinstatement | None

    @property
    def what_followed(self) -> str:
        if self.hand_raise.why_closed:
            return self.hand_raise.why_closed
        if self.hand_raise.handled_at is None:
            return "Not handled yet."
        return "Came back." if self.reinstatement else "It had come back before."

    @property
    def tone(self) -> str:
        return "bad" if self.hand_raise.why_closed else "good"


@roles_required(*READERS_OF_LEADS, seen_by=READERS_OF_LEADS)
@require_GET
def hand_raise_list(request: Request) -> HttpResponse:
    """Show the requests of disqualified leads, the latest first."""
    rows = _read_rows(typed_number(request.GET.get("after", "")))
    page = list(rows[: PAGE + 1])
    context = {
        "rows": list(_build_rows(page[:PAGE])),
        "more": page[PAGE - 1].pk if len(page) > PAGE else None,
        "now": timezone.now(),
    }
    return render(request, "sla/nurture/hand_raises.html", context)


@roles_required(*READERS_OF_LEADS, seen_by=READERS_OF_LEADS)
@require_GET
def hand_raise_export(_request: Request) -> HttpResponseBase:
    """Return all of them as a file."""
    return csv_download("hand-raises", HEADER, _export_rows())


@roles_required(*reinstatements.REINSTATERS, seen_by=READERS_OF_LEADS)
@require_http_methods(["GET", "POST"])
def lead_reinstate(request: Request, pk: int) -> HttpResponse:
    """Ask for a reason, and bring a disqualified lead back to marketing."""
    lead = get_object_or_404(Lead, pk=pk)
    form = ReinstateForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            reinstatements.reinstate(lead=lead, by=request.user, now=timezone.now(), reason=form.cleaned_data["reason"])
        except reinstatements.ReinstatementRefused as refusal:
            messages.warning(request, str(refusal))
            return redirect("lead", pk)
        except reinstatements.ReasonMissing as refusal:
            form.add_error("reason", str(refusal))
        else:
            messages.success(
                request, f"{lead.name} is back with marketing. What it has done since may qualify it at once."
            )
            return redirect("lead", pk)
    context = {"lead": lead, "form": form, **_describe(lead)}
    return render(request, "sla/nurture/reinstate.html", context, status=422 if form.is_bound else 200)


def _describe(lead: Lead) -> dict[str, str]:
    """Return why a lead is disqualified, and why it stays closed if it does, as sentences for its page; else nothing."""
    disqualification = reinstatements.read_disqualification(lead)
    if disqualification is None:
        return {}
    return {"disqualified": f"{disqualification.text}.", "stays_closed": disqualification.reason_to_stay_closed}


def _read_rows(after: int | None = None) -> HandRaiseQuerySet:
    rows = HandRaise.objects.select_related("lead", "event__signal").order_by("-pk")
    return rows if after is None else rows.filter(pk__lt=after)


def _build_rows(hand_raises: Iterable[HandRaise]) -> Iterator[HandRaiseRow]:
    hand_raises = list(hand_raises)
    returns = Reinstatement.objects.filter(hand_raise__in=hand_raises).select_related(*_RELATED)
    by_request = {row.hand_raise_id: row for row in returns}
    last: dict[int, Disposition] = {}
    closed = [row.lead_id for row in hand_raises if row.pk not in by_request]
    for disposition in reinstatements.list_disqualifications(closed):
        last.setdefault(disposition.handoff.lead_id, disposition)
    for row in hand_raises:
        back = by_request.get(row.pk)
        yield HandRaiseRow(row, back.disposition if back else last.get(row.lead_id), back)


def _export_rows() -> Iterator[tuple[object, ...]]:
    after: int | None = None
    while page := list(_read_rows(after)[:PAGE]):
        for row in _build_rows(page):
            lead, disposition = row.hand_raise.lead, row.disposition
            yield (
                lead.pk,
                lead.name,
                lead.email,
                disposition.reason_text if disposition else "",
                disposition.at.isoformat() if disposition else "",
                disposition.by_name if disposition else "",
                row.hand_raise.event.signal.name,
                row.hand_raise.event.occurred_at.isoformat(),
                row.what_followed,
            )
        after = page[-1].pk
