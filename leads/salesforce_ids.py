"""The two spellings of a Salesforce id: 15 characters whose case matters, or these and a checksum of three."""

from __future__ import annotations

from typing import Final

_ALPHABET: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
_SHORT, _LONG, _PART = 15, 18, 5
#: The first characters of the ids of accounts, contacts, leads and opportunities.
_PREFIXES: Final = ("001", "003", "00Q", "006")


def shorten_id(text: str) -> str:
    """Return the 15 characters of an id of 18 whose checksum is right, and every other text as it is.

    One wrong character of the checksum is forgiven in the id of an account, contact, lead or opportunity: no other
    record can have the same 15 characters. Numbers filled up with zeros look alike, so a letter must be among the 15.
    """
    if len(text) != _LONG or not (text.isascii() and text.isalnum()):
        return text
    short, checksum = text[:_SHORT], text[_SHORT:].upper()
    wrong = sum(one != other for one, other in zip(_checksum(short), checksum, strict=True))
    is_record = text.startswith(_PREFIXES) and not short[3:].isdecimal() and set(checksum) <= set(_ALPHABET)
    return short if wrong == 0 or (wrong == 1 and is_record) else text


def _checksum(short: str) -> str:
    """Return a character for each five of the id; its bits, the lowest first, say which of them are upper-case."""
    parts = (short[start : start + _PART] for start in range(0, _SHORT, _PART))
    return "".join(
        _ALPHABET[sum(1 << place for place, character in enumerate(part) if character.isupper())] for part in parts
    )
