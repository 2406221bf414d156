"""Subscriptions to reports: begun on a report's page, listed, and ended there or by the link in the mail (rules 12.62)."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from config.web import Request, show_refused_step
from sla.models import ReportSubscription
from sla.report_subscriptions import subscriptions
from sla.reports import report_names
from sla.reports.framework.report_entry import UnknownReport


@login_required
@require_POST
def report_subscribe(request: Request, name: str) -> HttpResponse:
    """Subscribe to the report for the motion, weeks and filters in the address."""
    try:
        entry = report_names.find_report(name)
    except UnknownReport as unknown:
        raise Http404(str(unknown)) from unknown
    if not entry.is_open_to(request.user):
        raise PermissionDenied
    try:
        subscriptions.subscribe(entry=entry, parameters=request.GET, user=request.user, now=timezone.now())
    except subscriptions.SubscriptionRefused as refusal:
        return show_refused_step(str(refusal), link=request.path.removesuffix("subscribe/"), label="Back to the report")
    messages.success(request, f"{entry.title} comes to {request.user.email} every Monday morning.")
    return redirect("report_subscriptions")


@login_required
@require_GET
def subscription_list(request: Request) -> HttpResponse:
    """List a person's own subscriptions."""
    rows = subscriptions.list_current(request.user)
    titles = {name: entry.title for name, entry in report_names.REPORTS.items()}
    context = {"subscriptions": [(row, titles.get(row.report, row.report)) for row in rows], "now": timezone.now()}
    return render(request, "sla/reports/subscriptions.html", context)


@login_required
@require_POST
def subscription_end(request: Request, pk: int) -> HttpResponse:
    subscription = get_object_or_404(ReportSubscription, pk=pk, user=request.user)
    if subscriptions.end(subscription, now=timezone.now()):
        messages.success(request, "This report is sent no more.")
    return redirect("report_subscriptions")


@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def unsubscribe(request: HttpRequest, token: str) -> HttpResponse:
    """Show the button that ends a subscription, and end it: programs that follow links in mails press no button.

    The signed token is the right to do so, hence no sign-in and no token against forged forms: mail programs post as well.
    """
    subscription = subscriptions.read_token(token)
    if subscription is None:
        raise Http404
    if request.method == "POST":
        subscriptions.end(subscription, now=timezone.now())
        subscription.refresh_from_db()
    entry = report_names.REPORTS.get(subscription.report)
    context = {
        "title": entry.title if entry else subscription.report,
        "is_ended": subscription.ended_at is not None,
    }
    return render(request, "sla/reports/unsubscribe.html", context)
