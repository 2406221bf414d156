"""Every step of a handoff by the API beside the same step on the page: what one demands, the other demands, too."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.urls import reverse
from rest_framework.serializers import CharField

from sla import api
from sla.handoffs import dispositions, sales_stages
from sla.models import Handoff, ReasonCode, SubReason
from tests.factories import DAY, MINUTE, NOW, HandoffFactory, ReasonCodeFactory, read_handoff
from tests.sla.api_client import ApiClient

pytestmark = pytest.mark.django_db

AT = NOW + 5 * MINUTE
ANSWERS = dict.fromkeys(("problem", "budget", "authority", "timeline"), "Yes.")
MEETING = (AT + DAY).replace(second=0)


@dataclass(frozen=True)
class Step:
    """A step on the page and by the API: the page's route, a complete body, and how far the handoff is before it."""

    page: str
    body: dict[str, Any] = field(default_factory=dict)
    before: str = "assigned"


STEPS = {
    "handoff-accept": Step("handoff_accept"),
    "handoff-reject": Step(
        "handoff_reject",
        {"reason": "needs_note", "sub_reason": "bounced", "note": "x", "missing": "y", "reengage_on": "2026-05-01"},
    ),
    "handoff-attempts": Step("handoff_attempt", {"channel": "call", "outcome": "connected", "at": None, "note": "Hi"}),
    "handoff-meeting": Step("handoff_meeting", {"at": MEETING.isoformat()}, "accepted"),
    "handoff-qualify": Step("handoff_qualify", ANSWERS, "accepted"),
    "handoff-opportunity": Step("handoff_opportunity", {"amount": "1000"}, "qualified"),
    "handoff-won": Step("handoff_win", {"amount": "1000"}, "qualified"),
    "handoff-lost": Step("handoff_lose", {"reason": "Chose another"}, "accepted"),
}
ROUTES = {route.name: route for route in api.urlpatterns if (route.name or "").startswith("handoff-")}


def variants() -> list[tuple[str, str, str | None]]:
    """Return (route, field, value) for each field of each step: left out (None), and blank where it is a text."""
    cases: list[tuple[str, str, str | None]] = []
    for name, route in sorted(ROUTES.items()):
        for field_name, of_field in route.callback.view_class.input_serializer().fields.items():
            cases.append((name, field_name, None))
            if isinstance(of_field, CharField):
                cases += [(name, field_name, ""), (name, field_name, "  ")]
    return cases


def prepare(before: str) -> Handoff:
    handoff = HandoffFactory(now=NOW)
    if before == "assigned":
        return handoff
    dispositions.accept(handoff=handoff, by=handoff.rep.user, now=NOW + MINUTE)
    if before == "qualified":
        sales_stages.qualify(handoff=handoff, by=handoff.rep.user, now=NOW + MINUTE, **ANSWERS)
    return read_handoff(handoff)


def post_to_page(handoff: Handoff, step: Step, body: dict[str, Any]) -> bool:
    client = Client()
    client.force_login(handoff.rep.user)
    typed = {name: value for name, value in body.items() if value is not None}
    if step.page == "handoff_reject":
        # The page sends the rows of its choices, the API their codes.
        for name, model in (("reason", ReasonCode), ("sub_reason", SubReason)):
            if typed.get(name, "").strip():
                typed[name] = model.objects.get(
                    code=typed[name], **({"reason__code": "needs_note"} if name == "sub_reason" else {})
                ).pk
    if "at" in typed:
        typed["at"] = typed["at"][:16]
    return client.post(reverse(step.page, args=[handoff.pk]), typed).status_code < 400


def post_to_api(handoff: Handoff, name: str, body: dict[str, Any]) -> bool:
    address = reverse(f"api:{name}", args=[handoff.pk]).removeprefix("/api/v1/")
    return ApiClient(handoff.rep.user, "handoffs:write").post(address, body).status_code < 400


@pytest.fixture
def reason() -> None:
    """Store a reason that asks for a note and a detail."""
    demanding = ReasonCodeFactory(code="needs_note", needs_note=True)
    SubReason.objects.create(reason=demanding, code="bounced", label="Bounced")


def test_every_step_of_the_api_stands_in_this_table() -> None:
    assert ROUTES.keys() == STEPS.keys()
    assert {name: set(STEPS[name].body) for name in STEPS} == {
        name: set(route.callback.view_class.input_serializer().fields) for name, route in ROUTES.items()
    }


@pytest.mark.parametrize("name", sorted(STEPS))
@pytest.mark.usefixtures("reason")
def test_a_complete_step_is_taken_by_both(name: str) -> None:
    step = STEPS[name]

    with time_machine.travel(AT, tick=False):
        assert post_to_page(prepare(step.before), step, step.body)
        assert post_to_api(prepare(step.before), name, step.body)


@pytest.mark.parametrize(("name", "field_name", "value"), variants())
@pytest.mark.usefixtures("reason")
def test_what_the_page_demands_the_api_demands(name: str, field_name: str, value: str | None) -> None:
    step = STEPS[name]
    body = {key: text for key, text in step.body.items() if key != field_name}
    if value is not None:
        body[field_name] = value

    with time_machine.travel(AT, tick=False):
        on_page = post_to_page(prepare(step.before), step, body)
        by_api = post_to_api(prepare(step.before), name, body)

    assert by_api is on_page


def test_an_opportunity_by_the_api_names_the_field_that_is_missing() -> None:
    handoff = prepare("qualified")

    with time_machine.travel(AT, tick=False):
        answers = [
            ApiClient(handoff.rep.user, "handoffs:write").post(f"handoffs/{handoff.pk}/opportunity", body)
            for body in ({}, {"amount": None}, {"amount": ""})
        ]

    assert [answer.status_code for answer in answers] == [400] * 3
    assert {answer.json()["errors"][0]["attr"] for answer in answers} == {"amount"}
    assert read_handoff(handoff).state == "qualified"
