from __future__ import annotations

import pytest
from django.urls import reverse
from django.utils import timezone

from leads.intake import lead_upserts
from leads.models import Lead
from sla.clocks import clock_sweeps, do_not_contact
from sla.handoff_page import next_step
from sla.handoffs import attempts, creation, dispositions, notes, routing
from sla.models import Attempt, Handoff
from sla.queue import queue
from sla.vocabulary import AttemptOutcome, Channel, ClockKind
from tests.factories import (
    DAY,
    HOUR,
    MINUTE,
    NOW,
    HandoffFactory,
    LeadFactory,
    ReasonCodeFactory,
    TeamFactory,
    read_handoff,
)

pytestmark = pytest.mark.django_db

SOON = NOW + HOUR


def silence(lead: Lead, *, at=NOW + 10 * MINUTE, is_so: bool = True) -> None:
    lead_upserts.upsert_lead(
        email=lead.email or "", values={"do_not_contact": is_so}, valid_from=at, source="crm", now=at
    )
    lead.refresh_from_db()


def call(handoff: Handoff, at) -> Attempt:
    return attempts.log_attempt(
        handoff=handoff, channel=Channel.CALL, outcome=AttemptOutcome.NO_ANSWER, at=at, by=handoff.rep.user, now=SOON
    )


def advised(handoff: Handoff) -> str:
    row = Handoff.objects.select_related("lead", "commitment").get(pk=handoff.pk)
    found = next_step.for_handoff(row, clocks=[], attempts=[], now=SOON, zone=timezone.get_current_timezone())
    return found.title if found else ""


def running(handoff: Handoff) -> set[str]:
    return set(handoff.clocks.running().values_list("kind", flat=True))


def test_the_block_begins_with_the_last_statement_of_do_not_contact():
    lead = LeadFactory(mql=True)
    for minutes, is_so in [(1, True), (2, False), (3, True), (4, True)]:
        silence(lead, at=NOW + minutes * MINUTE, is_so=is_so)

    assert do_not_contact.blocked_since(lead) == NOW + 3 * MINUTE


def test_without_attribute_history_the_block_began_with_the_lead():
    assert do_not_contact.blocked_since(LeadFactory(mql=True, do_not_contact=True, known_at=NOW - DAY)) == NOW - DAY
    assert do_not_contact.blocked_since(LeadFactory(mql=True)) is None


def test_a_contact_of_a_blocked_lead_is_refused():
    handoff = HandoffFactory()
    silence(handoff.lead)

    call(handoff, NOW + 9 * MINUTE)
    with pytest.raises(attempts.AttemptRefused, match="may not be contacted"):
        call(handoff, NOW + 10 * MINUTE)

    assert notes.write_note(handoff=handoff, text="Wrote to us after all", by=handoff.rep.user, now=SOON).pk
    assert Attempt.objects.count() == 1


def test_the_next_step_is_to_reject_a_blocked_lead():
    handoff = HandoffFactory()
    silence(handoff.lead)

    assert advised(handoff) == "Do not contact: reject it with the reason"

    dispositions.reject(handoff=handoff, reason=ReasonCodeFactory(code="do_not_contact"), by=handoff.rep.user, now=SOON)
    assert advised(handoff) == ""


def test_the_next_step_of_an_accepted_blocked_lead_is_to_let_it_go():
    handoff = HandoffFactory(accepted=True)
    silence(handoff.lead)

    assert "correct the decision" in advised(handoff)


def test_the_contact_clock_is_cancelled_but_the_decision_clock_runs():
    handoff, other = HandoffFactory(), HandoffFactory()
    silence(handoff.lead)

    stopped = [do_not_contact.stop_clocks(now=NOW + 11 * MINUTE) for _ in range(2)]
    clock_sweeps.sweep_breaches(now=NOW + HOUR)

    assert stopped == [1, 0]
    assert running(handoff) == {ClockKind.DISPOSITION}
    assert not handoff.clocks.filter(breached_at__isnull=False).exists()
    assert ClockKind.FIRST_CONTACT in running(other)


def test_a_handoff_that_fails_does_not_hold_up_the_others():
    torn, sound = HandoffFactory(unreadable_hours=True), HandoffFactory()
    for handoff in (torn, sound):
        silence(handoff.lead)

    assert do_not_contact.stop_clocks(now=NOW + 11 * MINUTE) == 1

    assert running(sound) == {ClockKind.DISPOSITION}


def test_a_blocked_lead_is_not_routed_and_does_not_hold_up_others():
    TeamFactory(working=True)
    silent = HandoffFactory(lead__do_not_contact=True)
    evening = HandoffFactory(unrouted=True)

    do_not_contact.stop_clocks(now=NOW + DAY)
    routed = routing.route_unrouted(now=NOW + DAY)

    assert routed == 1
    assert (read_handoff(silent).rep, running(silent)) == (None, set())
    assert read_handoff(evening).rep is not None
    assert silent.routing_decisions.get().explanation.startswith("Do not contact")
    assert "give it to somebody" in advised(silent)


def test_a_manager_assigns_a_blocked_lead_to_have_it_rejected():
    team = TeamFactory(working=True)
    silent = HandoffFactory(lead__do_not_contact=True)
    rep, manager = team.reps.get(), team.managers.first()

    creation.assign(handoff=silent, rep=rep, by=manager, now=SOON, reason="Please reject")
    do_not_contact.stop_clocks(now=SOON)

    assert running(silent) == {ClockKind.DISPOSITION}
    assert advised(silent) == "Do not contact: reject it with the reason"


def test_a_blocked_lead_does_not_count_as_unworked():
    TeamFactory(working=True, unworked_at_most=1)
    silence(HandoffFactory(accepted=True).lead)

    assert HandoffFactory().rep is not None


def test_the_queue_and_the_page_show_do_not_contact(client):
    handoff = HandoffFactory()
    silence(handoff.lead)
    client.force_login(handoff.rep.user)

    pages = [client.get(url).content.decode() for url in (reverse("queue"), reverse("handoff", args=[handoff.pk]))]

    assert ["Do not contact" in page for page in pages] == [True, True]
    assert queue.for_user(handoff.rep.user).count() == 1
