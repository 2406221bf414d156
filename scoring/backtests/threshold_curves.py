"""How a version lies among its leads: every threshold turned by itself, where scores are, what converts where. Pure (SPEC 10)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from scoring.backtests.coverage_and_precision import Counts, History, counted, first_where, share
from scoring.backtests.statistics import Sample
from scoring.engine.facts import Facts
from scoring.engine.judge import Axes, axes
from scoring.engine.profile import PASS
from scoring.engine.rules import Rules
from scoring.engine.timeline import Bools, Floats, Ints, Positions
from scoring.engine.verdict import picked
from scoring.thresholds import axis_threshold, nice, sweep, thresholds

_BINS: Final = 20
_CELLS: Final = 5
_USUAL: Final = 0.98
_AXES: Final = ("fit", "engagement")


@dataclass(frozen=True, slots=True, eq=False)
class Heard:
    """What was measured of a range: pairs sorted by lead and instant, and which of them are each lead's first that meets the rules."""

    facts: Facts
    leads: Positions
    at: Ints
    axes: Axes
    first: Positions


@dataclass(frozen=True, slots=True, eq=False)
class _Standing:
    """Leads by their scores; `won` and `sal` say what became of them."""

    fit: Floats
    engagement: Floats
    won: Bools
    sal: Bools


class Landscape:
    def __init__(self, rules: Rules, history: History, start: int, end: int) -> None:
        self._rules, self._history, self._start, self._end = rules, history, start, end
        self._thresholds = {each: each.choices for each in thresholds(rules)}
        self._counts = {(each, value): Counts() for each, choices in self._thresholds.items() for value in choices}
        self._at_end: list[_Standing] = []
        self._cells: list[_Standing] = []

    def hear(self, heard: Heard) -> None:
        """One range of leads."""
        ids = heard.facts.lead_ids
        won, accepted = self._history.won.at_of(ids), self._history.accepted.at_of(ids)
        self._sweep(heard, won, accepted)
        self._stand(heard, won, accepted)

    def as_dict(self, wins: int) -> dict[str, Any]:
        """`wins` of the period, the whole of every coverage."""
        return {
            "thresholds": self._swept(wins),
            "distributions": [self._distribution(axis) for axis in _AXES],
            "grid": self._grid(),
        }

    # Thresholds

    def _sweep(self, heard: Heard, won: Ints, accepted: Ints) -> None:
        some = (heard.axes.gate == PASS) & ~heard.axes.disqualified
        leads, at, measured = heard.leads[some], heard.at[some], picked(heard.axes, some)
        for threshold, choices in self._thresholds.items():
            swept = sweep(self._rules, threshold, measured)
            # What no value lets in needs no look at each.
            hopeful = np.flatnonzero(swept.always)
            narrow = swept.picked(hopeful)
            for value in choices:
                first = hopeful[first_where(leads[hopeful], narrow.meets(value))]
                lead = leads[first]
                self._counts[threshold, value] += counted(at[first], won[lead], accepted[lead], start=self._start)

    def _swept(self, wins: int) -> list[dict[str, Any]]:
        return [
            {
                "place": threshold.place,
                "label": threshold.label,
                "unit": threshold.unit,
                "value": plain(threshold.value),
                "choices": [self._choice(value, self._counts[threshold, value], wins) for value in choices],
            }
            for threshold, choices in self._thresholds.items()
        ]

    @staticmethod
    def _choice(value: float, counts: Counts, wins: int) -> dict[str, Any]:
        return {
            "at_least": plain(value),
            "flagged": counts.flagged,
            "coverage": share(Sample(counts.covered, wins)),
            "precision_won": share(counts.precision_won),
            "precision_sal": share(counts.precision_sal),
        }

    # Scores

    def _stand(self, heard: Heard, won: Ints, accepted: Ints) -> None:
        """Leads that pass the gate as they stand at the end, and each lead at its first instant or else at the end."""
        first = heard.first
        lead, at = heard.leads[first], heard.at[first]
        self._cells.append(_standing(picked(heard.axes, first), at, won[lead], accepted[lead]))
        here = np.unique(heard.leads)
        at_end = axes(self._rules, heard.facts, here, np.full(here.size, self._end - 1))
        passing = at_end.gate == PASS
        here, at_end = here[passing], picked(at_end, passing)
        standing = _standing(at_end, np.full(here.size, self._start), won[here], accepted[here])
        never = ~np.isin(here, lead)
        self._at_end.append(standing)
        self._cells.append(_Standing(*(getattr(standing, name)[never] for name in _Standing.__slots__)))

    def _distribution(self, axis: str) -> dict[str, Any]:
        scores: Floats = np.concatenate([getattr(each, axis) for each in self._at_end])
        edges = self._edges(axis, scores, _BINS)
        counts = np.bincount(_bins(scores, edges), minlength=edges.size - 1).tolist()
        bins = zip(edges[:-1].tolist(), edges[1:].tolist(), counts, strict=True)
        threshold = axis_threshold(self._rules, axis)
        return {
            "axis": axis,
            "bins": [{"from": plain(low), "to": plain(high), "leads": count} for low, high, count in bins],
            "threshold": None if threshold is None else plain(threshold),
        }

    def _grid(self) -> dict[str, Any]:
        fit, engagement, won, sal = (
            np.concatenate([getattr(each, name) for each in self._cells]) for name in _Standing.__slots__
        )
        rows, columns = self._edges("fit", fit, _CELLS), self._edges("engagement", engagement, _CELLS)
        cell = _bins(fit, rows) * (columns.size - 1) + _bins(engagement, columns)
        shape = (rows.size - 1, columns.size - 1)
        counts = [
            np.bincount(some, minlength=shape[0] * shape[1]).reshape(shape) for some in (cell, cell[won], cell[sal])
        ]
        cells = [
            [{"leads": int(leads), "won": int(won), "sal": int(sal)} for leads, won, sal in zip(*line, strict=True)]
            for line in zip(*counts, strict=True)
        ]
        return {
            "fit": [plain(edge) for edge in rows.tolist()],
            "engagement": [plain(edge) for edge in columns.tolist()],
            "cells": cells,
        }

    def _edges(self, axis: str, scores: Floats, most: int) -> Floats:
        """From nothing to the ceiling in steps of a round width. Without a ceiling a few scores may be far above all others: they
        share a last, wider step."""
        ceiling = self._rules.ceilings.get(axis)
        highest = float(scores.max(initial=0.0))
        usual = float(np.quantile(scores, _USUAL)) if scores.size else 0.0
        asked = 2 * (axis_threshold(self._rules, axis) or 0.0)
        top = max(usual, asked, 1.0) if ceiling is None else max(ceiling, 1.0)
        step = nice(top / most)
        edges = np.round(np.arange(0, int(np.ceil(top / step)) + 1) * step, 6)
        return edges if highest <= edges[-1] else np.append(edges, np.ceil(highest / step) * step)


def _standing(at: Axes, since: Ints, won: Ints, accepted: Ints) -> _Standing:
    return _Standing(at.fit, at.engagement, won >= since, np.maximum(won, accepted) >= since)


def _bins(scores: Floats, edges: Floats) -> NDArray[np.intp]:
    """The last bin holds its upper edge, too."""
    return np.clip(np.searchsorted(edges, scores, side="right") - 1, 0, edges.size - 2)


def plain(value: float) -> float | int:
    """Whole where it is whole."""
    return int(value) if float(value).is_integer() else value
