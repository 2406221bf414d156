"""A hundred people who take the same step at once: one is first, the others get a small answer that names them (rules 17.21)."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
import time_machine
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from config import lock_waits
from config.accounts.models import ApiKey, User
from config.accounts.vocabulary import Role
from definitions.models import Definition, Review
from definitions.vocabulary import Decision, ReviewKind, ReviewTrigger, Side
from leads.models import Lead
from leads.vocabulary import Motion
from sla.commitments import commitments
from sla.handoffs import undo_window
from sla.models import Handoff
from sla.vocabulary import DispositionKind
from tests import account_plays
from tests.factories import (
    NOW,
    CommitmentFactory,
    HandoffFactory,
    LeadFactory,
    ReasonCodeFactory,
    RepFactory,
    UserFactory,
    VersionFactory,
)
from tests.threads import at_once

#: The server takes 200 connections: tests of a hundred people at once run one after another.
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.xdist_group("crowds")]

#: The page of a handoff has 60 queries and 40 kB.
QUERIES_AT_MOST, BYTES_AT_MOST = 25, 2000
IN_THE_QUEUE = {"HX-Request": "true", "HX-Target": "queue"}


@pytest.fixture(autouse=True)
def at_work() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    text: str
    queries: int


def post(client: Client, path: str, body: dict[str, Any] | None, headers: dict[str, str]) -> Answer:
    """Post and, as a person would, look again a moment later when others held the row for too long (rules 17.21)."""
    while True:
        with CaptureQueriesContext(connection) as queries:
            response = client.post(path, body or {}, headers=headers)
        answer = Answer(response.status_code, response.content.decode(), len(queries))
        if lock_waits.SENTENCE not in answer.text:
            return answer


def contend(people: Sequence[User], path: str, body: dict[str, Any] | None = None, **headers: str) -> list[Answer]:
    """Let all these people post at once; return the answer that each got."""
    clients = [Client() for _ in people]
    for person, client in zip(people, clients, strict=True):
        client.force_login(person)
        # A server does this before its first request; some middleware cannot be loaded by two threads at once.
        client.handler.load_middleware()

    answers = at_once(len(people), lambda number: post(clients[number], path, body, headers))
    assert [answer for answer in answers if not isinstance(answer, Answer)] == []
    return answers


def one_is_first(people: Sequence[User], answers: Sequence[Answer], *, success: int = 302) -> User:
    """Check that one step was taken and that the others got few words, by few queries; return who was first."""
    assert Counter(answer.status for answer in answers) == {success: 1, 409: len(people) - 1}
    late = [answer for answer in answers if answer.status == 409]
    assert max(len(answer.text) for answer in late) < BYTES_AT_MOST
    assert max(answer.queries for answer in late) <= QUERIES_AT_MOST
    (first,) = (person for person, answer in zip(people, answers, strict=True) if answer.status == success)
    return first


def all_name(answers: Sequence[Answer], text: str) -> bool:
    return [answer.text for answer in answers if answer.status == 409 and text not in answer.text] == []


def managers_of(handoff: Any, count: int) -> list[User]:
    people = [UserFactory(roles=[Role.SALES_MANAGER]) for _ in range(count)]
    handoff.team.managers.add(*people)
    return people


@pytest.mark.parametrize("headers", [{}, IN_THE_QUEUE], ids=["page", "queue"])
def test_of_a_hundred_who_accept_a_handoff_one_is_first(headers: dict[str, str]) -> None:
    handoff = HandoffFactory()
    people = managers_of(handoff, 100)

    answers = contend(people, reverse("handoff_accept", args=[handoff.pk]), **headers)

    first = one_is_first(people, answers, success=200 if headers else 302)
    assert all_name(answers, f"{first} accepted this lead on 10 March 2026")
    assert all_name(answers, reverse("handoff", args=[handoff.pk]))


def test_who_rejects_too_late_in_the_queue_gets_a_row_in_place_of_the_handoff_s() -> None:
    handoff, reason = HandoffFactory(), ReasonCodeFactory()
    people = managers_of(handoff, 20)
    body = {"reason": reason.pk, "note": "No."}

    answers = contend(people, reverse("handoff_reject", args=[handoff.pk]), body, **IN_THE_QUEUE)
    client = Client()
    client.force_login(people[0])
    late = client.post(reverse("handoff_reject", args=[handoff.pk]), body, headers=IN_THE_QUEUE)

    first = one_is_first(people, answers, success=200)
    assert all_name(answers, f"{first} rejected this lead")
    assert (late["HX-Retarget"], late["HX-Reswap"]) == (f"#handoff-{handoff.pk}", "outerHTML")
    assert f'id="handoff-{handoff.pk}"' in late.content.decode()


def test_of_many_clicks_on_undo_one_counts() -> None:
    handoff = HandoffFactory()
    person = handoff.rep.user
    undo_window.decide(handoff=handoff, kind=DispositionKind.ACCEPT, by=person, now=NOW)

    answers = contend([person] * 20, reverse("handoff_undo", args=[handoff.pk]))

    one_is_first([person] * 20, answers)


def test_of_many_managers_who_reassign_a_handoff_one_is_first() -> None:
    handoff = HandoffFactory()
    people, rep = managers_of(handoff, 20), RepFactory(team=handoff.team)
    path = reverse("handoff_assign", args=[handoff.pk])

    answers = contend(people, path, {"rep": rep.pk, "reason": "Holiday."})

    first = one_is_first(people, answers)
    assert all_name(answers, f"has this handoff already, by {first} since 10 March 2026")


def test_many_contacts_logged_at_once_are_all_answered_in_few_words() -> None:
    handoff = HandoffFactory(accepted=True)
    people = managers_of(handoff, 20)
    body = {"channel": "call", "outcome": "connected", "note": ""}

    answers = contend(people, reverse("handoff_attempt", args=[handoff.pk]), body)

    assert {answer.status for answer in answers} == {302}
    assert handoff.attempts.count() == 20


def test_of_many_who_accept_a_play_one_is_first() -> None:
    play = account_plays.start_play()
    people = managers_of(play, 20)

    answers = contend(people, reverse("play_accept", args=[play.pk]))

    first = one_is_first(people, answers)
    assert all_name(answers, f"{first} accepted this play")


def test_of_many_leaders_who_sign_for_one_side_one_is_first() -> None:
    version = VersionFactory(proposed=True)
    people = [UserFactory(roles=[Role.MARKETING_LEADER]) for _ in range(20)]
    body = {"side": Side.MARKETING, "decision": Decision.APPROVED, "comment": "Yes."}

    answers = contend(people, reverse("version_step", args=[version.pk, "sign"]), body)

    first = one_is_first(people, answers)
    assert all_name(answers, str(first))


def test_of_many_who_activate_a_version_one_is_first() -> None:
    version = VersionFactory(approved=True)
    people = [UserFactory(roles=[Role.MARKETING_OPS]) for _ in range(20)]

    answers = contend(people, reverse("version_step", args=[version.pk, "activate"]), {"entrants": "no"})

    first = one_is_first(people, answers)
    assert all_name(answers, f"{first} took the last step")


def test_of_many_leaders_who_sign_commitments_for_one_side_one_is_first() -> None:
    draft = CommitmentFactory(motion=Motion.MQL)
    people = [UserFactory(roles=[Role.SALES_LEADER]) for _ in range(20)]
    body = {"agreed": "1", "read": commitments.stamp(draft)}

    answers = contend(people, reverse("commitment_sign", args=[draft.pk]), body)

    first = one_is_first(people, answers)
    assert all_name(answers, f"Signed by {first} for sales.")


def test_of_many_who_merge_two_leads_one_is_first() -> None:
    alias, lead = LeadFactory(), LeadFactory()
    people = [UserFactory(roles=[Role.MARKETING_OPS]) for _ in range(20)]

    answers = contend(people, "/duplicates/merge/", {"first": alias.pk, "second": lead.pk, "into": lead.pk})

    first = one_is_first(people, answers)
    assert all_name(answers, f"{first} merged")
    assert Lead.objects.get(pk=alias.pk).merged_into == lead


def open_review() -> Review:
    return Review.objects.create(
        definition=Definition.objects.create(name="Hand raise", slug="hand-raise", created_at=NOW),
        trigger=ReviewTrigger.STALE,
        kind=ReviewKind.FULL,
        title="Look again",
        opened_at=NOW,
    )


def test_of_many_leaders_who_decide_a_review_one_is_first() -> None:
    review = open_review()
    people = [UserFactory(roles=[Role.SALES_LEADER]) for _ in range(20)]

    answers = contend(people, reverse("review", args=[review.pk]), {"decision": "Keep it.", "reasoning": "It works."})

    first = one_is_first(people, answers)
    assert all_name(answers, f"{first} decided this review")


def test_of_many_leaders_who_escalate_a_review_one_is_first() -> None:
    review, chief = open_review(), UserFactory()
    people = [UserFactory(roles=[Role.SALES_LEADER]) for _ in range(20)]
    path = reverse("review_step", args=[review.pk, "escalate"])

    answers = contend(people, path, {"decider": chief.pk, "why": "No agreement."})

    first = one_is_first(people, answers)
    assert all_name(answers, f"{first} escalated this review to {chief} on 10 March 2026")


def lock_meanwhile(row: Handoff, act: Callable[[], Any]) -> Any:
    """Return what `act` returns while somebody else holds the lock on a handoff."""
    is_locked, is_over = threading.Event(), threading.Event()

    def hold() -> None:
        try:
            with transaction.atomic():
                Handoff.objects.select_for_update().get(pk=row.pk)
                is_locked.set()
                is_over.wait(30)
        finally:
            connection.close()

    holder = threading.Thread(target=hold)
    holder.start()
    try:
        assert is_locked.wait(30)
        return act()
    finally:
        is_over.set()
        holder.join()


def test_nobody_waits_long_for_a_lock_that_others_hold() -> None:
    handoff = HandoffFactory()
    client = Client()
    client.force_login(handoff.rep.user)
    _, key = ApiKey.objects.create_key(name="x", source="x", owner=handoff.rep.user, scopes=["handoffs:write"])
    machine = {"authorization": f"Api-Key {key}"}

    page, row, answer = lock_meanwhile(
        handoff,
        lambda: (
            client.post(reverse("handoff_accept", args=[handoff.pk])),
            client.post(reverse("handoff_accept", args=[handoff.pk]), headers=IN_THE_QUEUE),
            client.post(f"/api/v1/handoffs/{handoff.pk}/accept", {}, content_type="application/json", headers=machine),
        ),
    )

    assert [response.status_code for response in (page, row, answer)] == [409, 409, 409]
    assert all(lock_waits.SENTENCE in response.content.decode() for response in (page, row, answer))
