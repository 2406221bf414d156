"""The changes between two documents, row by row, with their effect on who qualifies (rules 9.14). Pure."""

from __future__ import annotations

from definitions.diff.changed_row import RowChange, RowChangeKind
from definitions.diff.document_changes import any_may_loosen, find_changes
from definitions.diff.row_effect import Effect
from definitions.diff.rules_only import changes_no_rule

__all__ = ["Effect", "RowChange", "RowChangeKind", "any_may_loosen", "changes_no_rule", "find_changes"]
