"""The list of reviews, and the page on which leaders decide one."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods

from config import lock_waits
from config.accounts.roles import holds, roles_required
from config.accounts.vocabulary import Role
from config.web import Request, show_refused_step
from definitions import motions, permissions, reviews
from definitions.forms import ReviewDecisionForm
from definitions.models import Review
from definitions.presenters import published_page
from leads.vocabulary import READERS_OF_LEADS

LEADERS = (Role.MARKETING_LEADER, Role.SALES_LEADER)


@roles_required(*READERS_OF_LEADS)
@require_GET
def review_list(request: Request) -> HttpResponse:
    """List the reviews of the definitions of one motion or of all."""
    motion = motions.read_motion_filter(request.GET)
    rows = Review.objects.select_related("definition", "version__definition", "decided_by", "led_to__definition")
    if motion is not None:
        rows = rows.filter(definition__motion=motion)
    context = {
        "motion": motion,
        "motions": motions.list_motions_in_use(),
        "undecided": rows.undecided().order_by("-opened_at", "-pk"),
        "decided": rows.filter(decided_at__isnull=False).order_by("-decided_at", "-pk")[:100],
        "now": timezone.now(),
    }
    return render(request, "definitions/reviews/reviews.html", context)


@roles_required(*READERS_OF_LEADS)
@require_http_methods(["GET", "POST"])
def review(request: Request, pk: int) -> HttpResponse:
    """Show a review with its evidence; the leaders decide it here."""
    reviews_with_people = Review.objects.select_related(
        "definition", "version__definition", "opened_by", "decided_by", "led_to__definition"
    )
    row = get_object_or_404(reviews_with_people, pk=pk)
    may_decide = row.decided_at is None and holds(request.user, *LEADERS)
    if request.method == "POST" and not holds(request.user, *LEADERS):
        raise Http404
    if request.method == "POST" and row.decided_at is not None:
        return _show_decided(row, reviews.ReviewDecided(row))
    form = ReviewDecisionForm(request.POST or None, definition=row.definition)
    if request.method == "POST" and form.is_valid():
        return _decide(request, row, form)
    context = {
        "review": row,
        "form": form,
        "may_decide": may_decide,
        "now": timezone.now(),
        **published_page.build_evidence_context(row),
    }
    return render(request, "definitions/reviews/review.html", context, status=422 if request.method == "POST" else 200)


def _decide(request: Request, row: Review, form: ReviewDecisionForm) -> HttpResponse:
    try:
        with lock_waits.limit_lock_waits():
            reviews.decide_review(review=row, by=request.user, now=timezone.now(), **form.cleaned_data)
    except reviews.ReviewDecided as refusal:
        return _show_decided(row, refusal)
    except (reviews.ReviewRefused, permissions.NotAllowed) as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, "Decided. The record is kept with its evidence.")
    return redirect(reverse("review", args=[row.pk]))


def _show_decided(row: Review, refusal: reviews.ReviewDecided) -> HttpResponse:
    return show_refused_step(str(refusal), link=reverse("review", args=[row.pk]))
