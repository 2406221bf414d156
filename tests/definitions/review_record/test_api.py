"""The API of reviews (rules 16.25, 16.26)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import time_machine
from django.test import Client

from config.accounts.models import ApiKey, User
from config.accounts.vocabulary import Role
from definitions.models import Review
from definitions.review_record import steps
from tests.definitions.review_record.opened_reviews import open_reconciliation, open_review, tick_all
from tests.factories import MINUTE, NOW, UserFactory, VersionFactory

pytestmark = pytest.mark.django_db

SCOPES = ("definitions:read", "definitions:write")


@pytest.fixture(autouse=True)
def _clock() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


class Machine(Client):
    def __init__(self, *scopes: str, owner: User | Role = Role.SALES_LEADER) -> None:
        person = owner if isinstance(owner, User) else UserFactory(roles=[owner])
        _, secret = ApiKey.objects.create_key(name="crm", owner=person, source="crm", scopes=list(scopes or SCOPES))
        super().__init__(headers={"authorization": f"Api-Key {secret}"})

    def send(self, path: str = "", **body: Any) -> Any:
        return self.post(f"/api/v1/reviews{path}", body, content_type="application/json")

    def read(self, path: str = "") -> Any:
        return self.get(f"/api/v1/reviews{path}").json()


def opening(**changes: Any) -> dict[str, Any]:
    slug = changes.pop("definition", None) or VersionFactory(active=True).definition.slug
    return {"definition": slug, "trigger": "new_market", "title": "We go to Spain", "about": "Hotels."} | changes


def test_a_machine_opens_a_review_once_and_reads_it() -> None:
    machine, sam = Machine(), UserFactory(roles=[Role.SDR])
    body = opening(request_key="crm-7", participants=[{"person": sam.email.upper()}], meets_at="2026-03-20T14:00:00Z")

    first = machine.send(**body)
    with time_machine.travel(NOW + MINUTE, tick=False):
        again = machine.send(**body)

    assert (first.status_code, again.status_code) == (201, 200)
    review = first.json()
    assert review == again.json() == machine.read(f"/{review['id']}")
    assert (review["kind"], review["state"], review["due_at"]) == ("joint", "open", "2026-03-24T10:00:00Z")
    assert [(one["person"], one["seat"]) for one in review["participants"]] == [(str(sam), "queue")]
    assert review["checklist"][0]["ticked_at"] is None
    assert review["waits_for"] == [
        "These roles are missing at the table: Marketing leader, Sales leader, Marketing ops."
    ]
    assert Review.objects.count() == 1


@pytest.mark.parametrize(
    ("changes", "attribute", "rule"),
    [
        ({"trigger": "volume_spike"}, "trigger", "is not opened by hand"),
        ({"trigger": "nonsense"}, "trigger", "It must be one of"),
        ({"definition": "nowhere"}, "definition", "There is no definition “nowhere”."),
        ({"kind": "light"}, "kind", "is Joint session for this trigger"),
        ({"trigger": "new_leader"}, "new_leader", "is required"),
        ({"meets_at": "2026-03-01T10:00:00Z"}, "meets_at", "lies in the past"),
        ({"participants": [{"person": "nobody@accord.test"}]}, "participants.0.person", "Nobody with the address"),
    ],
)
def test_a_refusal_names_the_field_and_the_rule(changes: dict[str, Any], attribute: str, rule: str) -> None:
    answer = Machine().send(**opening(**changes))

    assert answer.status_code == 400
    (error,) = answer.json()["errors"]
    assert (error["attr"], rule in error["detail"]) == (attribute, True)
    assert not Review.objects.exists()


def test_the_list_filters_and_pages() -> None:
    for title in ("Alpha", "Beta", "Gamma"):
        open_review(title=title)
    steps.block(review=open_review(title="Delta"), issue="x", by=UserFactory(roles=[Role.MARKETING_OPS]), now=NOW)
    machine = Machine("definitions:read")

    first = machine.read("?page_size=2")
    second = machine.get(first["next"]).json()

    assert [[row["title"] for row in page["results"]] for page in (first, second)] == [
        ["Delta", "Gamma"],
        ["Beta", "Alpha"],
    ]
    assert [row["title"] for row in machine.read("?state=blocked")["results"]] == ["Delta"]
    assert machine.get("/api/v1/reviews?state=lost").status_code == 400


def test_a_review_is_escalated_blocked_unblocked_and_decided() -> None:
    review, chief = open_review(), UserFactory()
    leader, decider = Machine(), Machine(owner=chief)
    draft = VersionFactory(definition=review.definition, minor=1)
    path, decision = f"/{review.pk}", {"decision": "Keep it.", "reasoning": "It works."}

    escalated = leader.send(f"{path}/escalate", decider=chief.email, why="No agreement.")
    refused = leader.send(f"{path}/decide", **decision)
    blocked = leader.send(f"{path}/block", issue="No wins.")
    waiting = decider.send(f"{path}/decide", **decision)
    twice = leader.send(f"{path}/block", issue="No wins.")
    leader.send(f"{path}/unblock", why="Matched.")
    in_force_before = decider.send(f"{path}/decide", led_to=review.version_id, **decision)
    decided = decider.send(f"{path}/decide", led_to=draft.pk, **decision)
    late = decider.send(f"{path}/decide", **decision)

    assert (escalated.json()["state"], escalated.json()["escalated_to"]) == ("escalated", str(chief))
    assert (refused.status_code, blocked.json()["state"], waiting.status_code, twice.status_code) == (
        409,
        "blocked",
        422,
        409,
    )
    assert (decided.status_code, decided.json()["state"], decided.json()["led_to"]) == (
        200,
        "decided",
        draft.pk,
    )
    assert (in_force_before.status_code, "was in force before" in in_force_before.content.decode()) == (422, True)
    assert [step["kind"] for step in decided.json()["steps"]] == ["escalated", "blocked", "unblocked"]
    assert late.status_code == 409
    assert f"{chief} decided this review" in late.content.decode()


def test_a_joint_review_answers_with_the_missing_roles() -> None:
    body = Machine().send(**opening()).json()

    answer = Machine().send(f"/{body['id']}/decide", decision="Yes.", reasoning="So.")

    assert answer.status_code == 422
    assert "These roles are missing at the table: " in answer.json()["errors"][0]["detail"]


def test_the_new_leader_acknowledges_a_reconciliation() -> None:
    review, new_leader = open_reconciliation()
    tick_all(review)

    stranger = Machine().send(f"/{review.pk}/acknowledge")
    answer = Machine(owner=new_leader).send(f"/{review.pk}/acknowledge", why="As it stands.")

    assert stranger.status_code == 403
    assert (answer.status_code, answer.json()["waits_for"]) == (200, [])


def test_evidence_needs_the_scope_of_facts() -> None:
    review = open_review(evidence={"rejected_handoffs": [{"name": "Quintessa"}]})

    without, with_facts = (Machine(*SCOPES, *more).read(f"/{review.pk}") for more in ((), ("facts:read",)))

    assert (without["evidence"], without["further_evidence"]) == (None, None)
    assert with_facts["evidence"]["rejected_handoffs"] == [{"name": "Quintessa"}]


def test_scopes_and_roles_are_needed() -> None:
    review = open_review()
    body = opening()

    assert Machine("definitions:read").send(**body).status_code == 403
    assert Machine("definitions:write").get("/api/v1/reviews").status_code == 403
    assert Machine(owner=Role.SDR).send(**body).status_code == 403
    assert Machine(owner=Role.SDR).send(f"/{review.pk}/block", issue="x").status_code == 403
    assert (
        Machine(owner=Role.MARKETING_OPS).send(f"/{review.pk}/decide", decision="x", reasoning="x").status_code == 403
    )
    person = Client()
    person.force_login(UserFactory(roles=[Role.SDR]))
    assert person.get(f"/api/v1/reviews/{review.pk}").status_code == 404
    assert person.get("/api/v1/reviews").status_code == 403


@pytest.mark.parametrize("step", ["decide", "escalate", "block", "unblock", "acknowledge"])
def test_a_step_of_no_review_is_not_found(step: str) -> None:
    assert Machine().send(f"/999/{step}").status_code == 404
