from __future__ import annotations

import datetime as dt

import pytest

from sla.business_time import calendars
from sla.business_time.arithmetic import BadCalendar, due_at, is_open
from sla.models import CalendarVersion, SpecialDay, WorkCalendar, WorkHours
from tests.factories import DAY, HOUR, NOW, WorkCalendarFactory

pytestmark = pytest.mark.django_db


def test_weekly_hours_holidays_and_own_days_make_the_calendar():
    work_calendar = WorkCalendarFactory(zone="Europe/Berlin", country="DE", subdivision="BY")
    SpecialDay.objects.create(calendar=work_calendar, date=dt.date(2026, 3, 12), label="Summer party")
    SpecialDay.objects.create(
        calendar=work_calendar, date=dt.date(2026, 12, 25), opens=600, closes=720, label="Hotline"
    )

    pure = calendars.build_calendar(work_calendar, NOW)

    assert is_open(pure, NOW)
    assert not is_open(pure, NOW + 2 * DAY)
    assert is_open(pure, dt.datetime(2026, 12, 25, 10, 0, tzinfo=dt.UTC))
    assert not is_open(pure, dt.datetime(2026, 12, 25, 13, 0, tzinfo=dt.UTC))
    assert not is_open(pure, dt.datetime(2026, 1, 6, 10, 0, tzinfo=dt.UTC))
    assert dt.date(2027, 1, 6) in pure.holidays


def test_overnight_hours_run_into_the_next_day():
    work_calendar = WorkCalendarFactory(weekdays=range(0))
    WorkHours.objects.create(calendar=work_calendar, weekday=0, opens=22 * 60, closes=6 * 60)

    pure = calendars.build_calendar(work_calendar, NOW)

    assert is_open(pure, NOW.replace(hour=5))
    assert not is_open(pure, NOW.replace(hour=6))


def test_an_unknown_country_is_refused_by_name():
    work_calendar = WorkCalendarFactory(country="XX")

    with pytest.raises(BadCalendar, match="XX"):
        calendars.build_calendar(work_calendar, NOW)


def test_a_version_is_stored_once_for_each_content():
    work_calendar = WorkCalendarFactory()
    first = calendars.freeze_version(work_calendar, NOW)

    assert calendars.freeze_version(work_calendar, NOW + DAY) == first
    WorkHours.objects.filter(calendar=work_calendar).update(closes=18 * 60)
    second = calendars.freeze_version(WorkCalendar.objects.get(pk=work_calendar.pk), NOW + DAY)

    assert CalendarVersion.objects.filter(calendar=work_calendar).count() == 2
    assert (
        due_at(calendars.load_version(first), NOW.replace(hour=16, minute=30), 3600)
        == NOW.replace(hour=9, minute=30) + DAY
    )
    assert due_at(calendars.load_version(second), NOW.replace(hour=16, minute=30), 3600) == NOW.replace(
        hour=17, minute=30
    )


@pytest.mark.parametrize(
    ("start", "end"),
    [
        # Friday 16:00 to Monday 16:00.
        (dt.datetime(2026, 3, 13, 16, tzinfo=dt.UTC), dt.datetime(2026, 3, 16, 16, tzinfo=dt.UTC)),
        (dt.datetime(2026, 3, 10, 16, tzinfo=dt.UTC), dt.datetime(2026, 3, 11, 16, tzinfo=dt.UTC)),
        # From a Saturday all of Monday.
        (dt.datetime(2026, 3, 14, 12, tzinfo=dt.UTC), dt.datetime(2026, 3, 17, 0, tzinfo=dt.UTC)),
    ],
)
def test_whole_days_count_24_hours_of_each_working_day(start, end):
    pure = calendars.whole_days(calendars.build_calendar(WorkCalendarFactory(), NOW))

    assert due_at(pure, start, 24 * 3600) == end


def test_the_day_of_a_clock_change_counts_its_real_hours():
    pure = calendars.whole_days(
        calendars.build_calendar(WorkCalendarFactory(zone="Europe/Berlin", weekdays=range(7)), NOW)
    )
    evening = dt.datetime(2026, 3, 28, 17, 0, tzinfo=dt.UTC)

    assert due_at(pure, evening, 24 * 3600) == evening + 24 * HOUR
