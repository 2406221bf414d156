"""The arithmetic of a backtest: leads flagged too recently to be won, and the names of verdicts (rules 10.2, 10.3, 10.18)."""

from __future__ import annotations

import numpy as np
import pytest

from scoring.backtests.coverage_and_precision import (
    DAYS_TO_WIN,
    NEVER,
    DatedLeads,
    LeadOutcomes,
    count_cohort,
    median_days_to_win,
    verdict_sentences,
)
from scoring.backtests.intervals_and_tests import Sample
from scoring.engine.timeline import DAY


def column(*instants: int) -> np.ndarray:
    return np.array(instants, dtype=np.int64)


def test_leads_flagged_too_recently_to_be_won_stand_apart_and_are_no_losses() -> None:
    # Flagged on days 0 to 4 of a period whose leads had time to be won up to day 2; the first and the last were won.
    at = column(0, 1, 2, 3, 4) * DAY
    won = column(10 * DAY, NEVER, NEVER, NEVER, 11 * DAY)
    outcomes = LeadOutcomes(won, won, np.full(5, NEVER))

    counts = count_cohort(at, outcomes, start=0, ripe_until=2 * DAY)

    assert counts.precision_won == Sample(2, 5)
    assert counts.precision_ripe == Sample(1, 3)
    assert counts.recent == Sample(1, 2)


def test_the_time_to_win_is_the_median_of_observed_mqls() -> None:
    leads = np.arange(21, dtype=np.int64)
    won = DatedLeads(leads, leads * 0 + 200 * DAY)
    # One MQL of each lead, n days before its win; an earlier cycle and a later one do not count.
    lead, at = (
        np.concatenate((leads, leads, leads)),
        np.concatenate((200 - leads, leads * 0 + 10, leads * 0 + 300)) * DAY,
    )

    assert median_days_to_win(won, lead, at) == 10


def test_with_few_observed_wins_a_stated_number_of_days_is_taken() -> None:
    leads = np.arange(19, dtype=np.int64)
    won = DatedLeads(leads, leads * 0 + 200 * DAY)

    assert median_days_to_win(won, leads, leads * 0 + 199 * DAY) == DAYS_TO_WIN
    assert median_days_to_win(won, column(), column()) == DAYS_TO_WIN


@pytest.mark.parametrize(
    ("covered", "name"), [(40, "Over-tightened"), (41, "Too tight"), (69, "Too tight"), (70, "Passes")]
)
def test_missing_sixty_percent_of_the_wins_is_called_over_tightened(covered: int, name: str) -> None:
    assert verdict_sentences(Sample(covered, 100), Sample(50, 100), 40)[0].startswith(name)


def test_precision_of_no_lead_is_not_judged() -> None:
    assert verdict_sentences(Sample(80, 100), Sample(0, 0), 40) == (
        "Precision cannot be judged: no lead was flagged early enough to be won.",
    )
