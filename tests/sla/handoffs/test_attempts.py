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
from tests.factories import HOUR, MINUTE, NOW, HandoffFactory, RepFactory, UserFactory, read_handoff

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


def test_a_contact_is_stored_with_its_author_and_both_times():
    handoff = HandoffFactory()

    attempt = log(handoff, NOW + MINUTE, note=" Asked for a call ")

    assert (attempt.at, attempt.recorded_at, attempt.by, attempt.note) == (
        NOW + MINUTE,
        SOON,
        handoff.rep.user,
        "Asked for a call",
    )
    assert read_handoff(handoff).first_contact_at == NOW + MINUTE


def test_a_time_slightly_in_the_future_counts_as_now():
    assert log(HandoffFactory(), SOON + CLOCK_SKEW).at == SOON


@pytest.mark.parametrize(
    ("at", "said"), [(SOON + 2 * CLOCK_SKEW, "in the future"), (NOW - MINUTE, "before the lead was handed over")]
)
def test_an_impossible_time_is_refused(at, said):
    with pytest.raises(attempts.AttemptRefused, match=said):
        log(HandoffFactory(), at)


def test_a_contact_in_the_minute_of_the_handover_is_allowed():
    handoff = HandoffFactory(now=NOW.replace(second=40))

    assert log(handoff, NOW).at == NOW


def test_a_closed_handoff_takes_no_contacts():
    with pytest.raises(attempts.AttemptRefused, match="closed"):
        log(HandoffFactory(rejected=True))


def test_only_the_rep_and_the_manager_log_contacts():
    handoff = HandoffFactory()

    log(handoff, by=handoff.team.managers.first())
    for by in (RepFactory(team=handoff.team).user, UserFactory(roles=[Role.SALES_MANAGER])):
        with pytest.raises(permissions.NotYours):
            log(handoff, by=by)


def test_a_stored_contact_cannot_be_changed():
    log(HandoffFactory())

    for change in (lambda: Attempt.objects.update(note="x"), lambda: Attempt.objects.all().delete()):
        with pytest.raises(ProgrammingError, match="pgtrigger"), transaction.atomic():
            change()


def test_a_form_sent_twice_is_one_contact():
    handoff = HandoffFactory()
    first = log(handoff, NOW + MINUTE, note="Voicemail")

    again = [log(handoff, NOW + MINUTE + 5 * SECOND, note=note) for note in ("Voicemail", "")]

    assert [each.pk for each in again] == [first.pk] * 2
    assert Attempt.objects.count() == 1


def test_the_same_contact_with_another_note_is_refused():
    handoff = HandoffFactory()
    log(handoff, NOW + MINUTE, note="Voicemail")

    with (
        pytest.raises(attempts.AttemptRefused, match="logged this contact already, at 11:01"),
        timezone.override(BERLIN),
    ):
        log(handoff, NOW + MINUTE, note="Sent the price list")


def test_a_minute_later_or_another_person_is_another_contact():
    handoff = HandoffFactory()

    log(handoff, NOW + MINUTE)
    log(handoff, NOW + 2 * MINUTE)
    log(handoff, NOW + MINUTE, by=handoff.team.managers.first())

    assert Attempt.objects.count() == 3


@pytest.mark.parametrize(
    ("seconds", "count"),
    [([], 0), ([0, 0, 0, 0, 0, 0], 1), ([0, 59], 1), ([60, 0], 2), ([0, 30, 60, 90, 120], 3), ([0, 45, 90], 2)],
)
def test_attempts_by_one_channel_count_only_if_a_minute_apart(seconds, count):
    assert attempts.count_attempts((Channel.EMAIL, NOW + each * SECOND) for each in seconds) == count


def test_a_voicemail_and_the_mail_right_after_it_are_two_attempts():
    tries = [(Channel.CALL, NOW), (Channel.EMAIL, NOW + 5 * SECOND), (Channel.CALL, NOW + 10 * SECOND)]

    assert attempts.count_attempts(tries) == 2


def test_a_contact_before_the_handover_is_refused():
    handoff = HandoffFactory(now=NOW.replace(hour=8))
    routing.route_unrouted(now=NOW.replace(hour=9))

    with pytest.raises(attempts.AttemptRefused, match="handed over to anybody"):
        log(read_handoff(handoff), NOW.replace(hour=8, minute=30))
