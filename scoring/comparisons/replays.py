"""Replays: judge a version's time in force again and compare the result with the MQLs on record (rules 10.11).

Stored cycles with their ends and re-engagement dates, stages, suppressions and the version's time in force are taken as
given. A difference means that a fact was recorded late, or that the engine is wrong. People known by several leads are
left out: most of their MQLs were made before the leads were merged.

Apart from that each lead is asked about as if all its facts had come in order. Who would have become an MQL then, and did
not, is a loss that lateness caused.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final, TypeAlias

import numpy as np

from definitions.models import Version
from leads.identity import merges
from leads.models import Lead, StageChange
from scoring.active_versions import rules_of
from scoring.columns import fact_reader
from scoring.comparisons import replay_differences
from scoring.comparisons.difference_causes import CauseFinder
from scoring.comparisons.replay_differences import ReplayDifference
from scoring.engine.facts import Facts
from scoring.engine.judge import judge
from scoring.engine.profile import PASS
from scoring.engine.rules import Rules
from scoring.engine.timeline import FOREVER
from scoring.instants import from_microseconds, microseconds
from scoring.live import late_facts, qualification_start, suppressed_leads
from scoring.live.late_facts import Arrival, LatenessLimit
from scoring.live.qualification_start import CycleRelease, QualificationFloor, StartQuestion
from scoring.live.qualify import NOT_TO_QUALIFY, entrant_waits
from scoring.models import Qualification

_LEADS_AT_ONCE: Final = 5000
#: Half-open periods in microseconds.
_Periods: TypeAlias = tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class VersionReplay:
    """The result of a replay: MQLs `on_record`, MQLs `expected` by the judge, and how many `agree` to the microsecond.

    The rest are differences; `excused` is how many of them have a known reason. `losses` are people whom the facts as
    known now make MQLs, at an instant before Accord knew them, and the rules do not.
    """

    version: Version
    start: dt.datetime
    end: dt.datetime
    expected: int
    on_record: int
    agree: int
    missing: tuple[ReplayDifference, ...]
    surplus: tuple[ReplayDifference, ...]
    moved: tuple[ReplayDifference, ...]
    losses: tuple[ReplayDifference, ...]

    @property
    def differences(self) -> tuple[ReplayDifference, ...]:
        return (*self.moved, *self.missing, *self.surplus)

    @property
    def rows(self) -> tuple[ReplayDifference, ...]:
        """Return what the page lists: the differences, then the losses."""
        return (*self.differences, *self.losses)

    @property
    def excused(self) -> int:
        return sum(bool(difference.reason) for difference in self.differences)

    @property
    def is_exact(self) -> bool:
        return not self.differences


class NeverInForce(Exception):
    """The version made no MQLs, because it was never in force."""


def replay_version(version: Version, *, now: dt.datetime) -> VersionReplay:
    """Judge all leads at every instant of the version's time in force, up to `now`. Raises NeverInForce."""
    if version.activated_at is None:
        raise NeverInForce(f"{version} was never in force, so there is nothing to replay.")
    end = min(version.retired_at or now, now)
    period = _ActivePeriod(version, rules_of(version), microseconds(version.activated_at), microseconds(end))
    merged = {lead for pair in merges.list_aliases() for lead in pair}
    expected: dict[tuple[int, int], int] = {}
    in_order: dict[tuple[int, int], int] = {}
    for facts in fact_reader.read_all(period.rules):
        for starts, more in zip((expected, in_order), period.expected_starts(facts), strict=True):
            starts |= {(lead, cycle): at for (lead, cycle), at in more.items() if lead not in merged}
    recorded = {
        (lead, cycle): (microseconds(at), microseconds(recorded_at))
        for lead, cycle, at, recorded_at in _read_recorded_mqls(version, end)
        if lead not in merged
    }
    found_differences = list(_list_differences(expected, recorded))
    causes = CauseFinder(version, period.rules, period.replay_under).find(found_differences)
    with_causes = [replace(row, reason=causes.get(row.key, "")) for row in found_differences]
    differences = replay_differences.explain_rest(with_causes, version=version, now=now)
    lost = {key: at for key, at in in_order.items() if key not in expected and key not in recorded}
    losses = replay_differences.explain_losses(
        [ReplayDifference("lost", lead, cycle, _instant(at), None, None) for (lead, cycle), at in sorted(lost.items())]
    )
    kinds = {
        kind: tuple(difference for difference in differences if difference.kind == kind)
        for kind in ("missing", "surplus", "moved")
    }
    agree = len(expected) - len(kinds["missing"]) - len(kinds["moved"])
    return VersionReplay(
        version, version.activated_at, end, len(expected), len(recorded), agree, losses=losses, **kinds
    )


def _read_recorded_mqls(version: Version, end: dt.datetime) -> Iterable[tuple[int, int, dt.datetime, dt.datetime]]:
    """Read (lead, cycle, at, recorded at) of the MQLs made under the version."""
    rows = Qualification.objects.filter(version=version, recorded_at__lte=end)
    # MQLs that a worker wrote under the version while the next one took over belong to it as well.
    rows = rows if version.retired_at is None else Qualification.objects.filter(version=version)
    return rows.values_list("lead_id", "cycle", "at", "recorded_at").iterator(chunk_size=10_000)


def _list_differences(
    expected: Mapping[tuple[int, int], int], recorded: Mapping[tuple[int, int], tuple[int, int]]
) -> Iterator[ReplayDifference]:
    """Yield the MQLs whose expected instant and recorded instant differ, in the order of leads and cycles."""
    for lead, cycle in sorted({*expected, *recorded}):
        expected_at = expected.get((lead, cycle))
        at, recorded_at = recorded.get((lead, cycle), (None, None))
        if expected_at == at:
            continue
        kind = "missing" if at is None else "surplus" if expected_at is None else "moved"
        yield ReplayDifference(kind, lead, cycle, _instant(expected_at), _instant(at), _instant(recorded_at))


def _instant(at: int | None) -> dt.datetime | None:
    return None if at is None else from_microseconds(at)


@dataclass(frozen=True, slots=True)
class _Cycle:
    """A recorded cycle of a lead; `is_own` says that the replayed version began it, `release` is its end."""

    number: int
    is_own: bool
    at: int
    release: CycleRelease | None


@dataclass(frozen=True, slots=True)
class _Window:
    """A time in which a lead could begin its next cycle: after the end of its last one, before that of a later version."""

    cycle: int
    release: CycleRelease | None


@dataclass(frozen=True, slots=True)
class _ActivePeriod:
    """The version's time in force: [start, end], or [start, end) if another one took over. Microseconds."""

    version: Version
    rules: Rules
    start: int
    end: int

    @property
    def last(self) -> int:
        """Return the last instant that belongs to the version."""
        return (
            self.end - 1
            if self.version.retired_at is not None and microseconds(self.version.retired_at) <= self.end
            else self.end
        )

    def replay_under(self, rules: Rules, facts: Facts) -> Mapping[tuple[int, int], int]:
        """Return the instant at which each (lead, cycle) would begin by other rules, or other facts."""
        return replace(self, rules=rules).expected_starts(facts)[0]

    def expected_starts(self, facts: Facts) -> tuple[dict[tuple[int, int], int], dict[tuple[int, int], int]]:
        """Return the instant at which each (lead, cycle) begins by the rules, and if all facts had come in order.

        The second one is asked only for the time before a lead was known, where the two may differ.
        """
        ids: list[int] = facts.lead_ids.tolist()
        starts: dict[tuple[int, int], int] = {}
        in_order: dict[tuple[int, int], int] = {}
        for first in range(0, len(ids), _LEADS_AT_ONCE):
            lead_ids = ids[first : first + _LEADS_AT_ONCE]
            records = _LeadRecords(self.version, lead_ids, from_microseconds(self.last))
            part = facts.slice(first, first + len(lead_ids))
            for windows in _window_rounds(
                {index: self._open_windows(records.cycles[lead]) for index, lead in enumerate(lead_ids)}
            ):
                questions = self._build_questions(part, windows, records)
                late_known = self._find_late_known(part, questions)
                questions = self._add_late_requests(part, questions, late_known)
                begun = qualification_start.find_starts(self.rules, part, questions)
                starts |= {(lead_ids[index], windows[index].cycle): at for index, at in begun.items()}
                unbegun = {index: _ask_in_order(questions[index]) for index in late_known if index not in begun}
                begun = qualification_start.find_starts(self.rules, part, unbegun)
                in_order |= {(lead_ids[index], windows[index].cycle): at for index, at in begun.items()}
        return starts, in_order

    def _find_late_known(self, facts: Facts, questions: Mapping[int, StartQuestion]) -> list[int]:
        """Return the leads that did something after their floor, before they were known, in the order of their indexes."""
        lead, at = facts.instants()
        floor, known = np.full((2, len(facts)), FOREVER, dtype=np.int64)
        for index, question in questions.items():
            floor[index], known[index] = question.floor, question.known
        return [int(index) for index in np.unique(lead[(at >= floor[lead]) & (at < known[lead])])]

    def _add_late_requests(
        self, facts: Facts, questions: Mapping[int, StartQuestion], late_known: Sequence[int]
    ) -> dict[int, StartQuestion]:
        """Return the questions with looks at the requests of late-known leads that count at their own instants."""
        changed = dict(questions)
        if not late_known:
            return changed
        limit = LatenessLimit.from_version(self.version, self.rules)
        ids = {int(facts.lead_ids[index]): index for index in late_known}
        for lead_id, arrivals in late_facts.read_arrivals(ids).items():
            question = changed[ids[lead_id]]
            requests = [
                arrival
                for arrival in arrivals
                if question.floor <= arrival.at < question.known
                and arrival.signal in limit.requests
                and limit.admits(arrival, last_look=None, now=FOREVER)
            ]
            looks = self._open_to_calls(facts, ids[lead_id], requests)
            changed[ids[lead_id]] = replace(
                question, looks=(*question.looks, *looks), known=min([question.known, *looks])
            )
        return changed

    def _open_to_calls(self, facts: Facts, index: int, requests: Sequence[Arrival]) -> list[int]:
        """Return the instants of the requests that came while the lead passed the gate and was not disqualified."""
        if not requests:
            return []
        came = [max(request.recorded_at, self.start) for request in requests]
        verdicts = judge(self.rules, facts, np.full(len(came), index), np.array(came, dtype=np.int64))
        is_open = (verdicts.gate == PASS) & ~verdicts.disqualified
        return sorted({request.at for request, is_free in zip(requests, is_open.tolist(), strict=True) if is_free})

    def _open_windows(self, cycles: Sequence[_Cycle]) -> list[_Window]:
        """Return the windows before, between and after the recorded cycles.

        There is none before a cycle that an earlier version began, nor after an open one.
        """
        windows = []
        number, release, is_free = 1, None, True
        for cycle in cycles:
            if is_free and (cycle.is_own or cycle.at > self.last):
                windows.append(_Window(number, release))
            number, release, is_free = cycle.number + 1, cycle.release, cycle.release is not None
        return [*windows, _Window(number, release)] if is_free else windows

    def _build_questions(
        self, facts: Facts, windows: Mapping[int, _Window], records: _LeadRecords
    ) -> dict[int, StartQuestion]:
        questions = {}
        for index, window in windows.items():
            floor = qualification_start.find_floor(
                self.rules, facts, index, window.release, in_force=self.start, now=self.last
            )
            known = records.known_since[int(facts.lead_ids[index])]
            if not floor.closed and max(floor.at, known) <= self.last:
                lead_id = int(facts.lead_ids[index])
                barred, suppressed = records.barred[lead_id], records.suppressed.get(lead_id, ())
                questions[index] = self._build_question(floor, known, barred, suppressed)
        return questions

    def _build_question(
        self, floor: QualificationFloor, known: int, barred: _Periods, suppressed: _Periods
    ) -> StartQuestion:
        """Ask as if the lead had been judged at every instant, from the first at which it was known and free."""
        first = max(floor.at, known)
        return StartQuestion(
            floor=floor.at,
            until=self.last,
            looks=(first, *(end for _, end in (*barred, *suppressed) if first < end <= self.last)),
            after=first,
            known=known,
            waits=entrant_waits(self.version, floor, known),
            barred=barred,
            suppressed=suppressed,
        )


def _ask_in_order(question: StartQuestion) -> StartQuestion:
    """Return the question as if the lead had been known from its floor on, up to the instant at which it became known."""
    return replace(question, until=question.known - 1, looks=(), after=question.floor - 1, known=question.floor)


def _window_rounds(windows: Mapping[int, Sequence[_Window]]) -> Iterator[dict[int, _Window]]:
    """Yield the first window of each lead, then the second of those that have one, and so on."""
    for number in range(max(map(len, windows.values()), default=0)):
        yield {index: some[number] for index, some in windows.items() if number < len(some)}


class _LeadRecords:
    """The records of some leads: cycles under the version's motion, periods in which they were barred or suppressed, and
    when they became known.
    """

    def __init__(self, version: Version, lead_ids: Sequence[int], until: dt.datetime) -> None:
        rows = Lead.objects.filter(pk__in=lead_ids).values_list("pk", "recorded_at")
        known_since = {pk: microseconds(recorded_at) for pk, recorded_at in rows}
        # A lead recorded after the facts were read is left to the next replay.
        self.known_since = {pk: known_since.get(pk, FOREVER) for pk in lead_ids}
        self.cycles = self._read_cycles(version, lead_ids)
        self.barred = self._read_barred(version, lead_ids)
        self.suppressed = suppressed_leads.read_periods(lead_ids, now=until)

    @staticmethod
    def _read_cycles(version: Version, lead_ids: Sequence[int]) -> Mapping[int, list[_Cycle]]:
        rows = Qualification.objects.filter(lead_id__in=lead_ids, motion=version.definition.motion)
        cycles: dict[int, list[_Cycle]] = defaultdict(list)
        for lead, number, by, at, closed_at, back in rows.order_by("lead_id", "cycle").values_list(
            "lead_id", "cycle", "version_id", "at", "closed_at", "reenter_at"
        ):
            release = None if closed_at is None else CycleRelease.from_instants(closed_at, back)
            cycles[lead].append(_Cycle(number, by == version.pk, microseconds(at), release))
        return cycles

    @staticmethod
    def _read_barred(version: Version, lead_ids: Sequence[int]) -> Mapping[int, _Periods]:
        """Return the half-open periods in which each lead stood in a stage of the motion where it could not qualify."""
        moves: dict[int, list[tuple[int, str]]] = defaultdict(list)
        rows = StageChange.objects.filter(lead_id__in=lead_ids, motion=version.definition.motion)
        rows = rows.order_by("lead_id", "at", "pk")
        for lead, at, stage in rows.values_list("lead_id", "at", "to_stage"):
            moves[lead].append((microseconds(at), stage))
        return {lead: _barred_periods(moves[lead]) for lead in lead_ids}


def _barred_periods(moves: Sequence[tuple[int, str]]) -> _Periods:
    """Return the periods of the stages in NOT_TO_QUALIFY; a lead's last stage has no end."""
    ends = [*moves, (FOREVER, "")]
    return tuple((at, until) for (at, stage), (until, _) in pairwise(ends) if stage in NOT_TO_QUALIFY)


def with_leads(differences: Sequence[ReplayDifference]) -> list[tuple[ReplayDifference, Lead | None]]:
    """Return each difference with its lead; None for a deleted lead."""
    leads = Lead.objects.select_related("company").in_bulk([difference.lead_id for difference in differences])
    return [(difference, leads.get(difference.lead_id)) for difference in differences]
