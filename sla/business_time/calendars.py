"""Stored calendars as calendars of `sla.business_time.arithmetic`, and the frozen versions that clocks start with."""

from __future__ import annotations

import datetime as dt
import hashlib
import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from functools import lru_cache
from typing import Final

import structlog
from django.db import transaction
from django.db.models import QuerySet, prefetch_related_objects

from config import time_zones
from config.accounts.models import User
from config.accounts.roles import holds
from config.accounts.vocabulary import Role
from sla.business_time.arithmetic import MINUTES_A_DAY, BadCalendar, Calendar, Hours, Interval, country_holidays
from sla.business_time.hours import CalendarDraft, OwnDay, describe_changes, find_problems
from sla.models import CalendarChange, CalendarVersion, Rep, SpecialDay, WorkCalendar, WorkHours

log = structlog.get_logger(__name__)

ALL_DAY: Final = (Interval(0, MINUTES_A_DAY),)

#: Parsed versions by digest. A version never changes, so neither does its entry.
_LOADED: Final[dict[str, Calendar]] = {}
_LOADED_AT_MOST: Final = 500


def calendar_of_rep(rep: Rep) -> WorkCalendar:
    return rep.calendar or rep.team.calendar


def build_calendar(calendar: WorkCalendar, around: dt.datetime) -> Calendar:
    """Return the calendar with the public holidays from the year before `around` to the year after it.

    Reads `hours` and `special_days`, which may be prefetched. Raises BadCalendar for an unknown zone or country.
    """
    return build_from_draft(draft_from_rows(calendar), around)


def check_calendar(*, zone: str, country: str, subdivision: str, now: dt.datetime) -> None:
    """Check the zone and the country. Raises BadCalendar for a zone that is no place, or if the calendar could not be read
    later.
    """
    if not time_zones.is_zone(zone):
        raise BadCalendar(time_zones.explain_refusal(zone))
    _public_holidays(country, subdivision, now.year)


def whole_days(calendar: Calendar) -> Calendar:
    """Return the same working days, open around the clock, for the disposition clock (docs/decisions/0004-disposition-clock.md)."""
    return replace(
        calendar,
        week=tuple(_around_the_clock(hours) for hours in calendar.week),
        days={day: _around_the_clock(hours) for day, hours in calendar.days.items()},
        breaks={},
    )


def freeze_version(calendar: WorkCalendar, now: dt.datetime, *, around_the_clock: bool = False) -> CalendarVersion:
    """Return the calendar frozen as it is: one row for each content, however many callers ask at once.

    Its hours are read once and stay with the object: a handoff's two clocks start by the same reading.
    """
    prefetch_related_objects([calendar], "hours", "special_days")
    content = build_calendar(calendar, now)
    if around_the_clock:
        content = whole_days(content)
    return _store_version(calendar, content, now)


def list_changes(calendar: WorkCalendar) -> QuerySet[CalendarChange]:
    """Return people's changes of the calendar, the latest first."""
    return calendar.changes.select_related("by").order_by("-at", "-pk")


def load_version(version: CalendarVersion) -> Calendar:
    calendar = _LOADED.get(version.digest)
    if calendar is None:
        if len(_LOADED) >= _LOADED_AT_MOST:
            _LOADED.clear()
        calendar = _LOADED[version.digest] = Calendar.from_dict(version.content)
    return calendar


def draft_from_rows(calendar: WorkCalendar) -> CalendarDraft:
    """Return the stored calendar in the form in which it is edited.

    Reads `hours` and `special_days`, which may be prefetched.
    """
    week: dict[int, list[Interval]] = defaultdict(list)
    for row in calendar.hours.all():
        week[row.weekday].append(_interval(row.opens, row.closes))
    labels = {row.date: row.label for row in calendar.special_days.all()}
    own_days = tuple(OwnDay(day, labels[day], hours) for day, hours in sorted(_special_days(calendar).items()))
    return CalendarDraft(
        name=calendar.name,
        zone=calendar.zone,
        country=calendar.country,
        subdivision=calendar.subdivision,
        week=tuple(tuple(sorted(week[weekday])) for weekday in range(7)),
        days=own_days,
    )


def build_from_draft(draft: CalendarDraft, around: dt.datetime) -> Calendar:
    """Return the calendar that a draft describes. Raises BadCalendar for an unknown zone or country."""
    return draft.to_calendar(_public_holidays(draft.country, draft.subdivision, around.year))


def stamp(draft: CalendarDraft) -> str:
    """Return a stamp of the draft: equal drafts have equal stamps, so an edit can name the state it began with."""
    return hashlib.sha256(repr(draft).encode()).hexdigest()[:16]


def countries() -> list[tuple[str, str]]:
    """Return code and name of each country whose public holidays are known, ordered by name."""
    # The library takes a second to import, and only the pages that edit a calendar need it.
    from holidays.registry import COUNTRIES  # noqa: PLC0415 (slow to import)

    named = ((code, re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)) for name, code, *_ in COUNTRIES.values())
    return sorted(named, key=lambda country: country[1])


def subdivisions(country: str) -> list[str]:
    """Return the parts of a country that have holidays of their own."""
    import holidays  # noqa: PLC0415 (slow to import)

    return list(holidays.list_supported_countries().get(country, []))


def coming_holidays(draft: CalendarDraft, now: dt.datetime) -> list[tuple[dt.date, str]]:
    """Return the next twelve months' public holidays with their names. Raises BadCalendar for an unknown country."""
    if not draft.country:
        return []
    import holidays  # noqa: PLC0415 (slow to import)

    today = now.date()
    country_holidays(draft.country, draft.subdivision or None, [today.year])
    holiday_names = holidays.country_holidays(
        draft.country, subdiv=draft.subdivision or None, years=(today.year, today.year + 1)
    )
    return [(day, name) for day, name in sorted(holiday_names.items()) if today <= day < today + dt.timedelta(days=365)]


@transaction.atomic
def change_calendar(
    *, calendar: WorkCalendar | None, draft: CalendarDraft, seen_stamp: str, by: User, now: dt.datetime, why: str = ""
) -> WorkCalendar:
    """Store a calendar as drafted, a new one for None; running clocks keep the version they started with (rules 6.12).

    1. Check the person's role.
    2. Check the draft's zone, country and hours.
    3. Lock the stored calendar; refuse if it changed since `seen_stamp`, the stamp of what the edit began with.
    4. Store the columns, after a check that the name is free.
    5. Replace the hours and special days.
    6. Record who changed what; a draft that changes nothing records nothing.

    Raises BadCalendar with sentences for the user.
    """
    if not holds(by, Role.SALES_MANAGER):
        raise BadCalendar("Only a sales manager changes calendars.")
    check_calendar(zone=draft.zone, country=draft.country, subdivision=draft.subdivision, now=now)
    if problems := find_problems(draft):
        raise BadCalendar(" ".join(problems))
    row = _lock_calendar(calendar, seen_stamp)
    before = draft_from_rows(row) if row.pk else None
    row.name, row.zone, row.country, row.subdivision = draft.name, draft.zone, draft.country, draft.subdivision
    _check_name(row)
    row.save()
    _replace_hours(row, draft)
    record_change(calendar=row, before=before, after=draft, by=by, now=now, why=why)
    return row


def record_change(
    *,
    calendar: WorkCalendar,
    before: CalendarDraft | None,
    after: CalendarDraft,
    by: User,
    now: dt.datetime,
    why: str = "",
) -> CalendarChange | None:
    """Store who changed the calendar and what is different; return None if nothing is."""
    differences = describe_changes(before, after)
    if not differences:
        return None
    version = _store_version(calendar, build_from_draft(after, now), now)
    log.info("calendar_changed", calendar=calendar.pk, by=by.pk)
    return CalendarChange.objects.create(
        calendar=calendar, version=version, by=by, at=now, said="; ".join(differences), why=why.strip()
    )


def _store_version(calendar: WorkCalendar, content: Calendar, now: dt.datetime) -> CalendarVersion:
    version, _ = CalendarVersion.objects.get_or_create(
        calendar=calendar, digest=content.digest(), defaults={"content": content.as_dict(), "created_at": now}
    )
    return version


def _lock_calendar(calendar: WorkCalendar | None, seen_stamp: str) -> WorkCalendar:
    if calendar is None:
        return WorkCalendar()
    row = WorkCalendar.objects.select_for_update(of=("self",)).get(pk=calendar.pk)
    if stamp(draft_from_rows(row)) != seen_stamp:
        raise BadCalendar("Somebody changed this calendar in the meantime; look at it as it is now, then change it.")
    return row


def _check_name(row: WorkCalendar) -> None:
    if WorkCalendar.objects.filter(name__iexact=row.name).exclude(pk=row.pk).exists():
        raise BadCalendar(f"There is a calendar “{row.name}” already.")


def _replace_hours(row: WorkCalendar, draft: CalendarDraft) -> None:
    row.hours.all().delete()
    row.special_days.all().delete()
    WorkHours.objects.bulk_create(
        WorkHours(calendar=row, weekday=weekday, **_columns(interval))
        for weekday, hours in enumerate(draft.week)
        for interval in hours
    )
    SpecialDay.objects.bulk_create(
        SpecialDay(calendar=row, date=day.date, label=day.label, **columns)
        for day in draft.days
        for columns in ([_columns(interval) for interval in day.hours] or [{}])
    )


def _columns(interval: Interval) -> dict[str, int]:
    """Return opening and closing as minutes of a day; only midnight after a whole evening is 24:00."""
    closes = interval.closes
    return {"opens": interval.opens, "closes": closes if closes <= MINUTES_A_DAY else closes - MINUTES_A_DAY}


def _interval(opens: int, closes: int) -> Interval:
    return Interval(opens, closes if closes > opens else closes + MINUTES_A_DAY)


def _special_days(calendar: WorkCalendar) -> dict[dt.date, Hours]:
    days: dict[dt.date, list[Interval]] = {}
    for row in calendar.special_days.all():
        hours = days.setdefault(row.date, [])
        if row.opens is not None and row.closes is not None:
            hours.append(_interval(row.opens, row.closes))
    return {day: tuple(sorted(hours)) for day, hours in days.items()}


# Building a country's holidays takes milliseconds, and each new handoff needs them.
@lru_cache(maxsize=200)
def _public_holidays(country: str, subdivision: str, year: int) -> frozenset[dt.date]:
    if not country:
        return frozenset()
    return country_holidays(country, subdivision or None, range(year - 1, year + 2))


def _around_the_clock(hours: Iterable[Interval]) -> Hours:
    return ALL_DAY if tuple(hours) else ()
