"""Requests of disqualified leads: which of them are recorded for the app above."""

from __future__ import annotations

import pytest

from definitions.models import Version
from leads.models import Lead
from leads.vocabulary import Stage
from scoring.live import due_leads, hand_raises
from scoring.models import HandRaise
from tests.factories import EventFactory, LeadFactory
from tests.scoring.reference_lead import DAY, HOUR, NOW, version

__all__ = ["version"]

pytestmark = pytest.mark.django_db


@pytest.fixture
def disqualified() -> Lead:
    """Return a lead that was disqualified 400 days ago."""
    return LeadFactory(at=NOW - 400 * DAY, stage=Stage.DISQUALIFIED)


@pytest.mark.parametrize(
    ("is_imported", "days_ago", "count"), [(True, 300, 0), (True, 8, 0), (True, 6, 1), (False, 300, 1)]
)
def test_an_old_request_from_a_file_brings_nobody_back(
    disqualified: Lead, is_imported: bool, days_ago: int, count: int
) -> None:
    at = NOW - days_ago * DAY
    EventFactory(
        lead=disqualified, signal__code="demo_request", occurred_at=at, recorded_at=NOW, is_imported=is_imported
    )

    assert hand_raises.record_hand_raises(lead_ids=[disqualified.pk], now=NOW) == count


def test_a_request_from_a_file_counts_within_the_window_of_the_version(version: Version, disqualified: Lead) -> None:
    """The reference definition counts a request for 30 days."""
    for days in (29, 31):
        at = NOW - days * DAY
        EventFactory(lead=disqualified, signal__code="demo_request", occurred_at=at, recorded_at=NOW, is_imported=True)
    Lead.objects.update(next_look_at=NOW)

    due_leads.rescore_due(now=NOW)

    assert [row.event.occurred_at for row in HandRaise.objects.all()] == [NOW - 29 * DAY]


def test_a_request_that_was_closed_since_is_none(disqualified: Lead) -> None:
    EventFactory(lead=disqualified, signal__code="demo_request", occurred_at=NOW - HOUR, recorded_at=NOW)
    EventFactory(lead=disqualified, signal__code="request_closed", occurred_at=NOW, recorded_at=NOW)

    assert hand_raises.record_hand_raises(lead_ids=[disqualified.pk], now=NOW) == 0
