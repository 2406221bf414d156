"""When leads began to meet a version: asked by the live judgement and by the replay of the past, so that both say the same.

Between two facts scores only fall (SPEC 4), so a lead that holds at an instant has held since its last fact, or since its
floor: the version came into force, or the lead was free to qualify again. What it begins with is one of these instants.
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

#: What a lead did so shortly before a version came into force may not have been judged by the one before.
UNSEEN: Final = HOUR


@dataclass(frozen=True, slots=True)
class Floor:
    """From when on a lead may qualify; `closed` while it needs newer activity first, or its day has not come (`until`)."""

    at: int
    closed: bool = False
    until: int | None = None


@dataclass(frozen=True, slots=True)
class Release:
    """The end of the lead's last cycle: released `at`; `back` is the day before which only a hand raise counts."""

    at: int
    back: int | None

    @classmethod
    def of(cls, closed_at: dt.datetime, reenter_at: dt.datetime | None) -> Release:
        return cls(microseconds(closed_at), None if reenter_at is None else microseconds(reenter_at))


@dataclass(frozen=True, slots=True)
class Question:
    """Of one lead; instants in microseconds.

    It may begin in [floor, until]. Somebody looks at each of `looks`, and at every fact after `after`, but for the periods
    in which it is `barred`. `known`: when the lead was recorded. `waits`: if it holds at the floor already, that is the
    version's doing and not its own, and it begins with its next activity (SPEC 9).
    """

    floor: int
    until: int
    looks: tuple[int, ...]
    after: int
    known: int
    waits: bool = False
    barred: tuple[tuple[int, int], ...] = ()


def floor_of(rules: Rules, facts: Facts, index: int, release: Release | None, *, in_force: int, now: int) -> Floor:
    """SPEC 6: after a cycle only newer activity counts, and before the re-engagement date only a hand raise."""
    if release is None:
        return Floor(in_force)
    is_back = release.back is None or release.back <= now
    raised = first_deed(facts, index, rules.catalogue.requests, release.at, now)
    active = first_deed(facts, index, rules.engaging, release.at, now) if is_back else None
    starts = [] if raised is None else [raised]
    starts += [] if active is None else [max(active, release.back or active)]
    if starts:
        return Floor(max(in_force, min(starts)))
    return Floor(release.at, closed=True, until=None if is_back else release.back)


def first_deed(facts: Facts, index: int, signals: frozenset[str], after: int, until: int) -> int | None:
    """When the lead first did any of these after an instant, and by another."""
    mine = slice(*np.searchsorted(facts.event_lead, (index, index + 1)))
    codes = [code for code, signal in enumerate(facts.signals) if signal in signals]
    at = facts.event_at[mine]
    done = at[(at > after) & (at <= until) & np.isin(facts.event_signal[mine], codes)]
    return int(done[0]) if done.size else None


def activity(rules: Rules) -> frozenset[str]:
    """What counts as the lead's own doing."""
    return rules.engaging | rules.catalogue.requests


def began(rules: Rules, facts: Facts, questions: Mapping[int, Question]) -> Mapping[int, int]:
    """The instant at which each lead that is found to meet the rules began to; judged in one pass."""
    if not questions:
        return {}
    lead, at = _instants(facts, questions)
    held = judge(rules, facts, lead, at).meets
    lasting = _held_before(rules, facts, lead, at, held)
    found = {}
    for index, question in questions.items():
        mine = slice(*np.searchsorted(lead, (index, index + 1)))
        instant = _began(rules, facts, index, question, _Run(at[mine], held[mine], lasting[mine]))
        if instant is not None:
            found[index] = instant
    return found


@dataclass(slots=True)
class _Run:
    """One lead's instants from its floor on: did it meet the rules there, and did it the microsecond before?"""

    at: Ints
    held: Bools
    lasting: Bools


def _instants(facts: Facts, questions: Mapping[int, Question]) -> tuple[Positions, Ints]:
    """(lead, at), sorted: the floor, each fact after it, and each look; up to the end of the question."""
    lead, at = facts.instants()
    floor, until = np.full((2, len(facts)), FOREVER, dtype=np.int64)
    asked = list(questions)
    floor[asked] = [question.floor for question in questions.values()]
    until[asked] = [question.until for question in questions.values()]
    later = (at > floor[lead]) & (at <= until[lead])
    own = [
        (index, instant)
        for index, question in questions.items()
        for instant in {question.floor, *question.looks}
        if question.floor <= instant <= question.until
    ]
    more = np.array(own, dtype=np.int64).reshape(-1, 2)
    pairs = np.unique(np.concatenate((np.column_stack((lead[later], at[later])), more)), axis=0)
    return pairs[:, 0].astype(np.intp), pairs[:, 1]


def _held_before(rules: Rules, facts: Facts, lead: Positions, at: Ints, held: Bools) -> Bools:
    """Did it hold up to the instant? Then it has since the one before; the floor has nothing before it."""
    lasting = np.zeros(at.size, dtype=np.bool_)
    doubtful = np.flatnonzero(held)
    doubtful = doubtful[doubtful > 0]
    doubtful = doubtful[(lead[doubtful] == lead[doubtful - 1]) & held[doubtful - 1]]
    if doubtful.size:
        lasting[doubtful] = judge(rules, facts, lead[doubtful], at[doubtful] - 1).meets
    return lasting


def _began(rules: Rules, facts: Facts, index: int, question: Question, run: _Run) -> int | None:
    first = 0
    if question.waits and run.held.size and run.held[0]:
        first = _first_own(rules, facts, index, run)
    seen = run.held & ((run.at > question.after) | np.isin(run.at, question.looks))
    for start, end in question.barred:
        seen &= (run.at < start) | (run.at >= end)
    seen[:first] = False
    if not seen.any():
        return None
    starts = np.flatnonzero(run.held & ~run.lasting)
    start = max(int(starts[starts <= int(np.flatnonzero(seen)[0])][-1]), first)
    # Held at its floor before anybody knew it: it began when it became known.
    return int(run.at[start]) if start else max(int(run.at[0]), question.known)


def _first_own(rules: Rules, facts: Facts, index: int, run: _Run) -> int:
    """Where in its run a lead that the version's coming found holding is there by its own doing: its next activity,
    or beginning anew."""
    ends = np.flatnonzero(~run.lasting[1:]) + 1
    end = int(ends[0]) if ends.size else run.at.size
    deed = first_deed(facts, index, activity(rules), int(run.at[0]), int(run.at[-1]))
    own = end if deed is None else int(np.searchsorted(run.at, deed))
    return min(own, end)
