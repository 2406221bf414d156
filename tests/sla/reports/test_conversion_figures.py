"""The conversions, health bands and quoted benchmarks of the overview (rules 8.8, 12.16, 12.17)."""

from __future__ import annotations

from decimal import Decimal

import pytest
import time_machine
from django.urls import reverse

from config.accounts.vocabulary import Role
from definitions.vocabulary import VersionState
from leads.models import Outcome
from leads.vocabulary import Motion, OutcomeKind
from scoring.backtests.intervals_and_tests import Sample
from sla.reports import conversion_figures
from tests.factories import (
    DAY,
    NOW,
    CommitmentFactory,
    HandoffFactory,
    QualificationFactory,
    UserFactory,
    VersionFactory,
)

pytestmark = pytest.mark.django_db

#: Within the quarter before NOW.
BEFORE = NOW - 90 * DAY


def test_conversions_are_those_of_the_latest_quarter_that_had_its_time() -> None:
    for number in range(4):
        qualification = QualificationFactory(at=BEFORE)
        if number == 0:
            Outcome.objects.create(
                lead=qualification.lead, kind=OutcomeKind.WON, at=BEFORE + DAY, recorded_at=NOW, source="crm"
            )
    QualificationFactory(at=NOW)

    rows = conversion_figures.list_conversions(Motion.MQL, now=NOW)

    assert [(row.name, row.quarter.name, row.days, row.reading.sample) for row in rows] == [
        ("MQL→SQL", "2025-Q4", 30, Sample(1, 4)),
        ("MQL→opportunity", "2025-Q4", 60, Sample(1, 4)),
    ]


def test_a_conversion_has_the_health_band_of_the_version_that_was_in_force_in_its_quarter() -> None:
    first = VersionFactory(
        active=True, moved_at=BEFORE - DAY, mql_to_sql_low=Decimal("0.01"), mql_to_sql_high=Decimal("0.1")
    )
    for number in range(20):
        qualification = QualificationFactory(at=BEFORE)
        if number == 0:
            Outcome.objects.create(
                lead=qualification.lead, kind=OutcomeKind.WON, at=BEFORE + DAY, recorded_at=NOW, source="crm"
            )
    first.state, first.retired_at = VersionState.RETIRED, NOW - DAY
    first.save()
    VersionFactory(definition=first.definition, minor=1, active=True, moved_at=NOW - DAY)

    [row, _] = conversion_figures.list_conversions(Motion.MQL, now=NOW)

    assert (row.name, row.reading.sample, row.reading.health_text) == ("MQL→SQL", Sample(1, 20), "Healthy")


def test_the_overview_shows_bands_in_words_and_quotes_others(client) -> None:
    CommitmentFactory(active=True, unworked_at_most=0)
    for number in range(20):
        HandoffFactory(now=NOW, **{"rejected" if number < 8 else "accepted": True})
    for _ in range(20):
        QualificationFactory(at=BEFORE)
    client.force_login(UserFactory(roles=[Role.MARKETING_LEADER]))

    with time_machine.travel(NOW + DAY, tick=False):
        page = client.get(reverse("overview")).content.decode()

    assert "Too high: too loose" in page
    assert "Below the healthy 70 to 80 %" in page
    assert "Too low: too loose" in page
    assert "40 to 70 % (SiriusDecisions, year not stated)" in page
    assert "MQL→opportunity" in page
