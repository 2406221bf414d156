"""The health bands at their limits, on exact fractions (rules 8.8)."""

from __future__ import annotations

from decimal import Decimal

import pytest

from definitions.models import Version
from scoring.backtests.intervals_and_tests import Sample
from sla.figure_catalogue import version_figures
from sla.figure_catalogue.catalogue import ACCEPTANCE, MQL_TO_SQL, REJECTION, SAL_TO_SQL, RateReading


@pytest.mark.parametrize(
    ("figure", "tones"),
    [
        (REJECTION, {9: "bad", 10: "warn", 19: "warn", 20: "good", 30: "good", 31: "warn", 35: "warn", 36: "bad"}),
        (ACCEPTANCE, {59: "bad", 60: "warn", 69: "warn", 70: "good", 80: "good", 81: "warn", 90: "warn", 91: "bad"}),
        (MQL_TO_SQL, {9: "bad", 10: "warn", 14: "warn", 15: "good", 20: "good", 21: "warn", 30: "warn", 31: "bad"}),
    ],
)
def test_each_band_begins_and_ends_at_its_limits(figure, tones):
    assert {percent: RateReading(figure, Sample(percent, 100)).band.tone for percent in tones} == tones


def test_exactly_35_percent_is_not_red_though_floats_say_so():
    assert RateReading(REJECTION, Sample(63, 180)).band.tone == "warn"
    assert RateReading(REJECTION, Sample(64, 180)).band.label == "Too high: too loose"


def test_a_version_has_its_own_bands_of_mql_to_sql_and_of_nothing_else():
    version = Version(mql_to_sql_low=Decimal("0.3"), mql_to_sql_high=Decimal("0.4"))

    figure = version_figures.apply_range(MQL_TO_SQL, version)

    tones = {19: "bad", 20: "warn", 29: "warn", 30: "good", 40: "good", 41: "warn", 50: "warn", 60: "warn", 61: "bad"}
    assert {percent: RateReading(figure, Sample(percent, 100)).band.tone for percent in tones} == tones
    assert RateReading(figure, Sample(25, 100)).health_text == "Below the healthy 30 to 40 %"
    assert version_figures.apply_range(ACCEPTANCE, version) is ACCEPTANCE
    assert version_figures.apply_range(MQL_TO_SQL, Version()) is MQL_TO_SQL


def test_small_samples_and_rates_without_bands_have_none():
    assert RateReading(REJECTION, Sample(19, 19)).band is None
    assert RateReading(REJECTION, Sample(19, 19)).health_text == "Small sample"
    assert RateReading(SAL_TO_SQL, Sample(19, 40)).band is None
    assert RateReading(REJECTION, Sample(7, 20)).interval_text == "18 to 57\u202f%"
