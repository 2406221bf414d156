"""Readers of numbers, dates, amounts of money and budgets as people write them in their language (rules 13.17 to 13.20).

A text with one reading is read. A text with two is read as the sender's locale says, or refused with both readings.
`locale_table.json` holds the decimal marks, orders of dates, months and currencies (`make locale-table`).
"""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from leads.exceptions import Refused, TwoReadings

_TABLE: Final[dict[str, Any]] = json.loads((Path(__file__).parent / "locale_table.json").read_text(encoding="utf-8"))
_LOCALES: Final[dict[str, str]] = {name.casefold(): row for name, row in _TABLE["locales"].items()}
_MONTHS: Final[dict[str, int]] = _TABLE["months"]
#: The codes of ISO 4217 that are in use.
CURRENCIES: Final = frozenset(_TABLE["currencies"])

_LONGEST: Final = 200
#: No number that people write is larger; beyond it the arithmetic of decimals would lose digits.
_TOO_LARGE: Final = 10**18
_CACHED: Final = 1 << 14


class LocaleRules(NamedTuple):
    """The decimal mark, the order of dates (`dmy`, `mdy`, `ymd`) and the currency of a locale; "" where it says none."""

    decimal: str = ""
    order: str = ""
    currency: str = ""


@dataclass(frozen=True, slots=True)
class SenderFormats:
    """The locale and the currency that a file or an API key states, and the currency of the installation."""

    locale: str = ""
    currency: str = ""
    home_currency: str = ""

    @property
    def rules(self) -> LocaleRules:
        return locale_rules(self.locale)


@dataclass(frozen=True, slots=True)
class Money:
    """An amount; `currency` is "" where the text names none."""

    amount: Decimal
    currency: str = ""


@dataclass(frozen=True, slots=True)
class AmountRange:
    """A range of money: an end that is None is open."""

    low: Decimal | None
    high: Decimal | None
    currency: str = ""


#: The formats of a sender who states nothing.
UNSTATED: Final = SenderFormats()


@lru_cache(maxsize=_CACHED)
def locale_rules(locale: str) -> LocaleRules:
    """Return the rules of a locale as `de`, `en-US` or `pt_BR`; of the language alone if the territory is unknown."""
    name = locale.strip().replace("_", "-").casefold()
    row = _LOCALES.get(name) or _LOCALES.get(name.partition("-")[0])
    return LocaleRules(*(part if part != "-" else "" for part in row.split())) if row else LocaleRules()


def is_known_locale(locale: str) -> bool:
    """Return whether the table knows the locale, or at least its language."""
    return locale_rules(locale) != LocaleRules()


# Numbers

_SPACES: Final = " \u00a0\u2007\u2009\u202f"
_APOSTROPHES: Final = "'\u2019\u02bc`\u00b4"
_MINUS: Final = "\u2212\u2013-"
#: Digits in groups of three, or as in India, with one kind of mark.
_GROUPED: Final = r"[1-9]\d{{0,2}}(?:{0}\d{{3}})+|[1-9]\d?(?:{0}\d{{2}})+{0}\d{{3}}"
_INTEGER: Final = r"\d+|" + "|".join(_GROUPED.format(mark) for mark in (f"[{_SPACES}]", f"[{_APOSTROPHES}]"))
_DECIMAL_POINT: Final = re.compile(rf"({_INTEGER}|{_GROUPED.format(',')})(?:\.(\d+))?")
_DECIMAL_COMMA: Final = re.compile(rf"({_INTEGER}|{_GROUPED.format('[.]')})(?:,(\d+))?")
_LEADING_MARK: Final = re.compile(r"[.,]\d+")
_EXPONENT: Final = re.compile(r"\d+(?:[.,]\d+)?[eE][+-]?\d{1,3}")
_NOT_DIGITS: Final = re.compile(r"\D")
_PLAIN: Final = re.compile(r"-?\d+(?:\.\d{1,2})?")


def read_number(field: str, text: str, locale: str = "") -> int | float:
    """Read a number in the notation of the locale. Raises Refused, with both readings of an ambiguous text."""
    return to_number(_choose_reading(field, text, locale))


def to_number(value: Decimal) -> int | float:
    """Return a decimal as JSON holds it: an int where it is whole."""
    number = float(value)
    return int(number) if number.is_integer() and abs(number) < 2**53 else number


def _choose_reading(field: str, text: str, locale: str) -> Decimal:
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
    return _cached_readings(text.strip(), locale) if len(text) <= _LONGEST else ()


@lru_cache(maxsize=_CACHED)
def _cached_readings(clean: str, locale: str) -> tuple[Decimal, ...]:
    if not clean:
        return ()
    sign = -1 if clean[0] in _MINUS else 1
    body = clean[1:].lstrip() if clean[0] in f"+{_MINUS}" else clean
    values = tuple(value for value in _read_notations(body, locale) if value < _TOO_LARGE)
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
_BAND_FORMS: Final[tuple[tuple[re.Pattern[str], Callable[..., tuple[Any, Any]]], ...]] = (
    (re.compile(_OPEN_UP), lambda low: (low, None)),
    (re.compile(r"(?:>=|≥|from|at least|min\.?|ab|mindestens|à partir de|desde)\s*(.+)"), lambda low: (low, None)),
    (re.compile(r"(?:<=|≤|up to|at most|max\.?|bis(?: zu)?|jusqu'à|hasta|fino a|até|tot|do|upp till)\s*(.+)"),
     lambda high: (0, high)),
    (re.compile(r"(?:between|from|von|zwischen|de|entre|da|van|od|från)?\s*(.+?)\s*"
                r"(?:[-–—]|\bto\b|\band\b|\bbis\b|\bund\b|\bà\b|\ba\b|\by\b|\be\b|\btot\b|\bdo\b|\btill\b)\s*(.+)"),
     lambda low, high: (low, high)),
)  # fmt: skip
_MORE: Final = re.compile(r"(?:>|over|more than|above|über|mehr als|plus de|más de)\s*(.+)")
_LESS: Final = re.compile(r"(?:<|under|less than|below|unter|weniger als|moins de|menos de)\s*(.+)")
_COUNTED_NOUN: Final = re.compile(
    r"\s*(?:employees|people|persons|staff|mitarbeitende|mitarbeiter(?:innen)?|beschäftigte|personen|employés|salariés"
    r"|empleados|dipendenti|funcionários|medewerkers|pracowników|anställda)$"
)
_COUNT_SCALE: Final = re.compile(r"(.+?)\s*k")


def read_count_band(field: str, text: str, locale: str = "") -> tuple[int | None, int | None]:
    """Read a whole number or a band of them: "51-200", "1.001 – 5.000 Mitarbeiter", "1000+", "<50". Raises Refused."""
    clean = _COUNTED_NOUN.sub("", text[: _LONGEST + 1].strip().casefold())
    if match := _MORE.fullmatch(clean):
        return _read_count(field, match[1], locale) + 1, None
    if match := _LESS.fullmatch(clean):
        return 0, max(_read_count(field, match[1], locale) - 1, 0)
    for pattern, ends in _BAND_FORMS:
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


# Money

_SYMBOLS: Final = MappingProxyType(
    {
        "€": "EUR", "£": "GBP", "zł": "PLN", "zl": "PLN", "chf": "CHF", "fr.": "CHF", "sfr.": "CHF", "r$": "BRL", "us$": "USD",
        "u$s": "USD", "c$": "CAD", "ca$": "CAD", "can$": "CAD", "a$": "AUD", "au$": "AUD", "nz$": "NZD", "hk$": "HKD", "s$": "SGD",
        "mx$": "MXN", "nt$": "TWD", "₹": "INR", "rs.": "INR", "₽": "RUB", "₺": "TRY", "₴": "UAH", "₩": "KRW", "₪": "ILS",
        "₫": "VND", "฿": "THB", "kč": "CZK", "ft": "HUF", "euro": "EUR", "euros": "EUR", "teur": "EUR", "us dollar": "USD",
        "us dollars": "USD", "pounds": "GBP", "pound": "GBP", "złotych": "PLN", "zloty": "PLN", "franken": "CHF", "rmb": "CNY",
    }
)  # fmt: skip
_DOLLARS: Final = ("USD", "CAD", "AUD", "NZD", "HKD", "SGD", "MXN", "TWD", "ARS", "CLP", "COP")
#: Symbols of several currencies: the sender's locale or currency, or that of the installation, says which.
_SHARED_SYMBOLS: Final = MappingProxyType(
    {
        "$": _DOLLARS, "dollar": _DOLLARS, "dollars": _DOLLARS, "kr": ("SEK", "NOK", "DKK", "ISK"),
        "kr.": ("SEK", "NOK", "DKK", "ISK"), "¥": ("JPY", "CNY"), "lei": ("RON", "MDL"), "fr": ("CHF", "XOF"),
    }
)  # fmt: skip
_THOUSAND, _MILLION, _BILLION, _TRILLION = Decimal(10**3), Decimal(10**6), Decimal(10**9), Decimal(10**12)
_SCALES: Final = MappingProxyType(
    dict.fromkeys(("k", "tsd", "thousand", "tausend", "mille", "tys", "duizend", "tusen", "mila"), _THOUSAND)
    | dict.fromkeys(
        ("m", "mm", "mn", "mio", "mln", "mill", "million", "millions", "millionen", "millón", "millones", "milione", "milioni",
         "milhão", "milhões", "miljoen", "milion", "miliony", "milionów", "miljon", "miljoner", "mnkr"),
        _MILLION,
    )
    | dict.fromkeys(
        ("b", "bn", "mrd", "mld", "md", "mds", "mdr", "milliarde", "milliarden", "milliard", "milliards", "miliardo", "miliardi",
         "miljard", "miliard", "miliardy", "miliardów", "miljarder", "bilhão", "bilhões"),
        _BILLION,
    )
    | {"crore": Decimal(10**7), "lakh": Decimal(10**5)}
)  # fmt: skip
#: Words whose size hangs on the language: a billion is a thousand millions in English, and a million of them in German.
_SCALES_BY_LANGUAGE: Final = MappingProxyType(
    {
        "billion": (_BILLION, {"en": _BILLION, "de": _TRILLION, "fr": _TRILLION, "pl": _TRILLION}),
        "billions": (_BILLION, {"en": _BILLION, "fr": _TRILLION}),
        "billionen": (_TRILLION, {}),
        "mil": (None, {"en": _MILLION, "es": _THOUSAND, "pt": _THOUSAND}),
    }
)  # fmt: skip
_MONEY_PARTS: Final = re.compile(rf"[+{_MINUS}]?\s*[\d.,]*\d[\d.,{_SPACES}{_APOSTROPHES}]*")
_WHOLE_AMOUNT: Final = re.compile(r"(\d{1,3})[.,](\d{3})")
_OPEN_ENDED: Final = re.compile(
    r"\s*(?:p\.?\s?a\.?|per (?:year|annum)|a year|/\s?(?:year|yr)|pro jahr|im jahr|par an|al año)$"
)


def read_money(field: str, text: str, formats: SenderFormats = UNSTATED) -> Money:
    """Read an amount as "€1.2m", "USD 5,000,000", "5000 EUR" or "10 Mio. €"; the currency is "" where it names none.

    A sign of several currencies, as $, is the sender's own, or else the installation's, if that is one of them. Raises
    Refused.
    """
    if len(text) < len(str(_TOO_LARGE)) and _PLAIN.fullmatch(text):
        return Money(Decimal(text))
    amount, currency_names, scale_word = _split_money(field, text)
    currency = _read_currency_names(field, currency_names, formats)
    value = _choose_reading(field, amount, formats.locale) * _read_scale(field, scale_word, formats.locale)
    if abs(value) >= _TOO_LARGE:
        raise Refused(field, "is not an amount as 5000, 5000 EUR or €1.2m.")
    return Money(value, currency)


def read_currency(field: str, text: str) -> str:
    """Read the code of a currency, in any case. Raises Refused."""
    code = text.strip().upper()
    if code and code not in CURRENCIES:
        raise Refused(field, "is not the code of a currency as EUR or USD.")
    return code


def is_currency(code: str) -> bool:
    return code in CURRENCIES


def _split_money(field: str, text: str) -> tuple[str, list[str], str]:
    """Split a text into its number, the words for a currency, and the word for thousands or millions."""
    clean = _OPEN_ENDED.sub("", text.strip()) if len(text) <= _LONGEST else ""
    match = _MONEY_PARTS.search(clean)
    if match is None:
        raise Refused(field, "is not an amount as 5000, 5000 EUR or €1.2m.")
    before, after = clean[: match.start()].strip().casefold(), clean[match.end() :].strip().casefold()
    amount = match[0].strip()
    if before in _MINUS and before:
        before, amount = "", f"-{amount}"
    scale_word, rest = _split_scale(after)
    return amount, [word for word in (before, rest) if word], scale_word


def _split_scale(after: str) -> tuple[str, str]:
    """Split what follows the number into the word for its scale and the rest: "mio. €", "m€", "k eur", "teur"."""
    if after in ("teur", "t€"):
        return "k", "€"
    match = re.match(r"([^\W\d_]+)\.?", after)
    if match is None:
        return "", after
    word = match[1]
    if word in _SCALES or word in _SCALES_BY_LANGUAGE:
        return word, after[match.end() :].strip()
    # "keur", "mchf": a scale that is written together with a code.
    if len(word) in (4, 5) and word[-3:].upper() in CURRENCIES and word[:-3] in _SCALES:
        return word[:-3], word[-3:] + after[match.end() :]
    return "", after


def _read_scale(field: str, word: str, locale: str) -> Decimal:
    if not word:
        return Decimal(1)
    if word in _SCALES:
        return _SCALES[word]
    default, by_language = _SCALES_BY_LANGUAGE[word]
    factor = by_language.get(re.split("[-_]", locale.casefold())[0], default)
    if factor is None:
        raise Refused(field, f"is thousands or millions: “{word}” means either; state the `locale`.")
    return factor


def _read_currency_names(field: str, names: list[str], formats: SenderFormats) -> str:
    codes = {code for word in names if (code := _read_currency_word(field, word.strip(" .") or word, formats))}
    if len(codes) > 1:
        raise Refused(field, f"names two currencies: {' and '.join(sorted(codes))}.")
    return next(iter(codes), "")


def _read_currency_word(field: str, word: str, formats: SenderFormats) -> str:
    if word.upper() in CURRENCIES:
        return word.upper()
    code = _SYMBOLS.get(word) or _SYMBOLS.get(f"{word}.")
    if code:
        return code
    shared = _SHARED_SYMBOLS.get(word)
    if shared is None:
        raise Refused(field, f"is not an amount as 5000, 5000 EUR or €1.2m: “{word[:20]}” is no currency.")
    for own in (formats.currency, formats.rules.currency, formats.home_currency):
        if own in shared:
            return own
    raise Refused(
        field, f"is in {', '.join(shared[:2])} or another currency with “{word}”: write its code, as {shared[0]}."
    )


# Budgets

_APPROXIMATELY: Final = re.compile(r"^(?:~|≈|ca\.?|approx\.?|approximately|about|around|circa|etwa|rund|environ)\s*")


def read_budget(text: str, formats: SenderFormats = UNSTATED) -> AmountRange | None:
    """Read a budget as its sender typed it: "10k-50k EUR", "€10,000 – €50,000", "up to 20000 USD", "50k+".

    Three digits after a mark are thousands: nobody sets a thousandth of a euro aside. Return None for any other text.
    """
    return _read_budget(text, formats) if len(text) <= _LONGEST else None


@lru_cache(maxsize=_CACHED)
def _read_budget(text: str, formats: SenderFormats) -> AmountRange | None:
    clean = _APPROXIMATELY.sub("", " ".join(text.casefold().split()))
    if not any(character.isdecimal() for character in clean):
        return None
    try:
        amounts = _read_amount_range(clean, formats)
    except Refused:
        return None
    return None if amounts is not None and (amounts.low or 0) < 0 else amounts


def _read_amount_range(clean: str, formats: SenderFormats) -> AmountRange | None:
    for pattern, is_lower in ((_MORE, True), (_LESS, False)):
        if match := pattern.fullmatch(clean):
            end = _read_budget_end(match[1], formats)
            return (
                AmountRange(end.amount, None, end.currency)
                if is_lower
                else AmountRange(Decimal(0), end.amount, end.currency)
            )
    # The currency may follow an open end: "50k+ EUR".
    if match := re.fullmatch(r"(.+?)\s*\+\s*([^\d+]*)", clean):
        end = _read_budget_end(f"{match[1]} {match[2]}".strip(), formats)
        return AmountRange(end.amount, None, end.currency)
    for pattern, ends in _BAND_FORMS:
        if (match := pattern.fullmatch(clean)) and all(any(map(str.isdecimal, part)) for part in match.groups()):
            return _join_ends(*ends(*match.groups()), formats=formats)
    end = _read_budget_end(clean, formats)
    return AmountRange(end.amount, end.amount, end.currency)


def _join_ends(low: str | int | None, high: str | int | None, *, formats: SenderFormats) -> AmountRange | None:
    """Join the texts of two ends: a currency or a scale that only the upper end names is meant for both."""
    ends = [
        None if end is None else Money(Decimal(0)) if end == 0 else _read_budget_end(str(end), formats)
        for end in (low, high)
    ]
    currencies = {end.currency for end in ends if end is not None and end.currency}
    if len(currencies) > 1:
        return None
    lower, upper = (None if end is None else end.amount for end in ends)
    if isinstance(low, str) and isinstance(high, str) and lower is not None and upper is not None:
        factor = _scale_of(high, formats)
        # "10-50k" is ten to fifty thousand; "10,000-1m" names its lower end in full.
        lower = lower * factor if factor != 1 and _scale_of(low, formats) == 1 and lower < _THOUSAND else lower
    if lower is not None and upper is not None and lower > upper:
        return None
    return AmountRange(lower, upper, next(iter(currencies), ""))


def _scale_of(text: str, formats: SenderFormats) -> Decimal:
    return _read_scale("budget", _split_money("budget", text)[2], formats.locale)


def _read_budget_end(text: str, formats: SenderFormats) -> Money:
    amount, _, scale_word = _split_money("budget", text)
    if not scale_word and (match := _WHOLE_AMOUNT.fullmatch(amount)) and match[1].lstrip("0"):
        text = text.replace(amount, match[1] + match[2])
    return read_money("budget", text, formats)


# Dates

_NUMERIC_DATE: Final = re.compile(r"(\d{1,4})\s?([./-])\s?(\d{1,2})\s?\2\s?(\d{1,4})\b\.?")
_TIME: Final = re.compile(
    r"(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?\s*(?:([ap])\.?\s?m\.?(?![a-z]))?(?:\s*(?:uhr|h)\b)?"
)
_ZONE: Final = re.compile(r"(?:utc|gmt|z)?\s*([+\u2212-])(\d{2}):?(\d{2})?(?::?00)?|utc|gmt|z")
_WORD: Final = re.compile(r"[^\W\d_]+")
_FILLERS: Final = frozenset({"at", "um", "de", "del", "di", "of", "the", "à", "le", "kl", "den", "om", "r", "roku"})
_ORDINAL: Final = re.compile(r"(?<=\d)(?:st|nd|rd|th|er|º|ª|o|\.)(?=[\s,.]|$)")
_WEEKDAYS: Final = re.compile(
    r"^(?:mon|tue|wed|thu|fri|sat|sun)(?:day|sday|nesday|rsday|urday)?,?\s+|^(?:mo|di|mi|do|fr|sa|so)(?:\.|,)+\s*"
)
_TWENTIETH: Final = 69
_TWO_DIGITS: Final = 2
_FOUR_DIGITS: Final = 4
_DIGITS_OF_A_DATE: Final = 8
_NOON: Final = 12
_NO_DATE: Final = (
    "is not a date as 2026-01-31 or 2026-01-31T09:30:00Z; write it so, or state the `locale` or the `date_format`."
)


def read_date_time(field: str, text: str, locale: str = "") -> dt.datetime:
    """Read a date, with or without a time, in the order of the locale. Its zone is missing where the text names none.

    Raises Refused, with both readings of a date whose day and month could be mixed up.
    """
    clean = text.strip()
    # Digits alone are a date only as 20260131: an epoch must not be taken for a year of the Middle Ages.
    if len(clean) > _LONGEST or (clean.isdecimal() and len(clean) != _DIGITS_OF_A_DATE):
        raise Refused(field, _NO_DATE)
    try:
        return dt.datetime.fromisoformat(clean)
    except (ValueError, OverflowError):
        pass
    answer = _parse_written(clean, locale)
    if isinstance(answer, str):
        raise Refused(field, answer)
    return answer


def read_formatted(field: str, text: str, date_format: str) -> dt.datetime:
    """Read a date of the form that a file states, as for `strptime`, or `epoch`, `epoch_ms`. Raises Refused."""
    try:
        if date_format in {"epoch", "epoch_ms"}:
            return dt.datetime.fromtimestamp(float(text) / (1000 if date_format == "epoch_ms" else 1), dt.UTC)
        return dt.datetime.strptime(text, date_format)  # noqa: DTZ007  # the zone comes from the map
    except (ValueError, OverflowError, OSError):
        raise Refused(field, f"is not a date of the form {date_format}.") from None


@lru_cache(maxsize=_CACHED)
def _parse_written(text: str, locale: str) -> dt.datetime | str:
    """Return the date and time of a text that is no ISO date, or the rule that it breaks."""
    clean = _WEEKDAYS.sub("", " ".join(text.casefold().split()))
    clean, clock = _cut_time(clean)
    if isinstance(clock, str):
        return clock
    dates = _numeric_dates(clean, locale) if _NUMERIC_DATE.fullmatch(clean) else _worded_dates(clean)
    if not dates:
        return _NO_DATE
    if len(dates) > 1:
        readings = " or ".join(f"{date.day} {date:%B} {date.year}" for date in dates)
        return f"is {readings}: write 2026-01-31, or state the `locale` or the `date_format`."
    return dt.datetime.combine(dates[0], clock)


def _cut_time(clean: str) -> tuple[str, dt.time | str]:
    """Cut the time of the day and its zone out of a text; midnight without a zone where there is none."""
    match = _TIME.search(clean)
    if match is None:
        return clean, dt.time()
    before, after = clean[: match.start()].rstrip(" ,t"), clean[match.end() :].strip(" ,")
    zone = _ZONE.match(after)
    tzinfo = None if zone is None else _read_offset(zone)
    rest = after if zone is None else after[zone.end() :].strip()
    # In "Thu Nov 12 09:14:00 2026" the year follows the time.
    if rest and not rest.isdecimal():
        return clean, "has a time whose zone cannot be read; write it as Z or +01:00."
    hour, minute, second = int(match[1]), int(match[2]), int(match[3] or 0)
    if match[5]:
        if not 1 <= hour <= _NOON:
            return clean, _NO_DATE
        hour = hour % _NOON + (_NOON if match[5] == "p" else 0)
    try:
        clock = dt.time(hour, minute, second, int((match[4] or "0").ljust(6, "0")[:6]), tzinfo=tzinfo)
    except ValueError:
        return clean, _NO_DATE
    return f"{before} {rest}".strip(" ,"), clock


def _read_offset(zone: re.Match[str]) -> dt.timezone:
    offset = dt.timedelta(hours=int(zone[2] or 0), minutes=int(zone[3] or 0))
    if offset >= dt.timedelta(days=1):
        return dt.UTC
    return dt.timezone(offset if zone[1] == "+" else -offset)


def _numeric_dates(clean: str, locale: str) -> list[dt.date]:
    match = _NUMERIC_DATE.fullmatch(clean)
    if match is None:
        return []
    first, second, third = match[1], match[3], match[4]
    order = locale_rules(locale).order
    if len(first) == _FOUR_DIGITS:
        return _real_dates((first, second, third))
    if len(first) > _TWO_DIGITS or len(third) not in (_TWO_DIGITS, _FOUR_DIGITS):
        return []
    day_first, month_first, year_first = (third, second, first), (third, first, second), (first, second, third)
    if len(third) == _TWO_DIGITS and order == "ymd":
        return _real_dates(year_first)
    if len(third) == _TWO_DIGITS and not order:
        return _real_dates(day_first, month_first, year_first)
    dates = _real_dates(day_first, month_first)
    return (
        _real_dates(day_first if order == "dmy" else month_first)
        if len(dates) > 1 and order in ("dmy", "mdy")
        else dates
    )


def _worded_dates(clean: str) -> list[dt.date]:
    """Return the date of a text that names its month: 12 Nov 2026, Nov 12, 2026, 12. November 2026, 12-Nov-26."""
    plain = _ORDINAL.sub("", clean)
    names = [word for word in _WORD.findall(plain) if word not in _FILLERS]
    numbers = re.findall(r"\d+", plain)
    rest = re.sub(r"[\w\s,./-]", "", plain)
    if len(names) != 1 or names[0] not in _MONTHS or len(numbers) != _TWO_DIGITS or rest:
        return []
    month, (first, second) = str(_MONTHS[names[0]]), numbers
    if len(first) == _FOUR_DIGITS:
        return _real_dates((first, month, second))
    return _real_dates((second, month, first)) if len(second) in (_TWO_DIGITS, _FOUR_DIGITS) else []


def _real_dates(*triples: tuple[str, str, str]) -> list[dt.date]:
    """Return the days that exist among (year, month, day), each once."""
    dates: dict[dt.date, None] = {}
    for year_text, month, day in triples:
        year = int(year_text)
        if len(year_text) == _TWO_DIGITS:
            year += 1900 if year >= _TWENTIETH else 2000
        try:
            dates[dt.date(year, int(month), int(day))] = None
        except ValueError:
            continue
    return list(dates)
