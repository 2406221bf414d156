"""The reason with which a page asks for a draft: that of a review, or of a row of the app above."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

from config.web import typed_number
from definitions.models import Definition, Review
from definitions.presenters import review_page

#: Returns the reason for a draft of a definition by the number of a row; empty without such a row.
ReasonReader: TypeAlias = Callable[[Definition, int], str]


def _read_review(definition: Definition, number: int) -> str:
    review = Review.objects.filter(pk=number, definition=definition).first()
    return review_page.write_reason(review) if review else ""


_readers: dict[str, ReasonReader] = {"review": _read_review}


def register_reader(name: str, reader: ReasonReader) -> None:
    """Let `reader` write the reason of drafts that are asked for with the parameter `name`: the app above has the row."""
    _readers[name] = reader


def read_reason(parameters: Mapping[str, str], definition: Definition) -> str:
    """Return the reason that the address of the step asks for; empty for none."""
    for name, read in _readers.items():
        number = typed_number(parameters.get(name, ""))
        if number and (reason := read(definition, number)):
            return reason
    return ""
