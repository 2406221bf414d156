from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scoring.backtests import intervals_and_tests
from scoring.backtests.intervals_and_tests import Sample

FACTS = json.loads((Path(__file__).parents[2] / "data" / "stats_cases.json").read_text())


def near(value):
    return None if value is None else pytest.approx(value, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("fact", FACTS["wilson"], ids=lambda fact: f"{fact['k']} of {fact['n']}")
def test_wilson_intervals_agree_with_scipy(fact):
    for percent in (90, 95, 99):
        bounds = intervals_and_tests.wilson(fact["k"], fact["n"], percent / 100)

        assert bounds == near(fact[f"wilson{percent}"])


def test_an_empty_sample_has_no_interval():
    assert FACTS["wilson_edge"]["n=0"].startswith("null")
    assert intervals_and_tests.wilson(0, 0) is None


@pytest.mark.parametrize(("hits", "total"), [(3, 2), (-1, 2), (0, -1)])
def test_an_impossible_proportion_is_refused(hits, total):
    with pytest.raises(ValueError, match="not a proportion"):
        intervals_and_tests.wilson(hits, total)


def test_an_interval_ends_exactly_at_0_and_at_1():
    assert intervals_and_tests.wilson(0, 7)[0] == 0
    assert intervals_and_tests.wilson(7, 7)[1] == 1


@pytest.mark.parametrize("fact", FACTS["two_proportions"], ids=lambda fact: f"{fact['pilot']} to {fact['control']}")
def test_comparisons_agree_with_scipy(fact):
    comparison = intervals_and_tests.compare(Sample(*fact["pilot"]), Sample(*fact["control"]))

    assert comparison.difference == near(fact["diff"])
    assert comparison.interval == near(fact["newcombe95"])
    assert comparison.z == near(fact["z_pooled"])
    assert comparison.p_two_sided == near(fact["p_two_sided"])
    assert comparison.p_greater == near(fact["p_one_sided_pilot_greater"])
    assert comparison.p_fisher == near(fact["fisher_two_sided"])
    assert comparison.fewest_expected == near(fact["min_expected_cell"])


@pytest.mark.parametrize("fact", [fact for fact in FACTS["two_proportions"] if "published" in fact])
def test_newcombe_intervals_agree_with_the_paper(fact):
    bounds = intervals_and_tests.newcombe(Sample(*fact["pilot"]), Sample(*fact["control"]))

    assert bounds == pytest.approx(fact["published"]["interval"], abs=5.1e-5)


def test_the_interval_of_a_ratio_agrees_with_a_published_one():
    # Heart attacks under placebo and aspirin, Physicians' Health Study: 1.82, 95 % interval 1.43 to 2.30 (Agresti 2002, 3.1.3).
    bounds = intervals_and_tests.ratio_interval(Sample(189, 11_034), Sample(104, 11_037))

    assert bounds == pytest.approx((1.43, 2.30), abs=0.01)
    assert intervals_and_tests.ratio_interval(Sample(0, 10), Sample(3, 10)) is None


def test_a_small_sample_is_judged_by_the_exact_test():
    small = intervals_and_tests.compare(Sample(3, 4), Sample(1, 4))
    large = intervals_and_tests.compare(Sample(70, 100), Sample(60, 100))

    assert small.p_value == pytest.approx(34 / 70)
    assert large.p_value == large.p_two_sided


def test_comparing_with_an_empty_sample_gives_no_figures():
    comparison = intervals_and_tests.compare(Sample(0, 0), Sample(3, 4))

    assert comparison == intervals_and_tests.RateComparison(None, None, None, None, None, None, None)
    assert comparison.p_value is None


@pytest.mark.parametrize("fact", FACTS["spearman"], ids=lambda fact: fact["name"])
def test_rank_correlations_agree_with_scipy(fact):
    assert intervals_and_tests.spearman(fact["x"], fact["y"]) == near(fact["rho"])


@pytest.mark.parametrize("values", [([], []), ([1], [2]), ([None, 1], [1, None])])
def test_fewer_than_two_pairs_have_no_correlation(values):
    assert intervals_and_tests.spearman(*values) is None


@pytest.mark.parametrize("fact", FACTS["quantiles"], ids=lambda fact: str(fact["values"]))
def test_quantiles_agree_with_postgresql(fact):
    assert intervals_and_tests.quantile(fact["values"], 0.5) == near(fact["p50_linear"])
    assert intervals_and_tests.quantile(fact["values"], 0.5) == near(fact["median"])
    assert intervals_and_tests.quantile(fact["values"], 0.9) == near(fact["p90_linear"])
    assert intervals_and_tests.quantile(fact["values"], 0.95) == near(fact["p95_linear"])


def test_quantiles_reach_both_ends():
    assert intervals_and_tests.quantile([3, 1, 2], 0) == 1
    assert intervals_and_tests.quantile([3, 1, 2], 1) == 3
    assert intervals_and_tests.quantile([], 0.5) is None


def test_a_quantile_outside_0_to_1_is_refused():
    with pytest.raises(ValueError, match="between 0 and 1"):
        intervals_and_tests.quantile([1], 90)


@pytest.mark.parametrize("fact", FACTS["sample_size"], ids=lambda fact: f"{fact['p1']} or {fact['p2']}")
def test_sample_sizes_agree_with_the_pooled_formula(fact):
    size = intervals_and_tests.sample_size(fact["p1"], fact["p2"], alpha=fact["alpha_two_sided"], power=fact["power"])

    assert size == fact["n_per_group_pooled_formula"]


@pytest.mark.parametrize("rates", [(0.3, 0.3), (0.3, 1.3), (-0.1, 0.5)])
def test_equal_or_impossible_rates_have_no_sample_size(rates):
    with pytest.raises(ValueError, match="two different rates"):
        intervals_and_tests.sample_size(*rates)


@pytest.mark.parametrize("fact", FACTS["benjamini_hochberg"], ids=lambda fact: str(fact["p"]))
def test_false_discovery_rates_agree_with_scipy(fact):
    assert intervals_and_tests.benjamini_hochberg(fact["p"]) == near(fact["q"])


@pytest.mark.parametrize("fact", FACTS["rates"], ids=lambda fact: f"{fact['num']} of {fact['den']}")
def test_a_threshold_is_exceeded_only_by_strictly_more(fact):
    assert intervals_and_tests.exceeds_percent(fact["num"], fact["den"], 35) is bool(fact["over_35pct"])
    assert Sample(fact["num"], fact["den"]).rate == near(fact["rate"])


@given(twentieths=st.integers(1, 10**15))
def test_exactly_the_threshold_does_not_exceed_it(twentieths):
    assert not intervals_and_tests.exceeds_percent(7 * twentieths, 20 * twentieths, 35)
    assert intervals_and_tests.exceeds_percent(7 * twentieths + 1, 20 * twentieths, 35)
