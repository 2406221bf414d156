"""The figures of a run, one a row, aligned."""

from __future__ import annotations

import sys
from collections.abc import Sequence

_HEAD = ("", "seconds", "× bare", "× SQL", "rows a second", "peak MB")
_WIDTH = (58, 10, 8, 8, 14, 9)


def section(title: str) -> None:
    say("")
    row((title, *_HEAD[1:]))
    say("─" * sum(_WIDTH))


def row(cells: Sequence[str]) -> None:
    first, *others = (cell.rjust(width) for cell, width in zip(cells, _WIDTH, strict=False))
    say(cells[0].ljust(_WIDTH[0]) + "".join(others) if first else "")


def say(text: str) -> None:
    sys.stdout.write(f"{text.rstrip()}\n")
    sys.stdout.flush()
