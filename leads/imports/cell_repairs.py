"""The repair of cells: what spreadsheets and senders do to values on the way, and what cannot be repaired."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from leads.exceptions import Refused
from leads.normalization import attributes, salesforce_ids, validation
from leads.normalization.placeholders import is_placeholder_value

#: What a formula without a result leaves behind, in the languages of common spreadsheets.
_ERROR_VALUES: Final = (
    "#n/a #na #nv #n/v #value! #wert! #valeur! #valor! #¡valor! #valore! #ref! #bezug! #¡ref! #rif! #div/0! #¡div/0! #name? #nom? "
    "#¿nombre? #nome? #num! #zahl! #nombre! #¡num! #null! #nul! #¡nulo! #nullo! #spill! #calc! #getting_data #error! #field! #blocked! "
    "#unknown! #connect! #busy!"
)
_ERRORS: Final = frozenset(_ERROR_VALUES.split())
_QUOTED_FORMULA = re.compile(r'="((?:[^"]|"")*)"')
_ROUNDED = re.compile(r"[+-]?\d([.,]\d+)?e\+\d{1,3}", re.IGNORECASE)
#: The note on a value that is lost, in a cell that is no key.
ROUNDED: Final = "A number that a spreadsheet rounded, its last digits are lost: it was left out."
_DAY_NUMBER = re.compile(r"[2-7]\d{4}(\.\d+)?")
_DAYS_FROM: Final = dt.datetime(1899, 12, 30)  # noqa: DTZ001  # the zone comes from the map
_KEYS: Final = frozenset({"external_id", "company_external_id", "id", "lead"})
#: The note on an id of Salesforce's in small or capital letters alone.
LOST_CASE: Final = (
    "Looks like a Salesforce id whose small and capital letters were mixed up, and its last three characters do not"
    " restore them: it is kept as it came."
)
_PHONE_PREFIX = re.compile(r"(?:p|tel|phone):\s*(?=[+(\d])", re.IGNORECASE)
#: What opt-out columns say beside yes and no. None says nothing about a wish: an address that bounced, or one that was
#: never asked.
_WISHES: Final[Mapping[str, bool | None]] = MappingProxyType(
    {
        **dict.fromkeys(
            ("unsubscribed", "opted out", "opted-out", "opt out", "opt-out", "optout", "do not allow", "do not contact",
             "do not email", "unsubscribe", "not subscribed", "x", "✓", "checked", "abgemeldet", "désabonné", "désinscrit",
             "blocklisted", "blacklisted", "dado de baja", "optedout", "unsub", "unsubscribed from all", "unsubscribed all",
             "global unsubscribe", "globally unsubscribed", "do not call", "dnc", "dnd", "no contact", "suppressed", "withdrawn",
             "consent withdrawn", "revoked", "complained", "spam complaint", "out", "1.0", "nicht kontaktieren", "widerrufen",
             "disiscritto", "descadastrado", "uitgeschreven", "wypisany", "avregistrerad"), True
        ),
        **dict.fromkeys(
            ("subscribed", "active", "opted in", "opted-in", "opt in", "opt-in", "allow", "allowed", "unchecked", "resubscribed",
             "optedin", "consent granted", "in", "0.0",
             "angemeldet", "abonniert", "abonné", "inscrit", "suscrito", "iscritto", "inscrito", "ingeschreven"), False
        ),
        **dict.fromkeys(
            ("no consent", "no_consent", "bounced", "archived", "cleaned", "non-subscribed", "nonsubscribed", "pending",
             "never subscribed", "unconfirmed", "hard bounce", "soft bounce", "transactional", "unknown", "not set"), None
        ),
    }
)  # fmt: skip
_WISH_DATE = re.compile(r"(?:\d{4}-\d\d-\d\d|\d{1,2}([./-])\d{1,2}\1\d{4})\b.*")


def repair_cell(cell: str) -> str:
    """Return a cell without what surrounds its value: space, invisible characters, a formula that only quotes it.

    A formula's error is an empty cell.
    """
    clean = validation.trim(cell)
    if clean.startswith("=") and (quoted := _QUOTED_FORMULA.fullmatch(clean)):
        return validation.trim(quoted[1].replace('""', '"'))
    if clean.startswith("#") and clean.casefold() in _ERRORS:
        return ""
    return clean


def refuse_test_row(cells: Sequence[str]) -> None:
    """Raise Refused for a row that the sender's testing tool made."""
    text = "\n".join(cells)
    is_marked = ("<" in text and "<test lead" in text.casefold()) or "TeSter-123-" in text
    is_marked = is_marked or ("test@example.com" in text and "FirstName LastName" in text)
    if is_marked or ("test@meta.com" in text and any(cell.strip() == "test@meta.com" for cell in cells)):
        raise Refused("row", "comes from the sender's testing tool, not from a person.")


def is_rounded(target: str, cell: str, *, is_text: bool) -> bool:
    """Tell whether a spreadsheet made a rounded number of a value. Raises Refused if it is a key."""
    if "+" not in cell or not _ROUNDED.fullmatch(cell):
        return False
    if target in _KEYS:
        raise Refused(
            target,
            f"is {cell}, a number that a spreadsheet rounded: its last digits are lost. Take it from the source again, "
            "in a column formatted as text.",
        )
    return target == "phone" or (is_text and target.startswith(("custom.", "properties.")))


def refuse_day_number(target: str, cell: str) -> None:
    """Raise Refused for a date that comes as a spreadsheet's number of a day."""
    if _DAY_NUMBER.fullmatch(cell):
        raise Refused(
            target,
            f"is {cell}, a spreadsheet's number of a day. Format the column as a date, or give "
            '`date_format: "excel"` in the mapping.',
        )


def parse_day_number(field: str, cell: str) -> dt.datetime:
    """Parse a spreadsheet's number of a day, to the second. Raises Refused."""
    try:
        return _DAYS_FROM + dt.timedelta(seconds=round(float(cell) * 86_400))
    except (ValueError, OverflowError):
        raise Refused(field, "is not a spreadsheet's number of a day, as 45321.") from None


def has_lost_case(target: str, cell: str) -> bool:
    """Tell whether a key is an id of Salesforce's whose case is lost for good."""
    return target in _KEYS and salesforce_ids.has_lost_case(cell)


def split_full_name(item: dict[str, Any]) -> None:
    """Put first and last name in the place of the full name: the last word is the last name, or what a comma ends."""
    name = str(item.pop("full_name"))
    last, comma, first = name.partition(",")
    if not comma:
        first, _, last = name.rpartition(" ")
    if not first.strip():
        first, last = last, ""
    for target, part in (("first_name", first), ("last_name", last)):
        if part.strip():
            item.setdefault(target, part.strip())


def _parse_wish(field: str, cell: str, _prefix: str) -> bool | None:
    # Programs write opted_out for "opted out".
    answer = " ".join(cell.casefold().replace("_", " ").split())
    if answer in _WISHES:
        return _WISHES[answer]
    if is_placeholder_value(field, cell):
        return None
    if _WISH_DATE.fullmatch(answer):
        return True
    try:
        return attributes.parse_flag(field, cell)
    except Refused:
        raise Refused(
            field,
            f"is {validation.shorten_name(cell)!r}, which may be a wish not to be contacted or not: "
            "write yes or no, or give its meaning in `values` of a mapping.",
        ) from None


def _cut_phone_prefix(_field: str, cell: str, _prefix: str) -> str:
    return _PHONE_PREFIX.sub("", cell, count=1) if ":" in cell else cell


def _cut_id_prefix(_field: str, cell: str, prefix: str) -> str:
    return cell.removeprefix(prefix)


REPAIRS: Final[Mapping[str, Callable[[str, str, str], object]]] = MappingProxyType(
    {"do_not_contact": _parse_wish, "phone": _cut_phone_prefix, "external_id": _cut_id_prefix}
)
