"""Explicit requests that came late (rules 4.23): each counts at its own instant, if it came within the version's window.

Old interest that comes late makes nobody an MQL: without a request only what holds now does.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from scoring.engine.facts import Facts
from scoring.engine.judge import judge
from scoring.engine.profile import PASS
from scoring.engine.rules import Rules
from scoring.engine.timeline import FOREVER, Ints, Positions
from scoring.instants import microseconds
from scoring.live import late_facts
from scoring.live.judgement import LeadJudgement
from scoring.live.late_facts import LatenessLimit
from scoring.live.qualification_start import StartQuestion


def find_late_requests(
    judgement: LeadJudgement, free_since: Mapping[int, int | None], last_looks: Mapping[int, int | None]
) -> Mapping[int, list[int]]:
    """Return the instants at which leads met the version by a request that their last look could not see, by index.

    `free_since` are the leads that may qualify, each with the end of its last cycle, after which a request may begin
    another one; `last_looks` says when they were last judged, if ever. Both are by index. Leads whose gate fails now or
    that are disqualified now are left out: nobody calls them.

    1. Collect the requests of each lead from before its last look, or from before the version came into force.
    2. Judge the leads at these instants in one pass; most are out after this, so that no row is read for them.
    3. Read how the requests came, and keep those that the limit admits.
    4. Leave out those at which the lead met the version only by history that was imported later.
    """
    # 1.
    lead, at = _requests(judgement.facts, judgement.rules)
    now, at_now = judgement.now, judgement.at_now
    activated_at = judgement.version.activated_at
    in_force = 0 if activated_at is None else microseconds(activated_at)
    earliest = in_force - late_facts.find_request_window(judgement.rules) - 1
    floor, judged_until = np.full((2, len(judgement.facts)), FOREVER, dtype=np.int64)
    for index, since in free_since.items():
        if at_now.gate[index] == PASS and not at_now.disqualified[index]:
            last_look = last_looks[index]
            floor[index] = earliest if since is None else max(since, earliest)
            judged_until[index] = now[index] if last_look is None else max(in_force - 1, last_look)
    is_asked = (at > floor[lead]) & (at <= judged_until[lead]) & (at <= now[lead])
    lead, at = lead[is_asked], at[is_asked]
    if not lead.size:
        return {}
    # 2.
    meets = judge(judgement.rules, judgement.facts, lead, at).meets
    lead, at = lead[meets], at[meets]
    if not lead.size:
        return {}
    # 3.
    limit = LatenessLimit.from_version(judgement.version, judgement.rules)
    lead_ids = judgement.facts.lead_ids
    arrivals = late_facts.read_arrivals(lead_ids[np.unique(lead)].tolist())
    admitted = {
        (index, arrival.at)
        for index in np.unique(lead).tolist()
        for arrival in arrivals.get(int(lead_ids[index]), ())
        if arrival.signal in limit.requests and limit.admits(arrival, last_look=last_looks[index], now=int(now[index]))
    }
    is_admitted = [pair in admitted for pair in zip(lead.tolist(), at.tolist(), strict=True)]
    lead, at = lead[is_admitted], at[is_admitted]
    # 4.
    known_at = {int(lead_ids[index]): int(at[lead == index][0]) for index in np.unique(lead)}
    facts = late_facts.drop_later_imports(judgement.facts, arrivals, known_at)
    if lead.size and facts is not judgement.facts:
        meets = judge(judgement.rules, facts, lead, at).meets
        lead, at = lead[meets], at[meets]
    late: dict[int, list[int]] = defaultdict(list)
    for index, instant in zip(lead.tolist(), at.tolist(), strict=True):
        late[index].append(instant)
    return late


def ask_at_requests(question: StartQuestion, requests: Sequence[int]) -> StartQuestion:
    """Return the question when the lead began, noticed at these late requests alone, in ascending order.

    A request from before the version came into force begins at its own instant; nothing else from that time counts.
    """
    first = requests[0]
    is_before = first < question.floor
    return replace(
        question,
        floor=min(question.floor, first),
        until=first if is_before else requests[-1],
        looks=(first,) if is_before else tuple(requests),
        after=FOREVER,
        known=min(question.known, first),
        waits=question.waits and not is_before,
    )


def _requests(facts: Facts, rules: Rules) -> tuple[Positions, Ints]:
    """Return (lead index, instant) of every explicit request, sorted by lead and instant, each once."""
    codes = [code for code, signal in enumerate(facts.signals) if signal in rules.catalogue.requests]
    is_request = np.isin(facts.event_signal, codes)
    pairs = np.column_stack((facts.event_lead[is_request].astype(np.int64), facts.event_at[is_request]))
    pairs = np.unique(pairs, axis=0)
    return pairs[:, 0].astype(np.intp), pairs[:, 1]
