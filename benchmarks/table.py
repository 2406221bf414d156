"""The printed table: figures of a run, one a row, aligned."""

from __future__ import annotations

import sys
from collections.abc import Sequence

_HEAD = ("seconds", "× bare", "× SQL", "rows a second", "peak MB")
_WIDTH = (58, 10, 8, 8, 14, 9)


def section(title: str, head: Sequence[str] = _HEAD) -> None:
    say("")
    row((title, *head))
    say("─" * sum(_WIDTH))


def row(cells: Sequence[str]) -> None:
    first, *others = cells
    say(first.ljust(_WIDTH[0]) + "".join(cell.rjust(width) for cell, width in zip(others, _WIDTH[1:], strict=False)))


def say(text: str) -> None:
    sys.stdout.write(f"{text.rstrip()}\n")
    sys.stdout.flush()
