"""Readers of single values from outside. Each function returns the clean value or raises Refused."""

from __future__ import annotations

import datetime as dt
import math
import re
from typing import Any, Final

from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from leads import locale_formats
from leads.exceptions import Refused
from leads.vocabulary import BEGINNING, CLOCK_SKEW

MAX_ID: Final = 200
MAX_BIGINT: Final = 2**63 - 1
_SHOWN_AT_MOST: Final = 80
#: Invisible characters that reverse the direction of the text after them, also outside the value.
_DIRECTION_MARKS: Final = dict.fromkeys((*range(0x202A, 0x202F), *range(0x2066, 0x206A)))

_DOMAIN = re.compile(r"(?=.{1,253}$)([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9])?\.)+[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")


def text(field: str, value: object, *, limit: int) -> str:
    if not isinstance(value, str):
        raise Refused(field, "must be a text.")
    clean = value.strip() if value.isascii() else value.translate(_DIRECTION_MARKS).strip()
    if len(clean) > limit:
        raise Refused(field, f"must have at most {limit} characters, has {len(clean)}.")
    if "\x00" in clean or (not clean.isascii() and _has_lone_surrogate(clean)):
        raise Refused(field, "contains a character that cannot be stored.")
    return clean


def _has_lone_surrogate(value: str) -> bool:
    return any("\ud800" <= character <= "\udfff" for character in value)


def email(field: str, value: object) -> str:
    """Return the address, trimmed and in lower case: a person is one lead, whatever the case (rules 13.1)."""
    address = text(field, value, limit=254).lower()
    try:
        validate_email(address)
    except ValidationError:
        raise Refused(field, "is not an e-mail address.") from None
    return address


def domain(field: str, value: object) -> str:
    """Return the host of a web address or domain, without www: `acme.example` for `https://www.Acme.example/about`."""
    url = text(field, value, limit=500).lower()
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
    clean = text(field, value, limit=limit)
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
