"""What changed between two documents of a definition, row by row, and whom each change lets in or keeps out (rules 9.14). Pure."""

from __future__ import annotations

from definitions.diff.changed_row import RowChange, RowChangeKind
from definitions.diff.document_changes import any_may_loosen, find_changes
from definitions.diff.row_effect import Effect

__all__ = ["Effect", "RowChange", "RowChangeKind", "any_may_loosen", "find_changes"]
