"""The reading of countries (rules 13.32): from names, abbreviations and codes to the two letters of ISO 3166-1.

`reference_data/country_names.json` is made by `make country-names` and not edited; `country_names_by_hand.json` holds
abbreviations, official and historic names, and the names that two countries share.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, Final

from leads.normalization.placeholders import is_placeholder_value

GENERATED: Final = Path(__file__).parents[1] / "reference_data" / "country_names.json"
BY_HAND: Final = Path(__file__).parents[1] / "reference_data" / "country_names_by_hand.json"

_LONGEST: Final = 120
_CODE_LENGTH: Final = 2
_SHORTEST_JOINED: Final = 9
#: The letters of flags, to the letters of codes.
_FLAG_LETTERS: Final = {0x1F1E6 + place: chr(ord("a") + place) for place in range(26)}
#: Letters that Unicode does not take apart into a plain letter and an accent.
_PLAIN_LETTERS: Final = str.maketrans(
    {"ø": "o", "æ": "ae", "œ": "oe", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ı": "i", "ħ": "h", "&": " and "}  # noqa: RUF001  # the dotless i
)
_ACCENTS: Final = dict.fromkeys(range(0x0300, 0x0370))
_ARTICLES: Final = frozenset(
    {"the", "die", "der", "das", "la", "le", "les", "l", "el", "los", "las", "il", "lo", "gli", "i", "os", "as", "o", "a", "de", "het"}
)  # fmt: skip
_OFFICIAL_NAME: Final = re.compile(
    r"(?:\w+ ){0,3}(?:republic|kingdom|federation|commonwealth|sultanate|principality|duchy|union|emirate"
    r"|(?:plurinational|independent) state|(?:federated|united) states) of (?P<name>.+)"
)
#: Names that two republics share: which one is meant stands in the words before.
_SHARED_NAMES: Final = frozenset({"congo", "korea", "china"})
_IN_BRACKETS: Final = re.compile(r"(?P<name>[^(\[,]+)(?:[(\[](?P<inside>[^)\]]+)[)\]]|,(?P<after>[^,]+))\s*")
_BETWEEN_NAMES: Final = re.compile(r"[()\[\]|:;,/–—-]+")


@dataclass(frozen=True, slots=True)
class CountryTable:
    """The country of each folded name and code, and the English name of each code."""

    codes: Mapping[str, str]
    english: Mapping[str, str]


def fold_name(text: str) -> str:
    """Reduce a name to what makes it this name: no case, accents, dots, dashes or article; `St.` as `saint`."""
    plain = unicodedata.normalize("NFKD", text.translate(_FLAG_LETTERS)).casefold()
    plain = plain.translate(_ACCENTS).translate(_PLAIN_LETTERS).replace(".", "")
    letters = "".join(character if _is_part_of_name(character) else _gap(character) for character in plain)
    parts = ["saint" if part == "st" else part for part in letters.split()]
    if len(parts) > 1 and all(len(part) == 1 for part in parts):
        return "".join(parts)
    if len(parts) > 1 and parts[0] == "the":
        parts = parts[1:]
    if len(parts) > 1 and parts[-1] == "the":
        parts = parts[:-1]
    return " ".join(parts)


@lru_cache(maxsize=16_384)
def read_country(text: str) -> str | None:
    """Return the ISO code of the country that a text names; None for what is no country, or may be two."""
    codes = country_table().codes
    if len(text) == _CODE_LENGTH and text.isupper() and text in country_table().english:
        return text
    if len(text) > _LONGEST or is_placeholder_value("country", text):
        return None
    name = fold_name(text)
    if name in codes:
        return codes[name] or None
    return _find_by_parts(name) or _find_inverted(text) or _find_repeated(text) or _joined_names().get(name)


def country_name(code: str) -> str:
    """Return the English name of a code; what is no code is returned as it is."""
    return country_table().english.get(code, code)


def find_countries(texts: Iterable[str], *, whole_words: bool = False) -> list[str]:
    """Return the codes of the countries that one of the texts names, or whose English name contains one of them."""
    parts = [fold_name(text) for text in texts if text.strip()]
    codes = {code for part in parts if (code := read_country(part))}
    for code, name in country_table().english.items():
        folded = f" {fold_name(name)} "
        if any((f" {part} " if whole_words else part) in folded for part in parts if part):
            codes.add(code)
    return sorted(codes)


def country_key(text: str) -> str:
    """Return what two spellings of a country have in common: its code, or the text without case and outer spaces."""
    return read_country(text) or text.strip().casefold()


@cache
def country_table() -> CountryTable:
    """Return the shipped tables as one; a name written by hand goes before a generated one."""
    generated, by_hand = _read_json(GENERATED), _read_json(BY_HAND)
    english = {**generated["english"], **by_hand["english"]}
    codes = {
        **generated["names"],
        **{fold_name(name): code for code, names in by_hand["names"].items() for name in names},
        **{alpha_3.casefold(): code for alpha_3, code in generated["alpha_3"].items()},
        **{code.casefold(): code for code in english},
        **{fold_name(code): target for code, target in by_hand["codes"].items()},
        # An empty code stands for a name that is nobody's.
        **{fold_name(name): "" for name in by_hand["nobody"]},
    }
    return CountryTable(codes, english)


@cache
def _joined_names() -> Mapping[str, str]:
    """Return the countries of names that programs write without the space, as UnitedKingdom."""
    return {
        name.replace(" ", ""): code
        for name, code in country_table().codes.items()
        if code and " " in name and len(name) >= _SHORTEST_JOINED
    }


def _read_json(path: Path) -> dict[str, Any]:
    return dict(json.loads(path.read_text(encoding="utf-8")))


def _is_part_of_name(character: str) -> bool:
    # The marks of Indian and Thai vowels are no letters, and part of the name. A slash stays: "n/a" is not Namibia.
    return character.isalnum() or character == "/" or unicodedata.category(character)[0] == "M"


def _gap(character: str) -> str:
    return "" if unicodedata.category(character) == "Cf" else " "


def _find_by_parts(name: str) -> str | None:
    """Find a name without the article of its language, or without the form of government before it."""
    codes = country_table().codes
    first, _, rest = name.partition(" ")
    if first in _ARTICLES and rest in codes:
        return codes[rest] or None
    official = _OFFICIAL_NAME.fullmatch(name)
    plain = official["name"].removeprefix("the ") if official else ""
    return codes.get(plain) or None if plain not in _SHARED_NAMES else None


def _find_inverted(text: str) -> str | None:
    """Find a name whose beginning stands behind it: `Moldova, Republic of`, `Netherlands (the)`."""
    match = _IN_BRACKETS.fullmatch(text)
    if match is None:
        return None
    name = fold_name(f"{match['inside'] or match['after']} {match['name']}")
    codes = country_table().codes
    return (codes[name] or None) if name in codes else _find_by_parts(name)


def _find_repeated(text: str) -> str | None:
    """Find a country that is named twice, as `Germany (DE)` or `Deutschland / Germany`."""
    codes = country_table().codes
    parts = [name for part in _BETWEEN_NAMES.split(text) if (name := fold_name(part))]
    countries = {codes.get(name) for name in parts}
    return countries.pop() or None if len(parts) > 1 and len(countries) == 1 else None
