"""Statistics of rates and comparisons: intervals, tests, quantiles. Pure, and without scipy on purpose."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import TypeAlias

# Below this expected count in any of the four cells the normal approximation misleads (Cochran's rule).
FEWEST_EXPECTED = 5
NORMAL = NormalDist()

Bounds: TypeAlias = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Sample:
    """A sample: `hits` out of `total`, as accepted of decided. Raises ValueError when hits exceed the total or are
    negative.
    """

    hits: int
    total: int

    def __post_init__(self) -> None:
        if not 0 <= self.hits <= self.total:
            raise ValueError(f"{self.hits} of {self.total} is not a proportion.")

    @property
    def rate(self) -> float | None:
        return self.hits / self.total if self.total else None

    @property
    def misses(self) -> int:
        return self.total - self.hits


@dataclass(frozen=True, slots=True)
class RateComparison:
    """The comparison of two rates; differences are first minus second. A figure is None where the samples allow none."""

    difference: float | None
    interval: Bounds | None
    z: float | None
    p_two_sided: float | None
    p_greater: float | None
    p_fisher: float | None
    fewest_expected: float | None

    @property
    def p_value(self) -> float | None:
        """Return the two-sided p: of Fisher's exact test for small samples, of the z test otherwise."""
        if self.fewest_expected is None or self.fewest_expected < FEWEST_EXPECTED:
            return self.p_fisher
        return self.p_two_sided


def exceeds_percent(part: int, whole: int, percent: int) -> bool:
    """Say whether `part` is strictly more than `percent` % of `whole`, exactly: 63 of 180 is not more than 35 %."""
    return part * 100 > whole * percent


def wilson(hits: int, total: int, confidence: float = 0.95) -> Bounds | None:
    """Return the Wilson score interval of a proportion, None for an empty sample. Raises ValueError for 3 of 2."""
    sample = Sample(hits, total)
    if not total:
        return None
    z = NORMAL.inv_cdf((1 + confidence) / 2)
    middle = hits + z * z / 2
    reach = z * math.sqrt(hits * sample.misses / total + z * z / 4)
    # At the ends the bound is exactly 0 or 1, which rounding would miss.
    lower = (middle - reach) / (total + z * z) if hits else 0.0
    upper = (middle + reach) / (total + z * z) if sample.misses else 1.0
    return lower, upper


def newcombe(first: Sample, second: Sample, confidence: float = 0.95) -> Bounds | None:
    """Return the interval of the difference of two independent rates: Newcombe 1998, method 10."""
    bounds = wilson(first.hits, first.total, confidence), wilson(second.hits, second.total, confidence)
    if bounds[0] is None or bounds[1] is None:
        return None
    rates = first.hits / first.total, second.hits / second.total
    below = math.hypot(rates[0] - bounds[0][0], bounds[1][1] - rates[1])
    above = math.hypot(bounds[0][1] - rates[0], rates[1] - bounds[1][0])
    return rates[0] - rates[1] - below, rates[0] - rates[1] + above


def ratio_interval(first: Sample, second: Sample, confidence: float = 0.95) -> Bounds | None:
    """Return the interval of how many times the second rate the first one is: Katz 1978, by logarithms; None without hits."""
    if not first.hits or not second.hits:
        return None
    ratio = (first.hits * second.total) / (second.hits * first.total)
    error = math.sqrt(1 / first.hits - 1 / first.total + 1 / second.hits - 1 / second.total)
    reach = math.exp(NORMAL.inv_cdf((1 + confidence) / 2) * error)
    return ratio / reach, ratio * reach


def compare(first: Sample, second: Sample) -> RateComparison:
    """Compare two rates: difference with its 95 % interval, pooled z test, Fisher's exact test (rules 10.12)."""
    z = pooled_z(first, second)
    has_both = first.rate is not None and second.rate is not None
    return RateComparison(
        difference=first.rate - second.rate if first.rate is not None and second.rate is not None else None,
        interval=newcombe(first, second),
        z=z,
        p_two_sided=None if z is None else math.erfc(abs(z) / math.sqrt(2)),
        p_greater=None if z is None else math.erfc(z / math.sqrt(2)) / 2,
        p_fisher=fisher(first, second) if has_both else None,
        fewest_expected=fewest_expected(first, second) if has_both else None,
    )


def pooled_z(first: Sample, second: Sample) -> float | None:
    """Return the z of two proportions with pooled variance; None when a sample is empty or all went the same way."""
    hits, misses = first.hits + second.hits, first.misses + second.misses
    if not (hits and misses and first.total and second.total):
        return None
    pooled = hits / (hits + misses)
    error = math.sqrt(pooled * (1 - pooled) * (1 / first.total + 1 / second.total))
    return (first.hits / first.total - second.hits / second.total) / error


def fisher(first: Sample, second: Sample) -> float:
    """Return Fisher's exact two-sided p: the tables with these margins that are no likelier than this one."""
    hits = first.hits + second.hits
    fewest, most = max(0, hits - second.total), min(hits, first.total)
    # Integer weights, each from its neighbour: exact, and fast for thousands.
    weight = math.comb(first.total, fewest) * math.comb(second.total, hits - fewest)
    weights = [weight]
    for count in range(fewest, most):
        weight = weight * (first.total - count) * (hits - count)
        weight //= (count + 1) * (second.total - hits + count + 1)
        weights.append(weight)
    observed = weights[first.hits - fewest]
    return sum(weight for weight in weights if weight <= observed) / sum(weights)


def fewest_expected(first: Sample, second: Sample) -> float:
    """Return the smallest of the four expected counts if both samples had one rate."""
    rarer = min(first.hits + second.hits, first.misses + second.misses)
    return min(first.total, second.total) * rarer / (first.total + second.total)


def sample_size(rate: float, other: float, *, alpha: float = 0.05, power: float = 0.8) -> int:
    """Return how many each group needs for a two-sided test to tell two different rates apart. Raises ValueError."""
    if not (0 <= rate <= 1 and 0 <= other <= 1) or rate == other:
        raise ValueError("A sample size needs two different rates between 0 and 1.")
    mean = (rate + other) / 2
    chance = NORMAL.inv_cdf(1 - alpha / 2) * math.sqrt(2 * mean * (1 - mean))
    miss = NORMAL.inv_cdf(power) * math.sqrt(rate * (1 - rate) + other * (1 - other))
    return math.ceil(((chance + miss) / (rate - other)) ** 2)


def quantile(values: Sequence[float], share: float) -> float | None:
    """Return the quantile by linear interpolation, as PostgreSQL's percentile_cont does; None of nothing."""
    if not 0 <= share <= 1:
        raise ValueError("A quantile's share lies between 0 and 1.")
    if not values:
        return None
    ordered = sorted(values)
    position = share * (len(ordered) - 1)
    below = math.floor(position)
    above = math.ceil(position)
    return ordered[below] + (ordered[above] - ordered[below]) * (position - below)


def benjamini_hochberg(p_values: Sequence[float]) -> list[float]:
    """Return each p value's q, in the order given: the false discovery rate of calling it and all smaller ones real."""
    q_values = [0.0] * len(p_values)
    smallest = 1.0
    by_size = sorted(range(len(p_values)), key=p_values.__getitem__)
    for rank, index in reversed(list(enumerate(by_size, start=1))):
        smallest = min(smallest, p_values[index] * len(p_values) / rank)
        q_values[index] = smallest
    return q_values


def spearman(xs: Sequence[float | None], ys: Sequence[float | None]) -> float | None:
    """Return the rank correlation of the complete pairs; None when fewer than two or when one side never varies."""
    pairs = [(x, y) for x, y in zip(xs, ys, strict=True) if x is not None and y is not None]
    left, right = _ranks([x for x, _ in pairs]), _ranks([y for _, y in pairs])
    middle = (len(pairs) + 1) / 2
    spread = math.sqrt(sum((rank - middle) ** 2 for rank in left) * sum((rank - middle) ** 2 for rank in right))
    if not spread:
        return None
    return sum((a - middle) * (b - middle) for a, b in zip(left, right, strict=True)) / spread


def _ranks(values: Sequence[float]) -> list[float]:
    """Return ranks from 1, equal values sharing the mean of theirs."""
    places: dict[float, list[int]] = {}
    for place, value in enumerate(sorted(values), start=1):
        places.setdefault(value, []).append(place)
    return [sum(places[value]) / len(places[value]) for value in values]
