"""The instant at which a lead began to meet a version (rules 4.12). The live judgement and the replay of the past both use
it.

Between two facts scores only fall (rules 4.11), so a lead that holds at an instant has held since its last fact, or
since its floor: the version came into force, or the lead was free to qualify again. So it begins at one of these
instants.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from scoring.engine.facts import Facts
from scoring.engine.judge import judge
from scoring.engine.rules import Rules
from scoring.engine.timeline import FOREVER, HOUR, Bools, Ints, Positions
from scoring.instants import microseconds

#: An activity at most this long before a version came into force may not have been judged by the version before it.
POSSIBLY_UNJUDGED: Final = HOUR


@dataclass(frozen=True, slots=True)
class QualificationFloor:
    """The instant from which a lead may qualify; `closed` while it needs newer activity first, or while its day has not
    come (`until`).
    """

    at: int
    closed: bool = False
    until: int | None = None


@dataclass(frozen=True, slots=True)
class CycleRelease:
    """The end of a lead's last cycle: released `at`; `back` is the day before which only a hand raise counts."""

    at: int
    back: int | None

    @classmethod
    def from_instants(cls, closed_at: dt.datetime, reenter_at: dt.datetime | None) -> CycleRelease:
        return cls(microseconds(closed_at), None if reenter_at is None else microseconds(reenter_at))


@dataclass(frozen=True, slots=True)
class StartQuestion:
    """The question when one lead began to meet the version; instants in microseconds.

    The start lies in [floor, until]. The lead is judged at each of `looks` and at every fact later than `after`, except
    in the `barred` periods. `known` is when the lead was recorded. With `waits` a lead that already holds at the floor
    does so by the change of versions and not by its own doing, so it begins with its next activity (rules 9.12).
    """

    floor: int
    until: int
    looks: tuple[int, ...]
    after: int
    known: int
    waits: bool = False
    barred: tuple[tuple[int, int], ...] = ()
    suppressed: tuple[tuple[int, int], ...] = ()


def find_floor(
    rules: Rules, facts: Facts, index: int, release: CycleRelease | None, *, in_force: int, now: int
) -> QualificationFloor:
    """Return from when on the lead may qualify (rules 6.2).

    After a cycle only newer activity counts, and before the re-engagement date only a hand raise.
    """
    if release is None:
        return QualificationFloor(in_force)
    is_back = release.back is None or release.back <= now
    raised = first_activity(facts, index, rules.catalogue.requests, release.at, now)
    active = first_activity(facts, index, rules.engaging, release.at, now) if is_back else None
    starts = [] if raised is None else [raised]
    starts += [] if active is None else [max(active, release.back or active)]
    if starts:
        return QualificationFloor(max(in_force, min(starts)))
    return QualificationFloor(release.at, closed=True, until=None if is_back else release.back)


def first_activity(facts: Facts, index: int, signals: frozenset[str], after: int, until: int) -> int | None:
    """Return when the lead first sent any of these signals in (after, until], or None."""
    events_of_lead = slice(*np.searchsorted(facts.event_lead, (index, index + 1)))
    codes = [code for code, signal in enumerate(facts.signals) if signal in signals]
    at = facts.event_at[events_of_lead]
    instants = at[(at > after) & (at <= until) & np.isin(facts.event_signal[events_of_lead], codes)]
    return int(instants[0]) if instants.size else None


def activity_signals(rules: Rules) -> frozenset[str]:
    """Return the signals that count as the lead's own activity."""
    return rules.engaging | rules.catalogue.requests


def find_starts(rules: Rules, facts: Facts, questions: Mapping[int, StartQuestion]) -> Mapping[int, int]:
    """Return the instant at which each lead that is found to meet the rules began to, by its index.

    1. Collect the instants to judge: each lead's floor, the facts after it, and the looks.
    2. Judge all pairs in one pass.
    3. Judge those that may continue a run once more, one microsecond earlier, to see whether the run was interrupted.
    4. Find the first instant at which the lead is noticed: a look, or a fact after the last look, outside barred
       periods.
    5. Go back to the beginning of the run that the instant belongs to.
    6. Date a lead that held at its floor there, or when it became known if that is later. One that `waits` begins with
       its next activity, or with its next run; one that was suppressed not before the end of that.
    """
    if not questions:
        return {}
    # 1.
    lead, at = _instants_to_judge(facts, questions)
    # 2.
    meets = judge(rules, facts, lead, at).meets
    # 3.
    met_before = _met_just_before(rules, facts, lead, at, meets)
    # 4. to 6.
    starts = {}
    for index, question in questions.items():
        pairs_of_lead = slice(*np.searchsorted(lead, (index, index + 1)))
        instant = _find_start(
            rules, facts, index, question, _LeadRun(at[pairs_of_lead], meets[pairs_of_lead], met_before[pairs_of_lead])
        )
        if instant is not None:
            starts[index] = instant
    return starts


@dataclass(slots=True)
class _LeadRun:
    """The instants of one lead from its floor on: whether it meets the rules there, and whether it did so a microsecond
    before.
    """

    at: Ints
    meets: Bools
    met_before: Bools


def _instants_to_judge(facts: Facts, questions: Mapping[int, StartQuestion]) -> tuple[Positions, Ints]:
    """Return (lead, at), sorted: the floor, each fact after it and each look, up to the end of the question."""
    lead, at = facts.instants()
    floor, until = np.full((2, len(facts)), FOREVER, dtype=np.int64)
    indexes = list(questions)
    floor[indexes] = [question.floor for question in questions.values()]
    until[indexes] = [question.until for question in questions.values()]
    later = (at > floor[lead]) & (at <= until[lead])
    own = [
        (index, instant)
        for index, question in questions.items()
        for instant in {question.floor, *question.looks}
        if question.floor <= instant <= question.until
    ]
    own_pairs = np.array(own, dtype=np.int64).reshape(-1, 2)
    pairs = np.unique(np.concatenate((np.column_stack((lead[later], at[later])), own_pairs)), axis=0)
    return pairs[:, 0].astype(np.intp), pairs[:, 1]


def _met_just_before(rules: Rules, facts: Facts, lead: Positions, at: Ints, meets: Bools) -> Bools:
    """Return where the lead also met the rules one microsecond earlier.

    Only pairs whose predecessor of the same lead meets as well are judged; a floor has no predecessor.
    """
    met_before = np.zeros(at.size, dtype=np.bool_)
    doubtful = np.flatnonzero(meets)
    doubtful = doubtful[doubtful > 0]
    doubtful = doubtful[(lead[doubtful] == lead[doubtful - 1]) & meets[doubtful - 1]]
    if doubtful.size:
        met_before[doubtful] = judge(rules, facts, lead[doubtful], at[doubtful] - 1).meets
    return met_before


def _find_start(rules: Rules, facts: Facts, index: int, question: StartQuestion, run: _LeadRun) -> int | None:
    """Return the start of one lead's run (steps 4 to 6 of `find_starts`), or None."""
    first = 0
    if question.waits and run.meets.size and run.meets[0]:
        first = _first_own_position(rules, facts, index, run)
    # 4.
    is_noticed = run.meets & ((run.at > question.after) | np.isin(run.at, question.looks))
    for begin, end in (*question.barred, *question.suppressed):
        is_noticed &= (run.at < begin) | (run.at >= end)
    is_noticed[:first] = False
    if not is_noticed.any():
        return None
    # 5.
    noticed = int(np.flatnonzero(is_noticed)[0])
    starts = np.flatnonzero(run.meets & ~run.met_before)
    start = max(int(starts[starts <= noticed][-1]), first)
    # 6. A lead that already held at its floor begins there, or when it was recorded if that is later.
    began = int(run.at[start]) if start else max(int(run.at[0]), question.known)
    return max([began, *(end for _, end in question.suppressed if end <= int(run.at[noticed]))])


def _first_own_position(rules: Rules, facts: Facts, index: int, run: _LeadRun) -> int:
    """Return the position from which a waiting lead holds by its own doing: its next activity, or the end of its first
    run.
    """
    ends = np.flatnonzero(~run.met_before[1:]) + 1
    end = int(ends[0]) if ends.size else run.at.size
    activity_at = first_activity(facts, index, activity_signals(rules), int(run.at[0]), int(run.at[-1]))
    own = end if activity_at is None else int(np.searchsorted(run.at, activity_at))
    return min(own, end)
