"""A changed row, and the matching of rows before and after."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from definitions.diff.row_effect import Effect
from definitions.plain_english.generated_statement import Json

RowPair = tuple[Json | None, Json | None]
RowKey = Callable[[Json], Hashable]


class RowChangeKind(StrEnum):
    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True)
class RowChange:
    """A changed row.

    `part` is its name for people ("Gate", "Path: Engaged", "Timing", "Decay" …); `before` and `after` are in words, ""
    without a row; `rationale` is that of the row as it is now, or was.
    """

    part: str
    kind: RowChangeKind
    label: str
    before: str
    after: str
    effect: Effect
    rationale: str = ""


def match_rows(before: Sequence[Json], after: Sequence[Json], *keys: RowKey) -> list[RowPair]:
    """Pair the rows of before and after by the first key, the rest by the second, and so on; equal keys in their order.

    The pairs stand in the order of `after`; removed rows stand at the end.
    """
    unmatched, twins = list(before), {}
    for key in keys:
        for index, row in enumerate(after):
            if index in twins:
                continue
            twin = next((candidate for candidate in unmatched if key(candidate) == key(row)), None)
            if twin is not None:
                twins[index] = twin
                unmatched = [candidate for candidate in unmatched if candidate is not twin]
    pairs: list[RowPair] = [(twins.get(index), row) for index, row in enumerate(after)]
    return pairs + [(row, None) for row in unmatched]


def change_kind(before: object, after: object) -> RowChangeKind:
    if before is None:
        return RowChangeKind.ADDED
    return RowChangeKind.REMOVED if after is None else RowChangeKind.CHANGED
