"""What some leads can have at the most, and whether that is enough: the same questions for the best lead, or one with less."""

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
    """
    Fit and BANT within their ceilings, and events: each of `signals` up to `times` times, all of them at the instant of judgement,
    so that neither decay nor silence takes anything. With `barred` the gate lets nobody in.
    """

    document: Json
    meanings: Meanings
    fit: float
    bant: float
    signals: frozenset[str]
    times: float = UNLIMITED
    barred: bool = False

    def only(self, signals: Collection[str], *, times: float = UNLIMITED) -> AttainablePoints:
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

    def found(self, clause: Json) -> float:
        """The most of what the clause compares with its threshold."""
        if "axis" in clause:
            return self.amount(clause["axis"])
        matching = len(self.signals & set(clause["count_of"]))
        return self.times * matching if matching else 0.0

    def meets(self, clause: Json) -> bool:
        return bool(round(self.found(clause), 6) >= clause["at_least"])

    def opens(self, way: Json, *, timing: bool) -> bool:
        """Whether all clauses of a path hold, and the timing where it is asked; a hot trigger needs none (rules 3.5)."""
        return not self.barred and all(map(self.meets, way["clauses"])) and (not timing or self.is_timely)

    @property
    def is_timely(self) -> bool:
        timing = self.document["timing"]
        if not timing:
            return True
        signals = self.signals if self.times >= 1 else frozenset()
        engaged = timing["engaged_within_days"] is not None and signals & engagement_signals(
            self.document, self.meanings
        )
        asked = timing["or_request_within_days"] is not None and any(_opens_request(self.meanings, s) for s in signals)
        return bool(engaged or asked)


def compute_attainable_points(document: Json, meanings: Meanings, most: BestLead) -> AttainablePoints:
    """The best lead there can be."""
    return AttainablePoints(
        document,
        meanings,
        fit=apply_ceiling(document, "fit", most.fit),
        bant=apply_ceiling(document, "bant", most.bant),
        signals=frozenset(meanings),
        barred=bool(most.barred),
    )


def most_signal_points(row: Json, times: float) -> float:
    """The most that a signal's events contribute: nothing at all is more than negative points."""
    if row["points"] <= 0 or not times:
        return 0.0
    earned = float(row["points"]) * times
    return earned if row["cap"] is None else min(earned, float(row["cap"]))


def apply_ceiling(document: Json, axis: str, amount: float) -> float:
    ceiling = document["ceilings"][axis]
    return round(min(max(amount, 0.0), UNLIMITED if ceiling is None else float(ceiling)), 6)


def engagement_signals(document: Json, meanings: Meanings) -> frozenset[str]:
    """Signals that count as the lead's own activity: never one that this version punishes, never a closing one."""
    punished = {row["signal"] for row in document["signals"] if row["points"] < 0}
    return frozenset(
        code for code, mean in meanings.items() if mean.is_engagement and not mean.closes_request
    ) - frozenset(punished)


def _opens_request(meanings: Meanings, signal: str) -> bool:
    meaning = meanings[signal]
    return meaning.is_request and not meaning.closes_request
