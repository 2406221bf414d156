"""Why something is due when it is: the business time that was counted, day by day, in words (SPEC 6).

Pure. The sums are those of `sla.business_time.arithmetic`, in UTC; only the names of days and the times on the wall are local.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import groupby
from typing import Final
from zoneinfo import ZoneInfo

from sla.business_time.arithmetic import DAY, Calendar, Span, due, open_intervals, utc, wall_to_instant
from sla.business_time.hours import DAY_NAMES, place

#: A weekday's name alone says which one only within the week.
NAMED_BY_WEEKDAY: Final = 6
#: Longer closures are one part, however many days they take.
PARTS_AT_MOST: Final = 12


@dataclass(frozen=True, slots=True)
class Worked:
    """Business time counted on one local day."""

    day: date
    opens: datetime
    closes: datetime

    @property
    def seconds(self) -> float:
        return (self.closes - self.opens).total_seconds()


@dataclass(frozen=True, slots=True)
class Reckoning:
    """`worked` are the business intervals that were used, in order, cut at local midnights; instants are UTC."""

    zone: str
    start: datetime
    due: datetime
    worked: tuple[Worked, ...]
    parts: tuple[str, ...]

    @property
    def where(self) -> str:
        return place(self.zone)

    @property
    def due_said(self) -> str:
        return instant_said(self.due, self.zone, since=self.start)

    @property
    def start_said(self) -> str:
        return instant_said(self.start, self.zone)

    @property
    def because(self) -> str:
        return ", ".join(self.parts)

    @property
    def lines(self) -> tuple[str, ...]:
        """The intervals that were used, as the clock on the wall shows them."""
        return tuple(
            f"{DAY_NAMES[row.day.weekday()]} {row.day:%-d %b}, "
            f"{clock_said(row.opens, self.zone)}–{_closing(row, self.zone)}: {amount(row.seconds)}"
            for row in self.worked
        )


def explain(calendar: Calendar, start: datetime, seconds: float) -> Reckoning:
    """Count `seconds` of business time from `start`. Raises NeverOpen as `sla.business_time.arithmetic.due` does."""
    start = utc(start)
    end = due(calendar, start, seconds)
    spans = open_intervals(calendar, start, end)
    worked = tuple(row for span in spans for row in _by_day(calendar.zone, span))
    return Reckoning(calendar.zone, start, end, worked, tuple(_parts(calendar, start, end, worked)))


def amount(seconds: float) -> str:
    """ "45 s", "20 min", "7 h", "7 h 30 min"."""
    whole = round(seconds)
    hours, minutes = divmod(whole // 60, 60)
    if whole < 60:  # noqa: PLR2004
        return f"{whole} s"
    rest = f"{minutes} min" if minutes else ""
    return f"{hours} h {rest}".strip() if hours else rest


def instant_said(at: datetime, zone: str, since: datetime | None = None) -> str:
    """ "Monday 9:20"; with the date when the weekday alone would not say which."""
    local = at.astimezone(ZoneInfo(zone))
    name = DAY_NAMES[local.weekday()]
    if since is not None and (local.date() - since.astimezone(ZoneInfo(zone)).date()).days <= NAMED_BY_WEEKDAY:
        return f"{name} {local:%-H:%M}"
    return f"{name} {local:%-d %B %Y, %-H:%M}"


def clock_said(at: datetime, zone: str) -> str:
    return f"{at.astimezone(ZoneInfo(zone)):%-H:%M}"


def _closing(row: Worked, zone: str) -> str:
    """Midnight at the end of a day is its 24:00."""
    return "24:00" if row.closes.astimezone(ZoneInfo(zone)).date() > row.day else clock_said(row.closes, zone)


def _by_day(zone: str, span: Span) -> Iterator[Worked]:
    opens, closes = span
    while opens < closes:
        day = opens.astimezone(ZoneInfo(zone)).date()
        midnight = wall_to_instant(zone, datetime.combine(day + DAY, time()))
        yield Worked(day, opens, min(closes, midnight))
        opens = min(closes, midnight)


def _parts(calendar: Calendar, start: datetime, end: datetime, worked: tuple[Worked, ...]) -> Iterator[str]:
    zone = ZoneInfo(calendar.zone)
    first, last = start.astimezone(zone).date(), end.astimezone(zone).date()
    counted = {day: sum(row.seconds for row in rows) for day, rows in groupby(worked, key=lambda row: row.day)}
    reasons = ((day, _standing(calendar, day, counted)) for day in _days(first, last))
    runs = [(why, [day for day, _ in run]) for why, run in groupby(reasons, key=lambda each: each[1])]
    for why, days in runs[:PARTS_AT_MOST]:
        if why:
            yield f"{_run_said(why, days)}{_why(why)}"
        else:
            yield from (_counted_said(day, counted[day], first) for day in days[:PARTS_AT_MOST] if day in counted)
    if start.astimezone(zone).utcoffset() != end.astimezone(zone).utcoffset():
        yield "with the change of the clocks counted in"


def _standing(calendar: Calendar, day: date, counted: dict[date, float]) -> str:
    """Why a day gave no time; nothing for one that did, or that merely had passed."""
    if day in counted or calendar.hours(day):
        return ""
    if day in calendar.days:
        return "own day"
    return "holiday" if day in calendar.holidays and calendar.week[day.weekday()] else "closed"


def _why(why: str) -> str:
    return {"own day": " closed (own day)", "holiday": " closed (public holiday)", "closed": " closed"}[why]


def _run_said(why: str, days: list[date]) -> str:
    if len(days) > NAMED_BY_WEEKDAY:
        return f"{days[0]:%-d %B} to {days[-1]:%-d %B}"
    names = [DAY_NAMES[day.weekday()] for day in days]
    if why == "closed" and names == ["Saturday", "Sunday"]:
        return "weekend"
    return " and ".join([", ".join(names[:-1]), names[-1]]) if names[1:] else names[0]


def _counted_said(day: date, seconds: float, first: date) -> str:
    date_too = "" if (day - first).days <= NAMED_BY_WEEKDAY else f" {day:%-d %B}"
    return f"{amount(seconds)} on {DAY_NAMES[day.weekday()]}{date_too}"


def _days(first: date, last: date) -> Iterator[date]:
    for distance in range((last - first).days + 1):
        yield first + timedelta(days=distance)
