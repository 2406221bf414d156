"""Detection of hot upgrades (rules 6.25): leads that meet a hot trigger while their cycle is open, once a cycle."""

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
    """Store a hot upgrade for each of these leads that newly meets a hot trigger by what it did since it qualified.

    `cycles` are open cycles by the lead's index; they were not hot from the start and have no upgrade. `last_looks`
    says when the leads that were judged before were last judged. The caller has locked the leads' rows.

    1. Leave out leads whose gate fails or that are disqualified now.
    2. Collect the instants to judge: the floor, each event since the last look, and now.
    3. Judge all of them in one pass, and take each lead's first hot instant after its floor.
    4. Find the activity that made it hot; a change of what we know of the lead is not enough.
    5. Store the upgrades, dated at that activity.
    """
    if not judgement.rules.hot:
        return []
    # 1. and 2.
    at_now = judgement.at_now
    instants = {
        index: _instants_to_judge(judgement, index, _upgrade_floor(judgement, cycle), last_looks.get(index))
        for index, cycle in cycles.items()
        if at_now.gate[index] == PASS and not at_now.disqualified[index]
    }
    to_judge = {index: at for index, at in instants.items() if at_now.hot[index] or at.size > _FLOOR_AND_NOW}
    # 3. and 4.
    upgrades = [
        _build_upgrade(judgement, cycles[index], explanation, at, now)
        for index, explanation in _explain_first_hot(judgement, to_judge).items()
        if (at := _triggering_activity(judgement, index, explanation, int(to_judge[index][0]))) is not None
    ]
    # 5.
    return HotUpgrade.objects.bulk_create(upgrades) if upgrades else []


def _upgrade_floor(judgement: LeadJudgement, cycle: Qualification) -> int:
    """Return the instant after which an activity can make the lead hot: it qualified, or the version that judges came into
    force.

    Shortly before that version came into force activities may not have been judged, so these count as well.
    """
    activated_at = judgement.version.activated_at
    return max(
        microseconds(cycle.at),
        0 if activated_at is None else microseconds(activated_at) - qualification_start.POSSIBLY_UNJUDGED,
    )


def _instants_to_judge(judgement: LeadJudgement, index: int, floor: int, last_look: int | None) -> Ints:
    """Return the floor, each event since the last look, and now; so a worker that was away misses no instant."""
    facts, now = judgement.facts, int(judgement.now[index])
    events_of_lead = slice(*np.searchsorted(facts.event_lead, (index, index + 1)))
    at = facts.event_at[events_of_lead]
    new_instants = np.unique(at[(at > max(floor, now if last_look is None else last_look)) & (at < now)])
    return np.concatenate(([floor], new_instants, [now])).astype(np.int64)


def _explain_first_hot(judgement: LeadJudgement, instants: Mapping[int, Ints]) -> Mapping[int, Explanation]:
    """Return the explanation of each lead's first hot instant after its floor, by one pass of the judge for all."""
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
        # A lead that was hot at its floor already, by facts learned late, needs a new event that the trigger counts.
        if explanation is not None and (not is_hot[0] or _last_counted_event(explanation) > int(at[0])):
            explanations[index] = explanation
    return explanations


def _last_counted_event(explanation: Explanation) -> int:
    """Return the latest event that a hot trigger which holds has counted; 0 without one."""
    clauses = [clause for path in explanation.hot_paths if path.held for clause in path.clauses]
    return max((clause.last_at for clause in clauses if clause.last_at is not None), default=0)


def _triggering_activity(judgement: LeadJudgement, index: int, explanation: Explanation, floor: int) -> int | None:
    """Return when the lead did, after the floor, what made it hot; None if only what we know of it has changed."""
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
