"""Who becomes an MQL now, since when, and why (SPEC 6): the only place that makes qualifications."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from leads import lifecycle
from leads.models import Lead
from leads.vocabulary import OPEN_TO_QUALIFY, Motion, Stage
from scoring.engine.judge import NEVER, explain, judge
from scoring.instants import from_microseconds, microseconds
from scoring.judging import Judged
from scoring.models import Qualification

#: With sales, done, or out for good: the CRM's word ends what marketing can qualify.
NOT_TO_QUALIFY = frozenset({Stage.OPPORTUNITY, Stage.WON, Stage.DISQUALIFIED})


def qualify(
    judged: Judged, *, leads: Mapping[int, Lead], since: Mapping[int, int], now: dt.datetime
) -> Mapping[int, int]:
    """Make the MQLs among the judged leads, whose rows the caller holds. `since` is when each was last judged.

    Returns the instants at which leads must be looked at again because they may not qualify before.
    """
    cycles = _latest_cycles(judged, leads)
    floors = {
        index: _floor(judged, index, cycles.get(lead_id), now)
        for index, lead_id in enumerate(judged.facts.lead_ids.tolist())
        if _may_qualify(leads[lead_id], cycles.get(lead_id))
    }
    runs = _Runs(judged, {index: floor.at for index, floor in floors.items() if not floor.closed})
    for index, floor in floors.items():
        lead = leads[int(judged.facts.lead_ids[index])]
        at = None if floor.closed else runs.beginning(index, since.get(lead.pk, microseconds(lead.recorded_at)))
        if at is None:
            _accept_for_marketing(judged, index, lead, now)
        else:
            _make(judged, index, lead, cycles.get(lead.pk), at, now)
    return {
        int(judged.facts.lead_ids[index]): floor.until for index, floor in floors.items() if floor.until is not None
    }


def _may_qualify(lead: Lead, cycle: Qualification | None) -> bool:
    return lead.stage not in NOT_TO_QUALIFY and (cycle is None or cycle.closed_at is not None)


@dataclass(frozen=True, slots=True)
class _Floor:
    """From when on a lead may qualify; `closed` while it needs newer activity first, or its day has not come (`until`)."""

    at: int
    closed: bool = False
    until: int | None = None


def _floor(judged: Judged, index: int, cycle: Qualification | None, now: dt.datetime) -> _Floor:
    in_force = microseconds(judged.version.activated_at or now)
    if cycle is None or cycle.closed_at is None:
        return _Floor(in_force)
    released = microseconds(cycle.closed_at)
    back = None if cycle.reenter_at is None else microseconds(cycle.reenter_at)
    is_back = back is None or back <= microseconds(now)
    raised = _first_deed(judged, index, judged.rules.catalogue.requests, released)
    active = _first_deed(judged, index, judged.rules.engaging, released) if is_back else None
    starts = [] if raised is None else [raised]
    starts += [] if active is None else [max(active, back or active)]
    if starts:
        return _Floor(max(in_force, min(starts)))
    return _Floor(released, closed=True, until=None if is_back else back)


def _first_deed(judged: Judged, index: int, signals: frozenset[str], after: int) -> int | None:
    """When the lead first did any of these after an instant, and by now."""
    facts = judged.facts
    mine = slice(*np.searchsorted(facts.event_lead, (index, index + 1)))
    codes = [code for code, signal in enumerate(facts.signals) if signal in signals]
    at = facts.event_at[mine]
    done = at[(at > after) & (at <= judged.now[index]) & np.isin(facts.event_signal[mine], codes)]
    return int(done[0]) if done.size else None


class _Runs:
    """At which of their instants, from each one's floor to now, the leads met the version: judged in one pass."""

    def __init__(self, judged: Judged, floors: Mapping[int, int]) -> None:
        lead, at = judged.facts.instants()
        floor = np.full(len(judged.facts), NEVER, dtype=np.int64)
        floor[list(floors)] = list(floors.values())
        asked = (at >= floor[lead]) & (at <= judged.now[lead])
        self._judged = judged
        self._lead, self._at = lead[asked], at[asked]
        # Most looks ask about nobody's past.
        self._held = (
            judge(judged.rules, judged.facts, self._lead, self._at).meets if self._at.size else np.empty(0, np.bool_)
        )

    def beginning(self, index: int, last_look: int) -> int | None:
        """The instant at which the lead began to qualify, None if it does not.

        Holding now: the start of the run of instants that held up to now. Not holding any more: the first that held
        since the last look, so that a worker that was away for days loses nobody.
        """
        mine = slice(*np.searchsorted(self._lead, (index, index + 1)))
        at, held = self._at[mine], self._held[mine]
        if self._judged.at_now.meets[index]:
            broken = np.flatnonzero(~held)
            run = at[broken[-1] + 1 :] if broken.size else at
            return int(run[0]) if run.size else int(self._judged.now[index])
        missed = at[held & (at > last_look)]
        return int(missed[0]) if missed.size else None


def _make(judged: Judged, index: int, lead: Lead, cycle: Qualification | None, at: int, now: dt.datetime) -> None:
    explanation = explain(judged.rules, judged.facts, index, at)
    definition = judged.version.definition
    Qualification.objects.create(
        lead=lead,
        definition=definition,
        version=judged.version,
        motion=definition.motion,
        cycle=1 if cycle is None else cycle.cycle + 1,
        at=from_microseconds(at),
        recorded_at=now,
        tier=explanation.tier,
        is_hot=explanation.hot,
        fit=explanation.fit.value,
        engagement=explanation.engagement.value,
        bant=explanation.bant.value,
        why=explanation.why[:300],
        evidence=explanation.as_dict(),
    )
    if lead.stage in OPEN_TO_QUALIFY:
        lifecycle.move(lead=lead, to=Stage.MQL, by=None, now=now, why=f"Meets {judged.version}")


def _accept_for_marketing(judged: Judged, index: int, lead: Lead, now: dt.datetime) -> None:
    """A MAL passes the gate and is engaged, without meeting the definition (SPEC 2)."""
    verdicts = judged.at_now
    accepted = verdicts.gate[index] == 1 and verdicts.engaged[index] and not verdicts.disqualified[index]
    if accepted and lead.stage == Stage.LEAD and judged.version.definition.motion == Motion.MQL:
        lifecycle.move(lead=lead, to=Stage.MAL, by=None, now=now, why=f"Passes the gate of {judged.version}")


def _latest_cycles(judged: Judged, leads: Mapping[int, Lead]) -> Mapping[int, Qualification]:
    found = Qualification.objects.filter(lead_id__in=leads, motion=judged.version.definition.motion)
    found = found.only("lead", "cycle", "closed_at", "reenter_at")
    return {cycle.lead_id: cycle for cycle in found.order_by("lead_id", "cycle")}
