"""The decision whether a criterion or signal is blind, from counts alone (rules 4.22)."""

from __future__ import annotations

import difflib
import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

#: A new value is worth an alarm once it stands on so many leads or companies.
NEW_VALUE_COUNT: Final = 3
#: Values are news only once so many were known before: to a new customer every value is new.
KNOWN_BEFORE: Final = 50
#: A criterion that matches none of so many known values never matches.
NEVER_MATCHED_COUNT: Final = 200
#: A signal that has never come is missed once so many other events came in eight weeks.
NEVER_ARRIVED_COUNT: Final = 2_000
#: The chance at which a lull counts as an end. With some 5,000 tests a year, it alarms wrongly once in 200 years.
CHANCE: Final = 1e-6
#: A signal is missed on a day of the week, or in a week, that always brought at least so many events.
LEAST_EVENTS: Final = 5
#: How alike a new value and an expected one are, from 0 to 1, to be taken for two spellings of one.
ALIKE: Final = 0.75


@dataclass(frozen=True, slots=True)
class ValueCount:
    """A value of a field: on how many subjects it stands, on how many of those stated lately, and whether it matches."""

    text: str
    total: int
    recent: int
    is_match: bool

    @property
    def is_new(self) -> bool:
        return 0 < self.recent == self.total


def new_values(counts: Sequence[ValueCount], options: Collection[str], *, is_free_text: bool) -> list[ValueCount]:
    """Return the new values that the criterion does not match: it may have lost sight of leads that it means.

    In a free text, as a title, unknown values come every day. There a new value counts only if it resembles one that
    the criterion asks for or has matched, or if the criterion lately matches far less than before.
    """
    if sum(count.total - count.recent for count in counts) < KNOWN_BEFORE:
        return []
    unmatched = [count for count in counts if count.is_new and not count.is_match and count.recent >= NEW_VALUE_COUNT]
    if not is_free_text or not unmatched or _has_lost_matches(counts):
        return unmatched
    expected = [*options, *(count.text for count in counts if count.is_match and not count.is_new)]
    return [count for count in unmatched if find_alike(count.text, expected)]


def _has_lost_matches(counts: Sequence[ValueCount]) -> bool:
    recent, earlier = sum(count.recent for count in counts), sum(count.total - count.recent for count in counts)
    recent_hits = sum(count.recent for count in counts if count.is_match)
    earlier_hits = sum(count.total - count.recent for count in counts if count.is_match)
    return has_dropped(recent_hits, recent, earlier_hits, earlier)


def find_alike(text: str, expected: Collection[str]) -> str:
    """Return the expected value that a text resembles most, or "" if it resembles none."""
    by_folded_text = {value.strip().casefold(): value for value in expected}
    matches = difflib.get_close_matches(text.strip().casefold(), by_folded_text, n=1, cutoff=ALIKE)
    return by_folded_text[matches[0]] if matches else ""


def never_matches(counts: Sequence[ValueCount]) -> bool:
    """Say whether a criterion matches none of many known values."""
    return sum(count.total for count in counts) >= NEVER_MATCHED_COUNT and not any(count.is_match for count in counts)


def has_dropped(hits: int, total: int, earlier_hits: int, earlier_total: int) -> bool:
    """Say whether a share fell below half of what it was, by more than chance explains (`CHANCE`)."""
    if not total or not earlier_hits:
        return False
    share = earlier_hits / earlier_total
    return hits / total < share / 2 and binomial_tail(hits, total, share) < CHANCE


def binomial_tail(hits: int, total: int, share: float) -> float:
    """Return the chance of at most `hits` among `total`, each with the chance `share`."""
    if share >= 1:
        return 1.0 if hits >= total else 0.0
    terms = (
        math.lgamma(total + 1) - math.lgamma(k + 1) - math.lgamma(total - k + 1)
        + k * math.log(share) + (total - k) * math.log1p(-share)
        for k in range(hits + 1)
    )  # fmt: skip
    return min(sum(math.exp(term) for term in terms), 1.0)


def is_missed(days: Sequence[int]) -> bool:
    """Say whether a signal stopped: `days` counts its events of each day, the last day last (57 days or more).

    Either the last day is empty although this day of the week brought events in each of the eight weeks before, or the
    last week is empty although each of the seven before brought some.
    """
    same_weekdays, weeks = (
        days[-57:-1:7],
        [sum(days[first : first + 7]) for first in range(len(days) - 56, len(days), 7)],
    )
    misses_day = days[-1] == 0 and min(same_weekdays) >= LEAST_EVENTS
    misses_week = weeks[-1] == 0 and min(weeks[:-1]) >= LEAST_EVENTS
    return misses_day or misses_week
