"""Reviews that a check asks for, and what several checks read: a period's bounds, the version to go back to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from config.calendar_periods import CalendarPeriod
from definitions.models import Version
from definitions.vocabulary import ReviewKind, ReviewTrigger


@dataclass(frozen=True, slots=True)
class ReviewDraft:
    """A review that the figures of a period ask for, as `definitions.reviews.open_review` takes it."""

    trigger: ReviewTrigger
    kind: ReviewKind
    title: str
    period: str
    evidence: Mapping[str, Any]
    proposal: str
    cause: str = ""


def describe_period(period: CalendarPeriod) -> dict[str, str]:
    """Return a period's bounds for the evidence."""
    return {"from": period.start.isoformat(), "to": period.end.isoformat()}


def offer_revert(version: Version | None) -> dict[str, Any]:
    """Return for the evidence the version that was in force before this one; empty if there was none."""
    if version is None or version.activated_at is None:
        return {}
    earlier = Version.objects.filter(
        definition_id=version.definition_id, retired_at__isnull=False, activated_at__lt=version.activated_at
    )
    before = earlier.order_by("-activated_at").first()
    return {} if before is None else {"revert_to": {"version": before.pk, "number": before.number}}
