"""The explanation of one lead's verdict: every figure that had a part in it, out of the hearing that judged. Rules 4.13."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from scoring.engine import points, why
from scoring.engine.explanation import (
    ClauseAnswer,
    Contribution,
    CriterionAnswer,
    ExplainedAxis,
    ExplainedEvent,
    Explanation,
    PathAnswer,
    SignalExclusion,
    TimingAnswer,
)
from scoring.engine.facts import Facts
from scoring.engine.hearing import Hearing
from scoring.engine.profile import FAIL, PASS, UNKNOWN, Attributes
from scoring.engine.rules import Clause, CountClause, CriterionRule, PathRule, Rules, SignalPoints, Timing
from scoring.engine.timeline import DAY, FOREVER
from scoring.engine.verdict import DECIMALS, clause_figure, holds, timely, verdict

__all__ = ["Explanation", "explain"]

_WORDS = {PASS: "pass", FAIL: "fail", UNKNOWN: "unknown"}
_EVENTS_SHOWN = 50


def explain(rules: Rules, facts: Facts, lead: int, at: int) -> Explanation:
    """Explain the verdict on one lead (its index in the facts) at an instant: the same verdict as `judge` gives."""
    return _Inquiry(rules, facts, lead, at).explanation()


class _Inquiry:
    """The hearing of one lead at one instant, and the questions put to it."""

    def __init__(self, rules: Rules, facts: Facts, lead: int, at: int) -> None:
        here, now = np.zeros(1, dtype=np.intp), np.array([at], dtype=np.int64)
        self.rules, self.lead_id, self.at = rules, int(facts.lead_ids[lead]), int(at)
        one = facts.slice(lead, lead + 1)
        self.attributes = Attributes(one, rules.titles)
        self.hearing = Hearing(rules, one, self.attributes.profile(rules))
        self.moments = self.hearing.moments(here, now)
        self.row = int(self.hearing.in_force.row(here, now)[0])
        self.axes = self.hearing.axes(here, now)
        self.first_index = int(np.searchsorted(facts.event_lead, lead))

    def explanation(self) -> Explanation:
        rules, verdicts = self.rules, verdict(self.rules, self.axes)
        profile = self.hearing.profile
        disqualifiers = self.answers(rules.disqualifiers)
        exclusions = tuple(self.exclusion(rule) for rule in rules.excluding)
        events = self.events()
        explanation = Explanation(
            lead_id=self.lead_id,
            at=self.at,
            meets=bool(verdicts.meets[0]),
            tier=int(verdicts.tier[0]),
            why="",
            fit=self.axis("fit", float(profile.fit[self.row])),
            engagement=self.axis("engagement", float(self.hearing.earned(self.moments)[0])),
            bant=self.axis("bant", float(profile.bant[self.row])),
            gate=_WORDS[int(verdicts.gate[0])],
            gate_answers=self.answers(rules.gate),
            fit_answers=self.answers(rules.fit),
            bant_answers=self.answers(rules.bant),
            disqualifier_answers=disqualifiers,
            disqualified_by=(
                *(answer.criterion.key for answer in disqualifiers if answer.verdict == "pass"),
                *(row.key for row in exclusions if row.held),
            ),
            contributions=tuple(self.contribution(rule) for rule in rules.signals),
            events=events[:_EVENTS_SHOWN],
            events_total=len(events),
            threshold=bool(verdicts.threshold[0]),
            paths=self.paths(rules.paths),
            timing=self.timing(rules.timing),
            hot=bool(verdicts.hot[0]),
            hot_paths=self.paths(rules.hot),
            exclusions=exclusions,
        )
        return replace(explanation, why=why.sentence(explanation))

    def axis(self, name: str, raw: float) -> ExplainedAxis:
        penalty = float(self.hearing.penalty(self.axes.quiet)[0]) if name == "engagement" else 0.0
        value = float(self.axes.axis(name)[0])
        return ExplainedAxis(round(raw, DECIMALS), penalty, self.rules.ceilings.get(name), value)

    def answers(self, criteria: Iterable[CriterionRule]) -> tuple[CriterionAnswer, ...]:
        attributes = self.attributes
        return tuple(
            CriterionAnswer(
                criterion,
                seen=attributes.value(criterion.field, self.row),
                verdict=_WORDS[int(attributes.answers(criterion, self.rules)[self.row])],
            )
            for criterion in criteria
        )

    def contribution(self, rule: SignalPoints) -> Contribution:
        events = self.hearing.events
        decayed, capped = (
            float(points.contributions([version], self.rules.decay, events, self.rules.catalogue)(self.moments)[0])
            for version in (replace(rule, cap=None), rule)
        )
        count = int(events.stream(frozenset({rule.signal})).count(self.moments)[0])
        contribution = Contribution(
            rule.signal, rule.points, rule.cap, count, round(decayed, DECIMALS), round(capped, DECIMALS)
        )
        ended = self.count_ended(rule)
        if not ended:
            return contribution
        last_at, last_signal = self.last(self.rules.catalogue.signals_ending(rule.signal))
        return replace(contribution, ended=ended, ended_at=last_at, ended_by=last_signal)

    def exclusion(self, rule: SignalPoints) -> SignalExclusion:
        last_at, _ = self.last(frozenset({rule.signal}))
        is_excluded = bool(self.hearing.excluded_by(rule, self.moments)[0])
        return SignalExclusion(rule.signal, rule.excludes_days, is_excluded, last_at)

    def count_ended(self, rule: SignalPoints) -> int:
        """Return how many of the signal's events count no more (rules 4.20): its first ones."""
        return int(points.count_ended(rule, self.rules.catalogue, self.hearing.events)(self.moments)[0])

    def events(self) -> tuple[ExplainedEvent, ...]:
        """Return all events that are still worth something, the newest first."""
        events = self.hearing.events
        worth: dict[str, float] = {}
        for rule in self.rules.signals:
            worth[rule.signal] = worth.get(rule.signal, 0.0) + rule.points
        stream = events.stream(frozenset(worth))
        known = slice(0, int(stream.before(self.moments.now)[0]))
        index, at = stream.index[known], stream.at[known]
        full = events.weights(stream, worth)[known].copy()
        for rule in self.rules.signals:
            if ended := self.count_ended(rule):
                of_signal = np.flatnonzero(events.signal[index] == events.names.index(rule.signal))
                full[of_signal[:ended]] -= rule.points
        value = np.where(full > 0, full * points.share(self.rules.decay, self.at - at), full)
        return tuple(
            ExplainedEvent(
                index=self.first_index + int(index[i]),
                at=int(at[i]),
                signal=events.names[events.signal[index[i]]],
                points=round(float(value[i]), DECIMALS),
            )
            for i in reversed(np.flatnonzero(value).tolist())
        )

    def paths(self, paths: Iterable[PathRule]) -> tuple[PathAnswer, ...]:
        return tuple(
            PathAnswer(
                path.key, path.name, bool(holds(path, self.axes)[0]), tuple(self.clause(c) for c in path.clauses)
            )
            for path in paths
        )

    def clause(self, clause: Clause) -> ClauseAnswer:
        figure = clause_figure(clause, self.axes)[0].item()
        last_at, last_signal = self.last(clause.signals) if isinstance(clause, CountClause) else (None, None)
        return ClauseAnswer(clause, figure, figure >= clause.at_least, last_at, last_signal)

    def last(self, signals: frozenset[str]) -> tuple[int | None, str | None]:
        stream = self.hearing.events.stream(signals)
        (index,), (there,) = stream.last(self.moments)
        if not there:
            return None, None
        events = self.hearing.events
        return int(stream.at[index]), events.names[events.signal[stream.index[index]]]

    def timing(self, timing: Timing | None) -> TimingAnswer:
        ages = (int(self.axes.quiet[0]), int(self.axes.waiting[0]))
        engaged, waiting = (None if age == FOREVER else round(age / DAY, DECIMALS) for age in ages)
        return TimingAnswer(
            held=bool(timely(timing, self.axes)[0]),
            engaged_within_days=timing.engaged_within_days if timing else None,
            engaged_days_ago=engaged,
            or_request_within_days=timing.or_request_within_days if timing else None,
            open_request_days_ago=waiting,
            engaged_by=self.rules.engaged_by,
        )
