"""What changed between two documents of a definition, row by row, and whom each change lets in or keeps out (SPEC 9). Pure."""

from __future__ import annotations

from definitions.diff.changed_row import Kind, RowChange
from definitions.diff.document_changes import changes, loosens
from definitions.diff.row_effect import Effect

__all__ = ["Effect", "Kind", "RowChange", "changes", "loosens"]
