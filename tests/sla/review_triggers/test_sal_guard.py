"""The guard of an activation, by moving the clock: 90 days, the version's own handoffs, the version before (rules 8.12)."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
from django.urls import reverse

from config.accounts.vocabulary import Role
from definitions.models import Backtest, Review, Version
from definitions.vocabulary import ReviewTrigger
from sla.models import Commitment
from sla.review_triggers import daily_check
from sla.review_triggers.review_drafts import offer_revert
from tests.definitions.review_record.opened_reviews import open_review
from tests.factories import DAY, NOW, CommitmentFactory, HandoffFactory, UserFactory, VersionFactory

pytestmark = pytest.mark.django_db

ACTIVATED = NOW - 30 * DAY
END = ACTIVATED + 90 * DAY


@pytest.mark.parametrize(("accepted", "opens"), [(14, 0), (13, 1)])
def test_ninety_days_below_the_target_offer_the_version_before_exactly_once(accepted, opens, client):
    before = VersionFactory(active=True, moved_at=NOW - 200 * DAY, fit_ceiling=50)
    Version.objects.filter(pk=before.pk).update(state="retired", retired_at=ACTIVATED)
    VersionFactory(active=True, definition=before.definition, minor=1, moved_at=ACTIVATED)
    if not Commitment.objects.exists():
        CommitmentFactory(active=True, unworked_at_most=0)
    for number in range(20):
        HandoffFactory(now=NOW, **{"accepted" if number < accepted else "rejected": True})
    guards = Review.objects.filter(trigger=ReviewTrigger.SAL_GUARD)

    daily_check.open_due_reviews(now=END - DAY)
    assert not guards.exists()
    for days in range(3):
        daily_check.open_due_reviews(now=END + days * DAY)

    assert guards.count() == opens
    for review in guards:
        assert review.title == "v1.1: SAL rate of 65 % in the 90 days after its activation, below its target of 70 %"
        assert review.evidence["revert_to"] == {"version": before.pk, "number": "v1.0"}
        assert review.proposal.startswith("Go back to v1.0")
        client.force_login(UserFactory(roles=[Role.MARKETING_OPS]))
        page = client.get(reverse("review", args=[review.pk])).content.decode()
        assert reverse("version_step", args=[before.pk, "revert"]) in page
        backtest = Backtest.objects.get()
        assert (backtest.version, backtest.end) == (review.version, END)
        assert reverse("backtest", args=[backtest.pk]) in page
        assert client.get(reverse("version_step", args=[before.pk, "revert"])).status_code == 200


def succeed(before: Version, at: dt.datetime, **columns: Any) -> Version:
    Version.objects.filter(pk=before.pk).update(state="retired", retired_at=at)
    return VersionFactory(active=True, definition=before.definition, minor=before.minor + 1, moved_at=at, **columns)


def test_a_version_that_was_given_up_by_going_back_is_not_offered_again():
    first = VersionFactory(active=True, moved_at=NOW - 90 * DAY, fit_ceiling=50)
    assert offer_revert(first) == {}
    second = succeed(first, NOW - 80 * DAY, fit_ceiling=60)
    third = succeed(second, NOW - 70 * DAY, fit_ceiling=70)
    back = succeed(third, NOW - 60 * DAY, fit_ceiling=60)
    # The same rules under another target are no way back.
    same = succeed(back, NOW - 50 * DAY, fit_ceiling=60, sal_rate_target=Decimal("0.6"))

    assert offer_revert(third)["revert_to"]["number"] == "v1.1"
    assert offer_revert(back)["revert_to"]["number"] == "v1.0"
    assert offer_revert(same)["revert_to"]["number"] == "v1.0"


def test_only_who_can_draft_has_the_button(client):
    version = VersionFactory(active=True)
    review = open_review(version=version, evidence={"revert_to": {"version": version.pk, "number": "v1.0"}})
    button = reverse("version_step", args=[version.pk, "revert"])

    for role, has_button in ((Role.MARKETING_OPS, True), (Role.SALES_LEADER, False)):
        client.force_login(UserFactory(roles=[role]))
        page = client.get(reverse("review", args=[review.pk])).content.decode()
        assert (button in page) is has_button
        assert "in force before" in page
