"""The wins of a closed quarter, judged by the version in force: its coverage, and the wins outside its gate (rules 8.17, 8.18)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from config.calendar_periods import CalendarQuarter
from definitions.models import Definition, Version
from leads.vocabulary import Motion
from scoring.active_versions import rules_of
from scoring.backtests import outcome_history
from scoring.backtests.coverage_and_precision import NEVER, DatedLeads
from scoring.backtests.intervals_and_tests import Sample
from scoring.backtests.outcome_history import OutcomeRecords
from scoring.columns import fact_reader
from scoring.engine.judge import axes, first_qualifying
from scoring.engine.profile import FAIL
from scoring.instants import microseconds
from sla.models import QuarterCoverage
from sla.review_triggers import wins_of_scope


@dataclass(frozen=True, slots=True)
class QuarterWins:
    """The wins of a quarter in the version's scope: those that had qualified before, and those that failed its gate when won.

    `outside_scopes` counts the wins of the quarter that lie in no scope; they are left out.
    """

    covered: Sample
    outside_gate: Sample
    outside_scopes: int = 0


def judge_wins(version: Version, quarters: Iterable[CalendarQuarter], *, until: dt.datetime) -> list[QuarterWins]:
    """Judge the first wins of quarters that end at `until` at the latest, each with the facts known before it was won."""
    outcomes = outcome_history.read_outcomes(Motion(version.definition.motion), until=until, rejected_since=until)
    return [_judge_quarter(version, outcomes, quarter) for quarter in quarters]


def _judge_quarter(version: Version, outcomes: OutcomeRecords, quarter: CalendarQuarter) -> QuarterWins:
    rules = rules_of(version)
    all_won = outcomes.history_of_period(quarter.start, quarter.end).won_since(microseconds(quarter.start))
    scoped = wins_of_scope.select_wins(version, all_won)
    won = scoped.won
    facts = fact_reader.read_for_leads(won.lead.tolist(), rules)
    known = won.where(np.isin(won.lead, facts.lead_ids))
    gate = axes(rules, facts, np.searchsorted(facts.lead_ids, known.lead), known.at - 1).gate
    leads, at, _verdicts = first_qualifying(rules, facts, until=microseconds(quarter.end) - 1)
    began_at = DatedLeads(facts.lead_ids[leads], at).instants_of(won.lead)
    covered = np.count_nonzero((began_at != NEVER) & (began_at < won.at))
    return QuarterWins(
        Sample(int(covered), len(won)),
        Sample(int(np.count_nonzero(gate == FAIL)), int(known.lead.size)),
        scoped.outside_scopes,
    )


def keep_coverage(version: Version, quarter: CalendarQuarter, wins: QuarterWins, now: dt.datetime) -> None:
    """Store the coverage of a closed quarter, so that it can be read as a trend."""
    QuarterCoverage.objects.create(
        definition=version.definition,
        version=version,
        quarter=quarter.name,
        covered=wins.covered.hits,
        outside_gate=wins.outside_gate.hits,
        wins=wins.covered.total,
        outside_scopes=wins.outside_scopes,
        at=now,
    )


def read_trend(definition: Definition) -> list[dict[str, Any]]:
    """Return the stored coverage by quarter as rows of evidence, the newest first."""
    rows = QuarterCoverage.objects.filter(definition=definition).select_related("version__definition")
    return [
        {
            "quarter": row.quarter,
            "version": row.version.number,
            "covered": row.covered,
            "of": row.wins,
            "percent": round(row.covered * 100 / row.wins, 1) if row.wins else None,
            "outside_gate": row.outside_gate,
            **({"outside_scopes": row.outside_scopes} if definition.scope else {}),
        }
        for row in rows.order_by("-quarter")[:8]
    ]
