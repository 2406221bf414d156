"""Comparison of two versions on the same leads at one instant (rules 9.14): who meets which, why, and who would go to
sales.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from definitions.models import Version
from leads.models import Lead
from scoring.active_versions import rules_of
from scoring.columns import fact_reader
from scoring.engine.facts import Facts
from scoring.engine.judge import Verdicts, explain, judge
from scoring.engine.rules import Rules
from scoring.engine.timeline import Bools, Ints
from scoring.engine.verdict import joined, picked
from scoring.explain.evaluation import known_leads
from scoring.instants import microseconds
from scoring.live import qualify
from scoring.models import Score

#: Leads explained at a time; their facts are read again, with the fields of both versions.
_EXPLAINED_AT_ONCE: Final = 250
_READ_AT_ONCE: Final = 5000
_SCORES: Final = ("fit", "engagement", "bant")


class ComparisonOutcome(StrEnum):
    """The versions that a lead meets; against the version in force BOTH stay, FIRST leave and SECOND enter."""

    BOTH = "both"
    FIRST = "first"
    SECOND = "second"
    NEITHER = "neither"


@dataclass(frozen=True, slots=True)
class LeadStanding:
    """A lead's scores under one version; `tier` is 0 where the lead does not meet it."""

    meets: bool
    tier: int
    fit: float
    engagement: float
    bant: float


@dataclass(frozen=True, slots=True)
class ComparedLead:
    """A lead under both versions; `first` is None where nothing is in force. `why` says what decides, if it meets only one
    of them.
    """

    lead: Lead
    kind: ComparisonOutcome
    first: LeadStanding | None
    second: LeadStanding
    why: str


@dataclass(frozen=True, slots=True, eq=False)
class VersionComparison:
    """The verdicts on all leads known at `at`, in the order of their ids.

    `handed_over` are the leads that enter and would be handed to sales at once.
    """

    first: Version | None
    second: Version
    at: dt.datetime
    lead_ids: Ints
    under_first: Verdicts | None
    under_second: Verdicts
    handed_over: frozenset[int]

    @property
    def counts(self) -> Mapping[ComparisonOutcome, int]:
        """Return how many leads have each outcome."""
        return {kind: int(self._outcome_mask(kind).sum()) for kind in ComparisonOutcome}

    @property
    def tiers(self) -> tuple[Mapping[int, int], Mapping[int, int]]:
        """Return how many leads of each tier there are under the first version, and under the second."""
        return _count_tiers(self.under_first), _count_tiers(self.under_second)

    def rows(self, *kinds: ComparisonOutcome, after: int = 0, limit: int | None = None) -> Iterator[ComparedLead]:
        """Yield the leads of these outcomes whose id is above `after`, in the order of their ids."""
        is_chosen = np.zeros(self.lead_ids.size, dtype=np.bool_)
        for kind in kinds:
            is_chosen |= self._outcome_mask(kind)
        places = np.flatnonzero(is_chosen & (self.lead_ids > after))[:limit]
        for first in range(0, places.size, _EXPLAINED_AT_ONCE):
            yield from self._compared_leads(places[first : first + _EXPLAINED_AT_ONCE].tolist())

    def _outcome_mask(self, kind: ComparisonOutcome) -> Bools:
        second = self.under_second.meets
        first = np.zeros_like(second) if self.under_first is None else self.under_first.meets
        answer: Bools = {
            ComparisonOutcome.BOTH: first & second,
            ComparisonOutcome.FIRST: first & ~second,
            ComparisonOutcome.SECOND: second & ~first,
            ComparisonOutcome.NEITHER: ~first & ~second,
        }[kind]
        return answer

    def _compared_leads(self, places: Sequence[int]) -> Iterator[ComparedLead]:
        ids = [int(self.lead_ids[place]) for place in places]
        leads = Lead.objects.select_related("company").in_bulk(ids)
        kinds = {place: self._outcome_at(place) for place in places}
        changed = [
            int(self.lead_ids[place])
            for place in places
            if kinds[place] in (ComparisonOutcome.FIRST, ComparisonOutcome.SECOND)
        ]
        reasons = self._explain_differences(changed)
        for place, lead_id in zip(places, ids, strict=True):
            if lead_id in leads:
                yield ComparedLead(
                    leads[lead_id],
                    kinds[place],
                    None if self.under_first is None else _build_standing(self.under_first, place),
                    _build_standing(self.under_second, place),
                    reasons.get(lead_id, ""),
                )

    def _outcome_at(self, place: int) -> ComparisonOutcome:
        second = bool(self.under_second.meets[place])
        first = self.under_first is not None and bool(self.under_first.meets[place])
        return {
            (True, True): ComparisonOutcome.BOTH,
            (True, False): ComparisonOutcome.FIRST,
            (False, True): ComparisonOutcome.SECOND,
        }.get((first, second), ComparisonOutcome.NEITHER)

    def _explain_differences(self, lead_ids: Sequence[int]) -> Mapping[int, str]:
        """Return one text for each of these leads: what each version says of it, first the one that it meets."""
        if not lead_ids:
            return {}
        sides = [(version, rules_of(version)) for version in (self.second, self.first) if version is not None]
        facts = fact_reader.read_for_leads(lead_ids, *(rules for _, rules in sides))
        return {
            lead_id: self._explain_difference(facts, index, sides)
            for index, lead_id in enumerate(facts.lead_ids.tolist())
        }

    def _explain_difference(self, facts: Facts, index: int, sides: Sequence[tuple[Version, Rules]]) -> str:
        explanations = [(version, explain(rules, facts, index, microseconds(self.at))) for version, rules in sides]
        explanations.sort(key=lambda pair: not pair[1].meets)
        if len(explanations) == 1:
            return explanations[0][1].why
        return " ".join(f"{version.number}: {explanation.why}" for version, explanation in explanations)


def compare_versions(first: Version | None, second: Version, *, now: dt.datetime) -> VersionComparison:
    """Judge all leads known at `now` by both versions, whatever their states, from one snapshot of the facts.

    Without a first version no lead meets it.
    """
    sides = [rules_of(version) for version in (first, second) if version is not None]
    ids: list[Ints] = []
    verdicts: list[list[Verdicts]] = [[] for _ in sides]
    handed_over: set[int] = set()
    for facts in fact_reader.read_all(*sides):
        leads = known_leads(facts, microseconds(now))
        for rules, side_verdicts in zip(sides, verdicts, strict=True):
            side_verdicts.append(judge(rules, facts, leads, np.full(leads.size, microseconds(now))))
        ids.append(facts.lead_ids[leads])
        entering = verdicts[-1][-1].meets & (True if first is None else ~verdicts[0][-1].meets)
        handed_over |= _free_to_qualify(second, sides[-1], facts.known(leads[entering]), now)
    together = [joined(side_verdicts) for side_verdicts in verdicts]
    return VersionComparison(
        first,
        second,
        now,
        np.concatenate(ids),
        None if first is None else together[0],
        together[-1],
        frozenset(handed_over),
    )


def compare_with_active(version: Version, *, now: dt.datetime) -> VersionComparison:
    """Compare the version with the one in force of its definition: `second` enter, `first` leave, `both` stay."""
    in_force = Version.objects.active().filter(definition=version.definition_id).select_related("definition").first()
    return compare_versions(in_force, version, now=now)


def count_marked_entrants(version: Version, *, now: dt.datetime) -> int:
    """Count the leads that meet the version in force by the change alone and wait for their next activity (rules 9.12)."""
    if version.hands_over_entrants is not False:
        return 0
    meeting = Score.objects.filter(version=version, meets=True, lead__merged_into__isnull=True)
    ids = list(meeting.order_by("lead_id").values_list("lead_id", flat=True))
    return sum(
        len(qualify.marked_entrants(version, ids[first : first + _READ_AT_ONCE], now=now))
        for first in range(0, len(ids), _READ_AT_ONCE)
    )


def _free_to_qualify(version: Version, rules: Rules, entering: Facts, now: dt.datetime) -> frozenset[int]:
    leads = Lead.objects.in_bulk(entering.lead_ids.tolist())
    return qualify.free_to_qualify(version, rules, entering, leads, now=now)


def _count_tiers(verdicts: Verdicts | None) -> Mapping[int, int]:
    tiers: NDArray[Any] = np.zeros(4, dtype=np.int64)
    if verdicts is not None:
        tiers = np.bincount(verdicts.tier, minlength=4)
    return {tier: int(tiers[tier]) for tier in (1, 2, 3)}


def _build_standing(verdicts: Verdicts, place: int) -> LeadStanding:
    one = picked(verdicts, np.array([place]))
    scores = {name: float(getattr(one, name)[0]) for name in _SCORES}
    return LeadStanding(meets=bool(one.meets[0]), tier=int(one.tier[0]), **scores)
