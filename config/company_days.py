"""Calendar days in the company's zone: for dates that people type, and for days by which figures are cut."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

from django.conf import settings


def day_of(at: dt.datetime) -> dt.date:
    """Return the company's date at an instant."""
    return at.astimezone(ZoneInfo(settings.COMPANY_TIME_ZONE)).date()


def start_of(day: dt.date) -> dt.datetime:
    """Return the instant at which the day begins for the company, in UTC."""
    return dt.datetime.combine(day, dt.time(), ZoneInfo(settings.COMPANY_TIME_ZONE)).astimezone(dt.UTC)
