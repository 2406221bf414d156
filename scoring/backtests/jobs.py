"""What a version would have done: coverage and precision over a past period, each lead judged on what was known then (SPEC 10).

`run` answers at once; what people ask for waits as a row (`definitions.Backtest`) and is done by `run_pending`.
"""

from __future__ import annotations

import calendar
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
from django.db import InterfaceError, OperationalError, transaction
from django.db.models import F

from definitions import models
from definitions.backtest_requests import MONTHS
from scoring.active_versions import rules_of
from scoring.backtests import outcome_history, runner
from scoring.backtests.coverage_and_precision import (
    BIASED_PERCENT,
    COVERAGE_PERCENT,
    PRECISION_PERCENT,
    REJECTED_AT_LEAST,
    WON_AT_LEAST,
    Dated,
    History,
    Weeks,
    counted,
    share,
    verdicts,
)
from scoring.backtests.statistics import Sample
from scoring.columns import fact_reader
from scoring.engine.judge import first_qualifying
from scoring.engine.rules import Rules
from scoring.instants import microseconds
from scoring.rule_compiler import compiled

__all__ = [
    "BIASED_PERCENT", "COVERAGE_PERCENT", "PRECISION_PERCENT", "REJECTED_AT_LEAST", "WON_AT_LEAST", "Backtest", "History",
    "compare", "first_instants", "history", "last_months", "run", "run_pending", "verdicts",
]  # fmt: skip

log = logging.getLogger(__name__)

#: How long a worker may say nothing before its work is anybody's again; it speaks after every range of leads.
LEASE: Final = dt.timedelta(minutes=3)
ATTEMPTS: Final = 3
_GAVE_UP: Final = (
    f"It was begun {ATTEMPTS} times and never came to its end: each time the worker stopped, or ran out of time or memory."
    " Try a shorter period."
)

Clock = Callable[[], dt.datetime]

history = outcome_history.of_period


@dataclass(frozen=True, slots=True)
class Backtest:
    """`lost` are the won leads that the version would have missed; `by_week` counts those it flags in each of `weeks` (Mondays)."""

    start: dt.datetime
    end: dt.datetime
    coverage: Sample
    precision_won: Sample
    precision_sal: Sample
    rejected: int
    verdicts: tuple[str, ...]
    lost: tuple[int, ...]
    flagged: int
    weeks: tuple[dt.date, ...]
    by_week: tuple[int, ...]

    def as_dict(self) -> dict[str, Any]:
        return {
            "from": self.start.isoformat(),
            "to": self.end.isoformat(),
            "coverage": share(self.coverage),
            "precision_won": share(self.precision_won),
            "precision_sal": share(self.precision_sal),
            "rejected": self.rejected,
            "verdicts": list(self.verdicts),
            "lost_wins": list(self.lost),
        }


def last_months(end: dt.datetime, months: int = MONTHS) -> tuple[dt.datetime, dt.datetime]:
    """[midnight so many calendar months ago, `end`), in the company's time zone (SPEC 4)."""
    zone = ZoneInfo(settings.COMPANY_TIME_ZONE)
    local = end.astimezone(zone)
    years, month = divmod(local.year * 12 + local.month - 1 - months, 12)
    day = min(local.day, calendar.monthrange(years, month + 1)[1])
    return dt.datetime(years, month + 1, day, tzinfo=zone).astimezone(dt.UTC), end


def run(rules: Rules, *, start: dt.datetime, end: dt.datetime, folder: Path | None = None) -> Backtest:
    """Judge all leads at every instant up to `end`, and compare with what became of them in [start, end).

    Coverage: of the leads won in the period, those that met the rules before they were won. Precision: of the leads whose
    first qualifying instant lies in the period, those won (or accepted by sales) at or after it and before `end`.
    """
    return compare(_first(rules, end, folder), history(start, end), start=start, end=end)


def first_instants(rules: Rules, *, until: dt.datetime, folder: Path | None = None) -> Mapping[int, int]:
    """The first qualifying instant, before `until`, of each lead that has one; microseconds by lead id."""
    first = _first(rules, until, folder)
    return dict(zip(first.lead.tolist(), first.at.tolist(), strict=True))


def compare(first: Dated, known: History, *, start: dt.datetime, end: dt.datetime) -> Backtest:
    """First qualifying instants, all before `end`, against what became of the leads in [start, end)."""
    since = microseconds(start)
    won = known.won_since(since)
    counts = counted(first.at, known.won.at_of(first.lead), known.accepted.at_of(first.lead), start=since)
    qualified = first.at_of(won.lead)
    missed = ~((qualified < won.at) & np.isin(won.lead, first.lead))
    coverage = Sample(counts.covered, len(won))
    weeks = Weeks.of(start, end, ZoneInfo(settings.COMPANY_TIME_ZONE))
    return Backtest(
        start=start,
        end=end,
        coverage=coverage,
        precision_won=counts.precision_won,
        precision_sal=counts.precision_sal,
        rejected=known.rejected,
        verdicts=verdicts(coverage, counts.precision_won, known.rejected),
        lost=tuple(won.lead[missed].tolist()),
        flagged=counts.flagged,
        weeks=weeks.mondays,
        by_week=tuple(weeks.counts(first.at[first.at >= since]).tolist()),
    )


def _first(rules: Rules, until: dt.datetime, folder: Path | None) -> Dated:
    lead, at = [], []
    for facts in fact_reader.everything(rules, folder=folder):
        leads, instants, _ = first_qualifying(rules, facts, until=microseconds(until) - 1)
        lead.append(facts.lead_ids[leads])
        at.append(instants)
    return Dated(np.concatenate(lead), np.concatenate(at))


# ── The job ───────────────────────────────────────────────────────────────────────────────────────────────


class _Stopped(Exception):
    """Somebody cancelled it, or another worker has it now."""


def run_pending(*, now: dt.datetime) -> int:
    """Do one backtest that was asked for; how many were done.

    One at a time, wherever the workers are: live work must not wait because people try things.
    """
    began = time.monotonic()
    backtest = _claim(now)
    if backtest is None:
        return 0
    _do(backtest, lambda: now + dt.timedelta(seconds=time.monotonic() - began))
    return 1


@transaction.atomic
def _claim(now: dt.datetime) -> models.Backtest | None:
    """The one that was tried least often, then the oldest. `attempts` is also the token: who holds an older one writes nothing more."""
    rows = models.Backtest.objects.pending().order_by("attempts", "pk")
    pending = list(rows.select_for_update(of=("self",), no_key=True))
    if any(each.claimed_until is not None and each.claimed_until > now for each in pending):
        return None
    for each in pending:
        if each.attempts >= ATTEMPTS:
            _write(each, finished_at=now, error=_GAVE_UP, claimed_until=None)
            continue
        _write(each, claimed_until=now + LEASE, attempts=each.attempts + 1, done=0, total=0)
        each.attempts += 1
        return each
    return None


def _do(backtest: models.Backtest, clock: Clock) -> None:
    """It ends with a result, with an error, or not at all: then its lease does."""
    began = clock()

    def progress(done: int, total: int) -> None:
        if not _write(backtest, done=done, total=total, claimed_until=clock() + LEASE):
            raise _Stopped

    try:
        result = _judged(backtest, progress)
        result["seconds"] = round((clock() - began).total_seconds(), 3)
        _write(backtest, result=result, done=F("total"), finished_at=clock(), claimed_until=None)
    except _Stopped:
        log.info("A backtest was stopped.", extra={"backtest": backtest.pk})
    except (OperationalError, InterfaceError):
        # The database is away: nothing can be written, and the lease brings it back.
        raise
    except Exception as error:
        log.exception("A backtest failed.", extra={"backtest": backtest.pk})
        _write(backtest, finished_at=clock(), error=_said(error), claimed_until=None)


def _judged(backtest: models.Backtest, progress: runner.Progress) -> dict[str, Any]:
    """By the document as it was when somebody asked, whatever became of the draft."""
    version, against = backtest.version, backtest.against
    return runner.result(
        runner.Candidate(version.number, compiled(backtest.document)),
        None if against is None else runner.Candidate(against.number, rules_of(against)),
        start=backtest.start,
        end=backtest.end,
        progress=progress,
    )


def _write(backtest: models.Backtest, **columns: object) -> bool:
    """False when it is finished, or somebody else's, by now."""
    mine = models.Backtest.objects.pending().filter(pk=backtest.pk, attempts=backtest.attempts)
    return mine.update(**columns) == 1


def _said(error: Exception) -> str:
    """Our own refusals are sentences; anything else is named, and the log has the rest."""
    told = f": {error}" if isinstance(error, ValueError) else ""
    return f"It could not be judged ({type(error).__name__}{told}). An administrator finds more in the log."[:500]
