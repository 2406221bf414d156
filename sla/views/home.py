from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET

from config.charts import Series, line_chart
from config.web import Request, holds, roles_of, roles_required
from leads.vocabulary import READERS_OF_LEADS, Role
from sla import dashboard
from sla.watch import TOO_MANY


@login_required
@require_GET
def home(request: Request) -> HttpResponse:
    """Where each role's day begins: the queue, the compliance report, or the overview."""
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
def overview(request: Request) -> HttpResponse:
    """Pipeline first, then acceptance, then what waits (SPEC 12)."""
    now = timezone.now()
    figures = dashboard.overview(now=now)
    rates = [None if month.rejection is None else month.rejection * 100 for month in figures.months]
    chart = line_chart(
        "Rejection rate by month",
        [month.label for month in figures.months],
        [Series("Rejected", "bad", rates)],
        target=(TOO_MANY, f"{TOO_MANY} %: review"),
    )
    context = {"figures": figures, "chart": chart, "too_many": TOO_MANY, "now": now}
    return render(request, "sla/reports/overview.html", context)
