"""The speed at which MQLs move from stage to stage, and the chance that one opens an opportunity in a window of days (rules 12.32).

Pure. An MQL waits for a decision, is accepted, or is an SQL. At each age in its stage it has a rate of each move a day,
the moves that were seen at that age divided by the days that MQLs spent in it, so that MQLs whose end is not known yet
count with the time that they had.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sla.forecast.mql_history import NEVER, Days, KnownMqls

#: Ages in a stage, in days, between which the rates change: narrow where much happens.
AGE_EDGES: Final = np.array([0, 1 / 24, 4 / 24, 0.5, 1, 2, 4, 7, 10, 14, 21, 28, 42, 56, 77, 98, 126, 182, np.inf])
#: From this age on, in days, the rates are the same.
OLDEST_AGE: Final = 182
#: What is believed of a rate before anything was seen: half a move at the average rate of the stage.
_PRIOR_MOVES: Final = 0.5
_SMALLEST_LOG: Final = 600
_COUNTED_BY_WEEK_FROM: Final = 14


class OpenStage(IntEnum):
    """A stage in which an MQL is in hand."""

    WAITING = 0
    ACCEPTED = 1
    SQL = 2


class Move(IntEnum):
    """The way of an MQL out of its stage: to a later stage, to an opportunity, or out of hand."""

    ACCEPTED = 1
    SQL = 2
    OPENED = 3
    GONE = 4


@dataclass(frozen=True, slots=True)
class StageStays:
    """The time of MQLs in one stage: when it began, how long it lasted in days, and the move at its end (0: still there)."""

    began_at: Days
    days: Days
    move: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class MoveCounts:
    """The moves from one stage by kind and age, and the days that MQLs spent at each age."""

    moves: dict[Move, NDArray[np.float64]]
    days: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class InHand:
    """MQLs in one stage, counted by their age in whole days."""

    ages: NDArray[np.int64]
    counts: NDArray[np.int64]


def list_stays(known: KnownMqls) -> dict[OpenStage, StageStays]:
    """Return the stays of all MQLs by stage."""
    end = np.minimum(known.opened_at, known.gone_at)
    sql_at = np.where(known.sql_at < end, known.sql_at, NEVER)
    after_acceptance = np.minimum(sql_at, end)
    accepted_at = np.where(known.accepted_at < after_acceptance, known.accepted_at, NEVER)
    next_at = {Move.ACCEPTED: accepted_at, Move.SQL: sql_at, Move.OPENED: known.opened_at, Move.GONE: known.gone_at}
    began = {
        OpenStage.WAITING: known.qualified_at,
        OpenStage.ACCEPTED: accepted_at,
        OpenStage.SQL: sql_at,
    }
    return {stage: _list_stays(stage, began[stage], next_at, known.until) for stage in OpenStage}


def count_moves(stays: StageStays) -> MoveCounts:
    """Count the moves and the days spent by age."""
    bucket = np.searchsorted(AGE_EDGES, stays.days, side="right") - 1
    moves = {move: np.bincount(bucket[stays.move == move], minlength=len(AGE_EDGES) - 1).astype(float) for move in Move}
    widths = np.diff(AGE_EDGES)
    # Whole buckets of all who stayed beyond them, and the rest of those who left within.
    stayed = np.bincount(bucket, minlength=len(widths))
    beyond = len(bucket) - np.cumsum(stayed)
    rest = np.bincount(bucket, weights=stays.days - AGE_EDGES[bucket], minlength=len(widths))
    whole = np.where(beyond > 0, beyond * np.where(np.isinf(widths), 0, widths), 0)
    return MoveCounts(moves, whole + rest)


def draw_rates(counts: MoveCounts, draws: int, rng: np.random.Generator) -> dict[Move, NDArray[np.float64]]:
    """Draw the rates a day by move, each `(draws, ages)`, as uncertain as the counts leave them.

    A rate has the gamma distribution that counts of moves in a known time give.
    """
    rates = {}
    for move, moves in counts.moves.items():
        total = moves.sum()
        if total == 0:
            rates[move] = np.zeros((draws, len(moves)))
            continue
        days_of_prior = _PRIOR_MOVES * counts.days.sum() / total
        rates[move] = rng.gamma(moves + _PRIOR_MOVES, 1, (draws, len(moves))) / (counts.days + days_of_prior)
    return rates


def count_in_hand(stays: StageStays, until: float) -> InHand:
    """Count those that are still in the stage by their age: by day, older ones by the middle of their week."""
    ages = np.minimum(np.floor(until - stays.began_at[stays.move == 0]), OLDEST_AGE).astype(np.int64)
    ages = np.where(ages < _COUNTED_BY_WEEK_FROM, ages, ages // 7 * 7 + 3)
    distinct, counts = np.unique(np.minimum(ages, OLDEST_AGE), return_counts=True)
    return InHand(distinct, counts)


@dataclass(frozen=True, slots=True)
class WindowChances:
    """The chance to open in a window: of each group in hand `(draws, groups)`, and the sum over a new MQL a day `(draws,)`."""

    in_hand: dict[OpenStage, NDArray[np.float64]]
    per_new_mql_a_day: NDArray[np.float64]


def compute_window_chances(
    rates: dict[OpenStage, dict[Move, NDArray[np.float64]]],
    in_hand: dict[OpenStage, InHand],
    *,
    window: tuple[int, int],
) -> WindowChances:
    """Return the chances to open an opportunity in the days `[window[0], window[1])` from now, by drawn rates.

    Later stages come first: the chance by way of a later stage is the chance to enter it on a day, times the chance to
    open in what is left of the window from there.
    """
    start, end = window
    chances: dict[OpenStage, NDArray[np.float64]] = {}
    opening_by_day: dict[OpenStage, NDArray[np.float64]] = {}
    entering: dict[OpenStage, NDArray[np.float64]] = {}
    is_in_window = (np.arange(end) >= start).astype(float)[None, :]
    for stage in (OpenStage.SQL, OpenStage.ACCEPTED, OpenStage.WAITING):
        still_there, leaving = _compute_leaving(rates[stage], OLDEST_AGE + end)
        # Of a newcomer: the chance to open on each day, directly or by way of a later stage.
        openings = leaving[Move.OPENED][:, :end].copy()
        for later, of_later in opening_by_day.items():
            openings += _convolve(leaving[Move(int(later))][:, :end], of_later)
        ages = in_hand[stage].ages
        chance = _sum_from_ages(leaving[Move.OPENED], ages, is_in_window)
        for later, of_entering in entering.items():
            chance += _sum_from_ages(leaving[Move(int(later))], ages, of_entering)
        chances[stage] = chance / still_there[:, ages]
        opening_by_day[stage] = openings
        entering[stage] = _chance_by_day_of_entering(openings, start, end)
    return WindowChances(chances, entering[OpenStage.WAITING].sum(axis=1))


def _list_stays(stage: OpenStage, began_at: Days, next_at: dict[Move, Days], until: float) -> StageStays:
    is_there = np.flatnonzero(began_at < until)
    began = began_at[is_there]
    left_at, move = np.full(len(began), until), np.zeros(len(began), dtype=np.int64)
    for to in [move for move in Move if int(move) > stage]:
        instants = next_at[to][is_there]
        is_earlier = instants < left_at
        left_at[is_earlier], move[is_earlier] = instants[is_earlier], to
    return StageStays(began, np.maximum(left_at - began, 0), move)


def _compute_leaving(
    rates: dict[Move, NDArray[np.float64]], days: int
) -> tuple[NDArray[np.float64], dict[Move, NDArray[np.float64]]]:
    """Return for a newcomer the chance to be there at the beginning of each day, and of each move on it: `(draws, days)`."""
    # Each day from the second on lies in one bucket of ages; the first has several.
    bucket = np.searchsorted(AGE_EDGES, np.arange(days), side="right") - 1
    first_day = np.diff(AGE_EDGES[AGE_EDGES <= 1])
    hazards = {move: rate[:, bucket] for move, rate in rates.items()}
    for move, rate in rates.items():
        hazards[move][:, 0] = (rate[:, : len(first_day)] * first_day).sum(axis=1)
    total = np.sum(list(hazards.values()), axis=0)
    # Beyond e^-600 a chance could become 0, by which nothing can be divided.
    still_there = np.exp(-np.minimum(np.cumsum(total, axis=1) - total, _SMALLEST_LOG))
    leaves = np.divide(-np.expm1(-total), total, out=np.zeros_like(total), where=total > 0) * still_there
    return still_there, {move: leaves * hazard for move, hazard in hazards.items()}


def _sum_from_ages(
    leaving: NDArray[np.float64], ages: NDArray[np.int64], weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return for each age the sum over the coming days of leaving on the day, times the day's weight: `(draws, ages)`."""
    days = weights.shape[1]
    sums = [(leaving[:, age : age + days] * weights).sum(axis=1) for age in ages]
    return np.stack(sums, axis=1) if sums else np.zeros((len(leaving), 0))


def _convolve(entering: NDArray[np.float64], openings: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the chance to open by day, for chances to enter a stage by day and then to open by day, each `(draws, days)`."""
    days = entering.shape[1]
    # By Fourier transforms over twice the days, so that nothing wraps around.
    product = np.fft.rfft(entering, 2 * days) * np.fft.rfft(openings, 2 * days)
    return np.fft.irfft(product, 2 * days)[:, :days].clip(0)


def _chance_by_day_of_entering(openings: NDArray[np.float64], start: int, end: int) -> NDArray[np.float64]:
    """Return for each day of entering the chance to open in `[start, end)` from now."""
    opened_by = np.concatenate([np.zeros((len(openings), 1)), np.cumsum(openings, axis=1)], axis=1)
    day = np.arange(end)
    chances: NDArray[np.float64] = opened_by[:, end - day] - opened_by[:, np.maximum(start - day, 0)]
    return chances
