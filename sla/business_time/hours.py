"""A calendar as a person types and reads it: hours as text, one sentence for all of it, and what is wrong with it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby, pairwise
from typing import Final

from sla.business_time.arithmetic import MINUTES_A_DAY, WEEKDAYS, BadCalendar, Calendar, Hours, Interval

DAY_NAMES: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
INTERVALS_A_DAY_AT_MOST: Final = 12
MINUTES_A_WEEK: Final = 7 * MINUTES_A_DAY

_TIME: Final = r"(\d{1,2})(?::(\d{2}))?"
_RANGE: Final = re.compile(rf"{_TIME}\s*(?:-|–|—|to)\s*{_TIME}", re.ASCII)


@dataclass(frozen=True, slots=True)
class OwnDay:
    """A date of the team's own: closed without hours, else open then and only then. It beats a public holiday."""

    date: date
    label: str
    hours: Hours = ()


@dataclass(frozen=True, slots=True)
class CalendarDraft:
    """A calendar as somebody would have it; `week` is Monday first."""

    name: str
    zone: str
    country: str
    subdivision: str
    week: tuple[Hours, ...]
    days: tuple[OwnDay, ...]

    def to_calendar(self, holidays: frozenset[date] = frozenset()) -> Calendar:
        """Raises BadCalendar for an unknown zone."""
        return Calendar(self.zone, self.week, {day.date: day.hours for day in self.days}, holidays=holidays)


def read_hours(text: str) -> Hours:
    """Read "9:00-12:00, 13-17:30"; nothing means closed, "22:00-06:00" runs into the next day, 24:00 is the midnight after.

    Raises BadCalendar with a sentence that names the rule.
    """
    parts = [part.strip() for part in re.split(r"[,;]|\band\b", text) if part.strip()]
    if parts in (["closed"], ["Closed"]):
        return ()
    if len(parts) > INTERVALS_A_DAY_AT_MOST:
        raise BadCalendar(f"A day takes at most {INTERVALS_A_DAY_AT_MOST} intervals.")
    hours = tuple(sorted(_parse_interval(part) for part in parts))
    for earlier, later in pairwise(hours):
        if later.opens < earlier.closes:
            raise BadCalendar(f"{format_interval(earlier)} and {format_interval(later)} overlap.")
    return hours


def format_interval(interval: Interval) -> str:
    opens, closes = interval.as_text()
    return f"{_drop_leading_zero(opens)}–{_drop_leading_zero(closes)}"


def format_hours(hours: Iterable[Interval]) -> str:
    """Hours as `read_hours` reads them."""
    return ", ".join("-".join(interval.as_text()) for interval in sorted(hours))


def find_problems(draft: CalendarDraft) -> tuple[str, ...]:
    """What is wrong between days, which no single day shows: hours that run into those of the day after."""
    spans = [
        (weekday * MINUTES_A_DAY + interval.opens, weekday * MINUTES_A_DAY + interval.closes, weekday, interval)
        for weekday, hours in enumerate(draft.week)
        for interval in sorted(hours)
    ]
    around = [*spans, *((spans[0][0] + MINUTES_A_WEEK, *spans[0][1:]),)] if spans else []
    overlapping = tuple(
        f"{DAY_NAMES[earlier[2]]} {format_interval(earlier[3])} runs into {DAY_NAMES[later[2]]} {format_interval(later[3])}."
        for earlier, later in pairwise(around)
        if earlier[2] != later[2] and later[0] < earlier[1]
    )
    return (*overlapping, *_find_repeated_days(draft.days))


def describe_calendar(draft: CalendarDraft) -> str:
    """ "Mon–Fri 9:00–12:00, 13:00–17:30 Berlin; public holidays of DE-BY; 3 own days"."""
    parts = [f"{_describe_week(draft.week)} {city_of_zone(draft.zone)}"]
    if draft.country:
        parts.append(f"public holidays of {draft.country}{f'-{draft.subdivision}' if draft.subdivision else ''}")
    if draft.days:
        parts.append(f"{len(draft.days)} own day{'' if len(draft.days) == 1 else 's'}")
    return "; ".join(parts)


def describe_changes(before: CalendarDraft | None, after: CalendarDraft) -> tuple[str, ...]:
    """What is different, each a part of a sentence: "Friday 9:00–16:00 instead of 9:00–17:00". A new one: all of it."""
    if before is None:
        return (f"New: {describe_calendar(after)}",)
    return (*_place_changes(before, after), *_week_changes(before.week, after.week), *_day_changes(before, after))


def city_of_zone(zone: str) -> str:
    """The city of a zone: "Berlin", "New York", "UTC"."""
    return zone.rpartition("/")[2].replace("_", " ")


def _describe_week(week: Sequence[Hours]) -> str:
    runs = [(hours, [weekday for weekday, _ in run]) for hours, run in groupby(enumerate(week), key=lambda day: day[1])]
    open_runs = [
        f"{_describe_days(run)} {', '.join(map(format_interval, sorted(hours)))}" for hours, run in runs if hours
    ]
    return ", ".join(open_runs) or "Closed all week,"


def _describe_days(weekdays: list[int]) -> str:
    first, last = (WEEKDAYS[weekday].capitalize() for weekday in (weekdays[0], weekdays[-1]))
    if len(weekdays) == 1:
        return first
    return "Every day" if len(weekdays) == len(WEEKDAYS) else f"{first}–{last}"


def _place_changes(before: CalendarDraft, after: CalendarDraft) -> Iterator[str]:
    if after.name != before.name:
        yield f"named “{after.name}” instead of “{before.name}”"
    if after.zone != before.zone:
        yield f"time zone {after.zone} instead of {before.zone}"
    if _country(after) != _country(before):
        yield f"public holidays of {_country(after)} instead of {_country(before)}"


def _country(draft: CalendarDraft) -> str:
    return "-".join(part for part in (draft.country, draft.subdivision) if part) or "nowhere"


def _week_changes(before: Sequence[Hours], after: Sequence[Hours]) -> Iterator[str]:
    """Neighbouring days with the same change are said in one."""
    pairs = enumerate(zip(before, after, strict=True))
    for (old, new), run in groupby(pairs, key=lambda day: day[1]):
        if old != new:
            days = [weekday for weekday, _ in run]
            name = DAY_NAMES[days[0]] if len(days) == 1 else _describe_days(days)
            yield f"{name} {_describe_hours(new)} instead of {_describe_hours(old)}"


def _day_changes(before: CalendarDraft, after: CalendarDraft) -> Iterator[str]:
    old, new = ({day.date: day for day in draft.days} for draft in (before, after))
    for on in sorted({*old, *new}):
        if on not in new:
            yield f"no longer {_describe_own_day(old[on])}"
        elif new[on] != old.get(on):
            was = f" instead of {_describe_hours(old[on].hours)}" if on in old else ""
            yield f"{_describe_own_day(new[on])}{was}"


def _describe_own_day(day: OwnDay) -> str:
    return f"{day.date:%-d %B %Y} ({day.label}) {_describe_hours(day.hours)}"


def _describe_hours(hours: Hours) -> str:
    return ", ".join(map(format_interval, sorted(hours))) or "closed"


def _parse_interval(text: str) -> Interval:
    match = _RANGE.fullmatch(text)
    if match is None:
        raise BadCalendar(f"“{text[:40]}” is not hours; write 09:00-12:00, 13:00-17:30.")
    opens, closes = f"{int(match[1]):02}:{match[2] or '00'}", f"{int(match[3]):02}:{match[4] or '00'}"
    if opens == closes or (opens, closes) == ("24:00", "00:00"):
        raise BadCalendar(
            f"{_drop_leading_zero(opens)}–{_drop_leading_zero(closes)} is no time at all; a whole day is 00:00-24:00."
        )
    if opens == "24:00":
        raise BadCalendar("A day begins at 00:00; 24:00 is only where it ends.")
    return Interval.parse(opens, closes)


def _drop_leading_zero(text: str) -> str:
    return text.removeprefix("0")


def _find_repeated_days(days: Sequence[OwnDay]) -> Iterator[str]:
    dates: set[date] = set()
    for day in days:
        if day.date in dates:
            yield f"{day.date:%-d %B %Y} stands there twice."
        dates.add(day.date)
