"""When leads meet the version in force, by the product's own judge: all instants of the year in one pass."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from leads.models import Lead, StageChange
from leads.vocabulary import Stage
from scoring.columns import fact_reader
from scoring.engine.explain import Explanation, explain
from scoring.engine.facts import Facts
from scoring.engine.judge import judge
from scoring.engine.profile import PASS
from scoring.engine.rules import Rules
from scoring.engine.timeline import Ints, Positions
from scoring.instants import from_microseconds, microseconds
from sla.nurture import recycling


@dataclass(frozen=True, slots=True)
class ExampleVersion:
    """A version of the year: its name, its rules, and the instant from which it judges."""

    name: str
    since: dt.datetime
    rules: Rules


class QualifyingInstants:
    """By lead: the instants at which it meets the version then in force, and since when it is good enough for marketing."""

    def __init__(self, lead_ids: Sequence[int], versions: Sequence[ExampleVersion]) -> None:
        self._versions = versions
        self._facts = fact_reader.near(lead_ids, *(version.rules for version in versions))
        self._meeting: dict[int, list[dt.datetime]] = defaultdict(list)
        self._accepted: dict[int, tuple[dt.datetime, str]] = {}
        self._answered: dict[int, Facts] = {}
        lead, at = self._facts.instants()
        in_force = np.searchsorted([microseconds(version.since) for version in versions], at, side="right") - 1
        for number, version in enumerate(versions):
            self._judge(version, lead[in_force == number], at[in_force == number])

    def first(self) -> Iterator[tuple[int, dt.datetime]]:
        for lead_id, instants in self._meeting.items():
            yield lead_id, instants[0]

    def next(self, lead_id: int, after: dt.datetime, back_at: dt.datetime | None) -> dt.datetime | None:
        """The next instant after the end of a cycle, on newer activity; before `back_at` only on a raised hand (rules 6.2)."""
        rules = self._versions[-1].rules
        for at in self._meeting.get(lead_id, ()):
            if at <= after or not self._has_done(lead_id, rules.engaging, after, at):
                continue
            if back_at is None or at >= back_at or self._has_done(lead_id, rules.catalogue.requests, after, at):
                return at
        return None

    @property
    def facts(self) -> Facts:
        """All that is known of the leads over the whole year."""
        return self._facts

    def explain(self, lead_id: int, at: dt.datetime) -> Explanation:
        rules = next(version.rules for version in reversed(self._versions) if version.since <= at)
        return explain(rules, self._facts_of(lead_id), 0, microseconds(at))

    def has_asked(self, lead_id: int, by: dt.datetime) -> bool:
        return self._has_done(lead_id, self._versions[-1].rules.catalogue.requests, self._versions[0].since, by)

    def note_answer(self, lead_id: int, at: dt.datetime) -> None:
        """The lead's request was answered: a fact that was not there when the year was judged."""
        facts = self._facts_of(lead_id)
        place = int(np.searchsorted(facts.event_at, microseconds(at), side="right"))
        self._answered[lead_id] = Facts(
            lead_ids=facts.lead_ids,
            event_lead=np.insert(facts.event_lead, place, 0),
            event_at=np.insert(facts.event_at, place, microseconds(at)),
            event_signal=np.insert(facts.event_signal, place, facts.signals.index(recycling.REQUEST_CLOSED)),
            event_asset=np.insert(facts.event_asset, place, -1),
            signals=facts.signals,
            row_lead=facts.row_lead,
            row_from=facts.row_from,
            columns=facts.columns,
        )

    def accept_for_marketing(self) -> None:
        """The MALs of the year, those that became MQLs at the same instant excepted (rules 2.3)."""
        at_once = {lead_id for lead_id, at in self.first() if at <= self._accepted[lead_id][0]}
        accepted = {lead_id: row for lead_id, row in self._accepted.items() if lead_id not in at_once}
        StageChange.objects.bulk_create(
            StageChange(
                lead_id=lead_id, from_stage=Stage.LEAD, to_stage=Stage.MAL, at=at, why=f"Passes the gate of {name}"
            )
            for lead_id, (at, name) in sorted(accepted.items(), key=lambda item: (item[1], item[0]))
        )
        leads = list(Lead.objects.filter(pk__in=accepted))
        for lead in leads:
            lead.stage, lead.stage_at = Stage.MAL, accepted[lead.pk][0]
        Lead.objects.bulk_update(leads, ["stage", "stage_at"], batch_size=500)

    def _judge(self, version: ExampleVersion, lead: Positions, at: Ints) -> None:
        verdicts = judge(version.rules, self._facts, lead, at)
        passes = (verdicts.gate == PASS) & verdicts.engaged & ~verdicts.disqualified
        for index in np.flatnonzero(passes).tolist():
            lead_id, instant = int(self._facts.lead_ids[lead[index]]), from_microseconds(int(at[index]))
            self._accepted.setdefault(lead_id, (instant, version.name))
            if verdicts.meets[index]:
                self._meeting[lead_id].append(instant)

    def _facts_of(self, lead_id: int) -> Facts:
        if lead_id not in self._answered:
            index = int(np.searchsorted(self._facts.lead_ids, lead_id))
            self._answered[lead_id] = self._facts.slice(index, index + 1)
        return self._answered[lead_id]

    def _has_done(self, lead_id: int, signals: Collection[str], after: dt.datetime, by: dt.datetime) -> bool:
        facts = self._facts_of(lead_id)
        codes = [code for code, signal in enumerate(facts.signals) if signal in signals]
        past = (facts.event_at > microseconds(after)) & (facts.event_at <= microseconds(by))
        return bool(np.any(np.isin(facts.event_signal, codes) & past))
