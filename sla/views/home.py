"""The home page of each role, the leaders' overview, and the deals behind its first number."""

from __future__ import annotations

import datetime as dt
from typing import Final

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
from leads.vocabulary import READERS_OF_LEADS, Motion, OutcomeKind
from sla.figure_catalogue import benchmarks
from sla.figure_catalogue.catalogue import RateKey
from sla.forecast import weekly_forecasts
from sla.home_pages import is_it_working, setup_steps, team_now, waiting_for_ops
from sla.reports import conversion_figures, pipeline_overview, play_reports, reason_counts
from sla.review_triggers.trigger_rules import TOO_MANY
from sla.views.reports import PAGE, rows_after

#: The roles whose day begins with the page Today.
_TODAY: Final = (Role.SALES_MANAGER, Role.MARKETING_OPS)


@login_required
@require_GET
def home(request: Request) -> HttpResponse:
    """Redirect to where each role's day begins: the queue, what needs attention today, or the overview (rules 12.78)."""
    roles = roles_of(request.user)
    if Role.SDR in roles:
        return redirect("queue")
    if holds(request.user, *_TODAY):
        return redirect("today")
    if holds(request.user, *READERS_OF_LEADS):
        return redirect("overview")
    return render(request, "sla/no_role.html")


@roles_required(*_TODAY, seen_by=READERS_OF_LEADS)
@require_GET
def today(request: Request) -> HttpResponse:
    """Show a manager who needs help now, and marketing ops what waits for them."""
    now = timezone.now()
    motion = motions.read_motion(request.GET)
    context: dict[str, object] = {
        "motion": motion,
        "motions": motions.list_motions_in_use(),
        "is_of_plays": motion == Motion.AQL,
        "steps": setup_steps.list_steps(),
        "now": now,
    }
    if holds(request.user, Role.SALES_MANAGER):
        reps = team_now.list_reps(request.user, motion, now=now)
        context |= {
            "is_manager": True,
            "reps": reps,
            "in_need": sum(line.needs_help for line in reps),
            "unrouted": team_now.count_unrouted(motion),
        }
    if holds(request.user, Role.MARKETING_OPS):
        context |= {
            "is_ops": True,
            "versions": waiting_for_ops.list_versions(),
            "reviews": waiting_for_ops.list_reviews(),
            "waiting": waiting_for_ops.count_waiting(now=now),
            "senders": waiting_for_ops.list_senders(now=now),
        }
    return render(request, "sla/home/today.html", context)


@roles_required(*READERS_OF_LEADS, seen_by=READERS_OF_LEADS)
@require_GET
def pipeline_deals(request: Request) -> HttpResponse:
    """List the deals behind the overview's pipeline or won amounts, the newest first."""
    now = timezone.now()
    motion = motions.read_motion(request.GET)
    kind = OutcomeKind.WON if request.GET.get("kind") == OutcomeKind.WON else OutcomeKind.OPPORTUNITY
    deals = pipeline_overview.list_deals(motion, kind, now=now)
    page = list(rows_after(deals.order_by("-pk"), request.GET.get("after", ""))[: PAGE + 1])
    context = {
        "deals": page[:PAGE],
        "more": page[PAGE - 1].pk if len(page) > PAGE else None,
        "total": deals.count(),
        "is_won": kind == OutcomeKind.WON,
        "motion": motion,
        "motions": motions.list_motions_in_use(),
        "is_of_plays": motion == Motion.AQL,
        "now": now,
    }
    return render(request, "sla/home/pipeline_deals.html", context)


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
    forecast = weekly_forecasts.find_forecast(motion, until=now)
    conversions = conversion_figures.list_conversions(motion, now=now)
    context = {
        "figures": figures,
        "motion": motion,
        "is_of_plays": is_of_plays,
        "motions": motions.list_motions_in_use(),
        "primary": motions.find_primary_choice(),
        "chart": chart,
        "too_many": TOO_MANY,
        "benchmarks": benchmarks.list_for(RateKey.REJECTION, RateKey.MQL_TO_SQL),
        "conversions": conversions,
        "answer": is_it_working.answer(figures.pipeline, figures.before, conversions, motion=motion),
        "forecasts": [] if forecast is None else forecast.result["currencies"],
        "forecast_window": [] if forecast is None else list(map(dt.date.fromisoformat, forecast.result["window"])),
        "steps": setup_steps.list_steps(),
        "now": now,
    }
    return render(request, "sla/reports/overview.html", context)
