from __future__ import annotations

import datetime as dt

import pytest

from sla.clocks import clock_sweeps, clocks
from sla.handoffs import attempts, creation, dispositions, routing
from sla.models import Attempt, Clock, Notice
from sla.vocabulary import AttemptOutcome, Channel, ClockKind, NoticeKind
from tests.factories import (
    DAY,
    HOUR,
    MINUTE,
    NOW,
    CommitmentFactory,
    HandoffFactory,
    ReasonCodeFactory,
    RepFactory,
    TeamFactory,
    WorkCalendarFactory,
    read_handoff,
)

pytestmark = pytest.mark.django_db

EVENING = NOW.replace(hour=16, minute=50)


def contact(handoff, at, now=None):
    return attempts.log_attempt(
        handoff=handoff,
        channel=Channel.CALL,
        outcome=AttemptOutcome.CONNECTED,
        at=at,
        by=handoff.rep.user,
        now=now or at,
    )


def first_contact(handoff) -> Clock:
    return handoff.clocks.get(kind=ClockKind.FIRST_CONTACT)


@pytest.mark.parametrize(("tier", "minutes"), [(1, 5), (2, 30), (3, 30)])
def test_the_first_contact_is_due_in_business_minutes(tier, minutes):
    CommitmentFactory(active=True, tier_3_nurture_days=0)
    handoff = HandoffFactory(tier=tier, now=EVENING + 9 * MINUTE)

    # One minute is left of the day.
    assert first_contact(handoff).due_at == NOW.replace(hour=9) + DAY + (minutes - 1) * MINUTE


def test_the_decision_is_due_after_24_hours_of_working_days():
    handoff = HandoffFactory(now=dt.datetime(2026, 3, 13, 16, tzinfo=dt.UTC))

    clock = handoff.clocks.get(kind=ClockKind.DISPOSITION)
    assert clock.due_at == dt.datetime(2026, 3, 16, 16, tzinfo=dt.UTC)


def test_a_handoff_that_nobody_has_is_due_when_its_routing_is():
    TeamFactory(working=True, reps=0)
    handoff = HandoffFactory()
    assert handoff.is_unrouted

    assert handoff.due_at == handoff.clocks.get(kind=ClockKind.ROUTE).due_at == NOW + 5 * MINUTE

    rep = RepFactory(team=TeamFactory(working=True))
    creation.assign(handoff=handoff, rep=rep, by=rep.team.managers.get(), now=NOW + MINUTE, reason="Knows them.")
    assert read_handoff(handoff).due_at == NOW + 31 * MINUTE


def test_the_targets_are_those_of_the_commitment_at_creation():
    CommitmentFactory(active=True, contact_minutes=60)
    handoff = HandoffFactory()

    assert first_contact(handoff).due_at == NOW + HOUR
    assert handoff.commitment.contact_minutes == 60


def test_a_lead_that_turns_hot_is_due_within_tier_1s_minutes():
    handoff = HandoffFactory()

    hurried = clocks.hurry_first_contact(handoff=handoff, rep=handoff.rep, now=NOW + 10 * MINUTE)

    assert hurried == handoff.clocks.get(kind=ClockKind.FIRST_CONTACT, cancelled_at=None)
    assert read_handoff(handoff).due_at == hurried.due_at == NOW + 15 * MINUTE
    replaced = handoff.clocks.get(kind=ClockKind.FIRST_CONTACT, cancelled_at=NOW + 10 * MINUTE)
    assert (replaced.breached_at, replaced.is_late) == (None, None)


@pytest.mark.parametrize("minutes", [26, 31])
def test_a_first_contact_due_as_early_or_overdue_is_not_hurried(minutes):
    handoff = HandoffFactory()

    assert clocks.hurry_first_contact(handoff=handoff, rep=handoff.rep, now=NOW + minutes * MINUTE) is None

    assert first_contact(handoff).due_at == NOW + 30 * MINUTE


def test_a_lead_that_was_contacted_is_not_hurried():
    handoff = HandoffFactory()
    contact(handoff, NOW + MINUTE)

    assert clocks.hurry_first_contact(handoff=handoff, rep=handoff.rep, now=NOW + 2 * MINUTE) is None


def test_a_contact_in_time_meets_its_clock_and_the_next_one_is_due():
    handoff = HandoffFactory(now=EVENING)

    contact(handoff, NOW.replace(hour=9, minute=5) + DAY)

    clock = first_contact(handoff)
    assert (clock.used_seconds, clock.is_late, clock.is_breached) == (15 * 60, False, False)
    assert read_handoff(handoff).due_at == handoff.clocks.get(kind=ClockKind.DISPOSITION).due_at


def test_a_late_contact_is_a_breach():
    handoff = HandoffFactory()

    contact(handoff, NOW + 31 * MINUTE)

    assert first_contact(handoff).is_late


def test_exactly_on_time_is_in_time():
    handoff = HandoffFactory()

    contact(handoff, NOW + 30 * MINUTE)

    assert not first_contact(handoff).is_late


def test_an_earlier_contact_logged_after_a_late_one_changes_no_result():
    handoff = HandoffFactory()

    contact(handoff, NOW + 50 * MINUTE)
    contact(handoff, NOW + 10 * MINUTE, now=NOW + HOUR)

    assert (first_contact(handoff).used_seconds, first_contact(handoff).is_late) == (50 * 60, True)
    assert read_handoff(handoff).first_contact_at == NOW + 10 * MINUTE


def test_a_warning_comes_once_with_a_fifth_of_the_time_left():
    handoff = HandoffFactory()

    assert clock_sweeps.sweep_warnings(now=NOW + 23 * MINUTE) == 0
    assert clock_sweeps.sweep_warnings(now=NOW + 24 * MINUTE) == 1
    assert clock_sweeps.sweep_warnings(now=NOW + 25 * MINUTE) == 0
    assert Notice.objects.get(kind=NoticeKind.DUE_SOON).to == handoff.rep.user


def test_a_breach_is_marked_once_and_notifies_the_rep_and_the_manager():
    handoff = HandoffFactory()
    late = NOW + 31 * MINUTE

    assert clock_sweeps.sweep_breaches(now=NOW + 30 * MINUTE) == 0
    assert clock_sweeps.sweep_breaches(now=late) == 1
    assert clock_sweeps.sweep_breaches(now=late + MINUTE) == 0

    assert first_contact(handoff).breached_at == late
    told = Notice.objects.filter(kind=NoticeKind.BREACHED).order_by("pk")
    assert [notice.to for notice in told] == [handoff.rep.user, handoff.team.managers.first()]


def test_unreadable_hours_do_not_hold_up_a_breach():
    torn, sound = HandoffFactory(unreadable_hours=True), HandoffFactory()

    clock_sweeps.sweep_breaches(now=NOW + HOUR)

    breached = Clock.objects.filter(breached_at=NOW + HOUR, kind=ClockKind.FIRST_CONTACT)
    assert {clock.handoff for clock in breached} == {torn, sound}


def test_a_clock_due_at_closing_is_not_exceeded_before_the_next_opening():
    handoff = HandoffFactory(now=NOW.replace(hour=16, minute=30))
    assert first_contact(handoff).due_at == NOW.replace(hour=17)

    assert clock_sweeps.sweep_breaches(now=NOW.replace(hour=23)) == 0
    assert clock_sweeps.sweep_breaches(now=NOW.replace(hour=9, minute=1) + DAY) == 1


def test_a_contact_in_time_logged_soon_after_removes_the_breach():
    handoff = HandoffFactory()
    clock_sweeps.sweep_breaches(now=NOW + HOUR)

    contact(handoff, NOW + 20 * MINUTE, now=NOW + 80 * MINUTE)

    assert not first_contact(handoff).is_breached


@pytest.mark.parametrize("is_seen", [True, False])
def test_a_contact_logged_long_after_removes_no_breach(is_seen):
    handoff = HandoffFactory()
    logged = NOW + 81 * MINUTE
    if is_seen:
        clock_sweeps.sweep_breaches(now=NOW + HOUR)

    contact(handoff, NOW + 20 * MINUTE, now=logged)

    clock = first_contact(handoff)
    assert (clock.met_at, clock.is_late, clock.used_seconds) == (logged, True, 81 * 60)
    assert clock.breached_at == (NOW + HOUR if is_seen else None)
    assert read_handoff(handoff).first_contact_at == NOW + 20 * MINUTE


def test_a_contact_logged_long_after_counts_while_nothing_is_overdue():
    handoff = HandoffFactory(now=EVENING)

    contact(handoff, EVENING + MINUTE, now=EVENING + 16 * HOUR)

    assert (first_contact(handoff).met_at, first_contact(handoff).is_late) == (EVENING + MINUTE, False)


def test_a_contact_before_the_reps_clock_counts_from_when_it_was_logged():
    handoff = HandoffFactory()
    colleague, later = RepFactory(team=handoff.team), NOW + 20 * MINUTE
    creation.assign(handoff=handoff, rep=colleague, by=handoff.team.managers.first(), now=later, reason="Ill")

    contact(read_handoff(handoff), NOW + 10 * MINUTE, now=NOW + 55 * MINUTE)

    clock = handoff.clocks.get(kind=ClockKind.FIRST_CONTACT, rep=colleague)
    assert (clock.met_at, clock.is_late) == (NOW + 55 * MINUTE, True)


@pytest.mark.parametrize(
    ("after", "said"),
    [(14 * MINUTE, ""), (45 * MINUTE, "logged 45 min later"), (3 * DAY + HOUR, "logged 3 days later")],
)
def test_a_contact_logged_late_has_a_remark(after, said):
    assert clocks.late_logging_remark(Attempt(at=NOW, recorded_at=NOW + after)) == said


def test_clocks_overdue_after_an_outage_are_breached_without_a_warning():
    HandoffFactory()

    assert clock_sweeps.sweep_warnings(now=NOW + 3 * DAY) == 0
    assert clock_sweeps.sweep_breaches(now=NOW + 3 * DAY) == 2


def test_the_routing_clock_runs_in_the_hours_of_the_rules_team():
    team = TeamFactory(working=True)
    night, morning = NOW.replace(hour=23), (NOW + DAY).replace(hour=9)

    handoff = HandoffFactory(now=night)

    clock = handoff.clocks.get()
    assert (clock.kind, clock.started_at, clock.due_at) == (ClockKind.ROUTE, night, morning + 5 * MINUTE)
    assert clock.calendar_version.calendar == team.calendar
    assert clock_sweeps.sweep_warnings(now=night + HOUR) == clock_sweeps.sweep_breaches(now=night + HOUR) == 0


def test_a_lead_of_the_night_is_routed_in_time_when_the_team_opens():
    TeamFactory(working=True)
    handoff = HandoffFactory(now=NOW.replace(hour=23))

    routing.route_unrouted(now=(NOW + DAY).replace(hour=9, minute=1))

    clock = handoff.clocks.get(kind=ClockKind.ROUTE)
    assert (clock.used_seconds, clock.is_late) == (60, False)


def test_a_handoff_unrouted_after_opening_is_breached_and_managers_are_notified():
    team = TeamFactory(working=True)
    handoff = HandoffFactory(now=NOW.replace(hour=23))
    assert not Notice.objects.exists()
    team.reps.update(is_away=True)

    assert clock_sweeps.sweep_breaches(now=(NOW + DAY).replace(hour=9, minute=6)) == 1

    assert (handoff.clocks.get().rep, handoff.clocks.get().is_breached) == (None, True)
    told = Notice.objects.order_by("pk").values_list("kind", "to", "text")
    manager, lead = team.managers.first().pk, handoff.lead
    assert list(told) == [
        (NoticeKind.BREACHED, manager, f"Routing is overdue: {lead}"),
        (NoticeKind.UNROUTED, manager, f"Nobody in {team} can take it: {lead}"),
    ]


def test_the_routing_clock_of_a_lead_without_a_rule_runs_at_night():
    team = TeamFactory(working=True)
    team.rules.update(countries=["Chile"])
    handoff = HandoffFactory(now=NOW.replace(hour=23))

    assert clock_sweeps.sweep_breaches(now=NOW.replace(hour=23, minute=6)) == 1

    assert handoff.clocks.get().calendar_version is None
    assert Notice.objects.get(kind=NoticeKind.UNROUTED).text == f"No routing rule matches: {handoff.lead}"
    assert Notice.objects.filter(kind=NoticeKind.BREACHED).exists()


@pytest.mark.parametrize("columns", [{"zone": "Nowhere/Land"}, {"country": "XX"}, {"weekdays": range(0)}])
def test_unreadable_hours_do_not_hold_up_a_lead(columns):
    team = TeamFactory(working=True, calendar=WorkCalendarFactory(**columns))

    handoff = HandoffFactory()

    assert handoff.clocks.get(kind=ClockKind.ROUTE).due_at == NOW + 5 * MINUTE
    assert handoff.is_unrouted
    assert Notice.objects.get(kind=NoticeKind.UNROUTED).to == team.managers.first()


def test_a_rejection_cancels_the_contact_clock_without_meeting_it():
    handoff = HandoffFactory()

    dispositions.reject(handoff=handoff, reason=ReasonCodeFactory(), by=handoff.rep.user, now=NOW + MINUTE)

    clock = first_contact(handoff)
    assert (clock.is_running, clock.met_at, clock.breached_at) == (False, None, None)
    assert read_handoff(handoff).due_at is None


def test_a_clock_keeps_the_calendar_it_started_with():
    handoff = HandoffFactory()
    handoff.team.calendar.hours.all().delete()

    contact(handoff, NOW + 20 * MINUTE)

    assert first_contact(handoff).used_seconds == 20 * 60


def test_sweeping_takes_a_constant_number_of_queries(django_assert_num_queries):
    TeamFactory(working=True, reps=1)
    for _ in range(3):
        HandoffFactory()
    with django_assert_num_queries(15):
        assert clock_sweeps.sweep_breaches(now=NOW + HOUR) == 3
    for _ in range(9):
        HandoffFactory(now=NOW + HOUR)

    with django_assert_num_queries(15):
        assert clock_sweeps.sweep_breaches(now=NOW + 2 * HOUR) == 9
