"""Weeks, months and quarters in the company's zone."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from config.calendar_periods import CalendarMonth, CalendarQuarter, CalendarWeek


def at(*wall: int) -> dt.datetime:
    return dt.datetime(*wall, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("period", "name", "start", "end"),
    [
        (CalendarMonth, "2026-03", at(2026, 3, 1, 8), at(2026, 4, 1, 7)),
        (CalendarQuarter, "2026-Q1", at(2026, 1, 1, 8), at(2026, 4, 1, 7)),
        (CalendarWeek, "2026-W14", at(2026, 3, 30, 7), at(2026, 4, 6, 7)),
    ],
)
def test_a_period_begins_and_ends_at_midnight_of_the_company(
    settings: Any, period: Any, name: str, start: dt.datetime, end: dt.datetime
) -> None:
    settings.COMPANY_TIME_ZONE = "America/Los_Angeles"

    last_of_march = period.containing(at(2026, 4, 1, 6, 55))

    assert (last_of_march.name, last_of_march.start, last_of_march.end) == (name, start, end)


def test_the_quarter_before_the_first_is_of_the_year_before() -> None:
    before = CalendarQuarter.containing(at(2026, 1, 5), quarters_back=1)

    assert (before.name, before.label) == ("2025-Q4", "the fourth quarter of 2025")
