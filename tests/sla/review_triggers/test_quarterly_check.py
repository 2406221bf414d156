"""The checks of closed quarters, by moving the clock: drift, conversion, score bands, wins (rules 8.15 to 8.18, 8.22)."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest

from definitions.models import Criterion, Review, Version
from definitions.vocabulary import Part, ReviewKind, ReviewTrigger, VersionState
from leads.models import Outcome
from leads.vocabulary import OutcomeKind
from sla.models import QuarterCoverage
from sla.review_triggers import daily_check
from tests.factories import (
    DAY,
    HOUR,
    NOW,
    CommitmentFactory,
    CompanyFactory,
    DefinitionFactory,
    HandoffFactory,
    LeadFactory,
    QualificationFactory,
    VersionFactory,
    advance_version,
)

pytestmark = pytest.mark.django_db

#: The first minutes after the quarter of NOW, and after its youngest lead had 30 days to convert.
APRIL = dt.datetime(2026, 4, 1, 0, 5, tzinfo=dt.UTC)
MATURE = dt.datetime(2026, 5, 1, 0, 5, tzinfo=dt.UTC)
LAST_QUARTER = NOW - 90 * DAY


def opened(trigger: ReviewTrigger) -> list[Review]:
    return list(Review.objects.filter(trigger=trigger).order_by("pk"))


@pytest.mark.parametrize(("accepted", "opens"), [(13, 0), (12, 1)])
def test_a_quarter_more_than_five_points_off_the_target_opens_a_light_review(accepted, opens):
    CommitmentFactory(active=True, unworked_at_most=0)
    for number in range(20):
        HandoffFactory(now=NOW, **{"accepted" if number < accepted else "rejected": True})

    daily_check.open_due_reviews(now=APRIL - HOUR)
    assert opened(ReviewTrigger.DRIFT) == []
    for days in range(2):
        daily_check.open_due_reviews(now=APRIL + days * DAY)

    reviews = opened(ReviewTrigger.DRIFT)
    assert len(reviews) == opens
    for review in reviews:
        assert (review.kind, review.evidence["period"]) == (ReviewKind.LIGHT, "2026-Q1")
        assert (
            review.title == "SAL rate of 60 % in the first quarter of 2026, more than 5 points off the target of 70 %"
        )


def convert(count: int, *, of: int, at: dt.datetime) -> None:
    for number in range(of):
        qualification = QualificationFactory(at=at)
        if number < count:
            Outcome.objects.create(
                lead=qualification.lead,
                kind=OutcomeKind.OPPORTUNITY,
                at=at + 10 * DAY,
                recorded_at=at + 10 * DAY,
                source="crm",
            )


def test_a_conversion_that_dropped_beyond_chance_opens_once_its_leads_had_their_time():
    VersionFactory(active=True, moved_at=NOW - 200 * DAY)
    convert(20, of=40, at=LAST_QUARTER)
    convert(8, of=40, at=NOW)

    daily_check.open_due_reviews(now=MATURE - HOUR)
    assert opened(ReviewTrigger.CONVERSION_DROP) == []
    for days in range(2):
        daily_check.open_due_reviews(now=MATURE + days * DAY)

    (review,) = opened(ReviewTrigger.CONVERSION_DROP)
    assert (review.cause, review.kind) == ("mql_to_sql", ReviewKind.FULL)
    assert review.title == "MQL→SQL of 20 % in the first quarter of 2026, after 50 % in the quarter before"
    assert review.evidence["p_value"] < 0.05
    assert [row["period"] for row in review.evidence["rates"]] == ["2026-Q1", "2025-Q4"]
    daily_check.open_due_reviews(now=MATURE + 30 * DAY)
    assert [review.cause for review in opened(ReviewTrigger.CONVERSION_DROP)] == ["mql_to_sql", "mql_to_opportunity"]


def test_a_lower_conversion_within_chance_opens_nothing():
    VersionFactory(active=True, moved_at=NOW - 200 * DAY)
    convert(10, of=40, at=LAST_QUARTER)
    convert(7, of=40, at=NOW)

    daily_check.open_due_reviews(now=MATURE)

    assert opened(ReviewTrigger.CONVERSION_DROP) == []


def test_a_score_band_that_hardly_converts_opens_a_review_of_its_own():
    VersionFactory(
        active=True, moved_at=NOW - 200 * DAY, mql_to_sql_low=Decimal("0.02"), mql_to_sql_high=Decimal("0.04")
    )
    convert(1, of=30, at=NOW)
    QualificationFactory(at=NOW, fit=10)

    daily_check.open_due_reviews(now=MATURE - HOUR)
    assert opened(ReviewTrigger.LOW_BAND) == []
    daily_check.open_due_reviews(now=MATURE)

    (review,) = opened(ReviewTrigger.LOW_BAND)
    assert review.cause == "80–99 points"
    assert review.title == "MQL→SQL of 3.33 % at 80–99 points in the first quarter of 2026, below 5 %"
    # Whether that is healthy, the version says that was in force.
    assert [(row["figure"], row["of"], row["health"]) for row in review.evidence["by_band"]] == [
        ("60–79 points", 1, "Small sample"),
        ("80–99 points", 30, "Healthy"),
    ]


def win(*, employees: int, at: dt.datetime, country: str = "DE") -> None:
    company = CompanyFactory(
        employees_low=employees, employees_high=employees, country=country, recorded_at=NOW - 300 * DAY
    )
    lead = LeadFactory(company=company, at=NOW - 300 * DAY)
    Outcome.objects.create(lead=lead, kind=OutcomeKind.WON, at=at, recorded_at=at, source="crm")


def test_wins_outside_the_gate_open_a_review_and_the_coverage_is_kept():
    version = VersionFactory()
    Criterion.objects.create(
        version=version, part=Part.GATE, field="company.employees", op="at_least", low=100, rationale="Test."
    )
    advance_version(Version.objects.get(pk=version.pk), to=VersionState.ACTIVE, at=NOW - 200 * DAY)
    for number in range(10):
        win(employees=200, at=LAST_QUARTER)
        win(employees=200 if number < 8 else 20, at=NOW)

    daily_check.open_due_reviews(now=APRIL - HOUR)
    assert opened(ReviewTrigger.ICP_CHANGE) == []
    for days in range(2):
        daily_check.open_due_reviews(now=APRIL + days * DAY)

    (review,) = opened(ReviewTrigger.ICP_CHANGE)
    assert (
        review.title == "20 % of the wins of the first quarter of 2026 fail the gate, after 0 % in the quarter before"
    )
    coverage = {row.quarter: (row.covered, row.wins, row.outside_gate) for row in QuarterCoverage.objects.all()}
    assert coverage == {"2025-Q4": (0, 10, 0), "2026-Q1": (0, 10, 2)}
    assert [row["quarter"] for row in review.evidence["coverage"]] == ["2026-Q1", "2025-Q4"]


def create_scoped(scope: str, country: str) -> Version:
    version = VersionFactory(definition=DefinitionFactory(scope=scope))
    for field, op, values in (
        ("company.country", "in", {"texts": [country]}),
        ("company.employees", "at_least", {"low": 100}),
    ):
        Criterion.objects.create(version=version, part=Part.GATE, field=field, op=op, rationale="Test.", **values)
    return advance_version(Version.objects.get(pk=version.pk), to=VersionState.ACTIVE, at=NOW - 200 * DAY)


def test_only_the_wins_of_its_scope_count_for_a_definition_and_those_of_none_are_shown_as_left_out():
    dach, _uk = create_scoped("DACH", "DE"), create_scoped("UK", "GB")
    for number in range(10):
        win(employees=200, at=LAST_QUARTER)
        win(employees=200 if number < 8 else 20, at=NOW)
    for country in ("GB", "GB", "GB", "US", "US"):
        win(employees=20, at=NOW, country=country)

    daily_check.open_due_reviews(now=APRIL)

    coverage = {
        row.definition.scope: (row.wins, row.outside_gate, row.outside_scopes)
        for row in QuarterCoverage.objects.filter(quarter="2026-Q1").select_related("definition")
    }
    assert coverage == {"DACH": (10, 2, 2), "UK": (3, 3, 2)}
    (review,) = opened(ReviewTrigger.ICP_CHANGE)
    assert review.definition == dach.definition
    assert review.title.startswith("20 % of the wins of the first quarter of 2026 fail the gate")
    assert review.evidence["coverage"][0]["outside_scopes"] == 2
