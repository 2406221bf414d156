"""The reviews that are due by the calendar (rules 8.9, 8.19 to 8.21). Pure: dates in, due reviews out."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Final

from definitions.proposal_checklist import MONTHS_BETWEEN_REVIEWS, add_months

MONTHS_TO_JOINT: Final = 6
MONTHS_TO_ANNUAL: Final = 12
MONTHS_TO_STALE: Final = 18
MONTHS_WITHOUT_DEEP: Final = 6


class Occasion(Enum):
    """The occasion of a review by the calendar; its value names the claim."""

    QUARTER = "quarter"
    JOINT = "joint"
    ANNUAL = "annual"
    OLD_VERSION = "old version"
    NO_DEEP_REVIEW = "no deep review"


@dataclass(frozen=True, slots=True)
class ReviewDates:
    """The dates from which the reviews of a definition are counted; None: there was no such review yet.

    `activated_at` is of the version in force, `adopted_at` of the definition's first version. A deep review is a full, joint
    or reconciling one. All reviews count from their decision.
    """

    adopted_at: dt.datetime
    activated_at: dt.datetime
    last_reviewed_at: dt.datetime | None = None
    last_joint_at: dt.datetime | None = None
    last_annual_at: dt.datetime | None = None
    last_deep_at: dt.datetime | None = None


@dataclass(frozen=True, slots=True)
class DueReview:
    """A review that is due since an instant."""

    occasion: Occasion
    due_at: dt.datetime


def list_due(dates: ReviewDates, *, now: dt.datetime) -> list[DueReview]:
    """Return the reviews that are due at `now`; while a joint session is, no quarterly check and no deep review besides."""
    due_reviews = [review for review in _list_next(dates) if review.due_at <= now]
    # A joint session answers what the two ask for.
    if any(review.occasion == Occasion.JOINT for review in due_reviews):
        answered = (Occasion.QUARTER, Occasion.NO_DEEP_REVIEW)
        return [review for review in due_reviews if review.occasion not in answered]
    return due_reviews


def _list_next(dates: ReviewDates) -> Iterator[DueReview]:
    reviewed_at = max(dates.last_reviewed_at or dates.activated_at, dates.adopted_at)
    deep_at = max(dates.last_deep_at or dates.activated_at, dates.activated_at)
    yield DueReview(Occasion.QUARTER, add_months(reviewed_at, MONTHS_BETWEEN_REVIEWS))
    yield DueReview(Occasion.JOINT, add_months(dates.last_joint_at or dates.adopted_at, MONTHS_TO_JOINT))
    yield DueReview(Occasion.ANNUAL, add_months(dates.last_annual_at or dates.adopted_at, MONTHS_TO_ANNUAL))
    yield DueReview(Occasion.OLD_VERSION, add_months(dates.activated_at, MONTHS_TO_STALE))
    yield DueReview(Occasion.NO_DEEP_REVIEW, add_months(deep_at, MONTHS_WITHOUT_DEEP))
