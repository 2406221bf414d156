"""The values that an explanation is made of. Rules 4.13: it is stored with a handoff exactly as it was on the day."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, is_dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from scoring.engine.bands import Band
from scoring.engine.rules import Clause, CriterionRule

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class ExplainedAxis:
    """`raw` before penalty and ceiling, `value` after, as compared."""

    raw: float
    penalty: float
    ceiling: float | None
    value: float


@dataclass(frozen=True, slots=True)
class CriterionAnswer:
    """The answer of a criterion: what it asked, what it saw, and its verdict: pass, fail or unknown."""

    criterion: CriterionRule
    seen: object
    verdict: str


@dataclass(frozen=True, slots=True)
class Contribution:
    """A signal's events up to the instant, their decayed sum, and what its cap leaves of that.

    `ended` is how many of the events count no more (rules 4.20), since `ended_at`, by an event of the signal `ended_by`.
    """

    signal: str
    points: float
    cap: float | None
    count: int
    decayed: float
    contributes: float
    ended: int = 0
    ended_at: int | None = None
    ended_by: str | None = None


@dataclass(frozen=True, slots=True)
class ExplainedEvent:
    """`index` into the facts asked; `at` in microseconds; `points` what it is worth at the instant, before any cap."""

    index: int
    at: int
    signal: str
    points: float


@dataclass(frozen=True, slots=True)
class ClauseAnswer:
    """`last_at` and `last_signal`: the latest event of the kind that a count clause counts, however old."""

    clause: Clause
    found: float
    held: bool
    last_at: int | None
    last_signal: str | None


@dataclass(frozen=True, slots=True)
class PathAnswer:
    key: str
    name: str
    held: bool
    clauses: tuple[ClauseAnswer, ...]


@dataclass(frozen=True, slots=True)
class TimingAnswer:
    """Days since the last engagement and since the last open request; None where there is none."""

    held: bool
    engaged_within_days: float | None
    engaged_days_ago: float | None
    or_request_within_days: float | None
    open_request_days_ago: float | None


@dataclass(frozen=True, slots=True)
class Explanation:
    """Everything a page or the frozen evidence of a handoff shows. `disqualified_by` holds the keys of what hit."""

    lead_id: int
    at: int
    meets: bool
    tier: int
    why: str
    fit: ExplainedAxis
    engagement: ExplainedAxis
    bant: ExplainedAxis
    gate: str
    gate_answers: tuple[CriterionAnswer, ...]
    fit_answers: tuple[CriterionAnswer, ...]
    bant_answers: tuple[CriterionAnswer, ...]
    disqualifier_answers: tuple[CriterionAnswer, ...]
    disqualified_by: tuple[str, ...]
    contributions: tuple[Contribution, ...]
    events: tuple[ExplainedEvent, ...]
    events_total: int
    threshold: bool
    paths: tuple[PathAnswer, ...]
    timing: TimingAnswer
    hot: bool
    hot_paths: tuple[PathAnswer, ...]

    def as_dict(self) -> dict[str, Any]:
        """Ready for JSON: instants in ISO 8601, sets as sorted lists, bands as text."""
        plain: dict[str, Any] = _plain(self)
        return plain


def _plain(value: Any, name: str = "") -> Any:
    if is_dataclass(value) and not isinstance(value, type | Band):
        return {field.name: _plain(getattr(value, field.name), field.name) for field in fields(value)}
    if name in ("at", "last_at", "ended_at") and value is not None:
        return (_EPOCH + timedelta(microseconds=value)).isoformat()
    if isinstance(value, frozenset):
        return sorted(value)
    if isinstance(value, tuple | list):
        return [_plain(part) for part in value]
    # JSON knows no NaN, and an attribute may be one.
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return str(value) if isinstance(value, Band) else value
