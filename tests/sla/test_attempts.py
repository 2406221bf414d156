from __future__ import annotations

import pytest
from django.db import ProgrammingError, transaction

from leads.vocabulary import CLOCK_SKEW, Role
from sla import access, attempts
from sla.models import Attempt
from sla.vocabulary import AttemptOutcome, Channel
from tests.sla import situations
from tests.sla.situations import HOUR, MINUTE, NOW

pytestmark = pytest.mark.django_db

SOON = NOW + HOUR


def log(handoff, at=SOON, *, by=None, **said):
    return attempts.log(
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
        with pytest.raises(access.NotYours):
            log(handoff, by=by)


def test_nobody_changes_a_contact():
    log(situations.handoff())

    for change in (lambda: Attempt.objects.update(note="x"), lambda: Attempt.objects.all().delete()):
        with pytest.raises(ProgrammingError, match="pgtrigger"), transaction.atomic():
            change()
