"""The lines of the triggers, just below, at and above them; and how often chance alone crosses the monthly line."""

from __future__ import annotations

import datetime as dt
import random
from decimal import Decimal

import pytest

from scoring.backtests.intervals_and_tests import Sample
from sla.review_triggers import trigger_rules
from sla.review_triggers.due_reviews import Occasion, ReviewDates, list_due
from sla.review_triggers.trigger_rules import RejectionLine

TARGET = Decimal("0.700")


@pytest.mark.parametrize(
    ("rejected", "decided", "line"),
    [
        (7, 20, RejectionLine.NONE),  # Exactly 35 %.
        (63, 180, RejectionLine.NONE),  # Exactly 35 %, which floats miss.
        (8, 20, RejectionLine.TOO_MANY),
        (8, 19, RejectionLine.NONE),  # One short of the smallest sample.
        (2, 20, RejectionLine.NONE),  # Exactly 10 %.
        (1, 20, RejectionLine.TOO_FEW),
        (0, 19, RejectionLine.NONE),
    ],
)
def test_rejection_lines_are_strict_and_need_twenty_decisions(rejected, decided, line):
    assert trigger_rules.find_rejection_line(Sample(rejected, decided)) == line


@pytest.mark.parametrize(("accepted", "decided", "below"), [(14, 20, False), (13, 20, True), (13, 19, False)])
def test_a_sal_rate_at_its_target_is_not_below_it(accepted, decided, below):
    assert trigger_rules.is_below_target(Sample(accepted, decided), TARGET) is below


@pytest.mark.parametrize(("accepted", "drifted"), [(26, False), (25, True), (30, False), (31, True)])
def test_drift_is_more_than_five_points_to_either_side(accepted, drifted):
    assert trigger_rules.has_drifted(Sample(accepted, 40), TARGET) is drifted


def test_a_steady_source_spikes_beyond_two_deviations_only():
    # Ten a week: chance alone deviates by the root of ten, so the line lies at 16.3.
    weeks = [10] * 12

    assert [trigger_rules.measure_trend([*weeks, count]).is_spike for count in (16, 17)] == [False, True]


def test_a_growing_source_is_measured_against_its_growth():
    weeks = list(range(10, 34, 2))

    trend = trigger_rules.measure_trend([*weeks, 36])

    assert trend.expected == pytest.approx(34)
    assert not trend.is_spike


def test_few_leads_or_weeks_are_no_spike():
    assert not trigger_rules.measure_trend([*[0] * 12, 9]).is_spike
    assert trigger_rules.measure_trend([*[0] * 12, 10]).is_spike
    assert trigger_rules.measure_trend([*[0] * 5, 50]) is None


@pytest.mark.parametrize(
    ("rate", "before", "dropped"),
    [
        (Sample(18, 200), Sample(36, 200), True),
        (Sample(30, 200), Sample(36, 200), False),  # Less than a fifth of the rate.
        (Sample(2, 25), Sample(5, 25), False),  # Chance explains it.
        (Sample(0, 19), Sample(19, 19), False),  # Too few.
    ],
)
def test_a_conversion_drops_by_a_fifth_and_beyond_chance(rate, before, dropped):
    assert trigger_rules.has_dropped(rate, before) is dropped


@pytest.mark.parametrize(("converted", "of", "low"), [(2, 40, False), (1, 40, True), (0, 29, False), (1, 30, True)])
def test_a_band_is_low_below_five_percent_of_thirty(converted, of, low):
    assert trigger_rules.is_low_band(Sample(converted, of)) is low


@pytest.mark.parametrize(("outside", "changed"), [(3, False), (4, True)])
def test_the_icp_changed_if_ten_points_more_wins_fail_the_gate(outside, changed):
    # A tenth failed it before: two of ten more are exactly ten points for 3 of 15.
    assert trigger_rules.has_icp_changed(Sample(outside, 15), Sample(1, 10)) is changed
    assert not trigger_rules.has_icp_changed(Sample(9, 9), Sample(0, 10))


@pytest.mark.parametrize(("decided", "at_most"), [(40, 0.06), (60, 0.035), (80, 0.025)])
def test_chance_alone_seldom_crosses_the_monthly_line_at_a_true_rate_of_25_percent(decided, at_most):
    """The exact chances are 5.4, 3.0 and 1.7 %; looked at every ten minutes it was a quarter of all months."""
    rng = random.Random(13)
    months = 10_000

    crossed = sum(
        trigger_rules.find_rejection_line(Sample(sum(rng.random() < 0.25 for _ in range(decided)), decided))
        == RejectionLine.TOO_MANY
        for _ in range(months)
    )

    assert crossed / months <= at_most


def test_reviews_are_due_on_the_day_and_not_before():
    adopted = dt.datetime(2026, 1, 31, 9, 0, tzinfo=dt.UTC)
    dates = ReviewDates(adopted_at=adopted, activated_at=adopted)

    def occasions(now: dt.datetime, dates: ReviewDates = dates) -> set[Occasion]:
        return {due.occasion for due in list_due(dates, now=now)}

    assert occasions(dt.datetime(2026, 4, 30, 8, 59, tzinfo=dt.UTC)) == set()
    assert occasions(dt.datetime(2026, 4, 30, 9, 0, tzinfo=dt.UTC)) == {Occasion.QUARTER}
    half_a_year_later = dt.datetime(2026, 7, 31, 9, 0, tzinfo=dt.UTC)
    # A joint session that is due stands for the quarterly check and the deep review.
    assert occasions(half_a_year_later) == {Occasion.JOINT}
    assert occasions(dt.datetime(2027, 1, 31, 9, 0, tzinfo=dt.UTC)) == {Occasion.JOINT, Occasion.ANNUAL}
    assert occasions(dt.datetime(2027, 7, 31, 9, 0, tzinfo=dt.UTC)) == {
        *(Occasion.JOINT, Occasion.ANNUAL, Occasion.OLD_VERSION)
    }
    met = ReviewDates(adopted, adopted, last_joint_at=dt.datetime(2026, 6, 1, 9, 0, tzinfo=dt.UTC))
    assert occasions(half_a_year_later, met) == {Occasion.QUARTER, Occasion.NO_DEEP_REVIEW}
    reviewed_at = dt.datetime(2026, 6, 1, 9, 0, tzinfo=dt.UTC)
    reviewed = ReviewDates(adopted, adopted, last_reviewed_at=reviewed_at, last_deep_at=reviewed_at)
    assert occasions(half_a_year_later, reviewed) == {Occasion.JOINT}
