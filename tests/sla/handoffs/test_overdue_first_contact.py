from __future__ import annotations

import pytest

from sla.clocks import clock_sweeps
from sla.handoffs import attempts, overdue_first_contact
from sla.models import Clock, Handoff, Notice, Rep
from sla.vocabulary import AttemptOutcome, Channel, ClockKind
from tests.factories import DAY, HOUR, MINUTE, NOW, HandoffFactory, TeamFactory, read_handoff

pytestmark = pytest.mark.django_db


def breached(**team: object) -> Handoff:
    TeamFactory(working=True, reps=2, **({"reassigns_on_breach": True} | team))
    handoff = HandoffFactory()
    assert clock_sweeps.sweep_breaches(now=NOW + HOUR) == 1
    return handoff


def test_an_overdue_handoff_goes_to_the_next_rep_with_the_reason():
    before = breached()

    assert overdue_first_contact.pass_on_overdue(now=NOW + HOUR) == 1

    after = read_handoff(before)
    assert after.rep not in (None, before.rep)
    decision = after.routing_decisions.latest("pk")
    assert decision.explanation == f"First contact overdue with {before.rep} → {after.rep}, next in turn"
    assert decision.trace[0]["kind"] == "first contact overdue"
    told = Notice.objects.filter(once__startswith="passed_on:").order_by("pk")
    assert {notice.to for notice in told} == {before.rep.user, after.team.managers.first()}
    assert Notice.objects.filter(to=after.rep.user, kind="mql.routed").count() == 1


def test_the_breach_stays_with_the_old_rep_and_a_new_clock_starts():
    before = breached()

    overdue_first_contact.pass_on_overdue(now=NOW + HOUR)

    old, new = Clock.objects.filter(kind=ClockKind.FIRST_CONTACT).order_by("pk")
    assert (old.rep, old.breached_at, old.cancelled_at) == (before.rep, NOW + HOUR, NOW + HOUR)
    assert (new.rep, new.started_at) == (read_handoff(before).rep, NOW + HOUR)
    assert (new.breached_at, new.met_at) == (None, None)


def test_an_overdue_handoff_is_passed_on_once():
    breached()
    overdue_first_contact.pass_on_overdue(now=NOW + HOUR)

    clock_sweeps.sweep_breaches(now=NOW + 3 * HOUR)

    assert overdue_first_contact.pass_on_overdue(now=NOW + 3 * HOUR) == 0


def test_an_overdue_handoff_stays_while_nobody_else_is_available():
    before = breached()
    others = Rep.objects.exclude(pk=before.rep_id)
    others.update(is_away=True)

    assert overdue_first_contact.pass_on_overdue(now=NOW + HOUR) == 0

    others.update(is_away=False)
    assert overdue_first_contact.pass_on_overdue(now=NOW + 2 * HOUR) == 1


@pytest.mark.parametrize("columns", [{"reassigns_on_breach": False}])
def test_a_team_without_reassignment_keeps_its_overdue_leads(columns):
    breached(**columns)

    assert overdue_first_contact.pass_on_overdue(now=NOW + HOUR) == 0


def test_switching_a_team_over_does_not_move_old_breaches():
    breached()

    assert overdue_first_contact.pass_on_overdue(now=NOW + 5 * DAY) == 0


def test_a_contacted_handoff_is_not_passed_on():
    handoff = breached()
    attempts.log_attempt(
        handoff=handoff,
        channel=Channel.CALL,
        outcome=AttemptOutcome.CONNECTED,
        note="",
        at=NOW + HOUR,
        by=handoff.rep.user,
        now=NOW + HOUR,
    )

    assert overdue_first_contact.pass_on_overdue(now=NOW + HOUR + MINUTE) == 0
