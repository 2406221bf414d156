"""The backtest of a version that judges companies (rules 10.14): companies in place of leads, with the same arithmetic."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterator
from typing import Any, Final
from zoneinfo import ZoneInfo

import numpy as np
from django.conf import settings

from leads.models import Company, Lead
from leads.vocabulary import Motion
from scoring.account_judgement import account_qualification
from scoring.account_judgement.account_versions import CompiledAccount
from scoring.backtests import account_decisions, outcome_history
from scoring.backtests.account_decisions import DatedCompanies
from scoring.backtests.coverage_and_precision import (
    DatedLeads,
    OutcomeHistory,
    PeriodWeeks,
    count_cohort,
    is_enough,
    recent_as_dict,
    share_as_dict,
    verdict_sentences,
)
from scoring.backtests.intervals_and_tests import Sample
from scoring.backtests.outcome_history import OutcomeColumns, OutcomeRecords
from scoring.backtests.runner import Progress
from scoring.engine.accounts import first_meeting
from scoring.instants import microseconds

#: Companies whose facts are read at a time, so that memory is bounded.
BATCH: Final = 500
COUNTED: Final = (
    "Counted in companies, not in leads: a company is won when one of its people or its play is, and accepted or rejected"
    " when its play is."
)


def run_account_backtest(
    number: str,
    candidate: CompiledAccount,
    against: tuple[str, CompiledAccount] | None,
    *,
    start: dt.datetime,
    end: dt.datetime,
    progress: Progress,
) -> dict[str, Any]:
    """Return the result of a backtest in the shape of `runner.run_backtest`, with companies in place of leads.

    Lists of single leads, signal lifts and threshold curves stay empty: they are about leads. The period is [start, end).
    """
    history = read_company_history(start, end)
    weeks = PeriodWeeks.covering(start, end, ZoneInfo(settings.COMPANY_TIME_ZONE))
    batches = list(_company_batches())
    versions = [(number, candidate), *([against] if against else [])]
    steps = len(batches) * len(versions) + 1
    progress(0, steps)
    figures, finished_steps = [], 0
    for name, compiled in versions:
        rows = list[tuple[int, int]]()
        for batch in batches:
            rows += _first_instants(compiled, batch, microseconds(end) - 1)
            finished_steps += 1
            progress(finished_steps, steps)
        figures.append(_figures(name, _dated(rows), history, weeks, microseconds(start)))
    return {
        "from": start.isoformat(),
        "to": end.isoformat(),
        "leads": sum(map(len, batches)),
        "further_wins": history.further_wins,
        "imported": outcome_history.count_imported(Motion.AQL, start, end),
        "wins_elsewhere": outcome_history.count_wins_elsewhere(Motion.AQL, start, end),
        "version": figures[0],
        "against": figures[1] if against else None,
        "weeks": [monday.isoformat() for monday in weeks.mondays],
        "signals": [],
        "thresholds": [],
        "distributions": [],
        "grid": {"fit": [], "engagement": [], "cells": []},
    }


def _company_batches() -> Iterator[list[int]]:
    """Yield the ids of the companies that have people, BATCH at a time."""
    ids = list(Company.objects.filter(leads__isnull=False).order_by("pk").values_list("pk", flat=True).distinct())
    yield from (ids[first : first + BATCH] for first in range(0, len(ids), BATCH))


def _first_instants(compiled: CompiledAccount, company_ids: list[int], until: int) -> list[tuple[int, int]]:
    """Return (company, first instant up to `until` at which it meets the version) of those that have one."""
    rows = []
    for facts in account_qualification.read_facts(compiled, company_ids):
        instants = facts.instants()
        if not instants.size or instants[0] > until:
            continue
        at = first_meeting(compiled.rules, facts, since=int(instants[0]), until=until)
        if at is not None:
            rows.append((facts.company_id, at))
    return rows


def _figures(number: str, first: DatedLeads, history: OutcomeHistory, weeks: PeriodWeeks, start: int) -> dict[str, Any]:
    outcomes, wins = history.outcomes_of(first.lead), len(history.won_since(start))
    counts = count_cohort(first.at, outcomes, start=start, ripe_until=history.ripe_until)
    coverage = Sample(counts.covered, wins)
    return {
        "number": number,
        "flagged": counts.flagged,
        "coverage": share_as_dict(coverage),
        "precision_won": share_as_dict(counts.precision_won),
        "precision_sal": share_as_dict(counts.precision_sal),
        **recent_as_dict(counts, history),
        "rejected": history.rejected,
        "verdicts": [COUNTED, *verdict_sentences(coverage, counts.precision_ripe, history.rejected)],
        "enough": is_enough(wins, history.rejected),
        "by_week": weeks.count_by_week(first.at[first.at >= start]).tolist(),
        "lost_wins": {"total": 0, "rows": [], "by_criterion": []},
        "still_passing": {"total": 0, "of": 0, "rows": []},
    }


def read_company_history(start: dt.datetime, end: dt.datetime) -> OutcomeHistory:
    """Read the outcomes of companies in [start, end): those of their people, and the decisions on their plays."""
    of_people = outcome_history.read_outcomes(Motion.AQL, until=end, rejected_since=start)
    of_plays = account_decisions.read_decisions(end)
    columns = (of_people.won, of_people.accepted, of_people.rejected)
    companies = _read_companies(np.unique(np.concatenate([rows.lead for rows in columns])).tolist())
    won, accepted, rejected = (
        _join_companies(rows, companies, decisions)
        for rows, decisions in zip(columns, (of_plays.won, of_plays.accepted, of_plays.rejected), strict=True)
    )
    return OutcomeRecords(won, accepted, rejected).history_of_period(start, end)


def _read_companies(lead_ids: Collection[int]) -> DatedLeads:
    """Return the company to which each lead belongs now, in place of an instant; leads without one are left out."""
    rows = Lead.objects.filter(pk__in=lead_ids, company__isnull=False).order_by("pk").values_list("pk", "company_id")
    return DatedLeads(*np.array(list(rows), dtype=np.int64).reshape(-1, 2).T)


def _join_companies(rows: OutcomeColumns, companies: DatedLeads, decisions: DatedCompanies) -> OutcomeColumns:
    """Return the outcomes of people by company, with those that the companies have themselves."""
    company = companies.instants_of(rows.lead)
    is_known = company > 0
    own = np.array([(pk, microseconds(at)) for pk, at in decisions], dtype=np.int64).reshape(-1, 2)
    return OutcomeColumns(
        np.concatenate((company[is_known], own[:, 0])), np.concatenate((rows.at[is_known], own[:, 1]))
    )


def _dated(rows: list[tuple[int, int]]) -> DatedLeads:
    columns = np.array(sorted(rows), dtype=np.int64).reshape(-1, 2)
    return DatedLeads(columns[:, 0], columns[:, 1])
