"""The causes of differences between a replay and the record: each is undone, and named only if the replay then agrees.

Facts that were recorded later are taken out, edits of signals and lists are taken back. What no row tells of, the frozen
evidence of the MQL proves: the same lead explained again, with one thing as it was on the day (rules 10.17).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, Final

from definitions.models import Version
from leads.models import AttributeChange, Event, Lead
from scoring.columns import fact_reader
from scoring.columns.bulk_reader import Schema, TransactionReader
from scoring.comparisons import evidence_comparison, logged_edits
from scoring.comparisons.replay_differences import ReplayDifference
from scoring.engine.explanation import Explanation
from scoring.engine.facts import Facts
from scoring.engine.judge import explain
from scoring.engine.rules import Rules
from scoring.engine.why import capitalize, field_words, show_value
from scoring.instants import microseconds
from scoring.models import Qualification

#: Returns the instant at which each (lead, cycle) of the facts begins by the rules.
ReplayLeads = Callable[[Rules, Facts], Mapping[tuple[int, int], int]]
#: Late facts of one lead that are tried one by one; of more the last one is named.
_TRIED_ALONE: Final = 20


@dataclass(frozen=True, slots=True)
class LateFact:
    """An event or a statement about a lead or its company that was recorded too late for a difference."""

    row: Event | AttributeChange

    @property
    def valid_at(self) -> dt.datetime:
        return self.row.occurred_at if isinstance(self.row, Event) else self.row.valid_from


@dataclass(slots=True)
class CauseFinder:
    """The search for the causes of a version's differences; `replay` replays leads under other rules or facts."""

    version: Version
    rules: Rules
    replay: ReplayLeads
    reasons: dict[tuple[int, int], str] = field(default_factory=dict)

    def find(self, differences: Sequence[ReplayDifference]) -> Mapping[tuple[int, int], str]:
        """Return the reason by (lead, cycle); a difference that nothing explains is absent.

        1. Take out the facts that came late, all at once and then one by one.
        2. Take back each edit of a signal or list that the administration logged since.
        3. Compare the evidence of MQLs with their explanation of today.
        """
        # 1.
        late = _read_late_facts(differences)
        self._try_late_facts(differences, late, Event)
        self._try_late_facts(self._unexplained(differences), late, AttributeChange)
        # 2.
        self._try_edits(self._unexplained(differences))
        # 3.
        self._compare_evidence(self._unexplained(differences), late)
        return self.reasons

    def _unexplained(self, differences: Iterable[ReplayDifference]) -> list[ReplayDifference]:
        return [difference for difference in differences if difference.key not in self.reasons]

    def _agreeing(
        self, differences: Sequence[ReplayDifference], *, rules: Rules | None = None, without: Collection[LateFact] = ()
    ) -> list[ReplayDifference]:
        """Return the differences that go away under these rules, or without these facts."""
        if not differences:
            return []
        used = rules or self.rules
        starts = self.replay(used, _read_facts({difference.lead_id for difference in differences}, used, without))
        return [row for row in differences if starts.get(row.key) == (row.made_at and microseconds(row.made_at))]

    def _try_late_facts(
        self,
        differences: Sequence[ReplayDifference],
        late: Mapping[tuple[int, int], Sequence[LateFact]],
        kind: type[Event | AttributeChange],
    ) -> None:
        of_kind = {key: [fact for fact in late_facts if isinstance(fact.row, kind)] for key, late_facts in late.items()}
        concerned = [difference for difference in differences if of_kind[difference.key]]
        every = list(chain.from_iterable(of_kind[difference.key] for difference in concerned))
        for difference in self._agreeing(concerned, without=every):
            fact = self._find_one(difference, of_kind[difference.key])
            self.reasons[difference.key] = (
                _describe_event(fact.row) if isinstance(fact.row, Event) else self._describe_statement(difference, fact)
            )

    def _find_one(self, difference: ReplayDifference, late_facts: Sequence[LateFact]) -> LateFact:
        """Return the fact without which alone the replay agrees; if only several do that together, the last one."""
        ordered = sorted(late_facts, key=lambda fact: fact.valid_at)
        if len(ordered) == 1:
            return ordered[0]
        alone = (fact for fact in ordered[-_TRIED_ALONE:] if self._agreeing([difference], without=[fact]))
        return next(alone, ordered[-1])

    def _describe_statement(self, difference: ReplayDifference, fact: LateFact) -> str:
        """Say which value a criterion saw on the day, and which it sees by the statement."""
        lead_ids = [difference.lead_id]
        then, now = (
            explain(self.rules, _read_facts(lead_ids, self.rules, without), 0, microseconds(difference.at))
            for without in ([fact], ())
        )
        recorded = f"{fact.row.recorded_at:%Y-%m-%d %H:%M} UTC"
        pairs = [(old, new) for old, new in zip(_answers(then), _answers(now), strict=True) if old.seen != new.seen]
        if not pairs:
            return f"An attribute of {fact.valid_at:%Y-%m-%d %H:%M} UTC was recorded later, on {recorded}."
        # Of several values that the statement changed the one that turned an answer.
        before, after = max(pairs, key=lambda pair: pair[0].verdict != pair[1].verdict)
        return (
            f"{capitalize(field_words(before.criterion.field))} was {show_value(before.seen)} when it was judged, and is"
            f" {show_value(after.seen)} by what was recorded on {recorded}."
        )

    def _try_edits(self, differences: Sequence[ReplayDifference]) -> None:
        if not differences:
            return
        since = min(difference.judged_at for difference in differences)
        # What was edited after the version kept its basis has no part in it (rules 9.18).
        for edit in logged_edits.read_edits(self.rules, since=since, until=self.version.basis_kept_at):
            concerned = [row for row in self._unexplained(differences) if row.judged_at < edit.at]
            for difference in self._agreeing(concerned, rules=edit.take_back(self.rules)):
                self.reasons[difference.key] = edit.sentence

    def _compare_evidence(
        self, differences: Sequence[ReplayDifference], late: Mapping[tuple[int, int], Sequence[LateFact]]
    ) -> None:
        with_mql = [(row, row.made_at) for row in differences if row.made_at is not None]
        if not with_mql:
            return
        rows = Qualification.objects.filter(version=self.version, lead_id__in=[row.lead_id for row, _at in with_mql])
        evidence = {(lead, cycle): content for lead, cycle, content in rows.values_list("lead_id", "cycle", "evidence")}
        of_then = list(chain.from_iterable(late[row.key] for row, _at in with_mql))
        facts = _read_facts({row.lead_id for row, _at in with_mql}, self.rules, of_then)
        places = {lead_id: place for place, lead_id in enumerate(facts.lead_ids.tolist())}
        kept_at = self.version.basis_kept_at
        for row, made_at in with_mql:
            place = places.get(row.lead_id)
            if place is not None and row.key in evidence:
                reason = evidence_comparison.find_change(
                    evidence[row.key],
                    self.rules,
                    facts.slice(place, place + 1),
                    microseconds(made_at),
                    may_be_edited=kept_at is None or row.judged_at < kept_at,
                )
                if reason:
                    self.reasons[row.key] = reason


class _ReaderWithout(TransactionReader):
    """A reader that does not see some events and statements."""

    def __init__(self, without: Collection[LateFact]) -> None:
        events, statements = (
            [fact.row.pk for fact in without if isinstance(fact.row, kind)] for kind in (Event, AttributeChange)
        )
        # A common table expression hides the table of the same name from the query behind it.
        self._prefix = f"WITH {_hide_rows('leads_event', events)}, {_hide_rows('leads_attributechange', statements)}"

    def table(self, query: str, schema: Schema) -> Any:
        return super().table(f"{self._prefix} {query}", schema)


def _hide_rows(table: str, ids: Iterable[int]) -> str:
    hidden = ",".join(map(str, ids))
    return f"{table} AS (SELECT * FROM {table} WHERE id <> ALL ('{{{hidden}}}'::bigint[]))"  # noqa: S608 (our tables and ids)


def _read_facts(lead_ids: Iterable[int], rules: Rules, without: Collection[LateFact] = ()) -> Facts:
    return fact_reader.read_for_leads(sorted(lead_ids), rules, reader=_ReaderWithout(without) if without else None)


def _read_late_facts(differences: Sequence[ReplayDifference]) -> dict[tuple[int, int], list[LateFact]]:
    """Read by (lead, cycle) the events and statements that came too late for the record of the difference.

    The first statement about a subject is no news: it says what was known before.
    """
    leads = Lead.objects.in_bulk({difference.lead_id for difference in differences})
    facts: dict[int, list[LateFact]] = {lead_id: [] for lead_id in leads}
    for event in Event.objects.filter(lead_id__in=leads).select_related("signal").order_by("pk").iterator():
        facts[event.lead_id].append(LateFact(event))
    of_company: dict[int, list[int]] = {}
    for lead in leads.values():
        if lead.company_id is not None:
            of_company.setdefault(lead.company_id, []).append(lead.pk)
    for change in _without_firsts(AttributeChange.objects.filter(lead_id__in=leads).order_by("lead_id", "pk")):
        facts[change.lead_id or 0].append(LateFact(change))
    for change in _without_firsts(
        AttributeChange.objects.filter(company_id__in=of_company).order_by("company_id", "pk")
    ):
        for lead_id in of_company[change.company_id or 0]:
            facts[lead_id].append(LateFact(change))
    return {
        difference.key: [
            fact
            for fact in facts.get(difference.lead_id, ())
            if difference.is_too_late(valid_at=fact.valid_at, recorded_at=fact.row.recorded_at)
        ]
        for difference in differences
    }


def _without_firsts(changes: Iterable[AttributeChange]) -> Iterator[AttributeChange]:
    last: tuple[int | None, int | None] | None = None
    for change in changes:
        subject = change.lead_id, change.company_id
        if subject == last:
            yield change
        last = subject


def _describe_event(event: Event) -> str:
    valid_at, recorded_at = (f"{at:%Y-%m-%d %H:%M} UTC" for at in (event.occurred_at, event.recorded_at))
    return f"{event.signal.name} of {valid_at} was recorded later, on {recorded_at}."


def _answers(explanation: Explanation) -> tuple[Any, ...]:
    return (
        *explanation.gate_answers,
        *explanation.fit_answers,
        *explanation.bant_answers,
        *explanation.disqualifier_answers,
    )
