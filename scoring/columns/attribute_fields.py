"""Attributes (rules 15.2): how to read each one from a column, from a statement of the history, and from a file."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from psycopg.sql import quote

from leads.normalization import written_money
from leads.normalization.countries import read_country
from leads.normalization.locale_formats import SenderFormats
from scoring.engine.facts import Band

_LIST_SEPARATOR = "\x1f"


@dataclass(frozen=True, slots=True)
class AttributeField:
    """The readers of one attribute: `sql` selects it as text, `decode` turns that text into the value, `from_statement`
    finds the value in the values of a history statement.
    """

    sql: str
    decode: Callable[[str], object]
    from_statement: Callable[[Mapping[str, Any]], object]


def _text_field(column: str) -> AttributeField:
    return AttributeField(column, str, lambda values: values.get(column))


def _country_field() -> AttributeField:
    """Return the readers of a country: its code, also of a statement from before countries had codes."""
    return AttributeField("country", str, lambda values: read_country(values.get("country") or ""))


def _flag_field(column: str) -> AttributeField:
    return AttributeField(f"{column}::text", lambda text: text == "true", lambda values: values.get(column))


def _build_band(low: object, high: object) -> object:
    if low is None and high is None:
        return None
    return low if low == high else Band(low, high)  # type: ignore[arg-type]  # both are numbers or None here


def _decode_band(text: str) -> object:
    low, high = (int(end) if end else None for end in text.split(":"))
    return _build_band(low, high)


def _decode_json(text: str) -> object:
    return _hashable(json.loads(text))


def _hashable(value: object) -> object:
    """Return a list as a tuple of texts, and an object, which no rule can ask for, as its JSON."""
    if isinstance(value, list):
        return tuple(str(item) for item in value)
    return json.dumps(value, sort_keys=True) if isinstance(value, dict) else value


def _to_number(value: Any) -> object:
    """Return a number as people write it: an int where it is whole."""
    if value is None:
        return None
    number = float(value)
    return int(number) if number.is_integer() else number


def _custom_field(name: str) -> AttributeField:
    key = f"custom.{name}"
    return AttributeField(
        f"(custom -> {quote(name)})::text", _decode_json, lambda values: _hashable_or_none(values.get(key))
    )


def _hashable_or_none(value: object) -> object:
    return _hashable(value) if value != [] else None


_FIELDS = {
    "lead.title": _text_field("title"),
    "lead.seniority": _text_field("seniority"),
    "lead.email_domain": AttributeField(
        "split_part(email, '@', 2)", str, lambda values: str(values.get("email") or "").partition("@")[2]
    ),
    "lead.country": _country_field(),
    "lead.region": _text_field("region"),
    "lead.source": _text_field("source"),
    "lead.do_not_contact": _flag_field("do_not_contact"),
    "lead.budget": _text_field("budget"),
    "lead.timeline": _text_field("timeline"),
    "lead.use_case": _text_field("use_case"),
    "company.employees": AttributeField(
        "coalesce(employees_low::text, '') || ':' || coalesce(employees_high::text, '')",
        _decode_band,
        lambda values: _build_band(_to_number(values.get("employees_low")), _to_number(values.get("employees_high"))),
    ),
    "company.industry": _text_field("industry"),
    "company.country": _country_field(),
    "company.region": _text_field("region"),
    "company.business_model": _text_field("business_model"),
    "company.technologies": AttributeField(
        f"array_to_string(technologies, {quote(_LIST_SEPARATOR)})",
        lambda text: tuple(text.split(_LIST_SEPARATOR)) if text else None,
        lambda values: _hashable_or_none(values.get("technologies")),
    ),
    "company.is_customer": _flag_field("is_customer"),
    "company.is_competitor": _flag_field("is_competitor"),
}


def _revenue_field(currency: str) -> AttributeField:
    """Return the readers of a revenue in one currency; a revenue in another one is unknown."""
    home = settings.CURRENCY

    def from_statement(values: Mapping[str, Any]) -> object:
        is_meant = (values.get("annual_revenue_currency") or home) == currency
        return _to_number(values.get("annual_revenue")) if is_meant else None

    code = f"coalesce(nullif(annual_revenue_currency, ''), {quote(home)})"
    return AttributeField(
        f"CASE WHEN {code} = {quote(currency)} THEN annual_revenue::text END", _to_number, from_statement
    )


def _budget_field(currency: str) -> AttributeField:
    """Return the readers of a budget in one currency: its text as a range, unknown where it names another currency."""

    def read(text: str) -> object:
        budget = written_money.read_budget(text, SenderFormats(home_currency=settings.CURRENCY))
        if budget is None or (budget.currency or settings.CURRENCY) != currency:
            return None
        return _build_band(_to_number(budget.low), _to_number(budget.high))

    return AttributeField("budget", read, lambda values: read(str(values.get("budget") or "")))


_CURRENCY_FIELDS = {"lead.budget": _budget_field, "company.annual_revenue": _revenue_field}


def attribute_field(name: str) -> AttributeField:
    """Return the readers of the named attribute. Raises KeyError for a name that is not in rules 15.2."""
    subject, _, rest = name.partition(".custom.")
    if rest and subject in {"lead", "company"}:
        return _custom_field(rest)
    if name == "company.annual_revenue":
        return _revenue_field(settings.CURRENCY)
    base, _, currency = name.rpartition(".")
    return _CURRENCY_FIELDS[base](currency) if base in _CURRENCY_FIELDS else _FIELDS[name]


def pack_values(values: Mapping[str, Iterable[object]]) -> str:
    """Return values by field as JSON for `unpack_values`: a tuple becomes a list, a band a list whose last item is None."""
    return json.dumps({name: [_to_json(value) for value in column_values] for name, column_values in values.items()})


def unpack_values(text: str) -> dict[str, tuple[object, ...]]:
    """Return the values by field that `pack_values` wrote."""
    return {name: tuple(map(_from_json, values)) for name, values in json.loads(text).items()}


def _to_json(value: object) -> object:
    return [value.low, value.high, None] if isinstance(value, Band) else value


def _from_json(value: Any) -> object:
    if not isinstance(value, list):
        return value
    return Band(value[0], value[1]) if value and value[-1] is None else tuple(value)
