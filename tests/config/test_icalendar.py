from __future__ import annotations

import datetime as dt

import pytest

from config.icalendar import CalendarEvent, escape_text, fold_line, write_calendar

NOW = dt.datetime(2026, 3, 10, 10, 0, tzinfo=dt.UTC)


def event(**changes: object) -> CalendarEvent:
    columns = {
        "uid": "review-1@accord.example",
        "summary": "A look",
        "description": "",
        "url": "https://accord.example/reviews/1/",
        "starts": NOW,
        "ends": NOW + dt.timedelta(minutes=30),
    }
    return CalendarEvent(**(columns | changes))  # type: ignore[arg-type]  # the columns are of several types


def unfold(text: str) -> list[str]:
    return text.replace("\r\n ", "").split("\r\n")


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("a;b,c\\d", "a\\;b\\,c\\\\d"),
        ("one\ntwo\r\nthree\rfour", "one\\ntwo\\nthree\\nfour"),
        ("bell\x07 null\x00 tab\t", "bell null tab\t"),
    ],
)
def test_texts_are_escaped(text: str, escaped: str) -> None:
    assert escape_text(text) == escaped


@pytest.mark.parametrize("line", ["x" * 75, "x" * 76, "x" * 400, "ü" * 100, "x" + "😀" * 60, ""])
def test_lines_are_folded_at_75_octets_between_characters(line: str) -> None:
    folded = fold_line(line)

    assert folded.replace("\r\n ", "") == line
    assert max(len(part.encode()) for part in folded.split("\r\n")) <= 75


def test_a_line_of_75_octets_stays_whole() -> None:
    assert "\r\n" not in fold_line("x" * 75)


def test_a_hostile_text_adds_no_line() -> None:
    text = write_calendar("Reviews", [event(summary="A\r\nEND:VEVENT\nATTACH:http://evil.example\r")], now=NOW)

    lines = unfold(text)
    assert "SUMMARY:A\\nEND:VEVENT\\nATTACH:http://evil.example\\n" in lines
    assert [line for line in lines if line.startswith(("ATTACH", "END:"))] == ["END:VEVENT", "END:VCALENDAR"]
    assert text.endswith("\r\n")
    assert "\n" not in text.replace("\r\n", "")


def test_instants_are_utc_and_days_end_on_the_next() -> None:
    berlin = dt.timezone(dt.timedelta(hours=1))
    at = dt.datetime(2026, 3, 10, 11, 0, tzinfo=berlin)

    lines = unfold(write_calendar("R", [event(starts=at), event(starts=dt.date(2026, 3, 31), ends=None)], now=NOW))

    assert [line for line in lines if line.startswith(("DTSTART", "DTEND"))] == [
        "DTSTART:20260310T100000Z",
        "DTEND:20260310T103000Z",
        "DTSTART;VALUE=DATE:20260331",
        "DTEND;VALUE=DATE:20260401",
    ]
