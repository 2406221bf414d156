"""Notices of reviews: opened, escalated, blocked, unblocked, overdue and decided (rules 20.6, 20.11).

The layers below only leave the rows. Each person is told of each occasion once, and never of what they did themselves.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from django.db.models import QuerySet
from django.urls import reverse

from config import company_days
from config.accounts.models import User
from config.accounts.vocabulary import Role
from definitions.models import Review, ReviewParticipant, ReviewStep
from definitions.vocabulary import ReviewStepKind
from sla.notifications import outbox
from sla.notifications.outbox import NoticeDraft
from sla.vocabulary import NoticeKind

#: Steps and decisions older than this are told to nobody any more: whoever takes a role later reads them on the page.
_TOLD_WITHIN: Final = dt.timedelta(days=7)
_TOLD_STEPS: Final = (ReviewStepKind.ESCALATED, ReviewStepKind.BLOCKED, ReviewStepKind.UNBLOCKED)


@dataclass(frozen=True, slots=True)
class _Receivers:
    """The people whom reviews concern, read once for all of them."""

    leaders: Collection[User]
    ops: Collection[User]
    participants: Mapping[int, list[ReviewParticipant]]
    #: When a review was left to its decider, by its id.
    escalated_at: Mapping[int, dt.datetime]

    def list_for(
        self,
        review: Review,
        *,
        with_ops: bool = False,
        with_decider: bool = True,
        but: int | None = None,
        step_at: dt.datetime | None = None,
    ) -> list[User]:
        """Return both leaders, whoever takes part and the decider, nobody twice and without the person `but`.

        With `step_at` those are left out who joined the review after that step: they read it on the page.
        """
        seats = self.participants.get(review.pk, ())
        present = [seat.person for seat in seats if step_at is None or seat.added_at <= step_at]
        people = [*self.leaders, *(self.ops if with_ops else ()), *present]
        is_later = step_at is not None and self.escalated_at.get(review.pk, step_at) > step_at
        if review.escalated_to is not None and with_decider and not is_later:
            people.append(review.escalated_to)
        return list({person.pk: person for person in people if person.is_active and person.pk != but}.values())


def draft_notices(now: dt.datetime) -> Iterator[NoticeDraft]:
    """Yield the notices of all reviews that still concern somebody; those that were written before are skipped later."""
    undecided = list(_select(Review.objects.undecided()))
    decided = list(_select(Review.objects.filter(decided_at__gt=now - _TOLD_WITHIN)))
    reviews = {review.pk: review for review in (*undecided, *decided)}
    if not reviews:
        return
    recent = ReviewStep.objects.filter(review__in=reviews, kind__in=_TOLD_STEPS, at__gt=now - _TOLD_WITHIN)
    steps = list(recent.select_related("by", "person").order_by("pk"))
    receivers = _find_receivers(reviews, steps)
    for review in undecided:
        # The decider is told that they decide.
        to = receivers.list_for(review, with_ops=True, with_decider=False, but=review.opened_by_id)
        yield _draft(review, f"review:{review.pk}", to, f"Review of {review.definition}: {review.title}", now)
        if review.is_overdue(now):
            due = f"{company_days.day_of(review.due_at):%-d %B}"
            text = f"Due since {due}, not decided: {review.title}"
            yield _draft(review, f"review:overdue:{review.pk}", receivers.list_for(review), text, now)
    for review in decided:
        to = receivers.list_for(review, but=review.decided_by_id)
        text = f"Decided by {review.decided_by}: {review.title}. {review.decision}"
        yield _draft(review, f"review:decided:{review.pk}", to, text, now)
    for step in steps:
        yield from _draft_step(step, reviews[step.review_id], receivers, now)


def _draft_step(step: ReviewStep, review: Review, receivers: _Receivers, now: dt.datetime) -> Iterator[NoticeDraft]:
    once, to = f"review:step:{step.pk}", receivers.list_for(review, but=step.by_id, step_at=step.at)
    if step.kind != ReviewStepKind.ESCALATED:
        yield _draft(review, once, to, f"{step.get_kind_display()}: {review.title}. {step.why}", now)
        return
    deciders = [person for person in to if person.pk == step.person_id]
    others = [person for person in to if person.pk != step.person_id]
    if deciders:
        yield _draft(review, once, deciders, f"You decide, says {step.by}: {review.title}. {step.why}", now)
    yield _draft(review, once, others, f"Escalated to {step.person}: {review.title}. {step.why}", now)


def _draft(review: Review, once: str, to: Collection[User], text: str, now: dt.datetime) -> NoticeDraft:
    return NoticeDraft(
        kind=NoticeKind.REVIEW,
        once=once,
        handoff=None,
        to=to,
        text=text,
        at=now,
        path=reverse("review", args=[review.pk]),
    )


def _select(rows: QuerySet[Review]) -> QuerySet[Review]:
    # The evidence is long, and this is asked every few seconds.
    people = rows.select_related("definition", "escalated_to", "decided_by")
    return people.defer("evidence", "proposal").order_by("pk")


def _find_receivers(reviews: Iterable[int], steps: Iterable[ReviewStep]) -> _Receivers:
    participants: dict[int, list[ReviewParticipant]] = {}
    present = ReviewParticipant.objects.filter(review__in=reviews, removed_at__isnull=True)
    for row in present.select_related("person").order_by("pk"):
        participants.setdefault(row.review_id, []).append(row)
    return _Receivers(
        outbox.role_holders(Role.MARKETING_LEADER, Role.SALES_LEADER),
        outbox.role_holders(Role.MARKETING_OPS),
        participants,
        {step.review_id: step.at for step in steps if step.kind == ReviewStepKind.ESCALATED},
    )
