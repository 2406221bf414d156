"""Calendars as text of RFC 5545, for programs that subscribe to them. Imports no app."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

#: The octets of a line without its end; a longer one goes on in the next, behind a space.
OCTETS_AT_MOST: Final = 75
_LINE_END: Final = re.compile(r"\r\n|\r|\n")
#: Control characters, which a text may not hold; the line end has an escape of its own.
_CONTROLS: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]")


@dataclass(frozen=True, slots=True)
class CalendarEvent:
    """An event of a calendar: an instant with its end, or a whole day (`ends` None). `uid` is the same for good."""

    uid: str
    summary: str
    description: str
    url: str
    starts: dt.datetime | dt.date
    ends: dt.datetime | None = None


def write_calendar(name: str, events: Iterable[CalendarEvent], *, now: dt.datetime) -> str:
    """Return the calendar with its events. Whatever their texts hold, they add no line and no property."""
    lines = (
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//Accord//Reviews//EN",
        "CALSCALE:GREGORIAN",
        f"X-WR-CALNAME:{escape_text(name)}",
        *(line for event in events for line in _list_lines(event, now)),
        "END:VCALENDAR",
    )
    return "".join(f"{fold_line(line)}\r\n" for line in lines)


def escape_text(text: str) -> str:
    """Return a text as the value of a property (RFC 5545, 3.3.11)."""
    escaped = text.replace("\\", "\\\\").replace(";", "\\;").replace(",", "\\,")
    return _CONTROLS.sub("", _LINE_END.sub("\\\\n", escaped))


def fold_line(line: str) -> str:
    """Break a line after 75 octets at most, never within a character (RFC 5545, 3.1)."""
    parts, octets = [""], 0
    for character in line:
        size = len(character.encode("utf-8", "replace"))
        if octets + size > OCTETS_AT_MOST:
            parts.append("")
            # The space at the beginning counts.
            octets = 1
        parts[-1] += character
        octets += size
    return "\r\n ".join(parts)


def _list_lines(event: CalendarEvent, now: dt.datetime) -> Iterator[str]:
    yield "BEGIN:VEVENT"
    yield f"UID:{escape_text(event.uid)}"
    yield f"DTSTAMP:{_format_instant(now)}"
    if isinstance(event.starts, dt.datetime):
        yield f"DTSTART:{_format_instant(event.starts)}"
        yield f"DTEND:{_format_instant(event.ends or event.starts)}"
    else:
        yield f"DTSTART;VALUE=DATE:{event.starts:%Y%m%d}"
        yield f"DTEND;VALUE=DATE:{event.starts + dt.timedelta(days=1):%Y%m%d}"
        yield "TRANSP:TRANSPARENT"
    yield f"SUMMARY:{escape_text(event.summary)}"
    yield f"DESCRIPTION:{escape_text(event.description)}"
    yield f"URL:{event.url}"
    yield "END:VEVENT"


def _format_instant(at: dt.datetime) -> str:
    return f"{at.astimezone(dt.UTC):%Y%m%dT%H%M%SZ}"
