"""The queue: groups, several at once, views of one's own, and what is shown while a decision can be taken back."""

from __future__ import annotations

import datetime as dt
import html
from collections.abc import Iterator

import pytest
import time_machine
from django.db import connection
from django.http import QueryDict
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from config.accounts.models import User
from sla.handoffs import attempts, dispositions, sales_stages, undo_window
from sla.models import AlertSettings, Disposition, Handoff, PendingDecision, SavedFilter
from sla.queue import queue, saved_filters
from sla.vocabulary import AttemptOutcome, Channel, DispositionKind
from tests.factories import (
    DAY,
    HOUR,
    MINUTE,
    NOW,
    HandoffFactory,
    ReasonCodeFactory,
    RepFactory,
    TeamFactory,
    UserFactory,
    read_handoff,
)

pytestmark = pytest.mark.django_db

HTMX = {"HX-Request": "true", "HX-Target": "queue"}
AT = NOW + 2 * MINUTE


@pytest.fixture(autouse=True)
def at_work() -> Iterator[None]:
    with time_machine.travel(AT, tick=False):
        yield


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def call(handoff: Handoff) -> None:
    attempts.log_attempt(
        handoff=handoff, channel=Channel.CALL, outcome=AttemptOutcome.NO_ANSWER, at=AT, by=handoff.rep.user, now=AT
    )


def groups(user: User, now: dt.datetime = AT) -> dict[str, list[Handoff]]:
    return {group.key: group.rows for group in queue.build_queue(queue.for_user(user), now=now).groups if group.rows}


def test_each_stands_in_the_group_of_its_urgency():
    late = HandoffFactory(now=NOW - 40 * MINUTE)
    soon = HandoffFactory(tier=1)
    today = HandoffFactory()
    later = HandoffFactory()
    call(later)
    uncalled = HandoffFactory(accepted=True)
    spoken_to = HandoffFactory(accepted=True)
    call(spoken_to)
    met = HandoffFactory(accepted=True)
    call(met)
    sales_stages.book_meeting(handoff=met, at=AT + DAY, by=met.rep.user, now=AT)

    found = groups(late.rep.user)

    assert found == {
        "breached": [late],
        "soon": [soon],
        "today": [today, uncalled],
        "later": [later],
        "accepted": [spoken_to],
        "waiting": [met],
    }


def test_accepted_leads_come_back_when_the_meeting_is_over_or_nobody_wrote_for_two_days():
    silent, met = HandoffFactory(accepted=True), HandoffFactory(accepted=True)
    for handoff in (silent, met):
        call(handoff)
    sales_stages.book_meeting(handoff=met, at=AT + HOUR, by=met.rep.user, now=AT)

    assert groups(silent.rep.user, AT + MINUTE) == {"accepted": [silent], "waiting": [met]}
    assert groups(silent.rep.user, AT + 2 * HOUR) == {"today": [met], "accepted": [silent]}
    assert groups(silent.rep.user, AT + 2 * DAY) == {"today": [silent, met]}


def test_an_sql_stays_in_its_reps_queue_until_it_is_won_or_lost():
    handoff = HandoffFactory(accepted=True)
    rep = handoff.rep.user
    call(handoff)
    answers = {"problem": "Slow", "budget": "Yes", "authority": "CTO", "timeline": "Now"}
    sales_stages.qualify(handoff=read_handoff(handoff), **answers, by=rep, now=AT)

    as_sql = groups(rep)
    sales_stages.lose(handoff=read_handoff(handoff), reason="Chose nobody", by=rep, now=AT)

    assert as_sql == {"pipeline": [handoff]}
    assert groups(rep) == {}


def test_the_counts_are_of_all_and_not_of_those_shown():
    first, *_ = [HandoffFactory() for _ in range(4)]

    shown = queue.build_queue(queue.for_user(first.rep.user), now=AT, limit=2)

    assert (shown.total, shown.shown, shown.is_cut) == (4, 2, True)
    assert {group.key: group.count for group in shown.groups}["today"] == 4


def test_the_number_of_queries_does_not_grow_with_decisions_that_can_be_taken_back():
    handoffs = [HandoffFactory() for _ in range(9)]
    client = signed_in(handoffs[0].rep.user)
    saved_filters.save(name="Hot", query="tier=1", by=handoffs[0].rep.user)

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert client.get(reverse("queue")).status_code == 200
        return len(captured)

    few = queries()
    for handoff in handoffs[:8]:
        undo_window.decide(handoff=handoff, kind=DispositionKind.ACCEPT, by=handoff.rep.user, now=AT)
        saved_filters.save(name=f"View {handoff.pk}", query=f"q={handoff.pk}", by=handoff.rep.user)

    assert queries() == few <= 16


def test_a_decision_stands_in_its_row_with_undo_and_is_taken_back():
    handoff = HandoffFactory()
    client = signed_in(handoff.rep.user)

    row = client.post(reverse("handoff_accept", args=[handoff.pk]), {"next": "/queue/"}, headers=HTMX).content.decode()
    undone = client.post(reverse("handoff_undo", args=[handoff.pk]), {"next": "/queue/"}, headers=HTMX)

    assert "Accepted by you" in row
    assert "data-undo" in row
    assert "data-accept" not in row
    assert "data-accept" in undone.content.decode()
    assert not PendingDecision.objects.exists()


def test_a_manager_sees_whose_decision_it_is_and_cannot_undo_it():
    handoff = HandoffFactory()
    undo_window.decide(handoff=handoff, kind=DispositionKind.ACCEPT, by=handoff.rep.user, now=AT)
    manager = signed_in(handoff.team.managers.first())

    page = manager.get(reverse("queue")).content.decode()
    answer = manager.post(reverse("handoff_undo", args=[handoff.pk]))

    assert f"Accepted by {handoff.rep.user}" in page
    assert "data-undo" not in page
    assert answer.status_code == 403
    assert PendingDecision.objects.exists()


def test_undoing_what_is_final_says_so():
    handoff = HandoffFactory(accepted=True)

    answer = signed_in(handoff.rep.user).post(reverse("handoff_undo", args=[handoff.pk]))

    assert answer.status_code == 409
    assert "final by now" in answer.content.decode()


def test_a_meeting_right_after_accepting_makes_the_acceptance_final():
    handoff = HandoffFactory()
    client = signed_in(handoff.rep.user)
    client.post(reverse("handoff_accept", args=[handoff.pk]))

    client.post(reverse("handoff_meeting", args=[handoff.pk]), {"at": "2026-03-12T10:00"})

    assert read_handoff(handoff).meeting_at is not None
    assert Disposition.objects.get().at == AT


def test_what_was_missing_is_asked_and_recorded():
    handoff = HandoffFactory()
    client = signed_in(handoff.rep.user)
    reason = ReasonCodeFactory()

    form = client.get(reverse("handoff_reject", args=[handoff.pk])).content.decode()
    client.post(reverse("handoff_reject", args=[handoff.pk]), {"reason": reason.pk, "missing": "A project"})
    undo_window.finish_due(now=AT + MINUTE)

    assert "What was missing?" in form
    assert Disposition.objects.get().missing == "A project"


# ── Several at once ───────────────────────────────────────────────────────────────────────────────────────


def test_several_of_ones_own_are_accepted_and_a_failing_one_is_named():
    mine = [HandoffFactory() for _ in range(3)]
    client = signed_in(mine[0].rep.user)
    undo_window.decide(handoff=mine[1], kind=DispositionKind.ACCEPT, by=mine[1].rep.user, now=AT)

    page = client.post(
        reverse("queue_decide"), {"kind": "accept", "handoffs": [each.pk for each in mine]}, follow=True
    ).content.decode()

    assert "Accepted: 2 leads." in page
    assert f"{mine[1].lead}: " in page
    assert PendingDecision.objects.count() == 3


def test_several_are_decided_without_those_that_somebody_else_decided_or_took():
    team = TeamFactory(working=True, reps=2)
    handoffs_ = [HandoffFactory() for _ in range(6)]
    rep = handoffs_[0].rep
    mine = [each for each in handoffs_ if each.rep == rep]
    manager = team.managers.first()
    dispositions.accept(handoff=mine[0], by=manager, now=NOW + MINUTE)
    dispositions.reject(handoff=mine[1], reason=ReasonCodeFactory(), by=manager, now=NOW + MINUTE)
    other = next(each for each in handoffs_ if each.rep != rep)

    page = signed_in(rep.user).post(
        reverse("queue_decide"),
        {"kind": "accept", "handoffs": [*(each.pk for each in mine), other.pk, other.pk + 999]},
        follow=True,
    )

    said = html.unescape(page.content.decode())
    assert "Accepted: 1 lead." in said
    assert f"{mine[0].lead}: {manager} accepted this lead on " in said
    assert f"{mine[1].lead}: {manager} rejected this lead on " in said
    assert f"{other.lead}: {other.rep} has it now." in said
    assert "1 of the leads you selected is not yours any more." in said
    assert PendingDecision.objects.get().handoff == mine[2]


def test_what_is_no_id_decides_nothing():
    handoff = HandoffFactory()

    for hostile in ("x", "-1", "٣", "9" * 30, "\0"):
        signed_in(handoff.rep.user).post(reverse("queue_decide"), {"kind": "accept", "handoffs": [handoff.pk, hostile]})

    assert not PendingDecision.objects.exists()


def test_a_manager_does_not_decide_for_several_of_others():
    handoff = HandoffFactory()
    manager = signed_in(handoff.team.managers.first())

    manager.post(reverse("queue_decide"), {"kind": "accept", "handoffs": [handoff.pk]})

    assert not PendingDecision.objects.exists()


def test_several_are_not_rejected_without_a_reason():
    handoff = HandoffFactory()

    page = signed_in(handoff.rep.user).post(
        reverse("queue_decide"), {"kind": "reject", "handoffs": [handoff.pk], "confirmed": "1"}, follow=True
    )

    assert "Pick the reason" in page.content.decode()
    assert not PendingDecision.objects.exists()


@pytest.mark.parametrize("column", ["needs_note", "needs_attempts"])
def test_a_reason_that_asks_something_of_each_lead_is_not_given_to_several(column: str):
    handoff = HandoffFactory()
    reason = ReasonCodeFactory(code="asking", **{column: True})

    signed_in(handoff.rep.user).post(
        reverse("queue_decide"), {"kind": "reject", "handoffs": [handoff.pk], "reason": reason.pk, "confirmed": "1"}
    )

    assert not PendingDecision.objects.exists()


def test_rejecting_several_is_asked_once_more():
    mine = [HandoffFactory() for _ in range(2)]
    client = signed_in(mine[0].rep.user)
    said = {"kind": "reject", "handoffs": [each.pk for each in mine], "reason": ReasonCodeFactory().pk}

    asked = client.post(reverse("queue_decide"), said)

    assert "Reject 2 leads" in asked.content.decode()
    assert not PendingDecision.objects.exists()

    client.post(reverse("queue_decide"), said | {"confirmed": "1"})

    assert PendingDecision.objects.filter(kind=DispositionKind.REJECT).count() == 2


# ── Views of one's own ────────────────────────────────────────────────────────────────────────────────────


def test_a_view_is_kept_under_a_name_shown_and_taken_away():
    rep = HandoffFactory().rep
    client = signed_in(rep.user)

    kept = client.post(reverse("filter_save"), {"name": "Hot ones", "query": "limit=9&tier=1"}, follow=True)
    saved = SavedFilter.objects.get()
    client.post(reverse("filter_forget", args=[saved.pk]))

    assert kept.redirect_chain[-1][0] == "/queue/?tier=1"
    assert "Hot ones" in kept.content.decode()
    assert not SavedFilter.objects.exists()


def test_a_name_that_is_taken_gets_the_new_view():
    user = RepFactory(team=TeamFactory(working=True, reps=0)).user

    saved_filters.save(name="Mine", query="tier=1", by=user)
    saved_filters.save(name=" Mine ", query="tier=2", by=user)

    assert [saved.query for saved in saved_filters.for_user(user)] == ["tier=2"]


@pytest.mark.parametrize(
    ("name", "query"), [("", "tier=1"), ("All", ""), ("x" * 61, "tier=1"), ("Q", "q=" + "x" * 500), ("\x00", "tier=1")]
)
def test_what_makes_no_view_is_refused(name: str, query: str):
    with pytest.raises(saved_filters.FilterRefused):
        saved_filters.save(name=name, query=query, by=UserFactory())


def test_more_views_than_one_can_see_are_refused():
    user = UserFactory()
    for number in range(saved_filters.AT_MOST):
        saved_filters.save(name=str(number), query="tier=1", by=user)

    with pytest.raises(saved_filters.FilterRefused):
        saved_filters.save(name="One more", query="tier=1", by=user)


def test_nobody_takes_anothers_view_away():
    mine = saved_filters.save(name="Mine", query="tier=1", by=UserFactory())
    stranger = RepFactory(team=TeamFactory(working=True, reps=0)).user

    signed_in(stranger).post(reverse("filter_forget", args=[mine.pk]))

    assert SavedFilter.objects.exists()


def test_the_same_view_has_one_address():
    assert saved_filters.canonical_query(QueryDict("rep=&limit=50&tier=1&q= ann ")) == "q=ann&tier=1"


# ── Told in the browser ───────────────────────────────────────────────────────────────────────────────────


def test_the_browser_rings_only_for_those_who_asked():
    handoff = HandoffFactory(tier=1)
    client = signed_in(handoff.rep.user)

    silent = client.get(reverse("bell")).content.decode()
    AlertSettings.objects.create(user=handoff.rep.user, in_browser=True, with_sound=True)
    loud = client.get(reverse("bell")).content.decode()

    assert "data-alarm-notify" not in silent
    assert "data-alarm-sound" not in silent
    assert "data-alarm-notify" in loud
    assert "data-alarm-sound" in loud
    assert "data-hot" in loud
