"""Frozen evidence (rules 4.13) prepared for pages: lines with a verdict. Parts that an older document lacks are left out,
never guessed.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from django.utils import timezone

from scoring.engine.rules import HOLD, CriterionRule
from scoring.engine.why import capitalize, describe_needed, field_words, signal_words

AXES: Final = (("fit", "Fit"), ("engagement", "Engagement"), ("bant", "BANT"))
NAMES_SHOWN: Final = 4
HELD: Final = "pass"
NOT_NEEDED: Final = "not needed"
_CRITERION_VERDICTS: Final = frozenset({"pass", "fail", "unknown"})


@dataclass(frozen=True, slots=True)
class EvidenceAxis:
    label: str
    value: float
    ceiling: float


@dataclass(frozen=True, slots=True)
class EvidenceLine:
    """A line of the evidence; `verdict` is pass, fail, unknown, or not needed where another line suffices."""

    text: str
    verdict: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class EvidencePath:
    """A path or a hot trigger and its clauses."""

    name: str
    verdict: str
    clauses: list[EvidenceLine]
    is_hot: bool = False


@dataclass(frozen=True, slots=True)
class EvidenceContribution:
    signal: str
    count: int
    points: float
    note: str


@dataclass(frozen=True, slots=True)
class FrozenEvidence:
    axes: list[EvidenceAxis]
    gate: list[EvidenceLine]
    paths: list[EvidencePath]
    timing: list[EvidenceLine]
    contributions: list[EvidenceContribution]
    disqualifiers: list[EvidenceLine]


def read_evidence(document: object) -> FrozenEvidence:
    """Return the evidence from an explanation as stored (scoring.engine.explanation); anything else gives empty evidence."""
    explanation = document if isinstance(document, Mapping) else {}
    hot, paths = (
        [_read_path(path, is_hot=key == "hot_paths") for path in _mappings(explanation.get(key))]
        for key in ("hot_paths", "paths")
    )
    timing = _read_timing(explanation.get("timing"))
    if any(path.verdict == HELD for path in hot):
        timing = _mark_unneeded_lines(timing)
    return FrozenEvidence(
        axes=[axis for name, label in AXES if (axis := _read_axis(label, explanation.get(name)))],
        gate=[
            *(_read_criterion(answer) for answer in _mappings(explanation.get("gate_answers"))),
            *_read_held(explanation),
        ],
        paths=_mark_unneeded_paths([*hot, *paths]),
        timing=_mark_unneeded_lines(timing) if any(line.verdict == HELD for line in timing) else timing,
        contributions=_read_contributions(explanation.get("contributions")),
        disqualifiers=[
            _read_criterion(answer)
            for answer in _mappings(explanation.get("disqualifier_answers"))
            if answer.get("verdict") == "pass"
        ]
        + [_read_exclusion(row) for row in _mappings(explanation.get("exclusions")) if row.get("held")],
    )


def list_met_criteria(document: object) -> list[str]:
    """Return the criteria of fit and BANT that held, each as what it asks for: Company industry Software or Retail."""
    explanation = document if isinstance(document, Mapping) else {}
    answers = [answer for part in ("fit_answers", "bant_answers") for answer in _mappings(explanation.get(part))]
    criteria = [answer.get("criterion") for answer in answers if answer.get("verdict") == HELD]
    return [_describe_criterion(criterion) for criterion in criteria if isinstance(criterion, Mapping)]


def _describe_criterion(parts: Mapping[str, Any]) -> str:
    """Return the field and what is asked of it; only the field where the rest cannot be read."""
    criterion = _read_rule(parts)
    try:
        needed = describe_needed(criterion)
    except (KeyError, TypeError, ValueError):
        needed = ""
    return f"{capitalize(field_words(criterion.field))} {needed}".strip()


def _read_rule(parts: Mapping[str, Any]) -> CriterionRule:
    value = parts.get("value")
    operand = tuple(value) if isinstance(value, list) else value
    return CriterionRule("", str(parts.get("field", "?")), str(parts.get("op", "")), operand)


def _read_held(explanation: Mapping[str, Any]) -> Iterable[EvidenceLine]:
    """Yield the values besides the gate's for which the lead waits (rules 3.15)."""
    for part in ("fit_answers", "bant_answers", "disqualifier_answers"):
        for answer in _mappings(explanation.get(part)):
            raw = answer.get("criterion")
            criterion = raw if isinstance(raw, Mapping) else {}
            # A gate row that gives points stands in both parts.
            is_of_gate = str(criterion.get("key", "")).startswith("gate.")
            if answer.get("verdict") == "unknown" and criterion.get("unknown") == HOLD and not is_of_gate:
                yield replace(_read_criterion(answer), note="waits for enrichment")


def _read_exclusion(row: Mapping[str, Any]) -> EvidenceLine:
    days = row.get("within_days")
    note = "for good" if days is None else f"until active again after {_figure_text(days)} days"
    return EvidenceLine(signal_words(str(row.get("signal", ""))), "pass", note)


def _mappings(value: object) -> Iterable[Mapping[str, Any]]:
    """Return the mappings in a list; nothing for any other value."""
    return [part for part in value if isinstance(part, Mapping)] if isinstance(value, list) else []


def _read_axis(label: str, axis: object) -> EvidenceAxis | None:
    if not isinstance(axis, Mapping) or not isinstance(axis.get("value"), int | float):
        return None
    # Without a ceiling the bar ends at the next hundred above the value.
    ceiling = axis.get("ceiling") or max(100.0, -(-axis["value"] // 100) * 100)
    return EvidenceAxis(label, axis["value"], ceiling)


def _read_criterion(answer: Mapping[str, Any]) -> EvidenceLine:
    raw = answer.get("criterion")
    parts = raw if isinstance(raw, Mapping) else {}
    criterion = _read_rule(parts)
    answer_value = answer.get("seen")
    shown = ", ".join(map(str, answer_value)) if isinstance(answer_value, list) else answer_value
    text = f"{capitalize(field_words(criterion.field))}: {_value_text(shown)}"
    try:
        note = f"needed: {describe_needed(criterion)}"
    except (KeyError, TypeError, ValueError):
        note = ""
    verdict = answer.get("verdict")
    return EvidenceLine(text, verdict if verdict in _CRITERION_VERDICTS else "unknown", note)


def _value_text(value: object) -> str:
    if value is None or value == "":
        return "not known"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:,}" if isinstance(value, int) else str(value)


def _read_path(path: Mapping[str, Any], *, is_hot: bool) -> EvidencePath:
    clauses = [_read_clause(answer) for answer in _mappings(path.get("clauses"))]
    return EvidencePath(str(path.get("name", "")), _held_verdict(path), clauses, is_hot)


def _mark_unneeded_paths(paths: list[EvidencePath]) -> list[EvidencePath]:
    """Mark the paths that failed as not needed if one of them held, because one is enough."""
    if not any(path.verdict == HELD for path in paths):
        return paths
    return [
        path if path.verdict == HELD else replace(path, verdict=NOT_NEEDED, clauses=_mark_unneeded_lines(path.clauses))
        for path in paths
    ]


def _mark_unneeded_lines(lines: list[EvidenceLine]) -> list[EvidenceLine]:
    return [line if line.verdict == HELD else replace(line, verdict=NOT_NEEDED) for line in lines]


def _read_clause(answer: Mapping[str, Any]) -> EvidenceLine:
    raw = answer.get("clause")
    clause = raw if isinstance(raw, Mapping) else {}
    needed, figure = clause.get("at_least"), answer.get("found")
    if clause.get("axis"):
        text = f"{capitalize(str(clause['axis']).replace('+', ' + '))} of at least {_figure_text(needed)}"
    else:
        different = " different" if clause.get("distinct") else ""
        text = f"At least {_figure_text(needed)}{different} of {_signal_names(clause.get('signals'))}{_window_text(clause)}"
        if clause.get("same"):
            names = " and ".join(signal_words(str(name)) for name in clause.get("signals") or ())
            text = f"{names} about the same asset, {_figure_text(needed)} times{_window_text(clause)}"
    return EvidenceLine(text, _held_verdict(answer), f"was {_figure_text(figure)}" if figure is not None else "")


def _window_text(clause: Mapping[str, Any]) -> str:
    close, days = clause.get("within_hours_of_each_other"), clause.get("within_days")
    together = f", within {_figure_text(close)} h of each other" if close else ""
    lately = f", in the last {_figure_text(days)} days" if days and days != 1 else ", in the last day" if days else ""
    return f"{together}{lately}"


def _signal_names(signals: object) -> str:
    names = [signal_words(str(name)) for name in signals] if isinstance(signals, list) else []
    more = f" or {len(names) - NAMES_SHOWN} more" if len(names) > NAMES_SHOWN else ""
    return ", ".join(names[:NAMES_SHOWN]) + more


def _read_timing(timing: object) -> list[EvidenceLine]:
    if not isinstance(timing, Mapping):
        return []
    limits = (
        (
            _engaged_label(timing),
            timing.get("engaged_within_days"),
            timing.get("engaged_days_ago"),
            _validation_note(timing),
        ),
        ("Asked to be contacted", timing.get("or_request_within_days"), timing.get("open_request_days_ago"), ""),
    )
    return [
        EvidenceLine(
            f"{label} within {_figure_text(limit)} days",
            "pass" if ago is not None and ago <= limit else "fail",
            ("never" if ago is None else _days_ago_text(ago)) + said_by,
        )
        for label, limit, ago, said_by in limits
        if limit is not None
    ]


def _engaged_label(timing: Mapping[str, Any]) -> str:
    names = _signal_names(timing.get("engaged_by"))
    return f"Engaged by {names}" if names else "Engaged"


def _validation_note(timing: Mapping[str, Any]) -> str:
    """Return who validated the engagement and when (rules 2.27); empty where the lead itself was active."""
    by, day = timing.get("validated_by"), _day_text(timing.get("validated_at"))
    return f", validated by {by}{day and f' on {day}'}" if by else ""


def _day_text(at: object) -> str:
    try:
        return f"{timezone.localtime(dt.datetime.fromisoformat(str(at))):%-d %B %Y}"
    except ValueError:
        return ""


def _days_ago_text(days: float) -> str:
    """Return an age in whole days, rounded up, so that one beyond a limit of whole days never seems to keep it."""
    return f"{math.ceil(days):,} days ago" if days > 1 else "less than a day ago"


def _read_contributions(rows: object) -> list[EvidenceContribution]:
    counted_rows = [row for row in _mappings(rows) if row.get("count")]
    counted_rows.sort(key=lambda row: -abs(row.get("contributes") or 0))
    return [
        EvidenceContribution(
            signal_words(str(row.get("signal", ""))),
            row["count"],
            row.get("contributes") or 0.0,
            _contribution_note(row),
        )
        for row in counted_rows
    ]


def _contribution_note(row: Mapping[str, Any]) -> str:
    return ", ".join(filter(None, (_ending_note(row), _cap_note(row))))


def _ending_note(row: Mapping[str, Any]) -> str:
    """Return by what and when a later event ended the points of earlier ones (rules 4.20)."""
    if not row.get("ended"):
        return ""
    day = _day_text(row.get("ended_at"))
    of_day = f" of {day}" if day else ""
    number = "" if row["ended"] == row.get("count") else f"{row['ended']} "
    return f"{number}ended by the {signal_words(str(row.get('ended_by', ''))).lower()}{of_day}"


def _cap_note(row: Mapping[str, Any]) -> str:
    cap = row.get("cap")
    return f"limited to {_figure_text(cap)}" if cap is not None and row.get("contributes") != row.get("decayed") else ""


def _held_verdict(answer: Mapping[str, Any]) -> str:
    return "pass" if answer.get("held") else "fail"


def _figure_text(value: object) -> str:
    return f"{value:.1f}".removesuffix(".0") if isinstance(value, int | float) else str(value)
