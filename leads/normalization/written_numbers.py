"""Numbers, counts and bands of counts as people write them in their language (rules 13.17)."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final

from leads.exceptions import Refused, TwoReadings
from leads.normalization.locale_formats import CACHED, LONGEST, locale_rules

#: No number that people write is larger; beyond it the arithmetic of decimals would lose digits.
TOO_LARGE: Final = 10**18
SPACES: Final = " \u00a0\u2007\u2009\u202f"
APOSTROPHES: Final = "'\u2019\u02bc`\u00b4"
MINUS: Final = "\u2212\u2013-"
#: Digits in groups of three, or as in India, with one kind of mark.
_GROUPED: Final = r"[1-9]\d{{0,2}}(?:{0}\d{{3}})+|[1-9]\d?(?:{0}\d{{2}})+{0}\d{{3}}"
_INTEGER: Final = r"\d+|" + "|".join(_GROUPED.format(mark) for mark in (f"[{SPACES}]", f"[{APOSTROPHES}]"))
_DECIMAL_POINT: Final = re.compile(rf"({_INTEGER}|{_GROUPED.format(',')})(?:\.(\d+))?")
_DECIMAL_COMMA: Final = re.compile(rf"({_INTEGER}|{_GROUPED.format('[.]')})(?:,(\d+))?")
_LEADING_MARK: Final = re.compile(r"[.,]\d+")
_EXPONENT: Final = re.compile(r"\d+(?:[.,]\d+)?[eE][+-]?\d{1,3}")
_NOT_DIGITS: Final = re.compile(r"\D")


def read_number(field: str, text: str, locale: str = "") -> int | float:
    """Read a number in the notation of the locale. Raises Refused, with both readings of an ambiguous text."""
    return to_number(choose_reading(field, text, locale))


def to_number(value: Decimal) -> int | float:
    """Return a decimal as JSON holds it: an int where it is whole."""
    number = float(value)
    return int(number) if number.is_integer() and abs(number) < 2**53 else number


def choose_reading(field: str, text: str, locale: str) -> Decimal:
    """Return the number that a text means in the locale. Raises Refused, with both readings of an ambiguous text."""
    readings = number_readings(text, locale)
    if not readings:
        raise Refused(field, "is not a number as 1200 or 1200.50.")
    if len(readings) > 1:
        raise TwoReadings(field, _two_readings(readings))
    return readings[0]


def _two_readings(readings: tuple[Decimal, ...]) -> str:
    first, second = (f"{value:f}" for value in readings)
    return f"is {first} or {second}: write it without a mark for thousands, or state the `locale`."


def number_readings(text: str, locale: str = "") -> tuple[Decimal, ...]:
    """Return the numbers that a text can mean: one where its marks or the locale decide, none if it is no number."""
    # A cell of a file may have a megabyte; the cache must not keep such texts, nor the patterns search them.
    return _cached_readings(text.strip(), locale) if len(text) <= LONGEST else ()


@lru_cache(maxsize=CACHED)
def _cached_readings(clean: str, locale: str) -> tuple[Decimal, ...]:
    if not clean:
        return ()
    sign = -1 if clean[0] in MINUS else 1
    body = clean[1:].lstrip() if clean[0] in f"+{MINUS}" else clean
    values = tuple(value for value in _read_notations(body, locale) if value < TOO_LARGE)
    return tuple(sign * value for value in values)


def _read_notations(body: str, locale: str) -> tuple[Decimal, ...]:
    if body.isascii() and body.isdecimal():
        return (Decimal(body),)
    if _EXPONENT.fullmatch(body):
        return (Decimal(body.replace(",", ".")),)
    by_mark = {mark: value for mark, value in ((".", _read_point(body)), (",", _read_comma(body))) if value is not None}
    values = tuple(sorted(dict.fromkeys(by_mark.values()), reverse=True))
    decimal = locale_rules(locale).decimal
    return (by_mark[decimal],) if len(values) > 1 and decimal else values


def _read_point(body: str) -> Decimal | None:
    return _read_body(_DECIMAL_POINT, ".", body)


def _read_comma(body: str) -> Decimal | None:
    return _read_body(_DECIMAL_COMMA, ",", body)


def _read_body(pattern: re.Pattern[str], decimal: str, body: str) -> Decimal | None:
    if _LEADING_MARK.fullmatch(body) and body[0] == decimal:
        return Decimal(f"0.{body[1:]}")
    match = pattern.fullmatch(body)
    return None if match is None else Decimal(f"{_NOT_DIGITS.sub('', match[1])}.{match[2] or '0'}").normalize() + 0


# Counts and bands

_OPEN_UP: Final = r"(.+?)\s*(?:\+|or more|and more|and above|or above|und mehr|oder mehr|et plus|ou plus|y más|o más)"
BAND_FORMS: Final[tuple[tuple[re.Pattern[str], Callable[..., tuple[Any, Any]]], ...]] = (
    (re.compile(_OPEN_UP), lambda low: (low, None)),
    (re.compile(r"(?:>=|≥|from|at least|min\.?|ab|mindestens|à partir de|desde)\s*(.+)"), lambda low: (low, None)),
    (re.compile(r"(?:<=|≤|up to|at most|max\.?|bis(?: zu)?|jusqu'à|hasta|fino a|até|tot|do|upp till)\s*(.+)"),
     lambda high: (0, high)),
    (re.compile(r"(?:between|from|von|zwischen|de|entre|da|van|od|från)?\s*(.+?)\s*"
                r"(?:[-–—]|\bto\b|\band\b|\bbis\b|\bund\b|\bà\b|\ba\b|\by\b|\be\b|\btot\b|\bdo\b|\btill\b)\s*(.+)"),
     lambda low, high: (low, high)),
)  # fmt: skip
MORE: Final = re.compile(r"(?:>|over|more than|above|über|mehr als|plus de|más de)\s*(.+)")
LESS: Final = re.compile(r"(?:<|under|less than|below|unter|weniger als|moins de|menos de)\s*(.+)")
_COUNTED_NOUN: Final = re.compile(
    r"\s*(?:employees|people|persons|staff|mitarbeitende|mitarbeiter(?:innen)?|beschäftigte|personen|employés|salariés"
    r"|empleados|dipendenti|funcionários|medewerkers|pracowników|anställda)$"
)
_COUNT_SCALE: Final = re.compile(r"(.+?)\s*k")


def read_count_band(field: str, text: str, locale: str = "") -> tuple[int | None, int | None]:
    """Read a whole number or a band of them: "51-200", "1.001 – 5.000 Mitarbeiter", "1000+", "<50". Raises Refused."""
    clean = _COUNTED_NOUN.sub("", text[: LONGEST + 1].strip().casefold())
    if match := MORE.fullmatch(clean):
        return _read_count(field, match[1], locale) + 1, None
    if match := LESS.fullmatch(clean):
        return 0, max(_read_count(field, match[1], locale) - 1, 0)
    for pattern, ends in BAND_FORMS:
        if match := pattern.fullmatch(clean):
            low, high = ends(*match.groups())
            return _read_count_end(field, low, locale), _read_count_end(field, high, locale)
    count = _read_count(field, clean, locale)
    return count, count


def _read_count_end(field: str, end: str | int | None, locale: str) -> int | None:
    return _read_count(field, end, locale, in_band=True) if isinstance(end, str) else end


def _read_count(field: str, text: str, locale: str, *, in_band: bool = False) -> int:
    """Read a whole number; of two readings that are whole, "250.000", the locale chooses, and in a band the thousands."""
    match = _COUNT_SCALE.fullmatch(text.strip())
    digits, factor = (match[1], 1000) if match else (text, 1)
    readings = tuple(value for value in number_readings(digits) if value >= 0 and _is_whole(value * factor))
    if not readings:
        raise Refused(field, "must be a whole number or a band as 51-200 or 1000+.")
    if len(readings) > 1 and not in_band:
        chosen = number_readings(digits, locale)
        if len(chosen) > 1 and "," not in digits:
            raise TwoReadings(field, _two_readings(readings))
        readings = chosen
    return int(readings[0] * factor)


def _is_whole(value: Decimal) -> bool:
    return value == value.to_integral_value()
