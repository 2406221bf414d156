from __future__ import annotations

import pytest
from django.db import DatabaseError, transaction

from config.accounts.models import User
from config.accounts.vocabulary import Role
from definitions import permissions, reviews
from definitions.models import Definition, Review, ReviewEvidence
from definitions.vocabulary import ReviewKind, ReviewTrigger
from tests.definitions.people import person
from tests.definitions.version_lifecycles import DAY, NOW, active, draft

pytestmark = pytest.mark.django_db


def opened(
    definition: Definition,
    *,
    period: str = "2026-10",
    trigger: ReviewTrigger = ReviewTrigger.REJECTION_SPIKE,
    by: User | None = None,
) -> Review:
    return reviews.open_review(
        definition=definition,
        trigger=trigger,
        kind=ReviewKind.FULL,
        title="41 % rejected in October",
        evidence={"rejected": 41, "decided": 100},
        proposal="Tighten the gate.",
        now=NOW,
        period=period,
        by=by,
    )


def decided(review: Review, **changes: object) -> Review:
    words = {"decision": "Tighten.", "reasoning": "52 % are fit.", "by": person(Role.SALES_LEADER), "now": NOW + DAY}
    return reviews.decide(review=review, **(words | changes))


def test_a_review_keeps_its_evidence_and_the_version_in_force() -> None:
    version = active()

    review = opened(version.definition)

    assert review.version == version
    assert review.evidence == {"rejected": 41, "decided": 100, "period": "2026-10"}
    assert review.opened_by is None


def test_a_condition_that_persists_adds_evidence_to_the_open_review() -> None:
    definition = draft().definition
    review = opened(definition)

    again = [opened(definition, period=period) for period in ("2026-10", "2026-11", "2026-11")]

    assert again == [review] * 3
    assert list(ReviewEvidence.objects.values_list("period", flat=True)) == ["2026-11"]


def test_another_trigger_and_another_definition_open_reviews_of_their_own() -> None:
    definition = draft().definition
    opened(definition)

    opened(definition, trigger=ReviewTrigger.STALE)
    opened(draft(name="Other").definition)

    assert Review.objects.count() == 3


def test_reviews_opened_by_hand_are_each_their_own() -> None:
    definition = draft().definition

    for _ in range(2):
        opened(definition, trigger=ReviewTrigger.MANUAL, by=person(Role.MARKETING_OPS))

    assert Review.objects.count() == 2


def test_after_the_decision_the_trigger_opens_a_new_review() -> None:
    definition = draft().definition
    review = decided(opened(definition))

    assert opened(definition, period="2026-12") != review


def test_a_leader_decides_with_reasoning_once() -> None:
    version = draft()
    review = decided(opened(version.definition), led_to=version)

    assert (review.decision, review.reasoning, review.led_to) == ("Tighten.", "52 % are fit.", version)
    assert (review.decided_at, review.decided_by.groups.get().name) == (NOW + DAY, Role.SALES_LEADER)
    with pytest.raises(reviews.ReviewRefused, match="decided this review on 03 November 2026: Tighten"):
        decided(review)


@pytest.mark.parametrize("missing", ["decision", "reasoning"])
def test_a_decision_without_its_reasoning_is_refused(missing: str) -> None:
    review = opened(draft().definition)

    with pytest.raises(reviews.ReviewRefused, match="needs its reasoning"):
        decided(review, **{missing: " "})


def test_a_decision_leads_to_a_version_of_its_own_definition() -> None:
    review = opened(draft().definition)

    with pytest.raises(reviews.ReviewRefused, match=r"Other v1\.0 is not a version of Hand raise"):
        decided(review, led_to=draft(name="Other"))


@pytest.mark.parametrize("role", [role for role in Role if not role.endswith("_leader")])
def test_only_leaders_decide(role: Role) -> None:
    review = opened(draft().definition)

    with pytest.raises(permissions.NotAllowed, match="Only Marketing leader or Sales leader may decide a review"):
        decided(review, by=person(role))


def test_an_sdr_does_not_open_a_review() -> None:
    with pytest.raises(permissions.NotAllowed):
        opened(draft().definition, trigger=ReviewTrigger.MANUAL, by=person(Role.SDR))


@pytest.mark.parametrize("column", [{"evidence": {}}, {"title": "Nothing"}, {"opened_at": NOW - DAY}])
def test_what_a_review_opened_with_cannot_be_changed(column: dict[str, object]) -> None:
    opened(draft().definition)

    with pytest.raises(DatabaseError, match="pgtrigger"), transaction.atomic():
        Review.objects.update(**column)


def test_a_decision_cannot_be_changed_or_deleted() -> None:
    decided(opened(draft().definition))

    with pytest.raises(DatabaseError, match="pgtrigger"), transaction.atomic():
        Review.objects.update(decision="Something else.")
    with pytest.raises(DatabaseError, match="pgtrigger"), transaction.atomic():
        Review.objects.all().delete()
