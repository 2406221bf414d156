"""What is wrong with a definition, proved from its rows (SPEC 9): findings to mend, to acknowledge or to think about. Pure."""

from __future__ import annotations

from definitions.lint.finding import Change, Finding, Meaning, Severity
from definitions.lint.reachability import PathReach, reach
from definitions.lint.report import findings

__all__ = ["Change", "Finding", "Meaning", "PathReach", "Severity", "findings", "reach"]
