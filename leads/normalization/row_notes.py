"""The notes on an accepted row: what Accord did not store as it came (rules 14.7)."""

from __future__ import annotations

from typing import NamedTuple

from leads.vocabulary import NoteKind


class RowNote(NamedTuple):
    """A note on one field of an accepted row; `text` is a sentence for its sender."""

    kind: NoteKind
    field: str
    text: str
