"""How each attribute of SPEC 15 is read from a column, from a statement of the ledger, and from a file."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from psycopg.sql import quote

from scoring.engine.facts import Band

_LIST_SEPARATOR = "\x1f"


@dataclass(frozen=True, slots=True)
class Field:
    """How an attribute is read: `sql` gives a text, `decode` its value; `said` finds the value in a ledger's statements."""

    sql: str
    decode: Callable[[str], object]
    said: Callable[[Mapping[str, Any]], object]


def _text(column: str) -> Field:
    return Field(column, str, lambda said: said.get(column))


def _flag(column: str) -> Field:
    return Field(f"{column}::text", lambda text: text == "true", lambda said: said.get(column))


def _band(low: object, high: object) -> object:
    if low is None and high is None:
        return None
    return low if low == high else Band(low, high)  # type: ignore[arg-type]


def _decode_band(text: str) -> object:
    low, high = (int(end) if end else None for end in text.split(":"))
    return _band(low, high)


def _decode_json(text: str) -> object:
    return _hashable(json.loads(text))


def _hashable(value: object) -> object:
    """A list as a tuple of texts; an object, which no rule can ask, as its text."""
    if isinstance(value, list):
        return tuple(str(item) for item in value)
    return json.dumps(value, sort_keys=True) if isinstance(value, dict) else value


def _number(value: Any) -> object:
    """As people write it: whole where it is whole."""
    if value is None:
        return None
    number = float(value)
    return int(number) if number.is_integer() else number


def _custom(name: str) -> Field:
    key = f"custom.{name}"
    return Field(f"(custom -> {quote(name)})::text", _decode_json, lambda said: _frozen(said.get(key)))


def _frozen(value: object) -> object:
    return _hashable(value) if value != [] else None


_FIELDS = {
    "lead.title": _text("title"),
    "lead.seniority": _text("seniority"),
    "lead.email_domain": Field(
        "split_part(email, '@', 2)", str, lambda said: str(said.get("email") or "").partition("@")[2]
    ),
    "lead.country": _text("country"),
    "lead.region": _text("region"),
    "lead.source": _text("source"),
    "lead.do_not_contact": _flag("do_not_contact"),
    "lead.budget": _text("budget"),
    "lead.timeline": _text("timeline"),
    "lead.use_case": _text("use_case"),
    "company.employees": Field(
        "coalesce(employees_low::text, '') || ':' || coalesce(employees_high::text, '')",
        _decode_band,
        lambda said: _band(_number(said.get("employees_low")), _number(said.get("employees_high"))),
    ),
    "company.industry": _text("industry"),
    "company.country": _text("country"),
    "company.annual_revenue": Field("annual_revenue::text", _number, lambda said: _number(said.get("annual_revenue"))),
    "company.business_model": _text("business_model"),
    "company.technologies": Field(
        f"array_to_string(technologies, {quote(_LIST_SEPARATOR)})",
        lambda text: tuple(text.split(_LIST_SEPARATOR)) if text else None,
        lambda said: _frozen(said.get("technologies")),
    ),
    "company.is_customer": _flag("is_customer"),
    "company.is_competitor": _flag("is_competitor"),
}


def field(name: str) -> Field:
    """Raises KeyError for a name that SPEC 15 does not know."""
    subject, _, rest = name.partition(".custom.")
    return _custom(rest) if rest and subject in {"lead", "company"} else _FIELDS[name]


def packed(values: Mapping[str, Iterable[object]]) -> str:
    """Values by field as JSON, from which `unpacked` makes the same ones: a tuple is a list, a band one that ends in nothing."""
    return json.dumps({name: [_plain(value) for value in each] for name, each in values.items()})


def unpacked(text: str) -> dict[str, tuple[object, ...]]:
    return {name: tuple(map(_thawed, values)) for name, values in json.loads(text).items()}


def _plain(value: object) -> object:
    return [value.low, value.high, None] if isinstance(value, Band) else value


def _thawed(value: Any) -> object:
    if not isinstance(value, list):
        return value
    return Band(value[0], value[1]) if value and value[-1] is None else tuple(value)
