"""The full backtest: one version, and the version in force beside it, on all leads, range by range (rules 10.5)."""

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
from leads.vocabulary import Motion
from scoring.backtests import outcome_history
from scoring.backtests.coverage_and_precision import (
    NEVER,
    CohortCounts,
    DatedLeads,
    OutcomeHistory,
    PeriodWeeks,
    count_cohort,
    first_where,
    is_enough,
    recent_as_dict,
    share_as_dict,
    verdict_sentences,
)
from scoring.backtests.intervals_and_tests import Sample
from scoring.backtests.missed_wins import Loss, count_by_criterion, explain_losses
from scoring.backtests.signal_lift import Lifts
from scoring.backtests.threshold_curves import MeasuredRange, ThresholdCurves
from scoring.columns import event_columns, fact_reader
from scoring.engine import why
from scoring.engine.decisions import decisions
from scoring.engine.facts import Facts
from scoring.engine.judge import measured, verdict
from scoring.engine.rules import Rules
from scoring.explain import evaluation
from scoring.instants import from_microseconds, microseconds

#: Rows of each table in the stored result, so that a result stays a few hundred kilobytes.
ROWS_STORED: Final = 1000

#: Called with the steps done and their total; may raise to stop the backtest.
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class CandidateVersion:
    """Rules to be tested, and the number of their version."""

    number: str
    rules: Rules


@dataclass(frozen=True, slots=True)
class RejectedLeadStillPassing:
    """A lead that sales rejected and that the version would have handed over before. Instants in microseconds."""

    lead: int
    rejected_at: int
    qualified_at: int
    why: str


def run_backtest(
    candidate: CandidateVersion,
    against: CandidateVersion | None,
    *,
    start: dt.datetime,
    end: dt.datetime,
    progress: Progress,
    folder: Path | None = None,
    ranges: Iterable[Facts] | None = None,
) -> dict[str, Any]:
    """Return the result of a backtest as `definitions.models.Backtest.result` stores it, but for the seconds it took.

    1. Read what became of the leads (wins, acceptances, rejections) before `end`, as the motion counts it (rules 10.16).
    2. Prepare one run for the candidate and one for the version `against` it, the threshold curves and the signal
       lifts.
    3. Read the facts range by range, so that memory is bounded by a range; `ranges` are facts that were read already.
    4. Judge each range by the candidate, by the other version, at every threshold, and count the signals' senders.
    5. Report progress after each range; the callback raises to stop.
    6. Put the counts together.

    No fact dated `end` or later has a part in it (rules 10.1). The period is [start, end).
    """
    since, until, motion = microseconds(start), microseconds(end), Motion(candidate.rules.motion)
    # 1.
    history = outcome_history.read_history(motion, start, end)
    # 2.
    weeks = PeriodWeeks.covering(start, end, ZoneInfo(settings.COMPANY_TIME_ZONE))
    runs = [
        BacktestRun(version, history, weeks, since, until) for version in (candidate, against) if version is not None
    ]
    curves = ThresholdCurves(candidate.rules, history, since, until)
    lifts = Lifts(history.won, start=since, end=until)
    lead_count, steps = 0, _count_ranges() + 1
    progress(0, steps)
    # 3. One snapshot of the facts with the fields of both versions.
    rules = [run.rules for run in runs]
    fact_ranges = fact_reader.read_all(*rules, folder=folder) if ranges is None else ranges
    for number, facts in enumerate(fact_ranges, start=1):
        # 4.
        lead_count += evaluation.known_leads(facts, until - 1).size
        curves.add_range(runs[0].judge_range(facts))
        lifts.add_range(facts)
        for run in runs[1:]:
            run.judge_range(facts)
        # 5. The last step is done only when the result is put together.
        progress(min(number, steps - 1), steps)
    # 6.
    return {
        "from": start.isoformat(),
        "to": end.isoformat(),
        "leads": lead_count,
        "further_wins": history.further_wins,
        "imported": outcome_history.count_imported(motion, start, end),
        "wins_elsewhere": outcome_history.count_wins_elsewhere(motion, start, end),
        "version": runs[0].as_dict(),
        "against": runs[1].as_dict() if against else None,
        "weeks": [monday.isoformat() for monday in weeks.mondays],
        "signals": [lift.as_dict() for lift in lifts.for_rules(candidate.rules)],
        **curves.as_dict(len(history.won_since(since))),
    }


def _count_ranges() -> int:
    """Return how many ranges of lead ids there are."""
    return (Lead.objects.aggregate(last=Max("pk"))["last"] or 0) // event_columns.RANGE + 1


class BacktestRun:
    """The part of one version in a backtest: counts and rows that grow with each range, never the facts themselves."""

    def __init__(
        self, candidate: CandidateVersion, history: OutcomeHistory, weeks: PeriodWeeks, start: int, end: int
    ) -> None:
        self.rules, self._number = candidate.rules, candidate.number
        self._history, self._weeks, self._start, self._end = history, weeks, start, end
        self._won = history.won_since(start)
        self._counts = CohortCounts()
        self._by_week = np.zeros(len(weeks.mondays), dtype=np.int64)
        self._lost: list[Loss] = []
        self._passing: list[RejectedLeadStillPassing] = []

    def judge_range(self, facts: Facts) -> MeasuredRange:
        """Judge a range at every instant, add it to the counts, and return what was measured for the threshold curves."""
        leads, at, axes = measured(self.rules, facts, until=self._end - 1)
        first = first_where(leads, verdict(self.rules, axes).meets)
        qualified = DatedLeads(facts.lead_ids[leads[first]], at[first])
        self._count_cohort(qualified)
        if len(facts):
            low, high = int(facts.lead_ids[0]), int(facts.lead_ids[-1])
            self._add_lost_wins(facts, _known_in(facts, self._won.within(low, high)), qualified)
            self._add_still_passing(facts, _known_in(facts, self._history.rejections.within(low, high)), qualified)
        return MeasuredRange(facts, leads, at, axes, first)

    def as_dict(self) -> dict[str, Any]:
        """Return the version's figures for the stored result."""
        counts, rejected, wins = self._counts, self._history.rejected, len(self._won)
        coverage = Sample(counts.covered, wins)
        return {
            "number": self._number,
            "flagged": counts.flagged,
            "coverage": share_as_dict(coverage),
            "precision_won": share_as_dict(counts.precision_won),
            "precision_sal": share_as_dict(counts.precision_sal),
            **recent_as_dict(counts, self._history),
            "rejected": rejected,
            "verdicts": list(verdict_sentences(coverage, counts.precision_ripe, rejected)),
            "enough": is_enough(wins, rejected),
            "by_week": self._by_week.tolist(),
            "lost_wins": self._lost_wins_as_dict(),
            "still_passing": self._still_passing_as_dict(),
        }

    def _count_cohort(self, qualified: DatedLeads) -> None:
        """Add the leads that qualified to the cohort and to their weeks."""
        outcomes, ripe_until = self._history.outcomes_of(qualified.lead), self._history.ripe_until
        self._counts += count_cohort(qualified.at, outcomes, start=self._start, ripe_until=ripe_until)
        self._by_week += self._weeks.count_by_week(qualified.at[qualified.at >= self._start])

    def _add_lost_wins(self, facts: Facts, won: DatedLeads, qualified: DatedLeads) -> None:
        """Add the wins whose lead had not qualified before it was won."""
        at = qualified.instants_of(won.lead)
        self._lost += explain_losses(self.rules, facts, won.where((at == NEVER) | (at >= won.at)))

    def _add_still_passing(self, facts: Facts, rejected: DatedLeads, qualified: DatedLeads) -> None:
        """Add the rejected leads that had qualified by the time of their rejection, with what qualified them."""
        at = qualified.instants_of(rejected.lead)
        passing = (at != NEVER) & (at <= rejected.at)
        passing_leads = rejected.where(passing)
        lead_facts = facts.known(np.searchsorted(facts.lead_ids, passing_leads.lead))
        reasons = decisions(self.rules, lead_facts, np.arange(len(passing_leads)), at[passing])
        for lead, rejected_at, decision in zip(
            passing_leads.lead.tolist(), passing_leads.at.tolist(), reasons, strict=True
        ):
            self._passing.append(RejectedLeadStillPassing(lead, rejected_at, decision.at, why.reached(decision)))

    def _lost_wins_as_dict(self) -> dict[str, Any]:
        """Return the latest lost wins, at most ROWS_STORED, their total, and the counts by criterion."""
        rows = sorted(self._lost, key=lambda loss: (-loss.won_at, loss.lead))[:ROWS_STORED]
        return {
            "total": len(self._lost),
            "rows": [_loss_as_dict(loss) for loss in rows],
            "by_criterion": [{"label": label, "wins": wins} for label, wins in count_by_criterion(self._lost)],
        }

    def _still_passing_as_dict(self) -> dict[str, Any]:
        """Return the latest rejected leads that still pass, at most ROWS_STORED, and their total."""
        rows = sorted(self._passing, key=lambda passing: (-passing.rejected_at, passing.lead))[:ROWS_STORED]
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


def _known_in(facts: Facts, leads: DatedLeads) -> DatedLeads:
    """Return those of the leads of which there are facts; one may have been merged since its outcomes were read."""
    return leads.where(np.isin(leads.lead, facts.lead_ids))


def _loss_as_dict(loss: Loss) -> Mapping[str, Any]:
    return {
        "lead": loss.lead,
        "won_at": _iso(loss.won_at),
        "nearest_at": None if loss.nearest_at is None else _iso(loss.nearest_at),
        "lost_by": list(loss.lost_by),
        "detail": loss.detail,
    }


def _iso(at: int) -> str:
    return from_microseconds(at).isoformat()
