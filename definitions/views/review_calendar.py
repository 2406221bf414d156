"""The page of a person's calendar of reviews, and the calendar itself."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import patch_cache_control
from django.views.decorators.http import require_http_methods, require_safe

from config.icalendar import write_calendar
from config.web import Request
from definitions.review_record import calendar_feed


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def review_calendar(request: Request) -> HttpResponse:
    """Show whether the person has an address of the calendar, and issue a new one, which is shown once."""
    address = ""
    if request.method == "POST":
        if "remove" in request.POST:
            calendar_feed.remove_link(request.user)
            messages.success(request, "The address opens nothing any more.")
            return redirect("review_calendar")
        secret = calendar_feed.renew_link(request.user, now=timezone.now())
        address = request.build_absolute_uri(f"{reverse('review_feed')}?secret={secret}")
    context = {"address": address, "link": calendar_feed.find_link(request.user), "now": timezone.now()}
    return render(request, "definitions/reviews/calendar.html", context)


@require_safe
def review_feed(request: HttpRequest) -> HttpResponse:
    """Send the calendar of whoever has this secret. It stands in the query, which the log of requests leaves out."""
    owner = calendar_feed.find_owner(request.GET.get("secret", ""))
    if owner is None:
        raise Http404
    now = timezone.now()
    events = calendar_feed.list_events(
        owner,
        now=now,
        host=request.get_host(),
        build_url=lambda review: request.build_absolute_uri(reverse("review", args=[review.pk])),
    )
    text = write_calendar("Accord: reviews", events, now=now)
    response = HttpResponse(
        text,
        content_type="text/calendar; charset=utf-8",
        headers={"Content-Disposition": 'inline; filename="reviews.ics"'},
    )
    patch_cache_control(response, private=True, no_store=True)
    return response
