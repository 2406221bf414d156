"""The parser of the definition document `accord.definition/1` (rules 15.1): from JSON to a draft. Pure."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from definitions.document import criterion_fields, setting_readers
from definitions.document.json_reader import Node, NodeMembers
from definitions.document.values import (
    AccountSetting,
    CeilingSettings,
    ClauseRow,
    CompanySignalsSetting,
    CriterionRow,
    DecaySetting,
    Draft,
    PathRow,
    SignalRow,
    TimingSetting,
)
from definitions.vocabulary import (
    DOCUMENT_FORMAT,
    LONGEST_SUMMARY,
    Operator,
    Part,
    PathKind,
    UnknownPolicy,
)
from leads.vocabulary import Motion

#: One contact is a lead (an MQL); an account has several.
_CONTACTS_AT_LEAST: Final = 2
#: Fewer signals about one asset are an ordinary count.
_SIGNALS_OF_ONE_ASSET: Final = 2

_REQUIRED: Final = ("format", "name", "owner", "reason", "paths")
_OPTIONAL: Final = (
    *(
        "motion",
        "version",
        "statement",
        "summary",
        "kind",
        "sal_rate_target",
        "mql_to_sql",
        "decay",
        "inactivity",
        "ceilings",
    ),
    *(str(part) for part in Part),
    *("signals", "timing", "hot", "tier_3_below", "account", "basis"),
)
#: The parts about single leads. A definition of the motion AQL judges companies, so these stay empty there.
_LEAD_PARTS: Final = ("fit", "bant", "signals", "paths", "timing", "hot", "tier_3_below")
_ACCOUNT_REQUIRED: Final = ("format", "name", "owner", "reason", "account")
_ACCOUNT_OPTIONAL: Final = ("paths", *(key for key in _OPTIONAL if key != "account"))


class DocumentRefused(Exception):
    """The document contains something that Accord does not understand; each of `complaints` names the place."""

    def __init__(self, complaints: Collection[str]) -> None:
        self.complaints = tuple(complaints)
        super().__init__("\n".join(self.complaints))


@dataclass(frozen=True, slots=True)
class KnownNames:
    """The codes of the signals and the names of the lists that a document may use."""

    signals: frozenset[str]
    lists: frozenset[str]


def parse_document(document: object, *, known_names: KnownNames) -> Draft:
    """Return the draft that a decoded JSON document describes.

    Raises DocumentRefused with the first complaints and the number of the others (rules 14.15): unknown keys, fields,
    operators, signals and lists, wrong types, missing rationales, inverted bounds, operators that do not fit the field.
    """
    root = Node(document, "")
    draft = _Parser(known_names).read_draft(root)
    if root.complaints:
        raise DocumentRefused(root.complaints.sentences())
    return draft


@dataclass(frozen=True, slots=True)
class _Parser:
    known_names: KnownNames

    def read_draft(self, root: Node) -> Draft:
        is_of_accounts = isinstance(root.value, dict) and root.value.get("motion") == Motion.AQL
        required, optional = (_ACCOUNT_REQUIRED, _ACCOUNT_OPTIONAL) if is_of_accounts else (_REQUIRED, _OPTIONAL)
        keys = root.read_members(required=required, optional=optional)
        if "format" in keys and keys["format"].value != DOCUMENT_FORMAT:
            keys["format"].complain(f"must be “{DOCUMENT_FORMAT}”.")
        major, minor = keys.read("version", setting_readers.read_version_number, (1, 0))
        keys.read("basis", _check_basis, None)
        draft = self._build_draft(keys, major, minor)
        if is_of_accounts:
            _check_account_parts(keys, draft)
        elif draft.account is not None:
            keys["account"].complain("only a definition of the motion aql judges companies; leave it out.")
        return draft

    def _build_draft(self, keys: NodeMembers, major: int, minor: int) -> Draft:
        return Draft(
            name=keys.read("name", lambda node: node.read_text(longest=120), ""),
            motion=keys.read("motion", setting_readers.read_motion, Motion.MQL),
            major=major,
            minor=minor,
            owner=keys.read("owner", lambda node: node.read_text(longest=200), ""),
            reason=keys.read("reason", Node.read_text, ""),
            statement=keys.read("statement", Node.read_text, ""),
            sal_rate_target=keys.read("sal_rate_target", setting_readers.read_rate, Decimal("0.7")),
            decay=keys.read("decay", setting_readers.read_decay, DecaySetting()),
            inactivity=keys.read("inactivity", setting_readers.read_inactivity, None),
            ceilings=keys.read("ceilings", setting_readers.read_ceilings, CeilingSettings()),
            criteria=tuple(row for part in Part for row in keys.read(str(part), self._read_criteria, ())),
            signals=keys.read("signals", self._read_signals, ()),
            paths=keys.read("paths", self._read_paths, ()) + keys.read("hot", self._read_paths, ()),
            timing=keys.read("timing", self._read_timing, None),
            tier_3_below=keys.read("tier_3_below", setting_readers.read_tier_floor, None),
            account=keys.read("account", self._read_account, None),
            kind=keys.read("kind", setting_readers.read_kind, ""),
            summary=keys.read("summary", lambda node: node.read_text(longest=LONGEST_SUMMARY), ""),
            mql_to_sql=keys.read("mql_to_sql", setting_readers.read_healthy_range, None),
        )

    # Companies

    def _read_account(self, node: Node) -> AccountSetting | None:
        if node.value is None:
            return None
        keys = node.read_members(
            required=("contacts_at_least", "within_days", "rationale"),
            optional=("engaged_by", "company_signals", "tier_1_contacts"),
        )
        account = AccountSetting(
            contacts_at_least=keys.read("contacts_at_least", Node.read_count, Decimal(2)),
            within_days=keys.read("within_days", setting_readers.read_some_days, Decimal(30)),
            engaged_by=keys.read("engaged_by", self._read_signal_list, ()),
            rationale=keys.read("rationale", Node.read_text, ""),
            company_signals=keys.read("company_signals", self._read_company_signals, None),
            tier_1_contacts=keys.read(
                "tier_1_contacts", lambda at: None if at.value is None else at.read_count(), None
            ),
        )
        if account.contacts_at_least < _CONTACTS_AT_LEAST:
            keys["contacts_at_least"].complain("an account needs two different contacts at least; one is a lead.")
        if account.tier_1_contacts is not None and account.tier_1_contacts < account.contacts_at_least:
            keys["tier_1_contacts"].complain("must be at least contacts_at_least.")
        return account

    def _read_company_signals(self, node: Node) -> CompanySignalsSetting | None:
        if node.value is None:
            return None
        keys = node.read_members(required=("count_of", "at_least", "within_days", "rationale"))
        signals = keys.read("count_of", self._read_signal_list, ("",))
        if not signals:
            keys["count_of"].complain("names no signal.")
        return CompanySignalsSetting(
            signals=signals,
            at_least=keys.read("at_least", Node.read_count, Decimal(1)),
            within_days=keys.read("within_days", setting_readers.read_some_days, Decimal(90)),
            rationale=keys.read("rationale", Node.read_text, ""),
        )

    def _read_signal_list(self, node: Node) -> tuple[str, ...]:
        if node.value is None:
            return ()
        codes = tuple(self._read_signal(item) for item in node.read_items())
        if len(set(codes)) < len(codes) and all(codes):
            node.complain("names a signal twice.")
        return codes

    def _read_timing(self, node: Node) -> TimingSetting | None:
        if node.value is None:
            return None
        keys = node.read_members(
            required=(), optional=("engaged_within_days", "or_request_within_days", "engaged_by", "rationale")
        )
        timing = TimingSetting(
            keys.read("engaged_within_days", setting_readers.read_days, None),
            keys.read("or_request_within_days", setting_readers.read_days, None),
            keys.read("engaged_by", self._read_signal_list, ()),
            keys.read("rationale", Node.read_text, ""),
        )
        if timing.engaged_within_days is None and timing.or_request_within_days is None:
            node.complain("needs engaged_within_days or or_request_within_days; without timing, write null.")
        elif timing.engaged_by and timing.engaged_within_days is None:
            keys["engaged_by"].complain("says what counts within engaged_within_days, which is missing.")
        return timing

    # Criteria

    def _read_criteria(self, node: Node) -> tuple[CriterionRow, ...]:
        part = Part(node.place)
        return tuple(row for item in node.read_items() if (row := self._read_criterion(item, part)))

    def _read_criterion(self, node: Node, part: Part) -> CriterionRow | None:
        keys = node.read_members(required=("field", "op", "rationale"), optional=("value", "points", "unknown"))
        rationale = keys.read("rationale", Node.read_text, "")
        points = keys.read("points", setting_readers.read_points, Decimal(0))
        if part == Part.DISQUALIFIER and points:
            keys["points"].complain("a disqualifier excludes; it gives no points.")
        question = self._read_question(keys)
        if question is None:
            return None
        field, op = question
        unknown = keys.read("unknown", setting_readers.read_unknown_policy, "")
        if unknown and op == Operator.KNOWN:
            keys["unknown"].complain("the operator known asks for that itself; leave it out.")
        if "value" not in keys and op == Operator.KNOWN:
            return CriterionRow(part, field, op, rationale, points, flag=True)
        if "value" not in keys:
            node.complain("value is missing.")
            return None
        answer = criterion_fields.read_value(keys["value"], field=field, op=op, lists=self.known_names.lists)
        return CriterionRow(part, field, op, rationale, points, *answer, unknown=unknown)

    def _read_question(self, keys: NodeMembers) -> tuple[str, Operator] | None:
        field = keys.read("field", criterion_fields.read_field, None)
        op = keys.read("op", lambda node: node.read_choice(Operator.values, "operator"), None)
        if field is None or op is None:
            return None
        if sentence := criterion_fields.explain_misfit(field, Operator(op)):
            keys["op"].complain(sentence)
            return None
        return field, Operator(op)

    # Signals and paths

    def _read_signals(self, node: Node) -> tuple[SignalRow, ...]:
        rows: dict[str, SignalRow] = {}
        for item in node.read_items():
            row = self._read_signal_rule(item)
            if row.signal in rows and row.signal:
                item.complain(f"the signal “{row.signal}” has a row already.")
            rows[row.signal] = row
        return tuple(rows.values())

    def _read_signal_rule(self, node: Node) -> SignalRow:
        keys = node.read_members(
            required=("signal", "points", "rationale"), optional=("cap", "cap_rationale", "disqualifies")
        )
        disqualifies, days = keys.read("disqualifies", setting_readers.read_exclusion, (False, None))
        row = SignalRow(
            signal=keys.read("signal", self._read_signal, ""),
            points=keys.read("points", setting_readers.read_points, Decimal(0)),
            cap=keys.read("cap", setting_readers.read_points_or_null, None),
            rationale=keys.read("rationale", Node.read_text, ""),
            disqualifies=disqualifies,
            disqualifies_within_days=days,
            cap_rationale=keys.read("cap_rationale", Node.read_text, ""),
        )
        if row.cap_rationale and row.cap is None:
            keys["cap_rationale"].complain("says why there is a cap, and there is none.")
        if row.disqualifies and row.points > 0:
            keys["points"].complain("a signal that disqualifies gives no points to its lead; write 0 or less.")
        if row.cap is not None and row.cap * row.points < 0:
            keys["cap"].complain("must have the sign of the points: it limits negative points from below.")
        return row

    def _read_signal(self, node: Node) -> str:
        return node.read_choice(self.known_names.signals, "signal") or ""

    def _read_paths(self, node: Node) -> tuple[PathRow, ...]:
        return tuple(self._read_path(item, PathKind(node.place)) for item in node.read_items())

    def _read_path(self, node: Node, kind: PathKind) -> PathRow:
        keys = node.read_members(required=("name", "clauses", "rationale"))
        return PathRow(
            kind=kind,
            name=keys.read("name", lambda at: at.read_text(longest=120), ""),
            clauses=keys.read("clauses", lambda at: tuple(self._read_clause(item) for item in at.read_items()), ()),
            rationale=keys.read("rationale", Node.read_text, ""),
        )

    def _read_clause(self, node: Node) -> ClauseRow:
        if isinstance(node.value, dict) and "axis" in node.value:
            keys = node.read_members(required=("axis", "at_least"), optional=("rationale",))
            return ClauseRow(
                axis=setting_readers.read_axis(keys["axis"]),
                at_least=keys.read("at_least", setting_readers.read_points, Decimal(0)),
                rationale=keys.read("rationale", Node.read_text, ""),
            )
        keys = node.read_members(
            required=("count_of", "at_least"),
            optional=("within_hours_of_each_other", "within_days", "distinct", "same", "rationale"),
        )
        signals = keys.read("count_of", lambda at: tuple(self._read_signal(item) for item in at.read_items()), ("",))
        if not signals:
            keys["count_of"].complain("names no signal.")
        same_asset = keys.read("same", setting_readers.read_asset, None) is not None
        if same_asset:
            _check_same_asset(keys, signals)
        return ClauseRow(
            signals=signals,
            at_least=keys.read("at_least", Node.read_count, Decimal(1)),
            within_days=keys.read("within_days", setting_readers.read_window, None),
            within_hours_of_each_other=keys.read("within_hours_of_each_other", setting_readers.read_window, None),
            distinct_assets=keys.read("distinct", setting_readers.read_asset, None) is not None,
            same_asset=same_asset,
            rationale=keys.read("rationale", Node.read_text, ""),
        )


def _check_same_asset(keys: NodeMembers, signals: Collection[str]) -> None:
    if len(set(signals)) < _SIGNALS_OF_ONE_ASSET:
        keys["same"].complain("needs two different signals at least, which are seen about one asset.")
    for name in ("distinct", "within_hours_of_each_other"):
        if name in keys and keys[name].value is not None:
            keys[name].complain("does not go together with same; leave it out.")


def _check_basis(node: Node) -> None:
    """Check the keys of a basis and leave it: a draft is judged as of today (rules 15.17)."""
    node.read_members(required=("lists", "signals"), optional=("job_titles", "countries"))


def _check_account_parts(keys: NodeMembers, draft: Draft) -> None:
    """Complain of rows about single leads in the definition of a company."""
    for part in _LEAD_PARTS:
        if part in keys and keys[part].value not in (None, []):
            keys[part].complain("a definition of the motion aql judges companies, not leads; leave it empty.")
    if draft.mql_to_sql is not None:
        keys["mql_to_sql"].complain("a company never becomes an SQL; leave it out.")
    if "account" in keys and keys["account"].value is None:
        keys["account"].complain("is what makes a company qualify; a definition of the motion aql needs it.")
    for index, row in enumerate(row for row in draft.criteria if row.part == Part.GATE):
        if not row.field.startswith("company."):
            keys["gate"].complain(
                f"row {index + 1} asks for {row.field}; the gate of a company asks for company fields."
            )
        if row.points:
            keys["gate"].complain(f"row {index + 1} gives points; a company has no score.")
    _check_account_disqualifiers(keys, draft)


def _check_account_disqualifiers(keys: NodeMembers, draft: Draft) -> None:
    for index, row in enumerate(row for row in draft.criteria if row.part == Part.DISQUALIFIER):
        if row.unknown == UnknownPolicy.HOLD and row.field.startswith("lead."):
            keys["disqualifiers"].complain(f"row {index + 1} holds, but a person of a company counts or does not.")
