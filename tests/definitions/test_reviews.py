from __future__ import annotations

import datetime as dt

import pytest
from django.db import DatabaseError, transaction

from config.accounts.models import User
from config.accounts.vocabulary import Role
from definitions import permissions, reviews
from definitions.models import Definition, Review, ReviewEvidence
from definitions.vocabulary import ReviewKind, ReviewTrigger
from tests.definitions.version_lifecycles import DAY, NOW, create_active, create_draft
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db


def open_review(
    definition: Definition,
    *,
    period: str = "2026-10",
    trigger: ReviewTrigger = ReviewTrigger.REJECTION_SPIKE,
    cause: str = "",
    by: User | None = None,
    now: dt.datetime = NOW,
) -> Review:
    return reviews.open_review(
        definition=definition,
        trigger=trigger,
        kind=ReviewKind.FULL,
        title="41 % rejected in October",
        evidence={"rejected": 41, "decided": 100},
        proposal="Tighten the gate.",
        now=now,
        period=period,
        cause=cause,
        by=by,
    )


def decide(review: Review, **changes: object) -> Review:
    decision = {
        "decision": "Tighten.",
        "reasoning": "52 % are fit.",
        "by": UserFactory(roles=[Role.SALES_LEADER]),
        "now": NOW + DAY,
    }
    return reviews.decide_review(review=review, **(decision | changes))


def test_a_review_keeps_its_evidence_and_the_version_in_force() -> None:
    version = create_active()

    review = open_review(version.definition)

    assert review.version == version
    assert review.evidence == {"rejected": 41, "decided": 100, "period": "2026-10"}
    assert review.opened_by is None


def test_a_persistent_condition_adds_evidence_to_the_open_review() -> None:
    definition = create_draft().definition
    review = open_review(definition)

    again = [open_review(definition, period=period) for period in ("2026-10", "2026-11", "2026-11")]

    assert again == [review] * 3
    assert list(ReviewEvidence.objects.values_list("period", flat=True)) == ["2026-11"]


def test_another_trigger_and_another_definition_open_reviews_of_their_own() -> None:
    definition = create_draft().definition
    open_review(definition)

    open_review(definition, trigger=ReviewTrigger.STALE)
    open_review(create_draft(name="Other").definition)

    assert Review.objects.count() == 3


def test_each_cause_of_a_trigger_has_a_review_of_its_own() -> None:
    definition = create_draft().definition

    opened = [
        open_review(definition, trigger=ReviewTrigger.VOLUME_SPIKE, cause=cause) for cause in ("fair", "web", "fair")
    ]

    assert opened[0] == opened[2]
    assert Review.objects.count() == 2


def test_every_manual_review_is_a_new_one() -> None:
    definition = create_draft().definition

    for _ in range(2):
        open_review(definition, trigger=ReviewTrigger.MANUAL, by=UserFactory(roles=[Role.MARKETING_OPS]))

    assert Review.objects.count() == 2


def test_after_the_decision_the_trigger_opens_a_new_review() -> None:
    definition = create_draft().definition
    review = decide(open_review(definition))

    assert open_review(definition, period="2026-12") != review


def test_a_leader_decides_with_reasoning_once() -> None:
    version = create_draft()
    review = decide(open_review(version.definition), led_to=version)

    assert (review.decision, review.reasoning, review.led_to) == ("Tighten.", "52 % are fit.", version)
    assert (review.decided_at, review.decided_by.groups.get().name) == (NOW + DAY, Role.SALES_LEADER)
    with pytest.raises(reviews.ReviewRefused, match="decided this review on 3 November 2026: Tighten"):
        decide(review)


@pytest.mark.parametrize("missing", ["decision", "reasoning"])
def test_a_decision_without_its_reasoning_is_refused(missing: str) -> None:
    review = open_review(create_draft().definition)

    with pytest.raises(reviews.ReviewRefused, match="needs its reasoning"):
        decide(review, **{missing: " "})


def test_a_decision_leads_to_a_version_of_its_own_definition() -> None:
    review = open_review(create_draft().definition)

    with pytest.raises(reviews.ReviewRefused, match=r"Other v1\.0 is not a version of Hand raise"):
        decide(review, led_to=create_draft(name="Other"))


def test_no_version_comes_of_a_review_that_was_in_force_before_it() -> None:
    version = create_active()
    review = open_review(version.definition, now=NOW + 4 * DAY)

    with pytest.raises(reviews.ReviewRefused, match=r"v1\.0 was in force before the review was opened"):
        decide(review, led_to=version)


@pytest.mark.parametrize("role", [role for role in Role if not role.endswith("_leader")])
def test_only_leaders_decide(role: Role) -> None:
    review = open_review(create_draft().definition)

    with pytest.raises(permissions.NotAllowed, match="Only Marketing leader or Sales leader may decide a review"):
        decide(review, by=UserFactory(roles=[role]))


def test_an_sdr_cannot_open_a_review() -> None:
    with pytest.raises(permissions.NotAllowed):
        open_review(create_draft().definition, trigger=ReviewTrigger.MANUAL, by=UserFactory(roles=[Role.SDR]))


@pytest.mark.parametrize("column", [{"evidence": {}}, {"title": "Nothing"}, {"opened_at": NOW - DAY}])
def test_the_opening_data_of_a_review_cannot_be_changed(column: dict[str, object]) -> None:
    open_review(create_draft().definition)

    with pytest.raises(DatabaseError, match="pgtrigger"), transaction.atomic():
        Review.objects.update(**column)


def test_a_decision_cannot_be_changed_or_deleted() -> None:
    decide(open_review(create_draft().definition))

    with pytest.raises(DatabaseError, match="pgtrigger"), transaction.atomic():
        Review.objects.update(decision="Something else.")
    with pytest.raises(DatabaseError, match="pgtrigger"), transaction.atomic():
        Review.objects.all()._raw_delete("default")
