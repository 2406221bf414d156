"""The formats in which senders write numbers, dates and money: by their locale and currency (rules 13.17 to 13.20).

`locale_table.json` holds the decimal marks, orders of dates, months and currencies (`make locale-table`). The texts are
read by `written_numbers`, `written_money` and `written_dates`: one with two readings as the locale says, or it is refused
with both.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, NamedTuple

_TABLE: Final[dict[str, Any]] = json.loads((Path(__file__).parent / "locale_table.json").read_text(encoding="utf-8"))
_LOCALES: Final[dict[str, str]] = {name.casefold(): row for name, row in _TABLE["locales"].items()}
#: The numbers of the months by their names and abbreviations in all languages of the table.
MONTHS: Final[dict[str, int]] = _TABLE["months"]
#: The codes of ISO 4217 that are in use.
CURRENCIES: Final = frozenset(_TABLE["currencies"])

#: No number, date or amount that people write is longer.
LONGEST: Final = 200
#: Readings that are kept: files repeat the same texts.
CACHED: Final = 1 << 14


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


#: The formats of a sender who states nothing.
UNSTATED: Final = SenderFormats()


@lru_cache(maxsize=CACHED)
def locale_rules(locale: str) -> LocaleRules:
    """Return the rules of a locale as `de`, `en-US` or `pt_BR`; of the language alone if the territory is unknown."""
    name = locale.strip().replace("_", "-").casefold()
    row = _LOCALES.get(name) or _LOCALES.get(name.partition("-")[0])
    return LocaleRules(*(part if part != "-" else "" for part in row.split())) if row else LocaleRules()


def is_known_locale(locale: str) -> bool:
    """Return whether the table knows the locale, or at least its language."""
    return locale_rules(locale) != LocaleRules()


def is_currency(code: str) -> bool:
    return code in CURRENCIES
