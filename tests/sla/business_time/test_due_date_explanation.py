from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pytest

from sla.business_time.arithmetic import ALWAYS_CLOSED, Calendar, NeverOpen, due_at, elapsed_seconds
from sla.business_time.due_date_explanation import explain_due_date
from sla.business_time.hours import read_hours

BERLIN = ZoneInfo("Europe/Berlin")
WEEK = (*[read_hours("9-12, 13-17")] * 5, (), ())
OFFICE = Calendar("Europe/Berlin", WEEK)
NIGHTS = Calendar("Europe/Berlin", (read_hours("22:00-06:00"),) * 7)
HOUR = 3600


def at(*wall):
    return dt.datetime(*wall, tzinfo=BERLIN)


def test_friday_afternoon_is_due_on_monday_because_of_the_weekend():
    explanation = explain_due_date(OFFICE, at(2026, 11, 20, 16, 50), 30 * 60)

    assert (explanation.due_text, explanation.city) == ("Monday 9:20", "Berlin")
    assert explanation.because == "10 min on Friday, weekend closed, 20 min on Monday"
    assert explanation.lines == ("Friday 20 Nov, 16:50–17:00: 10 min", "Monday 23 Nov, 9:00–9:20: 20 min")


def test_a_public_holiday_and_an_own_day_are_named():
    days = {dt.date(2026, 12, 24): (), dt.date(2026, 12, 28): ()}
    calendar = Calendar("Europe/Berlin", WEEK, days=days, holidays=frozenset({dt.date(2026, 12, 25)}))

    explanation = explain_due_date(calendar, at(2026, 12, 23, 16, 30), HOUR)

    assert explanation.because == (
        "30 min on Wednesday, Thursday closed (own day), Friday closed (public holiday), weekend closed, "
        "Monday closed (own day), 30 min on Tuesday"
    )


def test_time_after_closing_begins_on_the_next_day():
    explanation = explain_due_date(OFFICE, at(2026, 11, 18, 18, 0), HOUR)

    assert (explanation.due_text, explanation.because) == ("Thursday 10:00", "1 h on Thursday")


@pytest.mark.parametrize(
    ("start", "due_said", "because"),
    [
        (
            at(2026, 3, 28, 23, 0),
            "Sunday 5:00",
            "1 h on Saturday, 4 h on Sunday, with the change of the clocks counted in",
        ),
        (
            at(2026, 10, 24, 23, 0),
            "Sunday 3:00",
            "1 h on Saturday, 4 h on Sunday, with the change of the clocks counted in",
        ),
    ],
    ids=["an hour is skipped", "an hour comes twice"],
)
def test_the_sentence_counts_real_time_across_clock_changes(start, due_said, because):
    explanation = explain_due_date(NIGHTS, start, 5 * HOUR)

    assert (explanation.due_text, explanation.because) == (due_said, because)


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/Havana", "Asia/Beirut", "Australia/Lord_Howe", "UTC"])
@pytest.mark.parametrize("month", [3, 4, 10, 11])
def test_the_parts_add_up_to_the_whole(zone, month):
    calendar = Calendar(zone, (read_hours("20:00-04:00"),) * 7)
    start = dt.datetime(2026, month, 1, 3, 21, tzinfo=dt.UTC)

    explanation = explain_due_date(calendar, start, 240 * HOUR)

    assert explanation.due == due_at(calendar, start, 240 * HOUR)
    assert (
        sum(row.seconds for row in explanation.worked)
        == elapsed_seconds(calendar, start, explanation.due)
        == 240 * HOUR
    )


def test_a_long_closure_is_one_part_with_its_dates():
    days = {dt.date(2026, 8, day): () for day in range(1, 32)}

    explanation = explain_due_date(Calendar("Europe/Berlin", WEEK, days=days), at(2026, 7, 31, 16, 30), HOUR)

    assert (
        explanation.because == "30 min on Friday, 1 August to 31 August closed (own day), 30 min on Tuesday 1 September"
    )
    assert explanation.due_text == "Tuesday 1 September 2026, 9:30"


def test_hours_that_never_open_raise_never_open():
    with pytest.raises(NeverOpen):
        explain_due_date(Calendar("UTC", ALWAYS_CLOSED), at(2026, 3, 1, 0, 0), 60)
