"""Names of senders that nobody may take: the ids of each sender are a space of their own (rules 13.58)."""

from __future__ import annotations

from typing import Final

from django.core.exceptions import ValidationError

#: The source of events and outcomes that Accord itself records.
ACCORD: Final = "accord"
#: The source of facts that signed-in people send through the API.
BY_HAND: Final = "by-hand"


def refuse_reserved_source(source: str) -> None:
    """Raise ValidationError for a name that Accord keeps for itself, in whatever case."""
    if source.strip().casefold() in {ACCORD, BY_HAND}:
        raise ValidationError(
            f"“{source}” is kept for what Accord itself and people by hand record. Take another name."
        )
