"""The decisive reasons of verdicts on many leads at once: explanations without the points of every signal."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from scoring.engine.explanation import ClauseAnswer, CriterionAnswer, PathAnswer, SignalExclusion, TimingAnswer
from scoring.engine.facts import Facts
from scoring.engine.hearing import Hearing, hearings
from scoring.engine.profile import FAIL, PASS, UNKNOWN, Attributes
from scoring.engine.rules import Clause, CountClause, CriterionRule, PathRule, Rules, SignalPoints, Timing
from scoring.engine.timeline import DAY, FOREVER, Ints, Positions
from scoring.engine.verdict import DECIMALS, Axes, clause_figure, holds, timely

_WORDS = {PASS: "pass", FAIL: "fail", UNKNOWN: "unknown"}
Answer = TypeVar("Answer")
# One pair's part of columns that were looked up for all.
Part = Callable[[int], Answer]


@dataclass(frozen=True, slots=True)
class DecisiveReason:
    """The reason that `explain` would give of this lead (its index in the facts) at this instant."""

    lead: int
    at: int
    gate_answers: tuple[CriterionAnswer, ...]
    disqualifier_answers: tuple[CriterionAnswer, ...]
    held_answers: tuple[CriterionAnswer, ...]
    exclusions: tuple[SignalExclusion, ...]
    paths: tuple[PathAnswer, ...]
    hot_paths: tuple[PathAnswer, ...]
    timing: TimingAnswer


def decisions(rules: Rules, facts: Facts, leads: Positions, at: Ints) -> Iterator[DecisiveReason]:
    """Yield the reasons of (lead index, microseconds) pairs sorted by lead, in their order."""
    attributes = Attributes(facts, rules.titles)
    for first, last, hearing in hearings(rules, facts):
        within = slice(*np.searchsorted(leads, (first, last)).tolist())
        panel = _Panel(rules, attributes, hearing, leads[within] - first, at[within])
        rows = int(np.searchsorted(facts.row_lead, first))
        yield from panel.decisions(first, rows)


class _Panel:
    """A chunk's pairs before one hearing: columns are looked up once, then each pair takes its part."""

    def __init__(self, rules: Rules, attributes: Attributes, hearing: Hearing, leads: Positions, at: Ints) -> None:
        self.rules, self.attributes, self.hearing = rules, attributes, hearing
        self.leads, self.at = leads, at
        self.moments = hearing.moments(leads, at)
        self.axes: Axes = hearing.axes(leads, at)

    def decisions(self, first_lead: int, first_row: int) -> Iterator[DecisiveReason]:
        row = self.hearing.in_force.row(self.leads, self.at)
        row = np.where(row < 0, row, row + first_row)
        gate, disqualifiers = self.answers(self.rules.gate, row), self.answers(self.rules.disqualifiers, row)
        holding = self.answers(self.rules.holding, row)
        excluding = [self.exclusion(rule) for rule in self.rules.excluding]
        paths, hot, timing = self.paths(self.rules.paths), self.paths(self.rules.hot), self.timing(self.rules.timing)
        for pair, (lead, at) in enumerate(zip(self.leads.tolist(), self.at.tolist(), strict=True)):
            waiting = tuple(answer for answer in holding(pair) if answer.holds_lead)
            yield DecisiveReason(
                first_lead + lead,
                at,
                gate(pair),
                disqualifiers(pair),
                waiting,
                tuple(exclusion(pair) for exclusion in excluding),
                paths(pair),
                hot(pair),
                timing(pair),
            )

    def answers(self, criteria: Iterable[CriterionRule], row: Positions) -> Part[tuple[CriterionAnswer, ...]]:
        columns = [(criterion, self.attributes.answers(criterion, self.rules)[row].tolist()) for criterion in criteria]
        rows = row.tolist()
        return lambda pair: tuple(
            CriterionAnswer(criterion, self.attributes.value(criterion.field, rows[pair]), _WORDS[verdicts[pair]])
            for criterion, verdicts in columns
        )

    def exclusion(self, rule: SignalPoints) -> Part[SignalExclusion]:
        is_excluded, last = self.hearing.excluded_by(rule, self.moments).tolist(), self.last(frozenset({rule.signal}))
        return lambda pair: SignalExclusion(rule.signal, rule.excludes_days, is_excluded[pair], last(pair)[0])

    def paths(self, paths: Iterable[PathRule]) -> Part[tuple[PathAnswer, ...]]:
        columns = [
            (path, holds(path, self.axes).tolist(), [self.clause(clause) for clause in path.clauses]) for path in paths
        ]
        return lambda pair: tuple(
            PathAnswer(path.key, path.name, is_met[pair], tuple(clause(pair) for clause in clauses))
            for path, is_met, clauses in columns
        )

    def clause(self, clause: Clause) -> Part[ClauseAnswer]:
        figures = clause_figure(clause, self.axes)
        values, is_met = figures.tolist(), (figures >= clause.at_least).tolist()
        last = self.last(clause.signals) if isinstance(clause, CountClause) else _nothing
        return lambda pair: ClauseAnswer(clause, values[pair], is_met[pair], *last(pair))

    def last(self, signals: frozenset[str]) -> Part[tuple[int | None, str | None]]:
        events = self.hearing.events
        stream = events.stream(signals)
        index, there = stream.last(self.moments)
        return lambda pair: (
            (int(stream.at[index[pair]]), events.names[events.signal[stream.index[index[pair]]]])
            if there[pair]
            else (None, None)
        )

    def timing(self, timing: Timing | None) -> Part[TimingAnswer]:
        is_timely = timely(timing, self.axes).tolist()
        quiet, waiting = (_days(ages) for ages in (self.axes.quiet, self.axes.waiting))
        engaged_within = timing.engaged_within_days if timing else None
        request_within = timing.or_request_within_days if timing else None
        engaged_by = self.rules.engaged_by
        return lambda pair: TimingAnswer(
            is_timely[pair], engaged_within, quiet[pair], request_within, waiting[pair], engaged_by
        )


def _nothing(_pair: int) -> tuple[None, None]:
    return None, None


def _days(ages: Ints) -> list[float | None]:
    return [None if age == FOREVER else round(age / DAY, DECIMALS) for age in ages.tolist()]
