"""The gap list of a review: what the definition lacks, who sees to it until when, and how it was closed (rules 8.31)."""

from __future__ import annotations

import datetime as dt

from django.db import transaction

from config import company_days
from config.accounts.models import User
from definitions.models import Review, ReviewGap, Version
from definitions.review_record import access
from definitions.review_record.locked_review import ReviewOvertaken, ReviewRefused, lock_review, lock_undecided
from leads.exceptions import Refused


@transaction.atomic
def add_gap(*, review: Review, missing: str, owner: User, due_on: dt.date, by: User, now: dt.datetime) -> ReviewGap:
    """Add a gap to a review that is not decided yet. Raises Refused, ReviewRefused, permissions.NotAllowed."""
    review = lock_undecided(review)
    access.require_worker(by, review)
    if not missing.strip():
        raise Refused("missing", "is required: say what the definition lacks.")
    if not owner.is_active:
        raise Refused("owner", f"cannot sign in any more: {owner}.")
    if due_on < company_days.day_of(now):
        raise Refused("due_on", "lies in the past.")
    return ReviewGap.objects.create(
        review=review, missing=missing.strip(), owner=owner, due_on=due_on, added_at=now, added_by=by
    )


@transaction.atomic
def close_gap(
    *, review: Review, gap: int, by: User, now: dt.datetime, version: Version | None = None, note: str = ""
) -> ReviewGap:
    """Close a gap, also after the decision, by a version of the definition or with a note of how it was closed without one.

    Raises Refused, ReviewRefused, permissions.NotAllowed.
    """
    review = lock_review(review)
    access.require_worker(by, review)
    row = ReviewGap.objects.filter(review=review, pk=gap).select_related("closed_by").first()
    if row is None:
        raise ReviewRefused("This review has no such gap.")
    if row.closed_at is not None:
        raise ReviewOvertaken(f"{row.closed_by} closed this gap on {company_days.day_of(row.closed_at):%-d %B %Y}.")
    if version is None and not note.strip():
        raise Refused("version", "or a note is required: name the version that closes it, or say why it needs none.")
    if version is not None and version.definition_id != review.definition_id:
        raise Refused("version", f"is of another definition: {version}.")
    row.closed_at, row.closed_by, row.closed_in, row.closing_note = now, by, version, note.strip()
    row.save(update_fields=["closed_at", "closed_by", "closed_in", "closing_note"])
    return row
