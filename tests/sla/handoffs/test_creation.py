from __future__ import annotations

import pytest

from scoring.models import Qualification
from sla import permissions
from sla.handoffs import creation
from sla.models import Handoff, WorkHours
from sla.vocabulary import ClockKind, HandoffState
from tests.factories import (
    DAY,
    HOUR,
    MINUTE,
    NOW,
    CommitmentFactory,
    HandoffFactory,
    QualificationFactory,
    RepFactory,
    TeamFactory,
    WorkCalendarFactory,
    read_handoff,
)

pytestmark = pytest.mark.django_db


def test_a_waiting_mql_becomes_a_routed_handoff_with_its_clocks():
    CommitmentFactory(active=True)
    team = TeamFactory(working=True)
    waiting = QualificationFactory(tier=1, at=NOW - MINUTE)

    assert creation.hand_off_waiting(now=NOW) == 1

    handoff = Handoff.objects.get()
    assert (handoff.lead, handoff.version, handoff.tier) == (waiting.lead, waiting.version, 1)
    assert (handoff.state, handoff.team, handoff.routed_at) == (HandoffState.ASSIGNED, team, NOW)
    assert {clock.kind: clock.is_running for clock in handoff.clocks.all()} == {
        ClockKind.ROUTE: False,
        ClockKind.FIRST_CONTACT: True,
        ClockKind.DISPOSITION: True,
    }
    assert handoff.due_at == NOW + 5 * MINUTE
    assert not Qualification.objects.waiting().exists()


def test_a_second_run_finds_nothing_left():
    HandoffFactory()

    assert creation.hand_off_waiting(now=NOW) == 0
    assert Handoff.objects.count() == 1


def test_tier_1_goes_first():
    CommitmentFactory(active=True)
    TeamFactory(working=True)
    QualificationFactory(tier=2)
    hot = QualificationFactory(tier=1)

    creation.hand_off_waiting(now=NOW, limit=1)

    assert Handoff.objects.get().qualification == hot


def test_mqls_wait_while_no_commitments_are_in_force():
    TeamFactory(working=True)
    QualificationFactory()

    assert creation.hand_off_waiting(now=NOW) == 0
    assert Qualification.objects.waiting().count() == 1


def test_a_failing_mql_waits_and_does_not_block_the_others():
    first = HandoffFactory()
    # Cannot happen by the rules: a second cycle while the first handoff is open.
    Qualification.objects.filter(pk=first.qualification_id).update(closed_at=NOW)
    stuck = QualificationFactory(lead=first.lead, cycle=2, tier=1)
    QualificationFactory(tier=2)

    assert creation.hand_off_waiting(now=NOW) == 1

    assert list(Qualification.objects.waiting()) == [stuck]


def test_the_routing_clock_counts_from_the_qualification():
    CommitmentFactory(active=True)
    TeamFactory(working=True)
    QualificationFactory(at=NOW - 7 * MINUTE)

    creation.hand_off_waiting(now=NOW)

    clock = Handoff.objects.get().clocks.get(kind=ClockKind.ROUTE)
    assert (clock.used_seconds, clock.is_late) == (7 * 60, True)


def test_a_reassignment_starts_new_clocks_for_the_new_rep():
    handoff = HandoffFactory()
    colleague = RepFactory(team=handoff.team)
    later = NOW + 10 * MINUTE

    creation.assign(handoff=handoff, rep=colleague, by=handoff.team.managers.first(), now=later, reason="Speaks German")

    handoff = read_handoff(handoff)
    assert (handoff.rep, handoff.due_at) == (colleague, later + 30 * MINUTE)
    assert handoff.clocks.running().filter(rep=colleague).count() == 2
    assert handoff.clocks.filter(rep__isnull=False, cancelled_at=later, breached_at=None).count() == 2
    assert "Speaks German" in handoff.routing_decisions.latest("pk").explanation


def test_a_reassignment_leaves_a_breach_in_place():
    handoff = HandoffFactory()
    colleague = RepFactory(team=handoff.team)

    creation.assign(handoff=handoff, rep=colleague, by=handoff.team.managers.first(), now=NOW + HOUR, reason="Ill")

    broken = handoff.clocks.get(kind=ClockKind.FIRST_CONTACT, rep=handoff.rep)
    assert broken.breached_at == NOW + HOUR


def test_a_rep_who_gets_a_handoff_back_continues_with_their_clocks():
    handoff = HandoffFactory()
    first, colleague = handoff.rep, RepFactory(team=handoff.team)
    before = list(handoff.clocks.filter(rep=first).order_by("pk").values_list("pk", "started_at", "due_at"))

    for rep, later in ((colleague, 10 * MINUTE), (first, 20 * MINUTE), (colleague, 25 * MINUTE), (first, HOUR)):
        by = handoff.team.managers.first()
        creation.assign(handoff=handoff, rep=rep, by=by, now=NOW + later, reason="To and fro")

    running = handoff.clocks.running().filter(rep=first).order_by("pk")
    assert list(running.values_list("pk", "started_at", "due_at")) == before
    assert read_handoff(handoff).due_at == NOW + 30 * MINUTE
    assert handoff.clocks.filter(rep=colleague).count() == 2


def test_a_manager_assigns_an_unrouted_handoff():
    handoff = HandoffFactory(now=NOW + 4 * DAY)  # Saturday.
    assert handoff.is_unrouted
    team = TeamFactory(working=True, reps=1)

    creation.assign(
        handoff=handoff, rep=team.reps.get(), by=team.managers.first(), now=NOW + 4 * DAY + HOUR, reason="Hot"
    )

    handoff = read_handoff(handoff)
    assert (handoff.state, handoff.team) == (HandoffState.ASSIGNED, team)
    # Monday at 09:30.
    assert handoff.due_at == (NOW + 6 * DAY).replace(hour=9, minute=30)


def test_other_managers_and_reps_cannot_reassign():
    handoff = HandoffFactory()
    colleague = RepFactory(team=handoff.team)
    elsewhere = TeamFactory(working=True).managers.first()

    for by in (colleague.user, handoff.rep.user, elsewhere):
        with pytest.raises(permissions.NotYours):
            creation.assign(handoff=handoff, rep=colleague, by=by, now=NOW, reason="Mine")


@pytest.mark.parametrize(("columns", "why"), [({"is_away": True}, "away"), ({"capacity": 0}, "0 of 0 in hand")])
def test_a_manager_cannot_assign_to_a_rep_who_is_away_or_full(columns, why):
    handoff = HandoffFactory()
    colleague = RepFactory(team=handoff.team, **columns)

    with pytest.raises(creation.AssignmentRefused, match=why):
        creation.assign(handoff=handoff, rep=colleague, by=handoff.team.managers.first(), now=NOW, reason="Try")

    assert read_handoff(handoff).rep == handoff.rep


def test_a_rep_who_never_works_is_refused_with_a_sentence():
    handoff = HandoffFactory()
    colleague = RepFactory(team=handoff.team, calendar=WorkCalendarFactory())
    WorkHours.objects.filter(calendar=colleague.calendar).delete()

    with pytest.raises(creation.AssignmentRefused, match="no working hours"):
        creation.assign(handoff=handoff, rep=colleague, by=handoff.team.managers.first(), now=NOW, reason="Try")


def test_handing_off_takes_a_constant_number_of_queries_per_lead(django_assert_max_num_queries):
    CommitmentFactory(active=True)
    TeamFactory(working=True, reps=5)
    for _ in range(10):
        QualificationFactory()

    with django_assert_max_num_queries(10 * 49 + 5):
        assert creation.hand_off_waiting(now=NOW) == 10
