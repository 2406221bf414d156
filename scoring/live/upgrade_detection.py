"""Detection of upgrades (rules 6.25, 6.34): leads with an open cycle whose tier is better by all that is known now.

Facts may come in any order. So each look judges a lead at every fact since it was free to begin its cycle, not only at
those since its last look.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from scoring.engine.explanation import Explanation
from scoring.engine.facts import Facts
from scoring.engine.judge import explain, judge
from scoring.engine.profile import PASS
from scoring.engine.timeline import Bools, Ints
from scoring.engine.why import reached
from scoring.instants import from_microseconds, microseconds
from scoring.live import late_facts, qualification_start
from scoring.live.judgement import LeadJudgement
from scoring.live.late_facts import Arrival, LatenessLimit
from scoring.models import HotUpgrade, Qualification, TierUpgrade

HOT: Final = 1
STANDARD: Final = 2
WEAK: Final = 3


@dataclass(frozen=True, slots=True)
class OpenCycle:
    """An open cycle that may be upgraded: it is not hot and has no hot upgrade.

    `free_since` is the end of the cycle or suppression before; `last_look` is when the lead was last judged, if ever. Facts later than
    `seen_until` are new. Microseconds.
    """

    qualification: Qualification
    has_tier_upgrade: bool
    free_since: int | None
    last_look: int | None
    seen_until: int


def record_upgrades(judgement: LeadJudgement, cycles: Mapping[int, OpenCycle], *, now: dt.datetime) -> None:
    """Store a hot upgrade, or else a tier upgrade, of each of these leads that has earned one. The caller has locked their rows.

    `cycles` are by the lead's index.

    1. Leave out leads whose gate fails or that are disqualified now.
    2. Judge the others in one pass: at each fact since they were free to begin the cycle, and now.
    3. Read how the events came of the leads that were hot, or of a better tier, at an instant before their last look, and
       judge these instants again without history that was imported after the MQL was made.
    4. Take the first such instant that counts, and the activity that made it so.
    5. Store the upgrades, dated at that activity.
    """
    # 1.
    at_now = judgement.at_now
    open_cycles = {
        index: cycle for index, cycle in cycles.items() if at_now.gate[index] == PASS and not at_now.disqualified[index]
    }
    if not open_cycles or not (judgement.rules.hot or judgement.rules.tier_3_below):
        return
    # 2.
    courses = _judge_courses(judgement, open_cycles)
    # 3.
    _add_arrivals(judgement, courses)
    # 4. and 5.
    hot_upgrades, tier_upgrades = [], []
    for course in courses:
        if (hot_upgrade := course.find_hot_upgrade(judgement, now)) is not None:
            hot_upgrades.append(hot_upgrade)
        elif (tier_upgrade := course.find_tier_upgrade(judgement, now)) is not None:
            tier_upgrades.append(tier_upgrade)
    HotUpgrade.objects.bulk_create(hot_upgrades)
    TierUpgrade.objects.bulk_create(tier_upgrades)


@dataclass(slots=True)
class _Course:
    """The verdicts on one lead at each of its facts since it was free to begin its cycle, at `floor`, and now.

    After `floor` an activity makes it hot without being late: it qualified, or the version that judges came into force.
    `arrivals` and `limit` are read only if an instant before the last look matters.
    """

    index: int
    cycle: OpenCycle
    floor: int
    in_force: int
    at: Ints
    is_fact: Bools
    tier: Ints
    arrivals: Sequence[Arrival] = ()
    limit: LatenessLimit | None = None

    @property
    def now(self) -> int:
        return int(self.at[-1])

    @property
    def needs_arrivals(self) -> bool:
        """Return whether the lead was hot, or of a better tier, at an instant before its last look."""
        is_better = self.tier == HOT
        if self.cycle.qualification.tier == WEAK:
            is_better |= self.tier == STANDARD
        return bool((is_better & (self.at <= self.cycle.seen_until)).any())

    def find_hot_upgrade(self, judgement: LeadJudgement, now: dt.datetime) -> HotUpgrade | None:
        """Return the upgrade at the first hot instant that counts."""
        instants = self.at[self.tier == HOT].tolist()
        for instant in (instant for instant in instants if self._counts(judgement.facts, instant)):
            explanation = explain(judgement.rules, judgement.facts, self.index, instant)
            if (at := self._find_trigger(judgement, explanation)) is not None:
                return HotUpgrade(
                    qualification=self.cycle.qualification,
                    version=judgement.version,
                    at=from_microseconds(at),
                    recorded_at=now,
                    why=reached(replace(explanation, paths=(), at=at))[:300],
                    evidence=explanation.as_dict(),
                )
        return None

    def find_tier_upgrade(self, judgement: LeadJudgement, now: dt.datetime) -> TierUpgrade | None:
        """Return the upgrade of a lead of tier 3 that was of tier 2 at a fact under the version in force."""
        qualification = self.cycle.qualification
        if qualification.tier != WEAK or self.cycle.has_tier_upgrade:
            return None
        # A version that came later does not raise by itself what another one qualified.
        since = self.in_force if microseconds(qualification.at) >= self.in_force else self.in_force + 1
        instants = self.at[(self.tier == STANDARD) & self.is_fact & (self.at >= since)].tolist()
        instant = next((instant for instant in instants if self._counts(judgement.facts, instant)), None)
        if instant is None:
            return None
        explanation = explain(judgement.rules, judgement.facts, self.index, instant)
        return TierUpgrade(
            qualification=qualification,
            version=judgement.version,
            tier=STANDARD,
            at=from_microseconds(instant),
            recorded_at=now,
            why=reached(explanation)[:300],
            evidence=explanation.as_dict(),
        )

    def _find_trigger(self, judgement: LeadJudgement, explanation: Explanation) -> int | None:
        """Return the activity that made the lead hot, or None if it does not count."""
        last_counted = _last_counted_event(explanation)
        if explanation.at <= self.floor:
            return last_counted or explanation.at
        if last_counted <= self.floor and bool((self.tier[self.at == self.floor] == HOT).any()):
            return None
        # After the floor a change of what we know of the lead is not enough: it must have done something.
        signals = qualification_start.activity_signals(judgement.rules)
        trigger = (
            last_counted
            if last_counted > self.floor
            else qualification_start.first_activity(judgement.facts, self.index, signals, self.floor, explanation.at)
        )
        is_new = explanation.at > self.cycle.seen_until
        return trigger if trigger is not None and (is_new or self._counts(judgement.facts, trigger)) else None

    def _counts(self, facts: Facts, instant: int) -> bool:
        """Return whether what is true at the instant counts: it is new since the last look, or a late fact that is admitted."""
        if instant > self.cycle.seen_until or instant == self.now:
            return True
        if self.limit is None:
            return False
        for arrival in self.arrivals:
            if arrival.at == instant and self.limit.admits(arrival, last_look=self.cycle.last_look, now=self.now):
                return True
        is_recent = self.in_force <= instant and self.now - instant <= self.limit.hot_window
        rows = slice(*np.searchsorted(facts.row_lead, (self.index, self.index + 1)))
        return is_recent and bool((facts.row_from[rows] == instant).any())


def _judge_courses(judgement: LeadJudgement, cycles: Mapping[int, OpenCycle]) -> list[_Course]:
    """Judge the leads at their facts, in one pass."""
    activated_at = judgement.version.activated_at
    in_force = 0 if activated_at is None else microseconds(activated_at)
    earliest = in_force - max(
        late_facts.find_request_window(judgement.rules), late_facts.find_hot_window(judgement.rules)
    )
    # Shortly before the version came into force activities may not have been judged, so these count as well.
    unjudged_since = in_force - qualification_start.POSSIBLY_UNJUDGED
    fact_lead, fact_at = judgement.facts.instants()
    courses = []
    for index, cycle in sorted(cycles.items()):
        floor = max(microseconds(cycle.qualification.at), unjudged_since)
        since = earliest if cycle.free_since is None else max(earliest, cycle.free_since + 1)
        facts_of_lead = fact_at[slice(*np.searchsorted(fact_lead, (index, index + 1)))]
        now = int(judgement.now[index])
        chosen = facts_of_lead[(facts_of_lead >= since) & (facts_of_lead <= now)]
        at = np.unique(np.concatenate((chosen, [floor, now]))).astype(np.int64)
        courses.append(_Course(index, cycle, floor, in_force, at, np.isin(at, chosen), np.zeros_like(at)))
    lead = np.repeat([course.index for course in courses], [course.at.size for course in courses])
    tier = judge(judgement.rules, judgement.facts, lead, np.concatenate([course.at for course in courses])).tier
    for course in courses:
        course.tier = tier[lead == course.index].astype(np.int64)
    return courses


def _add_arrivals(judgement: LeadJudgement, courses: Sequence[_Course]) -> None:
    """Read how the events came of the leads that need it; most need none."""
    doubtful = {int(judgement.facts.lead_ids[course.index]): course for course in courses if course.needs_arrivals}
    if not doubtful:
        return
    arrivals = late_facts.read_arrivals(doubtful)
    limit = LatenessLimit.from_version(judgement.version, judgement.rules)
    known_at = {lead_id: microseconds(course.cycle.qualification.recorded_at) for lead_id, course in doubtful.items()}
    facts = late_facts.drop_later_imports(judgement.facts, arrivals, known_at)
    for lead_id, course in doubtful.items():
        course.arrivals, course.limit = arrivals.get(lead_id, ()), limit
        if facts is not judgement.facts:
            is_past = course.at <= course.cycle.seen_until
            past = course.at[is_past]
            course.tier[is_past] = judge(judgement.rules, facts, np.full(past.size, course.index), past).tier


def _last_counted_event(explanation: Explanation) -> int:
    """Return the latest event that a hot trigger which holds has counted; 0 without one."""
    clauses = [clause for path in explanation.hot_paths if path.held for clause in path.clauses]
    return max((clause.last_at for clause in clauses if clause.last_at is not None), default=0)
