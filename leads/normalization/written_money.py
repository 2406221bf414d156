"""Amounts of money and budgets as people write them in their language (rules 13.19, 13.20)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from types import MappingProxyType
from typing import Final

from leads.exceptions import Refused
from leads.normalization.locale_formats import CACHED, CURRENCIES, LONGEST, UNSTATED, SenderFormats
from leads.normalization.written_numbers import (
    APOSTROPHES,
    BAND_FORMS,
    LESS,
    MINUS,
    MORE,
    SPACES,
    TOO_LARGE,
    choose_reading,
)

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
_MONEY_PARTS: Final = re.compile(rf"[+{MINUS}]?\s*[\d.,]*\d[\d.,{SPACES}{APOSTROPHES}]*")
_WHOLE_AMOUNT: Final = re.compile(r"(\d{1,3})[.,](\d{3})")
_PLAIN: Final = re.compile(r"-?\d+(?:\.\d{1,2})?")
_OPEN_ENDED: Final = re.compile(
    r"\s*(?:p\.?\s?a\.?|per (?:year|annum)|a year|/\s?(?:year|yr)|pro jahr|im jahr|par an|al año)$"
)


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


def read_money(field: str, text: str, formats: SenderFormats = UNSTATED) -> Money:
    """Read an amount as "€1.2m", "USD 5,000,000", "5000 EUR" or "10 Mio. €"; the currency is "" where it names none.

    A sign of several currencies, as $, is the sender's own, or else the installation's, if that is one of them. Raises
    Refused.
    """
    if len(text) < len(str(TOO_LARGE)) and _PLAIN.fullmatch(text):
        return Money(Decimal(text))
    amount, currency_names, scale_word = _split_money(field, text)
    currency = _read_currency_names(field, currency_names, formats)
    value = choose_reading(field, amount, formats.locale) * _read_scale(field, scale_word, formats.locale)
    if abs(value) >= TOO_LARGE:
        raise Refused(field, "is not an amount as 5000, 5000 EUR or €1.2m.")
    return Money(value, currency)


def read_currency(field: str, text: str) -> str:
    """Read the code of a currency, in any case. Raises Refused."""
    code = text.strip().upper()
    if code and code not in CURRENCIES:
        raise Refused(field, "is not the code of a currency as EUR or USD.")
    return code


def _split_money(field: str, text: str) -> tuple[str, list[str], str]:
    """Split a text into its number, the words for a currency, and the word for thousands or millions."""
    clean = _OPEN_ENDED.sub("", text.strip()) if len(text) <= LONGEST else ""
    match = _MONEY_PARTS.search(clean)
    if match is None:
        raise Refused(field, "is not an amount as 5000, 5000 EUR or €1.2m.")
    before, after = clean[: match.start()].strip().casefold(), clean[match.end() :].strip().casefold()
    amount = match[0].strip()
    if before in MINUS and before:
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
    return _read_budget(text, formats) if len(text) <= LONGEST else None


@lru_cache(maxsize=CACHED)
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
    for pattern, is_lower in ((MORE, True), (LESS, False)):
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
    for pattern, ends in BAND_FORMS:
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
