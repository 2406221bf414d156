"""The figures of a drill: seconds of answers as percentiles, and the line in which a drill reports them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

#: A function that reports the figures of a drill, each by its name.
Report = Callable[..., None]


def describe_seconds(seconds: Sequence[float]) -> str:
    """Return the median, the 99th percentile and the longest of these seconds, as a part of a line."""
    if not seconds:
        return "none"
    return (
        f"p50 {find_percentile(seconds, 50):.3f} s, p99 {find_percentile(seconds, 99):.3f} s, max {max(seconds):.3f} s"
    )


def find_percentile(values: Sequence[float], percent: int) -> float:
    """Return the smallest value that `percent` of the values do not exceed."""
    in_order = sorted(values)
    return in_order[max(math.ceil(len(in_order) * percent / 100) - 1, 0)]


def format_line(drill: str, figures: dict[str, object]) -> str:
    return f"{drill}: " + "; ".join(
        f"{name.replace('_', ' ')} {_format_figure(value)}" for name, value in figures.items()
    )


def _format_figure(value: object) -> str:
    return f"{value:.1f}" if isinstance(value, float) else f"{value:,}" if isinstance(value, int) else str(value)
