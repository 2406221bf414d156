"""Reviews by the calendar, by moving the clock: quarter, joint session, recalibration, stale version (rules 8.9, 8.19 to 8.21)."""

from __future__ import annotations

import datetime as dt

import pytest

from config.accounts.vocabulary import Role
from definitions import reviews
from definitions.models import Review
from definitions.presenters import review_evidence
from definitions.review_record import participants
from definitions.vocabulary import ReviewTrigger
from sla.models import QuarterCoverage
from sla.review_triggers import daily_check
from tests.factories import DAY, HOUR, QualificationFactory, UserFactory, VersionFactory

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
