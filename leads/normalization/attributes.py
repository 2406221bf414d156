"""The attributes of companies and leads: name, type and limits of each (rules 15.2).

Values are as in `AttributeChange.values`: JSON, null for unknown.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final

from config import time_zones
from leads.exceptions import Refused
from leads.normalization import countries, job_titles, validation, written_money, written_numbers
from leads.normalization.locale_formats import UNSTATED, SenderFormats
from leads.normalization.written_money import Money
from leads.vocabulary import Seniority

MAX_CUSTOM: Final = 200
_MAX_TAGS: Final = 200
_LONGEST_READ: Final = 200
_LONGEST_CACHED: Final = 100
_MOST_EMPLOYEES: Final = 2**31 - 1
MOST_MONEY: Final = 10**15
_REVENUE: Final = ("annual_revenue", "annual_revenue_currency")
_CUSTOM_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}")
_YES: Final = frozenset(
    {"true", "yes", "y", "1", "t", "on", "ja", "oui", "si", "sí", "sì", "sim", "tak", "wahr", "vrai", "verdadero", "vero"}
)  # fmt: skip
_NO: Final = frozenset(
    {"false", "no", "n", "0", "f", "off", "nein", "nee", "nej", "non", "não", "nao", "nie", "falsch", "faux", "falso"}
)  # fmt: skip
#: Attributes whose texts are read. One that cannot be read makes the attribute unknown and refuses nothing (rules 13.33).
READ_FROM_TEXT: Final = frozenset(
    {
        "country",
        "employees",
        "annual_revenue",
        "seniority",
        "time_zone",
        "do_not_contact",
        "is_customer",
        "is_competitor",
        "technologies",
    }
)


@dataclass(frozen=True, slots=True)
class Attribute:
    """The reader of an attribute: it takes a JSON value of the API or the text of a cell. Raises Refused."""

    read: Callable[[str, object], Any]


def _text_attribute(limit: int) -> Attribute:
    return Attribute(lambda field, value: validation.text(field, value, limit=limit) or None)


def parse_flag(field: str, cell: str) -> bool:
    text = cell.strip().casefold()
    if text in _YES or text in _NO:
        return text in _YES
    raise Refused(field, "must be true or false (yes, no, 1, 0).")


def read_money(
    field: str, value: object, currency: object, formats: SenderFormats = UNSTATED, *, currency_field: str = "currency"
) -> Money | None:
    """Read an amount, a number or a text as "€1.2m", with the code of its currency where one is stated beside it.

    Where neither names a currency, it is the sender's own, and "" for that of the installation. None without an amount.
    Raises Refused.
    """
    stated = _read_currency(currency_field, currency) or ""
    if value is None or value == "":
        return None
    money = (
        written_money.read_money(field, validation.text(field, value, limit=200), formats)
        if isinstance(value, str)
        else Money(Decimal(repr(validation.number(field, value))))
    )
    if money.currency and stated and money.currency != stated:
        raise Refused(field, f"is in {money.currency}, and its currency is stated as {stated}.")
    validation.number(field, float(money.amount), low=0, high=MOST_MONEY)
    return Money(round(money.amount, 2), money.currency or stated or formats.currency)


def _read_revenue(sent: Mapping[str, object], formats: SenderFormats) -> dict[str, Any]:
    """Return a company's revenue and its currency; a revenue without one takes back the currency of an earlier one."""
    amount, currency = (sent.get(name) for name in _REVENUE)
    money = read_money("annual_revenue", amount, currency, formats, currency_field="annual_revenue_currency")
    if money is None and "annual_revenue" not in sent:
        return {"annual_revenue_currency": _read_currency("annual_revenue_currency", currency)}
    return {
        "annual_revenue": None if money is None else written_numbers.to_number(money.amount),
        "annual_revenue_currency": None if money is None else money.currency or None,
    }


def _read_currency(field: str, value: object) -> str | None:
    return (
        None if value is None else written_money.read_currency(field, validation.text(field, value, limit=32)) or None
    )


def _read_flag(field: str, value: object) -> bool:
    return parse_flag(field, value) if isinstance(value, str) else validation.flag(field, value)


def _read_country(field: str, value: object) -> str | None:
    text = validation.text(field, value, limit=_LONGEST_READ)
    country = countries.read_country(text) if text else None
    if text and not country:
        raise Refused(field, "is not the name or code of a country.")
    return country


def _read_tags(field: str, value: object) -> list[str] | None:
    if isinstance(value, str):
        value = re.split(r"[;,|]", value)
    if not isinstance(value, list) or len(value) > _MAX_TAGS:
        raise Refused(field, f"must be a list of at most {_MAX_TAGS} texts.")
    return sorted({tag for item in value if (tag := validation.text(field, item, limit=64))}) or None


def _read_seniority(field: str, value: object) -> str | None:
    text = validation.text(field, value, limit=_LONGEST_READ)
    rank = job_titles.rank_of(text) if text else None
    if text and rank is None:
        raise Refused(field, f"must be one of: {', '.join(Seniority.values)}.")
    return None if rank is None else job_titles.LADDER[rank]


def _read_phone(field: str, value: object) -> str | None:
    # An apostrophe in front kept a spreadsheet from calculating +49 30; exports leave it there.
    return validation.text(field, value.removeprefix("'") if isinstance(value, str) else value, limit=40) or None


def _read_zone(field: str, value: object) -> str | None:
    name = validation.text(field, value, limit=_LONGEST_READ)
    if not name:
        return None
    spelled = time_zones.spell_zone(name)
    if not spelled:
        raise Refused(field, time_zones.explain_refusal(name))
    return spelled


_FLAG = Attribute(_read_flag)
_SHARED = {"country": Attribute(_read_country), "region": _text_attribute(64)}

LEAD: Final[Mapping[str, Attribute]] = MappingProxyType(
    _SHARED
    | {
        "first_name": _text_attribute(100),
        "last_name": _text_attribute(100),
        "phone": Attribute(_read_phone),
        "title": _text_attribute(200),
        "seniority": Attribute(_read_seniority),
        "source": _text_attribute(120),
        "do_not_contact": _FLAG,
        "budget": _text_attribute(200),
        "timeline": _text_attribute(200),
        "use_case": _text_attribute(500),
        "time_zone": Attribute(_read_zone),
    }
)
COMPANY: Final[Mapping[str, Attribute]] = MappingProxyType(
    _SHARED
    | {
        "name": _text_attribute(200),
        "industry": _text_attribute(120),
        "annual_revenue": Attribute(validation.number),
        "annual_revenue_currency": Attribute(_read_currency),
        "business_model": _text_attribute(64),
        "technologies": Attribute(_read_tags),
        "is_customer": _FLAG,
        "is_competitor": _FLAG,
    }
)


def read_employees(field: str, value: object, locale: str = "") -> dict[str, int | None]:
    """Read a number of employees, or a band as senders write it: "51-200", "1,001 to 5,000", "1000+", "<50".

    Raises Refused.
    """
    if value is None:
        return {"employees_low": None, "employees_high": None}
    low, high = (
        written_numbers.read_count_band(field, validation.text(field, value, limit=200), locale)
        if isinstance(value, str)
        else (_read_count(field, value),) * 2
    )
    if max(low or 0, high or 0) > _MOST_EMPLOYEES or (low is not None and high is not None and low > high):
        raise Refused(field, "is not a count or band that ends after it begins.")
    return {"employees_low": low, "employees_high": high}


def _read_count(field: str, value: object) -> int:
    count = validation.number(field, value, low=0, high=_MOST_EMPLOYEES)
    if count != int(count):
        raise Refused(field, "must be a whole number or a band as 51-200.")
    return int(count)


def parse_employees(field: str, cell: str, locale: str) -> str:
    """Return a count or band of a file in the notation that every reader knows: 120, 51-200, 1000+. Raises Refused."""
    low, high = read_employees(field, cell, locale).values()
    return f"{low}+" if high is None else f"{low}" if low == high else f"{low}-{high}"


def read_custom(field: str, value: object) -> Any:
    """Read a value of the customer's own attribute: a text, a number, true or false, or a list of texts.

    Raises Refused.
    """
    if isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        return validation.number(field, value, low=-(2**53), high=2**53)
    if isinstance(value, list):
        return _read_tags(field, value)
    return validation.text(field, value, limit=1000) or None


def read_attributes(
    known: Mapping[str, Attribute], sent: Mapping[str, object], formats: SenderFormats = UNSTATED
) -> dict[str, Any]:
    """Return the values of a statement by attribute name: `employees` as its two ends, `custom` flat as `custom.NAME`.

    `known` is `LEAD` or `COMPANY`, `sent` the JSON object as sent; texts of numbers are read in the sender's `formats`.
    Raises Refused, also for unknown names.
    """
    values: dict[str, Any] = {}
    for field, value in sent.items():
        if field == "custom":
            named = validation.mapping(field, value).items()
            values |= _read_custom_attributes({f"custom.{name}": custom_value for name, custom_value in named})
        elif field.startswith("custom."):
            values |= _read_custom_attributes({field: value})
        elif field == "employees" and known is COMPANY:
            values |= read_employees(field, value, formats.locale)
        elif field in _REVENUE and known is COMPANY:
            values |= _read_revenue(sent, formats)
        elif field in known:
            values[field] = None if value is None else _read_value(known[field], field, value)
        else:
            raise Refused(
                validation.shorten_name(field), "is not a known field; an attribute of your own goes under custom."
            )
    if sum(field.startswith("custom.") for field in values) > MAX_CUSTOM:
        raise Refused("custom", f"must have at most {MAX_CUSTOM} attributes.")
    return values


def _read_value(attribute: Attribute, field: str, value: object) -> Any:
    # Texts recur, row by row; a long one must not stay in memory.
    if isinstance(value, str) and len(value) <= _LONGEST_CACHED:
        return _read_text(attribute.read, field, value)
    return attribute.read(field, value)


@lru_cache(maxsize=16_384)
def _read_text(read: Callable[[str, object], Any], field: str, text: str) -> Any:
    return read(field, text)


def _read_custom_attributes(sent: Mapping[str, object]) -> dict[str, Any]:
    for field in sent:
        if not _CUSTOM_NAME.fullmatch(field.removeprefix("custom.")):
            raise Refused(
                validation.shorten_name(field), "must be named with up to 64 letters, digits and underscores."
            )
    return {field: None if value is None else read_custom(field, value) for field, value in sent.items()}
