from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import replace

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from config.accounts.models import User
from config.accounts.vocabulary import Role
from sla.business_time import calendars
from sla.business_time.arithmetic import BadCalendar
from sla.business_time.hours import read_hours
from sla.models import CalendarVersion, Clock, SpecialDay, WorkCalendar
from tests.factories import MINUTE, NOW, HandoffFactory, TeamFactory, UserFactory, WorkCalendarFactory

pytestmark = pytest.mark.django_db

HOSTILE = "<script>alert(1)</script>\"'="


@pytest.fixture(autouse=True)
def at_work() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def manager() -> Client:
    return signed_in(UserFactory(roles=[Role.SALES_MANAGER]))


@pytest.fixture
def berlin() -> WorkCalendar:
    return WorkCalendarFactory(zone="Europe/Berlin", country="DE", subdivision="BY")


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def typed(calendar: WorkCalendar | None = None, *days: dict[str, str], **fields: str) -> dict[str, str]:
    """What the form sends: nine to five in Berlin, unless said otherwise."""
    week = dict.fromkeys(("mon", "tue", "wed", "thu", "fri"), "09:00-12:00, 13:00-17:00") | {"sat": "", "sun": ""}
    rows = {f"days-{index}-{name}": value for index, day in enumerate(days) for name, value in day.items()}
    counts = {"days-TOTAL_FORMS": str(len(days)), "days-INITIAL_FORMS": "0"}
    said = {"name": "Berlin", "zone": "Europe/Berlin", "country": "DE", "subdivision": "BY", "arrives": ""}
    read = calendars.stamp(calendars.draft_from_rows(calendar)) if calendar else ""
    return {**said, **week, **counts, **rows, "read": read, **fields}


def text_of(response: object) -> str:
    return " ".join(response.content.decode().split())


def test_a_manager_changes_hours_zone_holidays_and_own_days(manager: Client, berlin: WorkCalendar) -> None:
    day = {"date": "2026-12-24", "label": "Christmas Eve", "hours": "09:00-12:00"}
    off = {"date": "2026-12-31", "label": "Closed", "hours": ""}

    answer = manager.post(reverse("calendar", args=[berlin.pk]), typed(berlin, day, off, mon="22:00-06:00", sun="0-24"))

    assert answer.status_code == 302
    stored = calendars.draft_from_rows(WorkCalendar.objects.get(pk=berlin.pk))
    assert (stored.week[0], stored.week[6]) == (read_hours("22-06"), read_hours("0-24"))
    assert [(own.date, own.label, own.hours) for own in stored.days] == [
        (dt.date(2026, 12, 24), "Christmas Eve", read_hours("9-12")),
        (dt.date(2026, 12, 31), "Closed", ()),
    ]


def test_an_own_day_is_taken_away_by_its_box(manager: Client, berlin: WorkCalendar) -> None:
    SpecialDay.objects.create(calendar=berlin, date=dt.date(2026, 12, 24), label="Off")
    row = {"date": "2026-12-24", "label": "Off", "hours": "", "DELETE": "on"}

    manager.post(reverse("calendar", args=[berlin.pk]), typed(berlin, row))

    assert not SpecialDay.objects.exists()


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"mon": "9-12, 11-13"}, "9:00–12:00 and 11:00–13:00 overlap."),
        ({"tue": "9:00-9:00"}, "is no time at all"),
        ({"zone": "Mars/Base"}, "There is no such time zone"),
        ({"zone": "../../etc/passwd"}, "There is no such time zone"),
        ({"zone": "EST"}, "EST has no summer time; take America/New_York."),
        ({"zone": "CET"}, "CET is no place; take Europe/Berlin."),
        ({"country": "XX"}, "not one of the available choices"),
        ({"subdivision": "ZZ"}, "DE has no such part; known: BB,"),
        ({"country": "", "subdivision": "BY"}, "Choose the country first."),
        ({"arrives": "9999-12-31T23:59"}, "between 2000 and 2099"),
        ({"name": ""}, "This field is required."),
    ],
)
def test_what_cannot_be_is_refused_with_the_rule_and_nothing_is_stored(
    manager: Client, berlin: WorkCalendar, fields: dict[str, str], said: str
) -> None:
    before = calendars.draft_from_rows(berlin)

    answer = manager.post(reverse("calendar", args=[berlin.pk]), typed(berlin, **fields))

    assert answer.status_code == 422
    assert said in text_of(answer)
    assert calendars.draft_from_rows(WorkCalendar.objects.get(pk=berlin.pk)) == before


@pytest.mark.parametrize("htmx", [True, False])
def test_the_preview_says_due_when_and_why_and_stores_nothing(
    manager: Client, berlin: WorkCalendar, htmx: bool
) -> None:
    headers = {"HX-Request": "true"} if htmx else {}
    said = typed(berlin, preview="1", arrives="2026-11-20T16:50")

    answer = manager.post(reverse("calendar", args=[berlin.pk]), said, headers=headers)

    text = text_of(answer)
    assert "A tier 2 lead that arrives Friday 20 November 2026, 16:50 would be due Monday 9:20 in Berlin" in text
    assert "because: 10 min on Friday, weekend closed, 20 min on Monday." in text
    assert "that arrives now (Tuesday 10 March 2026, 11:00)" in text
    assert "Good Friday" in text
    assert ("<html" in text) is not htmx
    assert calendars.draft_from_rows(WorkCalendar.objects.get(pk=berlin.pk)).week[0] == read_hours("9-17")


@pytest.mark.parametrize(
    ("arrives", "due"),
    [
        ("2026-03-28T23:00", "due Saturday 23:30"),
        ("2026-03-29T01:50", "due Sunday 3:20"),
        ("2026-10-25T02:45", "due Sunday 2:15"),
    ],
)
def test_the_preview_is_right_on_both_days_on_which_the_clocks_change(
    manager: Client, berlin: WorkCalendar, arrives: str, due: str
) -> None:
    nights = dict.fromkeys(("mon", "tue", "wed", "thu", "fri", "sat", "sun"), "22:00-06:00")

    answer = manager.post(reverse("calendar", args=[berlin.pk]), typed(berlin, preview="1", arrives=arrives, **nights))

    assert due in text_of(answer)


def test_hours_that_never_open_are_said_to_be_so(manager: Client, berlin: WorkCalendar) -> None:
    closed = dict.fromkeys(("mon", "tue", "wed", "thu", "fri"), "")

    answer = manager.post(reverse("calendar", args=[berlin.pk]), typed(berlin, preview="1", **closed))

    assert "A tier 2 lead: These hours never open again" in text_of(answer)


def test_running_clocks_keep_their_calendar_and_the_page_says_how_many(manager: Client) -> None:
    handoff = HandoffFactory()
    calendar = handoff.team.calendar
    before = list(Clock.objects.order_by("pk").values_list("due_at", "calendar_version"))
    page = reverse("calendar", args=[calendar.pk])

    manager.post(page, typed(calendar, country="", subdivision="", mon="10:00-11:00"))

    assert "2 running clocks keep the calendar they started with" in text_of(manager.get(page))
    assert list(Clock.objects.order_by("pk").values_list("due_at", "calendar_version")) == before
    HandoffFactory(now=NOW + MINUTE)
    assert CalendarVersion.objects.filter(calendar=calendar).count() == 4


def test_who_edits_what_somebody_else_changed_meanwhile_is_told(manager: Client, berlin: WorkCalendar) -> None:
    mine, theirs = typed(berlin, mon="10-11"), typed(berlin, mon="12-13")
    manager.post(reverse("calendar", args=[berlin.pk]), theirs)

    answer = manager.post(reverse("calendar", args=[berlin.pk]), mine)

    assert answer.status_code == 409
    assert "Somebody changed this calendar in the meantime" in text_of(answer)
    assert calendars.draft_from_rows(WorkCalendar.objects.get(pk=berlin.pk)).week[0] == read_hours("12-13")


def test_a_new_calendar_needs_a_name_of_its_own(manager: Client, berlin: WorkCalendar) -> None:
    taken = manager.post(reverse("calendar_new"), typed(name=berlin.name.upper()))
    response = manager.post(reverse("calendar_new"), typed(name="Night shift"))

    assert (taken.status_code, response.status_code) == (409, 302)
    assert WorkCalendar.objects.filter(name="Night shift").exists()


def test_who_changed_it_when_and_why_is_kept_and_shown(berlin: WorkCalendar) -> None:
    person = UserFactory(roles=[Role.SALES_MANAGER], name="maria", last_name="Castellanos")
    client, page = signed_in(person), reverse("calendar", args=[berlin.pk])
    same = dict.fromkeys(("mon", "tue", "wed", "thu"), "09:00-17:00")

    client.post(page, typed(berlin, name=berlin.name, fri="09:00-16:00", why="Nobody calls then.", **same))

    (change,) = berlin.changes.all()
    assert (change.by, change.at) == (person, NOW)
    assert (change.said, change.why) == ("Friday 9:00–16:00 instead of 9:00–17:00", "Nobody calls then.")
    assert calendars.load_version(change.version) == calendars.build_calendar(
        WorkCalendar.objects.get(pk=berlin.pk), NOW
    )
    shown = text_of(client.get(page))
    assert "Maria Castellanos" in shown
    assert "Friday 9:00–16:00 instead of 9:00–17:00<br><em>Nobody calls then.</em>" in shown


def test_saving_what_stands_there_changes_nothing(manager: Client, berlin: WorkCalendar) -> None:
    week = dict.fromkeys(("mon", "tue", "wed", "thu", "fri"), "9-17")

    manager.post(reverse("calendar", args=[berlin.pk]), typed(berlin, name=berlin.name, **week))

    assert not berlin.changes.exists()


def test_a_clock_after_a_change_runs_by_the_version_of_that_change(berlin: WorkCalendar) -> None:
    person = UserFactory(roles=[Role.SALES_MANAGER])
    draft = replace(calendars.draft_from_rows(berlin), zone="Europe/Lisbon")
    read = calendars.stamp(calendars.draft_from_rows(berlin))

    calendar = calendars.change_calendar(calendar=berlin, draft=draft, seen_stamp=read, by=person, now=NOW)

    assert calendars.list_changes(calendar).get().version == calendars.freeze_version(calendar, NOW + MINUTE)


def test_a_preview_says_what_would_change_and_what_is_due_so_far(manager: Client, berlin: WorkCalendar) -> None:
    week = dict.fromkeys(("mon", "tue", "wed", "thu"), "9-17") | {"fri": "9-16"}
    late = {"arrives": "2026-03-13T15:50", "preview": "1"}

    shown = text_of(
        manager.post(reverse("calendar", args=[berlin.pk]), typed(berlin, name=berlin.name, **week, **late))
    )

    assert "Friday 9:00–16:00 instead of 9:00–17:00" in shown
    assert "would be due Monday 9:20 in Berlin" in shown
    assert "By the hours as they are saved: Friday 16:20." in shown


@pytest.mark.parametrize("role", [role for role in Role if role != Role.SALES_MANAGER])
def test_others_read_and_change_nothing(berlin: WorkCalendar, role: Role) -> None:
    reader = signed_in(UserFactory(roles=[role]))
    page = reverse("calendar", args=[berlin.pk])

    assert '<form class="form"' not in reader.get(page).content.decode()
    assert reader.post(page, typed(berlin, mon="")).status_code == 403
    assert calendars.draft_from_rows(WorkCalendar.objects.get(pk=berlin.pk)).week[0] == read_hours("9-17")


def test_the_use_case_refuses_who_may_not(berlin: WorkCalendar) -> None:
    with pytest.raises(BadCalendar, match="Only a sales manager"):
        calendars.change_calendar(
            calendar=berlin,
            draft=calendars.draft_from_rows(berlin),
            seen_stamp=calendars.stamp(calendars.draft_from_rows(berlin)),
            by=UserFactory(roles=[Role.SDR]),
            now=NOW,
        )


def test_hostile_names_are_text(manager: Client, berlin: WorkCalendar) -> None:
    row = {"date": "2026-12-24", "label": HOSTILE, "hours": ""}
    manager.post(reverse("calendar", args=[berlin.pk]), typed(berlin, row, name=HOSTILE))

    for page in (reverse("calendars"), reverse("calendar", args=[berlin.pk])):
        assert "<script>alert" not in manager.get(page).content.decode()
    refused = manager.post(reverse("calendar", args=[berlin.pk]), typed(berlin, mon=HOSTILE))
    assert "<script>alert" not in refused.content.decode()


def test_the_list_takes_as_many_queries_for_many_as_for_one(manager: Client, berlin: WorkCalendar) -> None:
    with CaptureQueriesContext(connection) as few:
        manager.get(reverse("calendars"))
    for _ in range(5):
        TeamFactory(working=True, reps=1)

    with CaptureQueriesContext(connection) as many:
        text = text_of(manager.get(reverse("calendars")))

    # Teams are read only where there are calendars with some; the count stays the same.
    assert len(many) == len(few)
    assert "Mon–Fri 9:00–17:00 Berlin; public holidays of DE-BY" in text
