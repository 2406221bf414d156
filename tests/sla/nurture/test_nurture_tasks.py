from __future__ import annotations

import csv
import datetime as dt
import io
import threading
from collections.abc import Iterator

import pytest
import time_machine
from django.db import connection, connections
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from config.accounts.models import User
from config.accounts.vocabulary import Role
from leads.models import Lead, StageChange
from leads.vocabulary import Stage
from scoring.live import quiet_leads
from scoring.models import Qualification
from sla.handoff_page import lead_timeline
from sla.models import Handoff, Note, Notice
from sla.nurture import nurture_tasks, recycling
from sla.vocabulary import Family, NoticeKind, Route
from tests.factories import (
    DAY,
    NOW,
    EventFactory,
    HandoffFactory,
    ReasonCodeFactory,
    UserFactory,
    place_leads,
    read_handoff,
)

pytestmark = pytest.mark.django_db

#: 90 days after the rejection on 10 March.
BACK_ON = dt.date(2026, 6, 8)
LATER = dt.date(2026, 7, 1)


@pytest.fixture
def ops() -> User:
    return UserFactory(roles=[Role.MARKETING_OPS])


def recycled(**columns: object) -> Handoff:
    reason = ReasonCodeFactory(code="later", family=Family.TIMING, route=Route.RECYCLE)
    return HandoffFactory(rejected=True, decision__reason=reason, **columns)


def did(lead: Lead, at: dt.datetime) -> None:
    EventFactory(lead=lead, signal__code="page_view", occurred_at=at)


def task_of(handoff: Handoff, now: dt.datetime) -> nurture_tasks.NurtureTask:
    return next(
        iter(nurture_tasks.build_tasks(nurture_tasks.select_recycled(Handoff.objects.filter(pk=handoff.pk)), now=now))
    )


# ── Postponing ────────────────────────────────────────────────────────────────────────────────────────────


def test_a_postponed_lead_comes_back_later_and_its_timeline_shows_who_and_why(ops: User) -> None:
    handoff = recycled()

    moved = recycling.postpone(handoff_ids=[handoff.pk], to=LATER, by=ops, now=NOW, why="budget in July")

    assert moved == recycling.PostponeResult(1, 0)
    fresh = read_handoff(handoff)
    assert fresh.qualification.reenter_at == dt.datetime(2026, 7, 1, tzinfo=dt.UTC)
    said = [entry for entry in lead_timeline.for_lead(handoff.lead).entries if "postponed" in entry.detail]
    assert [(entry.by, entry.detail) for entry in said] == [
        (str(ops), "Return postponed from 8 June 2026 to 1 July 2026: budget in July")
    ]
    assert not recycling.returning_handoffs(dt.datetime(2026, 6, 20, tzinfo=dt.UTC)).exists()


def test_a_return_moves_only_forward_and_only_once(ops: User) -> None:
    handoff = recycled()
    recycling.postpone(handoff_ids=[handoff.pk], to=LATER, by=ops, now=NOW)

    again = recycling.postpone(handoff_ids=[handoff.pk], to=LATER, by=ops, now=NOW)
    earlier = recycling.postpone(handoff_ids=[handoff.pk], to=BACK_ON, by=ops, now=NOW)

    assert again == earlier == recycling.PostponeResult(0, 1)
    assert Note.objects.count() == 1


@pytest.mark.parametrize("to", [NOW.date(), NOW.date() - DAY, NOW.date() + 731 * DAY])
def test_a_day_in_the_past_or_too_far_ahead_is_refused(ops: User, to: dt.date) -> None:
    handoff = recycled()

    with pytest.raises(recycling.RecyclingRefused, match="at most two years"):
        recycling.postpone(handoff_ids=[handoff.pk], to=to, by=ops, now=NOW)


def test_only_marketing_postpones_and_brings_back() -> None:
    handoff = recycled()

    for verb in (
        lambda by: recycling.postpone(handoff_ids=[handoff.pk], to=LATER, by=by, now=NOW),
        lambda by: recycling.bring_back(handoff_ids=[handoff.pk], by=by, now=NOW),
    ):
        with pytest.raises(recycling.RecyclingRefused, match="Marketing decides"):
            verb(UserFactory(roles=[Role.SALES_MANAGER]))


def test_a_reason_with_control_characters_is_left_out(ops: User, client: Client) -> None:
    handoff = recycled()
    client.force_login(ops)

    with time_machine.travel(NOW + DAY, tick=False):
        client.post(reverse("nurture_back"), {"handoff": [handoff.pk], "why": "a\x00b"})

    assert Handoff.objects.get(pk=handoff.pk).lead.stage != Stage.NURTURE


def test_a_lead_that_left_nurture_is_not_changed(ops: User) -> None:
    handoff = recycled()
    place_leads(Stage.MQL)

    moved = recycling.postpone(handoff_ids=[handoff.pk, 999_999], to=LATER, by=ops, now=NOW)

    assert moved == recycling.PostponeResult(0, 2)
    assert not Note.objects.exists()


def test_a_lead_postponed_after_its_day_is_announced_again(ops: User) -> None:
    handoff = recycled()
    recycling.announce_returns(now=NOW + 100 * DAY)
    recycling.postpone(handoff_ids=[handoff.pk], to=dt.date(2026, 9, 1), by=ops, now=NOW + 100 * DAY)

    before = recycling.announce_returns(now=NOW + 110 * DAY)
    on_the_day = recycling.announce_returns(now=dt.datetime(2026, 9, 1, 6, tzinfo=dt.UTC))
    afterwards = recycling.announce_returns(now=dt.datetime(2026, 9, 2, 6, tzinfo=dt.UTC))

    assert (before, on_the_day, afterwards) == (0, 1, 0)
    assert Notice.objects.filter(kind=NoticeKind.REENGAGED).count() == 2


@pytest.mark.django_db(transaction=True)
def test_concurrent_postponements_to_the_same_day_move_a_lead_once() -> None:
    ops, handoffs = UserFactory(roles=[Role.MARKETING_OPS]), [recycled() for _ in range(3)]
    results: list[recycling.PostponeResult] = []
    start = threading.Barrier(4, timeout=60)

    def postpone(ids: list[int]) -> None:
        try:
            start.wait()
            results.append(recycling.postpone(handoff_ids=ids, to=LATER, by=ops, now=NOW))
        finally:
            connections.close_all()

    pks = [handoff.pk for handoff in handoffs]
    threads = [threading.Thread(target=postpone, args=[pks[:: 1 if turn % 2 else -1]]) for turn in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(result.moved for result in results) == [0, 0, 0, 3]
    assert Note.objects.count() == 3


# ── Back now ──────────────────────────────────────────────────────────────────────────────────────────────


def test_a_lead_brought_back_is_marketings_and_may_qualify_now(ops: User) -> None:
    handoff = recycled()

    moved = recycling.bring_back(handoff_ids=[handoff.pk], by=ops, now=NOW + DAY, why="wrote to us")

    handoff.lead.refresh_from_db()
    change = StageChange.objects.latest("pk")
    assert (moved, handoff.lead.stage) == (recycling.PostponeResult(1, 0), Stage.MAL)
    assert (change.by, change.why) == (ops, "Back to marketing before its day: wrote to us")
    assert Qualification.objects.get().reenter_at == NOW + DAY
    assert recycling.bring_back(handoff_ids=[handoff.pk], by=ops, now=NOW + DAY) == recycling.PostponeResult(0, 1)


# ── What to do ────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("days", "what", "tone"),
    [
        (0, "Coming in 90 days", ""),
        (89, "Coming in 1 day", ""),
        (90, "Re-engage today", "warn"),
        (91, "Re-engage now: 1 day overdue", "bad"),
    ],
)
def test_each_task_shows_what_to_do(days: int, what: str, tone: str) -> None:
    task = task_of(recycled(), NOW + days * DAY)

    assert (task.back_on, task.action, task.tone) == (BACK_ON, what, tone)


def test_a_paused_lead_is_no_task_and_stands_on_a_list_of_its_own(ops: User) -> None:
    handoff = recycled()
    paused_at = dt.datetime.combine(BACK_ON, dt.time(), dt.UTC) + 90 * DAY
    assert task_of(handoff, paused_at - DAY).action == "Re-engage now: 89 days overdue"
    quiet_leads.pause_quiet(now=paused_at)

    handoffs = Handoff.objects.filter(pk=handoff.pk)
    [task] = nurture_tasks.build_tasks(nurture_tasks.select_paused(handoffs), now=paused_at)

    assert (task.paused_at, task.action) == (paused_at, "Nothing, until it is active")
    assert not nurture_tasks.select_recycled(handoffs).exists()
    assert recycling.postpone(handoff_ids=[handoff.pk], to=dt.date(2027, 1, 1), by=ops, now=paused_at).moved == 0
    assert recycling.bring_back(handoff_ids=[handoff.pk], by=ops, now=paused_at).moved == 1
    assert StageChange.objects.latest("pk").to_stage == Stage.MAL


@pytest.mark.parametrize(
    ("when", "days", "found"),
    [
        ("due", 90, True),
        ("due", 89, False),
        ("week", 89, True),
        ("week", 90, False),
        ("month", 61, True),
        ("later", 30, True),
        ("later", 61, False),
    ],
)
def test_the_list_is_filtered_by_return_period(when: str, days: int, found: bool) -> None:
    recycled()

    rows = nurture_tasks.filter_recycled(
        nurture_tasks.select_recycled(Handoff.objects.all()), now=NOW + days * DAY, when=when
    )

    assert rows.exists() is found


# ── The page ──────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def page(ops: User) -> Iterator[Client]:
    with time_machine.travel(NOW + 2 * DAY, tick=False):
        client = Client()
        client.force_login(ops)
        yield client


def test_several_leads_are_postponed_in_one_step_and_the_filter_stays(page: Client) -> None:
    handoffs = [recycled() for _ in range(3)]
    ticked = [handoff.pk for handoff in handoffs[:2]]

    answer = page.post(f"{reverse('nurture_postpone')}?when=later", {"handoff": ticked, "to": "2026-07-01", "why": ""})

    assert (answer.status_code, answer["Location"]) == (302, f"{reverse('nurture')}?when=later")
    assert Qualification.objects.filter(reenter_at__date=LATER).count() == 2
    assert "2 leads postponed to 1 July 2026." in page.get(reverse("nurture")).content.decode()


def test_all_filtered_leads_are_postponed_ticked_or_not(page: Client) -> None:
    mine = recycled(lead__first_name="Zelda")
    recycled()

    page.post(f"{reverse('nurture_postpone')}?q=zelda", {"everything": "1", "to": "2026-07-01"})

    assert list(Note.objects.values_list("handoff", flat=True)) == [mine.pk]


def test_a_bad_day_is_an_error_at_its_field_and_moves_nothing(page: Client) -> None:
    handoff = recycled()

    answers = [
        page.post(reverse("nurture_postpone"), {"handoff": [handoff.pk], "to": to})
        for to in ("", "2026-01-01", "2031-01-01")
    ]

    assert [answer.status_code for answer in answers] == [422] * 3
    shown = [answer.content.decode() for answer in answers]
    assert "at most two years ahead" in shown[2]
    assert all(f'value="{handoff.pk}" checked' in each and "Nothing was postponed." in each for each in shown)
    assert not Note.objects.exists()


def test_a_selection_that_is_no_number_is_ignored(page: Client) -> None:
    answer = page.post(reverse("nurture_back"), {"handoff": ["x", "9" * 40, "-1"]}, follow=True)

    assert "Nothing was ticked." in answer.content.decode()


def test_hostile_fields_are_escaped_on_the_page_and_in_the_csv_file(page: Client) -> None:
    recycled(lead__first_name="<script>alert(1)</script>", lead__last_name="X", lead__title="=1+1")

    assert "<script>alert" not in page.get(reverse("nurture")).content.decode()
    rows = list(csv.reader(io.StringIO(page.get(reverse("nurture_export")).getvalue().decode())))
    assert tuple(rows[0]) == nurture_tasks.HEADER
    assert rows[1][2] == "'=1+1"
    assert rows[1][8:10] == ["2026-06-08", "Coming in 88 days"]


def test_unknown_filter_values_filter_nothing(page: Client) -> None:
    recycled()

    answer = page.get(reverse("nurture"), {"when": "never", "reason": "x", "rep": "9" * 30, "q": "\x00"})

    assert answer.status_code == 200


def test_the_page_takes_a_constant_number_of_queries(page: Client) -> None:
    recycled()
    with CaptureQueriesContext(connection) as few:
        page.get(reverse("nurture"))
    for _ in range(4):
        recycled()

    with CaptureQueriesContext(connection) as many:
        page.get(reverse("nurture"))

    assert len(many) == len(few)
