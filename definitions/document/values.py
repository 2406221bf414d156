"""The values of a definition document, between parsing and storing. Pure; amounts are exact decimals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from definitions.vocabulary import (
    DOCUMENT_FORMAT,
    FIELDS,
    DecayMode,
    FieldKind,
    Operator,
    Part,
    PathKind,
    split_currency,
)
from leads.vocabulary import Motion

Json = dict[str, object]

RANGES = frozenset({Operator.BETWEEN, Operator.AT_LEAST, Operator.AT_MOST})
CHOICES = frozenset({Operator.IN, Operator.NOT_IN, Operator.CONTAINS_ANY, Operator.HAS_WORD_ANY, Operator.HAS_ANY})
TRUTHS = frozenset({Operator.IS, Operator.KNOWN})


@dataclass(frozen=True, slots=True)
class CriterionRow:
    """A criterion as it is stored: ranges in `low` and `high`, choices in `texts`, yes/no in `flag`, or a list's name.

    Seniorities are names, so a range of them stands in `texts` as (lowest, highest), "" for an open end. `unknown` is an
    UnknownPolicy or, where the row does not say, "".
    """

    part: Part
    field: str
    op: Operator
    rationale: str
    points: Decimal = Decimal(0)
    low: Decimal | None = None
    high: Decimal | None = None
    texts: tuple[str, ...] = ()
    flag: bool | None = None
    list_name: str = ""
    unknown: str = ""

    @property
    def value(self) -> object:
        """Return the value as the document writes it."""
        if self.op in TRUTHS:
            return self.flag
        if self.op == Operator.IN_LIST:
            return self.list_name
        if self.op in CHOICES:
            return [_plain_number(Decimal(text)) for text in self.texts] if self._is_number else list(self.texts)
        low, high = self._ends
        return [low, high] if self.op == Operator.BETWEEN else low if self.op == Operator.AT_LEAST else high

    @property
    def _is_number(self) -> bool:
        return field_kind(self.field) == FieldKind.NUMBER

    @property
    def _ends(self) -> tuple[object, object]:
        if field_kind(self.field) == FieldKind.SENIORITY:
            low, high = (*self.texts, "", "")[:2]
            return low or None, high or None
        return _plain_number(self.low), _plain_number(self.high)

    def to_document(self) -> Json:
        row: Json = {"field": self.field, "op": str(self.op), "value": self.value}
        if self.part != Part.DISQUALIFIER:
            row["points"] = _plain_number(self.points)
        # Only where the row says it: documents from before keep their fingerprints.
        return row | ({"unknown": self.unknown} if self.unknown else {}) | {"rationale": self.rationale}


@dataclass(frozen=True, slots=True)
class SignalRow:
    """The points of a signal and, if it disqualifies, for how many days; None: for good (rules 4.31)."""

    signal: str
    points: Decimal
    cap: Decimal | None
    rationale: str
    disqualifies: bool = False
    disqualifies_within_days: Decimal | None = None
    cap_rationale: str = ""

    def to_document(self) -> Json:
        row: Json = {"signal": self.signal, "points": _plain_number(self.points), "cap": _plain_number(self.cap)}
        if self.disqualifies:
            row["disqualifies"] = {"within_days": _plain_number(self.disqualifies_within_days)}
        if self.cap_rationale:
            row["cap_rationale"] = self.cap_rationale
        return row | {"rationale": self.rationale}


@dataclass(frozen=True, slots=True)
class ClauseRow:
    """A clause: a minimum of points on an axis, or a count of signals; `axis` is empty for a count."""

    at_least: Decimal
    axis: str = ""
    signals: tuple[str, ...] = ()
    within_days: Decimal | None = None
    within_hours_of_each_other: Decimal | None = None
    distinct_assets: bool = False
    same_asset: bool = False
    rationale: str = ""

    def to_document(self) -> Json:
        return self._ask() | _write_rationale(self.rationale)

    def _ask(self) -> Json:
        if self.axis:
            return {"axis": self.axis, "at_least": _plain_number(self.at_least)}
        row: Json = {"count_of": list(self.signals), "at_least": _plain_number(self.at_least)}
        if self.within_hours_of_each_other is not None:
            row["within_hours_of_each_other"] = _plain_number(self.within_hours_of_each_other)
        row["within_days"] = _plain_number(self.within_days)
        if self.same_asset:
            row["same"] = "asset"
        return row | ({"distinct": "asset"} if self.distinct_assets else {})


@dataclass(frozen=True, slots=True)
class PathRow:
    kind: PathKind
    name: str
    clauses: tuple[ClauseRow, ...]
    rationale: str

    def to_document(self) -> Json:
        return {
            "name": self.name,
            "clauses": [clause.to_document() for clause in self.clauses],
            "rationale": self.rationale,
        }


@dataclass(frozen=True, slots=True)
class DecaySetting:
    mode: DecayMode = DecayMode.COMPOUND
    percent: Decimal = Decimal(10)
    per_days: Decimal = Decimal(30)
    rationale: str = ""

    def to_document(self) -> Json:
        row: Json = {
            "mode": str(self.mode),
            "percent": _plain_number(self.percent),
            "per_days": _plain_number(self.per_days),
        }
        return row | _write_rationale(self.rationale)


@dataclass(frozen=True, slots=True)
class InactivitySetting:
    after_days: Decimal
    points: Decimal
    per_days: Decimal = Decimal(30)

    def to_document(self) -> Json:
        return {
            "after_days": _plain_number(self.after_days),
            "points": _plain_number(self.points),
            "per_days": _plain_number(self.per_days),
        }


@dataclass(frozen=True, slots=True)
class CeilingSettings:
    fit: Decimal | None = Decimal(100)
    engagement: Decimal | None = Decimal(100)
    bant: Decimal | None = Decimal(100)

    def to_document(self) -> Json:
        return {
            "fit": _plain_number(self.fit),
            "engagement": _plain_number(self.engagement),
            "bant": _plain_number(self.bant),
        }


@dataclass(frozen=True, slots=True)
class TimingSetting:
    """The timing of a version; at least one of the two windows is set.

    `engaged_by` are the signals that count as engagement; empty: every signal that is engagement (rules 4.30).
    """

    engaged_within_days: Decimal | None
    or_request_within_days: Decimal | None
    engaged_by: tuple[str, ...] = ()
    rationale: str = ""

    def to_document(self) -> Json:
        row: Json = {
            "engaged_within_days": _plain_number(self.engaged_within_days),
            "or_request_within_days": _plain_number(self.or_request_within_days),
        }
        named: Json = {"engaged_by": list(self.engaged_by)} if self.engaged_by else {}
        return row | named | _write_rationale(self.rationale)


@dataclass(frozen=True, slots=True)
class TierFloorSetting:
    axis: str
    less_than: Decimal
    rationale: str = ""

    def to_document(self) -> Json:
        return {"axis": self.axis, "less_than": _plain_number(self.less_than)} | _write_rationale(self.rationale)


@dataclass(frozen=True, slots=True)
class HealthyRangeSetting:
    """The healthy range of MQL→SQL from `low` to `high`, as fractions of 1: reviews read it, nobody is judged by it."""

    low: Decimal
    high: Decimal
    rationale: str = ""

    def to_document(self) -> Json:
        row: Json = {"low": _plain_number(self.low), "high": _plain_number(self.high)}
        return row | _write_rationale(self.rationale)


@dataclass(frozen=True, slots=True)
class CompanySignalsSetting:
    """A count of third-party signals of the company itself, as a job posting, within a window."""

    signals: tuple[str, ...]
    at_least: Decimal
    within_days: Decimal
    rationale: str

    def to_document(self) -> Json:
        return {
            "count_of": list(self.signals),
            "at_least": _plain_number(self.at_least),
            "within_days": _plain_number(self.within_days),
            "rationale": self.rationale,
        }


@dataclass(frozen=True, slots=True)
class AccountSetting:
    """The engagement that a company needs: so many different contacts within a window (rules 15.1).

    `engaged_by` are the signals that count; empty: every signal that is engagement. `tier_1_contacts` is the number of
    contacts that makes tier 1; None: no play is tier 1.
    """

    contacts_at_least: Decimal
    within_days: Decimal
    engaged_by: tuple[str, ...]
    rationale: str
    company_signals: CompanySignalsSetting | None = None
    tier_1_contacts: Decimal | None = None

    @classmethod
    def from_document(cls, section: Mapping[str, Any]) -> AccountSetting:
        """Return the section that `to_document` wrote."""
        company = section["company_signals"]
        tier_1 = section["tier_1_contacts"]
        return cls(
            contacts_at_least=Decimal(str(section["contacts_at_least"])),
            within_days=Decimal(str(section["within_days"])),
            engaged_by=tuple(section["engaged_by"] or ()),
            rationale=section["rationale"],
            company_signals=company
            and CompanySignalsSetting(
                tuple(company["count_of"]),
                Decimal(str(company["at_least"])),
                Decimal(str(company["within_days"])),
                company["rationale"],
            ),
            tier_1_contacts=None if tier_1 is None else Decimal(str(tier_1)),
        )

    def to_document(self) -> Json:
        return {
            "contacts_at_least": _plain_number(self.contacts_at_least),
            "within_days": _plain_number(self.within_days),
            "engaged_by": list(self.engaged_by) or None,
            "rationale": self.rationale,
            "company_signals": self.company_signals and self.company_signals.to_document(),
            "tier_1_contacts": _plain_number(self.tier_1_contacts),
        }


@dataclass(frozen=True, slots=True)
class Draft:
    """A whole version as values (rules 15.1). Only a version of the motion AQL has an `account`.

    `kind` is a DefinitionKind or, of versions from before there were kinds, ""; `summary` is one sentence.
    `mql_to_sql` is None where the version states no healthy range of its own (rules 8.35).
    """

    name: str
    motion: Motion
    major: int
    minor: int
    owner: str
    reason: str
    statement: str
    sal_rate_target: Decimal
    decay: DecaySetting
    inactivity: InactivitySetting | None
    ceilings: CeilingSettings
    criteria: tuple[CriterionRow, ...]
    signals: tuple[SignalRow, ...]
    paths: tuple[PathRow, ...]
    timing: TimingSetting | None
    tier_3_below: TierFloorSetting | None
    account: AccountSetting | None = None
    kind: str = ""
    summary: str = ""
    mql_to_sql: HealthyRangeSetting | None = None

    def to_document(self) -> Json:
        """Return the document, its keys always in this order; whole numbers become integers."""
        head: Json = {
            "format": DOCUMENT_FORMAT,
            "name": self.name,
            "motion": str(self.motion),
            "version": f"{self.major}.{self.minor}",
            "owner": self.owner,
            "reason": self.reason,
        }
        if self.statement:
            head["statement"] = self.statement
        if self.summary:
            head["summary"] = self.summary
        if self.kind:
            head["kind"] = self.kind
        return {
            **head,
            "sal_rate_target": _plain_number(self.sal_rate_target),
            # Only where it is stated: most versions have the range of all.
            **({"mql_to_sql": self.mql_to_sql.to_document()} if self.mql_to_sql else {}),
            "decay": self.decay.to_document(),
            "inactivity": self.inactivity and self.inactivity.to_document(),
            "ceilings": self.ceilings.to_document(),
            **{str(part): [row.to_document() for row in self.criteria if row.part == part] for part in Part},
            "signals": [row.to_document() for row in self.signals],
            "paths": self._paths(PathKind.PATH),
            "timing": self.timing and self.timing.to_document(),
            "hot": self._paths(PathKind.HOT),
            "tier_3_below": self.tier_3_below and self.tier_3_below.to_document(),
            # Only where there is one: the documents of leads keep their fingerprints.
            **({"account": self.account.to_document()} if self.account else {}),
        }

    def _paths(self, kind: PathKind) -> list[Json]:
        return [path.to_document() for path in self.paths if path.kind == kind]


def field_kind(field: str) -> FieldKind | None:
    """Return the kind of a field's values, or None for the customer's own attributes, which may hold anything."""
    if split_currency(field)[1]:
        return FieldKind.NUMBER
    entry = FIELDS.get(field)
    return entry[0] if entry else None


def _write_rationale(text: str) -> Json:
    """Return the key of a rationale that documents from before do not have."""
    return {"rationale": text} if text else {}


def _plain_number(number: Decimal | None) -> int | float | None:
    if number is None:
        return None
    return int(number) if number == number.to_integral_value() else float(number)
