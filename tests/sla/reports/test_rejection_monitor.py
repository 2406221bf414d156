from __future__ import annotations

import datetime as dt

import pytest

from config.accounts.vocabulary import Role
from definitions import reviews
from definitions.models import Review, ReviewEvidence
from definitions.presenters import review_evidence
from definitions.vocabulary import ReviewKind, ReviewTrigger
from leads.vocabulary import Motion
from sla.handoffs import dispositions
from sla.models import Commitment, Disposition, Handoff
from sla.plays import play_work
from sla.reports import rejection_monitor
from sla.vocabulary import DispositionKind, Family, Route
from tests.account_plays import activate_accounts, start_play
from tests.factories import (
    DAY,
    HOUR,
    MINUTE,
    NOW,
    CommitmentFactory,
    CompanyFactory,
    HandoffFactory,
    ReasonCodeFactory,
    TeamFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db

FEBRUARY = NOW - 28 * DAY
SOON = NOW + HOUR


def decided(*, accepted: int, rejected: int, at: dt.datetime = NOW, reason=None) -> list[Handoff]:
    if not Commitment.objects.exists():
        # Many are accepted here, and nobody calls.
        CommitmentFactory(active=True, unworked_at_most=0)
    handoffs = [HandoffFactory(accepted=True, now=at) for _ in range(accepted)]
    return handoffs + [HandoffFactory(rejected=True, now=at, decision__reason=reason) for _ in range(rejected)]


def triggers() -> list[str]:
    return list(Review.objects.order_by("pk").values_list("trigger", flat=True))


def test_above_35_percent_a_full_review_opens_with_its_evidence():
    fit = ReasonCodeFactory(code="too_small", family=Family.FIT, route=Route.DISQUALIFY, label="Too small")
    decided(accepted=13, rejected=6, reason=fit)
    decided(accepted=0, rejected=2)

    assert rejection_monitor.open_rejection_reviews(now=SOON) == 1

    review = Review.objects.get()
    assert (review.trigger, review.kind) == (ReviewTrigger.REJECTION_SPIKE, ReviewKind.FULL)
    assert review.title == "38.1 % of 21 decided MQLs rejected in March 2026"
    assert "75 % of the rejections are Fit: tighten the firmographic filters." in review.proposal
    evidence = review.evidence
    assert (evidence["decided"], evidence["rejected"], evidence["period"]) == (21, 8, "2026-03")
    assert [(row["code"], row["count"]) for row in evidence["reasons"]] == [
        ("too_small", 6),
        ("not_interested", 2),
    ]
    assert len(evidence["rejected_handoffs"]) == 8
    assert evidence["rejected_handoffs"][0]["handoff"] == Handoff.objects.order_by("-pk")[0].pk
    assert {figure["kind"] for figure in evidence["promises"]} == {"route", "first_contact", "disposition"}


@pytest.mark.parametrize(
    ("accepted", "rejected", "opens"),
    [
        (13, 7, []),  # Exactly 35 %.
        (12, 8, ["rejection_spike"]),
        (11, 8, []),  # One short of the smallest sample.
        (18, 2, []),  # Exactly 10 %.
        (19, 1, ["rejection_low"]),
        (20, 0, ["rejection_low"]),
    ],
)
def test_the_limits_are_strict_and_need_twenty_decisions(accepted, rejected, opens):
    decided(accepted=accepted, rejected=rejected)

    rejection_monitor.open_rejection_reviews(now=SOON)

    assert triggers() == opens


def test_it_opens_once_however_often_it_is_watched_and_not_again_after_the_decision():
    decided(accepted=10, rejected=10)
    for hours in range(3):
        rejection_monitor.open_rejection_reviews(now=SOON + hours * HOUR)
    review = Review.objects.get()
    leader = UserFactory(roles=[Role.SALES_LEADER])
    reviews.decide_review(review=review, decision="Keep", reasoning="A bad list.", by=leader, now=SOON + DAY)

    assert rejection_monitor.open_rejection_reviews(now=SOON + 2 * DAY) == 0
    assert Review.objects.count() == 1


def test_the_second_month_running_is_escalated_and_the_open_review_gets_its_evidence():
    decided(accepted=10, rejected=10, at=FEBRUARY)
    assert rejection_monitor.open_rejection_reviews(now=FEBRUARY + DAY) == 1
    decided(accepted=10, rejected=11)

    rejection_monitor.open_rejection_reviews(now=SOON)

    assert triggers() == ["rejection_spike", "rejection_sustained_2m"]
    assert "for both leaders" in Review.objects.latest("pk").title
    assert ReviewEvidence.objects.get().period == "2026-03"


def test_rejected_account_plays_open_a_review_of_their_definition():
    version, reason = activate_accounts(), ReasonCodeFactory(code="too_small", family=Family.FIT, label="Too small")
    TeamFactory(working=True)
    # Handoffs of another motion count for no definition of companies.
    decided(accepted=20, rejected=0)
    CommitmentFactory(active=True, motion=Motion.AQL, unworked_at_most=0)
    for number in range(20):
        play = start_play(company=CompanyFactory(domain=f"c{number}.example", country="DE"))
        play_work.reject(play=play, reason=reason, by=play.rep.user, now=NOW + MINUTE)

    rejection_monitor.open_rejection_reviews(now=SOON)

    review = Review.objects.get(definition=version.definition)
    assert review.trigger == ReviewTrigger.REJECTION_SPIKE
    assert review.title == "100 % of 20 decided AQLs rejected in March 2026"
    assert [(row["label"], row["count"]) for row in review.evidence["reasons"]] == [("Too small", 20)]
    assert review.evidence["promises"][0]["kept"] == 20
    rejected = review.evidence["rejected_plays"][0]
    assert (rejected["play"], rejected["contacted_before"]) == (play.pk, False)
    tables = {table.title: table for table in review_evidence.build_tables(review.evidence).tables}
    assert tables["Rejected account plays, the latest first"].rows[0].play == play.pk


def test_the_month_before_is_still_watched():
    decided(accepted=10, rejected=10, at=FEBRUARY)

    rejection_monitor.open_rejection_reviews(now=NOW)

    assert Review.objects.get().evidence["period"] == "2026-02"


def test_months_are_the_companys(settings):
    settings.COMPANY_TIME_ZONE = "Asia/Tokyo"

    month = rejection_monitor.RejectionMonth.containing(dt.datetime(2026, 2, 28, 15, 0, tzinfo=dt.UTC))

    assert (month.name, month.start, month.end) == (
        "2026-03",
        dt.datetime(2026, 2, 28, 15, 0, tzinfo=dt.UTC),
        dt.datetime(2026, 3, 31, 15, 0, tzinfo=dt.UTC),
    )
    assert (
        rejection_monitor.RejectionMonth.containing(dt.datetime(2026, 1, 5, tzinfo=dt.UTC), months_back=2).name
        == "2025-11"
    )


def test_a_correction_counts_instead_of_what_it_corrects_in_the_month_of_the_decision():
    for handoff in decided(accepted=12, rejected=8)[-1:]:
        dispositions.correct(
            handoff=handoff, kind=DispositionKind.ACCEPT, by=handoff.rep.user, now=NOW + 30 * DAY + MINUTE
        )

    rejection_monitor.open_rejection_reviews(now=NOW + 30 * DAY + HOUR)

    assert triggers() == []
    assert Disposition.objects.count() == 21
