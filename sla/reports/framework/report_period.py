"""The period of a report, half-open, and the period before of the same length (rules 12.20)."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Final
from zoneinfo import ZoneInfo

from django.conf import settings

from config import company_days
from config.calendar_periods import CalendarWeek

#: The periods that a page offers, in weeks; the running one is the last of them.
WEEKS_OFFERED: Final = (4, 12, 26, 52)
USUAL_WEEKS: Final = 12
_WEEK: Final = 7


@dataclass(frozen=True, slots=True)
class ReportPeriod:
    """A period `[start, end)`; `weeks` is how many, the running one included, None if it was asked for by dates."""

    start: dt.datetime
    end: dt.datetime
    weeks: int | None = None

    @classmethod
    def of_weeks(cls, weeks: int, now: dt.datetime) -> ReportPeriod:
        """Return the last weeks, Monday to Monday, up to this instant."""
        return cls(CalendarWeek.containing(now, weeks_back=weeks - 1).start, now, weeks)

    @classmethod
    def of_days(cls, first: dt.date, last: dt.date) -> ReportPeriod:
        """Return the company's days from the first to the last, both included."""
        return cls(company_days.start_of(first), company_days.start_of(last + dt.timedelta(days=1)))

    @property
    def before(self) -> ReportPeriod:
        """Return the period before: as long, and of a running week as much of it as has gone by."""
        days = self.weeks * _WEEK if self.weeks else (self.end_day - self.start_day).days
        return ReportPeriod(_days_earlier(self.start, days), _days_earlier(self.end, days), self.weeks)

    @property
    def start_day(self) -> dt.date:
        return company_days.day_of(self.start)

    @property
    def end_day(self) -> dt.date:
        """Return the day on which the period ends; of whole days, the day after the last."""
        return company_days.day_of(self.end)

    @property
    def last_day(self) -> dt.date:
        """Return the last day of which anything is in the period."""
        return company_days.day_of(self.end - dt.timedelta(microseconds=1))

    @property
    def label(self) -> str:
        """Return the period for people: 2 Mar 2026 to 24 May 2026."""
        first, last = self.start_day, self.last_day
        return f"{first.day} {first:%b %Y} to {last.day} {last:%b %Y}"


def _days_earlier(at: dt.datetime, days: int) -> dt.datetime:
    """Return the instant with the same time on the clock so many days earlier, across changes of summer time."""
    zone = ZoneInfo(settings.COMPANY_TIME_ZONE)
    wall_clock = at.astimezone(zone).replace(tzinfo=None) - dt.timedelta(days=days)
    return wall_clock.replace(tzinfo=zone).astimezone(dt.UTC)
