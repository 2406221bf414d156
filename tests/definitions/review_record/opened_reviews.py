"""Reviews for the tests of their record, opened as people open them."""

from __future__ import annotations

from typing import Any

from config.accounts.models import User
from config.accounts.vocabulary import Role
from definitions import reviews
from definitions.models import Review
from definitions.review_record import participants, steps
from definitions.review_record.participants import SeatTaken
from definitions.vocabulary import OPENED_BY_HAND, ReviewKind, ReviewSeat, ReviewTrigger
from tests.factories import NOW, UserFactory, VersionFactory


def open_review(trigger: ReviewTrigger = ReviewTrigger.MANUAL, **changes: Any) -> Review:
    """Open a review of a new definition with a version in force; by Accord unless `by` says otherwise."""
    version = changes.pop("version", None) or VersionFactory(active=True)
    opening: dict[str, Any] = {
        "definition": version.definition,
        "trigger": trigger,
        "kind": OPENED_BY_HAND.get(trigger) or ReviewKind.LIGHT,
        "title": "A look at it",
        "evidence": {},
        "proposal": "",
        "now": NOW,
    }
    return reviews.open_review(**(opening | changes))


def four_roles() -> list[SeatTaken]:
    """Return one new person for each of the four seats."""
    return [SeatTaken(UserFactory(roles=[role]), seat) for seat, role in participants.ROLE_OF_SEAT.items()]


def open_reconciliation() -> tuple[Review, User]:
    """Open a reconciliation with all four roles; return it with the new leader, who leads sales."""
    marketing, sales, *others = four_roles()
    new_leader = SeatTaken(sales.person, ReviewSeat.SALES, is_new_leader=True)
    review = open_review(ReviewTrigger.NEW_LEADER, taking_part=[marketing, new_leader, *others])
    return review, sales.person


def tick_all(review: Review) -> None:
    ops = UserFactory(roles=[Role.MARKETING_OPS])
    for point in review.checklist.all():
        steps.tick(review=review, point=point.pk, is_done=True, by=ops, now=NOW)


def decide(review: Review, **changes: Any) -> Review:
    """Decide a review as a new sales leader, unless `by` says otherwise."""
    decision = {"decision": "Keep it.", "reasoning": "It works.", "now": NOW}
    by = changes.pop("by", None) or UserFactory(roles=[Role.SALES_LEADER])
    return reviews.decide_review(review=review, by=by, **(decision | changes))
