"""The compliance report, its exports, and the promises behind a figure."""

from __future__ import annotations

import datetime as dt
from typing import Any, Final

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from config.accounts.roles import holds
from config.accounts.vocabulary import Role
from config.downloads import csv_download
from config.web import Request, typed_number
from definitions import motions
from leads.vocabulary import Motion
from sla import permissions
from sla.filters import ClockFilter
from sla.reports import compliance, compliance_page, play_reports, volume_and_yield

PERIODS: Final = (4, 12, 26, 52)
USUAL_PERIOD: Final = 12
PAGE: Final = 50


@login_required
@require_GET
def sla_report(request: Request) -> HttpResponse:
    """Report both sides' promises in one motion over the last weeks, on the handoffs that this person may see."""
    now, motion = timezone.now(), motions.read_motion(request.GET)
    weeks, start = read_period(request, now)
    handoffs, plays = permissions.visible_to(request.user), permissions.plays_visible_to(request.user)
    card = compliance_page.build_scorecard(handoffs, plays, motion=motion, start=start, end=now)
    # Everybody may read the report on their own handoffs; only people with a role may read the commitments.
    context = {
        "card": card,
        "motion": motion,
        "motions": motions.list_motions_in_use(),
        "months": _read_delivered_months(motion, now),
        "yields": _read_yields(request, motion, start, now),
        "is_of_plays": motion == Motion.AQL,
        "weeks": weeks,
        "periods": PERIODS,
        "now": now,
        "reads_promises": holds(request.user, *Role),
    }
    return render(request, "sla/reports/compliance.html", context)


@login_required
@require_GET
def sla_export(request: Request) -> HttpResponseBase:
    now, motion = timezone.now(), motions.read_motion(request.GET)
    _, start = read_period(request, now)
    by: compliance.By = "week" if request.GET.get("by") == "week" else "rep"
    handoffs, plays = permissions.visible_to(request.user), permissions.plays_visible_to(request.user)
    figures = compliance.read_figures(motion=motion, start=start, end=now, by=by, handoffs=handoffs, plays=plays)
    return csv_download(f"{motion}-sla-by-{by}", compliance.HEADER, map(compliance.cells, figures))


@login_required
@require_GET
def sla_yield_export(request: Request) -> HttpResponseBase:
    now, motion = timezone.now(), motions.read_motion(request.GET)
    _, start = read_period(request, now)
    rows = _read_yields(request, motion, start, now)
    return csv_download(
        f"{motion}-to-meeting-by-rep", volume_and_yield.header(motion), map(volume_and_yield.cells, rows)
    )


@login_required
@require_GET
def sla_rows(request: Request) -> HttpResponse:
    """List the promises behind a figure of one motion, the newest first."""
    now, motion = timezone.now(), motions.read_motion(request.GET)
    _, start = read_period(request, now)
    handoffs, plays = permissions.visible_to(request.user), permissions.plays_visible_to(request.user)
    clocks = compliance.select_clocks(motion=motion, handoffs=handoffs, plays=plays).filter(started_at__lt=now)
    about = "play__company" if motion == Motion.AQL else "handoff__lead__company"
    clocks = clocks.select_related(about, "rep__user").order_by("-pk")
    clock_filter = ClockFilter(request.GET, queryset=clocks, request=request)
    rows = clock_filter.qs if request.GET.get("week") else clock_filter.qs.filter(started_at__gte=start)
    page = list(rows_after(rows, request.GET.get("after", ""))[: PAGE + 1])
    more = page[PAGE - 1].pk if len(page) > PAGE else None
    context = {
        "motion": motion,
        "motions": motions.list_motions_in_use(),
        "rows": compliance.with_remarks(page[:PAGE]),
        "is_of_plays": motion == Motion.AQL,
        "more": more,
        "total": rows.count(),
        "filter": clock_filter,
        "start": start,
        "now": now,
    }
    return render(request, "sla/reports/compliance_rows.html", context)


def _read_delivered_months(motion: Motion, now: dt.datetime) -> list[volume_and_yield.DeliveredVolume]:
    if motion == Motion.AQL:
        return play_reports.read_delivered_months(now=now)
    return volume_and_yield.read_delivered_months(motion=motion, now=now)


def _read_yields(
    request: Request, motion: Motion, start: dt.datetime, now: dt.datetime
) -> list[volume_and_yield.RepYield]:
    if motion == Motion.AQL:
        return play_reports.read_yields(permissions.plays_visible_to(request.user), start=start, end=now)
    return volume_and_yield.read_yields(permissions.visible_to(request.user), motion=motion, start=start, end=now)


def read_period(request: Request, now: dt.datetime) -> tuple[int, dt.datetime]:
    """Return the number of weeks, the running one included, and the instant at which the first began."""
    typed = request.GET.get("weeks", "")
    weeks = int(typed) if typed in {str(count) for count in PERIODS} else USUAL_PERIOD
    return weeks, compliance.week_start(now - dt.timedelta(weeks=weeks - 1))


def rows_after(rows: Any, after: str) -> Any:
    last = typed_number(after)
    return rows if last is None else rows.filter(pk__lt=last)
