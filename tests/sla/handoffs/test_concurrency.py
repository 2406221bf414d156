"""Concurrency with real threads on PostgreSQL: one decision wins, nothing is lost or done twice (rules 17.2, 17.4)."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import pytest

from config.accounts.vocabulary import Role
from leads.models import Lead
from scoring.models import Qualification
from sla.business_time import calendars
from sla.clocks import clock_sweeps, do_not_contact
from sla.handoffs import attempts, creation, dispositions, overdue_first_contact, routing
from sla.models import Absence, Attempt, CalendarVersion, Clock, Disposition, Handoff, Notice, RoutingDecision
from sla.vocabulary import AttemptOutcome, Channel, ClockKind, NoticeKind
from tests.factories import (
    DAY,
    HOUR,
    MINUTE,
    NOW,
    CommitmentFactory,
    HandoffFactory,
    QualificationFactory,
    ReasonCodeFactory,
    RepFactory,
    TeamFactory,
    UserFactory,
    VersionFactory,
    WorkCalendarFactory,
    read_handoff,
)
from tests.threads import at_once

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.xdist_group("crowds")]


def test_one_of_a_hundred_concurrent_decisions_wins_and_the_others_see_who_and_when():
    managers = tuple(UserFactory(roles=[Role.SALES_MANAGER]) for _ in range(100))
    TeamFactory(working=True, managers=managers)
    handoff = HandoffFactory()
    reason = ReasonCodeFactory()

    def decide(number: int) -> Disposition:
        if number % 2:
            return dispositions.accept(handoff=handoff, by=managers[number], now=NOW + MINUTE)
        return dispositions.reject(handoff=handoff, reason=reason, by=managers[number], now=NOW + MINUTE)

    answers = at_once(100, decide)

    winner = Disposition.objects.get()
    losers = [answer for answer in answers if isinstance(answer, dispositions.AlreadyDecided)]
    assert len(losers) == 99
    assert {str(loser) for loser in losers} == {
        f"{winner.by} {winner.get_kind_display().lower()} this lead on 10 March 2026 at 10:01 (UTC)."
    }
    assert read_handoff(handoff).state == ("accepted" if winner.kind == "accept" else "rejected")
    assert handoff.clocks.get(kind=ClockKind.DISPOSITION).met_at == NOW + MINUTE


def test_eight_routers_share_60_leads_among_7_reps_by_weight():
    CommitmentFactory(active=True)
    team = TeamFactory(working=True, reps=0)
    weights = {RepFactory(team=team, weight=weight).pk: weight for weight in (1, 1, 2, 2, 3, 4, 7)}
    under = VersionFactory(active=True)
    for _ in range(60):
        QualificationFactory(version=under)

    def hand_off_all(_: int) -> int:
        # A run ends after some seconds, and the next one takes the rest.
        return sum(iter(lambda: creation.hand_off_waiting(now=NOW, limit=60), 0))

    done = at_once(8, hand_off_all)

    assert sum(done) == 60
    assert not Qualification.objects.waiting().exists()
    assert not Handoff.objects.unrouted().exists()
    assert Handoff.objects.values("qualification").distinct().count() == 60
    assert RoutingDecision.objects.count() == 60
    served = Counter(Handoff.objects.values_list("rep", flat=True))
    assert all(abs(served[rep] - 60 * weight / 20) <= 1 for rep, weight in weights.items()), served
    assert Clock.objects.filter(kind=ClockKind.FIRST_CONTACT).count() == 60


def test_eight_routers_give_nothing_to_inactive_absent_or_full_reps():
    chance = random.Random(7)
    CommitmentFactory(active=True)
    team = TeamFactory(working=True, reps=0)
    for number in range(12):
        hindrance: dict[str, Any] = chance.choice([{}, {}, {"is_away": True}, {"is_active": False}])
        rep = RepFactory(team=team, capacity=chance.randint(0, 6), weight=chance.randint(1, 3), **hindrance)
        if number % 4 == 0:
            Absence.objects.create(rep=rep, starts_at=NOW - HOUR, ends_at=NOW + HOUR)
    open_to_more = team.reps.filter(is_away=False, is_active=True, absences=None)
    room = sum(open_to_more.values_list("capacity", flat=True))
    under = VersionFactory(active=True)
    for _ in range(60):
        QualificationFactory(version=under)

    at_once(8, lambda _: creation.hand_off_waiting(now=NOW, limit=60))

    served = Counter(Handoff.objects.exclude(rep=None).values_list("rep", flat=True))
    assert set(served) <= set(open_to_more.values_list("pk", flat=True))
    assert all(served[rep.pk] <= rep.capacity for rep in open_to_more)
    assert sum(served.values()) == min(60, room)
    assert Handoff.objects.unrouted().count() == 60 - min(60, room)


def test_two_concurrent_runs_create_each_handoff_once():
    CommitmentFactory(active=True)
    TeamFactory(working=True, reps=2)
    for _ in range(10):
        QualificationFactory()

    done = at_once(2, lambda _: creation.hand_off_waiting(now=NOW))

    assert sum(done) == 10
    assert Handoff.objects.count() == 10
    assert Notice.objects.filter(kind=NoticeKind.NEW_MQL).count() == 10


def test_concurrent_sweeps_route_each_unrouted_handoff_once():
    TeamFactory(working=True, reps=2)
    evening = NOW.replace(hour=20)
    for _ in range(20):
        HandoffFactory(now=evening)

    at_once(4, lambda _: routing.route_unrouted(now=NOW + DAY))

    assert not Handoff.objects.unrouted().exists()
    assert RoutingDecision.objects.filter(rep__isnull=False).count() == 20
    assert sorted(Counter(Handoff.objects.values_list("rep", flat=True)).values()) == [10, 10]


def test_four_sweeps_breach_each_clock_once():
    TeamFactory(working=True, reps=3)
    for _ in range(40):
        HandoffFactory()

    marked = at_once(4, lambda _: sum(clock_sweeps.sweep_breaches(now=NOW + HOUR, limit=7) for _ in range(8)))

    assert sum(marked) == 40
    assert Clock.objects.filter(breached_at=NOW + HOUR).count() == 40
    assert Notice.objects.filter(kind=NoticeKind.BREACHED).count() == 2 * 40


def test_four_workers_pass_on_each_overdue_handoff_once():
    team = TeamFactory(working=True, reps=3, reassigns_on_breach=True)
    before = {made.pk: made.rep_id for made in (HandoffFactory() for _ in range(30))}

    def sweep(_: int) -> int:
        clock_sweeps.sweep_breaches(now=NOW + HOUR)
        return overdue_first_contact.pass_on_overdue(now=NOW + HOUR)

    passed_on = at_once(4, sweep)
    # Whoever was skipped because another worker held it, and a second overdue contact, which goes no further.
    passed_on.append(overdue_first_contact.pass_on_overdue(now=NOW + HOUR))
    clock_sweeps.sweep_breaches(now=NOW + 3 * HOUR)
    again = overdue_first_contact.pass_on_overdue(now=NOW + 3 * HOUR)

    after = dict(Handoff.objects.values_list("pk", "rep"))
    assert (sum(passed_on), again) == (30, 0)
    assert all(after[pk] != rep for pk, rep in before.items())
    assert Notice.objects.filter(once__startswith="passed_on:").count() == 2 * 30
    first = Clock.objects.filter(kind=ClockKind.FIRST_CONTACT, breached_at=NOW + HOUR)
    assert {clock.handoff_id: clock.rep_id for clock in first} == before
    assert team.reps.count() == 3


def test_sweeps_and_decisions_at_once_neither_block_nor_repeat():
    team = TeamFactory(working=True, reps=2)
    handoffs = [HandoffFactory() for _ in range(20)]
    manager = team.managers.first()

    def act(number: int) -> int:
        if number < 2:
            return sum(clock_sweeps.sweep_breaches(now=NOW + HOUR, limit=5) for _ in range(10))
        mine = handoffs[number - 2 :: 2]
        return sum(dispositions.accept(handoff=each, by=manager, now=NOW + HOUR).handoff_id == each.pk for each in mine)

    answers = at_once(4, act)

    assert sum(answers[2:]) == 20
    assert sum(answers[:2]) == 20
    assert Clock.objects.filter(kind=ClockKind.FIRST_CONTACT, breached_at__isnull=False).count() == 20


def test_a_contact_posted_twice_at_once_is_one_row():
    handoff = HandoffFactory()

    def post(_: int) -> Attempt:
        return attempts.log_attempt(
            handoff=handoff,
            channel=Channel.CALL,
            outcome=AttemptOutcome.NO_ANSWER,
            at=NOW + MINUTE,
            by=handoff.rep.user,
            now=NOW + MINUTE,
        )

    answers = at_once(4, post)

    assert {answer.pk for answer in answers} == {Attempt.objects.get().pk}


def test_four_sweeps_stop_the_clocks_of_each_handoff_once():
    TeamFactory(working=True, reps=2)
    for _ in range(12):
        silent = HandoffFactory().lead
        Lead.objects.filter(pk=silent.pk).update(do_not_contact=True)

    stopped = at_once(4, lambda _: do_not_contact.stop_clocks(now=NOW + MINUTE))
    stopped.append(do_not_contact.stop_clocks(now=NOW + MINUTE))

    assert sum(stopped) == 12
    assert not Clock.objects.running().filter(kind=ClockKind.FIRST_CONTACT).exists()


def test_a_calendar_version_requested_concurrently_is_one_row():

    calendar = WorkCalendarFactory()

    versions = at_once(8, lambda _: calendars.freeze_version(calendar, NOW))

    assert {version.pk for version in versions} == {CalendarVersion.objects.get().pk}
