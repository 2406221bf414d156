"""The result of one item of a batch that was sent: an event, an outcome, a past disposition."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class ItemResult:
    """The result of one item.

    `id` is Accord's id of the row: of the first one for a duplicate, None for a rejected item.
    """

    status: Literal["accepted", "duplicate", "rejected"]
    id: int | None = None
    field: str = ""
    reason: str = ""
