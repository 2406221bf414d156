"""Readers of single values from outside. Each function returns the clean value or raises Refused."""

from __future__ import annotations

import datetime as dt
import math
import re
import unicodedata
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from leads.exceptions import NobodysKey, Refused
from leads.normalization import domain_names, phone_numbers, salesforce_ids, written_dates
from leads.normalization.placeholders import is_placeholder, is_placeholder_address
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
_LONGEST_ADDRESS: Final = 254
_LONGEST_SYSTEM: Final = 64
_ADDRESS: Final = re.compile(r"""(?:mailto:)?[^\s@<>()\[\]"',;|#?]+@[^\s@<>()\[\]"',;|#?/]+""")
_PLAIN_ADDRESS: Final = re.compile(
    r"[a-z0-9_+-]+(?:\.[a-z0-9_+-]+)*@(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}"
)
_AROUND_ADDRESS: Final = ".:'`*"
#: What may stand around an address (here a NUL): marks, a subject after mailto:, or a name with the address in brackets.
_BARE: Final = re.compile(r"""[\s<>()\[\]"',;|#]*(?:\0[\s<>()\[\]"',;|#]*)+(?:\?subject=.*)?""", re.DOTALL)
_NAMED: Final = re.compile(r"""[^\0@<>]*<\0>[\s,;.]*|\0\s*\([^\0@<>()]*\)""", re.DOTALL)


def text(field: str, value: object, *, limit: int) -> str:
    """Return a text without space around it and without invisible characters in it (rules 14.10)."""
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
    """Return an address in its one spelling: in lower case, its domain in ASCII (rules 13.24).

    `mailto:`, the form `Name <address>` and the marks that spreadsheets leave around an address are cut. Raises NobodysKey
    for a placeholder such as `none@none.com`.
    """
    address = _visible_text(field, value, limit=500).lower()
    if not address.isascii() or not _is_address(address):
        address = _unwrap_address(field, address)
    if len(address) > _LONGEST_ADDRESS:
        raise Refused(field, f"must have at most {_LONGEST_ADDRESS} characters, has {len(address)}.")
    if is_placeholder_address(address):
        raise NobodysKey(field, f"is the placeholder {shorten_name(address)!r}, which names nobody.")
    return address


def _is_address(address: str) -> bool:
    # Django's validator accepts all of these, too, and takes ten times as long.
    if _PLAIN_ADDRESS.fullmatch(address) and len(address) <= _LONGEST_ADDRESS:
        return True
    try:
        validate_email(address)
    except ValidationError:
        return False
    return len(address) <= _LONGEST_ADDRESS


def _unwrap_address(field: str, cell: str) -> str:
    """Return the only address in a cell. A cell with two is refused: the row is about one person."""
    # NFKC also turns full-width letters, dots and the at sign into plain ones.
    plain = unicodedata.normalize("NFKC", cell)
    addresses = {_spell_address(part.strip(_AROUND_ADDRESS)) for part in _ADDRESS.findall(plain)}
    if len(addresses) > 1:
        first, second = sorted(map(shorten_name, addresses))[:2]
        raise Refused(field, f"holds more than one address, {first} and {second}: a row is about one person.")
    around = _ADDRESS.sub("\0", plain).replace("mailto:", "")
    if not addresses or not (_BARE.fullmatch(around) or _NAMED.fullmatch(around)):
        raise Refused(field, "is not an e-mail address.")
    (address,) = addresses
    if not address.isascii() or not _is_address(address):
        raise Refused(field, "is not an e-mail address.")
    return address


def _spell_address(address: str) -> str:
    local, _, host = address.removeprefix("mailto:").rpartition("@")
    try:
        return f"{local}@{domain_names.to_ascii(host)}"
    except UnicodeError:
        return address


def domain(field: str, value: object) -> str:
    """Return the host of a web address or domain, without www: `acme.example` for `https://www.Acme.example/about`."""
    host, _ = domain_names.split_url(_visible_text(field, value, limit=500))
    try:
        host = domain_names.to_ascii(host).removeprefix("www.")
    except UnicodeError:
        raise Refused(field, "is not a domain.") from None
    if not domain_names.is_domain(host):
        raise Refused(field, "is not a domain.")
    return host


def own_domain(field: str, value: object) -> str:
    """Return the domain of a web address, as `domain` does.

    Raises NobodysKey for a page at a host that many share, as a social network, and for a public suffix (rules 13.25).
    """
    # Domains recur, one for each colleague.
    return (
        _cached_own_domain(field, value)
        if isinstance(value, str) and len(value) <= _LONGEST_ADDRESS
        else _own_domain(field, value)
    )


def _own_domain(field: str, value: object) -> str:
    host = domain(field, value)
    if domain_names.is_public_suffix(host):
        raise NobodysKey(field, f"is {host}, below which everybody can register a domain: it is nobody's own domain.")
    _, path = domain_names.split_url(str(value))
    if domain_names.is_shared(host, path):
        raise NobodysKey(field, f"is at {host}, where anybody can have a page or a mailbox: it is nobody's own domain.")
    return host


_cached_own_domain = lru_cache(maxsize=16_384)(_own_domain)


def identity(field: str, value: object, *, limit: int = MAX_ID, may_be_zero: bool = False) -> str:
    """Return the sender's own id of a thing, a text or a whole number, as a text (rules 13.26, 13.28).

    A Salesforce id of 18 characters becomes the one of 15. Raises NobodysKey for a placeholder such as `undefined`; zero
    is one too unless it may be the first number of a count.
    """
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) <= MAX_BIGINT:
        value = str(value)
    if not isinstance(value, str):
        raise Refused(field, "must be a text or a whole number.")
    clean = _visible_text(field, value, limit=limit)
    if not clean:
        raise Refused(field, "must not be empty.")
    if _is_placeholder_id(clean) and not (may_be_zero and clean == "0"):
        raise NobodysKey(field, f"is the placeholder {shorten_name(clean)!r}, which names nobody.")
    return salesforce_ids.shorten_id(clean)


def system(item: Mapping[str, object], source: str) -> str:
    """Return the system to which an item's ids belong: its `system`, or else its sender's source, whatever its case."""
    name = item.get("system")
    if name in (None, ""):
        return source.strip().lower()[:_LONGEST_SYSTEM]
    return text("system", name, limit=_LONGEST_SYSTEM).lower()


#: Ids recur: the events of a lead all name it.
_is_placeholder_id = lru_cache(maxsize=50_000)(is_placeholder)


def phone(field: str, value: object, country: str = "") -> str:
    """Return a phone number in its one spelling (rules 13.29). Raises Refused if it has fewer than six digits."""
    key = phone_numbers.to_phone_key(text(field, value, limit=40), country)
    if not key:
        raise Refused(field, f"is not a phone number: it has fewer than {phone_numbers.SHORTEST} digits, or one alone.")
    return key


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
        at = written_dates.read_date_time(field, value, locale)
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
