from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from config.accounts.models import User
from config.accounts.vocabulary import Role
from leads.models import Lead
from leads.vocabulary import READERS_OF_LEADS, Stage
from sla.handoffs import undo_window
from sla.models import Attempt, Handoff, SalesQualification
from sla.notifications import outbox
from sla.vocabulary import Family, HandoffState, NoticeKind, Route
from tests.factories import (
    DAY,
    MINUTE,
    NOW,
    HandoffFactory,
    LeadFactory,
    ReasonCodeFactory,
    RepFactory,
    TeamFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db

HTMX = {"HX-Request": "true", "HX-Target": "queue"}
CHANGES_EACH_TIME = re.compile(r'name="csrfmiddlewaretoken" value="\w+"|"X-CSRFToken": "\w+"')


@pytest.fixture(autouse=True)
def at_work() -> Iterator[None]:
    with time_machine.travel(NOW + 2 * MINUTE, tick=False):
        yield


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def rep_of(handoff: Handoff) -> Client:
    assert handoff.rep is not None
    return signed_in(handoff.rep.user)


def queries(client: Client, path: str) -> int:
    with CaptureQueriesContext(connection) as captured:
        assert client.get(path).status_code == 200
    return len(captured)


def timing_reason() -> int:
    return ReasonCodeFactory(code="bad_timing", family=Family.TIMING, route=Route.RECYCLE).pk


# ── Who sees what ─────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("name", "allowed"),
    [
        ("queue", {Role.SDR, Role.SALES_MANAGER}),
        ("unrouted", {Role.SALES_MANAGER}),
        ("nurture", set(Role)),
        ("notices", set(Role)),
        ("sla_report", set(Role)),
        ("sla_rows", set(Role)),
        ("overview", set(READERS_OF_LEADS)),
    ],
)
@pytest.mark.parametrize("role", list(Role))
def test_each_role_sees_its_own_pages(name: str, allowed: set[Role], role: Role) -> None:
    response = signed_in(UserFactory(roles=[role])).get(reverse(name))

    refused = 404 if name == "unrouted" and role == Role.SDR else 403
    assert response.status_code == (200 if role in allowed else refused)


@pytest.mark.parametrize(
    "name", ["home", "queue", "unrouted", "nurture", "notices", "sla_report", "sla_export", "sla_rows"]
)
def test_every_page_asks_for_a_sign_in_first(client: Client, name: str) -> None:
    response = client.get(reverse(name))

    assert response.status_code == 302
    assert response["Location"].startswith(reverse("account_login"))


@pytest.mark.parametrize(
    ("role", "start"),
    [
        (Role.SDR, "queue"),
        (Role.SALES_MANAGER, "today"),
        (Role.MARKETING_OPS, "today"),
        (Role.SALES_LEADER, "overview"),
        (Role.VIEWER, "overview"),
    ],
)
def test_home_is_where_the_role_begins_its_day(role: Role, start: str) -> None:
    response = signed_in(UserFactory(roles=[role])).get(reverse("home"))

    assert response["Location"] == reverse(start)


def test_an_account_without_a_role_is_told_so() -> None:
    page = signed_in(UserFactory()).get(reverse("home")).content.decode()

    assert "no role yet" in page


def test_a_handoff_of_another_team_does_not_exist() -> None:
    handoff = HandoffFactory()
    stranger = signed_in(RepFactory(team=TeamFactory(working=True, reps=0)).user)
    paths = [reverse(name, args=[handoff.pk]) for name in ("handoff", "handoff_reject")]
    actions = [
        reverse(f"handoff_{name}", args=[handoff.pk])
        for name in ("accept", "reject", "attempt", "meeting", "qualify", "opportunity", "win", "lose", "assign")
    ]

    assert {stranger.get(path).status_code for path in paths} == {404}
    assert {stranger.post(path).status_code for path in actions} == {404}
    assert not any(b"Not saved" in stranger.post(path).content for path in actions)


def test_the_queue_holds_only_ones_own_work() -> None:
    mine, other = HandoffFactory(), HandoffFactory()
    Handoff.objects.filter(pk=other.pk).update(rep=RepFactory(team=mine.rep.team))

    page = rep_of(mine).get(reverse("queue")).content.decode()

    assert mine.lead.name in page
    assert other.lead.name not in page


def test_a_manager_sees_the_teams_queue_and_one_reps_part_of_it() -> None:
    mine, other = HandoffFactory(), HandoffFactory()
    Handoff.objects.filter(pk=other.pk).update(rep=RepFactory(team=mine.rep.team))
    manager = signed_in(mine.rep.team.managers.first())

    whole = manager.get(reverse("queue")).content.decode()
    part = manager.get(reverse("queue"), {"rep": mine.rep.pk}).content.decode()

    assert mine.lead.name in whole
    assert other.lead.name in whole
    assert mine.lead.name in part
    assert other.lead.name not in part


# ── The queue ─────────────────────────────────────────────────────────────────────────────────────────────


def test_the_most_urgent_comes_first() -> None:
    late = HandoffFactory(now=NOW - 40 * MINUTE, tier=2)
    hot = HandoffFactory(tier=1)
    calm = HandoffFactory(tier=2)

    page = rep_of(late).get(reverse("queue")).content.decode()

    assert page.index(late.lead.name) < page.index(hot.lead.name) < page.index(calm.lead.name)


def test_a_poll_answers_with_the_very_list_of_the_page() -> None:
    handoff = HandoffFactory()
    client = rep_of(handoff)

    page = CHANGES_EACH_TIME.sub("", client.get(reverse("queue")).content.decode())
    fragment = CHANGES_EACH_TIME.sub("", client.get(reverse("queue"), headers=HTMX).content.decode())

    assert fragment.strip() in page
    assert "<html" not in fragment


def test_the_queue_takes_as_many_queries_for_many_as_for_few() -> None:
    handoff = HandoffFactory()
    client = rep_of(handoff)
    few = queries(client, reverse("queue"))
    for _ in range(12):
        HandoffFactory()

    many = queries(client, reverse("queue"))

    assert many == few <= 16


def test_an_empty_queue_says_what_fills_it() -> None:
    rep = RepFactory(team=TeamFactory(working=True, reps=0))

    page = signed_in(rep.user).get(reverse("queue")).content.decode()

    assert "All clear" in page


def test_what_strangers_wrote_is_shown_and_never_run() -> None:
    lead = LeadFactory(mql=True, first_name="<script>alert(1)</script>", title='" onmouseover="x')
    handoff = HandoffFactory(lead=lead)
    client = rep_of(handoff)

    for path in (reverse("queue"), reverse("handoff", args=[handoff.pk]), reverse("handoff_reject", args=[handoff.pk])):
        page = client.get(path).content.decode()
        assert "<script>alert" not in page
        assert '" onmouseover="x' not in page


# ── Accept, reject ────────────────────────────────────────────────────────────────────────────────────────


def test_accepting_makes_it_an_sal_and_returns_to_where_one_was() -> None:
    handoff = HandoffFactory()

    response = rep_of(handoff).post(reverse("handoff_accept", args=[handoff.pk]), {"next": "/queue/?tier=2"})

    assert response["Location"] == "/queue/?tier=2"
    undo_window.finish_due(now=NOW + 3 * MINUTE)
    handoff.refresh_from_db()
    assert handoff.state == HandoffState.ACCEPTED
    assert Lead.objects.get(pk=handoff.lead_id).stage == Stage.SAL


def test_accepting_from_the_row_answers_with_the_list_and_the_message() -> None:
    handoff, other = HandoffFactory(), HandoffFactory()
    client = rep_of(handoff)

    answer = client.post(
        reverse("handoff_accept", args=[handoff.pk]), {"next": "/queue/"}, headers=HTMX
    ).content.decode()
    reloaded = client.get(reverse("queue")).content.decode()

    assert 'hx-swap-oob="true"' in answer
    assert f"Accepted {handoff.lead}" in answer
    fragment = CHANGES_EACH_TIME.sub("", answer[: answer.index('<div id="messages"')]).strip()
    assert fragment in CHANGES_EACH_TIME.sub("", reloaded)
    assert other.lead.name in fragment


@pytest.mark.parametrize(
    "address", ["https://evil.example/", "//evil.example/", "null", "undefined", "queue", "\\\\evil"]
)
def test_only_a_path_on_this_site_is_returned_to(address: str) -> None:
    handoff = HandoffFactory()

    response = rep_of(handoff).post(reverse("handoff_accept", args=[handoff.pk]), {"next": address})

    assert response["Location"] == reverse("handoff", args=[handoff.pk])


def test_who_comes_second_reads_who_was_first() -> None:
    handoff = HandoffFactory(accepted=True)
    client = rep_of(handoff)

    page = client.post(reverse("handoff_accept", args=[handoff.pk]))
    row = client.post(reverse("handoff_reject", args=[handoff.pk]), {"reason": timing_reason()}, headers=HTMX)

    assert (page.status_code, row.status_code) == (409, 409)
    for answer in (page, row):
        assert f"{handoff.rep} accepted this lead" in answer.content.decode()


@pytest.mark.parametrize(("step", "queries_at_most"), [("accept", 6), ("reject", 6), ("undo", 7)])
def test_a_late_step_takes_a_few_queries_and_no_lock(
    step: str, queries_at_most: int, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    handoff = HandoffFactory(accepted=True)
    client = signed_in(handoff.team.managers.get())

    with django_assert_max_num_queries(queries_at_most) as captured:
        answer = client.post(reverse(f"handoff_{step}", args=[handoff.pk]))

    assert answer.status_code == 409
    assert not [query for query in captured if "FOR " in query["sql"] or "lock_timeout" in query["sql"]]


@pytest.mark.parametrize("name", ["accept", "attempt", "meeting", "qualify", "opportunity", "win", "lose", "assign"])
def test_actions_refuse_to_be_links(name: str) -> None:
    handoff = HandoffFactory()

    response = rep_of(handoff).get(reverse(f"handoff_{name}", args=[handoff.pk]))

    assert response.status_code == 405
    assert Handoff.objects.get(pk=handoff.pk).state == HandoffState.ASSIGNED


def test_a_teammate_reads_but_does_not_decide() -> None:
    handoff = HandoffFactory()
    mate = signed_in(RepFactory(team=handoff.rep.team).user)

    assert mate.get(reverse("handoff", args=[handoff.pk])).status_code == 200
    assert mate.post(reverse("handoff_accept", args=[handoff.pk])).status_code == 403
    assert mate.post(reverse("handoff_reject", args=[handoff.pk]), {"reason": timing_reason()}).status_code == 403
    assert Handoff.objects.get(pk=handoff.pk).state == HandoffState.ASSIGNED


def test_a_teammate_is_refused_by_right_also_where_somebody_has_decided() -> None:
    handoff = HandoffFactory(accepted=True)
    mate = signed_in(RepFactory(team=handoff.rep.team).user)

    answers = [
        mate.post(reverse("handoff_accept", args=[handoff.pk])),
        mate.post(reverse("handoff_reject", args=[handoff.pk]), {"reason": timing_reason()}),
    ]

    assert [answer.status_code for answer in answers] == [403, 403]
    assert all(f"Only {handoff.rep} or a manager" in answer.content.decode() for answer in answers)


def test_a_timing_rejection_lands_in_nurture_with_its_day() -> None:
    handoff = HandoffFactory()
    back_on = (NOW + 30 * DAY).date()

    rep_of(handoff).post(
        reverse("handoff_reject", args=[handoff.pk]), {"reason": timing_reason(), "reengage_on": back_on.isoformat()}
    )
    undo_window.finish_due(now=NOW + 3 * MINUTE)
    page = signed_in(UserFactory(roles=[Role.MARKETING_OPS])).get(reverse("nurture")).content.decode()
    own = rep_of(handoff).get(reverse("nurture")).content.decode()
    foreign = signed_in(RepFactory(team=TeamFactory(working=True)).user).get(reverse("nurture")).content.decode()

    assert handoff.lead.name in page
    assert f"{back_on:%-d %b %Y}" in page
    assert "Coming in 30 days" in page
    assert handoff.lead.name in own
    assert handoff.lead.name not in foreign


def test_a_rejection_without_reason_is_asked_again_in_its_row() -> None:
    handoff = HandoffFactory()
    client = rep_of(handoff)

    row = client.post(reverse("handoff_reject", args=[handoff.pk]), {"note": "Hm."}, headers=HTMX)
    page = client.post(reverse("handoff_reject", args=[handoff.pk]), {"note": "Hm."})

    assert (row.status_code, page.status_code) == (422, 422)
    assert row["HX-Retarget"] == f"#reject-{handoff.pk}"
    assert "Pick a reason." in row.content.decode()
    assert "Hm." in page.content.decode()


def test_couldnt_reach_is_refused_in_words_before_six_attempts() -> None:
    handoff = HandoffFactory()
    reason = ReasonCodeFactory(code="unreached", needs_attempts=True)

    response = rep_of(handoff).post(reverse("handoff_reject", args=[handoff.pk]), {"reason": reason.pk})

    assert response.status_code == 422
    assert "needs 6 logged attempts" in response.content.decode()


# ── The page of a handoff ─────────────────────────────────────────────────────────────────────────────────


def test_a_logged_contact_keeps_the_promise_and_stands_in_the_timeline() -> None:
    handoff = HandoffFactory()
    client = rep_of(handoff)

    client.post(
        reverse("handoff_attempt", args=[handoff.pk]),
        {"channel": "call", "outcome": "connected", "note": "Call again Friday."},
    )
    page = client.get(reverse("handoff", args=[handoff.pk])).content.decode()

    assert Attempt.objects.get().at == NOW + 2 * MINUTE
    assert "Call again Friday." in page
    assert "1 of 6 attempts" in page


def test_a_time_is_typed_in_ones_own_zone() -> None:
    handoff = HandoffFactory(accepted=True)
    User.objects.filter(pk=handoff.rep.user.pk).update(time_zone="Europe/Berlin")

    rep_of(handoff).post(reverse("handoff_meeting", args=[handoff.pk]), {"at": "2026-03-12T15:00"})

    handoff.refresh_from_db()
    assert handoff.meeting_at == dt.datetime(2026, 3, 12, 14, 0, tzinfo=dt.UTC)


def test_the_way_to_won_step_by_step() -> None:
    handoff = HandoffFactory(accepted=True)
    client = rep_of(handoff)
    answers = {"problem": "Late trucks", "budget": "40k", "authority": "The COO", "timeline": "June"}

    for name, typed in (("qualify", answers), ("opportunity", {"amount": "40000"}), ("win", {"amount": "38000"})):
        response = client.post(reverse(f"handoff_{name}", args=[handoff.pk]), typed)
        assert response.status_code == 302

    handoff.refresh_from_db()
    assert handoff.state == HandoffState.WON
    assert SalesQualification.objects.get().authority == "The COO"


def test_what_cannot_be_read_is_named_and_changes_nothing() -> None:
    handoff = HandoffFactory(accepted=True)

    response = rep_of(handoff).post(reverse("handoff_qualify", args=[handoff.pk]), {"problem": "Late trucks"})

    assert response.status_code == 422
    assert "Budget" in response.content.decode()
    assert not SalesQualification.objects.exists()


def test_evidence_of_any_shape_is_shown_as_far_as_it_goes() -> None:
    shapes: list[object] = [
        {},
        [],
        {"fit": 3, "paths": [{"clauses": [{}]}], "gate_answers": [{"criterion": None}], "timing": []},
    ]
    for evidence in shapes:
        handoff = HandoffFactory(evidence=evidence)
        assert rep_of(handoff).get(reverse("handoff", args=[handoff.pk])).status_code == 200


def test_a_handoff_takes_as_many_queries_with_a_long_history() -> None:
    handoff = HandoffFactory()
    client = rep_of(handoff)
    path = reverse("handoff", args=[handoff.pk])
    few = queries(client, path)
    for _ in range(5):
        client.post(reverse("handoff_attempt", args=[handoff.pk]), {"channel": "call", "outcome": "no_answer"})

    many = queries(client, path)

    assert many <= few


def test_a_manager_gives_an_unrouted_lead_to_a_rep() -> None:
    handoff = HandoffFactory(now=NOW - 3 * DAY)
    assert handoff.is_unrouted
    rep = RepFactory(team=TeamFactory(working=True, reps=0))
    manager = signed_in(rep.team.managers.first())

    listed = manager.get(reverse("unrouted")).content.decode()
    manager.post(reverse("handoff_assign", args=[handoff.pk]), {"rep": rep.pk, "reason": "Knows them."})

    assert handoff.lead.name in listed
    handoff.refresh_from_db()
    assert handoff.rep == rep
    assert "Everything has an owner" in manager.get(reverse("unrouted")).content.decode()


def test_a_refused_assignment_keeps_what_was_typed() -> None:
    handoff = HandoffFactory(now=NOW - 3 * DAY)
    rep = RepFactory(team=TeamFactory(working=True, reps=0), is_away=True)
    typed = {"rep": rep.pk, "reason": "Knows them.", "next": reverse("unrouted")}

    answer = signed_in(rep.team.managers.first()).post(reverse("handoff_assign", args=[handoff.pk]), typed)

    shown = answer.content.decode()
    assert answer.status_code == 422
    assert f'<option value="{rep.pk}" selected>' in shown
    assert 'value="Knows them."' in shown
    assert f'name="next" value="{reverse("unrouted")}"' in shown
    assert shown.count("errorlist nonfield") == 1


# ── Notices, reports ──────────────────────────────────────────────────────────────────────────────────────


def test_notices_are_counted_until_they_are_read() -> None:
    user = UserFactory(roles=[Role.SDR])
    outbox.write_notices([outbox.NoticeDraft(NoticeKind.NEW_MQL, "a", None, [user], "A new MQL.", NOW)])
    client = signed_in(user)

    before = client.get(reverse("notices")).content.decode()
    client.post(reverse("notices_read"), {"up_to": user.notices.get().pk})
    after = client.get(reverse("notices")).content.decode()

    assert "Notices, 1 unread" in before
    assert "unread" not in after
    assert "A new MQL." in after


def test_the_report_counts_what_its_rows_show() -> None:
    handoff = HandoffFactory(accepted=True)
    client = rep_of(handoff)

    report = client.get(reverse("sla_report")).content.decode()
    rows = client.get(reverse("sla_rows"), {"kind": "disposition", "verdict": "kept"}).content.decode()
    table = client.get(reverse("sla_export"), {"by": "rep"}, follow=True).getvalue().decode()

    assert "1 of 1" in report
    assert handoff.lead.name in rows
    assert f"{handoff.rep},,0,0,,,100.0,1,1,1.0,1.0" in table


@pytest.mark.parametrize("day", ["9999-12-31", "0001-01-01"])
def test_a_day_at_the_ends_of_the_calendar_is_refused(day: str) -> None:
    team = TeamFactory(working=True)
    client = signed_in(team.managers.first())

    assert client.get(reverse("sla_rows"), {"from": day, "to": day}).status_code == 400


def test_another_teams_promises_are_not_in_the_report() -> None:
    handoff = HandoffFactory(accepted=True)
    stranger = signed_in(RepFactory(team=TeamFactory(working=True, reps=0)).user)

    assert "Nothing happened in this period" in stranger.get(reverse("sla_report")).content.decode()
    assert handoff.lead.name not in stranger.get(reverse("sla_rows")).content.decode()


def test_the_overview_puts_pipeline_first_and_says_its_sample() -> None:
    handoff = HandoffFactory(accepted=True)
    client = rep_of(handoff)
    answers = {"problem": "a", "budget": "b", "authority": "c", "timeline": "d"}
    client.post(reverse("handoff_qualify", args=[handoff.pk]), answers)
    client.post(reverse("handoff_opportunity", args=[handoff.pk]), {"amount": "40000"})

    with time_machine.travel(NOW + 3 * MINUTE, tick=False):
        page = signed_in(UserFactory(roles=[Role.VIEWER])).get(reverse("overview")).content.decode()

    assert page.index("Pipeline from MQLs") < page.index("Accepted this month")
    assert "40,000" in page
    assert "1 of 1 decided" in page
