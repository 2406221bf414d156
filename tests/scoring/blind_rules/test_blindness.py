"""The decision whether a rule is blind, from counts alone (rules 4.22)."""

from __future__ import annotations

import pytest

from scoring.blind_rules import blindness
from scoring.blind_rules.blindness import ValueCount

INDUSTRY = [
    ValueCount("Manufacturing", 400, 5, is_match=True),
    ValueCount("Retail", 100, 2, is_match=False),
]


def test_a_new_value_that_the_criterion_does_not_match_is_reported_from_three_on() -> None:
    three, two = ValueCount("Mfg.", 3, 3, is_match=False), ValueCount("Manufact.", 2, 2, is_match=False)

    assert blindness.new_values([*INDUSTRY, three, two], ["Manufacturing"], is_free_text=False) == [three]


def test_a_value_that_stood_on_others_before_is_not_new() -> None:
    assert not blindness.new_values([ValueCount("Retail", 4, 3, is_match=False)], [], is_free_text=False)


def test_a_new_value_that_the_criterion_matches_is_no_alarm() -> None:
    assert not blindness.new_values([ValueCount("manufacturing", 9, 9, is_match=True)], [], is_free_text=False)


def test_to_a_new_customer_no_value_is_news() -> None:
    few = [ValueCount("Manufacturing", 49, 0, is_match=True), ValueCount("Mfg.", 3, 3, is_match=False)]

    assert not blindness.new_values(few, ["Manufacturing"], is_free_text=False)


def test_in_a_free_text_only_a_new_spelling_counts() -> None:
    titles = [ValueCount("Head of Logistics", 50, 1, is_match=True), ValueCount("Nurse", 80, 1, is_match=False)]
    stranger, spelling = (
        ValueCount("Painter", 3, 3, is_match=False),
        ValueCount("Head of Logisitcs", 3, 3, is_match=False),
    )

    assert blindness.new_values([*titles, stranger, spelling], ["logistics"], is_free_text=True) == [spelling]


def test_in_a_free_text_everything_new_counts_once_the_criterion_lost_its_matches() -> None:
    titles = [ValueCount("Head of Logistics", 300, 0, is_match=True), ValueCount("Nurse", 100, 0, is_match=False)]
    foreign = ValueCount("Kierownik", 12, 12, is_match=False)

    assert blindness.new_values([*titles, foreign], ["logistics"], is_free_text=True) == [foreign]


@pytest.mark.parametrize(("total", "is_blind"), [(199, False), (200, True)])
def test_a_criterion_never_matches_once_two_hundred_values_are_known(total: int, is_blind: bool) -> None:
    assert blindness.never_matches([ValueCount("Retail", total, 0, is_match=False)]) is is_blind


def test_the_tail_of_the_binomial_distribution() -> None:
    assert blindness.binomial_tail(0, 10, 0.5) == pytest.approx(1 / 1024)
    assert blindness.binomial_tail(10, 10, 0.3) == pytest.approx(1)
    assert blindness.binomial_tail(2, 4, 1.0) == 0


@pytest.mark.parametrize(
    ("hits", "total", "dropped"),
    [(0, 20, True), (0, 3, False), (10, 20, False), (2, 40, True), (0, 0, False)],
)
def test_a_share_has_dropped_only_beyond_chance(hits: int, total: int, dropped: bool) -> None:
    assert blindness.has_dropped(hits, total, 90, 100) is dropped


def test_a_signal_is_missed_on_a_weekday_that_always_brought_events() -> None:
    days = [10] * 57

    assert not blindness.is_missed(days)
    assert blindness.is_missed([*days[:-1], 0])


def test_a_quiet_weekday_is_no_end_of_a_signal() -> None:
    """Weekends without events are usual: the seven empty days before do not bring five events each."""
    days = [0 if number % 7 == 0 else 10 for number in range(57)]

    assert not blindness.is_missed(days)


def test_a_rare_signal_is_missed_after_an_empty_week() -> None:
    days = [1] * 50 + [0] * 7

    assert blindness.is_missed(days)
    assert not blindness.is_missed([1] * 50 + [0] * 6 + [1])
