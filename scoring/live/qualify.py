"""Who becomes an MQL now, since when, and why (rules 4.12, 6.2): the only place that makes qualifications."""

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
from scoring.engine.explain import Explanation
from scoring.engine.facts import Facts
from scoring.engine.judge import explain
from scoring.engine.profile import PASS
from scoring.engine.rules import Rules
from scoring.engine.timeline import Bools
from scoring.engine.verdict import Verdicts
from scoring.instants import from_microseconds, microseconds
from scoring.live import hot_upgrade_detection, qualification_start
from scoring.live.judgement import LeadJudgement, judge_now
from scoring.live.qualification_start import CycleRelease, QualificationFloor, StartQuestion
from scoring.models import Qualification, Score

#: With sales, done, or out for good: the CRM's word ends what marketing can qualify.
NOT_TO_QUALIFY: Final = frozenset({Stage.OPPORTUNITY, Stage.WON, Stage.DISQUALIFIED})


def qualify(
    judged: LeadJudgement, *, leads: Mapping[int, Lead], before: Mapping[int, Score], now: dt.datetime
) -> Mapping[int, int]:
    """Make the MQLs among the judged leads, whose rows the caller holds, and note which MQLs turned hot since.

    `before` are their scores until now.

    Returns the instants at which leads must be looked at again because they may not qualify before.
    """
    standing = _standing(judged, leads, now)
    found = _began(judged, standing, leads, before)
    accepted = passes_for_marketing(judged.at_now)
    for index in standing.floors:
        lead = leads[int(judged.facts.lead_ids[index])]
        if index in found:
            _make(judged, index, lead, standing.cycles.get(lead.pk), found[index], now)
        elif accepted[index]:
            _accept_for_marketing(judged, lead, now)
    _record_hot_upgrades(judged, standing, leads, before, now)
    return {
        int(judged.facts.lead_ids[index]): floor.until
        for index, floor in standing.floors.items()
        if floor.until is not None
    }


def free(
    version: Version, rules: Rules, facts: Facts, leads: Mapping[int, Lead], *, now: dt.datetime
) -> frozenset[int]:
    """The ids of those leads (in the facts) that may qualify at `now` if they meet the version: not with sales or done
    already, and not waiting for newer activity or for their day (rules 6.2)."""
    standing = _standing_of(version, rules, facts, leads, now)
    return frozenset(int(facts.lead_ids[index]) for index, floor in standing.floors.items() if not floor.closed)


def marked(version: Version, lead_ids: Sequence[int], *, now: dt.datetime) -> frozenset[int]:
    """Those of these leads that meet the version by its coming alone, and wait for their next activity (rules 9.12)."""
    if version.hands_over_entrants is not False:
        return frozenset()
    rules, leads = active_versions.rules_of(version), Lead.objects.in_bulk(lead_ids)
    judged = judge_now(version, rules, fact_reader.near(list(leads), rules), now)
    before = {score.lead_id: score for score in Score.objects.filter(version=version, lead_id__in=leads)}
    questions = _questions(judged, _standing(judged, leads, now), leads, before, judged.at_now.meets)
    waiting = {index: question for index, question in questions.items() if question.waits}
    begun = qualification_start.qualification_start(rules, judged.facts, waiting)
    return frozenset(int(judged.facts.lead_ids[index]) for index in waiting if index not in begun)


@dataclass(frozen=True, slots=True)
class _Standing:
    """The leads that may qualify at all, by their place in the facts, and the last cycle of each lead that had one."""

    floors: Mapping[int, QualificationFloor]
    cycles: Mapping[int, Qualification]


def _standing(judged: LeadJudgement, leads: Mapping[int, Lead], now: dt.datetime) -> _Standing:
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
        if lead_id in leads and may_qualify(leads[lead_id], cycles.get(lead_id))
    }
    return _Standing(floors, cycles)


def may_qualify(lead: Lead, cycle: Qualification | None) -> bool:
    """Return whether a lead may qualify at all: sales is not busy or done with it, and its last cycle has ended."""
    return lead.stage not in NOT_TO_QUALIFY and (cycle is None or cycle.closed_at is not None)


def _release(cycle: Qualification | None) -> CycleRelease | None:
    return None if cycle is None or cycle.closed_at is None else CycleRelease.of(cycle.closed_at, cycle.reenter_at)


def _began(
    judged: LeadJudgement, standing: _Standing, leads: Mapping[int, Lead], before: Mapping[int, Score]
) -> Mapping[int, int]:
    """Only of leads that meet the version, or have news since their last look: a worker that was away loses nobody."""
    facts, news = judged.facts, judged.at_now.meets.copy()
    looked = np.array([_last_look(leads[lead_id], before) for lead_id in facts.lead_ids.tolist()], dtype=np.int64)
    lead, at = facts.instants()
    news[lead[(at > looked[lead]) & (at <= judged.now[lead])]] = True
    return qualification_start.qualification_start(
        judged.rules, facts, _questions(judged, standing, leads, before, news)
    )


def _questions(
    judged: LeadJudgement, standing: _Standing, leads: Mapping[int, Lead], before: Mapping[int, Score], asked: Bools
) -> Mapping[int, StartQuestion]:
    questions = {}
    for index, floor in standing.floors.items():
        if floor.closed or not asked[index]:
            continue
        lead, now = leads[int(judged.facts.lead_ids[index])], int(judged.now[index])
        score, known = before.get(lead.pk), microseconds(lead.recorded_at)
        questions[index] = StartQuestion(
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


def _waits(judged: LeadJudgement, index: int, floor: QualificationFloor, lead: Lead, score: Score | None) -> bool:
    """Those whom the version's coming finds meeting it wait for their next activity, where it hands over no entrants;
    but not for what came before it and nobody had judged (rules 9.12)."""
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


def finds_waiting(version: Version, floor: QualificationFloor, known: int) -> bool:
    """Was the lead there, and free to qualify, when a version came that hands over no entrants?"""
    if version.hands_over_entrants is not False or version.activated_at is None:
        return False
    return floor.at == microseconds(version.activated_at) and known <= floor.at


def _make(
    judged: LeadJudgement, index: int, lead: Lead, cycle: Qualification | None, at: int, now: dt.datetime
) -> None:
    explanation = explain(judged.rules, judged.facts, index, at)
    qualification = build_qualification(judged.version, lead, cycle, explanation, from_microseconds(at), now)
    qualification.save(force_insert=True)
    if lead.stage in OPEN_TO_QUALIFY:
        stage_changes.move(lead=lead, to=Stage.MQL, by=None, now=now, why=why_mql(judged.version))


def build_qualification(
    version: Version,
    lead: Lead,
    before: Qualification | None,
    explanation: Explanation,
    at: dt.datetime,
    now: dt.datetime,
) -> Qualification:
    """Return the lead's qualification since `at`, with its frozen evidence; not stored yet (rules 4.12).

    `before` is the lead's last cycle, if it had one.
    """
    return Qualification(
        lead=lead,
        definition=version.definition,
        version=version,
        motion=version.definition.motion,
        cycle=1 if before is None else before.cycle + 1,
        at=at,
        recorded_at=now,
        tier=explanation.tier,
        is_hot=explanation.hot,
        fit=explanation.fit.value,
        engagement=explanation.engagement.value,
        bant=explanation.bant.value,
        why=explanation.why[:300],
        evidence=explanation.as_dict(),
    )


def why_mql(version: Version) -> str:
    """Return the reason that the log of stages gives for an MQL."""
    return f"Meets {version}"


def why_mal(version: Version | str) -> str:
    """Return the reason that the log of stages gives for an MAL; `version` may be its name."""
    return f"Passes the gate of {version}"


def _record_hot_upgrades(
    judged: LeadJudgement, standing: _Standing, leads: Mapping[int, Lead], before: Mapping[int, Score], now: dt.datetime
) -> None:
    ids = judged.facts.lead_ids.tolist()
    lukewarm = {
        index: cycle
        for index, lead_id in enumerate(ids)
        if (cycle := standing.cycles.get(lead_id)) and _may_turn_hot(leads[lead_id], cycle)
    }
    looked = {index: microseconds(before[ids[index]].judged_at) for index in lukewarm if ids[index] in before}
    hot_upgrade_detection.record_hot_upgrades(judged, lukewarm, looked=looked, now=now)


def _may_turn_hot(lead: Lead, cycle: Qualification) -> bool:
    is_open = cycle.closed_at is None and lead.stage not in NOT_TO_QUALIFY
    return is_open and not cycle.is_hot and not hasattr(cycle, "hot_upgrade")


def _accept_for_marketing(judged: LeadJudgement, lead: Lead, now: dt.datetime) -> None:
    """A MAL passes the gate and is engaged, without meeting the definition (rules 2.3)."""
    if lead.stage == Stage.LEAD and judged.version.definition.motion == Motion.MQL:
        stage_changes.move(lead=lead, to=Stage.MAL, by=None, now=now, why=why_mal(judged.version))


def passes_for_marketing(verdicts: Verdicts) -> Bools:
    """Return for each verdict whether it passes the gate, engaged and not disqualified (rules 2.3)."""
    passes: Bools = (verdicts.gate == PASS) & verdicts.engaged & ~verdicts.disqualified
    return passes


def _latest_cycles(version: Version, lead_ids: Iterable[int]) -> Mapping[int, Qualification]:
    found = Qualification.objects.filter(lead_id__in=lead_ids, motion=version.definition.motion)
    found = found.only("lead", "cycle", "at", "is_hot", "closed_at", "reenter_at", "hot_upgrade__id")
    # With the hot_upgrade beside it, where there is one: nobody is asked about one by one.
    found = found.select_related("hot_upgrade")
    return {cycle.lead_id: cycle for cycle in found.order_by("lead_id", "cycle")}
