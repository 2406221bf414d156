"""Reviews by the calendar, by moving the clock: quarter, joint session, recalibration, stale version (rules 8.9, 8.19 to 8.21)."""

from __future__ import annotations

import datetime as dt

import pytest
from django.urls import reverse

from config.accounts.vocabulary import Role
from definitions import reviews
from definitions.models import Backtest, Review
from definitions.presenters import review_evidence
from definitions.review_record import participants
from definitions.vocabulary import ReviewSeat, ReviewTrigger
from leads.models import Outcome
from leads.vocabulary import OutcomeKind
from sla.handoffs import dispositions
from sla.models import QuarterCoverage
from sla.review_triggers import daily_check
from tests.factories import (
    DAY,
    HOUR,
    NOW,
    CommitmentFactory,
    HandoffFactory,
    QualificationFactory,
    ReasonCodeFactory,
    UserFactory,
    VersionFactory,
)

pytestmark = pytest.mark.django_db

ADOPTED = dt.datetime(2026, 1, 15, 9, 0, tzinfo=dt.UTC)
A_QUARTER_LATER = dt.datetime(2026, 4, 15, 9, 0, tzinfo=dt.UTC)
HALF_A_YEAR_LATER = dt.datetime(2026, 7, 15, 9, 0, tzinfo=dt.UTC)


def triggers() -> list[str]:
    return sorted(Review.objects.values_list("trigger", flat=True))


def decide(review: Review, now: dt.datetime) -> None:
    leader = UserFactory(roles=[Role.SALES_LEADER])
    for seat in participants.list_missing_seats(review, participants.list_present(review)):
        person = UserFactory(roles=[participants.ROLE_OF_SEAT[seat]])
        participants.add_participant(review=review, person=person, seat=seat, by=leader, now=now)
    reviews.decide_review(review=review, decision="Keep", reasoning="It holds.", by=leader, now=now)


def test_a_quarter_after_the_last_review_a_light_one_opens_with_the_coverage_of_the_quarter():
    version = VersionFactory(active=True, moved_at=ADOPTED)
    QualificationFactory(at=ADOPTED + DAY)

    daily_check.open_due_reviews(now=A_QUARTER_LATER - HOUR)
    assert triggers() == []
    for days in range(2):
        daily_check.open_due_reviews(now=A_QUARTER_LATER + days * DAY)

    review = Review.objects.get()
    assert review.trigger == ReviewTrigger.QUARTER
    assert review.evidence["period"] == "2026-04-15"
    assert [row["period"] for row in review.evidence["rates"]] == ["2026-Q1"] * 5
    assert review.evidence["off_target"] == "Too few decisions to say."
    assert review.evidence["coverage"][0]["quarter"] == QuarterCoverage.objects.get().quarter == "2026-Q1"
    assert review.version == version
    titles = [table.title for table in review_evidence.build_tables(review.evidence).tables]
    assert titles[:4] == ["Rates", "Conversion by source", "Conversion by score band", "Coverage of the quarters’ wins"]

    decide(review, A_QUARTER_LATER + 10 * DAY)
    daily_check.open_due_reviews(now=dt.datetime(2026, 7, 14, 9, 0, tzinfo=dt.UTC))
    assert Review.objects.count() == 1


def test_after_six_months_a_joint_session_with_two_quarters_and_a_stale_version_after_that_without_a_deep_review():
    VersionFactory(active=True, moved_at=ADOPTED)

    daily_check.open_due_reviews(now=HALF_A_YEAR_LATER)

    # It answers what the quarterly check and the missing deep review would ask for.
    assert triggers() == ["joint_6m"]
    joint = Review.objects.get(trigger=ReviewTrigger.JOINT)
    assert {row["period"] for row in joint.evidence["rates"]} == {"2026-Q1", "2026-Q2"}
    for review in Review.objects.all():
        decide(review, HALF_A_YEAR_LATER + DAY)
    daily_check.open_due_reviews(now=HALF_A_YEAR_LATER + 60 * DAY)
    assert Review.objects.undecided().count() == 0


def test_a_year_after_the_adoption_the_recalibration_and_after_18_months_the_old_version():
    VersionFactory(active=True, moved_at=ADOPTED)
    year = dt.datetime(2027, 1, 15, 9, 0, tzinfo=dt.UTC)

    daily_check.open_due_reviews(now=year - HOUR)
    assert "annual" not in triggers()
    daily_check.open_due_reviews(now=year)
    assert triggers().count("annual") == 1
    for review in Review.objects.undecided():
        decide(review, year + DAY)
    old = dt.datetime(2027, 7, 15, 9, 0, tzinfo=dt.UTC)
    daily_check.open_due_reviews(now=old - HOUR)
    before = triggers().count("stale")
    daily_check.open_due_reviews(now=old)

    assert triggers().count("stale") == before + 1
    assert "has been in force for 18 months" in Review.objects.filter(trigger=ReviewTrigger.STALE).latest("pk").title


def test_a_joint_session_reads_the_last_wins_as_they_were_at_their_mql_and_the_last_rejections(client):
    version = VersionFactory(active=True, moved_at=ADOPTED)
    CommitmentFactory(active=True, unworked_at_most=0)
    contributions = [{"signal": "pricing_view", "count": 2, "contributes": 40.0}, {"signal": "blog_read", "count": 0}]
    evidence = {"contributions": contributions, "paths": [{"name": "Looked at prices", "held": True}]}
    bought, again, rejected = (HandoffFactory(now=NOW, **columns) for columns in ({"evidence": evidence}, {}, {}))
    dispositions.reject(
        handoff=rejected, reason=ReasonCodeFactory(), missing="Budget", by=rejected.rep.user, now=NOW + HOUR
    )
    for handoff, days in ((bought, 20), (again, 10), (rejected, -1)):
        won_at = NOW + days * DAY
        Outcome.objects.create(lead=handoff.lead, kind=OutcomeKind.WON, at=won_at, recorded_at=won_at, source="crm")

    daily_check.open_due_reviews(now=HALF_A_YEAR_LATER)

    review = Review.objects.get(trigger=ReviewTrigger.JOINT)
    first, second = review.evidence["wins"]
    assert (first["handoff"], second["handoff"]) == (bought.pk, again.pk)
    assert {key: first[key] for key in ("fit", "engagement", "way", "signals")} == {
        "fit": bought.qualification.fit,
        "engagement": bought.qualification.engagement,
        "way": "Looked at prices",
        "signals": "Pricing view +40",
    }
    (row,) = review.evidence["rejected_handoffs"]
    assert (row["handoff"], row["missing"]) == (rejected.pk, "Budget")
    assert {"label", "detail", "note"} <= row.keys()
    # Names are for those who may list leads.
    participants.add_participant(
        review=review, person=(guest := UserFactory(roles=[])), seat=ReviewSeat.GUEST, by=UserFactory(roles=[Role.SALES_LEADER]),
        now=HALF_A_YEAR_LATER,
    )  # fmt: skip
    for reader, is_named in ((UserFactory(roles=[Role.SALES_LEADER]), True), (guest, False)):
        client.force_login(reader)
        page = client.get(reverse("review", args=[review.pk])).content.decode()
        assert (reverse("handoff", args=[bought.pk]) in page) is is_named
        assert (str(bought.lead) in page) is is_named
    assert version.pk == review.version_id


def test_the_recalibration_comes_with_a_backtest_of_twelve_months():
    VersionFactory(active=True, moved_at=ADOPTED)
    year = dt.datetime(2027, 1, 15, 9, 0, tzinfo=dt.UTC)

    daily_check.open_due_reviews(now=year)

    review = Review.objects.get(trigger=ReviewTrigger.ANNUAL)
    backtest = Backtest.objects.get(pk=review.evidence["backtest"])
    assert (backtest.start, backtest.end) == (ADOPTED, year)


@pytest.mark.parametrize(
    ("trigger", "quarters", "has_wins"),
    [(ReviewTrigger.QUARTER, 1, False), (ReviewTrigger.JOINT, 2, True), (ReviewTrigger.ANNUAL, 4, False)],
)
def test_a_review_that_is_opened_by_hand_has_the_rates_of_its_kind(trigger, quarters, has_wins):
    version = VersionFactory(active=True, moved_at=ADOPTED)

    review = reviews.open_by_hand(
        definition=version.definition, trigger=trigger, title="A look", about="", by=UserFactory(roles=[Role.SALES_LEADER]),
        now=HALF_A_YEAR_LATER,
    )  # fmt: skip

    assert len({row["period"] for row in review.evidence["rates"]}) == quarters
    assert ("wins" in review.evidence) is has_wins
    assert review.evidence["active_version"] == version.number
