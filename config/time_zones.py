"""Time zones are places, because places know their summer time; and UTC. Rules 13.11.

Abbreviations (EST, CET) and fixed offsets (Etc/GMT+5) are refused with the place to take instead: who picks EST has every
deadline an hour late from March to November. Old names of places (US/Eastern, Asia/Calcutta) are accepted, not offered.
"""

from __future__ import annotations

import re
import zoneinfo
from functools import cache
from importlib import resources
from typing import Final

#: Names of UTC itself.
_UTC: Final = frozenset({"UTC", "Etc/UTC", "UCT", "Etc/UCT", "Universal", "Etc/Universal", "Zulu", "Etc/Zulu"})

_REGIONS: Final = frozenset(
    {"Africa", "America", "Antarctica", "Arctic", "Asia", "Atlantic", "Australia", "Europe", "Indian", "Pacific"}
)
# Folders and names of the time-zone database that link to places: countries, cities and parts of countries.
_OLD_REGIONS: Final = frozenset({"Brazil", "Canada", "Chile", "Mexico", "US"})
_OLD_PLACES: Final = frozenset(
    {
        "Cuba", "Egypt", "Eire", "GB", "GB-Eire", "Hongkong", "Iceland", "Iran", "Israel", "Jamaica", "Japan", "Kwajalein",
        "Libya", "NZ", "NZ-CHAT", "Navajo", "PRC", "Poland", "Portugal", "ROC", "ROK", "Singapore", "Turkey", "W-SU",
    }
)  # fmt: skip

_PLACE_OF_ABBREVIATION: Final = {
    "EST": "America/New_York", "EDT": "America/New_York", "EST5EDT": "America/New_York", "ET": "America/New_York",
    "CST": "America/Chicago", "CDT": "America/Chicago", "CST6CDT": "America/Chicago", "CT": "America/Chicago",
    "MST": "America/Denver", "MDT": "America/Denver", "MST7MDT": "America/Denver", "MT": "America/Denver",
    "PST": "America/Los_Angeles", "PDT": "America/Los_Angeles", "PST8PDT": "America/Los_Angeles", "PT": "America/Los_Angeles",
    "AKST": "America/Anchorage", "AKDT": "America/Anchorage", "HST": "Pacific/Honolulu", "AST": "America/Halifax",
    "NST": "America/St_Johns", "BRT": "America/Sao_Paulo", "ART": "America/Argentina/Buenos_Aires",
    "GMT": "Europe/London", "BST": "Europe/London", "GREENWICH": "Europe/London", "WET": "Europe/Lisbon", "WEST": "Europe/Lisbon",
    "CET": "Europe/Berlin", "CEST": "Europe/Berlin", "MET": "Europe/Berlin", "MEZ": "Europe/Berlin", "MESZ": "Europe/Berlin",
    "EET": "Europe/Athens", "EEST": "Europe/Athens", "MSK": "Europe/Moscow", "TRT": "Europe/Istanbul", "SAST": "Africa/Johannesburg",
    "IST": "Asia/Kolkata", "SGT": "Asia/Singapore", "HKT": "Asia/Hong_Kong", "JST": "Asia/Tokyo", "KST": "Asia/Seoul",
    "AWST": "Australia/Perth", "ACST": "Australia/Adelaide", "AEST": "Australia/Sydney", "AEDT": "Australia/Sydney",
    "NZST": "Pacific/Auckland", "NZDT": "Pacific/Auckland",
}  # fmt: skip
# Their clocks change, but they name no place.
_WITH_SUMMER_TIME: Final = frozenset(
    {"CET", "MET", "EET", "WET", "EST5EDT", "CST6CDT", "MST7MDT", "PST8PDT", "ET", "CT", "MT", "PT"}
)
#: Well-known places by their hours east of Greenwich in winter.
_PLACE_OF_OFFSET: Final = {
    -11: "Pacific/Pago_Pago", -10: "Pacific/Honolulu", -9: "America/Anchorage", -8: "America/Los_Angeles", -7: "America/Denver",
    -6: "America/Chicago", -5: "America/New_York", -4: "America/Halifax", -3: "America/Sao_Paulo", -2: "America/Noronha",
    -1: "Atlantic/Azores", 0: "Europe/London", 1: "Europe/Berlin", 2: "Europe/Athens", 3: "Europe/Istanbul", 4: "Asia/Dubai",
    5: "Asia/Karachi", 6: "Asia/Dhaka", 7: "Asia/Bangkok", 8: "Asia/Singapore", 9: "Asia/Tokyo", 10: "Australia/Sydney",
    11: "Pacific/Noumea", 12: "Pacific/Auckland", 13: "Pacific/Tongatapu", 14: "Pacific/Kiritimati",
}  # fmt: skip
_OFFSET: Final = re.compile(r"(Etc/)?(?:GMT|UTC|UT)?\s?([+-])(\d{1,2})(?::?00)?|(?:Etc/)?GMT0?", re.IGNORECASE)


@cache
def offered_zones() -> tuple[str, ...]:
    """Return the zones that forms offer: UTC, and the places of the time-zone database under their current names."""
    table = resources.files("tzdata").joinpath("zoneinfo", "zone.tab").read_text(encoding="utf-8")
    places = {line.split("\t")[2].strip() for line in table.splitlines() if line and not line.startswith("#")}
    return ("UTC", *sorted(places & _installed_zones()))


def is_zone(name: str) -> bool:
    """Tell whether a name is accepted: a place, also under an old name, or UTC."""
    if name in _UTC:
        return True
    region, slash, _city = name.partition("/")
    is_place = region in _REGIONS | _OLD_REGIONS if slash else name in _OLD_PLACES
    return is_place and name in _installed_zones()


def spell_zone(name: str) -> str:
    """Return the accepted name in its right case, as Europe/Berlin for europe/berlin; empty if it is none."""
    text = "_".join(name.split())
    if is_zone(text):
        return text
    spelled = _names_by_folded().get(text.casefold(), "")
    return spelled if is_zone(spelled) else ""


def explain_refusal(name: str) -> str:
    """Return a sentence why a name is not accepted, with the place to take instead if there is one."""
    place, is_fixed = _place_instead(name.strip())
    if place is None:
        return "There is no such time zone; take a place, such as Europe/Berlin."
    reason = "has no summer time" if is_fixed else "is no place"
    return f"{name.strip()} {reason}; take {place}."


def _place_instead(name: str) -> tuple[str | None, bool]:
    """Return the place for an abbreviation or offset, and whether its clocks never change."""
    abbreviation = name.upper().removeprefix("ETC/")
    if abbreviation in _PLACE_OF_ABBREVIATION:
        return _PLACE_OF_ABBREVIATION[abbreviation], abbreviation not in _WITH_SUMMER_TIME
    match = _OFFSET.fullmatch(name)
    if match is None:
        return None, False
    hours = int(match[3] or 0) * (-1 if match[2] == "-" else 1)
    # In Etc/ and after GMT in the database the sign is the other way round: Etc/GMT+5 is New York's winter.
    return _PLACE_OF_OFFSET.get(-hours if match[1] else hours), True


@cache
def _names_by_folded() -> dict[str, str]:
    # An abbreviation in small letters is no place either, and is explained by its usual name.
    return {name.casefold(): name for name in _installed_zones()}


@cache
def _installed_zones() -> frozenset[str]:
    return frozenset(zoneinfo.available_timezones())
