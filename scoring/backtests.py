"""What a version would have done: coverage and precision over a past period, each lead judged on what was known then (SPEC 10)."""

from __future__ import annotations

import calendar
import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from django.conf import settings

from definitions.backtests import MONTHS
from scoring import columns, histories
from scoring.cohorts import (
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
from scoring.engine.judge import first_qualifying
from scoring.engine.rules import Rules
from scoring.instants import microseconds
from scoring.statistics import Sample

__all__ = [
    "BIASED_PERCENT", "COVERAGE_PERCENT", "PRECISION_PERCENT", "REJECTED_AT_LEAST", "WON_AT_LEAST", "Backtest", "History",
    "compare", "first_instants", "history", "last_months", "run", "verdicts",
]  # fmt: skip

history = histories.of_period


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
    for facts in columns.everything(rules, folder=folder):
        leads, instants, _ = first_qualifying(rules, facts, until=microseconds(until) - 1)
        lead.append(facts.lead_ids[leads])
        at.append(instants)
    return Dated(np.concatenate(lead), np.concatenate(at))
