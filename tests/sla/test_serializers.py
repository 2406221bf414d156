"""What strangers' programs send to the API of handoffs: an answer that names the field, never a failure."""

from __future__ import annotations

import pytest

from config.accounts.vocabulary import Role
from sla.models import Attempt
from sla.vocabulary import CONTACTS, AttemptOutcome, Channel
from tests.factories import HandoffFactory, ReasonCodeFactory, UserFactory
from tests.sla.api_client import ApiClient

pytestmark = pytest.mark.django_db

ANSWERS = dict.fromkeys(("problem", "budget", "authority", "timeline"), "Yes.")
EMAIL = {"channel": "email", "outcome": "sent"}


@pytest.fixture
def handoff():
    return HandoffFactory()


@pytest.fixture
def api(handoff):
    return ApiClient(handoff.rep.user, "handoffs:read", "handoffs:write")


def refusals(answer):
    assert answer.status_code == 400, answer.content
    return {error["attr"]: error["detail"] for error in answer.json()["errors"]}


def test_every_channel_and_outcome_is_logged_or_refused_as_on_the_page(handoff, api):
    asked = [(channel, outcome) for channel in Channel for outcome in AttemptOutcome]

    answers = [
        api.post(f"handoffs/{handoff.pk}/attempts", {"channel": channel, "outcome": outcome}).status_code
        for channel, outcome in asked
    ]

    assert answers == [200 if outcome in CONTACTS[channel] else 422 for channel, outcome in asked]
    assert Attempt.objects.count() == answers.count(200)


def test_an_unknown_word_is_refused_with_those_there_are(handoff, api):
    answer = api.post(f"handoffs/{handoff.pk}/attempts", {"channel": "pigeon", "outcome": ["sent"]})

    said = refusals(answer)
    assert said["channel"] == "It must be one of: call, email, linkedin, sms, meeting."
    assert said["outcome"] == "It must be one of: no_answer, left_message, sent, connected, bounced."


def test_text_that_no_column_takes_is_refused(handoff, api):
    rejection = {"reason": ReasonCodeFactory().code}
    fields = [
        *(("reject", rejection, field) for field in ("reason", "note", "missing", "reengage_on")),
        *(("attempts", EMAIL, field) for field in ("channel", "outcome", "note", "at")),
        *(("qualify", ANSWERS, field) for field in ANSWERS),
        ("meeting", {}, "at"),
        ("opportunity", {}, "amount"),
        ("lost", {}, "reason"),
    ]

    answers = {
        (action, field, text): api.post(f"handoffs/{handoff.pk}/{action}", said | {field: text}).status_code
        for action, said, field in fields
        for text in ("a\0b", "\ud800")
    }

    assert {asked: status for asked, status in answers.items() if status != 400} == {}


@pytest.mark.parametrize(
    ("action", "said", "field"),
    [
        ("reject", {"reason": {"code": "not_interested"}}, "reason"),
        ("attempts", EMAIL | {"at": "0001-01-01T00:00:00+14:00"}, "at"),
        ("meeting", {"at": "9999-12-31T23:59:59-14:00"}, "at"),
        ("won", {"amount": "Infinity"}, "amount"),
    ],
)
def test_a_value_that_cannot_be_is_refused_by_its_field(handoff, api, action, said, field):
    assert field in refusals(api.post(f"handoffs/{handoff.pk}/{action}", said))


@pytest.mark.parametrize(
    "query", [{"state": "a\0"}, {"lead": "\0"}, {"rep": "9" * 40}, {"cursor": "\0"}, {"tier": "\0"}]
)
def test_a_hostile_question_is_no_failure(handoff, query):
    reader = ApiClient(UserFactory(roles=[Role.MARKETING_OPS]), "handoffs:read")

    assert reader.get("handoffs", **query).status_code in {200, 400}
