from __future__ import annotations

import datetime as dt
from typing import Any, Final

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from config.downloads import csv_download
from config.web import Request, holds, typed_number
from leads.vocabulary import Role
from sla import access, compliance, delivered, scorecard
from sla.filters import ClockFilter
from sla.models import Clock

PERIODS: Final = (4, 12, 26, 52)
USUAL_PERIOD: Final = 12
PAGE: Final = 50


@login_required
@require_GET
def sla_report(request: Request) -> HttpResponse:
    """Both sides' promises over the last weeks, of the handoffs this person may see."""
    now = timezone.now()
    weeks, start = period(request, now)
    visible = access.visible_to(request.user)
    card = scorecard.of(visible, start=start, end=now)
    # The report of what one may see is everybody's; the commitments are read by those who have a role.
    context = {
        "card": card,
        "months": delivered.months(now=now),
        "yields": delivered.yields(visible, start=start, end=now),
        "weeks": weeks,
        "periods": PERIODS,
        "now": now,
        "reads_promises": holds(request.user, *Role),
    }
    return render(request, "sla/reports/compliance.html", context)


@login_required
@require_GET
def sla_export(request: Request) -> HttpResponseBase:
    now = timezone.now()
    _, start = period(request, now)
    by: compliance.By = "week" if request.GET.get("by") == "week" else "rep"
    figures = compliance.promises(start=start, end=now, by=by, handoffs=access.visible_to(request.user))
    return csv_download(f"sla-by-{by}", compliance.HEADER, map(compliance.cells, figures))


@login_required
@require_GET
def sla_yield_export(request: Request) -> HttpResponseBase:
    now = timezone.now()
    _, start = period(request, now)
    rows = delivered.yields(access.visible_to(request.user), start=start, end=now)
    return csv_download("mql-to-meeting-by-rep", delivered.HEADER, map(delivered.cells, rows))


@login_required
@require_GET
def sla_rows(request: Request) -> HttpResponse:
    """The promises behind a figure, the newest first."""
    now = timezone.now()
    _, start = period(request, now)
    clocks = Clock.objects.filter(
        handoff__in=access.visible_to(request.user).order_by().values("pk"), started_at__lt=now
    )
    clocks = clocks.select_related("handoff__lead__company", "rep__user").order_by("-pk")
    found = ClockFilter(request.GET, queryset=clocks, request=request)
    rows = found.qs if request.GET.get("week") else found.qs.filter(started_at__gte=start)
    page = list(keyset(rows, request.GET.get("after", ""))[: PAGE + 1])
    more = page[PAGE - 1].pk if len(page) > PAGE else None
    context = {
        "rows": compliance.remarked(page[:PAGE]),
        "more": more,
        "total": rows.count(),
        "filter": found,
        "start": start,
        "now": now,
    }
    return render(request, "sla/reports/compliance_rows.html", context)


def period(request: Request, now: dt.datetime) -> tuple[int, dt.datetime]:
    """How many weeks, the running one included, and the instant at which the first began."""
    asked = request.GET.get("weeks", "")
    weeks = int(asked) if asked in {str(count) for count in PERIODS} else USUAL_PERIOD
    return weeks, compliance.week_of(now - dt.timedelta(weeks=weeks - 1))


def keyset(rows: Any, after: str) -> Any:
    last = typed_number(after)
    return rows if last is None else rows.filter(pk__lt=last)
