"""Sweeps of one number of a version: two verdicts answer for all its values as a verdict with each value would."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scoring import thresholds
from scoring.engine.judge import measured, verdict
from scoring.engine.rules import AxisClause, CountClause, PathRule, Rules, Timing
from scoring.thresholds import NoSuchThreshold
from tests.scoring import random_companies

RULES = Rules(
    paths=(
        PathRule("paths.0", "Engaged", (AxisClause("engagement", 40.0), CountClause(frozenset({"demo"}), 2, 30.0))),
        PathRule("paths.1", "Fits", (AxisClause("fit+engagement", 7.5),)),
    ),
    hot=(PathRule("hot.0", "Asked", (CountClause(frozenset({"demo", "pricing"}), 1, None),)),),
    timing=Timing(30.0, None),
)


@settings(deadline=None, max_examples=40)
@given(rules=random_companies.lenient, leads=st.lists(random_companies.leads, min_size=1, max_size=4), data=st.data())
def test_a_sweep_gives_the_verdict_of_rules_with_that_value(rules, leads, data) -> None:
    facts = random_companies.facts_of(leads)
    _, _, axes = measured(rules, facts, until=random_companies.START * 2)

    for threshold in thresholds.list_thresholds(rules):
        swept = thresholds.sweep_threshold(rules, threshold, axes)
        for value in (threshold.value, data.draw(st.sampled_from(threshold.choices))):
            expected = verdict(thresholds.change_thresholds(rules, {threshold.place: value}), axes).meets
            assert np.array_equal(swept.meets(value), expected), (threshold, value)


def test_every_number_of_paths_and_timing_is_listed_with_place_and_label() -> None:
    listed = [
        (threshold.place, threshold.label, threshold.unit, threshold.value)
        for threshold in thresholds.list_thresholds(RULES)
    ]

    assert listed == [
        ("paths[0].clauses[0]", "Engaged: engagement points", "points", 40.0),
        ("paths[0].clauses[1]", "Engaged: demo in the last 30 days", "times", 2.0),
        ("paths[1].clauses[0]", "Fits: fit and engagement points", "points", 7.5),
        ("hot[0].clauses[0]", "Asked: demo or pricing", "times", 1.0),
        ("timing.engaged_within_days", "Timing: days since the last engagement", "days", 30.0),
    ]


@pytest.mark.parametrize("threshold", thresholds.list_thresholds(RULES), ids=lambda threshold: threshold.place)
def test_the_choices_of_a_threshold_include_and_surround_its_value(threshold) -> None:
    choices = threshold.choices

    assert threshold.value in choices
    assert 11 <= len(choices) <= 25
    assert list(choices) == sorted(choices)
    assert min(choices) >= 0


def test_rules_with_other_numbers_are_otherwise_the_same() -> None:
    changed = thresholds.change_thresholds(RULES, {"paths[0].clauses[1]": 3, "timing.engaged_within_days": 7})

    assert changed.paths[0].clauses == (AxisClause("engagement", 40.0), CountClause(frozenset({"demo"}), 3, 30.0))
    assert changed.timing == Timing(7, None)
    assert (changed.paths[1], changed.hot) == (RULES.paths[1], RULES.hot)


@pytest.mark.parametrize(
    "place",
    [
        "paths[2].clauses[0]",
        "paths[0].clauses[2]",
        "timing.or_request_within_days",
        "timing.x",
        "gate[0]",
        "",
        "x" * 999,
    ],
)
def test_a_place_without_a_number_is_refused(place) -> None:
    with pytest.raises(NoSuchThreshold):
        thresholds.change_thresholds(RULES, {place: 1})


def test_a_count_must_be_a_whole_number() -> None:
    with pytest.raises(NoSuchThreshold, match=r"2\.5 times"):
        thresholds.change_thresholds(RULES, {"paths[0].clauses[1]": 2.5})
