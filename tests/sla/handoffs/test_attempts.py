from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pytest
from django.db import ProgrammingError, transaction
from django.utils import timezone

from config.accounts.vocabulary import Role
from leads.vocabulary import CLOCK_SKEW
from sla import permissions
from sla.handoffs import attempts, routing
from sla.models import Attempt
from sla.vocabulary import AttemptOutcome, Channel
from tests.sla import situations
from tests.sla.situations import HOUR, MINUTE, NOW

pytestmark = pytest.mark.django_db

SOON = NOW + HOUR
SECOND = dt.timedelta(seconds=1)
BERLIN = ZoneInfo("Europe/Berlin")


def log(handoff, at=SOON, *, by=None, **said):
    return attempts.log_attempt(
        handoff=handoff,
        channel=Channel.EMAIL,
        outcome=AttemptOutcome.SENT,
        at=at,
        by=by or handoff.rep.user,
        now=SOON,
        **said,
    )


def test_a_contact_is_kept_with_who_and_both_times():
    handoff = situations.handoff()

    made = log(handoff, NOW + MINUTE, note=" Asked for a call ")

    assert (made.at, made.recorded_at, made.by, made.note) == (
        NOW + MINUTE,
        SOON,
        handoff.rep.user,
        "Asked for a call",
    )
    assert situations.fresh(handoff).first_contact_at == NOW + MINUTE


def test_a_clock_that_runs_a_little_ahead_means_now():
    assert log(situations.handoff(), SOON + CLOCK_SKEW).at == SOON


@pytest.mark.parametrize(
    ("at", "said"), [(SOON + 2 * CLOCK_SKEW, "in the future"), (NOW - MINUTE, "before the lead was handed over")]
)
def test_a_time_that_cannot_be_is_refused(at, said):
    with pytest.raises(attempts.AttemptRefused, match=said):
        log(situations.handoff(), at)


def test_the_minute_of_the_handover_is_not_before_it():
    handoff = situations.handoff(now=NOW.replace(second=40))

    assert log(handoff, NOW).at == NOW


def test_a_closed_one_takes_no_more_contacts():
    with pytest.raises(attempts.AttemptRefused, match="closed"):
        log(situations.rejected())


def test_only_the_rep_and_the_manager_log():
    handoff = situations.handoff()

    log(handoff, by=situations.manager(handoff.team))
    for by in (situations.rep(handoff.team).user, situations.user(Role.SALES_MANAGER)):
        with pytest.raises(permissions.NotYours):
            log(handoff, by=by)


def test_nobody_changes_a_contact():
    log(situations.handoff())

    for change in (lambda: Attempt.objects.update(note="x"), lambda: Attempt.objects.all().delete()):
        with pytest.raises(ProgrammingError, match="pgtrigger"), transaction.atomic():
            change()


def test_a_form_sent_twice_is_one_contact():
    handoff = situations.handoff()
    first = log(handoff, NOW + MINUTE, note="Voicemail")

    again = [log(handoff, NOW + MINUTE + 5 * SECOND, note=note) for note in ("Voicemail", "")]

    assert [each.pk for each in again] == [first.pk] * 2
    assert Attempt.objects.count() == 1


def test_the_same_contact_in_other_words_is_refused():
    handoff = situations.handoff()
    log(handoff, NOW + MINUTE, note="Voicemail")

    with (
        pytest.raises(attempts.AttemptRefused, match="logged this contact already, at 11:01"),
        timezone.override(BERLIN),
    ):
        log(handoff, NOW + MINUTE, note="Sent the price list")


def test_a_minute_later_or_another_person_is_another_contact():
    handoff = situations.handoff()

    log(handoff, NOW + MINUTE)
    log(handoff, NOW + 2 * MINUTE)
    log(handoff, NOW + MINUTE, by=situations.manager(handoff.team))

    assert Attempt.objects.count() == 3


@pytest.mark.parametrize(
    ("seconds", "count"),
    [([], 0), ([0, 0, 0, 0, 0, 0], 1), ([0, 59], 1), ([60, 0], 2), ([0, 30, 60, 90, 120], 3), ([0, 45, 90], 2)],
)
def test_of_one_channel_only_moments_a_minute_apart_count_towards_could_not_reach(seconds, count):
    assert attempts.count_attempts((Channel.EMAIL, NOW + each * SECOND) for each in seconds) == count


def test_a_voicemail_and_the_mail_right_after_it_are_two_attempts():
    tries = [(Channel.CALL, NOW), (Channel.EMAIL, NOW + 5 * SECOND), (Channel.CALL, NOW + 10 * SECOND)]

    assert attempts.count_attempts(tries) == 2


def test_nobody_contacts_a_lead_that_nobody_had_yet():
    handoff = situations.handoff(now=NOW.replace(hour=8))
    routing.route_unrouted(now=NOW.replace(hour=9))

    with pytest.raises(attempts.AttemptRefused, match="handed over to anybody"):
        log(situations.fresh(handoff), NOW.replace(hour=8, minute=30))
