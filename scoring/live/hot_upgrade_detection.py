"""Leads that turn hot while a cycle of theirs is open (rules 6.25): found at their look by the judge's own verdict, once a cycle."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

import numpy as np

from scoring.engine.explanation import Explanation
from scoring.engine.judge import explain, judge
from scoring.engine.profile import PASS
from scoring.engine.timeline import Ints
from scoring.engine.why import reached
from scoring.instants import from_microseconds, microseconds
from scoring.live import qualification_start
from scoring.live.judgement import LeadJudgement
from scoring.models import HotUpgrade, Qualification

_FLOOR_AND_NOW: Final = 2


def record_hot_upgrades(
    judgement: LeadJudgement, cycles: Mapping[int, Qualification], *, last_looks: Mapping[int, int], now: dt.datetime
) -> list[HotUpgrade]:
    """Write down which of these leads, by index, newly meet a hot trigger by what they did since they qualified.

    `cycles`: their open cycles, which were neither hot from the start nor have turned hot before. `looked`: when those
    who were judged before last were. The caller holds the leads' rows.
    """
    if not judgement.rules.hot:
        return []
    at_now = judgement.at_now
    instants = {
        index: _instants_to_judge(judgement, index, _upgrade_floor(judgement, cycle), last_looks.get(index))
        for index, cycle in cycles.items()
        if at_now.gate[index] == PASS and not at_now.disqualified[index]
    }
    to_judge = {index: at for index, at in instants.items() if at_now.hot[index] or at.size > _FLOOR_AND_NOW}
    upgrades = [
        _build_upgrade(judgement, cycles[index], explanation, at, now)
        for index, explanation in _explain_first_hot(judgement, to_judge).items()
        if (at := _triggering_activity(judgement, index, explanation, int(to_judge[index][0]))) is not None
    ]
    return HotUpgrade.objects.bulk_create(upgrades) if upgrades else []


def _upgrade_floor(judgement: LeadJudgement, cycle: Qualification) -> int:
    """What came before is not what makes it hot now: it qualified, or the version that judges came into force."""
    activated_at = judgement.version.activated_at
    return max(
        microseconds(cycle.at),
        0 if activated_at is None else microseconds(activated_at) - qualification_start.POSSIBLY_UNJUDGED,
    )


def _instants_to_judge(judgement: LeadJudgement, index: int, floor: int, last_look: int | None) -> Ints:
    """The floor, each event since the last look, and now: a worker that was away overlooks nobody."""
    facts, now = judgement.facts, int(judgement.now[index])
    events_of_lead = slice(*np.searchsorted(facts.event_lead, (index, index + 1)))
    at = facts.event_at[events_of_lead]
    new_instants = np.unique(at[(at > max(floor, now if last_look is None else last_look)) & (at < now)])
    return np.concatenate(([floor], new_instants, [now])).astype(np.int64)


def _explain_first_hot(judgement: LeadJudgement, instants: Mapping[int, Ints]) -> Mapping[int, Explanation]:
    """The first instant at which each was found hot, explained; one pass of the judge for all."""
    if not instants:
        return {}
    lead = np.repeat(np.fromiter(instants, dtype=np.intp), [at.size for at in instants.values()])
    hot = judge(judgement.rules, judgement.facts, lead, np.concatenate(list(instants.values()))).hot
    explanations = {}
    for index, at in instants.items():
        is_hot = hot[lead == index]
        later_hot = np.flatnonzero(is_hot[1:])
        explanation = (
            explain(judgement.rules, judgement.facts, index, int(at[1 + later_hot[0]])) if later_hot.size else None
        )
        # Hot already at its floor, by what we learned late: then only a new deed of the trigger's own counts.
        if explanation is not None and (not is_hot[0] or _last_counted_event(explanation) > int(at[0])):
            explanations[index] = explanation
    return explanations


def _last_counted_event(explanation: Explanation) -> int:
    """The latest event that a hot trigger which holds has counted."""
    clauses = [clause for path in explanation.hot_paths if path.held for clause in path.clauses]
    return max((clause.last_at for clause in clauses if clause.last_at is not None), default=0)


def _triggering_activity(judgement: LeadJudgement, index: int, explanation: Explanation, floor: int) -> int | None:
    """What the lead did that made it hot, after the floor; none when only what we know of it has changed."""
    if _last_counted_event(explanation) > floor:
        return _last_counted_event(explanation)
    return qualification_start.first_activity(
        judgement.facts, index, qualification_start.activity_signals(judgement.rules), floor, explanation.at
    )


def _build_upgrade(
    judgement: LeadJudgement, cycle: Qualification, explanation: Explanation, at: int, now: dt.datetime
) -> HotUpgrade:
    return HotUpgrade(
        qualification=cycle,
        version=judgement.version,
        at=from_microseconds(at),
        recorded_at=now,
        why=reached(replace(explanation, paths=(), at=at))[:300],
        evidence=explanation.as_dict(),
    )
