"""Facts recorded later than they happened (rules 4.23): how late they may come and still count at their own instant."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from definitions.models import Version
from leads.identity import merges
from leads.models import Event
from scoring.engine.facts import Facts
from scoring.engine.rules import CountClause, PathRule, Rules
from scoring.engine.timeline import DAY, FOREVER
from scoring.engine.timeline import microseconds as as_microseconds
from scoring.instants import microseconds

#: Where the version names no window for requests: a form tool that is down over a long weekend, a webhook that is retried.
SHORTEST_WINDOW: Final = 7 * DAY


@dataclass(frozen=True, slots=True)
class Arrival:
    """An event of a person: what and when it was, and how it came; instants in microseconds."""

    at: int
    signal: str
    recorded_at: int
    is_imported: bool


@dataclass(frozen=True, slots=True)
class LatenessLimit:
    """The windows of one version: a late event counts at its own instant if it came within them; microseconds.

    `in_force` is the activation. An event from before it, of a lead that no version of the definition has judged, counts
    within `unjudged_window`.
    """

    requests: frozenset[str]
    request_window: int
    hot_window: int
    unjudged_window: int
    in_force: int

    @classmethod
    def from_version(cls, version: Version, rules: Rules) -> LatenessLimit:
        """Return the limit of a version that is or was in force."""
        return cls(
            requests=rules.catalogue.requests,
            request_window=find_request_window(rules),
            hot_window=find_hot_window(rules),
            unjudged_window=_find_unjudged_window(version),
            in_force=0 if version.activated_at is None else microseconds(version.activated_at),
        )

    def admits(self, arrival: Arrival, *, last_look: int | None, now: int) -> bool:
        """Return whether the event counts at its own instant for a lead that was last judged at `last_look`, if ever.

        An event from a file of history never does. One from before the activation does if no version has judged it.
        """
        if arrival.is_imported:
            return False
        window = self.request_window if arrival.signal in self.requests else self.hot_window
        if arrival.at >= self.in_force:
            is_unjudged = last_look is None or arrival.recorded_at >= last_look
            return now - arrival.at <= window or (is_unjudged and arrival.recorded_at - arrival.at <= window)
        if last_look is not None and arrival.recorded_at <= last_look:
            return False
        if last_look is None and arrival.recorded_at <= self.in_force:
            window = min(window, self.unjudged_window)
        return max(arrival.recorded_at, self.in_force) - arrival.at <= window


def find_request_window(rules: Rules) -> int:
    """Return how long after its instant an explicit request may be recorded and still make its sender an MQL.

    It is `or_request_within_days`; without that the longest window in which the version counts a request, and at least
    seven days.
    """
    if rules.timing is not None and rules.timing.or_request_within_days is not None:
        return as_microseconds(rules.timing.or_request_within_days)
    counted = (*rules.hot, *rules.paths)
    return _longest_window(clause for clause in _count_clauses(counted) if clause.signals & rules.catalogue.requests)


def find_hot_window(rules: Rules) -> int:
    """Return how long after its instant an activity may be recorded and still raise a tier: the longest hot window."""
    return _longest_window(_count_clauses(rules.hot))


def read_arrivals(lead_ids: Collection[int]) -> Mapping[int, list[Arrival]]:
    """Read the events of these leads and of those merged into them, by lead id."""
    standing = {lead_id: lead_id for lead_id in lead_ids} | dict(merges.list_aliases(lead_ids))
    rows = Event.objects.filter(lead_id__in=standing)
    arrivals: dict[int, list[Arrival]] = defaultdict(list)
    columns = ("lead_id", "occurred_at", "signal__code", "recorded_at", "is_imported")
    for lead_id, at, signal, recorded_at, is_imported in rows.values_list(*columns):
        arrival = Arrival(microseconds(at), signal, microseconds(recorded_at), is_imported)
        arrivals[standing[lead_id]].append(arrival)
    return arrivals


def drop_later_imports(facts: Facts, arrivals: Mapping[int, Sequence[Arrival]], known_at: Mapping[int, int]) -> Facts:
    """Return the facts without what files told of these leads after an instant; both maps are by lead id.

    It answers what was so before the files came, so that imported history neither makes MQLs nor raises tiers late.
    """
    # Counted, because a sender may have told live of what a file tells once more.
    imported = Counter(
        (lead_id, arrival.at, arrival.signal)
        for lead_id, at in known_at.items()
        for arrival in arrivals.get(lead_id, ())
        if arrival.is_imported and arrival.recorded_at > at
    )
    if not imported:
        return facts
    is_of_lead = np.isin(facts.lead_ids[facts.event_lead], list(known_at))
    stays = np.ones(facts.event_at.size, dtype=np.bool_)
    for place in np.flatnonzero(is_of_lead).tolist():
        lead_id, signal = int(facts.lead_ids[facts.event_lead[place]]), facts.signals[facts.event_signal[place]]
        event = (lead_id, int(facts.event_at[place]), signal)
        if imported[event]:
            imported[event] -= 1
            stays[place] = False
    return replace(
        facts,
        event_lead=facts.event_lead[stays],
        event_at=facts.event_at[stays],
        event_signal=facts.event_signal[stays],
        event_asset=facts.event_asset[stays],
    )


def _find_unjudged_window(version: Version) -> int:
    """Return how old a request may be at the activation if nobody has judged it before.

    Where an earlier version was in force, only workers were behind. Before a definition's first version nobody was promised
    an answer: what came in the last days counts, unless the activation leaves the leads that meet it with marketing.
    """
    earlier = Version.objects.filter(definition=version.definition_id, activated_at__lt=version.activated_at)
    if earlier.exists():
        return FOREVER
    return 0 if version.hands_over_entrants is False else SHORTEST_WINDOW


def _count_clauses(paths: Iterable[PathRule]) -> Iterable[CountClause]:
    return (clause for path in paths for clause in path.clauses if isinstance(clause, CountClause))


def _longest_window(clauses: Iterable[CountClause]) -> int:
    windows = [as_microseconds(clause.within_days) for clause in clauses if clause.within_days is not None]
    return max([SHORTEST_WINDOW, *windows])
