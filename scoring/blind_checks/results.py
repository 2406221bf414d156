"""The results of a round: each person's agreement with the version, what became of the leads, and kappa (rules 9.39, 9.40)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from leads.models import Outcome, StageChange
from leads.vocabulary import OutcomeKind, Stage
from scoring.backtests.intervals_and_tests import Bounds, wilson
from scoring.blind_checks import agreement
from scoring.models import BlindCheck, BlindCheckAnswer, BlindCheckLead


class LaterOutcome(StrEnum):
    """The furthest that a lead came after the instant at which it was judged, by today."""

    WON = "Won"
    ACCEPTED = "Accepted by sales"
    REJECTED = "Rejected by sales"
    UNDECIDED = "No decision of sales"


@dataclass(frozen=True, slots=True)
class PersonResult:
    """A person's answers to all leads of a round: on how many they agree with the version, and kappa with it."""

    person_id: int
    answers: Mapping[int, bool]
    agreed: int
    kappa: float | None

    @property
    def count(self) -> int:
        return len(self.answers)

    @property
    def interval(self) -> Bounds | None:
        """Return the 95 % interval of the share of agreement, by Wilson."""
        return wilson(self.agreed, self.count)


@dataclass(frozen=True, slots=True)
class OutcomeCount:
    """The leads of one outcome: their number, how many met the version, and how many answers of all people were yes."""

    outcome: LaterOutcome
    leads: int
    meeting: int
    yes: int
    answers: int


@dataclass(frozen=True, slots=True)
class RoundResult:
    """The results of the people who have answered all leads; `begun` counts the others who answered some."""

    people: list[PersonResult]
    begun: int
    leads: int
    meeting: int
    #: Kappa among the people: Cohen's of two, Fleiss' from three on, whose interval is the bootstrap's.
    kappa: float | None
    interval: Bounds | None
    outcomes: list[OutcomeCount]

    @property
    def agreed(self) -> int:
        return sum(person.agreed for person in self.people)

    @property
    def answers(self) -> int:
        return sum(person.count for person in self.people)

    @property
    def is_small(self) -> bool:
        return len(self.people) < agreement.FEWEST_PEOPLE


def build_result(blind_check: BlindCheck, *, now: dt.datetime) -> RoundResult:
    """Return the result of a round as of now, in five queries whatever its size."""
    rows = list(blind_check.leads.order_by("position"))
    answers_of: dict[int, dict[int, bool]] = {}
    answers = BlindCheckAnswer.objects.filter(row__blind_check=blind_check).order_by("person_id")
    for person_id, row_id, is_qualified in answers.values_list("person_id", "row_id", "is_qualified"):
        answers_of.setdefault(person_id, {})[row_id] = is_qualified
    people = [
        _judge_person(person, rows, own_answers)
        for person, own_answers in answers_of.items()
        if len(own_answers) == len(rows)
    ]
    kappa, interval = _measure_agreement(rows, people, seed=blind_check.pk)
    outcomes = read_outcomes(blind_check, rows, now=now)
    return RoundResult(
        people=people,
        begun=len(answers_of) - len(people),
        leads=len(rows),
        meeting=sum(row.meets for row in rows),
        kappa=kappa,
        interval=interval,
        outcomes=[_count_outcome(outcome, rows, outcomes, people) for outcome in LaterOutcome],
    )


def read_outcomes(
    blind_check: BlindCheck, rows: Sequence[BlindCheckLead], *, now: dt.datetime
) -> dict[int, LaterOutcome]:
    """Return what became of each lead in the motion of the version, by the id of the row."""
    at_of = {row.lead_id: row.at for row in rows}
    changes = StageChange.objects.filter(lead__in=at_of, motion=blind_check.version.definition.motion, at__lte=now)
    won = Outcome.objects.effective().filter(lead__in=at_of, kind=OutcomeKind.WON, at__lte=now)
    reached: dict[int, set[LaterOutcome]] = {}
    for lead_id, at in won.values_list("lead_id", "at"):
        if at > at_of[lead_id]:
            reached.setdefault(lead_id, set()).add(LaterOutcome.WON)
    for lead_id, before, after, at, by in changes.values_list("lead_id", "from_stage", "to_stage", "at", "by"):
        if at >= at_of[lead_id] and (outcome := _outcome_of_change(before, after, is_by_person=by is not None)):
            reached.setdefault(lead_id, set()).add(outcome)
    return {
        row.pk: next(
            outcome for outcome in LaterOutcome if outcome in reached.get(row.lead_id, {LaterOutcome.UNDECIDED})
        )
        for row in rows
    }


def _outcome_of_change(before: str, after: str, *, is_by_person: bool) -> LaterOutcome | None:
    if after == Stage.WON:
        return LaterOutcome.WON
    if after in (Stage.SAL, Stage.SQL, Stage.OPPORTUNITY):
        return LaterOutcome.ACCEPTED
    # What Accord itself took back was no decision of sales.
    is_back = is_by_person and after in (Stage.NURTURE, Stage.DISQUALIFIED, Stage.MAL)
    return LaterOutcome.REJECTED if before in (Stage.MQL, Stage.SAL) and is_back else None


def _judge_person(person_id: int, rows: Sequence[BlindCheckLead], own_answers: Mapping[int, bool]) -> PersonResult:
    own, rule = [own_answers[row.pk] for row in rows], [row.meets for row in rows]
    return PersonResult(
        person_id, own_answers, agreement.count_agreements(own, rule), agreement.cohens_kappa(own, rule)
    )


def _measure_agreement(
    rows: Sequence[BlindCheckLead], people: Sequence[PersonResult], *, seed: int
) -> tuple[float | None, Bounds | None]:
    columns = [[person.answers[row.pk] for row in rows] for person in people]
    if len(columns) < agreement.FEWEST_PEOPLE:
        return (agreement.cohens_kappa(*columns), None) if len(columns) > 1 else (None, None)
    answers = np.array(columns, dtype=np.bool_).T
    return agreement.fleiss_kappa(answers), agreement.fleiss_interval(answers, seed=seed)


def _count_outcome(
    outcome: LaterOutcome,
    rows: Sequence[BlindCheckLead],
    outcomes: Mapping[int, LaterOutcome],
    people: Sequence[PersonResult],
) -> OutcomeCount:
    chosen = [row for row in rows if outcomes[row.pk] == outcome]
    return OutcomeCount(
        outcome=outcome,
        leads=len(chosen),
        meeting=sum(row.meets for row in chosen),
        yes=sum(person.answers[row.pk] for person in people for row in chosen),
        answers=len(chosen) * len(people),
    )
