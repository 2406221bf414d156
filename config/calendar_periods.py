"""Weeks, months and quarters of the company's calendar."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Self

from config import company_days


@dataclass(frozen=True, slots=True)
class CalendarPeriod:
    """A period of the company's calendar, `[start, end)`, with its name in evidence and claims."""

    name: str
    start: dt.datetime
    end: dt.datetime

    @property
    def label(self) -> str:
        """Return the name for people."""
        return self.name

    @classmethod
    def of_months(cls, name: str, ordinal: int, count: int) -> Self:
        """Return the period of `count` months from a month on; `ordinal` counts months from year 0."""
        return cls(name, _month_start(ordinal), _month_start(ordinal + count))


class CalendarMonth(CalendarPeriod):
    """A calendar month; `name` is such as 2026-03."""

    __slots__ = ()

    @property
    def label(self) -> str:
        """Return the name for people: March 2026."""
        return f"{dt.date.fromisoformat(f'{self.name}-01'):%B %Y}"

    @classmethod
    def containing(cls, now: dt.datetime, *, months_back: int = 0) -> Self:
        ordinal = _month_of(now) - months_back
        return cls.of_months(f"{ordinal // 12}-{ordinal % 12 + 1:02}", ordinal, 1)


class CalendarQuarter(CalendarPeriod):
    """A calendar quarter; `name` is such as 2026-Q1."""

    __slots__ = ()

    @property
    def label(self) -> str:
        """Return the name for people: the first quarter of 2026."""
        year, _, number = self.name.partition("-Q")
        return f"the {('first', 'second', 'third', 'fourth')[int(number) - 1]} quarter of {year}"

    @classmethod
    def containing(cls, now: dt.datetime, *, quarters_back: int = 0) -> Self:
        ordinal = (_month_of(now) // 3 - quarters_back) * 3
        return cls.of_months(f"{ordinal // 12}-Q{ordinal % 12 // 3 + 1}", ordinal, 3)


class CalendarWeek(CalendarPeriod):
    """A week from Monday to Monday; `name` is its ISO week, such as 2026-W10."""

    __slots__ = ()

    @property
    def label(self) -> str:
        """Return the name for people: the week from 2 Mar 2026."""
        monday = company_days.day_of(self.start)
        return f"the week from {monday.day} {monday:%b %Y}"

    @classmethod
    def containing(cls, now: dt.datetime, *, weeks_back: int = 0) -> Self:
        today = company_days.day_of(now)
        monday = today - dt.timedelta(days=today.weekday() + 7 * weeks_back)
        year, week, _ = monday.isocalendar()
        bounds = (company_days.start_of(monday + dt.timedelta(days=days)) for days in (0, 7))
        return cls(f"{year}-W{week:02}", *bounds)


def _month_of(at: dt.datetime) -> int:
    day = company_days.day_of(at)
    return day.year * 12 + day.month - 1


def _month_start(ordinal: int) -> dt.datetime:
    """Return the instant at which a month of the company begins; `ordinal` counts months from year 0."""
    return company_days.start_of(dt.date(ordinal // 12, ordinal % 12 + 1, 1))
