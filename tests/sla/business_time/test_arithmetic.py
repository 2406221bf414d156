from __future__ import annotations

import itertools
import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sla.business_time import arithmetic as business
from sla.business_time.arithmetic import BadCalendar, Calendar, Interval, NeverCloses, NeverOpen

CASES = json.loads((Path(__file__).parents[2] / "data" / "business_hours_cases_dev.json").read_text())["cases"]
NINE_TO_FIVE = (Interval.parse("09:00", "17:00"),)
WORK_WEEK = (NINE_TO_FIVE,) * 5 + ((), ())
ALL_DAY = (Interval.parse("00:00", "24:00"),)
MINUTE = timedelta(minutes=1)

# What we answer where other products contradict each other: the facts' own brute force, never what they expect.
OUR_RULE = {
    "edge_rolls_to_next_open": "time used up exactly at closing is due at closing",
    "closing_instant_counts_as_open": "intervals are [open, close)",
    "reversed_is_negative": "an end before the start is 0",
    "nominal_day_not_real_hours": "elapsed time is real seconds: a repeated hour counts twice",
    "gap_endpoint_shifts_forward": "a skipped wall time does not exist, what is left of the interval does",
}

# A place, a date near which its clocks do something odd.
ODD_TIMES = [
    ("Europe/Berlin", date(2026, 3, 29)),
    ("Europe/Berlin", date(2026, 10, 25)),
    ("America/New_York", date(2026, 3, 8)),
    ("America/New_York", date(2026, 11, 1)),
    ("Asia/Kolkata", date(2026, 1, 26)),
    ("Australia/Lord_Howe", date(2026, 4, 5)),  # half an hour back
    ("Australia/Lord_Howe", date(2026, 10, 4)),
    ("America/Sao_Paulo", date(2015, 10, 18)),  # midnight itself is skipped
    ("America/Sao_Paulo", date(2016, 2, 21)),  # the last hour of Saturday comes twice
    ("America/St_Johns", date(2006, 10, 29)),  # at one minute past midnight, back into yesterday
    ("Pacific/Apia", date(2011, 12, 30)),  # this day never was
]


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def calendar_of(schedule: dict) -> Calendar:
    return Calendar.from_dict(
        {
            "zone": schedule["timezone"],
            "week": schedule["week"],
            "days": schedule.get("date_hours", {}),
            "breaks": schedule.get("breaks", {}),
            "holidays": schedule.get("holidays", []),
        }
    )


def periods(calendar: Calendar, case: dict) -> list[tuple[datetime, datetime]]:
    start = instant(case["start"])
    found = business.open_intervals(calendar, start, start + timedelta(days=30))
    return list(itertools.islice(found, len(case["expect"])))


ANSWERS = {
    "due": lambda calendar, case: business.due_at(calendar, instant(case["start"]), case["seconds"]),
    "elapsed": lambda calendar, case: business.elapsed_seconds(calendar, instant(case["start"]), instant(case["end"])),
    "is_open": lambda calendar, case: business.is_open(calendar, instant(case["at"])),
    "next_open": lambda calendar, case: business.next_open(calendar, instant(case["start"])),
    "next_close": lambda calendar, case: business.next_close(calendar, instant(case["start"])),
    "periods": periods,
    "wall_to_instant": lambda calendar, case: business.wall_to_instant(
        calendar.zone, datetime.fromisoformat(case["local"])
    ),
}


def wanted(case: dict) -> object:
    value = case["brute_force"] if case.get("convention") else case["expect"]
    match value:
        case str():
            return instant(value)
        case list():
            return [(instant(opens), instant(closes)) for opens, closes in value]
    return value


@pytest.mark.parametrize("case", CASES, ids=[case["id"] for case in CASES])
def test_a_known_fact_about_business_time_holds(case):
    assert case.get("convention") in {None, *OUR_RULE}
    assert ANSWERS[case["op"]](calendar_of(case["schedule"]), case) == wanted(case)


def test_all_the_facts_are_there():
    assert len(CASES) == 267
    assert {case["convention"] for case in CASES if "convention" in case} == set(OUR_RULE)


# Hours at the edges of the day and of the clock changes, and overnight ones.
times = st.sampled_from([0, 1, 30, 60, 90, 119, 120, 135, 150, 179, 180, 210, 540, 720, 1020, 1380, 1410, 1439])
intervals = st.tuples(times, times).map(lambda pair: Interval(pair[0], pair[1] + 1440 * (pair[1] <= pair[0])))
hours = st.lists(intervals, max_size=3).map(tuple)


@st.composite
def situations(draw):
    """A calendar and a whole minute within a few days of a date on which its clocks change."""
    zone, odd_day = draw(st.sampled_from(ODD_TIMES))
    near = st.integers(-2, 2).map(lambda days: odd_day + timedelta(days=days))
    calendar = Calendar(
        zone=zone,
        week=tuple(draw(st.lists(hours, min_size=7, max_size=7))),
        days=draw(st.dictionaries(near, hours, max_size=2)),
        breaks=draw(st.dictionaries(near, hours, max_size=2)),
        holidays=draw(st.frozensets(near, max_size=2)),
    )
    noon = datetime.combine(odd_day, datetime.min.time(), UTC)
    return calendar, noon + timedelta(minutes=draw(st.integers(-2 * 1440, 2 * 1440)))


def shows(wall: datetime, day: date, interval: Interval) -> bool:
    midnight = datetime.combine(day, datetime.min.time())
    return midnight + interval.opens * MINUTE <= wall < midnight + interval.closes * MINUTE


def looks_open(calendar: Calendar, at: datetime) -> bool:
    """Read the rule off the wall clock: the slow, obvious way."""
    wall = at.astimezone(ZoneInfo(calendar.zone)).replace(tzinfo=None)
    opened = on_break = False
    for day in (wall.date() - timedelta(days=1), wall.date()):
        usual = () if day in calendar.holidays else calendar.week[day.weekday()]
        intervals_of_day = calendar.days.get(day, usual)
        opened = opened or any(shows(wall, day, interval) for interval in intervals_of_day)
        on_break = on_break or any(shows(wall, day, interval) for interval in calendar.breaks.get(day, ()))
    return opened and not on_break


@st.composite
def pauses_around(draw, start: datetime):
    edges = st.integers(-3000, 6000).map(lambda minutes: start + minutes * MINUTE)
    return draw(st.lists(st.tuples(edges, edges), max_size=4))


@settings(max_examples=150, deadline=None)
@given(situation=situations(), minutes=st.integers(0, 2000), data=st.data())
def test_intervals_agree_with_stepping_through_the_minutes(situation, minutes, data):
    calendar, start = situation
    pauses = data.draw(pauses_around(start))
    steps = [start + step * MINUTE for step in range(minutes)]
    open_steps = [at for at in steps if looks_open(calendar, at)]

    spans = list(business.open_intervals(calendar, start, start + minutes * MINUTE))

    covered = [at for opens, closes in spans for at in steps if opens <= at < closes]
    assert covered == open_steps
    counted = [at for at in open_steps if not any(first <= at < last for first, last in pauses)]
    assert business.elapsed_seconds(calendar, start, start + minutes * MINUTE, pauses) == 60 * len(counted)
    assert all(before[1] < after[0] for before, after in itertools.pairwise(spans))


@settings(max_examples=100, deadline=None)
@given(situation=situations())
def test_a_single_instant_agrees_with_the_wall_clock(situation):
    calendar, at = situation

    assert business.is_open(calendar, at) == looks_open(calendar, at)


@settings(max_examples=200, deadline=None)
@given(situation=situations(), seconds=st.integers(1, 200_000), data=st.data())
def test_exactly_the_target_has_elapsed_when_a_clock_falls_due(situation, seconds, data):
    calendar, start = situation
    pauses = data.draw(pauses_around(start))
    try:
        at = business.due_at(calendar, start, seconds, pauses)
    except NeverOpen:
        assert business.elapsed_seconds(calendar, start, start + timedelta(days=700), pauses) < seconds
        return

    assert business.elapsed_seconds(calendar, start, at, pauses) == seconds
    assert business.elapsed_seconds(calendar, start, at - MINUTE / 60, pauses) == seconds - 1


@settings(max_examples=100, deadline=None)
@given(situation=situations(), first=st.integers(0, 9000), second=st.integers(0, 9000), data=st.data())
def test_elapsed_time_adds_up(situation, first, second, data):
    calendar, start = situation
    pauses = data.draw(pauses_around(start))
    middle, end = start + first * MINUTE, start + (first + second) * MINUTE

    parts = business.elapsed_seconds(calendar, start, middle, pauses) + business.elapsed_seconds(
        calendar, middle, end, pauses
    )

    assert parts == business.elapsed_seconds(calendar, start, end, pauses)


@settings(max_examples=100, deadline=None)
@given(situation=situations())
def test_a_calendar_comes_back_from_its_document(situation):
    calendar, _ = situation

    again = Calendar.from_dict(json.loads(json.dumps(calendar.as_dict())))

    assert again.as_dict() == calendar.as_dict()
    assert again.digest() == calendar.digest()


def test_a_time_that_the_clocks_repeat_is_open_twice():
    calendar = Calendar("America/New_York", week=((Interval.parse("01:15", "01:45"),),) * 7)

    spans = list(business.open_intervals(calendar, instant("2026-11-01T00:00Z"), instant("2026-11-02T00:00Z")))

    assert spans == [
        (instant("2026-11-01T05:15Z"), instant("2026-11-01T05:45Z")),
        (instant("2026-11-01T06:15Z"), instant("2026-11-01T06:45Z")),
    ]


@pytest.mark.parametrize(
    ("zone", "day", "opens", "closes", "minutes"),
    [
        ("Europe/Berlin", "2026-03-29", "01:00", "02:30", 60),  # closes inside the skipped hour
        ("Europe/Berlin", "2026-03-29", "02:15", "02:45", 0),  # lies inside it
        ("Europe/Berlin", "2026-03-29", "02:30", "04:00", 60),  # opens inside it
        ("Europe/Berlin", "2026-10-25", "01:00", "02:30", 120),  # closes inside the repeated hour
        ("Europe/Berlin", "2026-10-25", "02:30", "04:00", 120),  # opens inside it
        ("Europe/Berlin", "2026-10-25", "00:00", "24:00", 1500),
        ("Australia/Lord_Howe", "2026-04-05", "01:00", "02:00", 90),
        ("America/Sao_Paulo", "2015-10-18", "00:00", "01:30", 30),
        ("Pacific/Apia", "2011-12-30", "00:00", "24:00", 0),
    ],
)
def test_hours_that_meet_a_clock_change_last_as_long_as_the_clock_shows_them(zone, day, opens, closes, minutes):
    midnight = datetime.fromisoformat(day).replace(tzinfo=UTC)
    calendar = Calendar(zone, days={midnight.date(): (Interval.parse(opens, closes),)})

    seconds = business.elapsed_seconds(calendar, midnight - timedelta(days=3), midnight + timedelta(days=4))

    assert seconds == minutes * 60


def test_a_shift_of_23_hours_runs_into_the_second_utc_day():
    calendar = Calendar("America/New_York", days={date(2026, 6, 1): (Interval.parse("23:30", "22:30"),)})

    assert business.next_close(calendar, instant("2026-06-03T00:00Z")) == instant("2026-06-03T02:30Z")


def test_a_night_shift_lasts_as_long_as_the_night():
    calendar = Calendar("Europe/Berlin", week=((Interval.parse("22:00", "06:00"),),) * 7)

    in_spring = business.elapsed_seconds(calendar, instant("2026-03-28T12:00Z"), instant("2026-03-29T12:00Z"))
    in_autumn = business.elapsed_seconds(calendar, instant("2026-10-24T12:00Z"), instant("2026-10-25T12:00Z"))

    assert (in_spring, in_autumn) == (7 * 3600, 9 * 3600)


def test_a_holiday_keeps_the_night_before_and_loses_its_own():
    night = (Interval.parse("22:00", "06:00"),)
    calendar = Calendar("UTC", week=(night,) * 7, holidays=frozenset({date(2026, 5, 1)}))

    spans = list(business.open_intervals(calendar, instant("2026-04-30T12:00Z"), instant("2026-05-02T12:00Z")))

    assert spans == [(instant("2026-04-30T22:00Z"), instant("2026-05-01T06:00Z"))]


def test_special_hours_beat_a_holiday():
    christmas_eve = date(2026, 12, 24)
    calendar = Calendar(
        "UTC",
        week=WORK_WEEK,
        days={christmas_eve: (Interval.parse("09:00", "12:00"),)},
        holidays=frozenset({christmas_eve}),
    )

    assert business.next_close(calendar, instant("2026-12-24T00:00Z")) == instant("2026-12-24T12:00Z")


def test_days_around_the_clock_are_one_opening():
    calendar = Calendar("Europe/Berlin", week=(ALL_DAY,) * 3 + ((),) * 4)

    closes = business.next_close(calendar, instant("2026-06-01T10:00Z"))

    assert closes == instant("2026-06-03T22:00Z")


def test_a_paused_clock_falls_due_later():
    calendar = Calendar("UTC", week=WORK_WEEK)
    start = instant("2026-06-01T10:00Z")
    pauses = [
        (instant("2026-06-01T10:20Z"), instant("2026-06-01T12:00Z")),
        (instant("2026-06-01T10:10Z"), instant("2026-06-01T10:30Z")),
    ]

    assert business.due_at(calendar, start, 1800, pauses) == instant("2026-06-01T12:20Z")
    assert business.elapsed_seconds(calendar, start, instant("2026-06-01T12:20Z"), pauses) == 1800


def test_a_pause_that_ends_before_it_begins_is_none():
    calendar = Calendar("UTC", week=WORK_WEEK)
    pauses = [(instant("2026-06-01T10:20Z"), instant("2026-06-01T10:10Z"))]

    assert business.due_at(calendar, instant("2026-06-01T10:00Z"), 1800, pauses) == instant("2026-06-01T10:30Z")


def test_a_target_of_many_years_is_reached():
    calendar = Calendar("UTC", week=WORK_WEEK)

    assert business.due_at(calendar, instant("2026-06-01T09:00Z"), 261 * 5 * 8 * 3600) == instant("2031-05-30T17:00Z")


def test_pauses_may_come_from_any_iterable():
    calendar = Calendar("UTC", week=WORK_WEEK)
    pauses = [(instant("2026-06-01T10:10Z"), instant("2026-06-01T10:30Z"))]

    assert business.due_at(calendar, instant("2026-06-01T10:00Z"), 900, iter(pauses)) == instant("2026-06-01T10:35Z")


def test_instants_in_another_zone_are_understood():
    calendar = Calendar("Europe/Berlin", week=(ALL_DAY,) * 7)
    berlin = ZoneInfo("Europe/Berlin")
    start, end = datetime(2026, 3, 29, 0, tzinfo=berlin), datetime(2026, 3, 30, 0, tzinfo=berlin)

    assert business.elapsed_seconds(calendar, start, end) == 23 * 3600
    assert business.next_open(calendar, start).tzinfo is UTC


def test_times_without_a_zone_are_refused():
    calendar = Calendar("UTC", week=WORK_WEEK)

    with pytest.raises(ValueError, match="time zone"):
        business.is_open(calendar, datetime(2026, 6, 1, 10))  # noqa: DTZ001


def test_a_target_below_nothing_is_refused():
    with pytest.raises(ValueError, match="less than no time"):
        business.due_at(Calendar("UTC", week=WORK_WEEK), instant("2026-06-01T10:00Z"), -1)


def test_a_calendar_without_hours_says_so():
    calendar = Calendar("UTC")
    start = instant("2026-06-01T10:00Z")

    with pytest.raises(NeverOpen):
        business.next_open(calendar, start)
    with pytest.raises(NeverOpen):
        business.due_at(calendar, start, 60)
    assert business.elapsed_seconds(calendar, start, start + timedelta(days=30)) == 0


def test_a_calendar_that_ends_cannot_take_a_longer_target():
    calendar = Calendar("UTC", days={date(2026, 6, 1): NINE_TO_FIVE})

    assert business.due_at(calendar, instant("2026-06-01T00:00Z"), 8 * 3600) == instant("2026-06-01T17:00Z")
    with pytest.raises(NeverOpen):
        business.due_at(calendar, instant("2026-06-01T00:00Z"), 8 * 3600 + 1)


def test_the_end_of_all_calendars_is_no_crash():
    calendar = Calendar("Pacific/Apia", week=WORK_WEEK)

    with pytest.raises(NeverOpen):
        business.due_at(calendar, instant("9999-12-01T00:00Z"), 10**7)


def test_a_calendar_that_never_closes_says_so():
    with pytest.raises(NeverCloses):
        business.next_close(Calendar("Europe/Berlin", week=(ALL_DAY,) * 7), instant("2026-06-01T10:00Z"))


def test_old_days_are_forgotten_and_found_again(monkeypatch):
    monkeypatch.setattr(business, "DAYS_KEPT", 5)
    calendar = Calendar("UTC", week=WORK_WEEK)

    seconds = business.elapsed_seconds(calendar, instant("2026-06-01T00:00Z"), instant("2026-06-29T00:00Z"))

    assert seconds == 20 * 8 * 3600


@pytest.mark.parametrize(
    "change",
    [
        {"zone": "Europe/Paris"},
        {"week": {"mon": [["09:00", "17:01"]]}},
        {"days": {"2026-06-01": []}},
        {"breaks": {"2026-06-01": [["12:00", "13:00"]]}},
        {"holidays": ["2026-06-01"]},
    ],
)
def test_any_change_of_a_calendar_changes_its_digest(change):
    calendar = Calendar("Europe/Berlin", week=WORK_WEEK)

    assert Calendar.from_dict(calendar.as_dict() | change).digest() != calendar.digest()


def test_the_order_of_rows_does_not_change_the_digest():
    morning, evening = Interval.parse("08:00", "12:00"), Interval.parse("13:00", "24:00")
    first, second = date(2026, 6, 1), date(2026, 6, 2)
    calendar = Calendar("UTC", days={first: (morning, evening), second: ()})

    assert Calendar("UTC", days={second: (), first: (evening, morning)}).digest() == calendar.digest()


def test_a_document_reads_as_people_write_hours():
    calendar = Calendar("UTC", week=(NINE_TO_FIVE, (Interval(1320, 1800), Interval(0, 1440)), (), (), (), (), ()))

    assert calendar.as_dict()["week"]["mon"] == [["09:00", "17:00"]]
    assert calendar.as_dict()["week"]["tue"] == [["00:00", "24:00"], ["22:00", "06:00"]]


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"zone": "Mars/Olympus"},
        {"zone": "../etc/passwd"},
        {"zone": ""},
        {"zone": 3},
        {"zone": "America"},
        {"zone": "UTC", "hours": {}},
        {"zone": "UTC", "week": {"monday": []}},
        {"zone": "UTC", "week": {"mon": [["9:00", "17:00"]]}},
        {"zone": "UTC", "week": {"mon": [["09:00", "24:01"]]}},
        {"zone": "UTC", "week": {"mon": [["24:00", "09:00"]]}},
        {"zone": "UTC", "week": {"mon": [["09:00"]]}},
        {"zone": "UTC", "week": {"mon": [["٠٩:00", "17:00"]]}},
        {"zone": "UTC", "week": {"mon": [[9, 17]]}},
        {"zone": "UTC", "days": {"2026-02-30": []}},
        {"zone": "UTC", "holidays": ["tomorrow"]},
    ],
)
def test_a_document_that_is_no_calendar_is_refused(document):
    with pytest.raises(BadCalendar):
        Calendar.from_dict(document)


def test_a_week_of_six_days_is_refused():
    with pytest.raises(BadCalendar, match="seven days"):
        Calendar("UTC", week=((),) * 6)


def test_public_holidays_depend_on_the_place():
    bavaria = business.country_holidays("DE", "BY", [2026])
    berlin = business.country_holidays("DE", "BE", [2026])

    assert date(2026, 12, 25) in bavaria & berlin
    assert date(2026, 1, 6) in bavaria - berlin


@pytest.mark.parametrize(("country", "subdivision"), [("XX", None), ("DE", "XX")])
def test_holidays_of_nowhere_are_refused(country, subdivision):
    with pytest.raises(BadCalendar, match="No public holidays"):
        business.country_holidays(country, subdivision, [2026])
