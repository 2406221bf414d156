"""Reviews that a check asks for, and what several checks read: a period's bounds, the version to go back to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from config.calendar_periods import CalendarPeriod
from definitions import version_documents
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
    """Return for the evidence the version to go back to; empty if there was none."""
    before = None if version is None else _find_former(version)
    return {} if before is None else {"revert_to": {"version": before.pk, "number": before.number}}


def _find_former(version: Version) -> Version | None:
    """Return the version with other rules that was in force before this one and was not given up by going back.

    Where the rules of a version come back, those in force meanwhile were given up: they are no way out (rules 8.37).
    """
    if version.activated_at is None:
        return None
    history = Version.objects.filter(definition_id=version.definition_id, activated_at__lte=version.activated_at)
    former: dict[str, Version] = {}
    for row in history.select_related("definition").order_by("activated_at", "pk"):
        rules = version_documents.fingerprint(row)
        while rules in former:
            former.popitem()
        former[rules] = row
    *earlier, _present = former.values()
    return earlier[-1] if earlier else None
