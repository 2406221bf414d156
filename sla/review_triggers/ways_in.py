"""The ways in by which decided leads had become MQLs, and how many of each sales rejected (rules 8.25)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any, Final

from sla.models import Disposition
from sla.reports import evidence_ways
from sla.vocabulary import DispositionKind

ROWS_AT_MOST: Final = 20


def count_ways_in(dispositions: Iterable[Disposition]) -> list[dict[str, Any]]:
    """Count the decided leads by each path, hot trigger and signal of their frozen evidence, with the most rejected first."""
    decided: Counter[str] = Counter()
    rejected: Counter[str] = Counter()
    for disposition in dispositions:
        ways = set(evidence_ways.list_ways(disposition.handoff.qualification.evidence))
        decided.update(ways)
        if disposition.kind == DispositionKind.REJECT:
            rejected.update(ways)
    in_order = sorted(decided, key=lambda way: (-rejected[way], way))
    return [
        {
            "way": way,
            "count": rejected[way],
            "of": decided[way],
            "percent": round(rejected[way] * 100 / decided[way], 1),
        }
        for way in in_order[:ROWS_AT_MOST]
    ]
