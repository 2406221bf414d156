"""The judgement of some leads by one version, at one instant and at each lead's latest fact."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np

from definitions.models import Version
from scoring.engine.facts import Facts
from scoring.engine.judge import Verdicts, judge
from scoring.engine.rules import Rules
from scoring.engine.timeline import EVER, Bools, Ints, Positions
from scoring.engine.verdict import picked
from scoring.instants import microseconds


@dataclass(frozen=True, slots=True, eq=False)
class LeadJudgement:
    """The verdicts on the leads of `facts`: `at_now` and `at_latest` have one entry for each lead.

    `latest` is the lead's last fact in microseconds, or now if it has none.
    """

    version: Version
    rules: Rules
    facts: Facts
    now: Ints
    at_now: Verdicts
    latest: Ints
    at_latest: Verdicts

    @property
    def meeting(self) -> Positions:
        """Return the indexes of the leads that meet the version now."""
        return np.flatnonzero(self.at_now.meets)

    @property
    def is_active(self) -> Bools:
        """Return which leads have events."""
        is_active = np.zeros(len(self.facts), dtype=np.bool_)
        is_active[self.facts.event_lead] = True
        return is_active


def judge_now(version: Version, rules: Rules, facts: Facts, now: dt.datetime) -> LeadJudgement:
    """Judge the leads of the facts at `now` and at their latest facts."""
    at = np.full(len(facts), microseconds(now), dtype=np.int64)
    latest = _latest_facts(facts, at)
    # Judged together, because what the engine prepares for the leads serves both instants.
    verdicts = judge(rules, facts, np.repeat(np.arange(at.size), 2), np.column_stack((latest, at)).ravel())
    at_latest, at_now = (picked(verdicts, np.arange(place, 2 * at.size, 2)) for place in (0, 1))
    return LeadJudgement(version, rules, facts, at, at_now, latest, at_latest)


def _latest_facts(facts: Facts, now: Ints) -> Ints:
    """Return each lead's last event or attribute change up to now; between facts only decay changes a score."""
    latest = np.full(len(facts), EVER, dtype=np.int64)
    for lead, at in ((facts.event_lead, facts.event_at), (facts.row_lead, facts.row_from)):
        past = at <= now[lead]
        np.maximum.at(latest, lead[past], at[past])
    return np.where(latest > EVER, latest, now)
