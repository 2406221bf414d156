"""Frozen evidence read for people: lines with a verdict. Whatever an older document lacks is left out, never guessed."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from scoring.engine.rules import Criterion
from scoring.engine.why import field_words, signal_words, wanted

AXES: Final = (("fit", "Fit"), ("engagement", "Engagement"), ("bant", "BANT"))
NAMES_SHOWN: Final = 4
HELD: Final = "pass"
NOT_NEEDED: Final = "not needed"


@dataclass(frozen=True, slots=True)
class Axis:
    label: str
    value: float
    ceiling: float


@dataclass(frozen=True, slots=True)
class Line:
    """`verdict` is pass, fail or unknown; or not needed, where another line will do."""

    text: str
    verdict: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Way:
    """A path or a hot trigger and its clauses."""

    name: str
    verdict: str
    clauses: list[Line]


@dataclass(frozen=True, slots=True)
class Contribution:
    signal: str
    count: int
    points: float
    note: str


@dataclass(frozen=True, slots=True)
class Evidence:
    axes: list[Axis]
    gate: list[Line]
    ways: list[Way]
    timing: list[Line]
    contributions: list[Contribution]
    disqualifiers: list[Line]


def read(document: object) -> Evidence:
    """The explanation as scoring stored it (scoring.engine.explanation)."""
    told = document if isinstance(document, Mapping) else {}
    hot, paths = ([_way(path) for path in _maps(told.get(key))] for key in ("hot_paths", "paths"))
    timing = _timing(told.get("timing"))
    if any(way.verdict == HELD for way in hot):
        timing = _not_needed(timing)
    return Evidence(
        axes=[axis for name, label in AXES if (axis := _axis(label, told.get(name)))],
        gate=[_criterion(answer) for answer in _maps(told.get("gate_answers"))],
        ways=_any_of([*hot, *paths]),
        timing=_not_needed(timing) if any(line.verdict == HELD for line in timing) else timing,
        contributions=_contributions(told.get("contributions")),
        disqualifiers=[
            _criterion(answer) for answer in _maps(told.get("disqualifier_answers")) if answer.get("verdict") == "pass"
        ],
    )


def _maps(value: object) -> Iterable[Mapping[str, Any]]:
    return [part for part in value if isinstance(part, Mapping)] if isinstance(value, list) else []


def _axis(label: str, axis: object) -> Axis | None:
    if not isinstance(axis, Mapping) or not isinstance(axis.get("value"), int | float):
        return None
    # Without a ceiling the bar is drawn to the next hundred.
    ceiling = axis.get("ceiling") or max(100.0, -(-axis["value"] // 100) * 100)
    return Axis(label, axis["value"], ceiling)


def _criterion(answer: Mapping[str, Any]) -> Line:
    raw = answer.get("criterion")
    asked = raw if isinstance(raw, Mapping) else {}
    value = asked.get("value")
    criterion = Criterion(
        "", str(asked.get("field", "?")), str(asked.get("op", "")), tuple(value) if isinstance(value, list) else value
    )
    seen = answer.get("seen")
    shown = ", ".join(map(str, seen)) if isinstance(seen, list) else seen
    text = f"{_capital(field_words(criterion.field))}: {_yes_no(shown)}"
    try:
        note = f"needed: {wanted(criterion)}"
    except (KeyError, TypeError, ValueError):
        note = ""
    return Line(text, str(answer.get("verdict", "unknown")), note)


def _yes_no(seen: object) -> str:
    if seen is None or seen == "":
        return "not known"
    if isinstance(seen, bool):
        return "yes" if seen else "no"
    return f"{seen:,}" if isinstance(seen, int) else str(seen)


def _way(path: Mapping[str, Any]) -> Way:
    clauses = [_clause(answer) for answer in _maps(path.get("clauses"))]
    return Way(str(path.get("name", "")), _held(path), clauses)


def _any_of(ways: list[Way]) -> list[Way]:
    """One is enough: once one held, what another lacked was not needed."""
    if not any(way.verdict == HELD for way in ways):
        return ways
    return [
        way if way.verdict == HELD else replace(way, verdict=NOT_NEEDED, clauses=_not_needed(way.clauses))
        for way in ways
    ]


def _not_needed(lines: list[Line]) -> list[Line]:
    return [line if line.verdict == HELD else replace(line, verdict=NOT_NEEDED) for line in lines]


def _clause(answer: Mapping[str, Any]) -> Line:
    raw = answer.get("clause")
    clause = raw if isinstance(raw, Mapping) else {}
    needed, found = clause.get("at_least"), answer.get("found")
    if clause.get("axis"):
        text = f"{_capital(str(clause['axis']).replace('+', ' + '))} of at least {_figure(needed)}"
    else:
        different = " different" if clause.get("distinct") else ""
        text = f"At least {_figure(needed)}{different} of {_names(clause.get('signals'))}{_window(clause)}"
    return Line(text, _held(answer), f"was {_figure(found)}" if found is not None else "")


def _window(clause: Mapping[str, Any]) -> str:
    close, days = clause.get("within_hours_of_each_other"), clause.get("within_days")
    together = f", within {_figure(close)} h of each other" if close else ""
    lately = f", in the last {_figure(days)} days" if days and days != 1 else ", in the last day" if days else ""
    return f"{together}{lately}"


def _names(signals: object) -> str:
    words = [signal_words(str(name)) for name in signals] if isinstance(signals, list) else []
    more = f" or {len(words) - NAMES_SHOWN} more" if len(words) > NAMES_SHOWN else ""
    return ", ".join(words[:NAMES_SHOWN]) + more


def _timing(timing: object) -> list[Line]:
    if not isinstance(timing, Mapping):
        return []
    asked = (
        ("Engaged", timing.get("engaged_within_days"), timing.get("engaged_days_ago")),
        ("Asked to be contacted", timing.get("or_request_within_days"), timing.get("open_request_days_ago")),
    )
    return [
        Line(
            f"{what} within {_figure(limit)} days",
            "pass" if ago is not None and ago <= limit else "fail",
            "never" if ago is None else _ago(ago),
        )
        for what, limit, ago in asked
        if limit is not None
    ]


def _ago(days: float) -> str:
    """Rounded up, so that what is too old for a limit of whole days never looks as if it met it."""
    return f"{math.ceil(days):,} days ago" if days > 1 else "less than a day ago"


def _contributions(rows: object) -> list[Contribution]:
    told = [row for row in _maps(rows) if row.get("count")]
    told.sort(key=lambda row: -abs(row.get("contributes") or 0))
    return [
        Contribution(signal_words(str(row.get("signal", ""))), row["count"], row.get("contributes") or 0.0, _cap(row))
        for row in told
    ]


def _cap(row: Mapping[str, Any]) -> str:
    cap = row.get("cap")
    return f"limited to {_figure(cap)}" if cap is not None and row.get("contributes") != row.get("decayed") else ""


def _held(answer: Mapping[str, Any]) -> str:
    return "pass" if answer.get("held") else "fail"


def _figure(value: object) -> str:
    return f"{value:.1f}".removesuffix(".0") if isinstance(value, int | float) else str(value)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
