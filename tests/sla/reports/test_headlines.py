"""Headlines name a difference only if chance does not explain it, however many they look at (rules 12.26)."""

from __future__ import annotations

import random

import pytest

from scoring.backtests.intervals_and_tests import Sample
from sla.reports.framework import headlines
from sla.reports.framework.headlines import RateTrend

LOW, HIGH = Sample(15, 50), Sample(26, 50)


def test_the_extremes_of_two_groups_are_named_and_those_of_ten_are_not() -> None:
    others = [(f"group {number}", Sample(20, 50)) for number in range(8)]

    assert headlines.describe_worst([("A", LOW), ("B", HIGH)], "SAL rate") == (
        "SAL rate is lowest for A, 30\u202f%, and highest for B, 52\u202f%."
    )
    assert "no more than chance" in headlines.describe_worst([("A", LOW), ("B", HIGH), *others], "SAL rate")
    small = [(f"small {number}", Sample(1, 5)) for number in range(8)]
    assert "lowest for A" in headlines.describe_worst([("A", LOW), ("B", HIGH), *small], "SAL rate")


def test_one_of_five_rates_has_to_change_more_clearly_than_a_single_one() -> None:
    change, steady = RateTrend("SAL rate", HIGH, LOW), RateTrend("Steady", LOW, LOW)

    assert headlines.describe_trends([change]).startswith("SAL rate fell from 52")
    assert headlines.describe_trends([change, *[steady] * 4]).startswith("No rate changed clearly")


@pytest.mark.parametrize("groups", [2, 6, 12])
def test_groups_that_are_alike_are_called_different_in_one_of_twenty_cases_at_most(groups) -> None:
    draw, cases = random.Random(groups), 400
    named = 0
    for _ in range(cases):
        rows = [(str(group), Sample(sum(draw.random() < 0.4 for _ in range(60)), 60)) for group in range(groups)]
        named += "is lowest for" in headlines.describe_worst(rows, "SAL rate")

    # Five of a hundred, and what chance adds in so many cases.
    assert named <= cases * 0.05 + 2.6 * (cases * 0.05 * 0.95) ** 0.5
