"""The lock of a review for a step, and the refusals of steps."""

from __future__ import annotations

from config import lock_waits
from config.company_days import day_of
from definitions.models import Review, ReviewStep
from definitions.vocabulary import ReviewStepKind


class ReviewRefused(Exception):
    """The review does not allow this step; the sentence says why."""


class ReviewOvertaken(ReviewRefused):
    """A step for which somebody else was faster; the sentence says who, when and with what."""


class ReviewDecided(ReviewOvertaken):
    """A review that somebody else decided before; the sentence says who and when."""

    def __init__(self, review: Review) -> None:
        assert review.decided_at is not None  # noqa: S101 (it is decided)
        day = f"{day_of(review.decided_at):%-d %B %Y}"
        super().__init__(f"{review.decided_by} decided this review on {day}: {review.decision}")


def lock_review(review: Review) -> Review:
    """Return the review as it is now, locked until the end of the transaction. Raises RowContended."""
    with lock_waits.limit_lock_waits():
        return Review.objects.select_for_update(of=("self",), no_key=True).get(pk=review.pk)


def lock_undecided(review: Review) -> Review:
    """Lock a review that is not decided yet. Raises ReviewDecided, RowContended."""
    locked = lock_review(review)
    if locked.decided_at is not None:
        raise ReviewDecided(locked)
    return locked


def last_step(review: Review, *kinds: ReviewStepKind) -> ReviewStep | None:
    """Return the latest step of one of these kinds."""
    steps = ReviewStep.objects.filter(review=review, kind__in=kinds).select_related("by", "person")
    return steps.order_by("-pk").first()


def describe_step(step: ReviewStep) -> str:
    """Say who took the step, when, and with which words."""
    day = f"{day_of(step.at):%-d %B %Y}"
    if step.kind == ReviewStepKind.ESCALATED:
        return f"{step.by} escalated this review to {step.person} on {day}: {step.why}"
    verb = "blocked" if step.kind == ReviewStepKind.BLOCKED else "unblocked"
    return f"{step.by} {verb} this review on {day}: {step.why}"
