"""Readers of single values from outside. Each function returns the clean value or raises Refused."""

from __future__ import annotations

import datetime as dt
import math
import re
import unicodedata
from typing import Any, Final

from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from leads import locale_formats
from leads.exceptions import Refused
from leads.vocabulary import BEGINNING, CLOCK_SKEW

MAX_ID: Final = 200
MAX_BIGINT: Final = 2**63 - 1
_SHOWN_AT_MOST: Final = 80
#: Controls, spaces of other widths, format characters, and letters without ink: nobody sees them.
_INVISIBLE_RANGES: Final = (
    "\x01-\x1f\x7f-\xa0\xad\u034f\u061c\u115f\u1160\u1680\u17b4\u17b5\u180b-\u180f\u2000-\u200f\u2028-\u202f\u205f-\u206f\u2800"
    "\u3000\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
_INVISIBLE = re.compile(f"[{_INVISIBLE_RANGES}]")
_INVISIBLE_ENDS = re.compile(f"^[{_INVISIBLE_RANGES} ]+|[{_INVISIBLE_RANGES} ]+$")
#: Arabic, Syriac, the scripts of India, Myanmar, Khmer and Mongolian, in which joiners shape the letters beside them.
_JOINING_SCRIPTS: Final = (
    "\u0600-\u07bf\u0840-\u085f\u08a0-\u0dff\u1000-\u109f\u1780-\u18af\ufb50-\ufdff\ufe70-\ufefc\U0001e900-\U0001e95f"
)
_VIRAMAS: Final = "\u094d\u09cd\u0a4d\u0acd\u0b4d\u0bcd\u0c4d\u0ccd\u0d4d\u0dca"
_EMOJI: Final = "\u00a9\u00ae\u200d\u2190-\u2bff\u3030\u303d\u3297\u3299\ufe0f\U0001f000-\U0001faff"
#: In texts these are cut out: format characters, and joiners that join nothing. Spaces and line breaks stay.
_FORMATTING = re.compile(
    "[\x01-\x08\x0b\x0c\x0e-\x1f\x7f\xad\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]"
    f"|\u200c(?![{_JOINING_SCRIPTS}])|(?<![{_JOINING_SCRIPTS}])\u200c"
    f"|(?<![{_JOINING_SCRIPTS}{_EMOJI}])\u200d|(?<![{_VIRAMAS}])\u200d(?![{_JOINING_SCRIPTS}{_EMOJI}])"
)
_MISREAD = re.compile("[\x80-\x9f]")

_DOMAIN = re.compile(r"(?=.{1,253}$)([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9])?\.)+[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")


def text(field: str, value: object, *, limit: int) -> str:
    """Return a text without space around it and without invisible characters in it (rules 14.12)."""
    if not isinstance(value, str):
        raise Refused(field, "must be a text.")
    clean = value.strip() if value.isprintable() else _clean_text(field, value)
    if len(clean) > limit:
        raise Refused(field, f"must have at most {limit} characters, has {len(clean)}.")
    return clean


def _clean_text(field: str, value: str) -> str:
    if "\x00" in value or (not value.isascii() and _has_lone_surrogate(value)):
        raise Refused(field, "contains a character that cannot be stored.")
    if _MISREAD.search(value):
        value = _MISREAD.sub(lambda match: _read_as_windows_1252(field, match[0]), value)
    return _FORMATTING.sub("", value).strip()


def _read_as_windows_1252(field: str, control: str) -> str:
    """Return the character that a control between U+0080 and U+009F was before it was misread as Latin-1."""
    try:
        return control.encode("latin-1").decode("cp1252")
    except UnicodeDecodeError:
        raise Refused(field, f"contains the control character {_name_character(control)}.") from None


def _has_lone_surrogate(value: str) -> bool:
    return any("\ud800" <= character <= "\udfff" for character in value)


def trim(value: str) -> str:
    """Return a text without the space and the invisible characters around it."""
    if value.isascii() and value.isprintable():
        return value.strip()
    return _INVISIBLE_ENDS.sub("", value)


def _visible_text(field: str, value: object, *, limit: int) -> str:
    """Return a text for a key: an invisible character in it is refused by name, as nobody can see it."""
    if isinstance(value, str) and not (value.isascii() and value.isprintable()):
        value = trim(value)
        if hidden := _INVISIBLE.search(value):
            raise Refused(field, f"contains the invisible character {_name_character(hidden[0])}; nobody can see it.")
    return text(field, value, limit=limit)


def _name_character(character: str) -> str:
    name = unicodedata.name(character, "")
    return f"U+{ord(character):04X}" + (f" ({name.lower()})" if name else "")


def email(field: str, value: object) -> str:
    """Return the address, trimmed and in lower case: a person is one lead, whatever the case (rules 13.1)."""
    address = _visible_text(field, value, limit=254).lower()
    try:
        validate_email(address)
    except ValidationError:
        raise Refused(field, "is not an e-mail address.") from None
    return address


def domain(field: str, value: object) -> str:
    """Return the host of a web address or domain, without www: `acme.example` for `https://www.Acme.example/about`."""
    url = _visible_text(field, value, limit=500).lower()
    host = re.split(r"[/?#]", url.partition("://")[2] or url)[0].rpartition("@")[2].partition(":")[0]
    host = host.removeprefix("www.").rstrip(".")
    try:
        host = host if host.isascii() else host.encode("idna").decode()
    except UnicodeError:
        raise Refused(field, "is not a domain.") from None
    if not _DOMAIN.fullmatch(host):
        raise Refused(field, "is not a domain.")
    return host


def identity(field: str, value: object, *, limit: int = MAX_ID) -> str:
    """Return the sender's own id of a thing, a text or a whole number, as a text."""
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) <= MAX_BIGINT:
        value = str(value)
    if not isinstance(value, str):
        raise Refused(field, "must be a text or a whole number.")
    clean = _visible_text(field, value, limit=limit)
    if not clean:
        raise Refused(field, "must not be empty.")
    return clean


def flag(field: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise Refused(field, "must be true or false.")
    return value


def number(field: str, value: object, *, low: float = -math.inf, high: float = math.inf) -> int | float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Refused(field, "must be a number.")
    if not low <= value <= high:
        raise Refused(field, f"must be between {low:,.0f} and {high:,.0f}.")
    return value


def instant(field: str, value: object, *, now: dt.datetime, locale: str = "") -> dt.datetime:
    """Return a date-time with a zone, from 1970 to five minutes ahead of our clock, in UTC; texts as the locale writes
    them.
    """
    if isinstance(value, dt.datetime):
        at: dt.datetime = value
    elif isinstance(value, str):
        at = locale_formats.read_date_time(field, value, locale)
    else:
        raise Refused(field, "must be a date-time text as 2026-01-31T09:30:00Z.")
    if at.tzinfo is None:
        raise Refused(field, "must carry its zone, as 2026-01-31T09:30:00Z or …+01:00.")
    try:
        at = at.astimezone(dt.UTC)
    except OverflowError:
        raise Refused(field, "is outside the calendar.") from None
    if at < BEGINNING:
        raise Refused(field, "lies before 1970.")
    if at > now + CLOCK_SKEW:
        raise Refused(field, f"lies in the future: {at:%Y-%m-%dT%H:%M:%SZ}, while it is {now:%Y-%m-%dT%H:%M:%SZ}.")
    return at


def mapping(field: str, value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise Refused(field, "must be an object.")
    return value


def shorten_name(name: object) -> str:
    """Shorten a name from outside for use in a message."""
    clean = str(name).encode("utf-8", "replace").decode().replace("\x00", "")
    return clean if len(clean) <= _SHOWN_AT_MOST else f"{clean[: _SHOWN_AT_MOST - 1]}…"
