"""Disqualified leads that raise their hand: the others come back by themselves, those closed for good are shown."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from config.accounts.models import User
from config.accounts.vocabulary import Role
from leads.identity import merges
from leads.intake import contact_decisions
from leads.models import Lead, StageChange
from leads.stages import mal_exits, motion_stages
from leads.vocabulary import MalExitKind, Motion, Stage
from scoring.live import hand_raises
from scoring.models import HandRaise, Qualification
from sla.handoffs import creation, dispositions, reinstatements
from sla.models import Handoff, Notice, ReasonCode, Reinstatement
from sla.vocabulary import DispositionKind, NoticeKind, Route
from tests.factories import (
    DAY,
    HOUR,
    MINUTE,
    NOW,
    CommitmentFactory,
    EventFactory,
    HandoffFactory,
    LeadFactory,
    ReasonCodeFactory,
    TeamFactory,
    UserFactory,
    place_leads,
    read_handoff,
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
    monkeypatch.setattr(reinstatements, "read_disqualification", _fail_for(lead, reinstatements.read_disqualification))

    assert reinstatements.follow_hand_raises(now=ASKED_AT + MINUTE) == 1

    assert dict(Lead.objects.values_list("pk", "stage")) == {lead.pk: Stage.DISQUALIFIED, other.pk: Stage.MAL}
    assert HandRaise.objects.waiting().get().lead == lead


def _fail_for(lead, function):
    def fail(member):
        if member.pk == lead.pk:
            raise RuntimeError("No.")
        return function(member)

    return fail


# ── Several motions, late requests, merged people ─────────────────────────────────────────────────────────


@pytest.fixture
def rejected() -> Handoff:
    """Return a handoff that was rejected as an MQL, for a reason that is not final."""
    return HandoffFactory(rejected=True, decision__reason=ReasonCodeFactory(code="too_small", route=Route.DISQUALIFY))


def hand_off_again(lead: Lead, at: dt.datetime, **columns: Any) -> Handoff:
    """Return a handoff of a lead as a PQL, as of `at`."""
    return HandoffFactory(lead=lead, motion=Motion.PQL, now=at, **columns)


def decide(handoff: Handoff, code: str, at: dt.datetime) -> None:
    assert handoff.rep is not None
    reason = ReasonCodeFactory(code=code, route=Route.DISQUALIFY)
    dispositions.reject(handoff=handoff, reason=reason, by=handoff.rep.user, now=at, note="See above.")


def raise_hand(lead: Lead, at: dt.datetime, now: dt.datetime) -> None:
    """Record a request of a lead as Accord learns of it, and follow it."""
    EventFactory(lead=lead, signal__code="demo_request", occurred_at=at, recorded_at=now)
    hand_raises.record_hand_raises(lead_ids=[lead.merged_into_id or lead.pk], now=now)
    reinstatements.follow_hand_raises(now=now)


def stages(lead: Lead) -> dict[str, str]:
    return {motion.value: stage.value for motion, stage in motion_stages.read_all_motions(lead.pk).items()}


def test_who_was_accepted_in_another_motion_comes_back_in_the_closed_one_alone(rejected: Handoff, ops: User) -> None:
    lead = rejected.lead
    pql = hand_off_again(lead, NOW + HOUR, accepted=True)
    client = Client()
    client.force_login(ops)
    shown = client.get(reverse("lead", args=[lead.pk])).content.decode()
    assert "Disqualified as MQL" in shown
    assert reverse("lead_reinstate", args=[lead.pk]) in shown

    raise_hand(lead, NOW + DAY, NOW + DAY)

    assert stages(lead) == {"mql": "mal", "pql": "sal"}
    assert read_handoff(pql).is_accepted
    row = Reinstatement.objects.get()
    assert (row.disposition, row.disqualified_at) == (rejected.dispositions.get(), rejected.decided_at)


def test_a_handoff_names_a_return_in_its_own_motion_alone(rejected: Handoff, ops: User) -> None:
    lead = rejected.lead
    returned = reinstatements.reinstate(lead=lead, by=ops, now=NOW + HOUR, reason="They grew")
    pql = hand_off_again(lead, NOW + 2 * HOUR)
    place_leads(Stage.MQL, lead)
    mql = HandoffFactory(lead=lead, now=NOW + 3 * HOUR, cycle=2)

    assert [reinstatements.reinstatement_of_handoff(row) for row in (rejected, pql, mql)] == [None, None, returned]


def test_a_late_request_opens_no_motion_that_was_closed_after_it(rejected: Handoff) -> None:
    lead = rejected.lead
    decide(hand_off_again(lead, NOW + HOUR), "too_small", NOW + DAY)

    raise_hand(lead, NOW + 2 * HOUR, NOW + 2 * DAY)

    assert stages(lead) == {"mql": "mal", "pql": "disqualified"}
    assert Reinstatement.objects.get().disqualified_at == rejected.decided_at

    raise_hand(lead, NOW + 3 * DAY, NOW + 3 * DAY)

    assert stages(lead) == {"mql": "mal", "pql": "lead"}


def test_a_final_reason_holds_whatever_another_motion_was_rejected_for_later(ops: User) -> None:
    mql = HandoffFactory()
    pql = hand_off_again(mql.lead, NOW)
    decide(mql, "competitor_student_spam", NOW + MINUTE)
    decide(pql, "wrong_company_profile", NOW + HOUR)

    raise_hand(mql.lead, NOW + DAY, NOW + DAY)

    sentence = (
        f"This lead was disqualified as “{ReasonCode.objects.get(code='competitor_student_spam')}”: it stays closed."
    )
    assert HandRaise.objects.get().why_closed == sentence
    assert set(stages(mql.lead).values()) == {"disqualified"}
    with pytest.raises(reinstatements.ReinstatementRefused, match="it stays closed"):
        reinstatements.reinstate(lead=mql.lead, by=ops, now=NOW + DAY, reason="Please")


def test_a_decision_that_was_overtaken_is_not_why_a_lead_is_closed(rejected: Handoff, ops: User) -> None:
    lead = rejected.lead
    reinstatements.reinstate(lead=lead, by=ops, now=NOW + HOUR, reason="They grew")
    mal_exits.leave(lead_ids=[lead.pk], kind=MalExitKind.WRONG_FIT, note="Only three.", by=ops, now=NOW + DAY)

    disqualification = reinstatements.read_disqualification(lead)

    assert disqualification is not None
    assert (disqualification.disposition, disqualification.text) == (None, "Was disqualified on 11 March 2026")


def test_a_merged_person_comes_back_with_all_leads_that_were_closed_before_it_asked(rejected: Handoff) -> None:
    other = HandoffFactory(now=NOW + HOUR)
    decide(other, "too_small", NOW + DAY)
    merges.merge(lead_id=other.lead_id, into_id=rejected.lead_id, by=None, now=NOW + 2 * DAY)

    raise_hand(rejected.lead, NOW + 2 * HOUR, NOW + 3 * DAY)
    assert (stages(rejected.lead), stages(other.lead)) == ({"mql": "mal"}, {"mql": "disqualified"})

    raise_hand(Lead.objects.get(pk=other.lead_id), NOW + 4 * DAY, NOW + 4 * DAY)
    assert (stages(rejected.lead), stages(other.lead)) == ({"mql": "mal"}, {"mql": "mal"})
    assert {row.lead for row in Reinstatement.objects.all()} == {rejected.lead}


def test_a_rejection_is_corrected_to_an_acceptance_after_the_lead_came_back(ops: User) -> None:
    pql = hand_off_again(LeadFactory(), NOW)
    decide(pql, "too_small", NOW + MINUTE)
    reinstatements.reinstate(lead=pql.lead, by=ops, now=NOW + HOUR, reason="They grew")
    assert stages(pql.lead) == {"pql": "lead"}

    dispositions.correct(handoff=pql, kind=DispositionKind.ACCEPT, by=pql.rep.user, now=NOW + 2 * HOUR)

    assert stages(pql.lead) == {"pql": "sal"}


def test_a_request_that_stayed_closed_is_taken_up_when_the_final_reason_is_corrected(ops: User) -> None:
    mql = HandoffFactory()
    decide(mql, "competitor_student_spam", NOW + MINUTE)
    raise_hand(mql.lead, NOW + DAY, NOW + DAY)
    assert stages(mql.lead)["mql"] == "disqualified"
    reason = ReasonCodeFactory(code="too_small", route=Route.DISQUALIFY)

    dispositions.correct(
        handoff=mql, kind=DispositionKind.REJECT, reason=reason, by=mql.rep.user, now=NOW + 2 * DAY, note="No rival."
    )
    reinstatements.follow_hand_raises(now=NOW + 2 * DAY)

    assert stages(mql.lead)["mql"] == "mal"
    assert Reinstatement.objects.get().hand_raise == HandRaise.objects.get(why_closed="")


def test_a_request_that_stayed_closed_is_taken_up_when_the_opt_out_is_lifted(rejected: Handoff, ops: User) -> None:
    lead = rejected.lead
    decision = {"lead_id": lead.pk, "by": ops, "reason": "Called us."}
    contact_decisions.decide_contact(is_opt_out=True, now=NOW + HOUR, **decision)
    raise_hand(lead, NOW + DAY, NOW + DAY)
    assert stages(lead) == {"mql": "disqualified"}

    contact_decisions.decide_contact(is_opt_out=False, now=NOW + 2 * DAY, **decision)
    hand_raises.record_hand_raises(lead_ids=[lead.pk], now=NOW + 2 * DAY)
    reinstatements.follow_hand_raises(now=NOW + 2 * DAY)

    assert stages(lead) == {"mql": "mal"}


def test_a_lead_that_left_the_mals_stays_there_once_another_motion_closed_it_for_good(ops: User) -> None:
    lead = LeadFactory(stage=Stage.MAL)
    mal_exits.leave(lead_ids=[lead.pk], kind=MalExitKind.BOUGHT_ELSEWHERE, note="Says Ada.", by=ops, now=NOW)
    pql = hand_off_again(lead, NOW + HOUR)
    decide(pql, "competitor_student_spam", NOW + DAY)

    assert mal_exits.return_to_mal(lead_ids=[lead.pk], by=ops, now=NOW + 2 * DAY) == mal_exits.MovedLeads(0, 1)
    assert set(stages(lead).values()) == {"disqualified"}


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
