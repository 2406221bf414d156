"""Arguments shared by several commands."""

from __future__ import annotations

import argparse
import datetime as dt
from zoneinfo import ZoneInfo

from django.conf import settings


def parse_instant(text: str) -> dt.datetime:
    """Return an ISO 8601 instant; a bare date is midnight in the company's time zone.

    Raises ArgumentTypeError, which the parser of arguments turns into a sentence with the name of the argument.
    """
    try:
        at = dt.datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not an ISO 8601 date or date-time.") from None
    if at.tzinfo is None and len(text) > len("2026-01-31"):
        raise argparse.ArgumentTypeError(f"{text!r} has no time zone; write it as 2026-01-31T09:00:00Z or +01:00.")
    try:
        return (at if at.tzinfo else at.replace(tzinfo=ZoneInfo(settings.COMPANY_TIME_ZONE))).astimezone(dt.UTC)
    except OverflowError:
        raise argparse.ArgumentTypeError(f"{text!r} is outside the calendar.") from None
