"""Opening a review: its checklist, its participants, and what is refused (rules 8.27 to 8.29)."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from config.accounts.vocabulary import Role
from definitions import permissions, reviews
from definitions.models import Review
from definitions.review_record import checklists, participants
from definitions.review_record.participants import SeatTaken
from definitions.vocabulary import ReviewKind, ReviewSeat, ReviewTrigger
from leads.exceptions import Refused
from tests.definitions.review_record.opened_reviews import four_roles, open_review
from tests.definitions.version_lifecycles import create_active
from tests.factories import DAY, NOW, UserFactory, VersionFactory

pytestmark = pytest.mark.django_db


def open_by_hand(**changes: Any) -> Review:
    opening = {
        "definition": VersionFactory(active=True).definition,
        "trigger": ReviewTrigger.MANUAL,
        "title": "A look at it",
        "about": "Sales asked.",
        "now": NOW,
    }
    by = changes.pop("by", None) or UserFactory(roles=[Role.MARKETING_OPS])
    return reviews.open_by_hand(by=by, **(opening | changes))


def seats(review: Review) -> list[tuple[str, str]]:
    return [(one.seat, str(one.person)) for one in participants.list_present(review)]


def test_both_leaders_and_the_owner_take_part_in_a_review_that_accord_opens() -> None:
    marketing, sales = (UserFactory(roles=[role]) for role in (Role.MARKETING_LEADER, Role.SALES_LEADER))
    owner = UserFactory(roles=[Role.MARKETING_OPS])
    UserFactory(roles=[Role.SALES_LEADER], is_active=False)

    review = open_review(ReviewTrigger.REJECTION_SPIKE, version=VersionFactory(active=True, owner=owner.email.upper()))

    people = seats(review)
    assert {("marketing", str(marketing)), ("sales", str(sales)), ("ops", str(owner))} <= set(people)
    assert {seat for seat, _ in people} == {"marketing", "sales", "ops"}
    assert all(one.person.is_active for one in participants.list_present(review))
    assert not review.participants.filter(added_by__isnull=False).exists()


@pytest.mark.parametrize("trigger", ReviewTrigger)
@pytest.mark.parametrize("kind", ReviewKind)
def test_every_review_has_a_checklist(trigger: ReviewTrigger, kind: ReviewKind) -> None:
    assert len(checklists.build_checklist(trigger=trigger, kind=kind, version=None)) >= 3


def test_a_new_market_and_a_reconciliation_have_checklists_of_their_own() -> None:
    market = open_review(ReviewTrigger.NEW_MARKET).checklist.values_list("text", flat=True)
    reconciliation = open_review(ReviewTrigger.NEW_LEADER, version=create_active()).checklist.filter(is_required=True)

    assert any("scope of its own" in text for text in market)
    required = " ".join(reconciliation.values_list("text", flat=True))
    assert "Read the definition in force" in required
    assert "Align on the paths" in required
    assert "Align on the account" not in required


def test_the_pack_is_built_for_openers_alone_and_before_the_definition_is_locked(monkeypatch) -> None:
    statements = []

    def read(*_: Any, **__: Any) -> dict[str, Any]:
        statements.append([query["sql"] for query in captured.captured_queries])
        return {"pack": True}

    monkeypatch.setattr(reviews, "_pack_readers", [read])
    with CaptureQueriesContext(connection) as captured:
        with pytest.raises(permissions.NotAllowed):
            open_by_hand(by=UserFactory(roles=[Role.SDR]))
        assert not statements
        definition, by = VersionFactory(active=True).definition, UserFactory(roles=[Role.MARKETING_OPS])
        captured.initial_queries = len(connection.queries_log)
        review = open_by_hand(definition=definition, by=by)

    assert review.evidence["pack"]
    assert not [sql for sql in statements[0] if " FOR " in sql]


@pytest.mark.parametrize(
    ("trigger", "kind"),
    [
        (ReviewTrigger.NEW_MARKET, ReviewKind.JOINT),
        (ReviewTrigger.ICP_CHANGE, ReviewKind.FULL),
        (ReviewTrigger.JOINT, ReviewKind.JOINT),
        (ReviewTrigger.ANNUAL, ReviewKind.FULL),
        (ReviewTrigger.QUARTER, ReviewKind.LIGHT),
        (ReviewTrigger.MANUAL, ReviewKind.LIGHT),
    ],
)
def test_what_is_opened_by_hand_has_the_kind_of_its_trigger(trigger: ReviewTrigger, kind: ReviewKind) -> None:
    review = open_by_hand(trigger=trigger)

    assert (review.trigger, review.kind, review.proposal) == (trigger, kind, "Sales asked.")


def test_a_manual_review_may_be_of_any_kind() -> None:
    assert open_by_hand(kind=ReviewKind.SPOT).kind == ReviewKind.SPOT


def test_a_request_sent_twice_opens_one_review() -> None:
    ops, definition = UserFactory(roles=[Role.MARKETING_OPS]), VersionFactory(active=True).definition

    first, again = (open_by_hand(by=ops, definition=definition, request_key="a") for _ in range(2))

    assert first == again
    # Sent again after the meeting, it is the same call still.
    meeting = {"by": ops, "definition": definition, "request_key": "c", "meets_at": NOW + DAY}
    assert open_by_hand(**meeting) == open_by_hand(**meeting, now=NOW + 2 * DAY)
    assert open_by_hand(by=ops, definition=definition, request_key="b") != first
    assert open_by_hand(definition=definition, request_key="a") != first


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"trigger": ReviewTrigger.VOLUME_SPIKE}, "trigger"),
        ({"title": " "}, "title"),
        ({"meets_at": NOW - DAY}, "meets_at"),
        ({"trigger": ReviewTrigger.NEW_MARKET, "kind": ReviewKind.LIGHT}, "kind"),
        ({"trigger": ReviewTrigger.NEW_LEADER}, "new_leader"),
    ],
)
def test_what_cannot_be_opened_by_hand_names_its_field(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(Refused) as refusal:
        open_by_hand(**changes)

    assert refusal.value.field == field
    assert not Review.objects.exists()


@pytest.mark.parametrize("role", [Role.SDR, Role.SALES_MANAGER, Role.VIEWER])
def test_only_ops_and_leaders_open_reviews(role: Role) -> None:
    with pytest.raises(permissions.NotAllowed):
        open_by_hand(by=UserFactory(roles=[role]))


def test_a_seat_needs_its_role() -> None:
    viewer = UserFactory(roles=[Role.VIEWER])

    with pytest.raises(Refused, match="needs the role Marketing ops for the seat “Marketing ops”"):
        open_by_hand(taking_part=[SeatTaken(viewer, ReviewSeat.OPS)])


def test_a_person_has_one_seat() -> None:
    one, *others = four_roles()

    review = open_by_hand(taking_part=[one, *others, SeatTaken(one.person, ReviewSeat.GUEST)])

    assert len(seats(review)) == 4
