"""The values that linting takes and gives."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from definitions.plain_english.generated_statement import Json


class Severity(StrEnum):
    """Errors bar a proposal, warnings are acknowledged with a reason, advice is only shown."""

    ERROR = "error"
    WARNING = "warning"
    ADVICE = "advice"


@dataclass(frozen=True, slots=True)
class Finding:
    """`rows` are places in the document such as "paths[0].clauses[1]" or "gate[2]"; none or "" is the whole."""

    code: str
    severity: Severity
    sentence: str
    remedy: str
    rows: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """Under which a warning is acknowledged: it changes with every figure that the finding names."""
        said = json.dumps([self.code, self.sentence, self.rows], ensure_ascii=False)
        return hashlib.sha256(said.encode()).hexdigest()[:16]

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
class Meaning:
    """What a signal means apart from points (leads.models.Signal)."""

    intent: str = "low"
    is_request: bool = False
    is_engagement: bool = True
    closes_request: bool = False


Meanings = Mapping[str, Meaning]


@dataclass(frozen=True, slots=True)
class Change:
    """
    What is known of a change against the version in force (SPEC 9, REQUIREMENTS S0.27).

    `before` is that version's document, `driver` a definitions.vocabulary.ChangeDriver or nothing yet, `evidence` what it rests
    on in words, `volume` the leads flagged by the backtest (before, after).
    """

    before: Json
    driver: str = ""
    evidence: str = ""
    volume: tuple[int, int] | None = None
