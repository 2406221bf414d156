"""Agreement between people who judge the same leads by yes or no: shares and kappa (rules 9.40). Pure.

Kappa is (P - Pe) / (1 - Pe): P is the share of agreement seen, Pe the one expected by chance from how often yes was said. It
is 1 for full agreement and 0 for chance. It is None where everybody always gave the same answer: chance alone explains that.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from scoring.backtests.intervals_and_tests import Bounds

#: Drawings of leads for the interval of a kappa.
RESAMPLES: Final = 2000
FEWEST_PEOPLE: Final = 3
_MIDDLE_95: Final = (2.5, 97.5)

Answers = NDArray[np.bool_]


def count_agreements(first: Sequence[bool], second: Sequence[bool]) -> int:
    """Count the leads on which two sequences of answers are the same. Raises ValueError for different lengths."""
    return sum(one == other for one, other in zip(first, second, strict=True))


def cohens_kappa(first: Sequence[bool], second: Sequence[bool]) -> float | None:
    """Return Cohen's kappa of two people: Pe = p1 p2 + (1 - p1)(1 - p2), with the share of yes of each."""
    if not first:
        return None
    agreed = count_agreements(first, second) / len(first)
    shares = sum(first) / len(first), sum(second) / len(second)
    expected = shares[0] * shares[1] + (1 - shares[0]) * (1 - shares[1])
    return None if expected == 1 else (agreed - expected) / (1 - expected)


def fleiss_kappa(answers: Answers) -> float | None:
    """Return Fleiss' kappa of answers[lead, person], of at least two people.

    P is the mean over the leads of the share of pairs of people who agree; Pe = p^2 + (1 - p)^2, with the share p of yes.
    """
    if answers.size == 0:
        return None
    return _to_float(_fleiss(answers.sum(axis=1)[None, :], answers.shape[1])[0])


def fleiss_interval(answers: Answers, *, seed: int) -> Bounds | None:
    """Return the 95 % bootstrap interval of Fleiss' kappa: leads are drawn with replacement, 2,000 times from the seed.

    None below three people, and where no drawing has a kappa.
    """
    leads, people = answers.shape
    if people < FEWEST_PEOPLE or not leads:
        return None
    drawn = np.random.default_rng(seed).integers(leads, size=(RESAMPLES, leads))
    kappas = _fleiss(answers.sum(axis=1)[drawn], people)
    kappas = kappas[np.isfinite(kappas)]
    if not kappas.size:
        return None
    low, high = np.percentile(kappas, _MIDDLE_95)
    return float(low), float(high)


def _fleiss(yes: NDArray[np.int_], people: int) -> NDArray[np.float64]:
    """Return the kappa of each row of yes[row, lead], the number of people who said yes; NaN where there is none."""
    no = people - yes
    agreed = ((yes * (yes - 1) + no * (no - 1)) / (people * (people - 1))).mean(axis=1)
    share = yes.mean(axis=1) / people
    expected = share**2 + (1 - share) ** 2
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(expected < 1, (agreed - expected) / (1 - expected), np.nan)


def _to_float(kappa: np.float64) -> float | None:
    return float(kappa) if np.isfinite(kappa) else None
