"""
Whom a change of one row lets in or keeps out, all else equal.

Looser means: no lead that met the definition before is lost, at any instant. Tighter is the reverse. Where that cannot be
proved from the rows, it is unclear.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from enum import StrEnum
from typing import Any, Final

from definitions.document.values import kind_of
from definitions.plain_english.generated_statement import Json
from definitions.vocabulary import DecayMode, FieldKind, Operator
from leads.vocabulary import Seniority


class Effect(StrEnum):
    LOOSER = "looser"
    TIGHTER = "tighter"
    NEITHER = "neither"
    UNCLEAR = "unclear"

    @property
    def reversed(self) -> Effect:
        return {Effect.LOOSER: Effect.TIGHTER, Effect.TIGHTER: Effect.LOOSER}.get(self, self)


LOOSER, TIGHTER, NEITHER, UNCLEAR = Effect.LOOSER, Effect.TIGHTER, Effect.NEITHER, Effect.UNCLEAR
_RANGES: Final = frozenset({Operator.BETWEEN, Operator.AT_LEAST, Operator.AT_MOST})
#: What more of it means: these ask for any of a set, `not_in` for none.
_ANY_OF: Final = frozenset({Operator.IN, Operator.CONTAINS_ANY, Operator.HAS_WORD_ANY, Operator.HAS_ANY})


def more(before: float, after: float) -> Effect:
    """Of an amount of which more lets more in."""
    if before == after:
        return NEITHER
    return LOOSER if after > before else TIGHTER


def less(before: float, after: float) -> Effect:
    return more(before, after).reversed


def both(*effects: Effect) -> Effect:
    """Of several effects at once: what all agree on, unclear when they pull both ways."""
    distinct = set(effects) - {NEITHER}
    if not distinct:
        return NEITHER
    return distinct.pop() if len(distinct) == 1 else UNCLEAR


def endless(value: float | None) -> float:
    return math.inf if value is None else float(value)


# Criteria


def gate(before: Json | None, after: Json | None) -> Effect:
    if before is None or after is None:
        return TIGHTER if before is None else LOOSER
    return passing(before, after)


def disqualifier(before: Json | None, after: Json | None) -> Effect:
    """One more excludes more, and so does one that holds for more."""
    if before is None or after is None:
        return gate(before, after)
    return passing(before, after).reversed


def scored(before: Json | None, after: Json | None) -> Effect:
    """Of a row that gives points: more of them to more leads."""
    if before is None or after is None:
        return more(_points(before), _points(after))
    old, new = _points(before), _points(after)
    asked = passing(before, after)
    if asked == NEITHER:
        return more(old, new)
    if min(old, new) >= 0:
        return both(asked, more(old, new)) if max(old, new) > 0 else NEITHER
    return both(asked.reversed, more(old, new)) if max(old, new) <= 0 else UNCLEAR


def _points(row: Json | None) -> float:
    return 0.0 if row is None else float(row["points"])


def passing(before: Json, after: Json) -> Effect:
    """Whether the question lets more values pass; both ask the same field."""
    if before["op"] == after["op"] and before["value"] == after["value"]:
        return NEITHER
    if before["op"] in _RANGES and after["op"] in _RANGES:
        return _range(before, after)
    if before["op"] != after["op"]:
        return UNCLEAR
    if before["op"] in _ANY_OF:
        return _inclusion(_plain(before), _plain(after))
    return _inclusion(_plain(after), _plain(before)) if before["op"] == Operator.NOT_IN else UNCLEAR


def _inclusion(before: Collection[object], after: Collection[object]) -> Effect:
    old, new = set(before), set(after)
    if old == new:
        return NEITHER
    if old <= new:
        return LOOSER
    return TIGHTER if new <= old else UNCLEAR


def _plain(row: Json) -> Collection[object]:
    return [value.strip().casefold() if isinstance(value, str) else value for value in row["value"]]


def _range(before: Json, after: Json) -> Effect:
    (low, high), (new_low, new_high) = _ends(before), _ends(after)
    return both(less(low, new_low), more(high, new_high))


def _ends(row: Json) -> tuple[float, float]:
    op, value = row["op"], row["value"]
    low, high = value if op == Operator.BETWEEN else (value, None) if op == Operator.AT_LEAST else (None, value)
    is_seniority = kind_of(row["field"]) == FieldKind.SENIORITY
    return _end(low, -math.inf, is_seniority=is_seniority), _end(high, math.inf, is_seniority=is_seniority)


def _end(value: Any, open_: float, *, is_seniority: bool) -> float:
    if value is None:
        return open_
    return Seniority.values.index(value) if is_seniority else float(value)


# Signals


def signal(before: Json | None, after: Json | None, *, has_inactivity: bool) -> Effect:
    """
    More points, or a higher cap, lets more in. Negative points also take a signal out of what counts as activity; with an
    inactivity penalty that works both ways, for a lead that was never active has none.
    """
    old, new = _points(before), _points(after)
    if has_inactivity and (old < 0) is not (new < 0):
        return UNCLEAR
    return both(more(old, new), _caps(before, after)) if before and after else more(old, new)


def _caps(before: Json, after: Json) -> Effect:
    """A cap on negative points limits from below."""
    old, new = before["cap"], after["cap"]
    if old == new or (before["points"] < 0) is not (after["points"] < 0):
        return NEITHER if old == new else UNCLEAR
    bottomless = before["points"] < 0
    return more(_cap(old, bottomless=bottomless), _cap(new, bottomless=bottomless))


def _cap(cap: float | None, *, bottomless: bool) -> float:
    if cap is None:
        return -math.inf if bottomless else math.inf
    return -abs(cap) if bottomless else abs(cap)


# Clauses, and what bounds time


def way(before: Json | None, after: Json | None) -> Effect:
    return LOOSER if before is None else TIGHTER if after is None else NEITHER


def clause(before: Json | None, after: Json | None) -> Effect:
    if before is None or after is None:
        return TIGHTER if before is None else LOOSER
    if "axis" in before or "axis" in after:
        same = before.get("axis") == after.get("axis")
        return less(before["at_least"], after["at_least"]) if same else UNCLEAR
    return both(
        _inclusion(before["count_of"], after["count_of"]),
        less(before["at_least"], after["at_least"]),
        more(endless(before["within_days"]), endless(after["within_days"])),
        _cluster(before, after),
        more(bool(before.get("distinct")), bool(after.get("distinct"))).reversed,
    )


def _cluster(before: Json, after: Json) -> Effect:
    """A cluster may begin before its window, so it is no part of what the window alone counts."""
    old, new = before.get("within_hours_of_each_other"), after.get("within_hours_of_each_other")
    if old == new:
        return NEITHER
    windowed = before["within_days"] is not None or after["within_days"] is not None
    return UNCLEAR if windowed and (old is None or new is None) else more(endless(old), endless(new))


def timing(before: Json | None, after: Json | None) -> Effect:
    """No timing asks nothing; of two alternatives either suffices."""
    if not before or not after:
        return NEITHER if before == after else LOOSER if not after else TIGHTER
    return both(*(more(_offered(before[each]), _offered(after[each])) for each in before))


def _offered(days: float | None) -> float:
    return -1.0 if days is None else float(days)


def decay(before: Json, after: Json) -> Effect:
    """Points that fade slower at every age let more in."""
    old, new = _fading(before), _fading(after)
    modes = {mode for mode, speed in (old, new) if speed}
    return less(old[1], new[1]) if len(modes) < 2 else UNCLEAR  # noqa: PLR2004


def _fading(row: Json) -> tuple[str, float]:
    """The mode, and how fast: comparable within one mode, 0 for not at all in any."""
    share = row["percent"] / 100
    if row["mode"] == DecayMode.NONE or not share:
        return "", 0.0
    speed = share if row["mode"] == DecayMode.LINEAR else -math.log1p(-share) if share < 1 else math.inf
    return row["mode"], speed / row["per_days"]


def inactivity(before: Json | None, after: Json | None) -> Effect:
    if not before or not after:
        costs = (after or before or {"points": 0})["points"]
        return NEITHER if not costs else LOOSER if not after else TIGHTER
    return both(
        more(before["after_days"], after["after_days"]),
        less(before["points"], after["points"]),
        more(before["per_days"], after["per_days"]),
    )
