"""What is wrong with a definition, proved from its rows (rules 9.3): findings to mend, to acknowledge or to think about. Pure."""

from __future__ import annotations

from definitions.lint.finding import ChangeContext, Finding, Severity, SignalMeaning
from definitions.lint.reachability import PathReach, compute_reach
from definitions.lint.report import lint_document

__all__ = ["ChangeContext", "Finding", "PathReach", "Severity", "SignalMeaning", "compute_reach", "lint_document"]
