"""Who becomes an MQL now, since when, and why (SPEC 6): the only place that makes qualifications."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from definitions.models import Version
from leads import stage_changes
from leads.models import Lead
from leads.vocabulary import OPEN_TO_QUALIFY, Motion, Stage
from scoring import active_versions
from scoring.columns import fact_reader
from scoring.engine.facts import Facts
from scoring.engine.judge import explain
from scoring.engine.rules import Rules
from scoring.engine.timeline import Bools
from scoring.instants import from_microseconds, microseconds
from scoring.live import hot_upgrade_detection, qualification_start
from scoring.live.judgement import Judged, judge_now
from scoring.live.qualification_start import Floor, Question, Release
from scoring.models import Qualification, Score

#: With sales, done, or out for good: the CRM's word ends what marketing can qualify.
NOT_TO_QUALIFY: Final = frozenset({Stage.OPPORTUNITY, Stage.WON, Stage.DISQUALIFIED})


def qualify(
    judged: Judged, *, leads: Mapping[int, Lead], before: Mapping[int, Score], now: dt.datetime
) -> Mapping[int, int]:
    """Make the MQLs among the judged leads, whose rows the caller holds, and note which MQLs turned hot since.

    `before` are their scores until now.

    Returns the instants at which leads must be looked at again because they may not qualify before.
    """
    standing = _standing(judged, leads, now)
    found = _began(judged, standing, leads, before)
    for index in standing.floors:
        lead = leads[int(judged.facts.lead_ids[index])]
        if index in found:
            _make(judged, index, lead, standing.cycles.get(lead.pk), found[index], now)
        else:
            _accept_for_marketing(judged, index, lead, now)
    _heat(judged, standing, leads, before, now)
    return {
        int(judged.facts.lead_ids[index]): floor.until
        for index, floor in standing.floors.items()
        if floor.until is not None
    }


def free(
    version: Version, rules: Rules, facts: Facts, leads: Mapping[int, Lead], *, now: dt.datetime
) -> frozenset[int]:
    """The ids of those leads (in the facts) that may qualify at `now` if they meet the version: not with sales or done
    already, and not waiting for newer activity or for their day (SPEC 6)."""
    standing = _standing_of(version, rules, facts, leads, now)
    return frozenset(int(facts.lead_ids[index]) for index, floor in standing.floors.items() if not floor.closed)


def marked(version: Version, lead_ids: Sequence[int], *, now: dt.datetime) -> frozenset[int]:
    """Those of these leads that meet the version by its coming alone, and wait for their next activity (SPEC 9)."""
    if version.hands_over_entrants is not False:
        return frozenset()
    rules, leads = active_versions.rules_of(version), Lead.objects.in_bulk(lead_ids)
    judged = judge_now(version, rules, fact_reader.near(list(leads), rules), now)
    before = {score.lead_id: score for score in Score.objects.filter(version=version, lead_id__in=leads)}
    questions = _questions(judged, _standing(judged, leads, now), leads, before, judged.at_now.meets)
    waiting = {index: question for index, question in questions.items() if question.waits}
    begun = qualification_start.began(rules, judged.facts, waiting)
    return frozenset(int(judged.facts.lead_ids[index]) for index in waiting if index not in begun)


@dataclass(frozen=True, slots=True)
class _Standing:
    """The leads that may qualify at all, by their place in the facts, and the last cycle of each lead that had one."""

    floors: Mapping[int, Floor]
    cycles: Mapping[int, Qualification]


def _standing(judged: Judged, leads: Mapping[int, Lead], now: dt.datetime) -> _Standing:
    return _standing_of(judged.version, judged.rules, judged.facts, leads, now)


def _standing_of(
    version: Version, rules: Rules, facts: Facts, leads: Mapping[int, Lead], now: dt.datetime
) -> _Standing:
    cycles = _latest_cycles(version, leads)
    in_force, at = microseconds(version.activated_at or now), microseconds(now)
    floors = {
        index: qualification_start.floor_of(
            rules, facts, index, _release(cycles.get(lead_id)), in_force=in_force, now=at
        )
        for index, lead_id in enumerate(facts.lead_ids.tolist())
        if lead_id in leads and _may_qualify(leads[lead_id], cycles.get(lead_id))
    }
    return _Standing(floors, cycles)


def _may_qualify(lead: Lead, cycle: Qualification | None) -> bool:
    return lead.stage not in NOT_TO_QUALIFY and (cycle is None or cycle.closed_at is not None)


def _release(cycle: Qualification | None) -> Release | None:
    return None if cycle is None or cycle.closed_at is None else Release.of(cycle.closed_at, cycle.reenter_at)


def _began(
    judged: Judged, standing: _Standing, leads: Mapping[int, Lead], before: Mapping[int, Score]
) -> Mapping[int, int]:
    """Only of leads that meet the version, or have news since their last look: a worker that was away loses nobody."""
    facts, news = judged.facts, judged.at_now.meets.copy()
    looked = np.array([_last_look(leads[lead_id], before) for lead_id in facts.lead_ids.tolist()], dtype=np.int64)
    lead, at = facts.instants()
    news[lead[(at > looked[lead]) & (at <= judged.now[lead])]] = True
    return qualification_start.began(judged.rules, facts, _questions(judged, standing, leads, before, news))


def _questions(
    judged: Judged, standing: _Standing, leads: Mapping[int, Lead], before: Mapping[int, Score], asked: Bools
) -> Mapping[int, Question]:
    questions = {}
    for index, floor in standing.floors.items():
        if floor.closed or not asked[index]:
            continue
        lead, now = leads[int(judged.facts.lead_ids[index])], int(judged.now[index])
        score, known = before.get(lead.pk), microseconds(lead.recorded_at)
        questions[index] = Question(
            floor=floor.at,
            until=now,
            # Looked at for the first time, it is looked at as it came, too.
            looks=(now,) if score else (known, now),
            after=_last_look(lead, before),
            known=known,
            waits=_waits(judged, index, floor, lead, score),
        )
    return questions


def _last_look(lead: Lead, before: Mapping[int, Score]) -> int:
    score = before.get(lead.pk)
    return microseconds(lead.recorded_at if score is None else score.judged_at)


def _waits(judged: Judged, index: int, floor: Floor, lead: Lead, score: Score | None) -> bool:
    """Those whom the version's coming finds meeting it wait for their next activity, where it hands over no entrants;
    but not for what came before it and nobody had judged (SPEC 9)."""
    version = judged.version
    if not finds_waiting(version, floor, microseconds(lead.recorded_at)):
        return False
    if score is not None and score.version_id == version.pk:
        # It did not meet the version at the last look: what it meets it by was learned since.
        return score.meets
    seen = 0 if score is None else microseconds(score.judged_at)
    after = max(floor.at - qualification_start.UNSEEN, seen)
    deed = qualification_start.first_deed(
        judged.facts, index, qualification_start.activity(judged.rules), after, floor.at
    )
    return deed is None


def finds_waiting(version: Version, floor: Floor, known: int) -> bool:
    """Was the lead there, and free to qualify, when a version came that hands over no entrants?"""
    if version.hands_over_entrants is not False or version.activated_at is None:
        return False
    return floor.at == microseconds(version.activated_at) and known <= floor.at


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
        stage_changes.move(lead=lead, to=Stage.MQL, by=None, now=now, why=f"Meets {judged.version}")


def _heat(
    judged: Judged, standing: _Standing, leads: Mapping[int, Lead], before: Mapping[int, Score], now: dt.datetime
) -> None:
    ids = judged.facts.lead_ids.tolist()
    lukewarm = {
        index: cycle
        for index, lead_id in enumerate(ids)
        if (cycle := standing.cycles.get(lead_id)) and _may_heat(leads[lead_id], cycle)
    }
    looked = {index: microseconds(before[ids[index]].judged_at) for index in lukewarm if ids[index] in before}
    hot_upgrade_detection.heat(judged, lukewarm, looked=looked, now=now)


def _may_heat(lead: Lead, cycle: Qualification) -> bool:
    is_open = cycle.closed_at is None and lead.stage not in NOT_TO_QUALIFY
    return is_open and not cycle.is_hot and not hasattr(cycle, "heating")


def _accept_for_marketing(judged: Judged, index: int, lead: Lead, now: dt.datetime) -> None:
    """A MAL passes the gate and is engaged, without meeting the definition (SPEC 2)."""
    verdicts = judged.at_now
    accepted = verdicts.gate[index] == 1 and verdicts.engaged[index] and not verdicts.disqualified[index]
    if accepted and lead.stage == Stage.LEAD and judged.version.definition.motion == Motion.MQL:
        stage_changes.move(lead=lead, to=Stage.MAL, by=None, now=now, why=f"Passes the gate of {judged.version}")


def _latest_cycles(version: Version, lead_ids: Iterable[int]) -> Mapping[int, Qualification]:
    found = Qualification.objects.filter(lead_id__in=lead_ids, motion=version.definition.motion)
    found = found.only("lead", "cycle", "at", "is_hot", "closed_at", "reenter_at", "heating__id")
    # With the heating beside it, where there is one: nobody is asked about one by one.
    found = found.select_related("heating")
    return {cycle.lead_id: cycle for cycle in found.order_by("lead_id", "cycle")}
