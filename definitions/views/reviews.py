"""The list of reviews with its export, and the page of one, on which it is decided."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.db.models import Q
from django.forms import Form
from django.http import Http404, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods

from config.accounts.roles import holds, roles_required
from config.downloads import csv_download
from config.web import Request, show_refused_step, typed_number
from definitions import motions, permissions, reviews
from definitions.filters import ReviewFilter
from definitions.forms import ReviewDecisionForm
from definitions.models import Review, ReviewQuerySet
from definitions.presenters import review_page
from definitions.review_forms import (
    AcknowledgeForm,
    BlockForm,
    CloseGapForm,
    EscalateForm,
    GapForm,
    ReviewMeetingForm,
    SeatForm,
    UnblockForm,
)
from definitions.review_record import access
from definitions.vocabulary import ReviewState
from leads.vocabulary import READERS_OF_LEADS

PAGE: Final = 50
#: The filters that may leave nothing to show; a motion has its own switch.
NARROWING: Final = ("state", "kind", "trigger", "definition")
#: The forms of the page by the name of their step.
STEP_FORMS: Final = {
    "escalate": EscalateForm,
    "block": BlockForm,
    "unblock": UnblockForm,
    "acknowledge": AcknowledgeForm,
    "meeting": ReviewMeetingForm,
    "seat": SeatForm,
    "gap": GapForm,
    "close-gap": CloseGapForm,
}
HEADER: Final = (
    "id", "title", "definition", "motion", "version", "trigger", "kind", "state", "opened at", "opened by", "due at",
    "meeting", "escalated to", "blocked on", "decided at", "decided by", "decision", "reasoning", "led to",
)  # fmt: skip


@roles_required(*READERS_OF_LEADS)
@require_GET
def review_list(request: Request) -> HttpResponse:
    """List the reviews to decide, by the day when they are due, then a page of the decided ones, the latest first."""
    chosen = ReviewFilter(request.GET, queryset=_select())
    motion = motions.read_motion_filter(request.GET)
    rows = chosen.qs
    decided = list(_decided_after(rows, typed_number(request.GET.get("after", "")))[: PAGE + 1])
    context = {
        "filter": chosen,
        "is_filtered": any(request.GET.get(name) for name in NARROWING),
        "motion": motion,
        "motions": motions.list_motions_in_use(),
        "undecided": sorted(rows.undecided(), key=lambda review: (review.due_at, review.pk)),
        "decided": decided[:PAGE],
        "more": decided[PAGE - 1].pk if len(decided) > PAGE else None,
        "may_open": holds(request.user, *access.OPENERS),
        "now": timezone.now(),
    }
    return render(request, "definitions/reviews/reviews.html", context)


@roles_required(*READERS_OF_LEADS)
@require_GET
def review_export(request: Request) -> HttpResponseBase:
    """Send the reviews that the list shows as CSV, the latest first."""
    # Refuses an unknown motion, which the filter would leave out.
    motions.read_motion_filter(request.GET)
    rows = ReviewFilter(request.GET, queryset=_select()).qs.order_by("-opened_at", "-pk")
    return csv_download("reviews", HEADER, _export_rows(rows))


@login_required
@require_http_methods(["GET", "POST"])
def review(request: Request, pk: int) -> HttpResponse:
    """Show a review with its evidence and record; whoever may decide it does so here."""
    row = find_review(request, pk)
    if request.method == "GET":
        return show_review(request, row)
    if row.decided_at is not None and access.may_work(request.user, row):
        return show_overtaken(row, reviews.ReviewDecided(row))
    if not access.may_decide(request.user, row) and not holds(request.user, *access.LEADERS):
        raise Http404
    form = ReviewDecisionForm(request.POST, review=row)
    if not form.is_valid():
        return show_review(request, row, {"decide": form}, status=422)
    try:
        reviews.decide_review(review=row, by=request.user, now=timezone.now(), **form.cleaned_data)
    except reviews.ReviewOvertaken as refusal:
        return show_overtaken(row, refusal)
    except (reviews.ReviewRefused, permissions.NotAllowed) as refusal:
        form.add_error(None, str(refusal))
        return show_review(request, row, {"decide": form}, status=422)
    messages.success(request, "Decided. The record is kept with its evidence.")
    return redirect("review", row.pk)


def find_review(request: Request, pk: int) -> Review:
    """Return a review that the person may read. Raises Http404, PermissionDenied."""
    row = _select().select_related("escalated_to", "opened_by").filter(pk=pk).first()
    if row is None or not access.may_read(request.user, row):
        if holds(request.user, *READERS_OF_LEADS):
            raise Http404
        raise PermissionDenied
    return row


def show_review(
    request: Request, row: Review, bound_forms: Mapping[str, Form] | None = None, *, status: int = 200
) -> HttpResponse:
    """Render the page of a review; `bound_forms` are those that came back with errors, by the name of their step."""
    forms: dict[str, Form] = {name: form(review=row) for name, form in STEP_FORMS.items()}
    forms["decide"] = ReviewDecisionForm(review=row)
    context = {
        "review": row,
        "page": review_page.build_review_page(row, request.user),
        # Templates look keys up by attribute, which cannot have a hyphen.
        "forms": {name.replace("-", "_"): form for name, form in (forms | dict(bound_forms or {})).items()},
        "is_overdue": row.is_overdue(timezone.now()),
        "may_list": holds(request.user, *READERS_OF_LEADS),
        "now": timezone.now(),
        **review_page.build_evidence_for(row, request.user),
    }
    return render(request, "definitions/reviews/review.html", context, status=status)


def show_overtaken(row: Review, refusal: reviews.ReviewOvertaken) -> HttpResponse:
    return show_refused_step(str(refusal), link=reverse("review", args=[row.pk]))


def _select() -> ReviewQuerySet:
    return Review.objects.select_related(
        "definition", "version__definition", "decided_by", "escalated_to", "led_to__definition"
    )


def _decided_after(rows: ReviewQuerySet, after: int | None) -> ReviewQuerySet:
    """Return the decided reviews, the latest first, after the one with this id."""
    decided = rows.in_state(ReviewState.DECIDED)
    last = Review.objects.filter(pk=after, decided_at__isnull=False).first() if after is not None else None
    if last is not None:
        decided = decided.filter(Q(decided_at__lt=last.decided_at) | Q(decided_at=last.decided_at, pk__lt=last.pk))
    return decided.order_by("-decided_at", "-pk")


def _export_rows(rows: ReviewQuerySet) -> Iterator[tuple[Any, ...]]:
    for row in rows.select_related("opened_by").iterator(chunk_size=500):
        yield (
            row.pk, row.title, row.definition.name, row.definition.motion, row.version or "",
            row.get_trigger_display(), row.get_kind_display(), row.state.label, row.opened_at.isoformat(),
            row.opened_by or "Accord", row.due_at.isoformat(), row.meets_at.isoformat() if row.meets_at else "",
            row.escalated_to or "", row.blocked_on, row.decided_at.isoformat() if row.decided_at else "",
            row.decided_by or "", row.decision, row.reasoning, row.led_to or "",
        )  # fmt: skip
