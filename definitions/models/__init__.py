from __future__ import annotations

from definitions.models.life import Backtest, Promise, Proposal, SignOff, VersionChange
from definitions.models.reviews import Review, ReviewEvidence
from definitions.models.rows import (
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

__all__ = [
    "LIVING_COLUMNS", "Backtest", "Clause", "Criterion", "Definition", "Path", "Promise", "Proposal", "Review", "ReviewEvidence",
    "SignOff", "SignalRule", "Version", "VersionChange", "VersionQuerySet", "plain",
]  # fmt: skip
