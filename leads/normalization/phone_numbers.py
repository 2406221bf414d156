"""The one spelling of a phone number, by which two spellings of it are compared (rules 13.29)."""

from __future__ import annotations

import re
from functools import cache, lru_cache
from typing import Final

import phonenumbers

SHORTEST: Final = 6
_LONGEST: Final = 40
_E164_LENGTHS: Final = range(8, 16)
_COUNTRY_CODE: Final = re.compile(r"[A-Z]{2}")
_SEPARATORS: Final = str.maketrans("", "", " -./()\u00a0\u2010\u2011\u2013")
_EXTENSION: Final = re.compile(r"(?:;ext=|ext\.?|extension|x|#|durchwahl|poste)\s*(\d{1,7})$", re.IGNORECASE)


@lru_cache(maxsize=10_000)
def to_phone_key(phone: str, country: str = "") -> str:
    """Return a phone number in one spelling, or an empty text if it has fewer than six digits.

    A number with its country's code becomes E.164, `+49301234567`, and so does a national one if `country` is an ISO
    code. Another national number is kept as its digits. An extension follows after an x.
    """
    text = phone.strip()
    bare = text.translate(_SEPARATORS)
    if _is_plain(bare):
        return bare
    if not text.isascii():
        text = "".join(str(int(character)) if character.isdecimal() else character for character in text)
    extension = _EXTENSION.search(text)
    text = text[: extension.start()] if extension else text
    digits = re.sub(r"\D", "", text)
    if len(digits) < SHORTEST or len(set(digits)) == 1:
        return ""
    number = _read_number(text, country.strip().upper())
    return f"{number}x{extension[1]}" if extension else number[:_LONGEST]


def _read_number(text: str, country: str) -> str:
    text = text.strip()
    bare = text.translate(_SEPARATORS)
    if _is_plain(bare):
        return bare
    region = country if _COUNTRY_CODE.fullmatch(country) else None
    try:
        number = phonenumbers.parse(f"+{bare[2:]}" if bare.startswith("00") and bare.isdecimal() else text, region)
    except phonenumbers.NumberParseException:
        number = None
    if number is not None and phonenumbers.is_possible_number(number):
        return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    digits = re.sub(r"\D", "", text)
    return f"+{digits}" if text.startswith("+") and digits else digits


def _is_plain(bare: str) -> bool:
    """Tell whether a number is a plain international one, whose one spelling is itself.

    Most numbers are; reading these by hand costs a fiftieth of what the library costs.
    """
    digits = bare[1:]
    if bare[:1] != "+" or not (digits.isascii() and digits.isdecimal()) or len(digits) not in _E164_LENGTHS:
        return False
    # A zero near the country's code may be the one that is dialled at home alone, as in +49 (0) 30.
    return len(set(digits)) > 1 and ("0" not in bare[2:5] or not _may_have_home_prefix(bare))


def _may_have_home_prefix(bare: str) -> bool:
    """Tell whether what follows the country's code may begin with digits that are dialled at home alone."""
    for end in (2, 3, 4):
        prefix = _home_prefix(bare[1:end])
        if prefix is not None:
            return prefix.match(bare, end) is not None
    return True


@cache
def _home_prefix(code: str) -> re.Pattern[str] | None:
    """Return what is dialled at home before the numbers of a country, by its code; None for what is no such code."""
    regions = phonenumbers.COUNTRY_CODE_TO_REGION_CODE.get(int(code))
    metadata = (
        phonenumbers.PhoneMetadata.metadata_for_region_or_calling_code(int(code), regions[0]) if regions else None
    )
    if metadata is None:
        return None
    return re.compile(f"0|{metadata.national_prefix_for_parsing or '0'}")
