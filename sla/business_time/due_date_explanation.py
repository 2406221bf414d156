"""Explanations of due dates: the business time that was counted, day by day, as text (rules 6.11).

Pure. The arithmetic is that of `sla.business_time.arithmetic`, in UTC; only day names and wall-clock times are local.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import groupby
from typing import Final
from zoneinfo import ZoneInfo

from sla.business_time.arithmetic import DAY, Calendar, Span, due_at, open_intervals, to_utc, wall_to_instant
from sla.business_time.hours import DAY_NAMES, city_of_zone

#: A weekday's name alone is unambiguous only for this many days.
NAMED_BY_WEEKDAY: Final = 6
#: Longer closures are one part, however many days they take.
PARTS_AT_MOST: Final = 12


@dataclass(frozen=True, slots=True)
class CountedHours:
    """Business time counted on one local day."""

    day: date
    opens: datetime
    closes: datetime

    @property
    def seconds(self) -> float:
        return (self.closes - self.opens).total_seconds()


@dataclass(frozen=True, slots=True)
class DueDateExplanation:
    """A due date and the business time that leads to it.

    `worked` are the business intervals that were used, in order, cut at local midnights; instants are UTC.
    """

    zone: str
    start: datetime
    due: datetime
    worked: tuple[CountedHours, ...]
    parts: tuple[str, ...]

    @property
    def city(self) -> str:
        return city_of_zone(self.zone)

    @property
    def due_text(self) -> str:
        return format_instant(self.due, self.zone, since=self.start)

    @property
    def start_text(self) -> str:
        return format_instant(self.start, self.zone)

    @property
    def because(self) -> str:
        return ", ".join(self.parts)

    @property
    def lines(self) -> tuple[str, ...]:
        """Return one line for each interval that was used, in wall-clock time."""
        return tuple(
            f"{DAY_NAMES[row.day.weekday()]} {row.day:%-d %b}, "
            f"{format_clock(row.opens, self.zone)}–{_format_closing(row, self.zone)}: {format_duration(row.seconds)}"
            for row in self.worked
        )


def explain_due_date(calendar: Calendar, start: datetime, seconds: float) -> DueDateExplanation:
    """Count `seconds` of business time from `start`. Raises NeverOpen as `sla.business_time.arithmetic.due_at` does."""
    start = to_utc(start)
    end = due_at(calendar, start, seconds)
    spans = open_intervals(calendar, start, end)
    worked = tuple(row for span in spans for row in _split_by_day(calendar.zone, span))
    return DueDateExplanation(calendar.zone, start, end, worked, tuple(_build_parts(calendar, start, end, worked)))


def format_duration(seconds: float) -> str:
    """Return a duration as text: "45 s", "20 min", "7 h", "7 h 30 min"."""
    whole = round(seconds)
    hours, minutes = divmod(whole // 60, 60)
    if whole < 60:  # noqa: PLR2004 (seconds in a minute)
        return f"{whole} s"
    rest = f"{minutes} min" if minutes else ""
    return f"{hours} h {rest}".strip() if hours else rest


def format_instant(at: datetime, zone: str, since: datetime | None = None) -> str:
    """Return an instant as text: "Monday 9:20", with the date when the weekday alone would be ambiguous."""
    local = at.astimezone(ZoneInfo(zone))
    name = DAY_NAMES[local.weekday()]
    if since is not None and (local.date() - since.astimezone(ZoneInfo(zone)).date()).days <= NAMED_BY_WEEKDAY:
        return f"{name} {local:%-H:%M}"
    return f"{name} {local:%-d %B %Y, %-H:%M}"


def format_clock(at: datetime, zone: str) -> str:
    return f"{at.astimezone(ZoneInfo(zone)):%-H:%M}"


def _format_closing(row: CountedHours, zone: str) -> str:
    """Return the closing time; midnight at the end of a day is its 24:00."""
    return "24:00" if row.closes.astimezone(ZoneInfo(zone)).date() > row.day else format_clock(row.closes, zone)


def _split_by_day(zone: str, span: Span) -> Iterator[CountedHours]:
    opens, closes = span
    while opens < closes:
        day = opens.astimezone(ZoneInfo(zone)).date()
        midnight = wall_to_instant(zone, datetime.combine(day + DAY, time()))
        yield CountedHours(day, opens, min(closes, midnight))
        opens = min(closes, midnight)


def _build_parts(calendar: Calendar, start: datetime, end: datetime, worked: tuple[CountedHours, ...]) -> Iterator[str]:
    zone = ZoneInfo(calendar.zone)
    first, last = start.astimezone(zone).date(), end.astimezone(zone).date()
    counted = {day: sum(row.seconds for row in rows) for day, rows in groupby(worked, key=lambda row: row.day)}
    reasons = ((day, _closure_reason(calendar, day, counted)) for day in _days_between(first, last))
    runs = [(why, [day for day, _ in run]) for why, run in groupby(reasons, key=lambda run: run[1])]
    for why, days in runs[:PARTS_AT_MOST]:
        if why:
            yield f"{_describe_days(why, days)}{_describe_closure(why)}"
        else:
            yield from (_describe_counted(day, counted[day], first) for day in days[:PARTS_AT_MOST] if day in counted)
    if start.astimezone(zone).utcoffset() != end.astimezone(zone).utcoffset():
        yield "with the change of the clocks counted in"


def _closure_reason(calendar: Calendar, day: date, counted: dict[date, float]) -> str:
    """Return why no time was counted on a day, or an empty string if time was counted or the hours had passed."""
    if day in counted or calendar.hours(day):
        return ""
    if day in calendar.days:
        return "own day"
    return "holiday" if day in calendar.holidays and calendar.week[day.weekday()] else "closed"


def _describe_closure(why: str) -> str:
    return {"own day": " closed (own day)", "holiday": " closed (public holiday)", "closed": " closed"}[why]


def _describe_days(why: str, days: list[date]) -> str:
    if len(days) > NAMED_BY_WEEKDAY:
        return f"{days[0]:%-d %B} to {days[-1]:%-d %B}"
    names = [DAY_NAMES[day.weekday()] for day in days]
    if why == "closed" and names == ["Saturday", "Sunday"]:
        return "weekend"
    return " and ".join([", ".join(names[:-1]), names[-1]]) if names[1:] else names[0]


def _describe_counted(day: date, seconds: float, first: date) -> str:
    date_too = "" if (day - first).days <= NAMED_BY_WEEKDAY else f" {day:%-d %B}"
    return f"{format_duration(seconds)} on {DAY_NAMES[day.weekday()]}{date_too}"


def _days_between(first: date, last: date) -> Iterator[date]:
    for distance in range((last - first).days + 1):
        yield first + timedelta(days=distance)
