"""Working days: the days on which a calendar opens at all."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Final
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import prefetch_related_objects

from sla.business_time import calendars
from sla.business_time.arithmetic import BadCalendar, Calendar
from sla.models import Rep

#: A day further away than this is not looked for: hours that do not open for so long are never open.
_FARTHEST: Final = dt.timedelta(days=2 * 366)


@dataclass(frozen=True, slots=True)
class WorkingDays:
    """The working days of a calendar, in its zone. Without a calendar every day is one, in the company's zone."""

    calendar: Calendar | None

    def day_of(self, at: dt.datetime) -> dt.date:
        """Return the local date of an instant."""
        zone = settings.COMPANY_TIME_ZONE if self.calendar is None else self.calendar.zone
        return at.astimezone(ZoneInfo(zone)).date()

    def is_working(self, day: dt.date) -> bool:
        """Return whether the calendar opens on this day."""
        return self.calendar is None or bool(self.calendar.hours(day))

    def find_next(self, after: dt.date, count: int) -> dt.date | None:
        """Return the working day that is the `count`-th after a day; None if there is none within two years."""
        day = after
        while count > 0 and day < after + _FARTHEST:
            day += dt.timedelta(days=1)
            count -= self.is_working(day)
        return None if count else day


def for_rep(rep: Rep, now: dt.datetime) -> WorkingDays:
    """Return the working days of a rep's calendar as it is now; every day if its hours cannot be read."""
    calendar = calendars.calendar_of_rep(rep)
    prefetch_related_objects([calendar], "hours", "special_days")
    try:
        return WorkingDays(calendars.build_calendar(calendar, now))
    except BadCalendar:
        return WorkingDays(None)
