"""The guard of an activation: its SAL rate over 90 days against the version's target (rules 8.12)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Final

from definitions.models import Definition, Version
from definitions.vocabulary import ReviewKind, ReviewTrigger
from leads.vocabulary import Motion
from scoring.backtests.intervals_and_tests import Sample
from sla.figure_catalogue.catalogue import ACCEPTANCE, RateReading
from sla.models import Disposition, PlayDisposition
from sla.review_triggers.review_drafts import ReviewDraft, offer_revert
from sla.review_triggers.trigger_rules import is_below_target
from sla.vocabulary import DispositionKind

GUARDED_FOR: Final = dt.timedelta(days=90)
CHECKED_FOR: Final = dt.timedelta(days=31)


def list_ended_guards(definition: Definition, *, now: dt.datetime) -> list[Version]:
    """Return the version in force if its guard ended within the last CHECKED_FOR: an old activation is not judged afterwards."""
    ended = Version.objects.active().filter(definition=definition, activated_at__lte=now - GUARDED_FOR)
    return list(ended.filter(activated_at__gt=now - GUARDED_FOR - CHECKED_FOR).select_related("definition"))


def check_guard(version: Version) -> Iterator[ReviewDraft]:
    """Yield the review of a version whose first 90 days in force are over with a SAL rate below its target."""
    assert version.activated_at is not None  # noqa: S101 (it is in force)
    start, end = version.activated_at, version.activated_at + GUARDED_FOR
    accepted = _count_accepted(version, start, end)
    if not is_below_target(accepted, version.sal_rate_target):
        return
    motion, target = Motion(version.definition.motion), float(version.sal_rate_target * 100)
    revert = offer_revert(version)
    before = revert.get("revert_to")
    yield ReviewDraft(
        trigger=ReviewTrigger.SAL_GUARD,
        cause=version.number,
        kind=ReviewKind.FULL,
        title=(
            f"{version.number}: SAL rate of {(accepted.rate or 0) * 100:.3g} % in the 90 days after its activation, below"
            f" its target of {target:.3g} %"
        ),
        period=f"{version.number}, 90 days",
        evidence={
            "from": start.isoformat(),
            "to": end.isoformat(),
            "target_percent": target,
            "rates": [RateReading(ACCEPTANCE, accepted).as_evidence(motion)],
            **revert,
        },
        proposal=(
            f"Go back to {before['number']}, which was in force before {version.number}, or say why not."
            if before
            else "No version was in force before: read the reasons of the rejections, and tighten."
        ),
    )


def _count_accepted(version: Version, start: dt.datetime, end: dt.datetime) -> Sample:
    """Count what sales accepted of this version's own handoffs or plays; those of the version before do not count."""
    if version.definition.motion == Motion.AQL:
        plays = PlayDisposition.objects.filter(play__version=version, at__gte=start, at__lt=end)
        return Sample(plays.filter(kind=DispositionKind.ACCEPT).count(), plays.count())
    decided = Disposition.objects.standing().filter(
        handoff__version=version,
        handoff__decided_at__gte=start,
        handoff__decided_at__lt=end,
    )
    return Sample(decided.filter(kind=DispositionKind.ACCEPT).count(), decided.count())
