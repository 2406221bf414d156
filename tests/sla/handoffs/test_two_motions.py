"""One person in two motions at once: each has its own handoff, commitments, clocks, figures and sentences (rules 2.7)."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.http import QueryDict

from leads.intake import outcomes
from leads.vocabulary import Motion
from sla.clocks import clock_sweeps
from sla.handoffs import attempts, creation, dispositions, sales_stages
from sla.models import Handoff, Notice
from sla.queue import queue, saved_filters
from sla.reports import compliance, pipeline_overview, volume_and_yield
from sla.vocabulary import AttemptOutcome, Channel, ClockKind
from tests.factories import (
    DAY,
    HOUR,
    MINUTE,
    NOW,
    CommitmentFactory,
    DefinitionFactory,
    HandoffFactory,
    LeadFactory,
    QualificationFactory,
    UserFactory,
    VersionFactory,
)

pytestmark = pytest.mark.django_db

ANSWERS = {"problem": "Stock", "budget": "10k", "authority": "Head", "timeline": "Q2"}


@pytest.fixture
def mql() -> Handoff:
    return HandoffFactory()


@pytest.fixture
def pql(mql: Handoff) -> Handoff:
    """Return the handoff of the same person as a PQL, whose first contact has two hours."""
    CommitmentFactory(active=True, motion=Motion.PQL, contact_minutes=120)
    version = VersionFactory(active=True, definition=DefinitionFactory(motion=Motion.PQL))
    return HandoffFactory(lead=mql.lead, version=version, motion=Motion.PQL)


def win(handoff: Handoff, amount: int) -> None:
    user, now = handoff.rep.user, handoff.created_at + 2 * MINUTE
    dispositions.accept(handoff=handoff, by=user, now=now)
    attempts.log_attempt(
        handoff=handoff, by=user, now=now, at=now, channel=Channel.CALL, outcome=AttemptOutcome.CONNECTED
    )
    sales_stages.qualify(handoff=handoff, by=user, now=now, **ANSWERS)
    sales_stages.open_opportunity(handoff=handoff, amount=Decimal(amount), by=user, now=now)
    sales_stages.win(handoff=handoff, amount=Decimal(amount), by=user, now=now)


def due_minutes(handoff: Handoff) -> float:
    clock = handoff.clocks.get(kind=ClockKind.FIRST_CONTACT)
    return (clock.due_at - clock.started_at) / MINUTE


def test_each_handoff_has_the_clocks_of_its_motion(mql: Handoff, pql: Handoff) -> None:
    assert (due_minutes(mql), due_minutes(pql)) == (30, 120)
    assert (mql.commitment.motion, pql.commitment.motion) == (Motion.MQL, Motion.PQL)


def test_pqls_wait_for_their_own_commitments(mql: Handoff) -> None:
    waiting = QualificationFactory(motion=Motion.PQL)
    handed = QualificationFactory()

    assert creation.hand_off_waiting(now=NOW + MINUTE) == 1

    assert Handoff.objects.filter(qualification=handed).exists()
    assert not Handoff.objects.filter(qualification=waiting).exists()


def test_promises_and_yields_are_of_one_motion(mql: Handoff, pql: Handoff) -> None:
    dispositions.accept(handoff=pql, by=pql.rep.user, now=NOW + MINUTE)
    period = {"start": NOW - HOUR, "end": NOW + DAY}
    handoffs = Handoff.objects.all()

    kept = {
        motion: sum(
            figure.kept for figure in compliance.read_figures(motion=motion, **period) if figure.kind != "route"
        )
        for motion in (Motion.MQL, Motion.PQL)
    }
    (mql_row,) = volume_and_yield.read_yields(handoffs, motion=Motion.MQL, **period)
    months = volume_and_yield.read_delivered_months(motion=Motion.PQL, now=NOW + DAY)

    assert kept == {Motion.MQL: 0, Motion.PQL: 1}
    assert (mql_row.assigned, mql_row.meetings) == (1, 0)
    assert (months[0].count, months[0].agreed) == (1, 60)


def test_a_deal_of_one_motion_is_not_pipeline_of_the_other(mql: Handoff, pql: Handoff) -> None:
    Handoff.objects.update(meeting_at=NOW + HOUR)
    win(pql, 5000)
    now = NOW + DAY

    figures = {motion: pipeline_overview.build_overview(motion=motion, now=now) for motion in (Motion.MQL, Motion.PQL)}
    yields = {
        motion: volume_and_yield.read_yields(Handoff.objects.all(), motion=motion, start=NOW, end=now)[
            0
        ].opened_after_meeting
        for motion in (Motion.MQL, Motion.PQL)
    }

    assert {motion: dict(row.won.amounts) for motion, row in figures.items()} == {
        Motion.MQL: {},
        Motion.PQL: {"EUR": Decimal(5000)},
    }
    assert yields == {Motion.MQL: 0, Motion.PQL: 1}


def test_a_deal_of_the_crm_counts_in_the_motion_that_it_concerns(mql: Handoff, pql: Handoff) -> None:
    dispositions.accept(handoff=pql, by=pql.rep.user, now=NOW + MINUTE)
    deal = {"lead": mql.lead_id, "kind": "won", "at": NOW + HOUR, "id": "1", "amount": 900}
    outcomes.record(items=[deal], source="crm", now=NOW + DAY)

    counts = {
        motion: pipeline_overview.build_overview(motion=motion, now=NOW + DAY).won.count
        for motion in (Motion.MQL, Motion.PQL)
    }
    assert counts == {Motion.MQL: 0, Motion.PQL: 1}


def test_notices_name_the_motion(mql: Handoff, pql: Handoff) -> None:
    clock_sweeps.sweep_breaches(now=NOW + 2 * DAY)

    texts = set(Notice.objects.filter(handoff=pql).values_list("text", flat=True))
    assert f"New tier 2 PQL: {pql.lead}" in texts
    assert f"First contact is overdue: {pql.lead} (PQL) ({pql.rep})" in texts


def test_the_queue_shows_both_and_filters_one(mql: Handoff, pql: Handoff) -> None:
    work = queue.for_user(UserFactory(is_superuser=True))

    rows = [row for group in queue.build_queue(work, now=NOW).groups for row in group.rows]

    assert {row.motion for row in rows} == {Motion.MQL, Motion.PQL}
    assert saved_filters.canonical_query(QueryDict("motion=pql&x=1&tier=2")) == "tier=2&motion=pql"
    with pytest.raises(saved_filters.FilterRefused, match="must be one of mql, pql, aql"):
        saved_filters.save(name="Mine", query="motion=xql", by=mql.rep.user)


def test_tier_3_is_nurtured_by_the_commitments_of_its_motion() -> None:
    CommitmentFactory(active=True, tier_3_nurture_days=14)
    CommitmentFactory(active=True, motion=Motion.PQL, tier_3_nurture_days=3)
    held = [
        QualificationFactory(lead=LeadFactory(mql=True), motion=motion, tier=3) for motion in (Motion.MQL, Motion.PQL)
    ]

    waiting = [creation.mqls_to_hand_off(NOW + days * DAY).count() for days in (2, 4, 15)]

    assert waiting == [0, 1, 2]
    assert {row.motion for row in creation.mqls_to_hand_off(NOW + 4 * DAY)} == {Motion.PQL}
    assert len(held) == 2
