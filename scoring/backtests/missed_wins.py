"""Lost wins (rules 10.5): the instant before a win at which the lead came nearest to the rules, and what failed there.
Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from scoring.backtests.coverage_and_precision import DatedLeads
from scoring.engine import why
from scoring.engine.decisions import DecisiveReason, decisions
from scoring.engine.explanation import CriterionAnswer, PathAnswer
from scoring.engine.facts import Facts
from scoring.engine.judge import axes
from scoring.engine.profile import PASS
from scoring.engine.rules import PathRule, Rules
from scoring.engine.timeline import Floats, Ints, Positions
from scoring.engine.verdict import Axes, clause_figure, timely
from scoring.thresholds import clause_label

NOTHING_KNOWN = "Not known before it was won"


@dataclass(frozen=True, slots=True)
class Loss:
    """A won lead that never met the rules before `won_at`; `nearest_at` is None when nothing was known of it by then."""

    lead: int
    won_at: int
    nearest_at: int | None
    lost_by: tuple[str, ...]
    detail: str


def explain_losses(rules: Rules, facts: Facts, lost: DatedLeads) -> list[Loss]:
    """Return why each of these wins was missed, in the order of the leads."""
    position = np.searchsorted(facts.lead_ids, lost.lead)
    some = facts.known(position, lost.at - 1)
    leads, at = find_nearest_instants(rules, some)
    reasons = {decision.lead: decision for decision in decisions(rules, some, leads, at)}
    pairs = zip(lost.lead.tolist(), lost.at.tolist(), strict=True)
    return [_build_loss(rules, lead, won_at, reasons.get(index)) for index, (lead, won_at) in enumerate(pairs)]


def find_nearest_instants(rules: Rules, facts: Facts) -> tuple[Positions, Ints]:
    """Return (lead, instant) of the latest best instant of each lead that has any instant.

    A passed gate counts before the absence of a disqualifier, that before the share of clauses held of the best path,
    that before timing.
    """
    leads, at = facts.instants()
    rank = _rank_instants(rules, axes(rules, facts, leads, at))
    order = np.lexsort((at, rank, leads))
    last = order[np.flatnonzero(np.append(leads[order][1:] != leads[order][:-1], np.ones(min(leads.size, 1), bool)))]
    return leads[last], at[last]


def _rank_instants(rules: Rules, measured: Axes) -> Ints:
    """Return a number for each pair that is higher the nearer the lead came, by the order of `find_nearest_instants`."""
    best = np.zeros(measured.fit.size)
    for path in rules.paths:
        best = np.maximum(best, _share_of_clauses_held(path, measured))
    passed = measured.gate == PASS
    steps = (passed, ~measured.disqualified, np.round(best * 1000), timely(rules.timing, measured))
    rank = np.zeros(measured.fit.size, dtype=np.int64)
    for step, width in zip(steps, (2, 2, 1001, 2), strict=True):
        rank = rank * width + step.astype(np.int64)
    return rank


def _share_of_clauses_held(path: PathRule, measured: Axes) -> Floats:
    """Return for each pair the share of the path's clauses that held."""
    clauses_held = np.zeros(measured.fit.size)
    for clause in path.clauses:
        clauses_held += clause_figure(clause, measured) >= clause.at_least
    # A path without clauses holds, so its share is 1.
    return clauses_held / len(path.clauses) if path.clauses else clauses_held + 1


def _build_loss(rules: Rules, lead: int, won_at: int, decision: DecisiveReason | None) -> Loss:
    if decision is None:
        return Loss(lead, won_at, None, (NOTHING_KNOWN,), "There was no event and no attribute of it before the win.")
    missed = list(_list_missing(rules, decision))
    detail = " ".join(dict.fromkeys(sentence for _, sentence in missed))
    return Loss(lead, won_at, decision.at, tuple(dict.fromkeys(label for label, _ in missed)), detail)


def _list_missing(rules: Rules, decision: DecisiveReason) -> Iterator[tuple[str, str]]:
    """Yield (criterion, its figure and what it needed) for a lead that did not qualify.

    Gate and disqualifiers come alone, because they bar the lead whatever it does; else the clauses that failed, else
    timing.
    """
    gate = [answer for answer in decision.gate_answers if answer.verdict != "pass"]
    hit = [answer for answer in decision.disqualifier_answers if answer.verdict == "pass"]
    excluded = [row for row in decision.exclusions if row.held]
    if gate or hit or excluded or decision.held_answers:
        yield from (
            (f"Excluded by {why.signal_words(row.signal).lower()}", why.excluded_by_signal(row, decision.at))
            for row in excluded
        )
        yield from ((f"Gate: {_field_label(answer)}", why.not_passed(answer)) for answer in gate)
        yield from ((f"Held for {_field_label(answer)}", why.waits([answer])) for answer in decision.held_answers)
        yield from ((f"Excluded by {_field_label(answer)}", why.excluded(answer)) for answer in hit)
        return
    if not any(path.held for path in decision.paths):
        yield from _list_missing_clauses(rules, decision.paths)
        return
    yield "Timing", why.late(decision.timing) + _last_engaged_sentence(decision)


def _field_label(answer: CriterionAnswer) -> str:
    """Name the field, and mark an unknown value: enrichment can supply it, which is not so for a value that failed (rules
    3.1).
    """
    doubt = " (not known)" if answer.verdict == "unknown" else ""
    return why.field_words(answer.criterion.field) + doubt


def _list_missing_clauses(rules: Rules, paths: Sequence[PathAnswer]) -> Iterator[tuple[str, str]]:
    """Yield the failed clauses of the path that came nearest."""
    best = why.nearest(paths)
    if best is None:
        yield "Hot triggers only", why.no_path()
        return
    path = next(path for path in rules.paths if path.key == best.key)
    yield from ((clause_label(path, clause.clause), why.short(clause)) for clause in best.clauses if not clause.held)


def _last_engaged_sentence(decision: DecisiveReason) -> str:
    days = decision.timing.engaged_days_ago
    return "" if days is None else f" The last engagement was {days:.0f} days before."


def count_by_criterion(lost: Iterable[Loss]) -> list[tuple[str, int]]:
    """Return how many wins each criterion lost, the most first; a win may be lost by several criteria at once."""
    counts: dict[str, int] = {}
    for loss in lost:
        for name in loss.lost_by:
            counts[name] = counts.get(name, 0) + 1
    return sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
