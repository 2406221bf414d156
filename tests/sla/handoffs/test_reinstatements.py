"""Disqualified leads that raise their hand: the others come back by themselves, those closed for good are shown."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from config.accounts.models import User
from config.accounts.vocabulary import Role
from leads.intake import contact_decisions
from leads.models import Lead, StageChange
from leads.vocabulary import Stage
from scoring.models import HandRaise, Qualification
from sla.handoffs import creation, dispositions, reinstatements
from sla.models import Handoff, Notice, ReasonCode, Reinstatement
from sla.vocabulary import NoticeKind, Route
from tests.factories import (
    DAY,
    HOUR,
    MINUTE,
    NOW,
    CommitmentFactory,
    HandoffFactory,
    ReasonCodeFactory,
    TeamFactory,
    UserFactory,
)
from tests.scoring.lead_histories import (
    START,
    activate_version,
    add_event,
    approve_version,
    document,
    make_company,
    make_lead,
    rescore_all_due,
)
from tests.sla.api_client import ApiClient

pytestmark = pytest.mark.django_db

REJECTED_AT, ASKED_AT = START + 2 * HOUR, START + 7 * DAY


@pytest.fixture
def ops() -> User:
    return UserFactory(roles=[Role.MARKETING_OPS])


@pytest.fixture
def lead() -> Lead:
    """Return a lead that qualified and was handed to a rep."""
    CommitmentFactory(active=True)
    TeamFactory(working=True)
    activate_version(approve_version(document(), START), START)
    lead = make_lead(1, make_company())
    add_event(lead, "demo_request", START + HOUR)
    rescore_all_due(START + HOUR)
    creation.hand_off_waiting(now=START + HOUR)
    return lead


def disqualifying(code: str = "wrong_company_profile") -> ReasonCode:
    return ReasonCode.objects.get(code=code)


def reject(lead: Lead, reason: ReasonCode, at: dt.datetime = REJECTED_AT) -> Handoff:
    handoff = Handoff.objects.get(lead=lead, closed_at=None)
    dispositions.reject(handoff=handoff, reason=reason, by=handoff.rep.user, now=at, note="Ten people.")
    assert Lead.objects.get(pk=lead.pk).stage == Stage.DISQUALIFIED
    return handoff


def ask(lead: Lead, at: dt.datetime = ASKED_AT, signal: str = "demo_request") -> None:
    """Let the lead act, and run the loop once."""
    add_event(lead, signal, at)
    rescore_all_due(at + MINUTE)
    reinstatements.follow_hand_raises(now=at + MINUTE)
    rescore_all_due(at + 2 * MINUTE)
    creation.hand_off_waiting(now=at + 2 * MINUTE)


def test_a_hand_raise_of_a_disqualified_lead_becomes_a_handoff_with_its_history(lead: Lead, ops: User) -> None:
    first = reject(lead, disqualifying())
    ask(lead)

    handoff = Handoff.objects.exclude(pk=first.pk).get()
    history = (
        f"Was disqualified as “Wrong company profile” on 2 March 2026 by {first.rep}; Demo request on 9 March 2026."
    )
    assert (handoff.lead, handoff.qualification.cycle, handoff.qualification.at) == (lead, 2, ASKED_AT)
    assert reinstatements.write_history(Reinstatement.objects.get()) == history
    assert list(StageChange.objects.filter(lead=lead).order_by("pk").values_list("from_stage", "to_stage"))[-2:] == [
        ("disqualified", "mal"),
        ("mal", "mql"),
    ]
    notice = Notice.objects.get(kind=NoticeKind.REINSTATED)
    assert (notice.to, notice.path) == (ops, reverse("lead", args=[lead.pk]))
    assert notice.text.startswith("Came back: Lead 1")
    assert handoff.rep is not None
    with time_machine.travel(ASKED_AT + 3 * MINUTE, tick=False):
        client = Client()
        client.force_login(handoff.rep.user)
        assert history in client.get(reverse("handoff", args=[handoff.pk])).content.decode()
        answer = ApiClient(handoff.rep.user, "handoffs:read").get(f"handoffs/{handoff.pk}").json()
        assert answer["reinstated"] == history
        assert ApiClient(handoff.rep.user, "handoffs:read").get(f"handoffs/{first.pk}").json()["reinstated"] is None


def test_other_activity_does_not_bring_a_disqualified_lead_back(lead: Lead) -> None:
    reject(lead, disqualifying())
    ask(lead, signal="webinar_attended")

    assert not HandRaise.objects.exists()
    assert Lead.objects.get(pk=lead.pk).stage == Stage.DISQUALIFIED


def test_a_request_that_was_closed_since_is_none_any_more(lead: Lead) -> None:
    reject(lead, disqualifying())
    add_event(lead, "demo_request", ASKED_AT)
    add_event(lead, "request_closed", ASKED_AT + MINUTE)
    rescore_all_due(ASKED_AT + 2 * MINUTE)

    assert not HandRaise.objects.exists()


@pytest.mark.parametrize("code", ["competitor_student_spam", "do_not_contact"])
def test_who_is_closed_for_good_stays_closed_and_is_listed(lead: Lead, ops: User, code: str) -> None:
    reject(lead, disqualifying(code))
    ask(lead)
    ask(lead, ASKED_AT + DAY)

    assert Lead.objects.get(pk=lead.pk).stage == Stage.DISQUALIFIED
    assert Qualification.objects.count() == 1
    assert not Reinstatement.objects.exists()
    assert [row.why_closed.endswith("it stays closed.") for row in HandRaise.objects.order_by("pk")] == [True, True]
    # Once, however often the form is filled in.
    assert Notice.objects.get(kind=NoticeKind.REINSTATED).text.startswith("Stays closed: ")
    client = Client()
    client.force_login(ops)
    shown = client.get(reverse("hand_raises")).content.decode()
    assert shown.count("Stays closed") == 2
    file = b"".join(client.get(reverse("hand_raises_export")).streaming_content).decode()
    assert file.count("it stays closed.") == 2


def test_an_opt_out_after_the_disqualification_keeps_the_lead_closed(lead: Lead, ops: User) -> None:
    reject(lead, disqualifying())
    contact_decisions.decide_contact(lead_id=lead.pk, is_opt_out=True, by=ops, reason="Called us.", now=ASKED_AT - DAY)
    ask(lead)

    assert HandRaise.objects.get().why_closed == "This lead asked not to be contacted: it stays closed."


def test_one_failure_blocks_none_of_the_others(lead: Lead, monkeypatch: pytest.MonkeyPatch) -> None:
    other = make_lead(2, lead.company)
    add_event(other, "demo_request", START + HOUR)
    rescore_all_due(START + HOUR + MINUTE)
    creation.hand_off_waiting(now=START + HOUR + MINUTE)
    for member in (lead, other):
        reject(member, disqualifying())
        add_event(member, "demo_request", ASKED_AT)
    rescore_all_due(ASKED_AT + MINUTE)
    # An error that nobody foresaw stands for a bug: our own code has none that a row could provoke.
    monkeypatch.setattr(reinstatements, "reason_to_stay_closed", _fail_for(lead, reinstatements.reason_to_stay_closed))

    assert reinstatements.follow_hand_raises(now=ASKED_AT + MINUTE) == 1

    assert dict(Lead.objects.values_list("pk", "stage")) == {lead.pk: Stage.DISQUALIFIED, other.pk: Stage.MAL}
    assert HandRaise.objects.waiting().get().lead == lead


def _fail_for(lead, function):
    def fail(member, disposition):
        if member.pk == lead.pk:
            raise RuntimeError("No.")
        return function(member, disposition)

    return fail


# ── By a person ───────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def disqualified() -> Handoff:
    reason = ReasonCodeFactory(code="too_small", route=Route.DISQUALIFY)
    return HandoffFactory(rejected=True, decision__reason=reason, lead__first_name="Ada")


@pytest.fixture
def at_work() -> Iterator[None]:
    with time_machine.travel(NOW + HOUR, tick=False):
        yield


def test_marketing_ops_bring_a_lead_back_with_a_reason(disqualified: Handoff, ops: User, at_work: None) -> None:
    client = Client()
    client.force_login(ops)
    lead = disqualified.lead
    address = reverse("lead_reinstate", args=[lead.pk])
    assert address in client.get(reverse("lead", args=[lead.pk])).content.decode()

    asked = client.get(address).content.decode()
    empty = client.post(address, {"reason": "  "})
    answer = client.post(address, {"reason": "They grew"}, follow=True).content.decode()

    assert f"Was disqualified as “too_small” on 10 March 2026 by {disqualified.rep}." in asked
    assert empty.status_code == 422
    assert "Ada is back with marketing." in answer
    assert f"brought back on 10 March 2026 by {ops}: They grew." in answer
    change = StageChange.objects.filter(lead=lead).latest("pk")
    assert (change.to_stage, change.by, change.why) == ("mal", ops, "Reinstated: They grew")


def test_the_api_brings_a_lead_back_once(disqualified: Handoff, ops: User, at_work: None) -> None:
    key = ApiClient(ops, "facts:write")
    path = f"leads/{disqualified.lead_id}/reinstate"

    without = key.post(path, {"reason": " "})
    first = key.post(path, {"reason": "They grew"})
    again = key.post(path, {"reason": "Once more"})

    assert (without.status_code, without.json()["errors"][0]["attr"]) == (400, "reason")
    assert (first.status_code, first.json()["stage"], first.json()["by"]) == (200, "mal", str(ops))
    assert (again.status_code, again.json()) == (200, first.json())
    assert Reinstatement.objects.count() == 1
    assert key.post("leads/999999/reinstate", {"reason": "x"}).status_code == 404
    assert ApiClient(ops, "facts:read").post(path, {"reason": "x"}).status_code == 403


def test_the_api_says_why_a_lead_stays_closed(ops: User, at_work: None) -> None:
    reason = ReasonCodeFactory(code="spam", route=Route.DISQUALIFY, concerns_person=True)
    spam = HandoffFactory(rejected=True, decision__reason=reason).lead
    accepted = HandoffFactory(accepted=True).lead
    key = ApiClient(ops, "facts:write")

    answers = [key.post(f"leads/{lead.pk}/reinstate", {"reason": "x"}) for lead in (spam, accepted)]

    assert [(answer.status_code, answer.json()["errors"][0]["detail"]) for answer in answers] == [
        (409, "This lead was disqualified as “spam”: it stays closed."),
        (409, "This lead is not disqualified: it is “SAL”."),
    ]


@pytest.mark.parametrize(
    ("role", "status"),
    [(Role.MARKETING_LEADER, 200), (Role.SALES_LEADER, 200), (Role.SALES_MANAGER, 403), (Role.VIEWER, 403)],
)
def test_leaders_bring_a_lead_back_and_others_do_not(disqualified: Handoff, role: Role, status: int) -> None:
    client = Client()
    client.force_login(UserFactory(roles=[role]))

    answer = client.post(
        f"/api/v1/leads/{disqualified.lead_id}/reinstate", {"reason": "x"}, content_type="application/json"
    )

    assert answer.status_code == status
