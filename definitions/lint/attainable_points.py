"""The most points and events that some leads can have, and the clauses and paths that these suffice for."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Final

from definitions.lint.best_lead import BestLead
from definitions.lint.finding import Meanings
from definitions.plain_english.generated_statement import Json
from definitions.vocabulary import Axis

UNLIMITED: Final = math.inf


@dataclass(frozen=True, slots=True)
class AttainablePoints:
    """Fit and BANT within their ceilings, and events: each of `signals` up to `times` times.

    All events lie at the instant of judgement, so neither decay nor inactivity takes anything. `is_impossible` means
    that the gate lets nobody in.
    """

    document: Json
    meanings: Meanings
    fit: float
    bant: float
    signals: frozenset[str]
    times: float = UNLIMITED
    is_impossible: bool = False

    def restricted_to(self, signals: Collection[str], *, times: float = UNLIMITED) -> AttainablePoints:
        """Return the same leads with events of these signals only, each at most `times` times."""
        return replace(self, signals=self.signals & frozenset(signals), times=times)

    def without_fit(self) -> AttainablePoints:
        return replace(self, fit=0.0)

    def amount(self, axis: str) -> float:
        if axis == Axis.FIT_AND_ENGAGEMENT:
            return self.fit + self.engagement
        return {Axis.FIT: self.fit, Axis.BANT: self.bant}[Axis(axis)] if axis != Axis.ENGAGEMENT else self.engagement

    @property
    def engagement(self) -> float:
        earned = sum(
            most_signal_points(row, self.times) for row in self.document["signals"] if row["signal"] in self.signals
        )
        return apply_ceiling(self.document, "engagement", earned)

    def best_amount(self, clause: Json) -> float:
        """Return the largest amount that these leads can have of what the clause compares with its threshold."""
        if "axis" in clause:
            return self.amount(clause["axis"])
        matching = len(self.signals & set(clause["count_of"]))
        if clause.get("same"):
            return self.times if matching == len(set(clause["count_of"])) else 0.0
        return self.times * matching if matching else 0.0

    def meets_clause(self, clause: Json) -> bool:
        return bool(round(self.best_amount(clause), 6) >= clause["at_least"])

    def meets_path(self, path: Json, *, timing: bool) -> bool:
        """Tell whether all clauses of a path hold, and its timing if `timing` is set.

        A hot trigger needs no timing (rules 3.5).
        """
        return (
            not self.is_impossible and all(map(self.meets_clause, path["clauses"])) and (not timing or self.is_timely)
        )

    @property
    def is_timely(self) -> bool:
        timing = self.document["timing"]
        if not timing:
            return True
        signals = self.signals if self.times >= 1 else frozenset()
        has_engagement = timing["engaged_within_days"] is not None and signals & engagement_signals(
            self.document, self.meanings
        )
        has_request = timing["or_request_within_days"] is not None and any(
            _opens_request(self.meanings, code) for code in signals
        )
        return bool(has_engagement or has_request)


def compute_attainable_points(document: Json, meanings: Meanings, best_lead: BestLead) -> AttainablePoints:
    """Compute the points of the best lead there can be."""
    return AttainablePoints(
        document,
        meanings,
        fit=apply_ceiling(document, "fit", best_lead.fit),
        bant=apply_ceiling(document, "bant", best_lead.bant),
        signals=frozenset(meanings),
        is_impossible=bool(best_lead.impossible_fields),
    )


def most_signal_points(row: Json, times: float) -> float:
    """Return the most points that a signal's events contribute; with negative points that is 0, for no event at all."""
    if row["points"] <= 0 or not times:
        return 0.0
    earned = float(row["points"]) * times
    return earned if row["cap"] is None else min(earned, float(row["cap"]))


def apply_ceiling(document: Json, axis: str, amount: float) -> float:
    ceiling = document["ceilings"][axis]
    return round(min(max(amount, 0.0), UNLIMITED if ceiling is None else float(ceiling)), 6)


def engagement_signals(document: Json, meanings: Meanings) -> frozenset[str]:
    """Return the signals that count as a lead's activity.

    Signals with negative points or an exclusion in this version and closing signals do not count, nor others than timing names, if it does.
    """
    punished = {row["signal"] for row in document["signals"] if row["points"] < 0 or row.get("disqualifies")}
    named = (document["timing"] or {}).get("engaged_by")
    return frozenset(
        code
        for code, meaning in meanings.items()
        if (code in named if named else meaning.is_engagement) and not meaning.closes_request
    ) - frozenset(punished)


def _opens_request(meanings: Meanings, signal: str) -> bool:
    meaning = meanings[signal]
    return meaning.is_request and not meaning.closes_request
