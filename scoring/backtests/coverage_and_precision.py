"""The arithmetic of a backtest (rules 10.2 to 10.4, 10.18): first qualifying instants against outcomes. Arrays in, counts out."""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import astuple, dataclass
from typing import Any, Final
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from definitions.backtest_bars import (
    BIASED_PERCENT,
    COVERAGE_PERCENT,
    OVER_TIGHTENED_PERCENT,
    PRECISION_PERCENT,
    REJECTED_AT_LEAST,
    WON_AT_LEAST,
)
from scoring.backtests.intervals_and_tests import Sample, wilson
from scoring.engine.timeline import DAY, FOREVER, Ints, places
from scoring.instants import microseconds

#: The share of a lead's chance to be won is told only from leads flagged this long before the end of the period, unless the
#: observed time says otherwise (rules 10.18).
DAYS_TO_WIN: Final = 30
#: With fewer wins of observed MQLs their median says nothing, and DAYS_TO_WIN is taken.
OBSERVED_WINS_AT_LEAST: Final = 20

# Lies before every instant, so a comparison "at or after" is false for an outcome that never came.
NEVER: Final = -FOREVER


@dataclass(frozen=True, slots=True, eq=False)
class DatedLeads:
    """Leads with one instant each: `lead` holds distinct ids, ascending; `at` their microseconds."""

    lead: Ints
    at: Ints

    def __len__(self) -> int:
        return int(self.lead.size)

    def instants_of(self, leads: Ints) -> Ints:
        """Return the instants of these leads, NEVER for leads that have none."""
        if not len(self):
            return np.full(leads.size, NEVER)
        place = np.minimum(np.searchsorted(self.lead, leads), len(self) - 1)
        return np.where(self.lead[place] == leads, self.at[place], NEVER)

    def within(self, low: int, high: int) -> DatedLeads:
        """Return the rows whose lead id lies in [low, high]."""
        some = slice(*np.searchsorted(self.lead, (low, high + 1)).tolist())
        return DatedLeads(self.lead[some], self.at[some])

    def where(self, chosen: NDArray[np.bool_]) -> DatedLeads:
        """Return the rows that the mask chooses."""
        return DatedLeads(self.lead[chosen], self.at[chosen])


def earliest_of_each_lead(lead: Ints, at: Ints) -> DatedLeads:
    """Return each lead's first instant, from rows in any order."""
    order = np.lexsort((at, lead))
    lead, at = lead[order], at[order]
    first = first_positions(lead)
    return DatedLeads(lead[first], at[first])


def latest_of_each_lead(lead: Ints, at: Ints) -> DatedLeads:
    """Return each lead's last instant, from rows in any order."""
    backwards = earliest_of_each_lead(lead, -at)
    return DatedLeads(backwards.lead, -backwards.at)


def first_positions(lead: NDArray[Any]) -> NDArray[np.intp]:
    """Return the position at which each value of a sorted column first stands."""
    return np.flatnonzero(np.concatenate((np.ones(min(lead.size, 1), dtype=np.bool_), lead[1:] != lead[:-1])))


def first_where(lead: Ints, meets: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Return the index of each lead's first pair that meets; the pairs are sorted by lead and instant."""
    meeting = np.flatnonzero(meets)
    chosen: NDArray[np.intp] = meeting[first_positions(lead[meeting])]
    return chosen


@dataclass(frozen=True, slots=True, eq=False)
class LeadOutcomes:
    """The outcomes of leads as aligned arrays of microseconds: the first win, the last win, and the last instant at which
    sales accepted the lead or took it further. NEVER stands for an outcome that a lead does not have.
    """

    won: Ints
    last_won: Ints
    last_accepted: Ints

    def pick(self, positions: NDArray[Any]) -> LeadOutcomes:
        """Return the outcomes at these positions."""
        return LeadOutcomes(self.won[positions], self.last_won[positions], self.last_accepted[positions])

    def is_won_since(self, at: Ints) -> NDArray[np.bool_]:
        """Say for each lead whether it was won at or after `at`, be it for the first time or again."""
        return self.last_won >= at

    def is_accepted_since(self, at: Ints) -> NDArray[np.bool_]:
        """Say for each lead whether it was accepted, taken further or won at or after `at`."""
        # A lead that was won had been accepted, whether or not its acceptance was recorded.
        accepted: NDArray[np.bool_] = np.maximum(self.last_won, self.last_accepted) >= at
        return accepted


@dataclass(frozen=True, slots=True, eq=False)
class OutcomeHistory:
    """The outcomes of leads before the end of a period: the first and the last win of each, the last instant at which
    sales accepted it or took it further, and its last rejection in the period.

    `rejected` counts rejections, not leads: one lead may be rejected several times. `further_wins` counts the wins of the
    period of leads that had been won before.
    """

    won: DatedLeads
    last_won: DatedLeads
    last_accepted: DatedLeads
    rejections: DatedLeads
    rejected: int
    further_wins: int = 0
    #: Leads flagged at or before this instant (microseconds) had the usual time to be won within the period.
    ripe_until: int = FOREVER
    #: That time in days (rules 10.18).
    days_to_win: int = 0

    def won_since(self, start: int) -> DatedLeads:
        """Return the first wins of the period that begins at `start` (microseconds)."""
        return self.won.where(self.won.at >= start)

    def outcomes_of(self, leads: Ints) -> LeadOutcomes:
        """Return the outcomes of these leads."""
        return LeadOutcomes(
            self.won.instants_of(leads), self.last_won.instants_of(leads), self.last_accepted.instants_of(leads)
        )


@dataclass(frozen=True, slots=True)
class CohortCounts:
    """Counts of the leads that began to qualify in a period.

    `flagged` is how many began; `won` and `sal` how many of them were won or accepted at or after it, whether for the
    first time or again. `covered` counts the first wins of the period whose lead had qualified before. `ripe` of the
    flagged leads had the usual time to be won, and `ripe_won` of those were.
    """

    flagged: int = 0
    covered: int = 0
    won: int = 0
    sal: int = 0
    ripe: int = 0
    ripe_won: int = 0

    def __add__(self, other: CohortCounts) -> CohortCounts:
        return CohortCounts(*(mine + theirs for mine, theirs in zip(astuple(self), astuple(other), strict=True)))

    @property
    def precision_won(self) -> Sample:
        return Sample(self.won, self.flagged)

    @property
    def precision_sal(self) -> Sample:
        return Sample(self.sal, self.flagged)

    @property
    def precision_ripe(self) -> Sample:
        """Return the wins among the leads that had the usual time to be won."""
        return Sample(self.ripe_won, self.ripe)

    @property
    def recent(self) -> Sample:
        """Return the leads flagged too recently to be won, and the wins among them; they stand apart."""
        return Sample(self.won - self.ripe_won, self.flagged - self.ripe)


def count_cohort(at: Ints, outcomes: LeadOutcomes, *, start: int, ripe_until: int) -> CohortCounts:
    """Count the leads that first qualified at `at`, by what became of them (rules 10.2, 10.3, 10.18).

    `outcomes` are those of the same leads in the same order. No instant lies after the period.
    """
    flagged = at >= start
    ripe, won = flagged & (at <= ripe_until), outcomes.is_won_since(at)
    return CohortCounts(
        flagged=int(np.count_nonzero(flagged)),
        covered=int(np.count_nonzero((outcomes.won >= start) & (at < outcomes.won))),
        won=int(np.count_nonzero(flagged & won)),
        sal=int(np.count_nonzero(flagged & outcomes.is_accepted_since(at))),
        ripe=int(np.count_nonzero(ripe)),
        ripe_won=int(np.count_nonzero(ripe & won)),
    )


def median_days_to_win(won: DatedLeads, qualified_lead: Ints, qualified_at: Ints) -> int:
    """Return the median days from a lead's last MQL before its first win to that win, rounded up; DAYS_TO_WIN below the
    sample. The MQLs come in any order.
    """
    order = np.lexsort((qualified_at, qualified_lead))
    lead, at = qualified_lead[order], qualified_at[order]
    position = places(lead, at, won.lead, won.at) - 1
    known = position >= 0
    known[known] = lead[position[known]] == won.lead[known]
    if np.count_nonzero(known) < OBSERVED_WINS_AT_LEAST:
        return DAYS_TO_WIN
    return math.ceil(float(np.median(won.at[known] - at[position[known]])) / DAY)


def recent_as_dict(counts: CohortCounts, history: OutcomeHistory) -> dict[str, Any]:
    """Return for JSON the precision of the leads that had time to be won, and those that stand apart."""
    return {
        "precision_ripe": share_as_dict(counts.precision_ripe),
        "too_recent": {
            "flagged": counts.recent.total,
            "won": counts.recent.hits,
            "days": history.days_to_win,
        },
    }


@dataclass(frozen=True, slots=True, eq=False)
class PeriodWeeks:
    """The ISO weeks that a period touches, in the company's time zone: their Mondays, and their beginnings in
    microseconds.
    """

    mondays: tuple[dt.date, ...]
    edges: Ints

    @classmethod
    def covering(cls, start: dt.datetime, end: dt.datetime, zone: ZoneInfo) -> PeriodWeeks:
        """Return the weeks of [start, end)."""
        first, last = ((at.astimezone(zone)).date() for at in (start, end - dt.timedelta(microseconds=1)))
        monday = first - dt.timedelta(days=first.weekday())
        mondays = tuple(monday + dt.timedelta(days=days) for days in range(0, (last - monday).days + 1, 7))
        edges = [microseconds(dt.datetime.combine(day, dt.time(), zone).astimezone(dt.UTC)) for day in mondays]
        return cls(mondays, np.array(edges, dtype=np.int64))

    def count_by_week(self, at: Ints) -> NDArray[np.int64]:
        """Count the instants in each week; none of them lies before the first week."""
        week = np.searchsorted(self.edges, at, side="right") - 1
        return np.bincount(week, minlength=len(self.mondays)).astype(np.int64)


def is_enough(won: int, rejected: int) -> bool:
    """Say whether the samples are large enough for a verdict (rules 10.4)."""
    return won >= WON_AT_LEAST and rejected >= REJECTED_AT_LEAST


def verdict_sentences(coverage: Sample, precision: Sample, rejected: int) -> tuple[str, ...]:
    """Return the verdicts on a version in sentences; below the minimum samples, one sentence that there is none (rules
    10.4).
    """
    if not is_enough(coverage.total, rejected):
        return (_not_enough_sentence(coverage.total, rejected),)
    sentences = []
    missed = coverage.total - coverage.hits
    if missed * 100 >= coverage.total * OVER_TIGHTENED_PERCENT:
        sentences.append(
            f"Over-tightened, far too tight: it would have missed {OVER_TIGHTENED_PERCENT} % or more of the leads that were won."
        )
    elif coverage.hits * 100 < coverage.total * COVERAGE_PERCENT:
        sentences.append(
            f"Too tight: it would have missed more than {100 - COVERAGE_PERCENT} % of the leads that were won."
        )
    if coverage.hits * 100 > coverage.total * BIASED_PERCENT:
        sentences.append(f"Coverage above {BIASED_PERCENT} %: the sample may be biased toward late-funnel captures.")
    if not precision.total:
        sentences.append("Precision cannot be judged: no lead was flagged early enough to be won.")
    if precision.hits * 100 < precision.total * PRECISION_PERCENT:
        sentences.append(f"Too loose: fewer than {PRECISION_PERCENT} % of the leads it flags were won.")
    return tuple(sentences) or ("Passes: it covers the wins, and enough of what it flags is won.",)


def share_as_dict(sample: Sample) -> dict[str, Any]:
    """Return a proportion for JSON: `n` of `of`, its rate, and the Wilson interval of 95 % (None where `of` is 0)."""
    interval = wilson(sample.hits, sample.total)
    return {
        "n": sample.hits,
        "of": sample.total,
        "rate": sample.rate,
        "interval_95": list(interval) if interval else None,
    }


def _not_enough_sentence(won: int, rejected: int) -> str:
    return (
        f"Not enough data for a verdict: {won} won of {WON_AT_LEAST} needed, {rejected} rejected of {REJECTED_AT_LEAST} needed."
        " Read the intervals instead."
    )
