"""Backtests (rules 10.1 to 10.3, 10.6): the figures of a version over a past period, and the job that a worker does.

`compute_figures` answers at once. A backtest that people ask for waits as a row (`definitions.models.Backtest`) for
`run_pending`.
"""

from __future__ import annotations

import datetime as dt
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import numpy as np
from django.conf import settings
from django.db import transaction
from django.db.models import F

from config import outages
from definitions import models
from leads.vocabulary import Motion
from scoring.account_judgement import account_versions
from scoring.active_versions import basis_of_backtest, rules_of, rules_of_backtest
from scoring.backtests import account_backtest, outcome_history, runner
from scoring.backtests.coverage_and_precision import (
    DatedLeads,
    OutcomeHistory,
    PeriodWeeks,
    count_cohort,
    share_as_dict,
    verdict_sentences,
)
from scoring.backtests.intervals_and_tests import Sample
from scoring.columns import fact_reader
from scoring.engine.judge import first_qualifying
from scoring.engine.rules import Rules
from scoring.instants import microseconds

__all__ = [
    "BacktestFigures", "OutcomeHistory",
    "compare_with_outcomes", "compute_figures", "find_first_instants", "read_history", "run_pending", "verdict_sentences",
]  # fmt: skip

log = logging.getLogger(__name__)

#: A worker that reports no progress for this long loses its backtest (rules 10.6). It reports after every range of leads.
LEASE: Final = dt.timedelta(minutes=3)
ATTEMPTS: Final = 3
_GIVEN_UP_SENTENCE: Final = (
    f"It was begun {ATTEMPTS} times and never came to its end: each time the worker stopped, or ran out of time or memory."
    " Try a shorter period."
)

ReadTime = Callable[[], dt.datetime]

read_history = outcome_history.read_history


@dataclass(frozen=True, slots=True)
class BacktestFigures:
    """The figures of one version over [start, end).

    `lost_wins` are the won leads that the version would have missed; `by_week` counts the leads that it flags in each
    of `weeks` (Mondays).
    """

    start: dt.datetime
    end: dt.datetime
    coverage: Sample
    precision_won: Sample
    precision_sal: Sample
    #: Wins among the leads flagged early enough to be won, the leads that were not, and the days that it takes (rules 10.18).
    precision_ripe: Sample
    recent: Sample
    days_to_win: int
    rejected: int
    verdicts: tuple[str, ...]
    lost_wins: tuple[int, ...]
    flagged: int
    weeks: tuple[dt.date, ...]
    by_week: tuple[int, ...]

    def as_dict(self) -> dict[str, Any]:
        return {
            "from": self.start.isoformat(),
            "to": self.end.isoformat(),
            "coverage": share_as_dict(self.coverage),
            "precision_won": share_as_dict(self.precision_won),
            "precision_sal": share_as_dict(self.precision_sal),
            "precision_ripe": share_as_dict(self.precision_ripe),
            "too_recent": self.recent_as_dict(),
            "rejected": self.rejected,
            "verdicts": list(self.verdicts),
            "lost_wins": list(self.lost_wins),
        }

    def recent_as_dict(self) -> dict[str, Any]:
        """Return for JSON the leads that stand apart because they were flagged too recently to be won."""
        return {"flagged": self.recent.total, "won": self.recent.hits, "days": self.days_to_win}


def compute_figures(
    rules: Rules, *, start: dt.datetime, end: dt.datetime, folder: Path | None = None
) -> BacktestFigures:
    """Judge all leads at every instant before `end`, and compare with what became of them in [start, end).

    Coverage: of the leads won in the period, those that met the rules before they were won. Precision: of the leads
    whose first qualifying instant lies in the period, those won (or accepted by sales) at or after it and before `end`,
    for the first time or again.
    """
    history = read_history(Motion(rules.motion), start, end)
    return compare_with_outcomes(_find_first_qualifying(rules, end, folder), history, start=start, end=end)


def find_first_instants(rules: Rules, *, until: dt.datetime, folder: Path | None = None) -> Mapping[int, int]:
    """Return the first qualifying instant before `until` of each lead that has one; microseconds by lead id."""
    first = _find_first_qualifying(rules, until, folder)
    return dict(zip(first.lead.tolist(), first.at.tolist(), strict=True))


def compare_with_outcomes(
    first: DatedLeads, known: OutcomeHistory, *, start: dt.datetime, end: dt.datetime
) -> BacktestFigures:
    """Compare first qualifying instants, all before `end`, with what became of the leads in [start, end)."""
    since = microseconds(start)
    won = known.won_since(since)
    counts = count_cohort(first.at, known.outcomes_of(first.lead), start=since, ripe_until=known.ripe_until)
    qualified = first.instants_of(won.lead)
    missed = ~((qualified < won.at) & np.isin(won.lead, first.lead))
    coverage = Sample(counts.covered, len(won))
    weeks = PeriodWeeks.covering(start, end, ZoneInfo(settings.COMPANY_TIME_ZONE))
    return BacktestFigures(
        start=start,
        end=end,
        coverage=coverage,
        precision_won=counts.precision_won,
        precision_sal=counts.precision_sal,
        precision_ripe=counts.precision_ripe,
        recent=counts.recent,
        days_to_win=known.days_to_win,
        rejected=known.rejected,
        verdicts=verdict_sentences(coverage, counts.precision_ripe, known.rejected),
        lost_wins=tuple(won.lead[missed].tolist()),
        flagged=counts.flagged,
        weeks=weeks.mondays,
        by_week=tuple(weeks.count_by_week(first.at[first.at >= since]).tolist()),
    )


def _find_first_qualifying(rules: Rules, until: dt.datetime, folder: Path | None) -> DatedLeads:
    lead, at = [], []
    for facts in fact_reader.read_all(rules, folder=folder):
        leads, instants, _ = first_qualifying(rules, facts, until=microseconds(until) - 1)
        lead.append(facts.lead_ids[leads])
        at.append(instants)
    return DatedLeads(np.concatenate(lead), np.concatenate(at))


# ── The job


class _BacktestStopped(Exception):
    """The backtest was cancelled, or another worker has claimed it."""


def run_pending(*, now: dt.datetime) -> int:
    """Run one backtest that was asked for; return how many were run (0 or 1).

    One runs at a time, however many workers there are, because live work must not wait for experiments (rules 10.6):

    1. Lock all pending backtests; stop if a live lease shows that one is running.
    2. Give up the backtests that have been begun ATTEMPTS times.
    3. Claim the one with the fewest attempts, then the oldest: a new attempt and a lease of LEASE.
    4. Judge its document as it was when asked (rules 10.7), range by range; each range writes the progress and renews
       the lease.
    5. Stop without a trace if such a write finds the backtest cancelled or claimed by another worker.
    6. Store the result, or the error as a sentence, and end the lease. If the database is away nothing is written, and
       another worker takes over when the lease has run out.
    """
    began = time.monotonic()
    backtest = _claim_backtest(now)
    if backtest is None:
        return 0
    _run_claimed(backtest, lambda: now + dt.timedelta(seconds=time.monotonic() - began))
    return 1


@transaction.atomic
def _claim_backtest(now: dt.datetime) -> models.Backtest | None:
    """Claim the next backtest (steps 1 to 3 of `run_pending`), or return None.

    `attempts` is also the fencing token: a worker whose claim has an older number can write nothing more.
    """
    rows = models.Backtest.objects.pending().order_by("attempts", "pk")
    # 1. Locks all pending rows, waiting for a claim that another worker is making, so that two workers cannot both
    #    find none running. NO KEY, because rows that refer to a backtest need not wait.
    pending = list(rows.select_for_update(of=("self",), no_key=True))
    if any(backtest.claimed_until is not None and backtest.claimed_until > now for backtest in pending):
        return None
    for backtest in pending:
        # 2. Gives up what has been begun too often.
        if backtest.attempts >= ATTEMPTS:
            _write_while_claimed(backtest, finished_at=now, error=_GIVEN_UP_SENTENCE, claimed_until=None)
            continue
        # 3. Claims the first of the others; the update is by the old number of attempts, which is the token.
        _write_while_claimed(backtest, claimed_until=now + LEASE, attempts=backtest.attempts + 1, done=0, total=0)
        backtest.attempts += 1
        return backtest
    return None


def _run_claimed(backtest: models.Backtest, clock: ReadTime) -> None:
    """Run a claimed backtest to its result or its error (steps 4 to 6 of `run_pending`)."""
    began = clock()

    def progress(steps_done: int, total: int) -> None:
        # 5. The write finds no row if the backtest was cancelled or claimed again.
        if not _write_while_claimed(backtest, done=steps_done, total=total, claimed_until=clock() + LEASE):
            raise _BacktestStopped

    try:
        # 4.
        result = _judge_backtest(backtest, progress)
        result["seconds"] = round((clock() - began).total_seconds(), 3)
        # 6.
        _write_while_claimed(backtest, result=result, done=F("total"), finished_at=clock(), claimed_until=None)
    except _BacktestStopped:
        log.info("A backtest was stopped.", extra={"backtest": backtest.pk})
    except Exception as error:
        if outages.is_outage(error):
            # Another worker claims the backtest when the lease ends.
            raise
        log.exception("A backtest failed.", extra={"backtest": backtest.pk})
        _write_while_claimed(backtest, finished_at=clock(), error=_error_sentence(error), claimed_until=None)


def _judge_backtest(backtest: models.Backtest, progress: runner.Progress) -> dict[str, Any]:
    """Return the result of the backtest, judged by the document as it was when asked for (rules 10.7)."""
    version, against = backtest.version, backtest.against
    if backtest.document.get("account"):
        return account_backtest.run_account_backtest(
            version.number,
            account_versions.compile_account(backtest.document, basis_of_backtest(backtest)),
            None
            if against is None or against.account is None
            else (against.number, account_versions.compile_version(against)),
            start=backtest.start,
            end=backtest.end,
            progress=progress,
        )
    return runner.run_backtest(
        runner.CandidateVersion(version.number, rules_of_backtest(backtest)),
        None if against is None else runner.CandidateVersion(against.number, rules_of(against)),
        start=backtest.start,
        end=backtest.end,
        progress=progress,
    )


def _write_while_claimed(backtest: models.Backtest, **columns: object) -> bool:
    """Write the columns if the backtest is still pending and claimed by this attempt; return whether it was."""
    claimed = models.Backtest.objects.pending().filter(pk=backtest.pk, attempts=backtest.attempts)
    return claimed.update(**columns) == 1


def _error_sentence(error: Exception) -> str:
    """Return an error for people: the text of our own refusals, else a fixed sentence; the log has the rest."""
    detail = f"{str(error).rstrip('.')}." if isinstance(error, ValueError) else outages.describe_failure(error)
    return f"It could not be judged. {detail}"[:500]
