"""The instants of the year at which leads meet the version then in force, judged in one pass by the product's engine."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from leads.models import Lead, StageChange
from leads.stages import stage_changes
from leads.vocabulary import Motion, Stage
from scoring.columns import fact_reader
from scoring.engine import canonical_facts
from scoring.engine.explain import Explanation, explain
from scoring.engine.facts import Facts
from scoring.engine.judge import judge
from scoring.engine.rules import Rules
from scoring.engine.timeline import Ints, Positions
from scoring.instants import from_microseconds, microseconds
from scoring.live import qualification_start, qualify
from scoring.live.qualification_start import CycleRelease
from sla.nurture import recycling


@dataclass(frozen=True, slots=True)
class ExampleVersion:
    """A version of the example's definition: its name, the instant from which it is in force, and its rules."""

    name: str
    since: dt.datetime
    rules: Rules


class QualifyingInstants:
    """The instants at which each lead meets the version in force, and the first at which marketing accepts it."""

    def __init__(self, lead_ids: Sequence[int], versions: Sequence[ExampleVersion]) -> None:
        self._versions = versions
        self._facts = fact_reader.read_for_leads(lead_ids, *(version.rules for version in versions))
        self._instants: dict[int, list[dt.datetime]] = defaultdict(list)
        # The first instant that is good enough for marketing, and the name of its version.
        self._accepted: dict[int, tuple[dt.datetime, str]] = {}
        # The facts of single leads, with the answers to requests that the simulation adds.
        self._lead_facts: dict[int, Facts] = {}
        lead, at = self._facts.instants()
        number_in_force = np.searchsorted([microseconds(version.since) for version in versions], at, side="right") - 1
        for number, version in enumerate(versions):
            self._judge(version, lead[number_in_force == number], at[number_in_force == number])

    @property
    def facts(self) -> Facts:
        """The facts of all leads over the whole year."""
        return self._facts

    def first_instants(self) -> Iterator[tuple[int, dt.datetime]]:
        """Yield each lead that ever meets a version, with the first instant at which it does."""
        for lead_id, instants in self._instants.items():
            yield lead_id, instants[0]

    def next_instant(self, lead_id: int, closed_at: dt.datetime, reenter_at: dt.datetime | None) -> dt.datetime | None:
        """Return the first instant after the end of a cycle at which the lead may and does qualify again (rules 6.2)."""
        rules, facts = self._versions[-1].rules, self._facts_of(lead_id)
        release, in_force = CycleRelease.from_instants(closed_at, reenter_at), microseconds(self._versions[0].since)
        for at in self._instants.get(lead_id, ()):
            if at <= closed_at:
                continue
            floor = qualification_start.find_floor(rules, facts, 0, release, in_force=in_force, now=microseconds(at))
            if not floor.closed:
                return at
        return None

    def asks_after(self, lead_id: int, at: dt.datetime) -> bool:
        """Return whether the lead makes a request after an instant."""
        requests, until = self._versions[-1].rules.catalogue.requests, int(self._facts.event_at.max())
        facts = self._facts_of(lead_id)
        return qualification_start.first_activity(facts, 0, requests, microseconds(at), until) is not None

    def explain(self, lead_id: int, at: dt.datetime) -> Explanation:
        """Explain the lead at an instant by the version then in force."""
        return explain(self._rules_at(at), self._facts_of(lead_id), 0, microseconds(at))

    def digest_facts(self, lead_id: int, at: dt.datetime) -> str:
        """Return the digest of the facts by which `explain` explains."""
        return canonical_facts.digest_facts(self._rules_at(at), self._facts_of(lead_id), 0, microseconds(at))

    def note_answer(self, lead_id: int, at: dt.datetime) -> None:
        """Add to the lead's facts that its request was answered, which nobody knew when the year was judged."""
        facts = self._facts_of(lead_id)
        position = int(np.searchsorted(facts.event_at, microseconds(at), side="right"))
        self._lead_facts[lead_id] = Facts(
            lead_ids=facts.lead_ids,
            event_lead=np.insert(facts.event_lead, position, 0),
            event_at=np.insert(facts.event_at, position, microseconds(at)),
            event_signal=np.insert(facts.event_signal, position, facts.signals.index(recycling.REQUEST_CLOSED)),
            event_asset=np.insert(facts.event_asset, position, -1),
            signals=facts.signals,
            row_lead=facts.row_lead,
            row_from=facts.row_from,
            columns=facts.columns,
        )

    def accept_for_marketing(self) -> None:
        """Write the MALs of the year, except leads that became MQLs at the same instant (rules 2.3)."""
        at_once = {lead_id for lead_id, at in self.first_instants() if at <= self._accepted[lead_id][0]}
        leads = Lead.objects.in_bulk(self._accepted.keys() - at_once)
        changes = []
        for lead_id, (at, name) in sorted(self._accepted.items(), key=lambda item: (item[1], item[0])):
            if lead_id not in at_once:
                why = qualify.why_mal(name)
                lead = leads[lead_id]
                change = stage_changes.apply_move(
                    lead=lead, standing={}, motion=Motion.MQL, to=Stage.MAL, by=None, now=at, why=why
                )
                changes.append(change)
        StageChange.objects.bulk_create(filter(None, changes))
        Lead.objects.bulk_update(leads.values(), stage_changes.SUMMARY, batch_size=500)

    def _rules_at(self, at: dt.datetime) -> Rules:
        return next(version.rules for version in reversed(self._versions) if version.since <= at)

    def _judge(self, version: ExampleVersion, lead: Positions, at: Ints) -> None:
        verdicts = judge(version.rules, self._facts, lead, at)
        for index in np.flatnonzero(qualify.passes_for_marketing(verdicts)).tolist():
            lead_id, instant = int(self._facts.lead_ids[lead[index]]), from_microseconds(int(at[index]))
            self._accepted.setdefault(lead_id, (instant, version.name))
            if verdicts.meets[index]:
                self._instants[lead_id].append(instant)

    def _facts_of(self, lead_id: int) -> Facts:
        if lead_id not in self._lead_facts:
            index = int(np.searchsorted(self._facts.lead_ids, lead_id))
            self._lead_facts[lead_id] = self._facts.slice(index, index + 1)
        return self._lead_facts[lead_id]
