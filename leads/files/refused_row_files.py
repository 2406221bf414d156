"""The files of refused rows: written so that they can be mended and imported as they are (rules 13.13)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from config import downloads

#: Columns in front of the sender's own. The names cannot be a sender's, as `reason` can.
OWN_COLUMNS: Final = ("accord_line", "accord_field", "accord_reason")
_FORMER_COLUMNS: Final = ("line", "field", "reason")
_WIDTH: Final = len(OWN_COLUMNS)


def is_own_header(header: Sequence[str]) -> bool:
    """Tell whether a header is that of a file of refused rows."""
    first = tuple(cell.strip().casefold() for cell in header[:_WIDTH])
    return first in {OWN_COLUMNS, _FORMER_COLUMNS} and len(header) > _WIDTH


def protect_cell(cell: str) -> str:
    """Return a cell in which a spreadsheet runs no formula. `restore_cell` returns it as it was."""
    return f"'{cell}" if cell.startswith("'") else str(downloads.safe_cell(cell))


def restore_cell(cell: str) -> str:
    """Return a cell as it stood in the first file: without the apostrophe of `protect_cell`."""
    original = cell[1:]
    return original if cell.startswith("'") and protect_cell(original) == cell else cell


def restore_cells(cells: Sequence[str]) -> list[str]:
    """Return the sender's own cells of a row, without our columns in front."""
    return [restore_cell(cell) for cell in cells[_WIDTH:]]
