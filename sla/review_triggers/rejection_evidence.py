"""The evidence on the decisions of a month: reasons, families, what was missing, rejected handoffs, promises (rules 8.7)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from config.calendar_periods import CalendarMonth
from definitions.models import Definition
from leads.vocabulary import Motion
from scoring.backtests.intervals_and_tests import Sample
from sla.figure_catalogue import benchmarks
from sla.figure_catalogue.catalogue import ACCEPTANCE, REJECTION, RateReading
from sla.models import Disposition, PlayDisposition, ReasonCode
from sla.reports import compliance, rejection_families
from sla.reports.rejection_families import LEVERS
from sla.review_triggers import acceptance_behaviour, ways_in
from sla.review_triggers.trigger_rules import SMALLEST_SAMPLE, TOO_FEW, TOO_MANY
from sla.vocabulary import DispositionKind

#: A decision on a handoff, or on an account play of a definition that judges companies.
Decision: TypeAlias = Disposition | PlayDisposition

SAMPLE_OF_REJECTED: Final = 30


@dataclass(frozen=True, slots=True)
class DecidedMonth:
    """The standing dispositions on the handoffs or plays of a definition that were decided in a month, the latest first."""

    month: CalendarMonth
    dispositions: Sequence[Decision]

    @property
    def rejected(self) -> list[Decision]:
        return [disposition for disposition in self.dispositions if disposition.kind == DispositionKind.REJECT]

    @property
    def rejection(self) -> Sample:
        return Sample(len(self.rejected), len(self.dispositions))

    @property
    def acceptance(self) -> Sample:
        return Sample(self.rejection.misses, self.rejection.total)

    @property
    def percent(self) -> float:
        return round((self.rejection.rate or 0) * 100, 1)


def read_decisions(*, definition: Definition, month: CalendarMonth) -> DecidedMonth:
    """Read the standing dispositions on the definition's handoffs that were decided in the month, or on its plays."""
    if definition.motion == Motion.AQL:
        return DecidedMonth(month, _list_play_decisions(definition, month))
    dispositions = Disposition.objects.standing().filter(
        handoff__decided_at__gte=month.start,
        handoff__decided_at__lt=month.end,
        handoff__version__definition=definition,
    )
    rows = dispositions.select_related("reason", "sub_reason", "handoff__lead", "handoff__qualification")
    return DecidedMonth(month, list(rows.order_by("-handoff__decided_at", "-pk")))


def _list_play_decisions(definition: Definition, month: CalendarMonth) -> list[PlayDisposition]:
    decisions = PlayDisposition.objects.filter(
        at__gte=month.start, at__lt=month.end, play__version__definition=definition
    )
    return list(decisions.select_related("reason", "sub_reason", "play__company").order_by("-at", "-pk"))


def collect_evidence(definition: Definition, decided: DecidedMonth) -> dict[str, Any]:
    """Return the evidence on a month: its rates with their definitions, reasons, rejections, acceptances and promises."""
    month, motion = decided.month, Motion(definition.motion)
    promises = compliance.read_figures(motion=motion, start=month.start, end=month.end)
    readings = (RateReading(REJECTION, decided.rejection), RateReading(ACCEPTANCE, decided.acceptance))
    return {
        "period": month.name,
        "from": month.start.isoformat(),
        "to": month.end.isoformat(),
        "decided": len(decided.dispositions),
        "rejected": len(decided.rejected),
        "percent": decided.percent,
        "limits": {"too_many": TOO_MANY, "too_few": TOO_FEW, "smallest_sample": SMALLEST_SAMPLE},
        "rates": [reading.as_evidence(motion) for reading in readings],
        "benchmarks": benchmarks.as_evidence([REJECTION.key]),
        "reasons": _count_reasons(decided),
        "families": count_families(decided),
        "ways_in": ways_in.count_ways_in(row for row in decided.dispositions if isinstance(row, Disposition)),
        "missing": _count_missing(decided),
        **acceptance_behaviour.collect_evidence(definition, month),
        "rejected_plays" if motion == Motion.AQL else "rejected_handoffs": [
            describe_rejection(disposition) for disposition in decided.rejected[:SAMPLE_OF_REJECTED]
        ],
        "motion": motion,
        "promises": [figure.as_dict() for figure in promises],
    }


def write_lever(decided: DecidedMonth) -> str:
    """Return what the families that stand out among the rejections propose."""
    patterns = [family for family in count_families(decided) if family["is_pattern"]]
    if not patterns:
        return "No family of reasons stands out: read the rejections below before changing anything."
    return " ".join(
        f"{family['percent']:g} % of the rejections are {family['label']}: {family['lever']}." for family in patterns
    )


def _count_missing(decided: DecidedMonth) -> list[dict[str, Any]]:
    """Count what sales said was missing, in its words, most frequent first."""
    texts = (" ".join(disposition.missing.split()) for disposition in decided.dispositions)
    counts = Counter(text for text in texts if text)
    in_order = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return [{"missing": text, "count": count} for text, count in in_order[:SAMPLE_OF_REJECTED]]


def _count_reasons(decided: DecidedMonth) -> list[dict[str, Any]]:
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


def _count_details(decided: DecidedMonth, reason: ReasonCode) -> str:
    """Count the rejections for a reason by the detail that was given, most frequent first, as a text."""
    rows = (row.sub_reason for row in decided.rejected if row.reason_id == reason.pk)
    counts = Counter(detail for detail in rows if detail is not None)
    in_order = sorted(counts.items(), key=lambda item: (-item[1], item[0].code))
    labels = {row.sub_reason_id: row.sub_reason_label for row in reversed(decided.rejected)}
    return ", ".join(f"{labels[detail.pk]} {count}" for detail, count in in_order)


def count_families(decided: DecidedMonth) -> list[dict[str, Any]]:
    """Count the rejections by family of reasons, most frequent first, with its lever."""
    counts = Counter(disposition.reason.family for disposition in decided.rejected if disposition.reason)
    return [
        {
            "family": str(row.family),
            "label": str(row.family.label),
            "count": row.count,
            "percent": row.percent,
            "is_pattern": row.is_pattern,
            "lever": str(LEVERS[row.family]),
        }
        for row in rejection_families.list_families(counts)
    ]


def describe_rejection(disposition: Decision) -> dict[str, Any]:
    """Return a rejection as a row of evidence: its lead or company, reason with detail, note, and what was missing."""
    return {
        **(_describe_play(disposition) if isinstance(disposition, PlayDisposition) else _describe_handoff(disposition)),
        "reason": disposition.reason.code if disposition.reason else "",
        "label": disposition.reason_label,
        "detail": disposition.sub_reason_label,
        "note": disposition.note,
        "missing": disposition.missing,
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
