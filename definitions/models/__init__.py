from __future__ import annotations

from definitions.models.definition import (
    LIVING_COLUMNS,
    Clause,
    Criterion,
    Definition,
    Path,
    SignalRule,
    Version,
    VersionQuerySet,
    plain,
)
from definitions.models.review import Review, ReviewEvidence
from definitions.models.version_history import Backtest, Promise, Proposal, SignOff, VersionChange

__all__ = [
    "LIVING_COLUMNS", "Backtest", "Clause", "Criterion", "Definition", "Path", "Promise", "Proposal", "Review", "ReviewEvidence",
    "SignOff", "SignalRule", "Version", "VersionChange", "VersionQuerySet", "plain",
]  # fmt: skip
