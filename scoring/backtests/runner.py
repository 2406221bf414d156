"""A full backtest: one version, and the version in force beside it, before all leads, range by range (SPEC 10)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import numpy as np
from django.conf import settings
from django.db.models import Max

from leads.models import Lead
from scoring.backtests import outcome_history
from scoring.backtests.coverage_and_precision import (
    NEVER,
    Counts,
    Dated,
    History,
    Weeks,
    counted,
    first_where,
    is_enough,
    share,
    verdicts,
)
from scoring.backtests.lost_wins import Loss, by_criterion, losses
from scoring.backtests.signal_lift import Lifts
from scoring.backtests.statistics import Sample
from scoring.backtests.threshold_curves import Heard, Landscape
from scoring.columns import event_columns, fact_reader
from scoring.engine import why
from scoring.engine.decisions import decisions
from scoring.engine.facts import Facts
from scoring.engine.judge import measured, verdict
from scoring.engine.rules import Rules
from scoring.explain import evaluation
from scoring.instants import from_microseconds, microseconds

ROWS: Final = 1000

#: Told how many of how many steps are done; may raise to stop.
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Candidate:
    """Rules and the number of the version that they are of."""

    number: str
    rules: Rules


@dataclass(frozen=True, slots=True)
class Passing:
    """A lead that sales rejected and that the version would have handed over before."""

    lead: int
    rejected_at: int
    qualified_at: int
    why: str


def result(
    candidate: Candidate,
    against: Candidate | None,
    *,
    start: dt.datetime,
    end: dt.datetime,
    progress: Progress,
    folder: Path | None = None,
    ranges: Iterable[Facts] | None = None,
) -> dict[str, Any]:
    """What `definitions.Backtest.result` holds, but for the seconds it took; nothing dated `end` or later has a part in it.

    `ranges` are the facts in hand, if they need not be read.
    """
    since, until = microseconds(start), microseconds(end)
    history = outcome_history.of_period(start, end)
    weeks = Weeks.of(start, end, ZoneInfo(settings.COMPANY_TIME_ZONE))
    trials = [Trial(each, history, weeks, since, until) for each in (candidate, against) if each is not None]
    landscape = Landscape(candidate.rules, history, since, until)
    lifts = Lifts(history.won, start=since, end=until)
    known, steps = 0, _ranges() + 1
    progress(0, steps)
    rules = [trial.rules for trial in trials]
    found = fact_reader.everything(*rules, folder=folder) if ranges is None else ranges
    for number, facts in enumerate(found, start=1):
        known += evaluation.known(facts, until - 1).size
        landscape.hear(trials[0].hear(facts))
        lifts.add(facts)
        for trial in trials[1:]:
            trial.hear(facts)
        progress(min(number, steps - 1), steps)
    return {
        "from": start.isoformat(),
        "to": end.isoformat(),
        "leads": known,
        "version": trials[0].as_dict(),
        "against": trials[1].as_dict() if against else None,
        "weeks": [monday.isoformat() for monday in weeks.mondays],
        "signals": [lift.as_dict() for lift in lifts.of(candidate.rules)],
        **landscape.as_dict(len(history.won_since(since))),
    }


def _ranges() -> int:
    return (Lead.objects.aggregate(last=Max("pk"))["last"] or 0) // event_columns.RANGE + 1


class Trial:
    """One version; what is kept of a range is small."""

    def __init__(self, candidate: Candidate, history: History, weeks: Weeks, start: int, end: int) -> None:
        self.rules, self._number = candidate.rules, candidate.number
        self._history, self._weeks, self._start, self._end = history, weeks, start, end
        self._won = history.won_since(start)
        self._counts = Counts()
        self._by_week = np.zeros(len(weeks.mondays), dtype=np.int64)
        self._lost: list[Loss] = []
        self._passing: list[Passing] = []

    def hear(self, facts: Facts) -> Heard:
        leads, at, axes = measured(self.rules, facts, until=self._end - 1)
        first = first_where(leads, verdict(self.rules, axes).meets)
        qualified = Dated(facts.lead_ids[leads[first]], at[first])
        self._count(qualified)
        if len(facts):
            low, high = int(facts.lead_ids[0]), int(facts.lead_ids[-1])
            self._lose(facts, self._won.within(low, high), qualified)
            self._pass(facts, self._history.rejections.within(low, high), qualified)
        return Heard(facts, leads, at, axes, first)

    def as_dict(self) -> dict[str, Any]:
        counts, rejected, wins = self._counts, self._history.rejected, len(self._won)
        coverage = Sample(counts.covered, wins)
        return {
            "number": self._number,
            "flagged": counts.flagged,
            "coverage": share(coverage),
            "precision_won": share(counts.precision_won),
            "precision_sal": share(counts.precision_sal),
            "rejected": rejected,
            "verdicts": list(verdicts(coverage, counts.precision_won, rejected)),
            "enough": is_enough(wins, rejected),
            "by_week": self._by_week.tolist(),
            "lost_wins": self._lost_wins(),
            "still_passing": self._still_passing(),
        }

    def _count(self, qualified: Dated) -> None:
        won, accepted = (became.at_of(qualified.lead) for became in (self._history.won, self._history.accepted))
        self._counts += counted(qualified.at, won, accepted, start=self._start)
        self._by_week += self._weeks.counts(qualified.at[qualified.at >= self._start])

    def _lose(self, facts: Facts, won: Dated, qualified: Dated) -> None:
        at = qualified.at_of(won.lead)
        self._lost += losses(self.rules, facts, won.where((at == NEVER) | (at >= won.at)))

    def _pass(self, facts: Facts, rejected: Dated, qualified: Dated) -> None:
        at = qualified.at_of(rejected.lead)
        passing = (at != NEVER) & (at <= rejected.at)
        found = rejected.where(passing)
        some = facts.known(np.searchsorted(facts.lead_ids, found.lead))
        told = decisions(self.rules, some, np.arange(len(found)), at[passing])
        for lead, rejected_at, decision in zip(found.lead.tolist(), found.at.tolist(), told, strict=True):
            self._passing.append(Passing(lead, rejected_at, decision.at, why.reached(decision)))

    def _lost_wins(self) -> dict[str, Any]:
        """The latest first."""
        rows = sorted(self._lost, key=lambda loss: (-loss.won_at, loss.lead))[:ROWS]
        return {
            "total": len(self._lost),
            "rows": [_lost_row(loss) for loss in rows],
            "by_criterion": [{"label": label, "wins": wins} for label, wins in by_criterion(self._lost)],
        }

    def _still_passing(self) -> dict[str, Any]:
        rows = sorted(self._passing, key=lambda passing: (-passing.rejected_at, passing.lead))[:ROWS]
        return {
            "total": len(self._passing),
            "of": len(self._history.rejections),
            "rows": [
                {
                    "lead": row.lead,
                    "rejected_at": _iso(row.rejected_at),
                    "qualified_at": _iso(row.qualified_at),
                    "why": row.why,
                }
                for row in rows
            ],
        }


def _lost_row(loss: Loss) -> Mapping[str, Any]:
    return {
        "lead": loss.lead,
        "won_at": _iso(loss.won_at),
        "nearest_at": None if loss.nearest_at is None else _iso(loss.nearest_at),
        "lost_by": list(loss.lost_by),
        "detail": loss.detail,
    }


def _iso(at: int) -> str:
    return from_microseconds(at).isoformat()
