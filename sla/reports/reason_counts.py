"""Counts of rejections by reason and its detail, imported decisions counted apart (rules 12.13)."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from django.db.models import Count

from leads.models import PastDisposition
from leads.vocabulary import Motion, PastDecision
from sla.models import Disposition, ReasonCode, SubReason
from sla.vocabulary import DispositionKind, Family

HEADER: Final = ("reason", "code", "family", "detail", "rejected", "imported")


@dataclass(frozen=True, slots=True)
class ReasonCount:
    """The rejections for one reason; those for one of its details have `detail`. `imported` of the `count` are from files."""

    code: str
    label: str
    family: str
    detail: str
    count: int
    imported: int


def count_reasons(*, motion: Motion, start: dt.datetime, end: dt.datetime) -> list[ReasonCount]:
    """Count the rejections decided in [start, end) by reason, the most frequent first, each followed by its details."""
    standing = Disposition.objects.filter(
        corrected_by__isnull=True, kind=DispositionKind.REJECT, handoff__motion=motion,
        handoff__decided_at__gte=start, handoff__decided_at__lt=end,
    )  # fmt: skip
    rows = standing.order_by().values_list("reason__code", "sub_reason__code").annotate(count=Count("pk"))
    return build_rows(rows, _count_imported(motion, start, end))


def build_rows(counts: Iterable[tuple[str, str | None, int]], imported: Mapping[str, int]) -> list[ReasonCount]:
    """Return the rows for counts by reason and detail, and for those of imported decisions by reason."""
    by_detail = {(code, detail or ""): count for code, detail, count in counts}
    totals = Counter(imported)
    for (code, _), count in by_detail.items():
        totals[code] += count
    reasons = {reason.code: reason for reason in ReasonCode.objects.filter(code__in=totals)}
    details = {
        (code, detail): label
        for code, detail, label in SubReason.objects.filter(reason__code__in=totals).values_list(
            "reason__code", "code", "label"
        )
    }
    rows: list[ReasonCount] = []
    for code, count in sorted(totals.items(), key=lambda item: (-item[1], item[0])):
        reason = reasons.get(code)
        label, family = (str(reason), str(Family(reason.family).label)) if reason else (code, "")
        rows.append(ReasonCount(code, label, family, "", count, imported.get(code, 0)))
        of_reason = [(detail, n) for (own, detail), n in by_detail.items() if own == code and detail]
        rows += [
            ReasonCount(code, label, family, details.get((code, detail), detail), n, 0)
            for detail, n in sorted(of_reason, key=lambda item: (-item[1], item[0]))
        ]
    return rows


def cells(row: ReasonCount) -> tuple[object, ...]:
    """Return the row of the downloaded file."""
    return row.label, row.code, row.family, row.detail, row.count, row.imported


def _count_imported(motion: Motion, start: dt.datetime, end: dt.datetime) -> Counter[str]:
    rows = PastDisposition.objects.filter(motion=motion, kind=PastDecision.REJECT, at__gte=start, at__lt=end)
    return Counter(dict(rows.order_by().values_list("reason").annotate(count=Count("pk"))))
