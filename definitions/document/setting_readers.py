"""The readers of the document's single settings: numbers within their limits, choices, decay, inactivity, ceilings, tiers. Pure."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Final

from definitions.document.json_reader import Node, NumberLimits
from definitions.document.values import (
    CeilingSettings,
    DecaySetting,
    HealthyRangeSetting,
    InactivitySetting,
    TierFloorSetting,
)
from definitions.vocabulary import Axis, DecayMode, DefinitionKind, UnknownPolicy
from leads.vocabulary import Motion

_POINTS: Final = NumberLimits(digits=8, places=3)
_FROM_ZERO: Final = NumberLimits(digits=8, places=3, low=Decimal(0))
_DAYS: Final = NumberLimits(digits=7, places=2, low=Decimal(0))
_WINDOW: Final = NumberLimits(digits=9, places=4, low=Decimal(0))
_PERCENT: Final = NumberLimits(digits=6, places=3, low=Decimal(0), high=Decimal(100))
_RATE: Final = NumberLimits(digits=4, places=3, low=Decimal(0), high=Decimal(1))
_PERIOD: Final = NumberLimits(digits=6, places=2, low=Decimal("0.01"))
_SOME_DAYS: Final = NumberLimits(digits=7, places=2, low=Decimal("0.01"))


def read_asset(node: Node) -> str | None:
    return node.read_choice(("asset",), "property to tell apart")


def read_exclusion(node: Node) -> tuple[bool, Decimal | None]:
    """Read whether a signal disqualifies, and for how many days; null: it does not, without days for good."""
    if node.value is None:
        return False, None
    return True, node.read_members(required=("within_days",)).read("within_days", read_days, None)


def read_some_days(node: Node) -> Decimal:
    return node.read_number(_SOME_DAYS)


def read_version_number(node: Node) -> tuple[int, int]:
    """Read `"1.2"` as the major and the minor number."""
    match = re.fullmatch(r"v?([0-9]{1,4})\.([0-9]{1,4})", node.read_text())
    if not match:
        node.complain("must be a text like “1.0”.")
        return 1, 0
    return int(match[1]), int(match[2])


def read_motion(node: Node) -> Motion:
    return Motion(node.read_choice(Motion.values, "motion") or Motion.MQL)


def read_unknown_policy(node: Node) -> str:
    return node.read_choice(UnknownPolicy.values, "way to take an unknown value") or ""


def read_kind(node: Node) -> str:
    return node.read_choice(DefinitionKind.values, "kind of definition") or ""


def read_axis(node: Node) -> Axis:
    return Axis(node.read_choice(Axis.values, "axis") or Axis.FIT)


def read_points(node: Node) -> Decimal:
    return node.read_number(_POINTS)


def read_points_or_null(node: Node) -> Decimal | None:
    return node.read_number_or_null(_POINTS)


def read_amount_from_zero(node: Node) -> Decimal:
    return node.read_number(_FROM_ZERO)


def read_rate(node: Node) -> Decimal:
    """Read a rate as a fraction of 1."""
    return node.read_number(_RATE)


def read_days(node: Node) -> Decimal | None:
    return node.read_number_or_null(_DAYS)


def read_window(node: Node) -> Decimal | None:
    return node.read_number_or_null(_WINDOW)


def read_period(node: Node) -> Decimal:
    return node.read_number(_PERIOD)


def read_decay(node: Node) -> DecaySetting:
    if node.value is None:
        return DecaySetting(mode=DecayMode.NONE)
    keys = node.read_members(required=("mode",), optional=("percent", "per_days", "rationale"))
    mode = keys.read("mode", lambda at: at.read_choice(DecayMode.values, "mode of decay"), None)
    return DecaySetting(
        mode=DecayMode(mode or DecayMode.NONE),
        percent=keys.read("percent", lambda at: at.read_number(_PERCENT), Decimal(10)),
        per_days=keys.read("per_days", read_period, Decimal(30)),
        rationale=keys.read("rationale", Node.read_text, ""),
    )


def read_inactivity(node: Node) -> InactivitySetting | None:
    if node.value is None:
        return None
    keys = node.read_members(required=("after_days", "points"), optional=("per_days",))
    return InactivitySetting(
        after_days=keys.read("after_days", lambda at: at.read_number(_DAYS), Decimal(0)),
        points=keys.read("points", read_amount_from_zero, Decimal(0)),
        per_days=keys.read("per_days", read_period, Decimal(30)),
    )


def read_ceilings(node: Node) -> CeilingSettings:
    keys = node.read_members(required=(), optional=("fit", "engagement", "bant"))
    return CeilingSettings(**{axis: at.read_number_or_null(_FROM_ZERO) for axis, at in keys.items()})


def read_tier_floor(node: Node) -> TierFloorSetting | None:
    if node.value is None:
        return None
    keys = node.read_members(required=("axis", "less_than"), optional=("rationale",))
    return TierFloorSetting(
        keys.read("axis", read_axis, Axis.FIT),
        keys.read("less_than", read_points, Decimal(0)),
        keys.read("rationale", Node.read_text, ""),
    )


def read_healthy_range(node: Node) -> HealthyRangeSetting | None:
    """Read the healthy range of a rate; null: the version states none."""
    if node.value is None:
        return None
    keys = node.read_members(required=("low", "high"), optional=("rationale",))
    complaints = len(node.complaints)
    healthy = HealthyRangeSetting(
        keys.read("low", read_rate, Decimal(0)),
        keys.read("high", read_rate, Decimal(1)),
        keys.read("rationale", Node.read_text, ""),
    )
    # Where a rate could not be read, that is the complaint.
    if {"low", "high"} <= keys.keys() and len(node.complaints) == complaints and healthy.low >= healthy.high:
        keys["high"].complain("must be more than low.")
    return healthy
