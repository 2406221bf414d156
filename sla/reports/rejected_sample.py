"""The rejected leads that a weekly meeting walks through, chosen by a stated rule, with their evidence (rules 12.58)."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections import defaultdict
from itertools import chain, zip_longest
from typing import Any, Final

from config.calendar_periods import CalendarPeriod
from leads.models import Company, Lead
from leads.vocabulary import Motion
from scoring.explain import frozen_evidence
from sla.models import Disposition, PlayDisposition
from sla.vocabulary import DispositionKind

SAMPLE_SIZE: Final = 5
#: The rule as the page states it.
RULE: Final = (
    "Of the rejections decided in the week, one of each reason in turn, the most frequent reason first, until there are"
    f" {SAMPLE_SIZE}; within a reason by the SHA-256 of the week and the number of the record, so that nobody picks them."
)
_LINES_SHOWN: Final = 6


def choose_rejected(motion: Motion, week: CalendarPeriod) -> list[dict[str, Any]]:
    """Return the facts on the rejected leads, or companies, of a week that are chosen, as JSON. The same rows give the same choice.

    The facts name nobody: whoever reads them looks up the name by `subject`.
    """
    is_of_plays = motion == Motion.AQL
    record = "play" if is_of_plays else "handoff"
    rejections = _select_rejections(motion, week)
    by_reason: dict[str, list[int]] = defaultdict(list)
    for record_id, reason in rejections.order_by().values_list(record, "reason__code"):
        by_reason[reason].append(record_id)
    reasons = sorted(by_reason, key=lambda reason: (-len(by_reason[reason]), reason))
    ordered = [sorted(by_reason[reason], key=lambda record_id: _rank(week.name, record_id)) for reason in reasons]
    chosen = [pk for pk in chain.from_iterable(zip_longest(*ordered)) if pk is not None][:SAMPLE_SIZE]
    about = "play__company" if is_of_plays else "handoff__lead"
    rows = rejections.filter(**{f"{record}__in": chosen}).select_related(
        about, f"{record}__qualification", f"{record}__version__definition"
    )
    facts = {getattr(row, f"{record}_id"): _describe(row, record) for row in rows}
    return [facts[record_id] for record_id in chosen]


def read_names(motion: Motion, facts: list[dict[str, Any]]) -> dict[int, str]:
    """Return the names of the leads or companies by their ids, as they are called now."""
    ids = [row["subject"] for row in facts]
    if motion == Motion.AQL:
        return {company.pk: str(company) for company in Company.objects.filter(pk__in=ids)}
    return {lead.pk: str(lead) for lead in Lead.objects.filter(pk__in=ids)}


def _select_rejections(motion: Motion, week: CalendarPeriod) -> Any:
    if motion == Motion.AQL:
        return PlayDisposition.objects.filter(kind=DispositionKind.REJECT, at__gte=week.start, at__lt=week.end)
    return Disposition.objects.standing().filter(
        kind=DispositionKind.REJECT, handoff__motion=motion,
        handoff__decided_at__gte=week.start, handoff__decided_at__lt=week.end,
    )  # fmt: skip


def _rank(week: str, record_id: int) -> bytes:
    return hashlib.sha256(f"{week}:{record_id}".encode()).digest()


def _describe(row: Any, record: str) -> dict[str, Any]:
    worked = getattr(row, record)
    qualification = worked.qualification
    decided_at: dt.datetime = worked.decided_at or row.at
    is_play = record == "play"
    contacted = worked.first_contact_at is not None and worked.first_contact_at <= row.at
    return {
        "record": worked.pk,
        "subject": worked.company_id if is_play else worked.lead_id,
        "reason": row.reason_label,
        "detail": row.sub_reason_label,
        "note": row.note,
        "missing": row.missing,
        "tier": qualification.tier,
        "fit": None if is_play else qualification.fit,
        "engagement": None if is_play else qualification.engagement,
        "version": str(worked.version),
        "why": qualification.why,
        "evidence": [] if is_play else _list_evidence(qualification.evidence),
        "contacted_before": contacted if is_play else row.contacted_before,
        "qualified_at": qualification.at.isoformat(),
        "decided_at": decided_at.isoformat(),
    }


def _list_evidence(document: object) -> list[dict[str, str]]:
    """Return the lines of the frozen evidence that say most: the gate, then the clauses of the path that was met."""
    evidence = frozen_evidence.read_evidence(document)
    met = next((path.clauses for path in evidence.paths if path.verdict == frozen_evidence.HELD), [])
    return [{"text": line.text, "verdict": line.verdict} for line in [*evidence.gate, *met][:_LINES_SHOWN]]
