#!/usr/bin/env python3
"""Write leads/normalization/locale_table.json from babel's data: decimal mark, order of dates and currency of each locale, the names of
months, and the codes of currencies. Run by `make locale-table`.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

from babel import Locale, localedata
from babel.core import UnknownLocaleError, get_global
from babel.numbers import get_territory_currencies

TARGET = Path(__file__).resolve().parent.parent / "leads" / "normalization" / "locale_table.json"
MONTH_LANGUAGES = ("en", "de", "fr", "es", "it", "pt", "nl", "pl", "sv")
#: English alone says neither the order of its dates nor its currency: en-US and en-GB differ.
UNDECIDED = ("en",)
#: Spellings that people use beside those of the data.
MORE_MONTHS = {
    "sept": 9,
    "jänner": 1,
    "feber": 2,
    "märz": 3,
    "maerz": 3,
    "mrz": 3,
    "fevr": 2,
    "aout": 8,
    "decembre": 12,
}


def read_locales() -> dict[str, str]:
    """Return `decimal order currency` by locale, as `, dmy EUR`; `-` for what the locale does not say."""
    rows = {}
    for identifier in sorted(localedata.locale_identifiers()):
        try:
            locale = Locale.parse(identifier)
        except (UnknownLocaleError, ValueError):
            continue
        if locale.script or locale.variant or not re.fullmatch("[a-z][a-z]", locale.language):
            continue
        marks = locale.number_symbols.get("latn") or {}
        pattern = re.sub(r"'[^']*'", "", locale.date_formats["short"].pattern)
        order = "".join(dict.fromkeys(letter.lower() for letter in pattern if letter in "dMy"))
        order = order if sorted(order) == ["d", "m", "y"] else "-"
        name, currency = identifier.replace("_", "-"), currency_of(locale)
        rows[name] = f"{marks.get('decimal', '.')} " + ("- -" if name in UNDECIDED else f"{order} {currency}")
    return {name: row for name, row in rows.items() if row[0] in ".,"}


def currency_of(locale: Locale) -> str:
    territory = locale.territory
    if territory is None:
        likely = get_global("likely_subtags").get(locale.language, "")
        territory = likely.rpartition("_")[2]
    codes = get_territory_currencies(territory) if territory else []
    return codes[0] if codes else "-"


def read_months() -> dict[str, int]:
    """Return the number of each month by its names; a name of two months in two languages is left out."""
    numbers: dict[str, set[int]] = {name: {number} for name, number in MORE_MONTHS.items()}
    for language in MONTH_LANGUAGES:
        for names in (
            Locale(language).months[use][width]
            for use in ("format", "stand-alone")
            for width in ("wide", "abbreviated")
        ):
            for number, name in names.items():
                numbers.setdefault(name.casefold().rstrip("."), set()).add(number)
    return {name: min(months) for name, months in sorted(numbers.items()) if len(months) == 1 and not name.isdecimal()}


def read_currencies() -> list[str]:
    """Return the codes of the currencies that a territory uses today."""
    territories = (code for code in get_global("territory_currencies"))
    return sorted({code for territory in territories for code in get_territory_currencies(territory)})


if __name__ == "__main__":
    table = {"locales": read_locales(), "months": read_months(), "currencies": read_currencies()}
    TARGET.write_text(json.dumps(table, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
