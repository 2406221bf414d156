"""The steps of a review, its participants and gaps, and what its decision waits for (rules 8.28 to 8.31)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import DatabaseError, transaction

from config.accounts.vocabulary import Role
from definitions import permissions, reviews
from definitions.models import (
    Review,
    ReviewChecklistPoint,
    ReviewEvidence,
    ReviewGap,
    ReviewParticipant,
    ReviewStep,
)
from definitions.review_record import gaps, participants, steps
from definitions.vocabulary import ReviewKind, ReviewSeat, ReviewState, ReviewStepKind, ReviewTrigger
from leads.exceptions import Refused
from tests.definitions.review_record.opened_reviews import (
    decide,
    four_roles,
    open_reconciliation,
    open_review,
    tick_all,
)
from tests.factories import DAY, NOW, UserFactory, VersionFactory

pytestmark = pytest.mark.django_db


def ops() -> Any:
    return UserFactory(roles=[Role.MARKETING_OPS])


def leader() -> Any:
    return UserFactory(roles=[Role.MARKETING_LEADER])


def refresh(review: Review) -> Review:
    return Review.objects.get(pk=review.pk)


def add_gap(review: Review, **changes: Any) -> ReviewGap:
    gap = {"missing": "Buying intent", "owner": ops(), "due_on": NOW.date(), "by": leader(), "now": NOW}
    return gaps.add_gap(review=review, **(gap | changes))


def test_the_named_decider_decides_an_escalated_review_and_nobody_else() -> None:
    review, chief, by = open_review(), UserFactory(), leader()

    steps.escalate(review=review, decider=chief, why="No agreement in 90 minutes.", by=by, now=NOW)

    assert refresh(review).state == ReviewState.ESCALATED
    with pytest.raises(reviews.ReviewOvertaken, match=f"{by} escalated this review to {chief} on 10 March 2026"):
        decide(review)
    with pytest.raises(permissions.NotAllowed):
        decide(review, by=UserFactory())
    assert decide(review, by=chief).decided_by == chief
    step = ReviewStep.objects.get()
    assert (step.kind, step.by, step.at, step.why) == ("escalated", by, NOW, "No agreement in 90 minutes.")


def test_an_escalated_review_is_passed_on_by_its_decider() -> None:
    review, first, second = open_review(), UserFactory(), UserFactory()
    steps.escalate(review=review, decider=first, why="Stuck.", by=leader(), now=NOW)

    with pytest.raises(reviews.ReviewOvertaken, match="escalated this review to"):
        steps.escalate(review=review, decider=second, why="No: her.", by=leader(), now=NOW)
    steps.escalate(review=review, decider=second, why="She owns the data.", by=first, now=NOW)

    assert refresh(review).escalated_to == second


def test_a_review_is_escalated_anew_when_its_decider_has_left() -> None:
    review, gone, chief = open_review(), UserFactory(), UserFactory()
    steps.escalate(review=review, decider=gone, why="Stuck.", by=leader(), now=NOW)
    gone.is_active = False
    gone.save()

    assert steps.escalate(review=review, decider=chief, why="He left.", by=ops(), now=NOW).escalated_to == chief
    with pytest.raises(Refused, match="cannot sign in any more"):
        steps.escalate(review=open_review(), decider=gone, why="x", by=ops(), now=NOW)


def test_a_review_that_is_blocked_on_data_is_not_decided_until_it_is_unblocked() -> None:
    review, by = open_review(), ops()
    steps.block(review=review, issue="Half of the wins have no lead.", by=by, now=NOW)

    assert refresh(review).state == ReviewState.BLOCKED
    assert not refresh(review).is_overdue(NOW + 30 * DAY)
    with pytest.raises(reviews.ReviewRefused, match=r"It is blocked on data: Half of the wins have no lead\."):
        decide(review)
    with pytest.raises(reviews.ReviewOvertaken, match=f"{by} blocked this review on 10 March 2026"):
        steps.block(review=review, issue="Me too.", by=leader(), now=NOW)

    steps.unblock(review=review, why="They are matched.", by=leader(), now=NOW + DAY)

    assert refresh(review).state == ReviewState.OPEN
    with pytest.raises(reviews.ReviewOvertaken, match="unblocked this review on 11 March 2026: They are matched"):
        steps.unblock(review=review, why="Again.", by=by, now=NOW + DAY)
    assert decide(review).state == ReviewState.DECIDED


def test_an_escalated_review_may_be_blocked_and_is_escalated_afterwards() -> None:
    review = open_review()
    steps.escalate(review=review, decider=UserFactory(), why="Stuck.", by=leader(), now=NOW)
    steps.block(review=review, issue="No data.", by=ops(), now=NOW)
    states = [refresh(review).state]

    steps.unblock(review=review, why="There are.", by=ops(), now=NOW)

    assert [*states, refresh(review).state] == [ReviewState.BLOCKED, ReviewState.ESCALATED]


@pytest.mark.parametrize("state", ReviewState)
def test_the_filter_of_a_state_finds_what_is_in_it(state: ReviewState) -> None:
    open_review()
    steps.escalate(review=open_review(), decider=UserFactory(), why="Stuck.", by=leader(), now=NOW)
    steps.block(review=open_review(), issue="No data.", by=ops(), now=NOW)
    decide(open_review())

    assert [review.state for review in Review.objects.in_state(state)] == [state]


def test_a_joint_review_names_the_roles_that_are_missing() -> None:
    marketing, _, _, queue = four_roles()
    review = open_review(ReviewTrigger.JOINT, taking_part=[marketing, queue])

    with pytest.raises(
        reviews.ReviewRefused, match=r"These roles are missing at the table: Sales leader, Marketing ops\."
    ):
        decide(review)
    for seat, role in ((ReviewSeat.SALES, Role.SALES_LEADER), (ReviewSeat.OPS, Role.MARKETING_OPS)):
        person = UserFactory(roles=[role])
        participants.add_participant(review=review, person=person, seat=seat, by=ops(), now=NOW)
    assert decide(review).decided_at == NOW


def test_a_removed_participant_is_missing_again() -> None:
    review = open_review(ReviewTrigger.JOINT, taking_part=four_roles())
    row = review.participants.get(seat=ReviewSeat.QUEUE)

    participants.remove_participant(review=review, participant=row.pk, by=ops(), now=NOW)

    with pytest.raises(reviews.ReviewRefused, match="SDR or AE who works the queue daily"):
        decide(review)
    with pytest.raises(reviews.ReviewRefused, match="does not take part any more"):
        participants.remove_participant(review=review, participant=row.pk, by=ops(), now=NOW)


def test_a_reconciliation_waits_for_its_ticks_and_for_the_new_leader() -> None:
    review, new_leader = open_reconciliation()

    with pytest.raises(
        reviews.ReviewRefused,
        match=f"{new_leader} has not acknowledged the definition yet.*not ticked, first of all: Read",
    ):
        decide(review, by=new_leader)
    tick_all(review)
    with pytest.raises(permissions.NotAllowed, match=f"Only {new_leader}, the new leader, may acknowledge"):
        steps.acknowledge(review=review, by=leader(), now=NOW)
    steps.acknowledge(review=review, by=new_leader, now=NOW)
    with pytest.raises(reviews.ReviewOvertaken):
        steps.acknowledge(review=review, by=new_leader, now=NOW)

    assert decide(review, by=new_leader).decided_by == new_leader


def test_a_new_leader_may_be_named_later() -> None:
    review, person = open_review(ReviewTrigger.NEW_LEADER), UserFactory(roles=[Role.SALES_LEADER])
    with pytest.raises(reviews.ReviewRefused, match="Nobody is named as the new leader"):
        steps.acknowledge(review=review, by=person, now=NOW)

    participants.add_participant(
        review=review, person=person, seat=ReviewSeat.SALES, is_new_leader=True, by=ops(), now=NOW
    )

    assert steps.find_new_leader(review) == person
    with pytest.raises(Refused, match="is somebody else already"):
        participants.add_participant(
            review=review, person=leader(), seat=ReviewSeat.MARKETING, is_new_leader=True, by=ops(), now=NOW
        )


def test_a_tick_keeps_who_and_when_and_can_be_taken_back() -> None:
    review, by = open_review(), ops()
    point = review.checklist.first()

    for number in range(2):
        steps.tick(review=review, point=point.pk, is_done=True, by=by, now=NOW + number * DAY)

    point.refresh_from_db()
    assert (point.ticked_by, point.ticked_at) == (by, NOW)
    assert steps.tick(review=review, point=point.pk, is_done=False, by=by, now=NOW).ticked_by is None


def test_a_gap_is_closed_by_a_version_after_the_decision() -> None:
    review = open_review()
    gap = add_gap(review)
    decide(review)

    with pytest.raises(Refused, match="is of another definition"):
        gaps.close_gap(review=review, gap=gap.pk, version=VersionFactory(), by=ops(), now=NOW)
    with pytest.raises(Refused, match="or a note is required"):
        gaps.close_gap(review=review, gap=gap.pk, by=ops(), now=NOW)
    gaps.close_gap(review=review, gap=gap.pk, version=review.version, by=ops(), now=NOW)

    assert ReviewGap.objects.get().closed_in == review.version
    with pytest.raises(reviews.ReviewOvertaken, match="closed this gap on 10 March 2026"):
        gaps.close_gap(review=review, gap=gap.pk, note="No.", by=ops(), now=NOW)


@pytest.mark.parametrize(
    ("changes", "field"), [({"missing": " "}, "missing"), ({"due_on": (NOW - DAY).date()}, "due_on")]
)
def test_a_gap_needs_its_text_and_a_day_to_come(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(Refused) as refusal:
        add_gap(open_review(), **changes)

    assert refusal.value.field == field


def test_the_meeting_is_set_and_moved() -> None:
    review = open_review(meets_at=NOW + DAY)

    steps.set_meeting(review=review, meets_at=NOW + 2 * DAY, by=ops(), now=NOW, why="Luis is away.")

    assert refresh(review).meets_at == NOW + 2 * DAY
    with pytest.raises(Refused, match="lies in the past"):
        steps.set_meeting(review=review, meets_at=NOW - DAY, by=ops(), now=NOW)


def test_a_participant_works_on_the_record_and_others_do_not() -> None:
    review, sdr = open_review(), UserFactory(roles=[Role.SDR])
    point = review.checklist.first().pk

    with pytest.raises(permissions.NotAllowed):
        steps.tick(review=review, point=point, is_done=True, by=sdr, now=NOW)
    participants.add_participant(review=review, person=sdr, seat=ReviewSeat.QUEUE, by=ops(), now=NOW)

    assert steps.tick(review=review, point=point, is_done=True, by=sdr, now=NOW).ticked_by == sdr
    with pytest.raises(permissions.NotAllowed):
        decide(review, by=sdr)
    with pytest.raises(permissions.NotAllowed):
        steps.escalate(review=review, decider=sdr, why="Me.", by=sdr, now=NOW)


STEPS: list[Callable[[Review], object]] = [
    lambda review: steps.escalate(review=review, decider=UserFactory(), why="x", by=leader(), now=NOW),
    lambda review: steps.block(review=review, issue="x", by=leader(), now=NOW),
    lambda review: steps.unblock(review=review, why="x", by=leader(), now=NOW),
    lambda review: steps.acknowledge(review=review, by=leader(), now=NOW),
    lambda review: steps.set_meeting(review=review, meets_at=NOW + DAY, by=leader(), now=NOW),
    lambda review: steps.tick(review=review, point=0, is_done=True, by=leader(), now=NOW),
    lambda review: participants.remove_participant(review=review, participant=0, by=leader(), now=NOW),
    add_gap,
]


@pytest.mark.parametrize("take", STEPS)
def test_no_step_follows_the_decision(take: Callable[[Review], object]) -> None:
    review = decide(open_review())

    with pytest.raises(reviews.ReviewDecided, match="decided this review on 10 March 2026: Keep it"):
        take(review)


@pytest.mark.parametrize("days", [7, 14])
def test_a_light_review_is_due_in_a_week_and_a_full_one_in_two(days: int) -> None:
    kind = ReviewKind.LIGHT if days == 7 else ReviewKind.FULL
    review = open_review(kind=kind)

    assert [review.is_overdue(NOW + days * DAY - DAY), review.is_overdue(NOW + days * DAY)] == [False, True]


def attempt(change: Callable[[], object]) -> str:
    with pytest.raises(DatabaseError) as refusal, transaction.atomic():
        change()
    return str(refusal.value)


def test_the_database_keeps_the_order_of_steps() -> None:
    review = Review.objects.filter(pk=open_review().pk)
    values = {"decided_at": NOW, "decided_by": leader(), "decision": "x", "reasoning": "x"}

    assert "blocked and unblocked by a step" in attempt(lambda: review.update(blocked_on="No data."))
    assert "escalated by a step" in attempt(lambda: review.update(escalated_to=leader()))
    assert "moved by a step" in attempt(lambda: review.update(meets_at=NOW + DAY))
    steps.escalate(review=review.get(), decider=ops(), why="x", by=leader(), now=NOW)
    assert "decided by its decider" in attempt(lambda: review.update(**values))
    steps.block(review=review.get(), issue="x", by=ops(), now=NOW)
    assert "blocked on data is not decided" in attempt(lambda: review.update(**values))
    joint = Review.objects.filter(pk=open_review(ReviewTrigger.JOINT).pk)
    assert "all four roles" in attempt(lambda: joint.update(**values))
    reconciliation = Review.objects.filter(pk=open_reconciliation()[0].pk)
    assert "has acknowledged" in attempt(lambda: reconciliation.update(**values))


def test_the_database_keeps_the_record_of_a_decided_review() -> None:
    review, by = open_review(taking_part=four_roles()), ops()
    gap = add_gap(review)
    steps.set_meeting(review=review, meets_at=NOW + DAY, by=by, now=NOW)
    decide(review)
    step = {"review": review, "kind": ReviewStepKind.BLOCKED, "why": "x", "by": by, "at": NOW}

    assert "its record stays" in attempt(lambda: ReviewStep.objects.create(**step))
    assert "pgtrigger" in attempt(lambda: ReviewStep.objects.update(why="x"))
    assert "its record stays" in attempt(lambda: ReviewChecklistPoint.objects.update(ticked_at=NOW, ticked_by=by))
    assert "its record stays" in attempt(lambda: ReviewParticipant.objects.update(removed_at=NOW, removed_by=by))
    assert "pgtrigger" in attempt(lambda: ReviewGap.objects.update(missing="x"))
    assert "pgtrigger" in attempt(lambda: ReviewGap.objects.all().delete())
    assert gap.closed_at is None


def test_evidence_is_added_to_no_decided_review() -> None:
    review = open_review()
    decide(review)

    with pytest.raises(DatabaseError, match="this review is decided"), transaction.atomic():
        ReviewEvidence.objects.create(review=review, period="2026-04", evidence={}, at=NOW)


def test_who_lost_the_role_of_a_seat_does_not_fill_it() -> None:
    roles = four_roles()
    review = open_review(ReviewTrigger.JOINT, taking_part=roles)
    assert reviews.list_open_conditions(review) == []

    roles[3].person.groups.clear()

    assert reviews.list_open_conditions(review) == [
        "These roles are missing at the table: SDR or AE who works the queue daily."
    ]
