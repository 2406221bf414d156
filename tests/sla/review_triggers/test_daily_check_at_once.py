"""Several workers check the same closed month at once, with real threads: one review opens (rules 8.6)."""

from __future__ import annotations

from typing import Any

import pytest

from definitions.models import Review
from sla.review_triggers import daily_check
from tests.factories import DAY, NOW, CommitmentFactory, HandoffFactory
from tests.threads import at_once

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.xdist_group("crowds")]


def test_several_workers_open_one_review(settings: Any, tmp_path: Any) -> None:
    settings.COLUMN_CACHE_DIR = tmp_path
    CommitmentFactory(active=True, unworked_at_most=0)
    for number in range(20):
        HandoffFactory(now=NOW, **{"rejected" if number < 8 else "accepted": True})

    opened = at_once(4, lambda _number: daily_check.open_due_reviews(now=NOW + 25 * DAY))

    assert sorted(Review.objects.values_list("trigger", flat=True)) == ["drift", "quarter", "rejection_spike"]
    assert sum(opened) == 3
