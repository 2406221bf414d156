"""The effect of a changed row on who qualifies, all else equal.

Looser means: no lead that met the definition before is lost, at any instant. Tighter is the reverse. Where neither can
be proved from the rows, the effect is unclear.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from enum import StrEnum
from typing import Any, Final

from definitions.document.criterion_fields import COUNTRY_FIELDS
from definitions.document.values import field_kind
from definitions.plain_english.generated_statement import Json
from definitions.vocabulary import DecayMode, FieldKind, Operator, UnknownPolicy
from leads.normalization.countries import country_key
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
#: These operators ask for any value of a set, so a larger set passes more leads; `not_in` is the reverse.
_ANY_OF: Final = frozenset({Operator.IN, Operator.CONTAINS_ANY, Operator.HAS_WORD_ANY, Operator.HAS_ANY})


def looser_when_higher(before: float, after: float) -> Effect:
    """Return the effect of a changed amount of which more lets more leads in."""
    if before == after:
        return NEITHER
    return LOOSER if after > before else TIGHTER


def looser_when_lower(before: float, after: float) -> Effect:
    """Return the effect of a changed amount of which less lets more leads in."""
    return looser_when_higher(before, after).reversed


def combine_effects(*effects: Effect) -> Effect:
    """Combine several effects of one change: the one on which all agree; unclear when they oppose each other."""
    distinct = set(effects) - {NEITHER}
    if not distinct:
        return NEITHER
    return distinct.pop() if len(distinct) == 1 else UNCLEAR


def none_as_infinite(value: float | None) -> float:
    return math.inf if value is None else float(value)


# Criteria


def gate_row_effect(before: Json | None, after: Json | None) -> Effect:
    """Return the effect of a changed gate row: every row must pass, so one more lets fewer leads in."""
    if before is None or after is None:
        return TIGHTER if before is None else LOOSER
    # An unknown value passes by no policy, so that one changes nothing here.
    return question_effect(before, after)


def disqualifier_effect(before: Json | None, after: Json | None) -> Effect:
    """Return the effect of a changed disqualifier: one more, or one that holds for more leads, excludes more."""
    if before is None or after is None:
        return gate_row_effect(before, after)
    unknown = _policy_effect(before, after, barring=(UnknownPolicy.FAIL, UnknownPolicy.HOLD))
    return combine_effects(question_effect(before, after).reversed, unknown)


def points_row_effect(before: Json | None, after: Json | None) -> Effect:
    """Return the effect of a changed row that gives points: more points for more leads let more in."""
    return combine_effects(holding_effect(before, after), _points_effect(before, after))


def holding_effect(before: Json | None, after: Json | None) -> Effect:
    """Return the effect of a row that gives points, apart from those: whether it holds leads whose value is unknown."""
    return _policy_effect(before, after, barring=(UnknownPolicy.HOLD,))


def _policy_effect(before: Json | None, after: Json | None, *, barring: Collection[str]) -> Effect:
    """Return the effect of another policy for unknown values; `barring` are those that keep such leads out."""
    barred_before, barred_after = (row is not None and row.get("unknown") in barring for row in (before, after))
    return looser_when_lower(barred_before, barred_after)


def _points_effect(before: Json | None, after: Json | None) -> Effect:
    if before is None or after is None:
        return looser_when_higher(_row_points(before), _row_points(after))
    old, new = _row_points(before), _row_points(after)
    effect = question_effect(before, after)
    if effect == NEITHER:
        return looser_when_higher(old, new)
    if min(old, new) >= 0:
        return combine_effects(effect, looser_when_higher(old, new)) if max(old, new) > 0 else NEITHER
    return combine_effects(effect.reversed, looser_when_higher(old, new)) if max(old, new) <= 0 else UNCLEAR


def _row_points(row: Json | None) -> float:
    return 0.0 if row is None else float(row["points"])


def question_effect(before: Json, after: Json) -> Effect:
    """Return whether the changed criterion lets more values pass; both rows name the same field."""
    if before["op"] == after["op"] and before["value"] == after["value"]:
        return NEITHER
    if before["op"] in _RANGES and after["op"] in _RANGES:
        return _range_effect(before, after)
    if before["op"] != after["op"]:
        return UNCLEAR
    if before["op"] in _ANY_OF:
        return _set_effect(_comparable_values(before), _comparable_values(after))
    return (
        _set_effect(_comparable_values(after), _comparable_values(before))
        if before["op"] == Operator.NOT_IN
        else UNCLEAR
    )


def _set_effect(before: Collection[object], after: Collection[object]) -> Effect:
    old, new = set(before), set(after)
    if old == new:
        return NEITHER
    if old <= new:
        return LOOSER
    return TIGHTER if new <= old else UNCLEAR


def _comparable_values(row: Json) -> Collection[object]:
    if row["field"] in COUNTRY_FIELDS:
        return [country_key(str(value)) for value in row["value"]]
    return [value.strip().casefold() if isinstance(value, str) else value for value in row["value"]]


def _range_effect(before: Json, after: Json) -> Effect:
    (low, high), (new_low, new_high) = _range_ends(before), _range_ends(after)
    return combine_effects(looser_when_lower(low, new_low), looser_when_higher(high, new_high))


def _range_ends(row: Json) -> tuple[float, float]:
    op, value = row["op"], row["value"]
    low, high = value if op == Operator.BETWEEN else (value, None) if op == Operator.AT_LEAST else (None, value)
    is_seniority = field_kind(row["field"]) == FieldKind.SENIORITY
    return _range_end(low, -math.inf, is_seniority=is_seniority), _range_end(high, math.inf, is_seniority=is_seniority)


def _range_end(value: Any, if_open: float, *, is_seniority: bool) -> float:
    if value is None:
        return if_open
    return Seniority.values.index(value) if is_seniority else float(value)


# Signals


def exclusion_effect(before: Json | None, after: Json | None) -> Effect:
    """Return the effect of a signal that disqualifies: to do so, and for longer, lets fewer leads in."""
    return looser_when_lower(_excluded_days(before), _excluded_days(after))


def _excluded_days(row: Json | None) -> float:
    exclusion = row and row.get("disqualifies")
    return none_as_infinite(exclusion["within_days"]) if exclusion else -1.0


def signal_rule_effect(before: Json | None, after: Json | None, *, has_inactivity: bool) -> Effect:
    """Return the effect of a changed signal rule: more points, or a higher cap, let more leads in.

    Negative points also take a signal out of what counts as activity. With an inactivity penalty that can work in
    either direction, because a lead that was never active has no penalty.
    """
    old, new = _row_points(before), _row_points(after)
    if has_inactivity and (old < 0) is not (new < 0):
        return UNCLEAR
    return (
        combine_effects(looser_when_higher(old, new), _cap_effect(before, after))
        if before and after
        else looser_when_higher(old, new)
    )


def _cap_effect(before: Json, after: Json) -> Effect:
    """Return the effect of a changed cap; a cap on negative points limits them from below."""
    old, new = before["cap"], after["cap"]
    if old == new or (before["points"] < 0) is not (after["points"] < 0):
        return NEITHER if old == new else UNCLEAR
    is_negative = before["points"] < 0
    return looser_when_higher(_cap_limit(old, is_negative=is_negative), _cap_limit(new, is_negative=is_negative))


def _cap_limit(cap: float | None, *, is_negative: bool) -> float:
    if cap is None:
        return -math.inf if is_negative else math.inf
    return -abs(cap) if is_negative else abs(cap)


# Clauses, timing, decay and inactivity


def path_effect(before: Json | None, after: Json | None) -> Effect:
    """Return the effect of an added or removed path: one more lets more leads in."""
    return LOOSER if before is None else TIGHTER if after is None else NEITHER


def clause_effect(before: Json | None, after: Json | None) -> Effect:
    """Return the effect of a changed clause: all must hold, so one more, or a stricter one, lets fewer leads in."""
    if before is None or after is None:
        return TIGHTER if before is None else LOOSER
    if "axis" in before or "axis" in after:
        same = before.get("axis") == after.get("axis")
        return looser_when_lower(before["at_least"], after["at_least"]) if same else UNCLEAR
    more_signals = _set_effect(before["count_of"], after["count_of"])
    if before.get("same") and after.get("same"):
        # All of them are asked for, so one more lets fewer leads in.
        more_signals = more_signals.reversed
    return combine_effects(
        more_signals,
        looser_when_lower(before["at_least"], after["at_least"]),
        looser_when_higher(none_as_infinite(before["within_days"]), none_as_infinite(after["within_days"])),
        _cluster_effect(before, after),
        looser_when_higher(bool(before.get("distinct")), bool(after.get("distinct"))).reversed,
        looser_when_higher(bool(before.get("same")), bool(after.get("same"))).reversed,
    )


def _cluster_effect(before: Json, after: Json) -> Effect:
    """Return the effect of a changed cluster ("within so many hours of each other").

    A cluster may begin before its window, so its events are not a subset of those that the window alone counts: adding
    or removing a cluster beside a window is unclear.
    """
    old, new = before.get("within_hours_of_each_other"), after.get("within_hours_of_each_other")
    if old == new:
        return NEITHER
    has_window = before["within_days"] is not None or after["within_days"] is not None
    return (
        UNCLEAR
        if has_window and (old is None or new is None)
        else looser_when_higher(none_as_infinite(old), none_as_infinite(new))
    )


def timing_effect(before: Json | None, after: Json | None) -> Effect:
    """Return the effect of changed timing: without timing nothing is required; of two alternatives either suffices."""
    if not before or not after:
        return NEITHER if before == after else LOOSER if not after else TIGHTER
    return combine_effects(
        *(looser_when_higher(_window_width(before[key]), _window_width(after[key])) for key in _TIMING_WINDOWS)
    )


def engaged_by_effect(before: Json | None, after: Json | None, *, has_inactivity: bool) -> Effect:
    """Return the effect of other signals counting as engagement: more of them let more leads in.

    Compared with every engagement, and with an inactivity penalty, which only leads pay that were active, it is unclear.
    """
    old, new = (set((row or {}).get("engaged_by") or ()) for row in (before, after))
    if old == new or not before or not after:
        return NEITHER
    return UNCLEAR if has_inactivity or not old or not new else _set_effect(old, new)


_TIMING_WINDOWS: Final = ("engaged_within_days", "or_request_within_days")


def _window_width(days: float | None) -> float:
    return -1.0 if days is None else float(days)


def decay_effect(before: Json, after: Json) -> Effect:
    """Return the effect of changed decay: points that fade more slowly at every age let more leads in."""
    old, new = _fading_speed(before), _fading_speed(after)
    modes = {mode for mode, speed in (old, new) if speed}
    return looser_when_lower(old[1], new[1]) if len(modes) < 2 else UNCLEAR  # noqa: PLR2004 (both modes are one)


def _fading_speed(row: Json) -> tuple[str, float]:
    """Return the mode and the speed of decay: comparable within one mode; ("", 0) without decay in any mode."""
    share = row["percent"] / 100
    if row["mode"] == DecayMode.NONE or not share:
        return "", 0.0
    speed = share if row["mode"] == DecayMode.LINEAR else -math.log1p(-share) if share < 1 else math.inf
    return row["mode"], speed / row["per_days"]


def inactivity_effect(before: Json | None, after: Json | None) -> Effect:
    """Return the effect of a changed inactivity penalty: a later, smaller or rarer penalty lets more leads in."""
    if not before or not after:
        costs = (after or before or {"points": 0})["points"]
        return NEITHER if not costs else LOOSER if not after else TIGHTER
    return combine_effects(
        looser_when_higher(before["after_days"], after["after_days"]),
        looser_when_lower(before["points"], after["points"]),
        looser_when_higher(before["per_days"], after["per_days"]),
    )


# Companies


def account_effect(before: Json, after: Json) -> Effect:
    """Return the effect of changed contacts: fewer contacts, a longer window and more signals let more companies in."""
    return combine_effects(
        looser_when_lower(before["contacts_at_least"], after["contacts_at_least"]),
        looser_when_higher(before["within_days"], after["within_days"]),
        _signals_effect(before["engaged_by"], after["engaged_by"]),
    )


def company_signals_effect(before: Json | None, after: Json | None) -> Effect:
    """Return the effect of changed company signals: asking for them at all lets fewer companies in."""
    if before is None or after is None:
        return TIGHTER if before is None else LOOSER
    return combine_effects(
        looser_when_lower(before["at_least"], after["at_least"]),
        looser_when_higher(before["within_days"], after["within_days"]),
        _signals_effect(before["count_of"], after["count_of"]),
    )


def _signals_effect(before: Collection[str] | None, after: Collection[str] | None) -> Effect:
    """Return the effect of other signals; None is every signal that is engagement."""
    old, new = set(before or ()), set(after or ())
    if before is None or after is None:
        # Whether a listed signal is engagement at all is not said by the rows.
        return NEITHER if before == after else UNCLEAR
    if old == new:
        return NEITHER
    return LOOSER if old < new else TIGHTER if new < old else UNCLEAR
