"""The entry page of each role, and the leaders' overview."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET

from config.accounts.roles import holds, roles_of, roles_required
from config.accounts.vocabulary import Role
from config.charts import Series, line_chart
from config.downloads import csv_download
from config.web import Request
from definitions import motions
from leads.vocabulary import READERS_OF_LEADS, Motion
from sla.figure_catalogue import benchmarks
from sla.figure_catalogue.catalogue import RateKey
from sla.reports import conversion_figures, pipeline_overview, play_reports, reason_counts
from sla.review_triggers.trigger_rules import TOO_MANY


@login_required
@require_GET
def home(request: Request) -> HttpResponse:
    """Redirect to where each role's day begins: the queue, the compliance report, or the overview."""
    roles = roles_of(request.user)
    if Role.SDR in roles:
        return redirect("queue")
    if Role.SALES_MANAGER in roles:
        return redirect("sla_report")
    if holds(request.user, *READERS_OF_LEADS):
        return redirect("overview")
    return render(request, "sla/no_role.html")


@roles_required(*READERS_OF_LEADS)
@require_GET
def reasons_export(request: Request) -> HttpResponseBase:
    """Return the counts by reason as a file."""
    motion, now = motions.read_motion(request.GET), timezone.now()
    is_of_plays = motion == Motion.AQL
    rows = play_reports.count_reasons(now) if is_of_plays else pipeline_overview.count_reasons(motion, now)
    return csv_download(f"{motion}-rejection-reasons", reason_counts.HEADER, map(reason_counts.cells, rows))


@roles_required(*READERS_OF_LEADS)
@require_GET
def overview(request: Request) -> HttpResponse:
    """Show the pipeline first, then acceptance, then waiting work (rules 12.3)."""
    now = timezone.now()
    motion = motions.read_motion(request.GET)
    is_of_plays = motion == Motion.AQL
    figures = (
        play_reports.build_overview(now=now)
        if is_of_plays
        else pipeline_overview.build_overview(motion=motion, now=now)
    )
    rates = [None if month.rejection.rate is None else month.rejection.rate * 100 for month in figures.months]
    chart = line_chart(
        "Rejection rate by month",
        [month.label for month in figures.months],
        [Series("Rejected", "bad", rates)],
        target=(TOO_MANY, f"{TOO_MANY} %: review"),
    )
    context = {
        "figures": figures,
        "motion": motion,
        "is_of_plays": is_of_plays,
        "motions": motions.list_motions_in_use(),
        "primary": motions.find_primary_choice(),
        "chart": chart,
        "too_many": TOO_MANY,
        "benchmarks": benchmarks.list_for(RateKey.REJECTION, RateKey.MQL_TO_SQL),
        "conversions": conversion_figures.list_conversions(motion, now=now),
        "now": now,
    }
    return render(request, "sla/reports/overview.html", context)
