"""Leads that turn hot while a cycle of theirs is open (SPEC 3.5): found at their look by the judge's own verdict, once a cycle."""

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
from scoring.live.judgement import Judged
from scoring.models import Heating, Qualification

_FLOOR_AND_NOW: Final = 2


def heat(
    judged: Judged, cycles: Mapping[int, Qualification], *, looked: Mapping[int, int], now: dt.datetime
) -> list[Heating]:
    """Write down which of these leads, by index, newly meet a hot trigger by what they did since they qualified.

    `cycles`: their open cycles, which were neither hot from the start nor have turned hot before. `looked`: when those
    who were judged before last were. The caller holds the leads' rows.
    """
    if not judged.rules.hot:
        return []
    at_now = judged.at_now
    instants = {
        index: _instants(judged, index, _floor(judged, cycle), looked.get(index))
        for index, cycle in cycles.items()
        if at_now.gate[index] == PASS and not at_now.disqualified[index]
    }
    asked = {index: at for index, at in instants.items() if at_now.hot[index] or at.size > _FLOOR_AND_NOW}
    made = [
        _made(judged, cycles[index], told, at, now)
        for index, told in _hot(judged, asked).items()
        if (at := _deed(judged, index, told, int(asked[index][0]))) is not None
    ]
    return Heating.objects.bulk_create(made) if made else []


def _floor(judged: Judged, cycle: Qualification) -> int:
    """What came before is not what makes it hot now: it qualified, or the version that judges came into force."""
    activated_at = judged.version.activated_at
    return max(
        microseconds(cycle.at), 0 if activated_at is None else microseconds(activated_at) - qualification_start.UNSEEN
    )


def _instants(judged: Judged, index: int, floor: int, looked: int | None) -> Ints:
    """The floor, each event since the last look, and now: a worker that was away overlooks nobody."""
    facts, now = judged.facts, int(judged.now[index])
    mine = slice(*np.searchsorted(facts.event_lead, (index, index + 1)))
    at = facts.event_at[mine]
    news = np.unique(at[(at > max(floor, now if looked is None else looked)) & (at < now)])
    return np.concatenate(([floor], news, [now])).astype(np.int64)


def _hot(judged: Judged, asked: Mapping[int, Ints]) -> Mapping[int, Explanation]:
    """The first instant at which each was found hot, explained; one pass of the judge for all."""
    if not asked:
        return {}
    index = np.repeat(np.fromiter(asked, dtype=np.intp), [at.size for at in asked.values()])
    hot = judge(judged.rules, judged.facts, index, np.concatenate(list(asked.values()))).hot
    found = {}
    for each, at in asked.items():
        held = hot[index == each]
        later = np.flatnonzero(held[1:])
        told = explain(judged.rules, judged.facts, each, int(at[1 + later[0]])) if later.size else None
        # Hot already at its floor, by what we learned late: then only a new deed of the trigger's own counts.
        if told is not None and (not held[0] or _last(told) > int(at[0])):
            found[each] = told
    return found


def _last(told: Explanation) -> int:
    """The latest event that a hot trigger which holds has counted."""
    clauses = [clause for path in told.hot_paths if path.held for clause in path.clauses]
    return max((clause.last_at for clause in clauses if clause.last_at is not None), default=0)


def _deed(judged: Judged, index: int, told: Explanation, floor: int) -> int | None:
    """What the lead did that made it hot, after the floor; none when only what we know of it has changed."""
    if _last(told) > floor:
        return _last(told)
    return qualification_start.first_deed(
        judged.facts, index, qualification_start.activity(judged.rules), floor, told.at
    )


def _made(judged: Judged, cycle: Qualification, told: Explanation, at: int, now: dt.datetime) -> Heating:
    return Heating(
        qualification=cycle,
        version=judged.version,
        at=from_microseconds(at),
        recorded_at=now,
        why=reached(replace(told, paths=(), at=at))[:300],
        evidence=told.as_dict(),
    )
