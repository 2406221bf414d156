"""Claiming of waiting rows, one after the other, skipping those that failed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Set
from typing import TypeVar

Claimed = TypeVar("Claimed")


class RowFailed(Exception):
    """A failure on one claimed row, by its id; the other rows are not affected."""

    def __init__(self, pk: int) -> None:
        super().__init__(pk)
        self.pk = pk


def claim_each(claim_next: Callable[[Set[int]], Claimed | None], *, limit: int) -> Iterator[Claimed]:
    """Yield the results of `claim_next`, at most `limit`, until it returns None because no row waits any more.

    `claim_next` works on one row in a transaction of its own. It receives the ids of the rows that failed in this run,
    to skip them, and raises RowFailed for another one.
    """
    failed: set[int] = set()
    claimed_count = 0
    while claimed_count < limit:
        try:
            claimed = claim_next(failed)
        except RowFailed as failure:
            failed.add(failure.pk)
            continue
        if claimed is None:
            return
        claimed_count += 1
        yield claimed
