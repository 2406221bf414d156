"""Kappa against figures computed by hand."""

from __future__ import annotations

import numpy as np
import pytest

from scoring.blind_checks import agreement


def test_cohens_kappa_of_fifty_leads() -> None:
    # 20 twice yes, 5 yes and no, 10 no and yes, 15 twice no: P = 0.7, Pe = 0.5 * 0.6 + 0.5 * 0.4 = 0.5, kappa = 0.2 / 0.5.
    first = [True] * 25 + [False] * 25
    second = [True] * 20 + [False] * 5 + [True] * 10 + [False] * 15

    assert agreement.count_agreements(first, second) == 35
    assert agreement.cohens_kappa(first, second) == pytest.approx(0.4)


@pytest.mark.parametrize(
    ("first", "second", "kappa"),
    [
        ([True, False], [True, False], 1.0),
        ([True, False], [False, True], -1.0),
        ([True, True, False, False], [True, False, True, False], 0.0),
        ([True, True], [True, True], None),
        ([], [], None),
    ],
)
def test_cohens_kappa_at_its_ends(first: list[bool], second: list[bool], kappa: float | None) -> None:
    assert agreement.cohens_kappa(first, second) == kappa


def test_fleiss_kappa_of_three_people() -> None:
    # 3, 2, 1 and 0 of three say yes: P = (1 + 1/3 + 1/3 + 1) / 4 = 2/3, p = 6/12, Pe = 1/2, kappa = (1/6) / (1/2).
    answers = np.array([[1, 1, 1], [1, 1, 0], [1, 0, 0], [0, 0, 0]], dtype=np.bool_)

    assert agreement.fleiss_kappa(answers) == pytest.approx(1 / 3)


def test_fleiss_kappa_at_its_ends() -> None:
    assert agreement.fleiss_kappa(np.array([[1, 1, 1], [0, 0, 0]], dtype=np.bool_)) == 1
    assert agreement.fleiss_kappa(np.ones((4, 3), dtype=np.bool_)) is None
    assert agreement.fleiss_kappa(np.empty((0, 3), dtype=np.bool_)) is None


def test_the_interval_holds_the_kappa_and_is_the_same_for_the_same_seed() -> None:
    generator = np.random.default_rng(7)
    truth = generator.random(24) < 0.5
    answers = np.array([np.where(generator.random(24) < 0.85, truth, ~truth) for _ in range(5)]).T
    kappa, interval = agreement.fleiss_kappa(answers), agreement.fleiss_interval(answers, seed=3)

    assert kappa is not None
    assert interval is not None
    assert interval[0] < kappa < interval[1]
    assert interval == agreement.fleiss_interval(answers, seed=3)


def test_there_is_no_interval_of_two_people_nor_of_one_answer() -> None:
    assert agreement.fleiss_interval(np.ones((4, 2), dtype=np.bool_), seed=1) is None
    assert agreement.fleiss_interval(np.ones((4, 3), dtype=np.bool_), seed=1) is None
