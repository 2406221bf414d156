"""When leads meet the version in force, by the product's own judge: all instants of the year in one pass.

The year then asks the live path to look at just those leads at just those instants; what comes of it is decided there.
"""

from __future__ import annotations

import datetime as dt
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from leads.models import Lead, StageChange
from leads.vocabulary import Stage
from scoring import columns
from scoring.engine.judge import Verdicts, judge
from scoring.engine.profile import PASS
from scoring.engine.rules import Rules
from scoring.instants import from_microseconds, microseconds


@dataclass(frozen=True, slots=True)
class Candidates:
    """By lead: the instants at which it meets the version then in force; and when it first was good enough for marketing."""

    meeting: dict[int, list[dt.datetime]] = field(default_factory=lambda: defaultdict(list))
    accepted: dict[int, dt.datetime] = field(default_factory=dict)

    def first(self) -> Iterator[tuple[int, dt.datetime]]:
        for lead_id, instants in self.meeting.items():
            yield lead_id, instants[0]

    def next(self, lead_id: int, after: dt.datetime) -> dt.datetime | None:
        instants = self.meeting.get(lead_id, [])
        index = bisect_left(instants, after)
        return instants[index] if index < len(instants) else None


def find(lead_ids: Sequence[int], versions: Sequence[tuple[dt.datetime, Rules]]) -> Candidates:
    """`versions` are those of the year, each with the instant from which it is in force; the first from the beginning."""
    found = Candidates()
    facts = columns.near(lead_ids, *(rules for _, rules in versions))
    lead, at = facts.instants()
    starts = np.array([microseconds(since) for since, _ in versions])
    in_force = np.searchsorted(starts, at, side="right") - 1
    for number, (_, rules) in enumerate(versions):
        chosen = in_force == number
        verdicts = judge(rules, facts, lead[chosen], at[chosen])
        _note(found, facts.lead_ids[lead[chosen]].tolist(), at[chosen].tolist(), verdicts)
    return found


def accept_for_marketing(candidates: Candidates) -> None:
    """The MALs of the year, those that became MQLs at the same instant excepted (SPEC 2)."""
    at_once = {lead_id for lead_id, at in candidates.first() if at <= candidates.accepted[lead_id]}
    accepted = {lead_id: at for lead_id, at in candidates.accepted.items() if lead_id not in at_once}
    StageChange.objects.bulk_create(
        StageChange(lead_id=lead_id, from_stage=Stage.LEAD, to_stage=Stage.MAL, at=at, why="Passes the gate")
        for lead_id, at in sorted(accepted.items(), key=lambda item: (item[1], item[0]))
    )
    leads = list(Lead.objects.filter(pk__in=accepted))
    for lead in leads:
        lead.stage, lead.stage_at = Stage.MAL, accepted[lead.pk]
    Lead.objects.bulk_update(leads, ["stage", "stage_at"], batch_size=500)


def _note(found: Candidates, lead_ids: list[int], instants: list[int], verdicts: Verdicts) -> None:
    passes = (verdicts.gate == PASS) & verdicts.engaged & ~verdicts.disqualified
    for index in np.flatnonzero(passes).tolist():
        lead_id, at = lead_ids[index], from_microseconds(instants[index])
        found.accepted.setdefault(lead_id, at)
        if verdicts.meets[index]:
            found.meeting[lead_id].append(at)
