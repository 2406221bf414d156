"""Numbers that are only known to lie between two bounds, as "51-200" employees. Rules 15.6."""

from __future__ import annotations

import re
from dataclasses import dataclass

_NUMBER = r"\d{1,3}(?:,\d{3})+|\d+"
_BETWEEN = re.compile(rf"({_NUMBER})\s*(?:-|–|—|to)\s*({_NUMBER})")
# A form with one number, and how far from it the band begins and ends; None is open. "Over 1000" begins at 1001.
_ENDS = tuple(
    (re.compile(form.format(rf"({_NUMBER})")), below, above)
    for form, below, above in (
        (r"{}", 0, 0),
        (r"{}\s*(?:\+|or more|and more)", 0, None),
        (r"(?:>=|≥)\s*{}", 0, None),
        (r"(?:>|over|more than)\s*{}", 1, None),
        (r"(?:<=|≤|up to)\s*{}", None, 0),
        (r"(?:<|under|less than)\s*{}", None, -1),
    )
)


@dataclass(frozen=True, slots=True)
class Band:
    """Both ends belong to it; an end that is None is open. A plain number is the band from itself to itself."""

    low: float | None
    high: float | None

    def __str__(self) -> str:
        low, high = (None if end is None else f"{end:.15g}" for end in (self.low, self.high))
        if low is None or high is None:
            return f"up to {high}" if low is None else f"{low}+"
        return low if low == high else f"{low}-{high}"

    def within(self, low: float | None, high: float | None) -> bool | None:
        """True inside [low, high], False outside, None when it straddles an end."""
        mine_low = float("-inf") if self.low is None else self.low
        mine_high = float("inf") if self.high is None else self.high
        low = float("-inf") if low is None else low
        high = float("inf") if high is None else high
        if low <= mine_low and mine_high <= high:
            return True
        return False if mine_high < low or mine_low > high else None


def parse_band(text: str) -> Band:
    """Read "51-200", "1,001 to 5,000", "1000+", "<50", "250", with or without "employees"; ValueError for anything else."""
    clean = re.sub(r"\s*(employees|people)$", "", text.strip().casefold())
    if match := _BETWEEN.fullmatch(clean):
        low, high = (_whole(part) for part in match.groups())
        if low > high:
            raise ValueError(f"The band {text!r} ends before it begins.")
        return Band(low, high)
    for pattern, below, above in _ENDS:
        if match := pattern.fullmatch(clean):
            number = _whole(match[1])
            return Band(None if below is None else number + below, None if above is None else number + above)
    raise ValueError(f"{text!r} is not a band such as 51-200 or 1000+.")


def _whole(digits: str) -> float:
    return float(digits.replace(",", ""))
