"""The definition document `accord.definition/1` (SPEC 15): from JSON to a draft, with all complaints at once. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from definitions.document import criterion_fields
from definitions.document.json_reader import Measure, Members, Node
from definitions.document.values import (
    Ceilings,
    ClauseRow,
    CriterionRow,
    Decay,
    Draft,
    Inactivity,
    PathRow,
    SignalRow,
    TierFloor,
    Timing,
)
from definitions.vocabulary import DOCUMENT_FORMAT, Axis, DecayMode, Operator, Part, PathKind
from leads.vocabulary import Motion

_POINTS: Final = Measure(digits=8, places=3)
_FROM_ZERO: Final = Measure(digits=8, places=3, low=Decimal(0))
_DAYS: Final = Measure(digits=7, places=2, low=Decimal(0))
_WINDOW: Final = Measure(digits=9, places=4, low=Decimal(0))
_PERCENT: Final = Measure(digits=6, places=3, low=Decimal(0), high=Decimal(100))
_PERIOD: Final = Measure(digits=6, places=2, low=Decimal("0.01"))
_RATE: Final = Measure(digits=4, places=3, low=Decimal(0), high=Decimal(1))

_REQUIRED: Final = ("format", "name", "owner", "reason", "paths")
_OPTIONAL: Final = (
    *("motion", "version", "statement", "sal_rate_target", "decay", "inactivity", "ceilings"),
    *(str(part) for part in Part),
    *("signals", "timing", "hot", "tier_3_below"),
)


class DocumentRefused(Exception):
    """The document says something that Accord does not understand; `complaints` are sentences that name the places."""

    def __init__(self, complaints: Collection[str]) -> None:
        self.complaints = tuple(complaints)
        super().__init__("\n".join(self.complaints))


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Which signals and named lists there are."""

    signals: frozenset[str]
    lists: frozenset[str]


def parse(document: object, *, catalogue: Catalogue) -> Draft:
    """The draft that a decoded JSON document describes.

    Raises DocumentRefused with every complaint: unknown keys, fields, operators, signals and lists, wrong types,
    missing rationales, inverted bounds, operators that do not fit the field.
    """
    root = Node(document, "")
    draft = _Parser(catalogue).draft(root)
    if root.complaints:
        raise DocumentRefused(root.complaints)
    return draft


@dataclass(frozen=True, slots=True)
class _Parser:
    catalogue: Catalogue

    def draft(self, root: Node) -> Draft:
        keys = root.members(required=_REQUIRED, optional=_OPTIONAL)
        if "format" in keys and keys["format"].value != DOCUMENT_FORMAT:
            keys["format"].complain(f"must be “{DOCUMENT_FORMAT}”.")
        major, minor = keys.read("version", _number, (1, 0))
        return Draft(
            name=keys.read("name", lambda node: node.text(longest=120), ""),
            motion=keys.read("motion", _motion, Motion.MQL),
            major=major,
            minor=minor,
            owner=keys.read("owner", lambda node: node.text(longest=200), ""),
            reason=keys.read("reason", Node.text, ""),
            statement=keys.read("statement", Node.text, ""),
            sal_rate_target=keys.read("sal_rate_target", lambda node: node.number(_RATE), Decimal("0.7")),
            decay=keys.read("decay", _decay, Decay()),
            inactivity=keys.read("inactivity", _inactivity, None),
            ceilings=keys.read("ceilings", _ceilings, Ceilings()),
            criteria=tuple(row for part in Part for row in keys.read(str(part), self._criteria, ())),
            signals=keys.read("signals", self._signals, ()),
            paths=keys.read("paths", self._paths, ()) + keys.read("hot", self._paths, ()),
            timing=keys.read("timing", _timing, None),
            tier_3_below=keys.read("tier_3_below", _tier_floor, None),
        )

    # Criteria

    def _criteria(self, node: Node) -> tuple[CriterionRow, ...]:
        part = Part(node.place)
        return tuple(row for item in node.items() if (row := self._criterion(item, part)))

    def _criterion(self, node: Node, part: Part) -> CriterionRow | None:
        keys = node.members(required=("field", "op", "rationale"), optional=("value", "points"))
        rationale = keys.read("rationale", Node.text, "")
        points = keys.read("points", _points, Decimal(0))
        if part == Part.DISQUALIFIER and points:
            keys["points"].complain("a disqualifier excludes; it gives no points.")
        question = self._question(keys)
        if question is None:
            return None
        field, op = question
        if "value" not in keys and op == Operator.KNOWN:
            return CriterionRow(part, field, op, rationale, points, flag=True)
        if "value" not in keys:
            node.complain("value is missing.")
            return None
        answer = criterion_fields.answer(keys["value"], field=field, op=op, lists=self.catalogue.lists)
        return CriterionRow(part, field, op, rationale, points, *answer)

    def _question(self, keys: Members) -> tuple[str, Operator] | None:
        field = keys.read("field", criterion_fields.field, None)
        op = keys.read("op", lambda node: node.choice(Operator.values, "operator"), None)
        if field is None or op is None:
            return None
        if sentence := criterion_fields.unfit(field, Operator(op)):
            keys["op"].complain(sentence)
            return None
        return field, Operator(op)

    # Signals and paths

    def _signals(self, node: Node) -> tuple[SignalRow, ...]:
        rows: dict[str, SignalRow] = {}
        for item in node.items():
            row = self._signal_rule(item)
            if row.signal in rows and row.signal:
                item.complain(f"the signal “{row.signal}” has a row already.")
            rows[row.signal] = row
        return tuple(rows.values())

    def _signal_rule(self, node: Node) -> SignalRow:
        keys = node.members(required=("signal", "points", "rationale"), optional=("cap",))
        row = SignalRow(
            signal=keys.read("signal", self._signal, ""),
            points=keys.read("points", lambda at: at.number(_POINTS), Decimal(0)),
            cap=keys.read("cap", lambda at: at.number_or_null(_POINTS), None),
            rationale=keys.read("rationale", Node.text, ""),
        )
        if row.cap is not None and row.cap * row.points < 0:
            keys["cap"].complain("must have the sign of the points: it limits negative points from below.")
        return row

    def _signal(self, node: Node) -> str:
        return node.choice(self.catalogue.signals, "signal") or ""

    def _paths(self, node: Node) -> tuple[PathRow, ...]:
        return tuple(self._path(item, PathKind(node.place)) for item in node.items())

    def _path(self, node: Node, kind: PathKind) -> PathRow:
        keys = node.members(required=("name", "clauses", "rationale"))
        return PathRow(
            kind=kind,
            name=keys.read("name", lambda at: at.text(longest=120), ""),
            clauses=keys.read("clauses", lambda at: tuple(self._clause(item) for item in at.items()), ()),
            rationale=keys.read("rationale", Node.text, ""),
        )

    def _clause(self, node: Node) -> ClauseRow:
        if isinstance(node.value, dict) and "axis" in node.value:
            keys = node.members(required=("axis", "at_least"))
            return ClauseRow(axis=_axis(keys["axis"]), at_least=keys.read("at_least", _points, Decimal(0)))
        keys = node.members(
            required=("count_of", "at_least"), optional=("within_hours_of_each_other", "within_days", "distinct")
        )
        signals = keys.read("count_of", lambda at: tuple(self._signal(item) for item in at.items()), ("",))
        if not signals:
            keys["count_of"].complain("names no signal.")
        return ClauseRow(
            signals=signals,
            at_least=keys.read("at_least", Node.count, Decimal(1)),
            within_days=keys.read("within_days", _window, None),
            within_hours_of_each_other=keys.read("within_hours_of_each_other", _window, None),
            distinct_assets=keys.read("distinct", lambda at: at.choice(("asset",), "property to tell apart"), None)
            == "asset",
        )


def _number(node: Node) -> tuple[int, int]:
    """`"1.2"`: major and minor number."""
    match = re.fullmatch(r"v?([0-9]{1,4})\.([0-9]{1,4})", node.text())
    if not match:
        node.complain("must be a text like “1.0”.")
        return 1, 0
    return int(match[1]), int(match[2])


def _motion(node: Node) -> Motion:
    return Motion(node.choice(Motion.values, "motion") or Motion.MQL)


def _axis(node: Node) -> Axis:
    return Axis(node.choice(Axis.values, "axis") or Axis.FIT)


def _points(node: Node) -> Decimal:
    return node.number(_POINTS)


def _from_zero(node: Node) -> Decimal:
    return node.number(_FROM_ZERO)


def _days(node: Node) -> Decimal | None:
    return node.number_or_null(_DAYS)


def _window(node: Node) -> Decimal | None:
    return node.number_or_null(_WINDOW)


def _period(node: Node) -> Decimal:
    return node.number(_PERIOD)


def _decay(node: Node) -> Decay:
    if node.value is None:
        return Decay(mode=DecayMode.NONE)
    keys = node.members(required=("mode",), optional=("percent", "per_days"))
    mode = keys.read("mode", lambda at: at.choice(DecayMode.values, "mode of decay"), None)
    return Decay(
        mode=DecayMode(mode or DecayMode.NONE),
        percent=keys.read("percent", lambda at: at.number(_PERCENT), Decimal(10)),
        per_days=keys.read("per_days", _period, Decimal(30)),
    )


def _inactivity(node: Node) -> Inactivity | None:
    if node.value is None:
        return None
    keys = node.members(required=("after_days", "points"), optional=("per_days",))
    return Inactivity(
        after_days=keys.read("after_days", lambda at: at.number(_DAYS), Decimal(0)),
        points=keys.read("points", _from_zero, Decimal(0)),
        per_days=keys.read("per_days", _period, Decimal(30)),
    )


def _ceilings(node: Node) -> Ceilings:
    keys = node.members(required=(), optional=("fit", "engagement", "bant"))
    return Ceilings(**{axis: at.number_or_null(_FROM_ZERO) for axis, at in keys.items()})


def _timing(node: Node) -> Timing | None:
    if node.value is None:
        return None
    keys = node.members(required=(), optional=("engaged_within_days", "or_request_within_days"))
    timing = Timing(keys.read("engaged_within_days", _days, None), keys.read("or_request_within_days", _days, None))
    if timing == Timing(None, None):
        node.complain("needs engaged_within_days or or_request_within_days; without timing, write null.")
    return timing


def _tier_floor(node: Node) -> TierFloor | None:
    if node.value is None:
        return None
    keys = node.members(required=("axis", "less_than"))
    return TierFloor(keys.read("axis", _axis, Axis.FIT), keys.read("less_than", _points, Decimal(0)))
