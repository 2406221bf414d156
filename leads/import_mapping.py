"""The mapping of a file's columns to the items of the intake: by a map, or by the headers that common senders write.

docs/importing.md describes the map.
"""

from __future__ import annotations

import datetime as dt
import re
import zoneinfo
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Final

from leads import attributes, validation
from leads.csv_reader import Unreadable
from leads.exceptions import Refused

_DATE_TARGETS: Final = frozenset({"valid_from", "created_at", "occurred_at", "at"})
_OPEN_PREFIXES: Final = ("custom.", "properties.")
_AMBIGUOUS_DATE = re.compile(r"\d{1,2}[/.-]\d{1,2}[/.-]\d{2,4}\b")
_PARSERS: Final[Mapping[str, Callable[[str, str], object]]] = MappingProxyType(
    {
        "number": attributes.parse_number,
        "flag": attributes.parse_flag,
        "list": lambda _field, cell: re.split(r"[;,|]", cell),
    }
)
_LEAD_REFERENCE_TARGETS: Final = {"email", "lead"}


@dataclass(frozen=True, slots=True)
class ImportKind:
    """A kind of file: the keys of its items (`targets`), and further headers by which its columns are recognised."""

    name: str
    subject: str
    targets: frozenset[str]
    open_prefix: str
    aliases: Mapping[str, str]
    known: Mapping[str, attributes.Attribute] = field(default_factory=dict)


def _build_aliases(**names: str) -> dict[str, str]:
    return {alias: target for target, aliases in names.items() for alias in aliases.split()}


_PERSON_ALIASES = _build_aliases(
    email="e_mail email_address work_email",
    external_id="lead_id contact_id record_id id hs_object_id prospect_id",
    first_name="firstname given_name",
    last_name="lastname surname family_name",
    phone="phone_number",
    title="job_title jobtitle",
    source="lead_source leadsource original_source",
    country="country_region",
    region="state_region state state_province",
    time_zone="timezone",
    do_not_contact="do_not_email hasoptedoutofemail email_opt_out unsubscribed_from_all_email",
    company_external_id="company_id account_id accountid associated_company_id",
    company_domain="website website_url company_domain_name",
    created_at="create_date createdate createddate created",
    use_case="primary_challenge",
)
_COMPANY_ALIASES = _build_aliases(
    external_id="company_id account_id record_id id hs_object_id",
    name="company_name account_name company",
    domain="company_domain company_domain_name website website_url",
    employees="number_of_employees numberofemployees no_of_employees no_of_employee employee_count company_size",
    annual_revenue="annualrevenue revenue",
    country="country_region billing_country billingcountry",
    region="state_region state billing_state",
    created_at="create_date createdate createddate created",
)
KINDS: Final[Mapping[str, ImportKind]] = MappingProxyType(
    {
        "companies": ImportKind(
            "companies", "company",
            frozenset({"domain", "domains", "external_id", "system", "employees", "valid_from", "created_at", *attributes.COMPANY}),
            "custom.", _COMPANY_ALIASES, attributes.COMPANY,
        ),
        "leads": ImportKind(
            "leads", "lead",
            frozenset({
                "email", "external_id", "system", "company_domain", "company_external_id", "valid_from", "created_at", *attributes.LEAD,
            }),
            "custom.", _PERSON_ALIASES, attributes.LEAD,
        ),
        "events": ImportKind(
            "events", "event", frozenset({"email", "lead", "system", "id", "signal", "occurred_at"}), "properties.",
            _build_aliases(
                lead="lead_id contact_id", email="e_mail email_address", id="event_id message_id messageid", signal="type event",
                occurred_at="timestamp time date",
            ) | {"campaign": "properties.campaign", "asset": "properties.asset"},
        ),
        "outcomes": ImportKind(
            "outcomes", "outcome", frozenset({"email", "lead", "system", "id", "kind", "at", "amount", "reason"}), "",
            _build_aliases(
                lead="lead_id contact_id", email="e_mail email_address", id="outcome_id opportunity_id deal_id", kind="outcome stage",
                at="closed_at close_date closedate closed_date date", amount="value deal_amount", reason="closed_lost_reason loss_reason",
            ),
        ),
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class ColumnMap:
    """A validated map, as its author wrote it. Empty `columns` mean that the headers are matched by name."""

    columns: Mapping[str, str] = field(default_factory=dict)
    constants: Mapping[str, object] = field(default_factory=dict)
    values: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    types: Mapping[str, str] = field(default_factory=dict)
    scale: Mapping[str, float] = field(default_factory=dict)
    null_values: Sequence[str] = ()
    zone: str = ""
    date_format: str = ""
    encoding: str = ""
    delimiter: str = ""


_MAP_TYPES: Final = {
    "columns": dict, "constants": dict, "values": dict, "types": dict, "scale": dict, "null_values": list,
    "zone": str, "date_format": str, "encoding": str, "delimiter": str,
}  # fmt: skip


def read_map(document: object, kind: ImportKind) -> ColumnMap:
    """Validate a map. Raises Unreadable with what is wrong in it."""
    if not isinstance(document, dict):
        raise Unreadable("The map must be a JSON object.")
    for key, value in document.items():
        if key not in _MAP_TYPES:
            raise Unreadable(f"The map has the key {key!r}; it may have: {', '.join(_MAP_TYPES)}.")
        if not isinstance(value, _MAP_TYPES[key]):
            raise Unreadable(
                f"{key} in the map must be a {'list' if _MAP_TYPES[key] is list else 'text' if _MAP_TYPES[key] is str else 'object'}."
            )
    settings: dict[str, Any] = {
        key: _read_targets(key, value, kind) if isinstance(value, dict) else value for key, value in document.items()
    }
    _check_values(settings)
    return ColumnMap(**settings)


def _read_targets(key: str, value: Mapping[str, Any], kind: ImportKind) -> dict[str, Any]:
    settings = {name.removeprefix(f"{kind.subject}."): setting for name, setting in value.items()}
    for target in settings:
        if target not in kind.targets and not (kind.open_prefix and target.startswith(kind.open_prefix)):
            raise Unreadable(
                f"{key} in the map names {target!r}; {kind.name} have: {', '.join(sorted(kind.targets))}, {kind.open_prefix}…."
            )
    return settings


def _check_values(settings: Mapping[str, Any]) -> None:
    if settings.get("zone") and settings["zone"] not in zoneinfo.available_timezones():
        raise Unreadable(f"zone in the map is {settings['zone']!r}, not a time zone as America/Sao_Paulo.")
    for name, shape, noun in (
        ("columns", str, "headers"),
        ("values", dict, "objects"),
        ("types", str, "texts"),
        ("scale", int | float, "numbers"),
    ):
        if not all(isinstance(entry, shape) for entry in settings.get(name, {}).values()):
            raise Unreadable(f"{name} in the map must give {noun}.")
    if not set(settings.get("types", {}).values()) <= _PARSERS.keys() | {"text"}:
        raise Unreadable(f"types in the map must be text, {', '.join(_PARSERS)}.")
    if not all(isinstance(entry, str) for entry in settings.get("null_values", [])):
        raise Unreadable("null_values in the map must be texts.")


@dataclass(frozen=True, slots=True)
class ImportPlan:
    """The plan by which rows of one file become items. `columns` are pairs (target, index in the row)."""

    kind: ImportKind
    map: ColumnMap
    columns: Sequence[tuple[str, int]]
    nulls: frozenset[str]

    def build_item(self, cells: Sequence[str]) -> dict[str, Any]:
        """Build the item of a row in the shape of the API; empty cells are left out. Raises Refused."""
        item: dict[str, Any] = {}
        for target, value in self.map.constants.items():
            _put_value(item, target, value)
        for target, place in self.columns:
            cell = cells[place].strip()
            if not cell or cell.casefold() in self.nulls:
                continue
            value = self.map.values.get(target, {}).get(cell, cell)
            if value is not None:
                _put_value(item, target, self._read_value(target, value) if isinstance(value, str) else value)
        return item

    def _read_value(self, target: str, cell: str) -> object:
        if target in _DATE_TARGETS:
            return self._read_instant(target, cell)
        if target in self.map.types or target == "amount":
            kind_of_value = self.map.types.get(target, "number")
            value = _PARSERS[kind_of_value](target, cell) if kind_of_value != "text" else cell
        else:
            value = attributes.parse_cell(self.kind.known, target, cell)
        return self._scale_value(target, value)

    def _scale_value(self, target: str, value: object) -> object:
        factor = self.map.scale.get(target)
        if factor is None:
            return value
        number = value if isinstance(value, int | float) else attributes.parse_number(target, str(value))
        return float(Decimal(repr(number)) * Decimal(repr(factor)))

    def _read_instant(self, target: str, cell: str) -> dt.datetime:
        at = _parse_formatted(target, cell, self.map.date_format) if self.map.date_format else _parse_iso(target, cell)
        if at.tzinfo is not None:
            return at
        if not self.map.zone:
            raise Refused(target, "carries no zone; write it into the file, or give `zone` in the map.")
        return _localize(target, at, zoneinfo.ZoneInfo(self.map.zone))


def _localize(target: str, at: dt.datetime, zone: zoneinfo.ZoneInfo) -> dt.datetime:
    local = at.replace(tzinfo=zone)
    try:
        exists = local.astimezone(dt.UTC).astimezone(zone).replace(tzinfo=None) == at
    except OverflowError:
        raise Refused(target, "is outside the calendar.") from None
    # Where the clocks go forward at midnight, the day begins at one o'clock: a bare date means that first moment.
    if not exists and at.time() != dt.time():
        raise Refused(target, f"does not exist in {zone}: the clocks went forward over it.")
    return local


def _put_value(item: dict[str, Any], target: str, value: object) -> None:
    if target.startswith("properties."):
        item.setdefault("properties", {})[target.removeprefix("properties.")] = value
    else:
        item[target] = value


def _parse_iso(target: str, cell: str) -> dt.datetime:
    try:
        return dt.datetime.fromisoformat(cell)
    except (ValueError, OverflowError):
        if _AMBIGUOUS_DATE.match(cell):
            raise Refused(
                target, "may be day/month or month/day; give `date_format` in the map, as %d/%m/%Y."
            ) from None
        raise Refused(
            target, "is not a date as 2026-01-31 or 2026-01-31T09:30:00Z; give `date_format` in the map."
        ) from None


def _parse_formatted(target: str, cell: str, date_format: str) -> dt.datetime:
    try:
        if date_format in {"epoch", "epoch_ms"}:
            return dt.datetime.fromtimestamp(float(cell) / (1000 if date_format == "epoch_ms" else 1), dt.UTC)
        return dt.datetime.strptime(cell, date_format)  # noqa: DTZ007  # the zone comes from the map
    except (ValueError, OverflowError, OSError):
        raise Refused(target, f"is not a date of the form {date_format}.") from None


def build_plan(kind: ImportKind, column_map: ColumnMap, header: Sequence[str]) -> ImportPlan:
    """Match the map, or the usual headers, with the header of a file. Raises Unreadable."""
    names = [name.strip() for name in header]
    columns = _columns_from_map(column_map.columns, names) if column_map.columns else _columns_from_header(kind, names)
    targets = {target for target, _ in columns} | column_map.constants.keys()
    identifying = _identifying_targets(kind)
    if not targets & identifying:
        raise Unreadable(
            f"No column of the file says who it is about: {', '.join(sorted(identifying))}. The header is: {_list_names(names)}."
        )
    nulls = frozenset(value.strip().casefold() for value in column_map.null_values)
    return ImportPlan(kind, column_map, columns, nulls)


def _identifying_targets(kind: ImportKind) -> set[str]:
    return {"companies": {"domain", "domains", "external_id"}, "leads": {"email", "external_id", "phone"}}.get(
        kind.name, _LEAD_REFERENCE_TARGETS
    )


def _columns_from_map(columns: Mapping[str, str], names: Sequence[str]) -> list[tuple[str, int]]:
    for header in columns.values():
        if names.count(header.strip()) != 1:
            problem = "is not in" if header.strip() not in names else "stands more than once in"
            raise Unreadable(
                f"The column {header!r} of the map {problem} the file. The header is: {_list_names(names)}."
            )
    return [(target, names.index(header.strip())) for target, header in columns.items()]


def _columns_from_header(kind: ImportKind, names: Sequence[str]) -> list[tuple[str, int]]:
    columns: dict[str, int] = {}
    for place, name in enumerate(names):
        plain = re.sub(r"[^a-z0-9.]+", "_", name.casefold()).strip("_").removeprefix("property_")
        target = _find_target(kind, name, plain)
        if target and target in columns:
            raise Unreadable(
                f"The columns {names[columns[target]]!r} and {name!r} both mean {target}; say which one in a map."
            )
        if target:
            columns[target] = place
    return list(columns.items())


def _find_target(kind: ImportKind, name: str, plain: str) -> str | None:
    bare = name.strip().removeprefix(f"{kind.subject}.")
    if bare.startswith(_OPEN_PREFIXES):
        return bare if kind.open_prefix and bare.startswith(kind.open_prefix) else None
    plain = plain.removeprefix(f"{kind.subject}.")
    return plain if plain in kind.targets else kind.aliases.get(plain)


def _list_names(names: Iterable[str]) -> str:
    return ", ".join(validation.shorten_name(name) for name in list(names)[:20])
