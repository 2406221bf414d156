"""Times and figures as text for people: pure functions, for templates (by format_tags) and use-cases alike."""

from __future__ import annotations

import datetime as dt
from typing import Any, Final

from django.conf import settings
from django.utils import timezone

SECONDS_SHOWN_BELOW: Final = 10 * 60
#: Beyond this the hour of the day says more than a number of hours.
COUNTDOWN_BELOW: Final = 8 * 3600
DAYS_BELOW: Final = 48
DAYS_OF_A_WEEK: Final = 7
SECONDS_OF_A_MINUTE: Final = 60
SECONDS_OF_AN_HOUR: Final = 3600


def remaining(due: dt.datetime, now: dt.datetime) -> str:
    """A countdown in words: to the second below ten minutes, by the clock on the wall beyond eight hours."""
    seconds = (due - now).total_seconds()
    if seconds < 0:
        return f"{_span(max(SECONDS_OF_A_MINUTE, int(-seconds)))} late"
    if seconds < SECONDS_SHOWN_BELOW:
        return f"{int(seconds) // 60}:{int(seconds) % 60:02}"
    return _span(int(seconds)) if seconds < COUNTDOWN_BELOW else _day_and_time(due, now)


def _span(seconds: int) -> str:
    """Minutes, hours or days; one word for each size, as in static/js/countdown.js."""
    hours, minutes = seconds // 3600, seconds // 60 % 60
    if hours >= DAYS_BELOW:
        return f"{hours // 24} days"
    if hours >= COUNTDOWN_BELOW // 3600:
        return f"{hours} h"
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"


def _day_and_time(at: dt.datetime, now: dt.datetime) -> str:
    at, now = timezone.localtime(at), timezone.localtime(now)
    days = (at.date() - now.date()).days
    if days == 0:
        return f"today {at:%H:%M}"
    if days == 1:
        return f"tomorrow {at:%H:%M}"
    return f"{at:%a %H:%M}" if 0 < days < DAYS_OF_A_WEEK else f"{at.day} {at:%b}"


def duration(seconds: float | None) -> str:
    """Seconds as people say them: 45 s, 12 min, 3 h 05 min, 4 days."""
    if seconds is None:
        return "–"
    return f"{int(seconds)} s" if seconds < SECONDS_OF_A_MINUTE else _span(int(seconds))


def percent(share: float | None) -> str:
    """0.7 as 70 %; no share of nothing."""
    return "–" if share is None else f"{share * 100:.0f}\u202f%"


def rate(of_a_hundred: float | None) -> str:
    """A share that is in percent already."""
    return "–" if of_a_hundred is None else f"{of_a_hundred:.0f}\u202f%"


def minutes(count: float | None) -> str:
    return duration(None if count is None else count * 60)


def points(value: Any) -> str:
    """A score as people read it: at most one decimal, none that says nothing."""
    return f"{value:.1f}".removesuffix(".0") if isinstance(value, (int, float)) else "–"


def money(amount: Any, currency: str = "") -> str:
    """Format an amount with the code of its currency; without one it is in that of the installation."""
    return "–" if amount is None else f"{amount:,.0f}\u00a0{currency or settings.CURRENCY}"


def figure(count: Any) -> str:
    """A count as people read it, its thousands apart."""
    return f"{count:,}" if isinstance(count, int) else "–"
