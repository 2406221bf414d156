"""The values that an explanation is made of. Rules 4.13: it is stored with a handoff exactly as it was on the day."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, is_dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from scoring.engine.bands import Band
from scoring.engine.rules import HOLD, Clause, CriterionRule

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

    @property
    def holds_lead(self) -> bool:
        """Return whether the lead waits until this value is known (rules 3.15)."""
        return self.verdict == "unknown" and self.criterion.unknown == HOLD


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
class SignalExclusion:
    """A signal that the version excludes by: whether it does so with this lead, and when it was seen last (rules 4.31)."""

    signal: str
    within_days: float | None
    held: bool
    last_at: int | None

    @property
    def key(self) -> str:
        return f"signals.{self.signal}"


@dataclass(frozen=True, slots=True)
class PathAnswer:
    key: str
    name: str
    held: bool
    clauses: tuple[ClauseAnswer, ...]


@dataclass(frozen=True, slots=True)
class TimingAnswer:
    """Days since the last engagement and since the last open request; None where there is none.

    `engaged_by` are the signals that the version counts as engagement, if it names them (rules 4.30).
    """

    held: bool
    engaged_within_days: float | None
    engaged_days_ago: float | None
    or_request_within_days: float | None
    open_request_days_ago: float | None
    engaged_by: frozenset[str] | None = None

    @property
    def lacks_fresh_engagement(self) -> bool:
        """Return whether new engagement would meet it, and there was some once."""
        return not self.held and self.engaged_within_days is not None and self.engaged_days_ago is not None


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
    exclusions: tuple[SignalExclusion, ...] = ()

    @property
    def held_answers(self) -> tuple[CriterionAnswer, ...]:
        """The unknown answers besides the gate for which the lead waits."""
        answers = (*self.fit_answers, *self.bant_answers, *self.disqualifier_answers)
        return tuple(answer for answer in answers if answer.holds_lead and answer not in self.gate_answers)

    @property
    def needs_recency_validation(self) -> bool:
        """Return whether fit and behaviour are there, and only fresh engagement is missing (rules 2.25)."""
        is_barred = self.gate != "pass" or bool(self.disqualified_by) or any(row.held for row in self.exclusions)
        return not self.meets and not is_barred and self.threshold and self.timing.lacks_fresh_engagement

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
