"""Reviews of a definition, opened by a trigger or a person and decided by the leaders (rules 8.1, 8.2).

Each cause has at most one open review of a definition that Accord opened; reviews opened by a person are not limited.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from django.db import transaction

from config.accounts.models import User
from definitions import permissions, version_documents
from definitions.models import Definition, Review, ReviewChecklistPoint, ReviewEvidence, Suppression, Version
from definitions.review_record import access, checklists, participants, steps
from definitions.review_record.locked_review import (
    ReviewDecided,
    ReviewOvertaken,
    ReviewRefused,
    describe_step,
    last_step,
    lock_undecided,
)
from definitions.review_record.participants import SeatTaken
from definitions.suppressions import kept_back
from definitions.suppressions.kept_back import KeptBackCount
from definitions.vocabulary import OPENED_BY_HAND, ReviewKind, ReviewSeat, ReviewStepKind, ReviewTrigger
from leads.exceptions import Refused

__all__ = [
    "ReviewDecided",
    "ReviewOvertaken",
    "ReviewRefused",
    "decide_review",
    "list_open_conditions",
    "open_by_hand",
    "open_review",
    "register_pack_reader",
]


#: Collects the evidence of a review that a person opens, from the version in force, trigger, kind and instant.
PackReader: TypeAlias = Callable[..., dict[str, Any]]
_pack_readers: list[PackReader] = []


def register_pack_reader(reader: PackReader) -> None:
    """Let `reader(version, trigger=, kind=, now=)` return the evidence of reviews opened by hand: the app above has the rates."""
    _pack_readers[:] = [reader]


@transaction.atomic
def open_review(  # noqa: PLR0913 (each is a column of the record)
    *,
    definition: Definition,
    trigger: ReviewTrigger,
    kind: ReviewKind,
    title: str,
    evidence: Mapping[str, Any],
    proposal: str,
    now: dt.datetime,
    period: str = "",
    cause: str = "",
    by: User | None = None,
    taking_part: Sequence[SeatTaken] | None = None,
    meets_at: dt.datetime | None = None,
    request_key: str = "",
) -> Review:
    """Open a review with its evidence frozen, or add this period's evidence to the open review of the same cause.

    `period` names the time that the evidence is about ("2026-05"), by default the day; a second call for the same
    period adds nothing. `cause` tells apart what one trigger watches: a source, a campaign, a score band (100 characters at
    most). A review that a person opens is always new; `by` None is Accord itself. The evidence lists the suppressions since the
    last review of the definition (rules 8.10).

    The review gets the checklist of its trigger and kind; without `taking_part` both leaders and the owner of the version in
    force take part (rules 8.28, 8.29). Raises Refused, permissions.NotAllowed.
    """
    permissions.require_role(by, *access.OPENERS, to="open a review")
    definition = version_documents.lock_definition(definition)
    period = period or f"{now:%Y-%m-%d}"
    if suppressions := _list_suppressions(definition, now):
        evidence = {**evidence, "suppressions": suppressions}
    if by is None and (open_one := _find_open(definition, trigger, cause)) is not None:
        return _add_evidence(open_one, evidence, period, now)
    version = Version.objects.active().filter(definition=definition).first()
    review = Review.objects.create(
        definition=definition,
        version=version,
        trigger=trigger,
        cause=cause,
        kind=kind,
        title=title[:200],
        proposal=proposal,
        evidence={**evidence, "period": period},
        opened_at=now,
        opened_by=by,
        meets_at=meets_at,
        request_key=request_key,
    )
    checklists.store_checklist(review)
    seats = participants.choose_defaults(version) if taking_part is None else taking_part
    participants.store_participants(review, seats, by=by, now=now)
    return review


@transaction.atomic
def open_by_hand(  # noqa: PLR0913 (each is a field of the page)
    *,
    definition: Definition,
    trigger: ReviewTrigger,
    title: str,
    about: str,
    by: User,
    now: dt.datetime,
    kind: ReviewKind | None = None,
    taking_part: Sequence[SeatTaken] | None = None,
    meets_at: dt.datetime | None = None,
    request_key: str = "",
) -> Review:
    """Open a review that a person asks for (rules 8.27). `kind` is for the trigger *manual* only, by default light.

    A `request_key` that the person used before returns the review that it opened, whatever else is asked. Raises Refused with
    the field and the rule, permissions.NotAllowed.
    """
    permissions.require_role(by, *access.OPENERS, to="open a review")
    if (opened := _find_asked(by, request_key)) is not None:
        return opened
    if trigger not in OPENED_BY_HAND:
        raise Refused("trigger", f"is not opened by hand: Accord opens it itself ({trigger.label}).")
    if not title.strip():
        raise Refused("title", "is required.")
    if meets_at is not None and meets_at < now:
        raise Refused("meets_at", "lies in the past.")
    fixed_kind = OPENED_BY_HAND[trigger]
    if fixed_kind is not None and kind not in (None, fixed_kind):
        raise Refused("kind", f"is {fixed_kind.label} for this trigger.")
    kind = fixed_kind or kind or ReviewKind.LIGHT
    version = Version.objects.active().filter(definition=definition).select_related("definition").first()
    is_reconciliation = kind == ReviewKind.RECONCILIATION
    if is_reconciliation and not any(one.is_new_leader for one in taking_part or ()):
        raise Refused("new_leader", "is required: a reconciliation is acknowledged by the new leader.")
    # Before the lock: the rates take seconds, in which nobody else could work on the definition.
    evidence = _read_pack(version, trigger, kind, now)
    # Of two calls that are sent at once the second one waits here, and finds the review of the first.
    definition = version_documents.lock_definition(definition)
    if (opened := _find_asked(by, request_key)) is not None:
        return opened
    return open_review(
        definition=definition,
        trigger=trigger,
        kind=kind,
        title=title.strip(),
        evidence=evidence,
        proposal=about.strip(),
        now=now,
        by=by,
        taking_part=taking_part,
        meets_at=meets_at,
        request_key=request_key,
    )


@transaction.atomic
def decide_review(
    *, review: Review, decision: str, reasoning: str, by: User, now: dt.datetime, led_to: Version | None = None
) -> Review:
    """Record the decision with its reasoning, once. `led_to` is the version that resulted from it.

    The leaders decide, or the person to whom it was escalated (rules 8.30). Raises ReviewRefused, permissions.NotAllowed.
    """
    review = lock_undecided(review)
    if not access.may_decide(by, review):
        escalation = last_step(review, ReviewStepKind.ESCALATED)
        if escalation is not None and access.may_work(by, review):
            raise ReviewOvertaken(describe_step(escalation))
        raise permissions.NotAllowed("Only Marketing leader or Sales leader may decide a review.")
    if conditions := list_open_conditions(review):
        raise ReviewRefused(" ".join(conditions))
    if not decision.strip() or not reasoning.strip():
        raise ReviewRefused("A decision needs its reasoning: both are kept.")
    if led_to is not None and led_to.definition_id != review.definition_id:
        raise ReviewRefused(f"{led_to} is not a version of {review.definition}.")
    if led_to is not None and led_to.activated_at is not None and led_to.activated_at < review.opened_at:
        raise ReviewRefused(f"{led_to.number} was in force before the review was opened: it does not come of it.")
    review.decision, review.reasoning, review.led_to = decision.strip(), reasoning.strip(), led_to
    review.decided_at, review.decided_by = now, by
    review.save(update_fields=["decision", "reasoning", "led_to", "decided_at", "decided_by"])
    return review


def list_open_conditions(review: Review) -> list[str]:
    """Return the sentences that say what a decision of the review still waits for (rules 8.29, 8.30); empty: for nothing."""
    conditions = []
    if review.blocked_on:
        conditions.append(f"It is blocked on data: {review.blocked_on.rstrip('.')}. Unblock it, then decide.")
    if missing := participants.list_missing_seats(review, participants.list_present(review)):
        seats = ", ".join(str(ReviewSeat(seat).label) for seat in missing)
        conditions.append(f"These roles are missing at the table: {seats}.")
    if review.kind == ReviewKind.RECONCILIATION and steps.find_acknowledgement(review) is None:
        new_leader = steps.find_new_leader(review)
        conditions.append(f"{new_leader or 'The new leader'} has not acknowledged the definition yet.")
    required = ReviewChecklistPoint.objects.filter(review=review, is_required=True, ticked_at__isnull=True)
    if texts := list(required.order_by("place").values_list("text", flat=True)):
        count = "A point" if len(texts) == 1 else f"{len(texts)} points"
        verb = "is" if len(texts) == 1 else "are"
        conditions.append(f"{count} that the decision needs {verb} not ticked, first of all: {texts[0]}.")
    return conditions


def _find_asked(by: User, request_key: str) -> Review | None:
    """Return the review that the person opened by this request before, None without a key or one."""
    return Review.objects.filter(opened_by=by, request_key=request_key).first() if request_key else None


def _read_pack(version: Version | None, trigger: ReviewTrigger, kind: ReviewKind, now: dt.datetime) -> dict[str, Any]:
    """Return the rates of a review's kind; of a definition that was never in force there are none."""
    return (
        {}
        if version is None
        else next((read(version, trigger=trigger, kind=kind, now=now) for read in _pack_readers), {})
    )


def _find_open(definition: Definition, trigger: ReviewTrigger, cause: str) -> Review | None:
    by_accord = Review.objects.undecided().filter(opened_by__isnull=True)
    # Locked, so that it is not decided before the evidence is added.
    locked = by_accord.select_for_update(of=("self",), no_key=True)
    return locked.filter(definition=definition, trigger=trigger, cause=cause).first()


def _list_suppressions(definition: Definition, now: dt.datetime) -> list[dict[str, Any]]:
    """Return the suppressions that were in force since the last review of the definition was opened, as evidence."""
    since = definition.reviews.order_by("-opened_at", "-pk").values_list("opened_at", flat=True).first()
    rows = list(
        Suppression.objects.in_force_within(since, now)
        .select_related("set_by", "ended_by", "lead", "company")
        .order_by("starts_at", "pk")
    )
    counts = kept_back.count(rows)
    return [
        {
            "suppressed": str(row),
            "reason": row.reason,
            "from": row.starts_at.isoformat(),
            "until": row.ends_at.isoformat(),
            "set_by": str(row.set_by),
            "kept_back": counts.get(row.pk, KeptBackCount()).text,
        }
        for row in rows
    ]


def _add_evidence(review: Review, evidence: Mapping[str, Any], period: str, now: dt.datetime) -> Review:
    if review.evidence.get("period") != period:
        ReviewEvidence.objects.get_or_create(
            review=review, period=period, defaults={"evidence": dict(evidence), "at": now}
        )
    return review
