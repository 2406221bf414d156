"""Two versions on the same leads at one instant (SPEC 9): who meets both, who only one, and why; who would go to sales."""

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
from scoring.explain.evaluation import known
from scoring.instants import microseconds
from scoring.live import qualify
from scoring.models import Score

#: Explained at a time: their facts are read again, with all that either version asks for.
_EXPLAINED_AT_ONCE: Final = 250
_READ_AT_ONCE: Final = 5000
_SCORES: Final = ("fit", "engagement", "bant")


class Kind(StrEnum):
    """Which of the two versions a lead meets; against the version in force: who stays, leaves, enters."""

    BOTH = "both"
    FIRST = "first"
    SECOND = "second"
    NEITHER = "neither"


@dataclass(frozen=True, slots=True)
class Standing:
    """A lead under one version. `tier` is 0 for one that does not meet it."""

    meets: bool
    tier: int
    fit: float
    engagement: float
    bant: float


@dataclass(frozen=True, slots=True)
class Row:
    """`first` is None where nothing is in force. `why` says what decides, of leads that meet only one of the two."""

    lead: Lead
    kind: Kind
    first: Standing | None
    second: Standing
    why: str


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """Of all leads known at `at`, in the order of their ids. `free` are those who enter and would be handed to sales."""

    first: Version | None
    second: Version
    at: dt.datetime
    lead_ids: Ints
    under_first: Verdicts | None
    under_second: Verdicts
    free: frozenset[int]

    @property
    def counts(self) -> Mapping[Kind, int]:
        return {kind: int(self._of(kind).sum()) for kind in Kind}

    @property
    def tiers(self) -> tuple[Mapping[int, int], Mapping[int, int]]:
        """How many leads of each tier under the first version, and under the second."""
        return _tiers(self.under_first), _tiers(self.under_second)

    def rows(self, *kinds: Kind, after: int = 0, limit: int | None = None) -> Iterator[Row]:
        """The leads of these kinds, in the order of their ids, those above `after`."""
        wanted = np.zeros(self.lead_ids.size, dtype=np.bool_)
        for kind in kinds:
            wanted |= self._of(kind)
        places = np.flatnonzero(wanted & (self.lead_ids > after))[:limit]
        for first in range(0, places.size, _EXPLAINED_AT_ONCE):
            yield from self._rows(places[first : first + _EXPLAINED_AT_ONCE].tolist())

    def _of(self, kind: Kind) -> Bools:
        second = self.under_second.meets
        first = np.zeros_like(second) if self.under_first is None else self.under_first.meets
        answer: Bools = {
            Kind.BOTH: first & second,
            Kind.FIRST: first & ~second,
            Kind.SECOND: second & ~first,
            Kind.NEITHER: ~first & ~second,
        }[kind]
        return answer

    def _rows(self, places: Sequence[int]) -> Iterator[Row]:
        ids = [int(self.lead_ids[place]) for place in places]
        leads = Lead.objects.select_related("company").in_bulk(ids)
        kinds = {place: self._kind(place) for place in places}
        changed = [int(self.lead_ids[place]) for place in places if kinds[place] in (Kind.FIRST, Kind.SECOND)]
        reasons = self._reasons(changed)
        for place, lead_id in zip(places, ids, strict=True):
            if lead_id in leads:
                yield Row(
                    leads[lead_id],
                    kinds[place],
                    None if self.under_first is None else _standing(self.under_first, place),
                    _standing(self.under_second, place),
                    reasons.get(lead_id, ""),
                )

    def _kind(self, place: int) -> Kind:
        second = bool(self.under_second.meets[place])
        first = self.under_first is not None and bool(self.under_first.meets[place])
        return {(True, True): Kind.BOTH, (True, False): Kind.FIRST, (False, True): Kind.SECOND}.get(
            (first, second), Kind.NEITHER
        )

    def _reasons(self, lead_ids: Sequence[int]) -> Mapping[int, str]:
        """What each version says of each of these leads, the one that it meets first."""
        if not lead_ids:
            return {}
        sides = [(version, rules_of(version)) for version in (self.second, self.first) if version is not None]
        facts = fact_reader.near(lead_ids, *(rules for _, rules in sides))
        return {lead_id: self._reason(facts, index, sides) for index, lead_id in enumerate(facts.lead_ids.tolist())}

    def _reason(self, facts: Facts, index: int, sides: Sequence[tuple[Version, Rules]]) -> str:
        told = [(version, explain(rules, facts, index, microseconds(self.at))) for version, rules in sides]
        told.sort(key=lambda each: not each[1].meets)
        if len(told) == 1:
            return told[0][1].why
        return " ".join(f"{version.number}: {each.why}" for version, each in told)


def compare(first: Version | None, second: Version, *, now: dt.datetime) -> Comparison:
    """Judge all leads known at `now` by both versions, whatever their states, from one snapshot of the facts.

    Without a first version nobody meets it.
    """
    sides = [rules_of(version) for version in (first, second) if version is not None]
    ids: list[Ints] = []
    verdicts: list[list[Verdicts]] = [[] for _ in sides]
    free: set[int] = set()
    for facts in fact_reader.everything(*sides):
        there = known(facts, microseconds(now))
        for rules, found in zip(sides, verdicts, strict=True):
            found.append(judge(rules, facts, there, np.full(there.size, microseconds(now))))
        ids.append(facts.lead_ids[there])
        entering = verdicts[-1][-1].meets & (True if first is None else ~verdicts[0][-1].meets)
        free |= _free(second, sides[-1], facts.known(there[entering]), now)
    together = [joined(found) for found in verdicts]
    return Comparison(
        first, second, now, np.concatenate(ids), None if first is None else together[0], together[-1], frozenset(free)
    )


def coming(version: Version, *, now: dt.datetime) -> Comparison:
    """The version against the one in force of its definition: `second` enter, `first` leave, `both` stay."""
    in_force = Version.objects.active().filter(definition=version.definition_id).select_related("definition").first()
    return compare(in_force, version, now=now)


def marked(version: Version, *, now: dt.datetime) -> int:
    """How many leads meet the version in force by its coming alone, and wait for their next activity (SPEC 9)."""
    if version.hands_over_entrants is not False:
        return 0
    meeting = Score.objects.filter(version=version, meets=True).order_by("lead_id").values_list("lead_id", flat=True)
    ids = list(meeting)
    return sum(
        len(qualify.marked(version, ids[first : first + _READ_AT_ONCE], now=now))
        for first in range(0, len(ids), _READ_AT_ONCE)
    )


def _free(version: Version, rules: Rules, entering: Facts, now: dt.datetime) -> frozenset[int]:
    leads = Lead.objects.in_bulk(entering.lead_ids.tolist())
    return qualify.free(version, rules, entering, leads, now=now)


def _tiers(verdicts: Verdicts | None) -> Mapping[int, int]:
    tiers: NDArray[Any] = np.zeros(4, dtype=np.int64)
    if verdicts is not None:
        tiers = np.bincount(verdicts.tier, minlength=4)
    return {tier: int(tiers[tier]) for tier in (1, 2, 3)}


def _standing(verdicts: Verdicts, place: int) -> Standing:
    one = picked(verdicts, np.array([place]))
    scores = {name: float(getattr(one, name)[0]) for name in _SCORES}
    return Standing(meets=bool(one.meets[0]), tier=int(one.tier[0]), **scores)
