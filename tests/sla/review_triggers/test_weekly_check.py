"""The check of closed weeks, by moving the clock: MQL volume by source and campaign (rules 8.14)."""

from __future__ import annotations

import datetime as dt

import pytest

from definitions.models import Review
from definitions.vocabulary import ReviewKind, ReviewTrigger
from sla.review_triggers import daily_check
from tests.factories import DAY, NOW, EventFactory, LeadFactory, QualificationFactory

pytestmark = pytest.mark.django_db

#: The first minutes after the week of NOW, which began on Monday, 9 March.
MONDAY = dt.datetime(2026, 3, 16, 0, 5, tzinfo=dt.UTC)


def qualify(count: int, *, weeks_ago: int, source: str = "Webinar", campaign: str = "") -> None:
    at = NOW - weeks_ago * 7 * DAY
    for _ in range(count):
        lead = LeadFactory(mql=True, source=source, at=at)
        if campaign:
            EventFactory(lead=lead, occurred_at=at, properties={"campaign": campaign})
        QualificationFactory(lead=lead, at=at)


def spikes() -> dict[str, Review]:
    return {review.cause: review for review in Review.objects.filter(trigger=ReviewTrigger.VOLUME_SPIKE)}


@pytest.mark.parametrize(("count", "opens"), [(12, []), (13, ["source:Webinar"])])
def test_a_week_more_than_two_deviations_above_its_trend_opens_a_spot_review_of_its_source(count, opens):
    # Seven a week: chance alone deviates by the root of seven, so the line lies at 12.3.
    for weeks_ago in range(1, 10):
        qualify(7, weeks_ago=weeks_ago)
    qualify(1, weeks_ago=10, source="Referral")
    qualify(count, weeks_ago=0)

    daily_check.open_due_reviews(now=MONDAY - 6 * DAY)
    assert spikes() == {}
    for days in range(2):
        daily_check.open_due_reviews(now=MONDAY + days * DAY)

    assert list(spikes()) == opens


def test_a_campaign_spikes_beside_its_source_and_says_what_its_volume_is_worth():
    qualify(1, weeks_ago=10)
    qualify(12, weeks_ago=0, campaign="spring")

    daily_check.open_due_reviews(now=MONDAY)

    assert sorted(spikes()) == ["campaign:spring", "source:Webinar"]
    review = spikes()["campaign:spring"]
    assert review.kind == ReviewKind.SPOT
    assert review.title == "12 MQLs of the campaign “spring” in the week from 9 Mar 2026, where the trend says 0"
    assert review.evidence["period"] == "2026-W11"
    assert review.evidence["weeks"][-1] == {"week": "2026-W11", "count": 12}
    quality = {row["quality"]: (row["count"], row["of"]) for row in review.evidence["spike"]}
    # The version has no gate, so everybody passes; nothing is decided yet.
    assert quality["People it brought who pass the gate (ICP), of all it brought in the week"] == (12, 12)
    assert quality["Its MQLs that sales accepted, of those decided so far"] == (0, 0)


def test_the_next_week_adds_its_evidence_to_the_open_review_of_the_same_source():
    qualify(1, weeks_ago=10)
    qualify(12, weeks_ago=0)
    daily_check.open_due_reviews(now=MONDAY)
    qualify(60, weeks_ago=-1)

    daily_check.open_due_reviews(now=MONDAY + 7 * DAY)

    (review,) = spikes().values()
    assert review.further_evidence.get().period == "2026-W12"


def test_two_campaigns_whose_long_names_begin_alike_have_a_review_each():
    names = [f"{'spring-' * 20}{ending}" for ending in ("a", "b")]
    qualify(1, weeks_ago=10)
    for name in names:
        qualify(12, weeks_ago=0, campaign=name)

    daily_check.open_due_reviews(now=MONDAY)

    causes = [cause for cause in spikes() if cause.startswith("campaign:")]
    assert len(set(causes)) == 2
    assert {len(cause) for cause in causes} == {100}
    assert {spikes()[cause].evidence["origin"] for cause in causes} == {f"campaign “{name}”" for name in names}
