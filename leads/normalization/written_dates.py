"""Dates and times as people write them in their language (rules 13.18)."""

from __future__ import annotations

import datetime as dt
import re
from functools import lru_cache
from typing import Final

from leads.exceptions import Refused
from leads.normalization.locale_formats import CACHED, LONGEST, MONTHS, locale_rules

_NUMERIC_DATE: Final = re.compile(r"(\d{1,4})\s?([./-])\s?(\d{1,2})\s?\2\s?(\d{1,4})\b\.?")
_TIME: Final = re.compile(
    r"(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?\s*(?:([ap])\.?\s?m\.?(?![a-z]))?(?:\s*(?:uhr|h)\b)?"
)
_ZONE: Final = re.compile(r"(?:utc|gmt|z)?\s*([+\u2212-])(\d{2}):?(\d{2})?(?::?00)?|utc|gmt|z")
_WORD: Final = re.compile(r"[^\W\d_]+")
_FILLERS: Final = frozenset({"at", "um", "de", "del", "di", "of", "the", "à", "le", "kl", "den", "om", "r", "roku"})
_ORDINAL: Final = re.compile(r"(?<=\d)(?:st|nd|rd|th|er|º|ª|o|\.)(?=[\s,.]|$)")
_WEEKDAYS: Final = re.compile(
    r"^(?:mon|tue|wed|thu|fri|sat|sun)(?:day|sday|nesday|rsday|urday)?,?\s+|^(?:mo|di|mi|do|fr|sa|so)(?:\.|,)+\s*"
)
_TWENTIETH: Final = 69
_TWO_DIGITS: Final = 2
_FOUR_DIGITS: Final = 4
_DIGITS_OF_A_DATE: Final = 8
_NOON: Final = 12
_NO_DATE: Final = (
    "is not a date as 2026-01-31 or 2026-01-31T09:30:00Z; write it so, or state the `locale` or the `date_format`."
)


def read_date_time(field: str, text: str, locale: str = "") -> dt.datetime:
    """Read a date, with or without a time, in the order of the locale. Its zone is missing where the text names none.

    Raises Refused, with both readings of a date whose day and month could be mixed up.
    """
    clean = text.strip()
    # Digits alone are a date only as 20260131: an epoch must not be taken for a year of the Middle Ages.
    if len(clean) > LONGEST or (clean.isdecimal() and len(clean) != _DIGITS_OF_A_DATE):
        raise Refused(field, _NO_DATE)
    try:
        return dt.datetime.fromisoformat(clean)
    except (ValueError, OverflowError):
        pass
    answer = _parse_written(clean, locale)
    if isinstance(answer, str):
        raise Refused(field, answer)
    return answer


def read_formatted(field: str, text: str, date_format: str) -> dt.datetime:
    """Read a date of the form that a file states, as for `strptime`, or `epoch`, `epoch_ms`. Raises Refused."""
    try:
        if date_format in {"epoch", "epoch_ms"}:
            return dt.datetime.fromtimestamp(float(text) / (1000 if date_format == "epoch_ms" else 1), dt.UTC)
        return dt.datetime.strptime(text, date_format)  # noqa: DTZ007  # the zone comes from the map
    except (ValueError, OverflowError, OSError):
        raise Refused(field, f"is not a date of the form {date_format}.") from None


@lru_cache(maxsize=CACHED)
def _parse_written(text: str, locale: str) -> dt.datetime | str:
    """Return the date and time of a text that is no ISO date, or the rule that it breaks."""
    clean = _WEEKDAYS.sub("", " ".join(text.casefold().split()))
    clean, clock = _cut_time(clean)
    if isinstance(clock, str):
        return clock
    dates = _numeric_dates(clean, locale) if _NUMERIC_DATE.fullmatch(clean) else _worded_dates(clean)
    if not dates:
        return _NO_DATE
    if len(dates) > 1:
        readings = " or ".join(f"{date.day} {date:%B} {date.year}" for date in dates)
        return f"is {readings}: write 2026-01-31, or state the `locale` or the `date_format`."
    return dt.datetime.combine(dates[0], clock)


def _cut_time(clean: str) -> tuple[str, dt.time | str]:
    """Cut the time of the day and its zone out of a text; midnight without a zone where there is none."""
    match = _TIME.search(clean)
    if match is None:
        return clean, dt.time()
    before, after = clean[: match.start()].rstrip(" ,t"), clean[match.end() :].strip(" ,")
    zone = _ZONE.match(after)
    tzinfo = None if zone is None else _read_offset(zone)
    rest = after if zone is None else after[zone.end() :].strip()
    # In "Thu Nov 12 09:14:00 2026" the year follows the time.
    if rest and not rest.isdecimal():
        return clean, "has a time whose zone cannot be read; write it as Z or +01:00."
    hour, minute, second = int(match[1]), int(match[2]), int(match[3] or 0)
    if match[5]:
        if not 1 <= hour <= _NOON:
            return clean, _NO_DATE
        hour = hour % _NOON + (_NOON if match[5] == "p" else 0)
    try:
        clock = dt.time(hour, minute, second, int((match[4] or "0").ljust(6, "0")[:6]), tzinfo=tzinfo)
    except ValueError:
        return clean, _NO_DATE
    return f"{before} {rest}".strip(" ,"), clock


def _read_offset(zone: re.Match[str]) -> dt.timezone:
    offset = dt.timedelta(hours=int(zone[2] or 0), minutes=int(zone[3] or 0))
    if offset >= dt.timedelta(days=1):
        return dt.UTC
    return dt.timezone(offset if zone[1] == "+" else -offset)


def _numeric_dates(clean: str, locale: str) -> list[dt.date]:
    match = _NUMERIC_DATE.fullmatch(clean)
    if match is None:
        return []
    first, second, third = match[1], match[3], match[4]
    order = locale_rules(locale).order
    if len(first) == _FOUR_DIGITS:
        return _real_dates((first, second, third))
    if len(first) > _TWO_DIGITS or len(third) not in (_TWO_DIGITS, _FOUR_DIGITS):
        return []
    day_first, month_first, year_first = (third, second, first), (third, first, second), (first, second, third)
    if len(third) == _TWO_DIGITS and order == "ymd":
        return _real_dates(year_first)
    if len(third) == _TWO_DIGITS and not order:
        return _real_dates(day_first, month_first, year_first)
    dates = _real_dates(day_first, month_first)
    return (
        _real_dates(day_first if order == "dmy" else month_first)
        if len(dates) > 1 and order in ("dmy", "mdy")
        else dates
    )


def _worded_dates(clean: str) -> list[dt.date]:
    """Return the date of a text that names its month: 12 Nov 2026, Nov 12, 2026, 12. November 2026, 12-Nov-26."""
    plain = _ORDINAL.sub("", clean)
    names = [word for word in _WORD.findall(plain) if word not in _FILLERS]
    numbers = re.findall(r"\d+", plain)
    rest = re.sub(r"[\w\s,./-]", "", plain)
    if len(names) != 1 or names[0] not in MONTHS or len(numbers) != _TWO_DIGITS or rest:
        return []
    month, (first, second) = str(MONTHS[names[0]]), numbers
    if len(first) == _FOUR_DIGITS:
        return _real_dates((first, month, second))
    return _real_dates((second, month, first)) if len(second) in (_TWO_DIGITS, _FOUR_DIGITS) else []


def _real_dates(*triples: tuple[str, str, str]) -> list[dt.date]:
    """Return the days that exist among (year, month, day), each once."""
    dates: dict[dt.date, None] = {}
    for year_text, month, day in triples:
        year = int(year_text)
        if len(year_text) == _TWO_DIGITS:
            year += 1900 if year >= _TWENTIETH else 2000
        try:
            dates[dt.date(year, int(month), int(day))] = None
        except ValueError:
            continue
    return list(dates)
