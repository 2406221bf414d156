"""One changed row, and finding the row that it was before."""

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
    """
    `part` as people call it ("Gate", "Path: Engaged", "Timing", "Decay" …); `before` and `after` in words, "" where there was
    or is no row; `rationale` of the row as it is now, or was.
    """

    part: str
    kind: RowChangeKind
    label: str
    before: str
    after: str
    effect: Effect
    rationale: str = ""


def match_rows(before: Sequence[Json], after: Sequence[Json], *keys: RowKey) -> list[RowPair]:
    """
    Rows of before and after that are one: by the first key, what is left by the second, and so on; equal keys in their order.

    In the order of after; what was removed stands at the end.
    """
    left, found = list(before), {}
    for key in keys:
        for at, row in enumerate(after):
            if at in found:
                continue
            twin = next((each for each in left if key(each) == key(row)), None)
            if twin is not None:
                found[at] = twin
                left = [each for each in left if each is not twin]
    pairs: list[RowPair] = [(found.get(at), row) for at, row in enumerate(after)]
    return pairs + [(row, None) for row in left]


def change_kind(before: object, after: object) -> RowChangeKind:
    if before is None:
        return RowChangeKind.ADDED
    return RowChangeKind.REMOVED if after is None else RowChangeKind.CHANGED
