"""Names of senders that nobody may take: the ids of each sender are a space of their own (rules 13.58)."""

from __future__ import annotations

from typing import Final

from django.core.exceptions import ValidationError

#: The source of events and outcomes that Accord itself records.
ACCORD: Final = "accord"
#: The source of facts that signed-in people send through the API.
BY_HAND: Final = "by-hand"
#: The source of statements that Accord derives itself: that somebody with an address @acme.example works at Acme.
DERIVED: Final = "derived"
#: The source of statements that follow from outcomes: that a company is a customer.
OUTCOME: Final = "outcome"
#: The source of statements that were read again after marketing ops corrected a reading.
READING: Final = "reading"
RESERVED: Final = (ACCORD, BY_HAND, DERIVED, OUTCOME, READING)


def refuse_reserved_source(source: str) -> None:
    """Raise ValidationError for a name that Accord keeps for itself, in whatever case."""
    if source.strip().casefold() in RESERVED:
        raise ValidationError(
            f"“{source}” is kept for what Accord itself and people by hand record. Take another name."
        )
