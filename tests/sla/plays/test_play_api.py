"""The API of account plays."""

from __future__ import annotations

import datetime as dt

import pytest
from django.utils import timezone

from config.accounts.vocabulary import Role
from sla.models import AccountPlay, PlayDisposition
from sla.vocabulary import PlayState
from tests.account_plays import read_play, start_play
from tests.factories import MINUTE, ReasonCodeFactory, RepFactory, TeamFactory, UserFactory, WorkCalendarFactory
from tests.sla.api_client import ApiClient

pytestmark = pytest.mark.django_db


@pytest.fixture
def play():
    """A play of this minute, because the API reads the clock; its team works around the clock."""
    TeamFactory(working=True, calendar=WorkCalendarFactory(always_open=True))
    return start_play(now=timezone.now() - MINUTE)


@pytest.fixture
def api(play):
    return ApiClient(play.rep.user, "handoffs:read", "handoffs:write")


def sentence(answer):
    return answer.json()["errors"][0]["detail"]


def test_the_list_shows_what_the_owner_may_see(play, api):
    AccountPlay.objects.filter(pk=play.pk).update(rep=RepFactory().pk, team=TeamFactory().pk)
    assert api.get("plays").json()["results"] == []

    AccountPlay.objects.filter(pk=play.pk).update(rep=play.rep, team=play.team)
    (row,) = api.get("plays").json()["results"]

    assert (row["id"], row["company_name"], row["contacts_engaged"], row["state"]) == (play.pk, "Fit", 4, "assigned")


def test_the_list_is_filtered(play, api):
    assert len(api.get("plays", state="assigned", q="fit.ex", company=play.company_id).json()["results"]) == 1
    assert api.get("plays", state="won").json()["results"] == []
    assert api.get("plays", state="no such").status_code == 400


def test_one_play_comes_with_its_contacts_tasks_and_evidence(play, api):
    answer = api.get(f"plays/{play.pk}").json()

    assert [row["role"] for row in answer["contacts"]]
    assert len(answer["tasks"]) == 4
    assert answer["evidence"]["contacts_engaged"] == 4
    assert {clock["kind"] for clock in answer["clocks"]} == {"route", "first_contact", "disposition"}
    assert answer["disposition"] is None


def test_a_play_goes_to_its_deal_by_the_api(play, api):
    contact, task = play.contacts.first(), play.tasks.first()
    tomorrow = timezone.now() + dt.timedelta(days=1)

    steps = [
        api.post(f"plays/{play.pk}/attempts", {"contact": contact.pk, "channel": "call", "outcome": "connected"}),
        api.post(f"plays/{play.pk}/tasks/{task.pk}/done"),
        api.post(f"plays/{play.pk}/contacts/{contact.pk}/role", {"role": "champion"}),
        api.post(f"plays/{play.pk}/accept"),
        api.post(f"plays/{play.pk}/meeting", {"at": tomorrow.isoformat()}),
        api.post(f"plays/{play.pk}/opportunity", {"amount": "50000"}),
        api.post(f"plays/{play.pk}/won"),
    ]

    assert [step.status_code for step in steps] == [200] * 7
    answer = steps[-1].json()
    assert (answer["state"], answer["disposition"]["kind"]) == ("won", "accept")
    assert [row["kind"] for row in answer["outcomes"]] == ["opportunity", "won"]


def test_a_task_has_the_role_that_its_contact_has_now(play, api):
    contact = play.contacts.get(role="user")

    answer = api.post(f"plays/{play.pk}/contacts/{contact.pk}/role", {"role": "champion"}).json()

    assert [task["role"] for task in answer["tasks"] if task["contact"] == contact.pk] == ["champion"]


def test_a_rejection_says_why(play, api):
    ReasonCodeFactory(code="not_interested")

    answer = api.post(f"plays/{play.pk}/reject", {"reason": "not_interested", "note": "They build it."})

    assert answer.status_code == 200
    assert PlayDisposition.objects.get().note == "They build it."
    assert answer.json()["disposition"]["sub_reason"] is None
    again = api.post(f"plays/{play.pk}/accept")
    assert again.status_code == 409
    assert "rejected this play on" in sentence(again)


def test_a_reason_asks_for_its_detail(play, api):
    ReasonCodeFactory(code="gone").sub_reasons.create(code="bounced", label="Bounced")

    refused = api.post(f"plays/{play.pk}/reject", {"reason": "gone"})
    answer = api.post(f"plays/{play.pk}/reject", {"reason": "gone", "sub_reason": "bounced"})

    assert (refused.status_code, answer.status_code) == (422, 200)
    assert "needs its detail: bounced" in sentence(refused)
    assert answer.json()["disposition"]["sub_reason"] == "bounced"


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("opportunity", {}, 400),
        ("reject", {"reason": "no_such"}, 400),
        ("attempts", {"contact": 10**6, "channel": "call", "outcome": "connected"}, 422),
        ("attempts", {"channel": "call", "outcome": "connected"}, 400),
        ("tasks/1000000/done", {}, 404),
        ("meeting", {"at": "2026-01-31T10:00:00"}, 400),
        ("won", {}, 409),
    ],
)
def test_refusals_say_what_is_wrong(play, api, path, body, status):
    answer = api.post(f"plays/{play.pk}/{path}", body)

    assert answer.status_code == status
    assert sentence(answer)
    assert read_play(play.company).state == PlayState.ASSIGNED


def test_keys_need_their_scope_and_strangers_find_nothing(play):
    assert ApiClient(play.rep.user, "handoffs:read").post(f"plays/{play.pk}/accept").status_code == 403
    assert ApiClient(play.rep.user, "facts:write").get("plays").status_code == 403
    other = RepFactory()
    assert ApiClient(other.user, "handoffs:read").get(f"plays/{play.pk}").status_code == 404
    colleague = RepFactory(team=play.team)
    assert ApiClient(colleague.user, "handoffs:write").post(f"plays/{play.pk}/accept").status_code == 403
    reader = UserFactory(roles=[Role.VIEWER])
    assert ApiClient(reader, "handoffs:read").get(f"plays/{play.pk}").status_code == 200
