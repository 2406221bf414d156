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
    record can have the same 15 characters. Of an id that was put in small or capital letters, the checksum gives back
    the case. Numbers filled up with zeros look alike, so a letter must be among the 15.
    """
    if len(text) != _LONG or not (text.isascii() and text.isalnum()):
        return text
    short, checksum = text[:_SHORT], text[_SHORT:].upper()
    wrong = sum(one != other for one, other in zip(_checksum(short), checksum, strict=True))
    is_record = _is_record(short, checksum)
    if wrong == 0 or (wrong == 1 and is_record and not _has_one_case(text)):
        return short
    return _restore_case(short, checksum) or text


def has_lost_case(text: str) -> bool:
    """Tell whether a text looks like the id of a record whose case is lost, and whose checksum does not give it back."""
    if len(text) != _LONG or not (text.isascii() and text.isalnum()) or not _has_one_case(text):
        return False
    short, checksum = text[:_SHORT], text[_SHORT:].upper()
    is_record = any(_is_record(case(short), checksum) for case in (str, str.upper))
    return is_record and shorten_id(text) == text


def _is_record(short: str, checksum: str) -> bool:
    return short.startswith(_PREFIXES) and not short[3:].isdecimal() and set(checksum) <= set(_ALPHABET)


def _has_one_case(text: str) -> bool:
    return text in (text.lower(), text.upper())


def _restore_case(short: str, checksum: str) -> str:
    """Return the characters in the case that the checksum says; empty if they are no id that lost it."""
    if not _has_one_case(short) or not set(checksum) <= set(_ALPHABET):
        return ""
    bits = [_ALPHABET.index(character) >> place & 1 for character in checksum for place in range(_PART)]
    restored = "".join(
        character.upper() if bit else character.lower() for character, bit in zip(short, bits, strict=True)
    )
    # A digit has no case: a checksum that gives it one belongs to other characters.
    return restored if _checksum(restored) == checksum and _is_record(restored, checksum) else ""


def _checksum(short: str) -> str:
    """Return a character for each five of the id; its bits, the lowest first, say which of them are upper-case."""
    parts = (short[start : start + _PART] for start in range(0, _SHORT, _PART))
    return "".join(
        _ALPHABET[sum(1 << place for place, character in enumerate(part) if character.isupper())] for part in parts
    )
