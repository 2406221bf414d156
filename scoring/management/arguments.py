"""Arguments shared by several commands."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.management.base import CommandError


def parse_instant(text: str) -> dt.datetime:
    """Return an ISO 8601 instant; a bare date is midnight in the company's time zone. Raises CommandError."""
    try:
        at = dt.datetime.fromisoformat(text)
    except ValueError:
        raise CommandError(f"{text!r} is not an ISO 8601 date or date-time.") from None
    if at.tzinfo is not None:
        return at.astimezone(dt.UTC)
    if len(text) > len("2026-01-31"):
        raise CommandError(f"{text!r} has no time zone; write it as 2026-01-31T09:00:00Z or +01:00.")
    return at.replace(tzinfo=ZoneInfo(settings.COMPANY_TIME_ZONE)).astimezone(dt.UTC)
