"""Signal lift: how much more often leads that sent a signal were won (rules 9.7, 10.9). Arrays in, counts out.

A lead counts for a signal if it sent it in the period and before it was won, because a signal after the win predicts
nothing.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np

from scoring.backtests.coverage_and_precision import NEVER, DatedLeads
from scoring.backtests.intervals_and_tests import Sample, wilson
from scoring.engine.facts import Facts
from scoring.engine.rules import Rules


@dataclass(frozen=True, slots=True)
class Lift:
    """The lift of one signal: `sent` is the won share of leads that sent it, `active` that of all leads that sent
    anything.
    """

    signal: str
    points: float
    sent: Sample
    active: Sample

    @property
    def ratio(self) -> float | None:
        """Return the multiple of the average lead's rate; None where the division is impossible."""
        if not self.sent.total or not self.active.hits:
            return None
        return (self.sent.hits / self.sent.total) / (self.active.hits / self.active.total)

    def as_dict(self) -> dict[str, Any]:
        interval = wilson(self.sent.hits, self.sent.total)
        return {
            "signal": self.signal,
            "points": self.points,
            "won": self.sent.hits,
            "leads": self.sent.total,
            "interval_95": list(interval) if interval else None,
            "lift": self.ratio,
        }


class Lifts:
    """The counts behind all lifts, added range by range over the period [start, end) in microseconds.

    `won` has each lead's first win before `end`.
    """

    def __init__(self, won: DatedLeads, *, start: int, end: int) -> None:
        self._won, self._start, self._end = won, start, end
        self._leads: Counter[str] = Counter()
        self._winners: Counter[str] = Counter()
        self._active = self._active_winners = 0

    def add_range(self, facts: Facts) -> None:
        """Count the senders and winners of one range of leads."""
        won_at = self._won.instants_of(facts.lead_ids)
        wins = won_at != NEVER
        until = np.where(wins, np.minimum(won_at, self._end), self._end)
        in_period = (facts.event_at >= self._start) & (facts.event_at < until[facts.event_lead])
        lead, signal = facts.event_lead[in_period].astype(np.int64), facts.event_signal[in_period]
        pairs = np.unique(lead * len(facts.signals) + signal)
        lead, signal = np.divmod(pairs, max(len(facts.signals), 1))
        for code, name in enumerate(facts.signals):
            senders = lead[signal == code]
            self._leads[name] += senders.size
            self._winners[name] += int(wins[senders].sum())
        active = np.unique(lead)
        self._active += active.size
        self._active_winners += int(wins[active].sum())

    def for_rules(self, rules: Rules) -> list[Lift]:
        """Return the lift of each signal that the rules give points for, those with most points first."""
        active = Sample(self._active_winners, self._active)
        named = sorted(rules.signals, key=lambda rule: (-rule.points, rule.signal))
        return [
            Lift(rule.signal, rule.points, Sample(self._winners[rule.signal], self._leads[rule.signal]), active)
            for rule in named
            if rule.points > 0
        ]
