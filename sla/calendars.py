"""The stored calendars as the pure ones of `sla.calendar`, and the exact version a clock starts with."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from functools import lru_cache
from typing import Final

from sla.calendar import MINUTES_A_DAY, Calendar, Hours, Interval, country_holidays
from sla.models import CalendarVersion, Rep, WorkCalendar

ALL_DAY: Final = (Interval(0, MINUTES_A_DAY),)

#: Parsed versions by digest. A version never changes, so neither does what is kept here.
_LOADED: Final[dict[str, Calendar]] = {}
_LOADED_AT_MOST: Final = 500


def of_rep(rep: Rep) -> WorkCalendar:
    return rep.calendar or rep.team.calendar


def pure(calendar: WorkCalendar, around: dt.datetime) -> Calendar:
    """The calendar with the public holidays of the year before `around` to the year after it.

    Reads `hours` and `special_days`, which may be prefetched. Raises BadCalendar for an unknown zone or country.
    """
    week: dict[int, list[Interval]] = defaultdict(list)
    for row in calendar.hours.all():
        week[row.weekday].append(_interval(row.opens, row.closes))
    return Calendar(
        zone=calendar.zone,
        week=tuple(tuple(sorted(week[weekday])) for weekday in range(7)),
        days=_special_days(calendar),
        holidays=_public_holidays(calendar.country, calendar.subdivision, around.year),
    )


def check(*, zone: str, country: str, subdivision: str, now: dt.datetime) -> None:
    """Raises BadCalendar when such a calendar could not be read later."""
    Calendar(zone=zone)
    _public_holidays(country, subdivision, now.year)


def whole_days(calendar: Calendar) -> Calendar:
    """The same working days, around the clock: what the disposition clock counts (docs/decisions/disposition-clock.md)."""
    return replace(
        calendar,
        week=tuple(_around_the_clock(hours) for hours in calendar.week),
        days={day: _around_the_clock(hours) for day, hours in calendar.days.items()},
        breaks={},
    )


def version_of(calendar: WorkCalendar, now: dt.datetime, *, around_the_clock: bool = False) -> CalendarVersion:
    """The calendar frozen as it is: one row per content, however many ask for it at once."""
    content = pure(calendar, now)
    if around_the_clock:
        content = whole_days(content)
    version, _ = CalendarVersion.objects.get_or_create(
        calendar=calendar, digest=content.digest(), defaults={"content": content.as_dict(), "created_at": now}
    )
    return version


def load(version: CalendarVersion) -> Calendar:
    calendar = _LOADED.get(version.digest)
    if calendar is None:
        if len(_LOADED) >= _LOADED_AT_MOST:
            _LOADED.clear()
        calendar = _LOADED[version.digest] = Calendar.from_dict(version.content)
    return calendar


def _interval(opens: int, closes: int) -> Interval:
    return Interval(opens, closes if closes > opens else closes + MINUTES_A_DAY)


def _special_days(calendar: WorkCalendar) -> dict[dt.date, Hours]:
    days: dict[dt.date, list[Interval]] = {}
    for row in calendar.special_days.all():
        hours = days.setdefault(row.date, [])
        if row.opens is not None and row.closes is not None:
            hours.append(_interval(row.opens, row.closes))
    return {day: tuple(sorted(hours)) for day, hours in days.items()}


# Building a country's holidays costs milliseconds, and each handoff asks for them.
@lru_cache(maxsize=200)
def _public_holidays(country: str, subdivision: str, year: int) -> frozenset[dt.date]:
    if not country:
        return frozenset()
    return country_holidays(country, subdivision or None, range(year - 1, year + 2))


def _around_the_clock(hours: Iterable[Interval]) -> Hours:
    return ALL_DAY if tuple(hours) else ()
