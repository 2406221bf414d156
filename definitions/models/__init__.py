from __future__ import annotations

from definitions.models.acknowledgement import Acknowledgement
from definitions.models.basis_amendment import BasisAmendment
from definitions.models.definition import LIVING_COLUMNS, Definition, Version, VersionQuerySet
from definitions.models.definition_slug import DefinitionSlug
from definitions.models.kept_content import KeptContent
from definitions.models.primary_motion import PrimaryMotion
from definitions.models.review import Review, ReviewEvidence, ReviewQuerySet
from definitions.models.review_record import (
    ReviewCalendarLink,
    ReviewChecklistPoint,
    ReviewGap,
    ReviewParticipant,
    ReviewStep,
)
from definitions.models.suppression import KeptBack, Suppression, SuppressionQuerySet
from definitions.models.version_history import Backtest, CommitmentSnapshot, Proposal, SignOff, VersionChange
from definitions.models.version_rows import Clause, Criterion, Path, SignalRule, format_plain

__all__ = [
    "LIVING_COLUMNS",
    "Acknowledgement",
    "Backtest",
    "BasisAmendment",
    "Clause",
    "CommitmentSnapshot",
    "Criterion",
    "Definition",
    "DefinitionSlug",
    "KeptBack",
    "KeptContent",
    "Path",
    "PrimaryMotion",
    "Proposal",
    "Review",
    "ReviewCalendarLink",
    "ReviewChecklistPoint",
    "ReviewEvidence",
    "ReviewGap",
    "ReviewParticipant",
    "ReviewQuerySet",
    "ReviewStep",
    "SignOff",
    "SignalRule",
    "Suppression",
    "SuppressionQuerySet",
    "Version",
    "VersionChange",
    "VersionQuerySet",
    "format_plain",
]  # fmt: skip
