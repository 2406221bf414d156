"""Qualification (rules 4.12, 6.2): the only place that makes MQLs. It says who becomes one, since when, and why."""

from __future__ import annotations

import datetime as dt
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from definitions.models import Version
from definitions.suppressions import subject_matching
from definitions.suppressions.subject_matching import Matches
from leads.identity import merges
from leads.models import Lead, LeadStage
from leads.stages import motion_stages, stage_changes
from leads.vocabulary import OPEN_TO_QUALIFY, Motion, Stage
from scoring import active_versions
from scoring.columns import fact_reader
from scoring.engine import canonical_facts
from scoring.engine.explanation import Explanation
from scoring.engine.facts import Facts
from scoring.engine.judge import explain
from scoring.engine.profile import PASS
from scoring.engine.rules import Rules
from scoring.engine.timeline import Bools
from scoring.engine.verdict import Verdicts
from scoring.instants import from_microseconds, microseconds
from scoring.live import (
    late_requests,
    mqls,
    qualification_start,
    recency_validations,
    suppressed_leads,
    upgrade_detection,
)
from scoring.live.judgement import LeadJudgement, judge_now
from scoring.live.qualification_start import CycleRelease, QualificationFloor, StartQuestion
from scoring.live.recency_validations import PersonValidation
from scoring.live.upgrade_detection import OpenCycle
from scoring.models import Qualification, Score

#: Stages of leads with sales, done, or out for good; their stage in the CRM ends what marketing can qualify.
NOT_TO_QUALIFY: Final = frozenset({Stage.OPPORTUNITY, Stage.WON, Stage.DISQUALIFIED})


def qualify_leads(
    judgement: LeadJudgement, *, leads: Mapping[int, Lead], before: Mapping[int, Score], now: dt.datetime
) -> Mapping[int, int]:
    """Make the MQLs among the judged leads, whose rows the caller has locked, and record their upgrades.

    1. Find the candidates: leads in a stage that may qualify, without an open cycle, and the floor from which each may
       (rules 6.2).
    2. Ask for those that meet the version now, have new facts since their last look, or sent an explicit request that
       came late, when they began (rules 4.12, 4.23).
    3. Judge these questions (`qualification_start.find_starts`).
    4. Keep back the leads with a start that are suppressed (rules 9.23). Make an MQL of each other one, its explanation
       frozen as of then, and move its stage to MQL.
    5. Accept the other candidates that pass the gate and are engaged for marketing: stage MAL (rules 2.3).
    6. Record upgrades of MQLs whose cycle is open, also of those just made (rules 6.25, 6.34).
    7. Return the instants (microseconds by lead id) at which leads must be judged again because they may not qualify
       before.

    `before` are the leads' scores from before this judgement, by lead id.
    """
    # 1.
    candidates = _read_candidates(judgement, leads, now)
    # 2. and 3.
    starts = _find_starts(judgement, candidates, leads, before)
    kept_until = suppressed_leads.keep_back(judgement, starts, candidates.suppressions, now=now)
    starts = {index: at for index, at in starts.items() if index not in kept_until}
    accepted = passes_for_marketing(judgement.at_now)
    validations = _read_validations(judgement, starts)
    for index in candidates.floors:
        lead = leads[int(judgement.facts.lead_ids[index])]
        if index in starts:
            # 4.
            candidates.cycles[lead.pk] = _create_mql(
                judgement, index, lead, candidates, starts[index], validations, now
            )
        elif accepted[index]:
            # 5.
            _accept_for_marketing(judgement, lead, candidates.stages[lead.pk], now)
    # 6.
    _record_upgrades(judgement, candidates, starts, leads, before, now)
    # 7.
    waiting = {index: floor.until for index, floor in candidates.floors.items() if floor.until is not None}
    return {int(judgement.facts.lead_ids[index]): until for index, until in {**waiting, **kept_until}.items()}


def free_to_qualify(
    version: Version, rules: Rules, facts: Facts, leads: Mapping[int, Lead], *, now: dt.datetime
) -> frozenset[int]:
    """Return the ids of the leads (in the facts) that may qualify at `now` if they meet the version (rules 6.2).

    Left out are leads with sales, leads that are done, and leads that need newer activity or wait for their day.
    """
    candidates = _read_candidates_of(version, rules, facts, leads, now)
    return frozenset(int(facts.lead_ids[index]) for index, floor in candidates.floors.items() if not floor.closed)


def marked_entrants(version: Version, lead_ids: Sequence[int], *, now: dt.datetime) -> frozenset[int]:
    """Return the ids of leads that qualify only because the version changed, and wait for new activity (rules 9.12)."""
    if version.hands_over_entrants is not False:
        return frozenset()
    rules, leads = active_versions.rules_of(version), Lead.objects.in_bulk(lead_ids)
    judgement = judge_now(version, rules, fact_reader.read_for_leads(list(leads), rules), now)
    before = {score.lead_id: score for score in Score.objects.filter(version=version, lead_id__in=leads)}
    questions = _build_questions(
        judgement, _read_candidates(judgement, leads, now), leads, before, judgement.at_now.meets
    )
    waiting = {index: question for index, question in questions.items() if question.waits}
    starts = qualification_start.find_starts(rules, judgement.facts, waiting)
    return frozenset(int(judgement.facts.lead_ids[index]) for index in waiting if index not in starts)


@dataclass(frozen=True, slots=True)
class _Candidates:
    """The leads that may qualify at all with their floors, by index in the facts; each lead's last cycle, the highest
    number of its cycles, the end of the last one that has ended and its stage in the motion of the version, by lead id;
    since when those lost stand there; and the suppressions of each, by lead id.
    """

    floors: Mapping[int, QualificationFloor]
    cycles: dict[int, Qualification]
    numbers: Mapping[int, int]
    closed_at: Mapping[int, dt.datetime]
    stages: Mapping[int, Stage]
    lost_at: Mapping[int, dt.datetime]
    suppressions: Matches


def _read_candidates(judgement: LeadJudgement, leads: Mapping[int, Lead], now: dt.datetime) -> _Candidates:
    return _read_candidates_of(judgement.version, judgement.rules, judgement.facts, leads, now)


def _read_candidates_of(
    version: Version, rules: Rules, facts: Facts, leads: Mapping[int, Lead], now: dt.datetime
) -> _Candidates:
    aliases = dict(merges.list_aliases(list(leads)))
    cycles, numbers, closed_at = mqls.read_latest_cycles(version, leads, aliases)
    # Read for each version anew: the judgement under another version of this look may just have moved a lead.
    motion = version.definition.motion
    stages = motion_stages.read_stages(list(leads), motion)
    lost_at = motion_stages.read_since(
        [lead for lead, stage in stages.items() if stage == Stage.LOST], motion, Stage.LOST
    )
    barred = _find_barred(aliases, motion)
    in_force, at = microseconds(version.activated_at or now), microseconds(now)
    floors = {
        index: qualification_start.find_floor(
            rules, facts, index, _cycle_release(cycles.get(lead_id)), in_force=in_force, now=at
        )
        for index, lead_id in enumerate(facts.lead_ids.tolist())
        if lead_id in leads and lead_id not in barred and may_qualify(stages[lead_id], cycles.get(lead_id))
    }
    suppressions = subject_matching.match_leads(list(leads), now=now)
    return _Candidates(floors, cycles, numbers, closed_at, stages, lost_at, suppressions)


def _find_barred(aliases: Mapping[int, int], motion: str) -> frozenset[int]:
    """Return the leads that may not qualify because another lead of the person is in a stage that may not.

    `aliases` maps the leads that are merged into others to those.
    """
    rows = LeadStage.objects.filter(lead__in=aliases, motion=motion, stage__in=NOT_TO_QUALIFY)
    return frozenset(aliases[lead_id] for lead_id in rows.values_list("lead_id", flat=True))


def may_qualify(stage: Stage, cycle: Qualification | None) -> bool:
    """Say whether a lead in this stage of the motion may qualify, and has no open cycle in it."""
    return stage not in NOT_TO_QUALIFY and (cycle is None or cycle.closed_at is not None)


def _cycle_release(cycle: Qualification | None) -> CycleRelease | None:
    return (
        None
        if cycle is None or cycle.closed_at is None
        else CycleRelease.from_instants(cycle.closed_at, cycle.reenter_at)
    )


def _find_starts(
    judgement: LeadJudgement, candidates: _Candidates, leads: Mapping[int, Lead], before: Mapping[int, Score]
) -> Mapping[int, int]:
    """Return when the leads began that meet the version or have new facts since their last look, by index.

    A lead that met the version at some instant since then is found as well, so none is lost while workers are away
    (rules 4.12).
    """
    facts, is_asked = judgement.facts, judgement.at_now.meets.copy()
    last_looks = np.array(
        [_last_look_at(leads[lead_id], before) for lead_id in facts.lead_ids.tolist()], dtype=np.int64
    )
    lead, at = facts.instants()
    is_asked[lead[(at > last_looks[lead]) & (at <= judgement.now[lead])]] = True
    for index in candidates.floors if candidates.suppressions else ():
        # Whoever met the version as its suppression ended, and fell below it before this look, is found as well.
        rows = candidates.suppressions.get(int(facts.lead_ids[index]), ())
        ended = suppressed_leads.list_ended_periods(rows, int(judgement.now[index]))
        is_asked[index] |= any(end > last_looks[index] for _, end in ended)
    starts = dict(
        qualification_start.find_starts(
            judgement.rules, facts, _build_questions(judgement, candidates, leads, before, is_asked)
        )
    )
    for index, start in _find_late_starts(judgement, candidates, leads, before).items():
        # A lead that still meets the version as it comes into force begins there, whenever it asked (rules 9.13).
        if starts.get(index) != candidates.floors[index].at:
            starts[index] = min(start, starts.get(index, start))
    return starts


def _find_late_starts(
    judgement: LeadJudgement, candidates: _Candidates, leads: Mapping[int, Lead], before: Mapping[int, Score]
) -> Mapping[int, int]:
    """Return when the leads began that met the version by an explicit request that came late, by index."""
    ids = judgement.facts.lead_ids.tolist()
    open_to_requests = [index for index, floor in candidates.floors.items() if not floor.closed]
    requests = late_requests.find_late_requests(
        judgement,
        {index: _free_since(leads[ids[index]], candidates, int(judgement.now[index])) for index in open_to_requests},
        {index: _judged_at(before.get(ids[index])) for index in open_to_requests},
    )
    if not requests:
        return {}
    is_asked = np.isin(np.arange(len(ids)), list(requests))
    questions = _build_questions(judgement, candidates, leads, before, is_asked)
    late_questions = {
        index: late_requests.ask_at_requests(question, requests[index]) for index, question in questions.items()
    }
    return qualification_start.find_starts(judgement.rules, judgement.facts, late_questions)


def _free_since(lead: Lead, candidates: _Candidates, now: int) -> int | None:
    """Return the instant after which a request may begin a cycle of the lead: the end of its last one, of a lost deal or
    of a suppression.
    """
    ends = [microseconds(at[lead.pk]) for at in (candidates.closed_at, candidates.lost_at) if lead.pk in at]
    ended = suppressed_leads.list_ended_periods(candidates.suppressions.get(lead.pk, ()), now)
    return max([*ends, *(end for _, end in ended)], default=None)


def _judged_at(score: Score | None) -> int | None:
    return None if score is None else microseconds(score.judged_at)


def _build_questions(
    judgement: LeadJudgement,
    candidates: _Candidates,
    leads: Mapping[int, Lead],
    before: Mapping[int, Score],
    is_asked: Bools,
) -> Mapping[int, StartQuestion]:
    """Return the question for each candidate that is asked about and not closed."""
    questions = {}
    for index, floor in candidates.floors.items():
        if floor.closed or not is_asked[index]:
            continue
        lead, now = leads[int(judgement.facts.lead_ids[index])], int(judgement.now[index])
        score, known, after = before.get(lead.pk), microseconds(lead.recorded_at), _last_look_at(lead, before)
        suppressed = suppressed_leads.list_ended_periods(candidates.suppressions.get(lead.pk, ()), now)
        questions[index] = StartQuestion(
            floor=floor.at,
            until=now,
            # A lead that is judged for the first time is judged as of its arrival as well.
            looks=(*(() if score else (known,)), *(end for _, end in suppressed if end > after), now),
            after=after,
            known=known,
            waits=_waits_for_activity(judgement, index, floor, lead, score),
            suppressed=suppressed,
        )
    return questions


def _last_look_at(lead: Lead, before: Mapping[int, Score]) -> int:
    """Return when the lead was last judged, or recorded if it never was; microseconds."""
    score = before.get(lead.pk)
    return microseconds(lead.recorded_at if score is None else score.judged_at)


def _waits_for_activity(
    judgement: LeadJudgement, index: int, floor: QualificationFloor, lead: Lead, score: Score | None
) -> bool:
    """Say whether the lead meets the version by the change of versions alone, and waits for its next activity (rules
    9.12).

    An activity from before the change that had not been judged counts as new: such a lead does not wait.
    """
    version = judgement.version
    if not entrant_waits(version, floor, microseconds(lead.recorded_at)):
        return False
    if score is not None and score.version_id == version.pk:
        # Without meeting the version at the last look, it meets it by something learned since.
        return score.meets
    judged_at = _judged_at(score)
    # Whatever came since the last look had not been judged. Of a lead without one only the latest activity is unjudged.
    after = floor.at - qualification_start.POSSIBLY_UNJUDGED if judged_at is None else judged_at
    activity_at = qualification_start.first_activity(
        judgement.facts, index, qualification_start.activity_signals(judgement.rules), after, floor.at
    )
    return activity_at is None


def entrant_waits(version: Version, floor: QualificationFloor, known: int) -> bool:
    """Say whether the lead was known, and free to qualify, when a version came that does not hand over entrants."""
    if version.hands_over_entrants is not False or version.activated_at is None:
        return False
    return floor.at == microseconds(version.activated_at) and known <= floor.at


def _read_validations(judgement: LeadJudgement, starts: Mapping[int, int]) -> list[PersonValidation]:
    """Return the validations of those who become MQLs; none for a version that asks for no fresh engagement."""
    timing = judgement.rules.timing
    if not starts or timing is None or timing.engaged_within_days is None:
        return []
    return recency_validations.read_validations([int(judgement.facts.lead_ids[index]) for index in starts])


def _create_mql(
    judgement: LeadJudgement,
    index: int,
    lead: Lead,
    candidates: _Candidates,
    at: int,
    validations: Sequence[PersonValidation],
    now: dt.datetime,
) -> Qualification:
    """Store the MQL with its evidence as of `at`, and move the lead to the stage MQL if it is at an earlier one."""
    explanation = explain(judgement.rules, judgement.facts, index, at)
    cycle = candidates.cycles.get(lead.pk)
    facts_digest = canonical_facts.digest_facts(judgement.rules, judgement.facts, index, at)
    qualification = build_qualification(
        judgement.version, lead, cycle, explanation, facts_digest, from_microseconds(at), now
    )
    # Of a person known by several leads the last cycle need not have the highest number.
    qualification.cycle = candidates.numbers.get(lead.pk, 0) + 1
    # What marketing said is not shown as what the lead did.
    qualification.evidence["timing"] |= recency_validations.name_validator(lead.pk, explanation, validations)
    qualification.save(force_insert=True)
    if candidates.stages[lead.pk] in OPEN_TO_QUALIFY:
        motion = judgement.version.definition.motion
        stage_changes.move(lead=lead, motion=motion, to=Stage.MQL, by=None, now=now, why=why_mql(judgement.version))
    return qualification


def build_qualification(
    version: Version,
    lead: Lead,
    last_cycle: Qualification | None,
    explanation: Explanation,
    facts_digest: str,
    at: dt.datetime,
    now: dt.datetime,
) -> Qualification:
    """Return the lead's qualification since `at`, with its frozen evidence; not stored yet (rules 4.12).

    `facts_digest` is of the facts as known now, for receipts (rules 16.23). `last_cycle` is the lead's cycle before, if it had one.
    """
    return Qualification(
        lead=lead,
        definition=version.definition,
        version=version,
        motion=version.definition.motion,
        cycle=1 if last_cycle is None else last_cycle.cycle + 1,
        at=at,
        recorded_at=now,
        tier=explanation.tier,
        is_hot=explanation.hot,
        fit=explanation.fit.value,
        engagement=explanation.engagement.value,
        bant=explanation.bant.value,
        why=explanation.why[:300],
        evidence={**explanation.as_dict(), "facts_digest": facts_digest},
    )


def why_mql(version: Version) -> str:
    """Return the reason that the log of stages gives for an MQL."""
    return f"Meets {version}"


def why_mal(version: Version | str) -> str:
    """Return the reason that the log of stages gives for an MAL; `version` may be its name."""
    return f"Passes the gate of {version}"


def _record_upgrades(
    judgement: LeadJudgement,
    candidates: _Candidates,
    new_mqls: Container[int],
    leads: Mapping[int, Lead],
    before: Mapping[int, Score],
    now: dt.datetime,
) -> None:
    """Look for upgrades among the leads with an open cycle that is not hot yet; `new_mqls` are the indexes of those whose
    cycle was just made.
    """
    open_cycles = {}
    for index, lead_id in enumerate(judgement.facts.lead_ids.tolist()):
        cycle = candidates.cycles.get(lead_id)
        if cycle is None or cycle.closed_at is not None or candidates.stages[lead_id] in NOT_TO_QUALIFY:
            continue
        # A new cycle has no upgrade; to look for one would be a query for each.
        is_old = index not in new_mqls
        if cycle.is_hot or (is_old and hasattr(cycle, "hot_upgrade")):
            continue
        ends = [microseconds(candidates.closed_at[lead_id])] if lead_id in candidates.closed_at else []
        # What a lead did before its suppression ended raises no tier of the cycle that began then.
        rows = candidates.suppressions.get(lead_id, ())
        ends += [end for _, end in suppressed_leads.list_ended_periods(rows, microseconds(cycle.at))]
        open_cycles[index] = OpenCycle(
            cycle,
            has_tier_upgrade=is_old and hasattr(cycle, "tier_upgrade"),
            free_since=max(ends, default=None),
            last_look=_judged_at(before.get(lead_id)),
            seen_until=_last_look_at(leads[lead_id], before),
        )
    upgrade_detection.record_upgrades(judgement, open_cycles, now=now)


def _accept_for_marketing(judgement: LeadJudgement, lead: Lead, stage: Stage, now: dt.datetime) -> None:
    """Move a lead that passes the gate and is engaged, without meeting the definition, to the stage MAL (rules 2.3)."""
    motion = judgement.version.definition.motion
    if stage == Stage.LEAD and motion == Motion.MQL:
        stage_changes.move(lead=lead, motion=motion, to=Stage.MAL, by=None, now=now, why=why_mal(judgement.version))


def passes_for_marketing(verdicts: Verdicts) -> Bools:
    """Return for each verdict whether it passes the gate, engaged and not disqualified (rules 2.3)."""
    passes: Bools = (verdicts.gate == PASS) & verdicts.engaged & ~verdicts.disqualified
    return passes
