"""Business time: which instants are working time, and how much of it lies between two of them.

Pure: aware datetimes in, UTC datetimes out. A calendar is read through the wall clock of its zone: an instant is open
when the wall clock shows an open minute. So a wall time that daylight saving skips never happens and one that it
repeats counts twice, while everything that is added or subtracted here is added and subtracted in UTC (rules 6.11).
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from datetime import time as wall_time
from typing import Any, TypeAlias
from zoneinfo import ZoneInfo

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MINUTES_A_DAY = 24 * 60
# Two years, so that a calendar of one weekend a year, or a long sabbatical, still finds its next opening.
LONGEST_CLOSURE = timedelta(days=2 * 366)
# Eleven years of computed days a calendar; beyond, the memory is worth more than the time.
DAYS_KEPT = 4096

DAY = timedelta(days=1)
HOURS_AND_MINUTES = re.compile(r"([01][0-9]|2[0-4]):([0-5][0-9])")


class BadCalendar(ValueError):
    """Opening hours, a zone or a stored calendar that cannot be read."""


class NeverOpen(Exception):
    """A calendar with two years of closure before the answer is reached."""


class NeverCloses(Exception):
    """A calendar that is open for the whole two years after the instant."""


@dataclass(frozen=True, slots=True, order=True)
class Interval:
    """Opening hours `[opens, closes)` in minutes since the midnight of the day they open.

    Overnight hours close past 1440: 22:00 to 06:00 is `Interval(1320, 1800)`. Never longer than 24 hours.
    """

    opens: int
    closes: int

    def __post_init__(self) -> None:
        if not (0 <= self.opens < MINUTES_A_DAY and self.opens < self.closes <= self.opens + MINUTES_A_DAY):
            raise BadCalendar(f"Opening hours cannot run from minute {self.opens} to minute {self.closes}.")

    @classmethod
    def parse(cls, opens: str, closes: str) -> Interval:
        """Read "HH:MM" times; closing at or before the opening means the next day, "24:00" the midnight after."""
        start, end = _parse_minutes(opens), _parse_minutes(closes)
        return cls(start, end if end > start else end + MINUTES_A_DAY)

    def as_text(self) -> tuple[str, str]:
        closes = self.closes if self.closes <= MINUTES_A_DAY else self.closes - MINUTES_A_DAY
        return _format_minutes(self.opens), _format_minutes(closes)


Hours: TypeAlias = tuple[Interval, ...]
Span: TypeAlias = tuple[datetime, datetime]
ALWAYS_CLOSED: tuple[Hours, ...] = ((),) * 7


@dataclass(frozen=True, slots=True)
class Calendar:
    """The hours a team works.

    `week` is Monday first. `days` are special hours of single dates: they replace the weekly ones and beat a holiday.
    A holiday removes what opens on it; hours that began the evening before run on into it. `breaks` cut their hours
    out of whatever else is open then. All dates and times are those of `zone`.
    """

    zone: str
    week: tuple[Hours, ...] = ALWAYS_CLOSED
    days: Mapping[date, Hours] = field(default_factory=dict, hash=False)
    breaks: Mapping[date, Hours] = field(default_factory=dict, hash=False)
    holidays: frozenset[date] = frozenset()
    _known: dict[date, tuple[Span, ...]] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        _zone(self.zone)
        if len(self.week) != len(WEEKDAYS):
            raise BadCalendar(f"A week has seven days of hours, not {len(self.week)}.")

    def hours(self, day: date) -> Hours:
        """Return the hours that open on a local date, before its breaks."""
        if day in self.days:
            return self.days[day]
        if day in self.holidays:
            return ()
        return self.week[day.weekday()]

    def open_on(self, day: date) -> tuple[Span, ...]:
        """Return the open spans of one UTC day: in order, apart from each other, cut off at its two midnights."""
        spans = self._known.get(day)
        if spans is None:
            if len(self._known) >= DAYS_KEPT:
                self._known.clear()
            spans = self._known[day] = tuple(_compute_day(self, day))
        return spans

    def as_dict(self) -> dict[str, Any]:
        """Return the calendar as one JSON document; equal calendars give equal documents."""
        return {
            "zone": self.zone,
            "week": {name: _dump_hours(hours) for name, hours in zip(WEEKDAYS, self.week, strict=True)},
            "days": _dump_dates(self.days),
            "breaks": _dump_dates(self.breaks),
            "holidays": [day.isoformat() for day in sorted(self.holidays)],
        }

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Calendar:
        """Read what `as_dict` wrote; everything but the zone may be missing. Raises BadCalendar."""
        _refuse_unknown(document, ("zone", "week", "days", "breaks", "holidays"))
        week = document.get("week", {})
        _refuse_unknown(week, WEEKDAYS)
        try:
            return cls(
                zone=document["zone"],
                week=tuple(_load_hours(week.get(name, ())) for name in WEEKDAYS),
                days=_load_dates(document.get("days", {})),
                breaks=_load_dates(document.get("breaks", {})),
                holidays=frozenset(date.fromisoformat(day) for day in document.get("holidays", ())),
            )
        except BadCalendar:
            raise
        except (KeyError, TypeError, ValueError) as error:
            raise BadCalendar(f"This is not a calendar: {error}.") from error

    def digest(self) -> str:
        """Return the SHA-256 of the document, by which a clock names the exact calendar it started with."""
        document = json.dumps(self.as_dict(), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(document.encode()).hexdigest()


def open_intervals(calendar: Calendar, start: datetime, end: datetime) -> Iterator[Span]:
    """Yield the open `[opens, closes)` of `[start, end)` in UTC, in order; those that touch come as one."""
    return _merge(_spans_between(calendar, to_utc(start), to_utc(end)))


def subtract_pauses(spans: Iterable[Span], pauses: Iterable[Span]) -> Iterator[Span]:
    """Take pauses, spans `[from, to)` in any order, out of spans that are in order."""
    return _subtract(spans, _sort_pauses(pauses))


def is_open(calendar: Calendar, at: datetime) -> bool:
    """Return whether the calendar is open at the instant."""
    at = to_utc(at)
    return any(opens <= at < closes for opens, closes in calendar.open_on(at.date()))


def next_open(calendar: Calendar, at: datetime) -> datetime:
    """Return the first open instant at or after `at`: `at` itself when open. Raises NeverOpen."""
    return due_at(calendar, at, 0)


def next_close(calendar: Calendar, at: datetime) -> datetime:
    """Return the end of the opening that runs at `at`, or else of the next one. Raises NeverOpen, NeverCloses."""
    opens = next_open(calendar, at)
    _, closes = next(open_intervals(calendar, opens, opens + LONGEST_CLOSURE))
    if closes == opens + LONGEST_CLOSURE:
        raise NeverCloses("These working hours never end.")
    return closes


def due_at(calendar: Calendar, start: datetime, seconds: float, pauses: Iterable[Span] = ()) -> datetime:
    """Return the instant at which `seconds` of business time after `start` are used up.

    Time used up exactly at closing is due at closing; no time at all is due at the next open instant. During `pauses`,
    spans `[from, to)` in any order, the clock stands still. Raises NeverOpen, and ValueError for less than no time.
    """
    if seconds < 0:
        raise ValueError("A target cannot be less than no time.")
    time_left = timedelta(seconds=seconds)
    for opens, closes in _subtract(_spans_from(calendar, to_utc(start)), _sort_pauses(pauses)):
        if time_left <= closes - opens:
            return opens + time_left
        time_left -= closes - opens
    raise NeverOpen("These working hours come to a point after which nothing opens for two years.")


def elapsed_seconds(calendar: Calendar, start: datetime, end: datetime, pauses: Iterable[Span] = ()) -> float:
    """Return the real seconds of business time in `[start, end)` outside `pauses`; 0 when the end comes first."""
    spans = _subtract(_spans_between(calendar, to_utc(start), to_utc(end)), _sort_pauses(pauses))
    return sum((closes - opens for opens, closes in spans), timedelta()).total_seconds()


def wall_to_instant(zone: str, wall: datetime) -> datetime:
    """Return the instant of a wall-clock time: the first of two, or as far past a gap as it lies inside it."""
    return wall.replace(tzinfo=_zone(zone)).astimezone(UTC)


def country_holidays(country: str, subdivision: str | None, years: Iterable[int]) -> frozenset[date]:
    """Return the public holidays of a country ("DE") or a part of it ("BY"). Raises BadCalendar for an unknown one."""
    # The library takes a second to import, and only the pages that edit a calendar need it.
    import holidays  # noqa: PLC0415 (slow to import)

    try:
        return frozenset(holidays.country_holidays(country, subdiv=subdivision, years=sorted(set(years))))
    except NotImplementedError as error:
        raise BadCalendar(f"No public holidays are known for {country} {subdivision or ''}".rstrip() + ".") from error


def to_utc(at: datetime) -> datetime:
    """Return the instant in UTC. Raises ValueError for a time without a zone, which names no instant."""
    if at.tzinfo is None:
        raise ValueError("Business time needs instants with a time zone.")
    return at.astimezone(UTC)


def _spans_between(calendar: Calendar, start: datetime, end: datetime) -> Iterator[Span]:
    for ordinal in range(start.toordinal(), end.toordinal() + 1):
        yield from _clip(calendar.open_on(date.fromordinal(ordinal)), start, end)


def _spans_from(calendar: Calendar, start: datetime) -> Iterator[Span]:
    """Yield open spans from `start` on, cut at UTC midnights, until a closure that is too long."""
    last_open = start.toordinal()
    # Hours of the last days of the year 9999 would run out of the calendar.
    for ordinal in range(last_open, date.max.toordinal() - 2):
        spans = calendar.open_on(date.fromordinal(ordinal))
        if spans:
            last_open = ordinal
            yield from _clip(spans, start, spans[-1][1])
        elif ordinal - last_open > LONGEST_CLOSURE.days:
            return


def _compute_day(calendar: Calendar, day: date) -> Iterator[Span]:
    # No zone is a full day away from UTC, and overnight hours end on the day after the one they open.
    nearby = [day + timedelta(days=distance) for distance in (-2, -1, 0, 1)]
    zone = _zone(calendar.zone)
    open_spans = sorted(span for near in nearby for span in _hours_as_spans(zone, near, calendar.hours(near)))
    break_spans = sorted(span for near in nearby for span in _hours_as_spans(zone, near, calendar.breaks.get(near, ())))
    midnight = datetime.combine(day, wall_time(), UTC)
    return _clip(_subtract(_merge(open_spans), tuple(_merge(break_spans))), midnight, midnight + DAY)


def _hours_as_spans(zone: ZoneInfo, day: date, hours: Hours) -> Iterator[Span]:
    midnight = datetime.combine(day, wall_time())
    for interval in hours:
        yield from _wall_to_spans(
            zone, midnight + timedelta(minutes=interval.opens), midnight + timedelta(minutes=interval.closes)
        )


def _wall_to_spans(zone: ZoneInfo, opens: datetime, closes: datetime) -> Iterator[Span]:
    """Yield the spans during which the wall clock shows `[opens, closes)`: one, or up to two when the clocks change."""
    before = _offset(opens.replace(tzinfo=zone, fold=0))
    after = _offset(closes.replace(tzinfo=zone, fold=1))
    opens, closes = opens.replace(tzinfo=UTC), closes.replace(tzinfo=UTC)
    if before == after:
        yield opens - before, closes - before
        return
    change = _find_offset_change(zone, opens - max(before, after), closes - min(before, after))
    for first, last in ((opens - before, min(closes - before, change)), (max(opens - after, change), closes - after)):
        if first < last:
            yield first, last


def _find_offset_change(zone: ZoneInfo, earlier: datetime, later: datetime) -> datetime:
    """Return the first instant, to the second, at which the offset is no longer that of `earlier`."""
    before = _offset(earlier.astimezone(zone))
    low, high = 0, int((later - earlier).total_seconds())
    while high - low > 1:
        middle = (low + high) // 2
        if _offset((earlier + timedelta(seconds=middle)).astimezone(zone)) == before:
            low = middle
        else:
            high = middle
    return earlier + timedelta(seconds=high)


def _offset(local: datetime) -> timedelta:
    return local.utcoffset() or timedelta()


def _clip(spans: Iterable[Span], start: datetime, end: datetime) -> Iterator[Span]:
    for opens, closes in spans:
        first, last = max(opens, start), min(closes, end)
        if first < last:
            yield first, last


def _merge(spans: Iterable[Span]) -> Iterator[Span]:
    """Join spans, given in order, where they touch or overlap."""
    current: Span | None = None
    for opens, closes in spans:
        if current is None:
            current = opens, closes
        elif opens <= current[1]:
            current = current[0], max(current[1], closes)
        else:
            yield current
            current = opens, closes
    if current is not None:
        yield current


def _subtract(spans: Iterable[Span], cuts: tuple[Span, ...]) -> Iterator[Span]:
    """Take the cuts, in order and apart from each other, out of spans in order."""
    for opens, closes in spans:
        rest = opens
        for cut_from, cut_to in cuts:
            if rest < cut_to and cut_from < closes:
                if rest < cut_from:
                    yield rest, cut_from
                rest = cut_to
        if rest < closes:
            yield rest, closes


def _sort_pauses(pauses: Iterable[Span]) -> tuple[Span, ...]:
    instants = ((to_utc(start), to_utc(end)) for start, end in pauses)
    return tuple(_merge(sorted(pause for pause in instants if pause[0] < pause[1])))


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    # A name with dots is a ValueError, an unknown one a KeyError, a folder of zones an OSError.
    except (KeyError, ValueError, TypeError, OSError) as error:
        raise BadCalendar(f"There is no time zone {name!r}.") from error


def _parse_minutes(text: str) -> int:
    match = HOURS_AND_MINUTES.fullmatch(text)
    if match is None or text > "24:00":
        raise BadCalendar(f"{text!r} is not a time between 00:00 and 24:00.")
    return int(match[1]) * 60 + int(match[2])


def _format_minutes(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"


def _dump_hours(hours: Hours) -> list[list[str]]:
    return [list(interval.as_text()) for interval in sorted(hours)]


def _load_hours(rows: Iterable[Iterable[str]]) -> Hours:
    return tuple(sorted(Interval.parse(*row) for row in rows))


def _dump_dates(dates: Mapping[date, Hours]) -> dict[str, list[list[str]]]:
    return {day.isoformat(): _dump_hours(hours) for day, hours in sorted(dates.items())}


def _load_dates(dates: Mapping[str, Any]) -> dict[date, Hours]:
    return {date.fromisoformat(day): _load_hours(rows) for day, rows in dates.items()}


def _refuse_unknown(document: Mapping[str, Any], names: tuple[str, ...]) -> None:
    unknown = ", ".join(sorted(set(document) - set(names)))
    if unknown:
        raise BadCalendar(f"A calendar has no {unknown}.")
