"""The rows of a table in a file, whatever its format, and the limits that hold for all formats (rules 14.6)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

MAX_COLUMNS: Final = 400
MAX_CELL: Final = 1_000_000
#: The header is looked for among so many lines: some senders write notes before it.
HEADER_WITHIN: Final = 30

HeaderTest = Callable[[Sequence[str]], bool]


class Unreadable(Exception):
    """The file as a whole cannot be read; the message is a sentence for the user."""


@dataclass(frozen=True, slots=True)
class FileRow:
    """A row of a file. `line` is where it begins, from 1; `flaw` says why its cells cannot be used."""

    line: int
    cells: Sequence[str]
    flaw: str = ""


def check_column_count(header: Sequence[str]) -> None:
    if len(header) > MAX_COLUMNS:
        raise Unreadable(f"The file has {len(header):,} columns; {MAX_COLUMNS} are taken at most.")
