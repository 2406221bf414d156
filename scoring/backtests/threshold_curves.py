"""Threshold curves and score distributions of a version (rules 10.10). Pure.

One threshold at a time takes all its values; the histograms say where the scores lie, the grid which scores are won.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from scoring.backtests.coverage_and_precision import (
    CohortCounts,
    LeadOutcomes,
    OutcomeHistory,
    count_cohort,
    first_where,
    share_as_dict,
)
from scoring.backtests.intervals_and_tests import Sample
from scoring.engine.facts import Facts
from scoring.engine.judge import Axes, axes
from scoring.engine.profile import PASS
from scoring.engine.rules import Rules
from scoring.engine.timeline import Bools, Floats, Ints, Positions
from scoring.engine.verdict import picked
from scoring.thresholds import axis_threshold, list_thresholds, nice_step, sweep_threshold

_BINS: Final = 20
_CELLS: Final = 5
_USUAL_SHARE: Final = 0.98
_AXES: Final = ("fit", "engagement")


@dataclass(frozen=True, slots=True, eq=False)
class MeasuredRange:
    """The measurements of one range of leads: pairs sorted by lead and instant; `first` are the indexes of each lead's
    first that meets the rules.
    """

    facts: Facts
    leads: Positions
    at: Ints
    axes: Axes
    first: Positions


@dataclass(frozen=True, slots=True, eq=False)
class _LeadScores:
    """Leads with their scores; `won` and `sal` say whether they were won or accepted afterwards."""

    fit: Floats
    engagement: Floats
    won: Bools
    sal: Bools


class ThresholdCurves:
    """The counts behind the curves, histograms and the grid; ranges of leads are added one by one. Instants in
    microseconds.
    """

    def __init__(self, rules: Rules, history: OutcomeHistory, start: int, end: int) -> None:
        self._rules, self._history, self._start, self._end = rules, history, start, end
        self._thresholds = {threshold: threshold.choices for threshold in list_thresholds(rules)}
        self._counts = {
            (threshold, value): CohortCounts() for threshold, choices in self._thresholds.items() for value in choices
        }
        self._at_end: list[_LeadScores] = []
        self._cells: list[_LeadScores] = []

    def add_range(self, measured: MeasuredRange) -> None:
        """Count one range of leads at every value of every threshold, and keep its scores."""
        ids = measured.facts.lead_ids
        outcomes = self._history.outcomes_of(ids)
        self._sweep_range(measured, outcomes)
        self._add_scores(measured, outcomes)

    def as_dict(self, wins: int) -> dict[str, Any]:
        """Return the curves, histograms and grid for the stored result; `wins` of the period are the whole of every
        coverage.
        """
        return {
            "thresholds": self._thresholds_as_dicts(wins),
            "distributions": [self._distribution_as_dict(axis) for axis in _AXES],
            "grid": self._grid_as_dict(),
        }

    # Thresholds

    def _sweep_range(self, measured_range: MeasuredRange, outcomes: LeadOutcomes) -> None:
        """Count who would be flagged at each value of each threshold."""
        passing = (measured_range.axes.gate == PASS) & ~measured_range.axes.disqualified
        leads, at, measured = (
            measured_range.leads[passing],
            measured_range.at[passing],
            picked(measured_range.axes, passing),
        )
        for threshold, choices in self._thresholds.items():
            sweep = sweep_threshold(self._rules, threshold, measured)
            # Pairs that no value of the threshold lets in are left out before its values are tried.
            candidates = np.flatnonzero(sweep.always)
            candidate_sweep = sweep.pick(candidates)
            for value in choices:
                first = candidates[first_where(leads[candidates], candidate_sweep.meets(value))]
                lead = leads[first]
                self._counts[threshold, value] += count_cohort(
                    at[first], outcomes.pick(lead), start=self._start, ripe_until=self._history.ripe_until
                )

    def _thresholds_as_dicts(self, wins: int) -> list[dict[str, Any]]:
        return [
            {
                "place": threshold.place,
                "label": threshold.label,
                "unit": threshold.unit,
                "value": as_json_number(threshold.value),
                "choices": [self._choice_as_dict(value, self._counts[threshold, value], wins) for value in choices],
            }
            for threshold, choices in self._thresholds.items()
        ]

    @staticmethod
    def _choice_as_dict(value: float, counts: CohortCounts, wins: int) -> dict[str, Any]:
        return {
            "at_least": as_json_number(value),
            "flagged": counts.flagged,
            "coverage": share_as_dict(Sample(counts.covered, wins)),
            "precision_won": share_as_dict(counts.precision_won),
            "precision_ripe": share_as_dict(counts.precision_ripe),
            "precision_sal": share_as_dict(counts.precision_sal),
        }

    # Scores

    def _add_scores(self, measured: MeasuredRange, outcomes: LeadOutcomes) -> None:
        """Keep two sets of scores: leads that pass the gate at the end, and each lead at its first instant or else at the
        end.
        """
        first = measured.first
        lead, at = measured.leads[first], measured.at[first]
        self._cells.append(_build_lead_scores(picked(measured.axes, first), at, outcomes.pick(lead)))
        leads = np.unique(measured.leads)
        at_end = axes(self._rules, measured.facts, leads, np.full(leads.size, self._end - 1))
        passing = at_end.gate == PASS
        leads, at_end = leads[passing], picked(at_end, passing)
        scores = _build_lead_scores(at_end, np.full(leads.size, self._start), outcomes.pick(leads))
        never = ~np.isin(leads, lead)
        self._at_end.append(scores)
        self._cells.append(_LeadScores(*(getattr(scores, name)[never] for name in _LeadScores.__slots__)))

    def _distribution_as_dict(self, axis: str) -> dict[str, Any]:
        scores: Floats = np.concatenate([getattr(part, axis) for part in self._at_end])
        edges = self._bin_edges(axis, scores, _BINS)
        counts = np.bincount(_bin_indexes(scores, edges), minlength=edges.size - 1).tolist()
        bins = zip(edges[:-1].tolist(), edges[1:].tolist(), counts, strict=True)
        threshold = axis_threshold(self._rules, axis)
        return {
            "axis": axis,
            "bins": [
                {"from": as_json_number(low), "to": as_json_number(high), "leads": count} for low, high, count in bins
            ],
            "threshold": None if threshold is None else as_json_number(threshold),
        }

    def _grid_as_dict(self) -> dict[str, Any]:
        """Return the grid of fit and engagement with leads, accepted and won in each cell."""
        fit, engagement, won, sal = (
            np.concatenate([getattr(part, name) for part in self._cells]) for name in _LeadScores.__slots__
        )
        rows, columns = self._bin_edges("fit", fit, _CELLS), self._bin_edges("engagement", engagement, _CELLS)
        cell = _bin_indexes(fit, rows) * (columns.size - 1) + _bin_indexes(engagement, columns)
        shape = (rows.size - 1, columns.size - 1)
        counts = [
            np.bincount(cells_of_leads, minlength=shape[0] * shape[1]).reshape(shape)
            for cells_of_leads in (cell, cell[won], cell[sal])
        ]
        cells = [
            [{"leads": int(leads), "won": int(won), "sal": int(sal)} for leads, won, sal in zip(*line, strict=True)]
            for line in zip(*counts, strict=True)
        ]
        return {
            "fit": [as_json_number(edge) for edge in rows.tolist()],
            "engagement": [as_json_number(edge) for edge in columns.tolist()],
            "cells": cells,
        }

    def _bin_edges(self, axis: str, scores: Floats, most: int) -> Floats:
        """Return edges from 0 to the ceiling in steps of a round width.

        Without a ceiling a few scores may lie far above all others: these share a last, wider step.
        """
        ceiling = self._rules.ceilings.get(axis)
        highest = float(scores.max(initial=0.0))
        usual = float(np.quantile(scores, _USUAL_SHARE)) if scores.size else 0.0
        twice_threshold = 2 * (axis_threshold(self._rules, axis) or 0.0)
        top = max(usual, twice_threshold, 1.0) if ceiling is None else max(ceiling, 1.0)
        step = nice_step(top / most)
        edges = np.round(np.arange(0, int(np.ceil(top / step)) + 1) * step, 6)
        return edges if highest <= edges[-1] else np.append(edges, np.ceil(highest / step) * step)


def _build_lead_scores(at: Axes, since: Ints, outcomes: LeadOutcomes) -> _LeadScores:
    return _LeadScores(at.fit, at.engagement, outcomes.is_won_since(since), outcomes.is_accepted_since(since))


def _bin_indexes(scores: Floats, edges: Floats) -> NDArray[np.intp]:
    """Return the bin of each score; the last bin includes its upper edge."""
    return np.clip(np.searchsorted(edges, scores, side="right") - 1, 0, edges.size - 2)


def as_json_number(value: float) -> float | int:
    """Return a whole number as int, others as they are."""
    return int(value) if float(value).is_integer() else value
