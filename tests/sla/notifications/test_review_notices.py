"""Notices of reviews: who is told of what, each once (rules 20.11)."""

from __future__ import annotations

import pytest

from config.accounts.models import User
from config.accounts.vocabulary import Role
from definitions.models import Review
from definitions.review_record import participants, steps
from definitions.vocabulary import ReviewSeat, ReviewTrigger
from sla.models import Notice
from sla.notifications import leader_notices, relevance
from tests.definitions.review_record.opened_reviews import decide, open_review
from tests.factories import DAY, MINUTE, NOW, UserFactory, VersionFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def luis() -> User:
    return UserFactory(roles=[Role.SALES_LEADER], name="luis")


@pytest.fixture
def ops() -> User:
    return UserFactory(roles=[Role.MARKETING_OPS], name="ops")


@pytest.fixture
def review(luis: User, ops: User) -> Review:
    """A review of which everybody was told that it is open."""
    opened = open_review(
        ReviewTrigger.REJECTION_SPIKE,
        title="41 % rejected",
        version=VersionFactory(active=True, definition__name="Inbound"),
    )
    leader_notices.notify_leaders(now=NOW)
    return opened


def told(person: User, *, after: str = "Review of Inbound: 41 % rejected") -> list[str]:
    texts = Notice.objects.filter(to=person).exclude(text=after).order_by("pk")
    return list(texts.values_list("text", flat=True))


def sweep(days: int = 0) -> int:
    """Sweep twice, as two workers do; return how many notices were written."""
    return sum(leader_notices.notify_leaders(now=NOW + days * DAY + MINUTE) for _ in range(2))


def test_whoever_joins_a_review_is_told_of_it(review: Review, ops: User) -> None:
    sdr = UserFactory(roles=[Role.SDR])
    participants.add_participant(review=review, person=sdr, seat=ReviewSeat.QUEUE, by=ops, now=NOW)

    assert sweep() == 1
    assert told(sdr, after="") == ["Review of Inbound: 41 % rejected"]


def test_an_escalation_tells_the_decider_and_the_others(review: Review, luis: User, ops: User) -> None:
    chief = UserFactory(name="chief")
    steps.escalate(review=review, decider=chief, why="No agreement.", by=ops, now=NOW)

    sweep()

    assert told(chief) == ["You decide, says Ops: 41 % rejected. No agreement."]
    assert told(luis) == ["Escalated to Chief: 41 % rejected. No agreement."]
    assert told(ops) == []
    assert sweep() == 0


def test_whoever_joins_later_is_not_told_of_what_was_before(review: Review, luis: User, ops: User) -> None:
    chief, sdr = UserFactory(), UserFactory(roles=[Role.SDR])
    steps.block(review=review, issue="Wins without leads.", by=ops, now=NOW)
    steps.unblock(review=review, why="Matched.", by=ops, now=NOW)
    later = NOW + MINUTE
    participants.add_participant(review=review, person=sdr, seat=ReviewSeat.QUEUE, by=ops, now=later)
    steps.escalate(review=review, decider=chief, why="No agreement.", by=luis, now=later)
    sweep()
    steps.block(review=review, issue="Deals.", by=luis, now=later + MINUTE)

    sweep(days=1)

    block = "Blocked on data: 41 % rejected. Deals."
    assert told(chief, after="") == ["You decide, says Luis: 41 % rejected. No agreement.", block]
    assert [text.partition(" ")[0] for text in told(sdr, after="")] == ["Review", "Escalated", "Blocked"]


def test_a_block_and_its_end_are_told(review: Review, luis: User, ops: User) -> None:
    steps.block(review=review, issue="Wins without leads.", by=ops, now=NOW)
    sweep()
    steps.unblock(review=review, why="Matched.", by=luis, now=NOW)
    sweep()

    assert told(luis) == ["Blocked on data: 41 % rejected. Wins without leads."]


def test_a_decision_is_told_to_all_but_its_decider(review: Review, luis: User) -> None:
    sdr, mona = UserFactory(roles=[Role.SDR]), UserFactory(roles=[Role.MARKETING_LEADER], name="mona")
    participants.add_participant(review=review, person=sdr, seat=ReviewSeat.QUEUE, by=luis, now=NOW)
    decide(review, by=luis)

    sweep()

    assert told(mona) == told(sdr) == ["Decided by Luis: 41 % rejected. Keep it."]
    assert told(luis) == []


def test_an_overdue_review_is_told_once_and_not_while_it_is_blocked(review: Review, luis: User, ops: User) -> None:
    overdue = ["Due since 17 March, not decided: 41 % rejected"]
    sweep(days=6)
    assert told(luis) == []

    steps.block(review=review, issue="x", by=luis, now=NOW)
    sweep(days=7)
    assert told(luis) == []
    steps.unblock(review=review, why="x", by=luis, now=NOW)
    for days in (7, 8, 9):
        sweep(days=days)

    assert told(luis) == overdue


def test_steps_of_long_ago_are_told_to_nobody(review: Review, luis: User, ops: User) -> None:
    steps.block(review=review, issue="x", by=ops, now=NOW)

    sweep(days=8)

    assert told(luis) == []


def test_a_notice_of_an_open_review_is_obsolete_once_it_is_decided(review: Review, luis: User) -> None:
    decide(review)
    sweep()

    notices = list(Notice.objects.filter(to=luis).order_by("pk"))
    reasons = relevance.obsolete_reasons(notices, now=NOW)

    assert [reasons.get(notice.pk) for notice in notices] == ["already decided", None]
