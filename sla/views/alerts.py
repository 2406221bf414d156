"""The page of a person's alert preferences."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from config.web import Request
from sla.forms.alerts import AlertForm
from sla.models import AlertSettings
from sla.notifications import preferences, slack


@sensitive_post_parameters("slack_url")
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def settings(request: Request) -> HttpResponse:
    """Show and save a person's own alert preferences."""
    chosen = preferences.for_user(request.user)
    form = AlertForm(request.POST if request.method == "POST" else None, chosen=chosen)
    if form.is_bound and form.is_valid():
        preferences.save_preferences(user=request.user, preferences=form.read_preferences())
        messages.success(request, "Saved.")
        return redirect("alerts")
    context = {
        "form": form,
        "kinds": list(zip(form["email_kinds"], form["slack_kinds"], strict=True)),
        **_webhook_context(chosen),
        "hours": preferences.work_calendars_of(request.user),
    }
    return render(request, "sla/notifications/preferences.html", context, status=422 if form.is_bound else 200)


def _webhook_context(chosen: AlertSettings) -> dict[str, str]:
    try:
        return {"webhook": slack.mask_webhook(preferences.read_webhook(chosen))}
    except preferences.WebhookLost as lost:
        return {"webhook_lost": str(lost)}


@login_required
@require_POST
def send_test(request: Request) -> HttpResponse:
    try:
        preferences.send_test(user=request.user)
    except (slack.BadWebhook, slack.NotDelivered) as refusal:
        messages.error(request, f"Slack did not take the test: {refusal}")
    else:
        messages.success(request, "Sent. Look into the channel.")
    return redirect("alerts")
