"""What changed between two documents of a definition, row by row, and whom each change lets in or keeps out (rules 9.14). Pure."""

from __future__ import annotations

from definitions.diff.comparison import changes, loosens
from definitions.diff.effect import Effect
from definitions.diff.row import Kind, RowChange

__all__ = ["Effect", "Kind", "RowChange", "changes", "loosens"]
