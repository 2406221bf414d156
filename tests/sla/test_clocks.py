from __future__ import annotations

import datetime as dt

import pytest

from sla import attempts, clocks, dispositions
from sla.models import Clock, Notice
from sla.vocabulary import AttemptOutcome, Channel, ClockKind, NoticeKind
from tests.sla import situations
from tests.sla.situations import DAY, HOUR, MINUTE, NOW

pytestmark = pytest.mark.django_db

EVENING = NOW.replace(hour=16, minute=50)


def contact(handoff, at, now=None):
    return attempts.log(
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
    handoff = situations.handoff(tier=tier, now=EVENING + 9 * MINUTE)

    # One minute is left of the day.
    assert first_contact(handoff).due_at == NOW.replace(hour=9) + DAY + (minutes - 1) * MINUTE


def test_the_decision_is_due_after_24_hours_of_working_days():
    handoff = situations.handoff(now=dt.datetime(2026, 3, 13, 16, tzinfo=dt.UTC))

    clock = handoff.clocks.get(kind=ClockKind.DISPOSITION)
    assert clock.due_at == dt.datetime(2026, 3, 16, 16, tzinfo=dt.UTC)


def test_the_targets_are_those_of_the_commitment_at_creation():
    situations.commitment(contact_minutes=60)
    handoff = situations.handoff()

    assert first_contact(handoff).due_at == NOW + HOUR
    assert handoff.commitment.contact_minutes == 60


def test_a_lead_that_becomes_hot_is_to_be_contacted_within_tier_1s_minutes():
    handoff = situations.handoff()

    hurried = clocks.hurry(handoff=handoff, rep=handoff.rep, now=NOW + 10 * MINUTE)

    assert hurried == handoff.clocks.get(kind=ClockKind.FIRST_CONTACT, cancelled_at=None)
    assert situations.fresh(handoff).due_at == hurried.due_at == NOW + 15 * MINUTE
    replaced = handoff.clocks.get(kind=ClockKind.FIRST_CONTACT, cancelled_at=NOW + 10 * MINUTE)
    assert (replaced.breached_at, replaced.is_late) == (None, None)


@pytest.mark.parametrize("minutes", [26, 31])
def test_what_is_due_as_early_or_is_overdue_is_not_hurried(minutes):
    handoff = situations.handoff()

    assert clocks.hurry(handoff=handoff, rep=handoff.rep, now=NOW + minutes * MINUTE) is None

    assert first_contact(handoff).due_at == NOW + 30 * MINUTE


def test_a_lead_that_was_contacted_is_not_hurried():
    handoff = situations.handoff()
    contact(handoff, NOW + MINUTE)

    assert clocks.hurry(handoff=handoff, rep=handoff.rep, now=NOW + 2 * MINUTE) is None


def test_a_contact_in_time_keeps_the_promise_and_the_next_clock_is_due():
    handoff = situations.handoff(now=EVENING)

    contact(handoff, NOW.replace(hour=9, minute=5) + DAY)

    clock = first_contact(handoff)
    assert (clock.used_seconds, clock.is_late, clock.is_breached) == (15 * 60, False, False)
    assert situations.fresh(handoff).due_at == handoff.clocks.get(kind=ClockKind.DISPOSITION).due_at


def test_a_late_contact_breaks_it():
    handoff = situations.handoff()

    contact(handoff, NOW + 31 * MINUTE)

    assert first_contact(handoff).is_late


def test_exactly_on_time_is_in_time():
    handoff = situations.handoff()

    contact(handoff, NOW + 30 * MINUTE)

    assert not first_contact(handoff).is_late


def test_the_first_of_two_contacts_counts_even_when_logged_second():
    handoff = situations.handoff()

    contact(handoff, NOW + 50 * MINUTE)
    contact(handoff, NOW + 10 * MINUTE, now=NOW + HOUR)

    assert (first_contact(handoff).used_seconds, first_contact(handoff).is_late) == (600, False)
    assert situations.fresh(handoff).first_contact_at == NOW + 10 * MINUTE


def test_a_warning_comes_once_with_a_fifth_of_the_time_left():
    handoff = situations.handoff()

    assert clocks.sweep_warnings(now=NOW + 23 * MINUTE) == 0
    assert clocks.sweep_warnings(now=NOW + 24 * MINUTE) == 1
    assert clocks.sweep_warnings(now=NOW + 25 * MINUTE) == 0
    assert Notice.objects.get(kind=NoticeKind.DUE_SOON).to == handoff.rep.user


def test_a_breach_is_marked_once_and_told_to_the_rep_then_the_manager():
    handoff = situations.handoff()
    late = NOW + 31 * MINUTE

    assert clocks.sweep_breaches(now=NOW + 30 * MINUTE) == 0
    assert clocks.sweep_breaches(now=late) == 1
    assert clocks.sweep_breaches(now=late + MINUTE) == 0

    assert first_contact(handoff).breached_at == late
    told = Notice.objects.filter(kind=NoticeKind.BREACHED).order_by("pk")
    assert [notice.to for notice in told] == [handoff.rep.user, situations.manager(handoff.team)]


def test_time_used_up_at_closing_is_not_exceeded_before_the_next_opening():
    handoff = situations.handoff(now=NOW.replace(hour=16, minute=30))
    assert first_contact(handoff).due_at == NOW.replace(hour=17)

    assert clocks.sweep_breaches(now=NOW.replace(hour=23)) == 0
    assert clocks.sweep_breaches(now=NOW.replace(hour=9, minute=1) + DAY) == 1


def test_a_contact_in_time_that_was_logged_late_repairs_the_breach_that_was_seen():
    handoff = situations.handoff()
    clocks.sweep_breaches(now=NOW + HOUR)

    contact(handoff, NOW + 20 * MINUTE, now=NOW + 2 * HOUR)

    assert not first_contact(handoff).is_breached


def test_a_worker_that_slept_for_days_breaches_without_a_warning_too():
    situations.handoff()

    assert clocks.sweep_warnings(now=NOW + 3 * DAY) == 0
    assert clocks.sweep_breaches(now=NOW + 3 * DAY) == 2


def test_an_unrouted_one_breaks_marketings_promise_and_its_managers_hear():
    team = situations.team()
    handoff = situations.handoff(now=NOW.replace(hour=20))

    assert clocks.sweep_breaches(now=NOW.replace(hour=20, minute=6)) == 1

    clock = handoff.clocks.get()
    assert (clock.kind, clock.rep, clock.is_breached) == (ClockKind.ROUTE, None, True)
    assert Notice.objects.get(kind=NoticeKind.BREACHED).to == situations.manager(team)


def test_a_rejection_ends_the_contact_clock_without_calling_it_kept():
    handoff = situations.handoff()

    dispositions.reject(handoff=handoff, reason=situations.reason_code(), by=handoff.rep.user, now=NOW + MINUTE)

    clock = first_contact(handoff)
    assert (clock.is_running, clock.met_at, clock.breached_at) == (False, None, None)
    assert situations.fresh(handoff).due_at is None


def test_a_clock_keeps_the_calendar_it_started_with():
    handoff = situations.handoff()
    handoff.team.calendar.hours.all().delete()

    contact(handoff, NOW + 20 * MINUTE)

    assert first_contact(handoff).used_seconds == 20 * 60


def test_sweeping_costs_the_same_for_any_number(django_assert_num_queries):
    situations.team(reps=1)
    for _ in range(3):
        situations.handoff()
    with django_assert_num_queries(10):
        assert clocks.sweep_breaches(now=NOW + HOUR) == 3
    for _ in range(9):
        situations.handoff(now=NOW + HOUR)

    with django_assert_num_queries(10):
        assert clocks.sweep_breaches(now=NOW + 2 * HOUR) == 9
