"""Reviews of a definition, opened by a trigger or a person and decided by the leaders (rules 8.1, 8.2).

Each cause has at most one open review of a definition that Accord opened; reviews opened by a person are not limited.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from django.db import transaction

from config.accounts.models import User
from config.accounts.vocabulary import Role
from definitions import permissions, version_documents
from definitions.models import Definition, Review, ReviewEvidence, Suppression, Version
from definitions.suppressions import kept_back
from definitions.suppressions.kept_back import KeptBackCount
from definitions.vocabulary import ReviewKind, ReviewTrigger


class ReviewRefused(Exception):
    """The review cannot be decided like this; the sentence says why."""


class ReviewDecided(ReviewRefused):
    """A review that somebody else decided before; the sentence says who and when."""

    def __init__(self, review: Review) -> None:
        super().__init__(f"{review.decided_by} decided this review on {review.decided_at:%d %B %Y}: {review.decision}")


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
) -> Review:
    """Open a review with its evidence frozen, or add this period's evidence to the open review of the same cause.

    `period` names the time that the evidence is about ("2026-05"), by default the day; a second call for the same
    period adds nothing. `cause` tells apart what one trigger watches: a source, a campaign, a score band (100 characters at
    most). A review that a person opens is always new; `by` None is Accord itself. The evidence lists the suppressions since the
    last review of the definition (rules 8.10). Raises permissions.NotAllowed.
    """
    permissions.require_role(by, Role.MARKETING_OPS, Role.MARKETING_LEADER, Role.SALES_LEADER, to="open a review")
    definition = version_documents.lock_definition(definition)
    period = period or f"{now:%Y-%m-%d}"
    if suppressions := _list_suppressions(definition, now):
        evidence = {**evidence, "suppressions": suppressions}
    if by is None and (open_one := _find_open(definition, trigger, cause)) is not None:
        return _add_evidence(open_one, evidence, period, now)
    return Review.objects.create(
        definition=definition,
        version=Version.objects.active().filter(definition=definition).first(),
        trigger=trigger,
        cause=cause,
        kind=kind,
        title=title[:200],
        proposal=proposal,
        evidence={**evidence, "period": period},
        opened_at=now,
        opened_by=by,
    )


@transaction.atomic
def decide_review(
    *, review: Review, decision: str, reasoning: str, by: User, now: dt.datetime, led_to: Version | None = None
) -> Review:
    """Record the leaders' decision with its reasoning, once. `led_to` is the version that resulted from it.

    Raises ReviewRefused, permissions.NotAllowed.
    """
    permissions.require_role(by, Role.MARKETING_LEADER, Role.SALES_LEADER, to="decide a review")
    review = Review.objects.select_for_update(of=("self",), no_key=True).get(pk=review.pk)
    if review.decided_at is not None:
        raise ReviewDecided(review)
    if not decision.strip() or not reasoning.strip():
        raise ReviewRefused("A decision needs its reasoning: both are kept.")
    if led_to is not None and led_to.definition_id != review.definition_id:
        raise ReviewRefused(f"{led_to} is not a version of {review.definition}.")
    review.decision, review.reasoning, review.led_to = decision.strip(), reasoning.strip(), led_to
    review.decided_at, review.decided_by = now, by
    review.save(update_fields=["decision", "reasoning", "led_to", "decided_at", "decided_by"])
    return review


def _find_open(definition: Definition, trigger: ReviewTrigger, cause: str) -> Review | None:
    by_accord = Review.objects.undecided().filter(opened_by__isnull=True)
    return by_accord.filter(definition=definition, trigger=trigger, cause=cause).first()


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
