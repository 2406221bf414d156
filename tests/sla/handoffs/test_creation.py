from __future__ import annotations

import pytest

from scoring.models import Qualification
from sla import permissions
from sla.handoffs import creation
from sla.models import Handoff, WorkHours
from sla.vocabulary import ClockKind, HandoffState
from tests.sla import situations
from tests.sla.situations import DAY, HOUR, MINUTE, NOW

pytestmark = pytest.mark.django_db


def test_a_waiting_mql_becomes_a_routed_handoff_with_its_clocks():
    situations.commitment()
    team = situations.team()
    waiting = situations.qualification(tier=1, at=NOW - MINUTE)

    assert creation.hand_off_waiting(now=NOW) == 1

    made = Handoff.objects.get()
    assert (made.lead, made.version, made.tier) == (waiting.lead, waiting.version, 1)
    assert (made.state, made.team, made.routed_at) == (HandoffState.ASSIGNED, team, NOW)
    assert {clock.kind: clock.is_running for clock in made.clocks.all()} == {
        ClockKind.ROUTE: False,
        ClockKind.FIRST_CONTACT: True,
        ClockKind.DISPOSITION: True,
    }
    assert made.due_at == NOW + 5 * MINUTE
    assert not Qualification.objects.waiting().exists()


def test_a_second_run_finds_nothing_left():
    situations.handoff()

    assert creation.hand_off_waiting(now=NOW) == 0
    assert Handoff.objects.count() == 1


def test_tier_1_goes_first():
    situations.commitment()
    situations.team()
    situations.qualification(tier=2)
    hot = situations.qualification(tier=1)

    creation.hand_off_waiting(now=NOW, limit=1)

    assert Handoff.objects.get().qualification == hot


def test_mqls_wait_while_no_commitments_are_in_force():
    situations.team()
    situations.qualification()

    assert creation.hand_off_waiting(now=NOW) == 0
    assert Qualification.objects.waiting().count() == 1


def test_a_failing_mql_waits_and_does_not_block_the_others():
    first = situations.handoff()
    # Cannot happen by the rules: a second cycle while the first handoff is open.
    Qualification.objects.filter(pk=first.qualification_id).update(closed_at=NOW)
    stuck = situations.qualification(of=first.lead, cycle=2, tier=1)
    situations.qualification(tier=2)

    assert creation.hand_off_waiting(now=NOW) == 1

    assert list(Qualification.objects.waiting()) == [stuck]


def test_the_routing_clock_counts_from_the_qualification():
    situations.commitment()
    situations.team()
    situations.qualification(at=NOW - 7 * MINUTE)

    creation.hand_off_waiting(now=NOW)

    clock = Handoff.objects.get().clocks.get(kind=ClockKind.ROUTE)
    assert (clock.used_seconds, clock.is_late) == (7 * 60, True)


def test_a_reassignment_starts_new_clocks_for_the_new_rep():
    handoff = situations.handoff()
    colleague = situations.rep(handoff.team)
    later = NOW + 10 * MINUTE

    creation.assign(
        handoff=handoff, rep=colleague, by=situations.manager(handoff.team), now=later, reason="Speaks German"
    )

    handoff = situations.fresh(handoff)
    assert (handoff.rep, handoff.due_at) == (colleague, later + 30 * MINUTE)
    assert handoff.clocks.running().filter(rep=colleague).count() == 2
    assert handoff.clocks.filter(rep__isnull=False, cancelled_at=later, breached_at=None).count() == 2
    assert "Speaks German" in handoff.routing_decisions.latest("pk").explanation


def test_a_reassignment_leaves_a_breach_in_place():
    handoff = situations.handoff()
    colleague = situations.rep(handoff.team)

    creation.assign(handoff=handoff, rep=colleague, by=situations.manager(handoff.team), now=NOW + HOUR, reason="Ill")

    broken = handoff.clocks.get(kind=ClockKind.FIRST_CONTACT, rep=handoff.rep)
    assert broken.breached_at == NOW + HOUR


def test_a_rep_who_gets_a_handoff_back_continues_with_their_clocks():
    handoff = situations.handoff()
    first, colleague = handoff.rep, situations.rep(handoff.team)
    before = list(handoff.clocks.filter(rep=first).order_by("pk").values_list("pk", "started_at", "due_at"))

    for rep, later in ((colleague, 10 * MINUTE), (first, 20 * MINUTE), (colleague, 25 * MINUTE), (first, HOUR)):
        by = situations.manager(handoff.team)
        creation.assign(handoff=handoff, rep=rep, by=by, now=NOW + later, reason="To and fro")

    running = handoff.clocks.running().filter(rep=first).order_by("pk")
    assert list(running.values_list("pk", "started_at", "due_at")) == before
    assert situations.fresh(handoff).due_at == NOW + 30 * MINUTE
    assert handoff.clocks.filter(rep=colleague).count() == 2


def test_a_manager_assigns_an_unrouted_handoff():
    handoff = situations.handoff(now=NOW + 4 * DAY)  # Saturday.
    assert handoff.is_unrouted
    team = situations.team(reps=1)

    creation.assign(
        handoff=handoff, rep=team.reps.get(), by=situations.manager(team), now=NOW + 4 * DAY + HOUR, reason="Hot"
    )

    handoff = situations.fresh(handoff)
    assert (handoff.state, handoff.team) == (HandoffState.ASSIGNED, team)
    # Monday at 09:30.
    assert handoff.due_at == (NOW + 6 * DAY).replace(hour=9, minute=30)


def test_other_managers_and_reps_cannot_reassign():
    handoff = situations.handoff()
    colleague = situations.rep(handoff.team)
    elsewhere = situations.manager(situations.team())

    for by in (colleague.user, handoff.rep.user, elsewhere):
        with pytest.raises(permissions.NotYours):
            creation.assign(handoff=handoff, rep=colleague, by=by, now=NOW, reason="Mine")


@pytest.mark.parametrize(("columns", "why"), [({"is_away": True}, "away"), ({"capacity": 0}, "0 of 0 in hand")])
def test_a_manager_cannot_assign_to_a_rep_who_is_away_or_full(columns, why):
    handoff = situations.handoff()
    colleague = situations.rep(handoff.team, **columns)

    with pytest.raises(creation.AssignmentRefused, match=why):
        creation.assign(handoff=handoff, rep=colleague, by=situations.manager(handoff.team), now=NOW, reason="Try")

    assert situations.fresh(handoff).rep == handoff.rep


def test_a_rep_who_never_works_is_refused_with_a_sentence():
    handoff = situations.handoff()
    colleague = situations.rep(handoff.team, calendar=situations.calendar())
    WorkHours.objects.filter(calendar=colleague.calendar).delete()

    with pytest.raises(creation.AssignmentRefused, match="no working hours"):
        creation.assign(handoff=handoff, rep=colleague, by=situations.manager(handoff.team), now=NOW, reason="Try")


def test_handing_off_takes_a_constant_number_of_queries_per_lead(django_assert_max_num_queries):
    situations.commitment()
    situations.team(reps=5)
    for _ in range(10):
        situations.qualification()

    with django_assert_max_num_queries(10 * 45 + 5):
        assert creation.hand_off_waiting(now=NOW) == 10
