"""The company's days: they begin at its midnight, also where the clocks change."""

from __future__ import annotations

import datetime as dt

from config import company_days


def test_a_day_begins_at_the_companys_midnight(settings):
    settings.COMPANY_TIME_ZONE = "America/New_York"

    assert company_days.start_of(dt.date(2026, 3, 9)) == dt.datetime(2026, 3, 9, 4, tzinfo=dt.UTC)
    assert company_days.start_of(dt.date(2026, 3, 8)) == dt.datetime(2026, 3, 8, 5, tzinfo=dt.UTC)


def test_an_instant_lies_on_the_companys_day(settings):
    settings.COMPANY_TIME_ZONE = "America/New_York"

    assert company_days.day_of(dt.datetime(2026, 3, 9, 3, 59, tzinfo=dt.UTC)) == dt.date(2026, 3, 8)
    assert company_days.day_of(dt.datetime(2026, 3, 9, 4, tzinfo=dt.UTC)) == dt.date(2026, 3, 9)
