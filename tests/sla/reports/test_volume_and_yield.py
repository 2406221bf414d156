from __future__ import annotations

import datetime as dt

import pytest

from leads.models import Outcome
from leads.vocabulary import Motion, OutcomeKind
from scoring.backtests.intervals_and_tests import Sample
from sla.handoffs import attempts, dispositions, sales_stages
from sla.models import Commitment, Handoff
from sla.reports import opportunity_target, volume_and_yield
from sla.vocabulary import AttemptOutcome, Channel, CommitmentState
from tests.factories import (
    DAY,
    HOUR,
    MINUTE,
    NOW,
    CommitmentFactory,
    EventFactory,
    HandoffFactory,
    QualificationFactory,
    read_handoff,
)
from tests.sla.reports.mql_sql import add_outcome

pytestmark = pytest.mark.django_db


def did(handoff: Handoff, **columns: object) -> None:
    columns = {"occurred_at": NOW - DAY, "recorded_at": NOW} | columns
    EventFactory(lead=handoff.lead, signal__code="asset_download", **columns)


def test_a_months_mqls_stand_against_the_number_that_was_agreed():
    CommitmentFactory(active=True, mqls_a_month=4)
    complete, without_source, seen_nothing = (
        HandoffFactory(lead__source=source) for source in ("Webinar", "", "Webinar")
    )
    did(complete, asset="ROI guide")
    did(without_source, asset="ROI guide")
    did(seen_nothing)
    HandoffFactory(motion=Motion.PQL)

    march, february, _ = volume_and_yield.read_delivered_months(motion=Motion.MQL, now=NOW + DAY)

    assert (march.month.name, march.is_running) == ("2026-03", True)
    assert (march.count, march.agreed) == (3, 4)
    assert march.complete == 1
    assert (february.count, february.complete) == (0, 0)


def test_a_newer_agreement_does_not_rewrite_what_was_owed_before():
    former = CommitmentFactory(active=True, mqls_a_month=4)
    Commitment.objects.filter(pk=former.pk).update(state=CommitmentState.RETIRED, retired_at=NOW)
    CommitmentFactory(active=True, mqls_a_month=9, activated_at=NOW)

    assert [
        month.agreed for month in volume_and_yield.read_delivered_months(motion=Motion.MQL, now=NOW + DAY, count=6)
    ] == [
        9,
        4,
        4,
        4,
        4,
        None,
    ]


def test_a_month_ends_at_midnight_of_the_company(settings):
    settings.COMPANY_TIME_ZONE = "America/New_York"
    begin = dt.datetime(2026, 4, 1, 4, tzinfo=dt.UTC)
    QualificationFactory(at=begin - dt.timedelta(microseconds=1))
    QualificationFactory(at=begin)

    april, march, _ = volume_and_yield.read_delivered_months(motion=Motion.MQL, now=begin + DAY)

    assert (april.count, march.count) == (1, 1)


def test_a_reps_mqls_are_followed_to_the_meeting_and_the_opportunity():
    unseen, met = HandoffFactory(accepted=True), HandoffFactory()
    rep = met.rep.user
    attempts.log_attempt(
        handoff=met, channel=Channel.CALL, outcome=AttemptOutcome.CONNECTED, at=NOW + MINUTE, by=rep, now=NOW + MINUTE
    )
    dispositions.accept(handoff=met, by=rep, now=NOW + 2 * MINUTE)
    sales_stages.book_meeting(handoff=met, at=NOW + DAY, by=rep, now=NOW + HOUR)
    answers = {"problem": "Slow", "budget": "Yes", "authority": "CTO", "timeline": "Now"}
    sales_stages.qualify(handoff=read_handoff(met), **answers, by=rep, now=NOW + 2 * DAY)
    sales_stages.open_opportunity(handoff=read_handoff(met), amount=1000, by=rep, now=NOW + 2 * DAY)

    HandoffFactory(accepted=True)
    Outcome.objects.create(
        lead=unseen.lead, kind=OutcomeKind.OPPORTUNITY, at=NOW + DAY, recorded_at=NOW + DAY, source="crm"
    )

    (row,) = volume_and_yield.read_yields(Handoff.objects.all(), motion=Motion.MQL, start=NOW, end=NOW + HOUR)

    assert (row.name, row.assigned, row.meetings, row.opened_after_meeting) == (str(unseen.rep), 3, 1, 1)
    assert volume_and_yield.read_yields(Handoff.objects.all(), motion=Motion.MQL, start=NOW + HOUR, end=NOW + DAY) == []


def test_a_month_has_its_opportunities_of_sixty_days_beside_the_target():
    former = CommitmentFactory(active=True, opportunity_percent=None, activated_at=NOW - 300 * DAY)
    Commitment.objects.filter(pk=former.pk).update(state=CommitmentState.RETIRED, retired_at=NOW - 100 * DAY)
    CommitmentFactory(active=True, opportunity_percent=15)
    for days in (60, 61):
        qualification = QualificationFactory(at=NOW - 100 * DAY)
        add_outcome(qualification.lead, at=qualification.at + days * DAY)
    QualificationFactory(at=NOW - 100 * DAY, motion=Motion.PQL)
    QualificationFactory(at=NOW)

    months = volume_and_yield.read_delivered_months(motion=Motion.MQL, now=NOW + DAY, count=6)

    by_name = {month.month.name: month for month in months}
    old, running = by_name[f"{NOW - 100 * DAY:%Y-%m}"], months[0]
    assert (old.yield_sample, old.target, old.is_maturing) == (Sample(1, 2), 0.15, False)
    assert (running.yield_sample, running.is_maturing) == (Sample(0, 1), True)
    assert months[-1].target is None


@pytest.mark.parametrize(
    ("hits", "target", "remark", "tone"),
    [
        (2, 0.15, "clearly below the target", "bad"),
        (40, 0.15, "clearly above the target", "good"),
        (15, 0.15, "no clear difference from the target", ""),
        (2, None, "MQL→opportunity: no target agreed", ""),
    ],
)
def test_a_rate_is_judged_by_the_interval_against_the_target(hits, target, remark, tone):
    judgement = opportunity_target.judge(Sample(hits, 100), target, Motion.MQL)

    assert (judgement.remark, judgement.tone) == (remark, tone)


def test_a_few_leads_say_nothing_against_the_target():
    assert opportunity_target.judge(Sample(0, 19), 0.9, Motion.MQL).remark == "too few to compare with the target"
