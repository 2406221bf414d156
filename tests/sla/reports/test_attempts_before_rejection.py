"""Tried as promised: the SQL of the report beside the tally that refuses a rejection (rules 7.6, 12.69)."""

from __future__ import annotations

import datetime as dt
import random

import pytest

from config.accounts.vocabulary import Role
from leads.vocabulary import Motion
from sla.handoffs import attempts, dispositions
from sla.models import AccountPlay, Attempt, Handoff, PlayAttempt, ReasonCode, SpecialDay
from sla.plays import play_work
from sla.reported_mqls import current_rows
from sla.reports import attempts_before_rejection
from sla.vocabulary import AttemptOutcome, Channel
from tests.account_plays import start_play
from tests.factories import DAY, HOUR, NOW, CommitmentFactory, HandoffFactory, ReasonCodeFactory, UserFactory
from tests.sla.reports.report_reading import cards_of, read_api

pytestmark = pytest.mark.django_db

LATER = NOW + 12 * DAY
PERIOD = {"start": NOW - DAY, "end": LATER, "now": LATER}
CHANNELS = (Channel.CALL, Channel.EMAIL)


def give_up(*rows: tuple[Channel, dt.timedelta]) -> Handoff:
    """Return a handoff rejected after nine days, with attempts so long before the rejection; its reason asked for none then."""
    handoff, rejected_at = HandoffFactory(), NOW + 9 * DAY
    Attempt.objects.bulk_create(
        Attempt(
            handoff=handoff, at=rejected_at - before, recorded_at=rejected_at, by=handoff.rep.user, channel=channel,
            outcome=AttemptOutcome.SENT,
        )
        for channel, before in rows
    )  # fmt: skip
    dispositions.reject(handoff=handoff, reason=ReasonCodeFactory(), by=handoff.rep.user, now=rejected_at)
    return handoff


@pytest.fixture(autouse=True)
def promise():
    CommitmentFactory(active=True, attempts_before_unresponsive=3, attempts_working_days=2, attempts_channels=2)


def require_attempts() -> None:
    ReasonCode.objects.update(needs_attempts=True)


def test_three_rows_of_one_minute_are_not_three_attempts():
    give_up(*[(Channel.CALL, number * dt.timedelta(seconds=1)) for number in range(3)])
    give_up((Channel.CALL, HOUR), (Channel.CALL, DAY), (Channel.EMAIL, DAY))
    require_attempts()

    card = cards_of(read_api(UserFactory(roles=[Role.SALES_LEADER]), "sla", at=LATER))["tried_as_promised"]

    assert (card["count"], card["of"]) == (1, 2)


def test_sql_tallies_as_the_check_of_a_rejection_does():
    draw = random.Random(12)
    seconds = (10, 45, 59, 60, 61, 90, 119, 120, 3600, 86_400, 2 * 86_400, 5 * 86_400, 6 * 86_400)
    for _ in range(25):
        number = draw.randint(0, 7)
        handoff = give_up(*[(draw.choice(CHANNELS), dt.timedelta(seconds=draw.choice(seconds))) for _ in range(number)])
    SpecialDay.objects.create(
        calendar=handoff.team.calendar, date=(NOW + 8 * DAY).date(), label="The company's own day"
    )
    require_attempts()

    sample = attempts_before_rejection.read_sample(current_rows.read_mqls(), motion=Motion.MQL, **PERIOD)

    handoffs = Handoff.objects.select_related("rep__team__calendar", "rep__calendar", "commitment")
    enough = [attempts.read_tally(handoff, LATER).is_enough for handoff in handoffs]
    assert (sample.hits, sample.total) == (sum(enough), 25)
    assert 0 < sum(enough) < 25


def test_attempts_of_a_play_count_by_contact():
    CommitmentFactory(active=True, motion=Motion.AQL, attempts_before_unresponsive=3, attempts_working_days=1)
    play = start_play()
    first, second, *_ = play.contacts.all()
    rows = [(first, 0), (first, 10), (second, 0), (second, 10)]
    for contact, after in rows:
        at = play.routed_at + dt.timedelta(seconds=after)
        PlayAttempt.objects.create(
            play=play, contact=contact, at=at, recorded_at=at, by=play.rep.user, channel=Channel.CALL,
            outcome=AttemptOutcome.NO_ANSWER,
        )  # fmt: skip
    play_work.reject(play=play, reason=ReasonCodeFactory(), by=play.rep.user, now=play.routed_at + HOUR)
    require_attempts()

    sample = attempts_before_rejection.read_sample(AccountPlay.objects.all(), motion=Motion.AQL, **PERIOD)

    assert (sample.hits, sample.total) == (0, 1)
    assert play_work.read_tally(play, LATER).count == 2
