from __future__ import annotations

import datetime as dt

import pytest

from sla.business_time.arithmetic import BadCalendar, Interval
from sla.business_time.hours import (
    CalendarDraft,
    OwnDay,
    describe_calendar,
    describe_changes,
    find_problems,
    format_hours,
    read_hours,
)

OFFICE = read_hours("9:00-12:00, 13:00-17:30")
CLOSED = ()


def draft(*week, zone="Europe/Berlin", country="", subdivision="", days=()):
    return CalendarDraft("Office", zone, country, subdivision, tuple(week), tuple(days))


@pytest.mark.parametrize(
    ("text", "hours"),
    [
        ("", ()),
        ("closed", ()),
        ("9-17", (Interval(540, 1020),)),
        ("13:00–17:30, 09:00 to 12:00", (Interval(540, 720), Interval(780, 1050))),
        ("22:00-06:00", (Interval(1320, 1800),)),
        ("00:00-24:00", (Interval(0, 1440),)),
        ("18:00-00:00", (Interval(1080, 1440),)),
    ],
)
def test_hours_are_read_as_people_type_them_and_written_so_that_they_read_the_same(text, hours):
    assert read_hours(text) == hours
    assert read_hours(format_hours(hours)) == hours


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("9:00-9:00", "9:00–9:00 is no time at all"),
        ("24:00-06:00", "only where it ends"),
        ("9-12, 11-13", "9:00–12:00 and 11:00–13:00 overlap"),
        ("9-25", "'25:00' is not a time"),
        ("9:75-10", "not a time"),
        ("<b>noon</b>", "is not hours"),
        (", ".join(["9-10"] * 13), "at most 12"),
    ],
)
def test_hours_that_cannot_be_are_refused_by_the_rule_they_break(text, said):
    with pytest.raises(BadCalendar, match=said):
        read_hours(text)


def test_a_calendar_is_one_sentence():
    days = [OwnDay(dt.date(2026, 12, day), "Own") for day in (24, 28, 31)]

    said = describe_calendar(draft(*[OFFICE] * 5, CLOSED, CLOSED, country="DE", subdivision="BY", days=days))

    assert said == "Mon–Fri 9:00–12:00, 13:00–17:30 Berlin; public holidays of DE-BY; 3 own days"


def test_days_of_other_hours_stand_apart_and_a_closed_week_says_so():
    short = read_hours("9-14")

    assert describe_calendar(draft(*[OFFICE] * 4, short, CLOSED, CLOSED, zone="America/New_York")) == (
        "Mon–Thu 9:00–12:00, 13:00–17:30, Fri 9:00–14:00 New York"
    )
    assert describe_calendar(draft(*[CLOSED] * 7, zone="UTC")) == "Closed all week, UTC"
    assert describe_calendar(draft(*[read_hours("0-24")] * 7, zone="UTC")) == "Every day 0:00–24:00 UTC"


def test_a_night_that_runs_into_the_next_day_is_named_also_from_sunday_to_monday():
    night = read_hours("22:00-10:00")

    assert find_problems(draft(OFFICE, *[CLOSED] * 5, night)) == ("Sunday 22:00–10:00 runs into Monday 9:00–12:00.",)
    assert find_problems(draft(night, OFFICE, *[CLOSED] * 5)) == ("Monday 22:00–10:00 runs into Tuesday 9:00–12:00.",)
    assert find_problems(draft(*[read_hours("22:00-06:00")] * 7)) == ()


def test_an_own_day_stands_once():
    days = [OwnDay(dt.date(2026, 12, 24), "One"), OwnDay(dt.date(2026, 12, 24), "Two")]

    assert find_problems(draft(*[OFFICE] * 7, days=days)) == ("24 December 2026 stands there twice.",)


def test_neighbouring_days_that_change_alike_are_said_in_one():
    week = [OFFICE] * 5 + [CLOSED] * 2
    earlier = read_hours("8-16")

    assert describe_changes(draft(*week), draft(earlier, earlier, *week[2:5], earlier, CLOSED)) == (
        "Mon–Tue 8:00–16:00 instead of 9:00–12:00, 13:00–17:30",
        "Saturday 8:00–16:00 instead of closed",
    )


def test_own_days_zone_and_holidays_that_change_are_said():
    week = [OFFICE] * 5 + [CLOSED] * 2
    eve, party = dt.date(2026, 12, 24), dt.date(2026, 7, 3)
    before = draft(*week, days=[OwnDay(eve, "Christmas Eve"), OwnDay(party, "Party")])
    after = draft(*week, zone="UTC", country="DE", days=[OwnDay(eve, "Christmas Eve", read_hours("9-12"))])

    assert describe_changes(before, after) == (
        "time zone UTC instead of Europe/Berlin",
        "public holidays of DE instead of nowhere",
        "no longer 3 July 2026 (Party) closed",
        "24 December 2026 (Christmas Eve) 9:00–12:00 instead of closed",
    )
    assert describe_changes(after, after) == ()


def test_a_new_calendar_is_said_whole():
    assert describe_changes(None, draft(*[OFFICE] * 5, CLOSED, CLOSED)) == (
        "New: Mon–Fri 9:00–12:00, 13:00–17:30 Berlin",
    )
