"""The steps of a review before its decision: ticks, meeting, escalation, block, acknowledgement (rules 8.28, 8.30)."""

from __future__ import annotations

import datetime as dt

import structlog
from django.db import transaction

from config.accounts.models import User
from definitions.models import Review, ReviewChecklistPoint, ReviewParticipant, ReviewStep
from definitions.permissions import NotAllowed
from definitions.review_record import access
from definitions.review_record.locked_review import (
    ReviewOvertaken,
    ReviewRefused,
    describe_step,
    last_step,
    lock_undecided,
)
from definitions.vocabulary import ReviewStepKind
from leads.exceptions import Refused

log = structlog.get_logger(__name__)


@transaction.atomic
def escalate(*, review: Review, decider: User, why: str, by: User, now: dt.datetime) -> Review:
    """Leave the decision to a named person, with the reason; from then on that person alone decides.

    A second escalation is the decider's, or anybody's who may escalate once the decider cannot sign in any more. Raises Refused,
    ReviewOvertaken when somebody else escalated it, permissions.NotAllowed.
    """
    review = lock_undecided(review)
    if not access.may_escalate(by, review):
        step = last_step(review, ReviewStepKind.ESCALATED)
        if step is not None and access.may_work(by, review):
            raise ReviewOvertaken(describe_step(step))
        raise NotAllowed("Only Marketing ops, the leaders or its decider may escalate a review.")
    if not decider.is_active:
        raise Refused("decider", f"cannot sign in any more: {decider}.")
    if decider.pk == review.escalated_to_id:
        raise Refused("decider", f"is {decider} already.")
    step = _take_step(review, ReviewStepKind.ESCALATED, why, by, now, person=decider)
    review.escalated_to = decider
    review.save(update_fields=["escalated_to"])
    log.info("review_escalated", review=review.pk, step=step.pk, by=by.pk, to=decider.pk)
    return review


@transaction.atomic
def block(*, review: Review, issue: str, by: User, now: dt.datetime) -> Review:
    """Say which data are missing or wrong; the review is not decided until they are there.

    Raises Refused, ReviewOvertaken when it is blocked already, permissions.NotAllowed.
    """
    review = lock_undecided(review)
    access.require_worker(by, review)
    blocked = last_step(review, ReviewStepKind.BLOCKED, ReviewStepKind.UNBLOCKED)
    if review.blocked_on and blocked is not None:
        raise ReviewOvertaken(describe_step(blocked))
    step = _take_step(review, ReviewStepKind.BLOCKED, issue, by, now, field="issue")
    review.blocked_on = step.why
    review.save(update_fields=["blocked_on"])
    return review


@transaction.atomic
def unblock(*, review: Review, why: str, by: User, now: dt.datetime) -> Review:
    """Say how the data were put right. Raises Refused, ReviewOvertaken when it is not blocked, permissions.NotAllowed."""
    review = lock_undecided(review)
    access.require_worker(by, review)
    if not review.blocked_on:
        step = last_step(review, ReviewStepKind.UNBLOCKED)
        raise ReviewOvertaken(describe_step(step) if step else "This review is not blocked.")
    _take_step(review, ReviewStepKind.UNBLOCKED, why, by, now)
    review.blocked_on = ""
    review.save(update_fields=["blocked_on"])
    return review


@transaction.atomic
def acknowledge(*, review: Review, by: User, now: dt.datetime, why: str = "") -> Review:
    """Record that the new leader has read the definition in force and takes it as it stands, or as the gaps say.

    Raises ReviewRefused, permissions.NotAllowed for anybody but the new leader.
    """
    review = lock_undecided(review)
    new_leader = find_new_leader(review)
    if new_leader is None:
        raise ReviewRefused("Nobody is named as the new leader: add that person to the participants first.")
    if new_leader.pk != by.pk:
        raise NotAllowed(f"Only {new_leader}, the new leader, may acknowledge the definition.")
    if find_acknowledgement(review) is not None:
        raise ReviewOvertaken("You have acknowledged it already.")
    ReviewStep.objects.create(review=review, kind=ReviewStepKind.ACKNOWLEDGED, why=why.strip(), by=by, at=now)
    return review


@transaction.atomic
def set_meeting(*, review: Review, meets_at: dt.datetime, by: User, now: dt.datetime, why: str = "") -> Review:
    """Set the instant of the meeting, or move it. Raises Refused, ReviewRefused, permissions.NotAllowed."""
    review = lock_undecided(review)
    access.require_worker(by, review)
    if meets_at < now:
        raise Refused("meets_at", "lies in the past.")
    if meets_at != review.meets_at:
        ReviewStep.objects.create(
            review=review, kind=ReviewStepKind.MEETING, why=why.strip(), by=by, at=now, meets_at=meets_at
        )
        review.meets_at = meets_at
        review.save(update_fields=["meets_at"])
    return review


@transaction.atomic
def tick(*, review: Review, point: int, is_done: bool, by: User, now: dt.datetime) -> ReviewChecklistPoint:
    """Tick a point of the checklist, or take the tick back. A tick that is there already stays with its name and time.

    Raises ReviewRefused, permissions.NotAllowed.
    """
    review = lock_undecided(review)
    access.require_worker(by, review)
    row = ReviewChecklistPoint.objects.filter(review=review, pk=point).first()
    if row is None:
        raise ReviewRefused("This review has no such point.")
    if (row.ticked_at is not None) != is_done:
        row.ticked_at, row.ticked_by = (now, by) if is_done else (None, None)
        row.save(update_fields=["ticked_at", "ticked_by"])
    return row


def find_new_leader(review: Review) -> User | None:
    """Return the new leader of a reconciliation."""
    rows = ReviewParticipant.objects.filter(review=review, is_new_leader=True, removed_at__isnull=True)
    row = rows.select_related("person").first()
    return row.person if row else None


def find_acknowledgement(review: Review) -> ReviewStep | None:
    """Return the acknowledgement of the present new leader."""
    new_leader = find_new_leader(review)
    steps = ReviewStep.objects.filter(review=review, kind=ReviewStepKind.ACKNOWLEDGED, by=new_leader)
    return steps.select_related("by").first() if new_leader is not None else None


def _take_step(
    review: Review,
    kind: ReviewStepKind,
    why: str,
    by: User,
    now: dt.datetime,
    *,
    person: User | None = None,
    field: str = "why",
) -> ReviewStep:
    if not why.strip():
        raise Refused(field, "is required: it stays in the record of the review.")
    return ReviewStep.objects.create(review=review, kind=kind, why=why.strip(), by=by, at=now, person=person)
