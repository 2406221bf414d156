"""The monitor of the rejection rate of handoffs and account plays, which opens reviews (rules 8.3 to 8.6).

Months are those of the company's calendar; the evidence is frozen when the review opens.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from config.jobs import sweeps
from config.jobs.periods import claim_period
from definitions import reviews
from definitions.models import Definition, Review
from definitions.vocabulary import ReviewKind, ReviewTrigger
from leads.vocabulary import Motion
from sla.business_time.arithmetic import wall_to_instant
from sla.models import Disposition, PlayDisposition, ReasonCode
from sla.reports import compliance
from sla.vocabulary import DispositionKind, Family

#: A decision on a handoff, or on an account play of a definition that judges companies.
Decision: TypeAlias = Disposition | PlayDisposition

#: The name under which definitions that failed are set aside.
SWEEP: Final = "rejection rates"
#: Percent of a month's decided handoffs or plays. Above and below are strict, computed on the exact fraction.
TOO_MANY: Final = 35
TOO_FEW: Final = 10
SMALLEST_SAMPLE: Final = 20
#: A family with at least this percent of the rejections is a pattern, and its lever is proposed.
PATTERN_FROM: Final = 50
SAMPLE_OF_REJECTED: Final = 30

LEVERS: Final = {
    Family.FIT: _("tighten the firmographic filters"),
    Family.ENGAGEMENT: _("raise the engagement threshold and ask for more intent signals"),
    Family.TIMING: _("ask for a sign of an active project, and recycle the rest with a date"),
    Family.BANT: _("ask for budget and authority before the handoff"),
    Family.DATA: _("improve e-mail verification and contact data"),
}


@dataclass(frozen=True, slots=True)
class RejectionMonth:
    """A calendar month of the company, `[start, end)`; `name` is such as 2026-03."""

    name: str
    start: dt.datetime
    end: dt.datetime

    @property
    def label(self) -> str:
        """Return the name for people: March 2026."""
        return f"{dt.date.fromisoformat(f'{self.name}-01'):%B %Y}"

    @classmethod
    def containing(cls, now: dt.datetime, *, months_back: int = 0) -> RejectionMonth:
        local = now.astimezone(ZoneInfo(settings.COMPANY_TIME_ZONE))
        ordinal = local.year * 12 + local.month - 1 - months_back
        return cls(f"{ordinal // 12}-{ordinal % 12 + 1:02}", _month_start(ordinal), _month_start(ordinal + 1))


@dataclass(frozen=True, slots=True)
class DecidedCounts:
    """The standing dispositions on the handoffs or plays of a definition that were decided in a month."""

    month: RejectionMonth
    dispositions: Sequence[Decision]

    @property
    def rejected(self) -> list[Decision]:
        return [disposition for disposition in self.dispositions if disposition.kind == DispositionKind.REJECT]

    # Both comparisons multiply out instead of dividing, so that exactly 35 % or 10 % is not rounded over the limit.
    @property
    def is_spike(self) -> bool:
        return self._is_enough and len(self.rejected) * 100 > len(self.dispositions) * TOO_MANY

    @property
    def is_rubber_stamp(self) -> bool:
        return self._is_enough and len(self.rejected) * 100 < len(self.dispositions) * TOO_FEW

    @property
    def percent(self) -> float:
        return round(len(self.rejected) * 100 / len(self.dispositions), 1) if self.dispositions else 0.0

    @property
    def _is_enough(self) -> bool:
        return len(self.dispositions) >= SMALLEST_SAMPLE


def open_rejection_reviews(*, now: dt.datetime) -> int:
    """Open the reviews that the running and the previous month call for; returns how many triggers fired newly.

    Each trigger fires once a month for a definition, however many workers run the monitor: a decided review is not
    opened again for the same month, and one that is still open is given the month's evidence. A definition that fails is set
    aside (rules 17.5).
    """
    months = [RejectionMonth.containing(now, months_back=back) for back in (2, 1, 0)]
    fired = 0
    for definition in sweeps.exclude_set_aside(SWEEP, Definition.objects.order_by("pk"), now):
        with sweeps.set_aside_failure(SWEEP, definition.pk, now=now):
            fired += _open_reviews_of(definition, months, now)
    return fired


def read_decisions(*, definition: Definition, month: RejectionMonth) -> DecidedCounts:
    """Read the standing dispositions on the definition's handoffs that were decided in the month, or on its plays."""
    if definition.motion == Motion.AQL:
        return DecidedCounts(month, _list_play_decisions(definition, month))
    dispositions = Disposition.objects.filter(
        corrected_by__isnull=True,
        handoff__decided_at__gte=month.start,
        handoff__decided_at__lt=month.end,
        handoff__version__definition=definition,
    )
    return DecidedCounts(
        month,
        list(
            dispositions.select_related("reason", "sub_reason", "handoff__lead").order_by("-handoff__decided_at", "-pk")
        ),
    )


def _list_play_decisions(definition: Definition, month: RejectionMonth) -> list[PlayDisposition]:
    decisions = PlayDisposition.objects.filter(
        at__gte=month.start, at__lt=month.end, play__version__definition=definition
    )
    return list(decisions.select_related("reason", "sub_reason", "play__company").order_by("-at", "-pk"))


def _open_reviews_of(definition: Definition, months: Sequence[RejectionMonth], now: dt.datetime) -> int:
    before, *watched = [read_decisions(definition=definition, month=month) for month in months]
    fired = 0
    for decided in watched:
        for trigger in _find_triggers(definition, before, decided):
            fired += _open_review_once(definition, trigger, decided, now)
        before = decided
    return fired


def _find_triggers(definition: Definition, before: DecidedCounts, decided: DecidedCounts) -> list[ReviewTrigger]:
    """Return the triggers that a month fires, given the month before it."""
    if decided.is_rubber_stamp:
        return [ReviewTrigger.RUBBER_STAMP]
    if not decided.is_spike:
        return []
    if not before.is_spike:
        return [ReviewTrigger.REJECTION_SPIKE]
    # In the second month both leaders review; a spike review that is still open gets the evidence as well.
    spike = Review.objects.filter(definition=definition, trigger=ReviewTrigger.REJECTION_SPIKE, decided_at__isnull=True)
    also = [ReviewTrigger.REJECTION_SPIKE] if spike.exists() else []
    return [ReviewTrigger.REJECTION_SUSTAINED, *also]


@transaction.atomic
def _open_review_once(definition: Definition, trigger: ReviewTrigger, decided: DecidedCounts, now: dt.datetime) -> bool:
    """Open a review, or return False when the trigger has fired for this month already."""
    # Of several workers only the one that claims the month for the trigger opens the review.
    period = decided.month.name
    if not claim_period(job=f"watch:{definition.pk}:{trigger}", period=period, now=now):
        return False
    kind = ReviewKind.LIGHT if trigger == ReviewTrigger.RUBBER_STAMP else ReviewKind.FULL
    reviews.open_review(
        definition=definition,
        trigger=trigger,
        kind=kind,
        title=_write_title(Motion(definition.motion), trigger, decided),
        evidence=_collect_evidence(Motion(definition.motion), decided),
        proposal=_write_proposal(trigger, decided),
        now=now,
        period=period,
    )
    return True


def _write_title(motion: Motion, trigger: ReviewTrigger, decided: DecidedCounts) -> str:
    rate = f"{decided.percent:g} % of {len(decided.dispositions)} decided {motion.upper()}s rejected in {decided.month.label}"
    if trigger == ReviewTrigger.REJECTION_SUSTAINED:
        return f"{rate}, the second month above {TOO_MANY} %: for both leaders"
    return rate


def _write_proposal(trigger: ReviewTrigger, decided: DecidedCounts) -> str:
    if trigger == ReviewTrigger.RUBBER_STAMP:
        return "Hardly anything is rejected: either the definition is too tight, or sales accepts without looking."
    patterns = [family for family in _count_families(decided) if family["is_pattern"]]
    if not patterns:
        return "No family of reasons stands out: read the rejections below before changing anything."
    return " ".join(
        f"{family['percent']:g} % of the rejections are {family['label']}: {family['lever']}." for family in patterns
    )


def _collect_evidence(motion: Motion, decided: DecidedCounts) -> dict[str, Any]:
    month = decided.month
    promises = compliance.read_figures(motion=motion, start=month.start, end=month.end)
    return {
        "period": month.name,
        "from": month.start.isoformat(),
        "to": month.end.isoformat(),
        "decided": len(decided.dispositions),
        "rejected": len(decided.rejected),
        "percent": decided.percent,
        "limits": {"too_many": TOO_MANY, "too_few": TOO_FEW, "smallest_sample": SMALLEST_SAMPLE},
        "reasons": _count_reasons(decided),
        "families": _count_families(decided),
        "rejected_plays" if motion == Motion.AQL else "rejected_handoffs": [
            _describe_rejection(disposition) for disposition in decided.rejected[:SAMPLE_OF_REJECTED]
        ],
        "motion": motion,
        "promises": [figure.as_dict() for figure in promises],
    }


def _count_reasons(decided: DecidedCounts) -> list[dict[str, Any]]:
    """Count the rejections by reason, most frequent first."""
    counts = Counter(disposition.reason for disposition in decided.rejected if disposition.reason)
    in_order = sorted(counts.items(), key=lambda item: (-item[1], item[0].code))
    return [
        {
            "code": reason.code,
            # The latest comes first.
            "label": next(row.reason_label for row in decided.rejected if row.reason_id == reason.pk),
            "family": reason.family,
            "count": count,
            **({"details": details} if (details := _count_details(decided, reason)) else {}),
        }
        for reason, count in in_order
    ]


def _count_details(decided: DecidedCounts, reason: ReasonCode) -> str:
    """Count the rejections for a reason by the detail that was given, most frequent first, as a text."""
    rows = (row.sub_reason for row in decided.rejected if row.reason_id == reason.pk)
    counts = Counter(detail for detail in rows if detail is not None)
    in_order = sorted(counts.items(), key=lambda item: (-item[1], item[0].code))
    labels = {row.sub_reason_id: row.sub_reason_label for row in reversed(decided.rejected)}
    return ", ".join(f"{labels[detail.pk]} {count}" for detail, count in in_order)


def _count_families(decided: DecidedCounts) -> list[dict[str, Any]]:
    counts = Counter(disposition.reason.family for disposition in decided.rejected if disposition.reason)
    total = counts.total()
    return [
        {
            "family": family,
            "label": str(Family(family).label),
            "count": count,
            "percent": round(count * 100 / total, 1),
            "is_pattern": count * 100 >= total * PATTERN_FROM,
            "lever": str(LEVERS[Family(family)]),
        }
        for family, count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    ]


def _describe_rejection(disposition: Decision) -> dict[str, Any]:
    return {
        **(_describe_play(disposition) if isinstance(disposition, PlayDisposition) else _describe_handoff(disposition)),
        "reason": disposition.reason.code if disposition.reason else "",
        "label": disposition.reason_label,
        "note": disposition.note,
    }


def _describe_handoff(disposition: Disposition) -> dict[str, Any]:
    handoff = disposition.handoff
    return {
        "handoff": handoff.pk,
        "lead": handoff.lead_id,
        "name": str(handoff.lead),
        "tier": handoff.tier,
        "contacted_before": disposition.contacted_before,
        "decided_at": handoff.decided_at.isoformat() if handoff.decided_at else "",
    }


def _describe_play(disposition: PlayDisposition) -> dict[str, Any]:
    play = disposition.play
    return {
        "play": play.pk,
        "company": play.company_id,
        "name": str(play.company),
        "tier": play.tier,
        "contacted_before": play.first_contact_at is not None and play.first_contact_at <= disposition.at,
        "decided_at": disposition.at.isoformat(),
    }


def _month_start(ordinal: int) -> dt.datetime:
    """Return the instant at which a month of the company begins; `ordinal` counts months from year 0."""
    wall = dt.datetime(ordinal // 12, ordinal % 12 + 1, 1)  # noqa: DTZ001 (wall_to_instant applies the zone)
    return wall_to_instant(settings.COMPANY_TIME_ZONE, wall)
