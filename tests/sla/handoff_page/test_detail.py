"""What the page of a handoff shows and takes, by what is in its rows."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils.html import escape

from config.accounts.models import User
from config.accounts.vocabulary import Role
from leads.models import AttributeChange, Event, Outcome
from sla.handoff_page import detail
from sla.handoffs import attempts, disposition_content, dispositions, notes, sales_stages, undo_window
from sla.models import Attempt, Handoff, SalesQualification
from sla.vocabulary import AttemptOutcome, Channel, DispositionKind, HandoffState
from tests.factories import (
    DAY,
    HOUR,
    MINUTE,
    NOW,
    CompanyFactory,
    EventFactory,
    HandoffFactory,
    LeadFactory,
    ReasonCodeFactory,
    RepFactory,
    TeamFactory,
    UserFactory,
    read_handoff,
)

pytestmark = pytest.mark.django_db

SOON = NOW + 2 * MINUTE


@pytest.fixture(autouse=True)
def at_work() -> Iterator[None]:
    with time_machine.travel(SOON, tick=False):
        yield


def rep_of(handoff: Handoff) -> Client:
    assert handoff.rep is not None
    return signed_in(handoff.rep.user)


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def page_of(handoff: Handoff, **query: object) -> str:
    return rep_of(handoff).get(reverse("handoff", args=[handoff.pk]), query).content.decode()


def case_of(handoff: Handoff, *, now: dt.datetime = SOON) -> detail.HandoffDetail:
    row = detail.with_related_rows(Handoff.objects.all()).get(pk=handoff.pk)
    return detail.for_handoff(row, reader=handoff.rep.user, now=now)


def event(handoff: Handoff, code: str = "pricing_view", at: dt.datetime = NOW + MINUTE, **columns: object) -> Event:
    return EventFactory(lead=handoff.lead, signal__code=code, occurred_at=at, **{"source": "site"} | columns)


def called(handoff: Handoff, count: int = 1, at: dt.datetime = NOW + MINUTE) -> None:
    for number in range(count):
        attempts.log_attempt(
            handoff=handoff,
            channel=Channel.CALL,
            outcome=AttemptOutcome.NO_ANSWER,
            at=at + number * MINUTE,
            by=handoff.rep.user,
            now=max(at, SOON) + count * MINUTE,
        )


def post(handoff: Handoff, name: str, **typed: object) -> object:
    return rep_of(handoff).post(reverse(f"handoff_{name}", args=[handoff.pk]), typed)


# ── Why now, and what changed since ───────────────────────────────────────────────────────────────────────


def test_why_now_is_told_from_the_frozen_evidence_and_not_from_later_events():
    frozen = {"events": [{"at": (NOW - HOUR).isoformat(), "signal": "demo_request", "points": 30}], "events_total": 1}
    handoff = HandoffFactory(evidence=frozen)
    event(handoff, "case_study")

    assert case_of(handoff).activity == "Asked for a demo this morning."
    assert "Asked for a demo this morning." in page_of(handoff)


def test_what_the_lead_did_since_is_counted_by_signal():
    handoff = HandoffFactory()
    event(handoff, at=NOW - DAY, recorded_at=NOW - DAY)
    for minute in range(3):
        event(handoff, at=NOW + minute * dt.timedelta(seconds=10) + MINUTE)
    event(handoff, "case_study", at=NOW - DAY, recorded_at=NOW + MINUTE)

    since = case_of(handoff).changes

    assert since.events == 4
    assert [(signal.name, signal.count) for signal in since.signals] == [("Pricing page", 3), ("Case study", 1)]


def test_what_became_known_since_stands_beside_what_was_known():
    company = CompanyFactory()
    handoff = HandoffFactory(lead__company=company)
    for at, values in (
        (NOW - DAY, {"title": "Manager", "budget": "10k"}),
        (NOW + MINUTE, {"title": "Director", "budget": "10k"}),
    ):
        AttributeChange.objects.create(lead=handoff.lead, values=values, valid_from=at, recorded_at=at, source="api")
    AttributeChange.objects.create(
        company=company, values={"is_customer": True}, valid_from=SOON, recorded_at=SOON, source="crm"
    )

    changes = case_of(handoff).changes.changes

    assert [(change.label, change.before, change.after) for change in changes] == [
        ("Company is customer", "", "yes"),
        ("Title", "Manager", "Director"),
    ]


def test_the_score_of_now_stands_beside_that_of_the_day():
    axes = {axis.label: axis for axis in case_of(HandoffFactory()).changes.axes}

    assert (axes["Fit"].then, axes["Engagement"].then) == (40, 50)
    assert axes["Engagement"].difference == -50


# ── What to do next ───────────────────────────────────────────────────────────────────────────────────────


def test_first_comes_the_first_contact_with_its_clock():
    advice = case_of(HandoffFactory(lead__phone="+49 30 1234567")).advice

    assert advice.title == "Call: no contact yet"
    assert advice.clock.kind == "first_contact"


def test_then_the_decision_and_the_attempts_so_far():
    handoff = HandoffFactory()
    called(handoff, 2)

    advice = case_of(handoff).advice

    assert advice.clock.kind == "disposition"
    assert advice.detail == "2 of 6 attempts. Last: Call, no answer, today at 10:02."


def test_a_meeting_is_the_next_thing_until_it_was():
    handoff = HandoffFactory(accepted=True)
    called(handoff)
    sales_stages.book_meeting(handoff=handoff, at=NOW + 2 * DAY, by=handoff.rep.user, now=SOON)

    before, after = case_of(handoff).advice, case_of(handoff, now=NOW + 3 * DAY).advice

    assert (before.title, before.meeting_at) == ("Meeting", NOW + 2 * DAY)
    assert after.title == "Qualify to SQL, or say why not"


def test_a_closed_one_asks_for_nothing():
    assert case_of(HandoffFactory(rejected=True)).advice is None


# ── Contacts ──────────────────────────────────────────────────────────────────────────────────────────────


def test_one_button_says_how_and_with_what_result():
    handoff = HandoffFactory()

    answer = post(handoff, "attempt", did="call:left_message")

    assert answer.status_code == 302
    attempt = Attempt.objects.get()
    assert (attempt.channel, attempt.outcome, attempt.at) == (Channel.CALL, AttemptOutcome.LEFT_MESSAGE, SOON)
    assert "Call: left a voicemail" in page_of(handoff)


@pytest.mark.parametrize(
    "typed", [{}, {"did": "note:sent"}, {"did": "call:sent"}, {"did": "email:connected"}, {"channel": "call"}]
)
def test_what_is_no_contact_is_not_counted(typed):
    handoff = HandoffFactory()

    assert post(handoff, "attempt", **typed).status_code == 422
    assert not Attempt.objects.exists()
    assert read_handoff(handoff).first_contact_at is None


def test_a_combination_that_cannot_be_is_refused_everywhere():
    handoff = HandoffFactory()

    with pytest.raises(attempts.AttemptRefused, match="cannot come of"):
        attempts.log_attempt(
            handoff=handoff,
            channel=Channel.LINKEDIN,
            outcome=AttemptOutcome.LEFT_MESSAGE,
            at=SOON,
            by=handoff.rep.user,
            now=SOON,
        )


def test_the_page_says_how_many_attempts_are_missing():
    handoff = HandoffFactory()
    called(handoff, 2)
    reason = ReasonCodeFactory(code="unreached", needs_attempts=True)

    with pytest.raises(disposition_content.DispositionRefused, match="there are 2, 4 to go"):
        dispositions.reject(handoff=handoff, reason=reason, by=handoff.rep.user, now=SOON)
    assert "2 of 6 attempts; 4 more" in page_of(handoff)


# ── Meeting, SQL, opportunity ─────────────────────────────────────────────────────────────────────────────


def test_what_the_lead_said_of_bant_is_a_hint_and_no_answer():
    handoff = HandoffFactory(accepted=True, lead__budget="About 40k", lead__use_case="Late trucks")

    page = page_of(handoff)

    assert "So far: About 40k" in page
    assert 'value="About 40k"' not in page


def test_what_was_typed_is_kept_when_an_answer_is_missing():
    handoff = HandoffFactory(accepted=True)

    answer = post(handoff, "qualify", problem="Late trucks")

    page = answer.content.decode()
    assert answer.status_code == 422
    assert 'value="Late trucks"' in page
    assert "Budget: This field is required." in page
    assert not SalesQualification.objects.exists()


def test_an_opportunity_has_an_amount_and_the_record_shows_it():
    handoff = HandoffFactory(accepted=True)
    answers = {"problem": "Late trucks", "budget": "40k", "authority": "The COO", "timeline": "June"}
    sales_stages.qualify(handoff=handoff, by=handoff.rep.user, now=SOON, **answers)

    without = post(handoff, "opportunity", amount="")
    post(handoff, "opportunity", amount="41000")
    post(handoff, "lose", reason="Chose a competitor")

    page = page_of(handoff)
    assert without.status_code == 422
    assert Outcome.objects.count() == 2
    for part in ("41,000", "Chose a competitor", "The COO"):
        assert part in page


def test_losing_needs_a_reason_and_says_so_at_the_field():
    handoff = HandoffFactory(accepted=True)

    answer = post(handoff, "lose", reason=" ")

    assert answer.status_code == 422
    assert "Reason: This field is required." in answer.content.decode()


def test_going_on_with_a_lead_makes_the_acceptance_final():
    handoff = HandoffFactory()
    undo_window.decide(handoff=handoff, kind=DispositionKind.ACCEPT, by=handoff.rep.user, now=SOON)

    post(handoff, "note", text="Thinking about it.")
    still = read_handoff(handoff).state
    post(handoff, "meeting", at="2026-03-12T15:00")

    assert still == HandoffState.ASSIGNED
    assert read_handoff(handoff).state == HandoffState.ACCEPTED


def test_a_decision_that_can_be_taken_back_is_shown_to_the_team():
    handoff = HandoffFactory()
    undo_window.decide(handoff=handoff, kind=DispositionKind.ACCEPT, by=handoff.rep.user, now=SOON)
    mate = signed_in(RepFactory(team=handoff.team).user)

    page = mate.get(reverse("handoff", args=[handoff.pk])).content.decode()

    assert f"Accepted by {handoff.rep}" in page
    assert "data-accept" not in page


# ── Corrections ───────────────────────────────────────────────────────────────────────────────────────────


def test_a_corrected_decision_shows_both():
    handoff = HandoffFactory(rejected=True, decision__reason=ReasonCodeFactory(code="bad_fit", label="Bad fit"))
    form = rep_of(handoff).get(reverse("handoff_correct", args=[handoff.pk])).content.decode()

    answer = post(handoff, "correct", kind="accept", note="They called back.")

    page = page_of(handoff)
    assert "Bad fit" in form
    assert answer.status_code == 302
    assert read_handoff(handoff).state == HandoffState.ACCEPTED
    for part in ("Accepted by", "They called back.", "Was: rejected, bad fit", "Corrected to accepted"):
        assert part in page


def test_a_correction_to_a_rejection_needs_its_reason_and_keeps_what_was_missing():
    handoff = HandoffFactory(accepted=True)
    reason = ReasonCodeFactory(code="bad_fit")

    without = post(handoff, "correct", kind="reject")
    post(handoff, "correct", kind="reject", reason=reason.pk, missing="A budget of any kind")

    assert without.status_code == 422
    assert "A rejection needs a reason." in without.content.decode()
    assert dispositions.current_disposition(handoff).missing == "A budget of any kind"
    assert "A budget of any kind" in page_of(handoff)


def test_the_words_of_a_rejection_can_be_corrected_alone():
    reason = ReasonCodeFactory(code="bad_fit")
    handoff = HandoffFactory(rejected=True, decision__reason=reason)

    same = post(handoff, "correct", kind="reject", reason=reason.pk)
    other = post(handoff, "correct", kind="reject", reason=reason.pk, note="Four people in all.")

    assert (same.status_code, other.status_code) == (422, 302)
    assert dispositions.current_disposition(handoff).note == "Four people in all."


def test_there_is_nothing_to_correct_before_a_decision_nor_for_who_only_reads():
    undecided, decided = HandoffFactory(), HandoffFactory(accepted=True)
    viewer = signed_in(UserFactory(roles=[Role.VIEWER]))

    assert rep_of(undecided).get(reverse("handoff_correct", args=[undecided.pk])).status_code == 302
    assert (
        viewer.post(
            reverse("handoff_correct", args=[decided.pk]), {"kind": "reject", "reason": ReasonCodeFactory().pk}
        ).status_code
        == 403
    )
    assert (
        reverse("handoff_correct", args=[decided.pk])
        not in viewer.get(reverse("handoff", args=[decided.pk])).content.decode()
    )


# ── The timeline ──────────────────────────────────────────────────────────────────────────────────────────


def test_the_timeline_shows_one_kind_alone():
    handoff = HandoffFactory()
    event(handoff, asset="price-list")
    called(handoff)
    notes.write_note(handoff=handoff, text="Prefers mail.", by=handoff.rep.user, now=SOON)

    whole = page_of(handoff)
    only = page_of(handoff, show="notes").split('id="history"')[1]

    for part in ("price-list", "Call: no answer", "Prefers mail.", "Routed to"):
        assert part in whole
    assert "Prefers mail." in only
    assert "price-list" not in only.split("<aside")[0]


def test_a_filter_by_htmx_is_the_part_of_the_page():
    handoff = HandoffFactory()
    path = reverse("handoff", args=[handoff.pk])

    part = rep_of(handoff).get(path, {"show": "routing"}, headers={"HX-Request": "true", "HX-Target": "history"})

    fragment = part.content.decode().strip()
    assert fragment.startswith('<div id="history">')
    assert fragment in page_of(handoff, show="routing")


def test_a_long_timeline_is_shown_in_steps():
    handoff = HandoffFactory()
    for number in range(70):
        event(handoff, at=NOW - number * MINUTE, asset=f"asset-{number}.")

    first, second = page_of(handoff, show="activity"), page_of(handoff, show="activity", limit="120")

    assert "asset-59." in first
    assert "asset-60." not in first
    assert "Show older" in first
    assert "asset-69." in second
    assert "Show older" not in second


@pytest.mark.parametrize("query", [{"show": "<script>"}, {"limit": "-1"}, {"limit": "9" * 30}, {"limit": "0"}])
def test_an_address_of_any_kind_shows_the_page(query):
    assert "Timeline" in page_of(HandoffFactory(), **query)


def test_an_sdr_sees_only_the_colleagues_behind_a_handoff_of_the_team() -> None:
    handoff = HandoffFactory(lead__company=CompanyFactory())
    handed_over = HandoffFactory(lead=LeadFactory(mql=True, company=handoff.lead.company)).lead
    with_marketing = LeadFactory(company=handoff.lead.company)
    row = detail.with_related_rows(Handoff.objects.all()).get(pk=handoff.pk)
    leader = UserFactory(roles=[Role.MARKETING_LEADER])

    assert case_of(handoff).colleagues == [handed_over]
    assert set(detail.for_handoff(row, reader=leader, now=SOON).colleagues) == {handed_over, with_marketing}


# ── The page as a whole ───────────────────────────────────────────────────────────────────────────────────


def test_a_long_history_takes_no_more_queries():
    handoff = HandoffFactory(lead__company=CompanyFactory())
    event(handoff)
    called(handoff)
    few = queries(handoff)
    for _ in range(5):
        event(handoff)
        called(handoff)
        notes.write_note(handoff=handoff, text="Hm.", by=handoff.rep.user, now=SOON)
        LeadFactory(mql=True, company=handoff.lead.company)

    many = queries(handoff)

    # The colleagues' handoffs are one query more, for any number of them.
    assert many <= few + 1


def queries(handoff: Handoff) -> int:
    client = rep_of(handoff)
    with CaptureQueriesContext(connection) as captured:
        assert client.get(reverse("handoff", args=[handoff.pk])).status_code == 200
    return len(captured)


def test_what_a_lead_wrote_is_text_and_its_addresses_are_addresses():
    nasty = '"><script>alert(1)</script>'
    lead = LeadFactory(
        mql=True,
        email="o'hara+x?cc=all@example.org",
        phone="javascript:alert(1) +49 (30) 123-45",
        title=nasty,
        use_case=nasty,
    )
    handoff = HandoffFactory(accepted=True, lead=lead)
    AttributeChange.objects.create(lead=lead, values={"custom.x": nasty}, valid_from=SOON, recorded_at=SOON, source="f")

    page = page_of(handoff)

    assert "<script>alert" not in page
    assert escape(nasty) in page
    assert "mailto:o%27hara%2Bx%3Fcc%3Dall@example.org" in page
    assert 'href="tel:1493012345"' in page
    assert 'href="javascript' not in page


def test_a_handoff_of_another_team_does_not_exist():
    handoff = HandoffFactory(accepted=True)
    stranger = signed_in(RepFactory(team=TeamFactory(working=True, reps=0)).user)

    assert stranger.get(reverse("handoff_correct", args=[handoff.pk])).status_code == 404
    assert stranger.post(reverse("handoff_note", args=[handoff.pk]), {"text": "x"}).status_code == 404
    assert (
        stranger.get(
            reverse("handoff", args=[handoff.pk]), headers={"HX-Request": "true", "HX-Target": "history"}
        ).status_code
        == 404
    )
