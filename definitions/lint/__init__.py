"""The linter: faults of a definition, proved from its rows (rules 9.3), as errors, warnings and advice. Pure."""

from __future__ import annotations

from definitions.lint.finding import ChangeContext, Finding, OtherDefinition, Severity, SignalMeaning
from definitions.lint.kind_checks import Complexity, measure_complexity
from definitions.lint.overlap_checks import find_scope_field
from definitions.lint.reachability import PathReach, compute_reach
from definitions.lint.report import lint_document

__all__ = [
    "ChangeContext", "Complexity", "Finding", "OtherDefinition", "PathReach", "Severity", "SignalMeaning", "compute_reach",
    "find_scope_field", "lint_document", "measure_complexity",
]  # fmt: skip
