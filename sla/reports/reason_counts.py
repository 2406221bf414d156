"""Counts of rejections by reason and its detail, imported decisions counted apart (rules 12.13)."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from django.db.models import Count, Max, QuerySet

from leads.models import PastDisposition
from leads.vocabulary import Motion, PastDecision
from sla.models import Disposition, PlayDisposition, ReasonCode
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
    standing = Disposition.objects.standing().filter(
        kind=DispositionKind.REJECT, handoff__motion=motion,
        handoff__decided_at__gte=start, handoff__decided_at__lt=end,
    )  # fmt: skip
    return build_rows(standing, _count_imported(motion, start, end))


def build_rows(
    rejections: QuerySet[Disposition] | QuerySet[PlayDisposition], imported: Mapping[str, int]
) -> list[ReasonCount]:
    """Return the rows for rejections of leads or of plays, and for those of imported decisions by reason.

    A reason or detail is called as the latest of these rejections calls it (rules 17.15).
    """
    counts = rejections.order_by().values_list("reason__code", "sub_reason__code")
    counted = list(counts.annotate(count=Count("pk"), latest=Max("pk")))
    by_detail = {(code, detail or ""): count for code, detail, count, _ in counted}
    totals = Counter(imported)
    for (code, _), count in by_detail.items():
        totals[code] += count
    reasons = {reason.code: reason for reason in ReasonCode.objects.filter(code__in=totals)}
    labels, details = _read_labels(rejections.model, [latest for *_, latest in counted])
    rows: list[ReasonCount] = []
    for code, count in sorted(totals.items(), key=lambda item: (-item[1], item[0])):
        reason = reasons.get(code)
        label = labels.get(code) or (str(reason) if reason else code)
        family = str(Family(reason.family).label) if reason else ""
        rows.append(ReasonCount(code, label, family, "", count, imported.get(code, 0)))
        of_reason = [(detail, n) for (own, detail), n in by_detail.items() if own == code and detail]
        rows += [
            ReasonCount(code, label, family, details.get((code, detail), detail), n, 0)
            for detail, n in sorted(of_reason, key=lambda item: (-item[1], item[0]))
        ]
    return rows


def _read_labels(
    model: type[Disposition] | type[PlayDisposition], latest: list[int]
) -> tuple[dict[str, str], dict[tuple[str, str], str]]:
    """Return the labels of reasons by code, and of details by both codes, as the latest rejection of each calls them."""
    rows = model._default_manager.filter(pk__in=latest).order_by("pk")  # noqa: SLF001  # Django documents it
    columns = ("reason__code", "reason_label", "sub_reason__code", "sub_reason_label")
    labels, details = {}, {}
    for code, label, detail, detail_label in rows.values_list(*columns):
        labels[code] = label
        if detail:
            details[code, detail] = detail_label
    return labels, details


def cells(row: ReasonCount) -> tuple[object, ...]:
    """Return the row of the downloaded file."""
    return row.label, row.code, row.family, row.detail, row.count, row.imported


def _count_imported(motion: Motion, start: dt.datetime, end: dt.datetime) -> Counter[str]:
    rows = PastDisposition.objects.filter(motion=motion, kind=PastDecision.REJECT, at__gte=start, at__lt=end)
    return Counter(dict(rows.order_by().values_list("reason").annotate(count=Count("pk"))))
