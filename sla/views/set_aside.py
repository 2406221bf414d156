"""The page of rows that a sweep has set aside: what could not be done, why, and when it is tried again (rules 17.5)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from config.accounts.roles import roles_required
from config.accounts.vocabulary import Role
from config.jobs import sweeps
from config.jobs.models import SetAsideRow
from config.web import Request, typed_number
from leads.intake import customer_status
from leads.rescoring import account_queue, company_rescores, rescore_queue
from leads.vocabulary import READERS_OF_LEADS
from scoring.live import quiet_leads, recency_validations, shortfalls
from sla.clocks import do_not_contact
from sla.handoffs import overdue_first_contact, routing, sales_stages
from sla.nurture import recycling
from sla.plays import play_routing

PAGE: Final = 50
#: The page of a row, by its sweep; rows of other sweeps have none.
_PAGES: Final[Mapping[str, str]] = {
    rescore_queue.SWEEP: "lead",
    quiet_leads.SWEEP: "lead",
    shortfalls.SWEEP: "lead",
    recency_validations.SWEEP: "recency_validation",
    account_queue.SWEEP: "company",
    company_rescores.SWEEP: "company",
    customer_status.SWEEP: "company",
    overdue_first_contact.SWEEP: "handoff",
    routing.SWEEP: "handoff",
    sales_stages.SWEEP: "handoff",
    do_not_contact.SWEEP: "handoff",
    recycling.SWEEP: "handoff",
    play_routing.SWEEP: "play",
}


@roles_required(Role.MARKETING_OPS, seen_by=READERS_OF_LEADS)
@require_GET
def set_aside_list(request: Request) -> HttpResponse:
    """List the rows, those that were set aside last first, with counts of each sweep above."""
    after = typed_number(request.GET.get("after", ""))
    rows = SetAsideRow.objects.order_by("-pk")
    page = list((rows if after is None else rows.filter(pk__lt=after))[: PAGE + 1])
    context = {
        "counts": sweeps.count_set_aside(),
        "rows": [_present(row) for row in page[:PAGE]],
        "more": page[PAGE - 1].pk if len(page) > PAGE else None,
        "now": timezone.now(),
    }
    return render(request, "sla/set_aside.html", context)


@roles_required(Role.MARKETING_OPS, seen_by=READERS_OF_LEADS)
@require_POST
def set_aside_retry(request: Request) -> HttpResponse:
    """Have everything that is set aside tried again at once, after its cause was mended."""
    now = timezone.now()
    # Leads and companies wait by their own dates.
    rescore_queue.request(lead_ids=sweeps.list_set_aside(rescore_queue.SWEEP, now=now), at=now)
    account_queue.request(company_ids=sweeps.list_set_aside(account_queue.SWEEP, now=now), at=now)
    count = sweeps.retry_now(now=now)
    messages.success(request, f"Being tried again: {count}." if count else "Nothing was left to be tried again.")
    return redirect("set_aside")


def _present(row: SetAsideRow) -> dict[str, Any]:
    name = _PAGES.get(row.sweep)
    return {"row": row, "url": reverse(name, args=[row.row_id]) if name else ""}
