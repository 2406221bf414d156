"""The values that the linter takes and returns."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from definitions.diff import RowChange
from definitions.plain_english.generated_statement import Json


class Severity(StrEnum):
    """The weight of a finding: errors prevent a proposal, warnings are accepted with a reason, advice is only shown."""

    ERROR = "error"
    WARNING = "warning"
    ADVICE = "advice"


@dataclass(frozen=True, slots=True)
class Finding:
    """A finding. `rows` are places in the document ("paths[0].clauses[1]", "gate[2]"); none, or "", is the whole."""

    code: str
    severity: Severity
    sentence: str
    remedy: str
    rows: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """Return the key under which a warning is accepted; it changes with every figure that the finding names."""
        identity = json.dumps([self.code, self.sentence, self.rows], ensure_ascii=False)
        return hashlib.sha256(identity.encode()).hexdigest()[:16]

    def as_dict(self) -> dict[str, Any]:
        return {
            "key": self.key,
            "code": self.code,
            "severity": str(self.severity),
            "sentence": self.sentence,
            "remedy": self.remedy,
            "rows": list(self.rows),
        }


@dataclass(frozen=True, slots=True)
class SignalMeaning:
    """The meaning of a signal apart from points (leads.models.Signal)."""

    intent: str = "low"
    is_request: bool = False
    is_engagement: bool = True
    closes_request: bool = False


Meanings = Mapping[str, SignalMeaning]


@dataclass(frozen=True, slots=True)
class ChangeContext:
    """The known facts of a change against the version in force (rules 9.6).

    `before` is that version's document, `driver` a definitions.vocabulary.ChangeDriver or "" so far, `evidence` its
    grounds in words, `is_shown` whether a review, backtest or report of Accord is cited, `volume` the leads flagged by the
    backtest (before, after). `basis_changes` are those of what the two are judged with besides their rows (rules 9.18).
    """

    before: Json
    driver: str = ""
    evidence: str = ""
    is_shown: bool = False
    volume: tuple[int, int] | None = None
    basis_changes: tuple[RowChange, ...] = ()


@dataclass(frozen=True, slots=True)
class OtherDefinition:
    """Another definition in force of the same motion: its name, its scope in words, and the document in force."""

    name: str
    scope: str
    document: Json
