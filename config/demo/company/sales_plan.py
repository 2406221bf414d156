"""What the reps make of a lead: their calls, their word, the deal. Pure: a plan of dated steps for one handoff."""

from __future__ import annotations

import datetime as dt
import random
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from config.demo.company import names_and_places
from config.demo.company.visits import draw_chance
from sla.business_time import arithmetic
from sla.business_time.arithmetic import Calendar

_DAY = dt.timedelta(days=1)
_MINUTE = dt.timedelta(minutes=1)

#: Of the handoffs decided in a month (rules 8.8: 20 to 30 % is healthy, above 35 % calls for a review).
REJECTED_AT_FIRST: Final = 0.27
REJECTED_IN_THE_BAD_MONTH: Final = 0.415
REJECTED_AT_LAST: Final = 0.23
#: Of those accepted, which makes 15 to 20 % of all handoffs (rules 8.8).
SQL: Final = 0.25
LATE_CONTACT: Final = 0.13
LATE_WORD: Final = 0.09
BECOMES_OPPORTUNITY: Final = 0.8
WON: Final = 0.34


class SalesAction(StrEnum):
    ATTEMPT = "attempt"
    ACCEPT = "accept"
    REJECT = "reject"
    MEETING = "meeting"
    QUALIFY = "qualify"
    OPPORTUNITY = "opportunity"
    WIN = "win"
    LOSE = "lose"
    REASSIGN = "reassign"


@dataclass(frozen=True, slots=True)
class PlannedAction:
    at: dt.datetime
    verb: SalesAction
    with_: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AssignedLead:
    """A handoff in a rep's hands, as far as the story asks. `hours` are those in which the rep really works."""

    tier: int
    source: str
    cue: str
    employees: int
    assigned_at: dt.datetime
    hours: Calendar


@dataclass(slots=True)
class SteadyShare:
    """A coin that remembers: the share of its yeses stays close to what it was asked for, on small numbers too."""

    rng: random.Random
    owed: float = 0.0

    def says(self, share: float, leaning: float = 1.0) -> bool:
        chance = share * leaning + self.owed * 0.6
        answer = self.rng.random() < chance
        self.owed += share - answer
        return answer


#: A pack of reasons, dealt until it is empty: so each of them turns up in a small example, too.
_REASONS: Final = (
    *("not_interested", "bad_timing") * 5,
    *("wrong_persona", "wrong_company_profile") * 3,
    *("has_solution", "no_budget_authority") * 2,
    *("couldnt_reach", "competitor_selected", "existing_customer", "competitor_student_spam"),
)
_REASONS_OF_READERS: Final = {
    "not_interested": 62, "wrong_persona": 18, "bad_timing": 10, "no_budget_authority": 6, "wrong_company_profile": 4,
}  # fmt: skip
_NOTES: Final = {
    "not_interested": ["Wanted the report for a presentation, nothing more.", "Reads everything, buys nothing.", ""],
    "bad_timing": ["Budget opens in the new fiscal year.", "ERP migration first, then planning.", "Call again after the peak season."],
    "wrong_persona": ["Works in IT, was asked to collect brochures.", "Left the planning team in spring.", ""],
    "wrong_company_profile": ["Trades services, holds no stock.", "One warehouse, twelve articles.", "Subsidiary; the parent decides."],
    "has_solution": ["Signed with another vendor in January, for two years.", "Built their own, and like it."],
    "no_budget_authority": ["Likes it, cannot sign anything.", "No budget line this year."],
    "couldnt_reach": ["Six tries by phone and mail, no answer."],
    "competitor_selected": ["Chose Planwise last month."],
    "existing_customer": ["Their Dutch entity is a customer of ours."],
    "competitor_student_spam": ["Writes a thesis on forecasting."],
}  # fmt: skip
_RECYCLED: Final = frozenset({"bad_timing", "has_solution", "competitor_selected"})
_LOST: Final = (
    "Stayed with spreadsheets",
    "No project this year",
    "Chose Planwise",
    "Went quiet after the second call",
    "Budget was cut",
    "Price",
)
_PROBLEMS: Final = (
    "Forecast lives in eleven spreadsheets",
    "Stock-outs in the top hundred articles",
    "Plans once a month, wants to plan weekly",
)
_AUTHORITY: Final = (
    "Operations director decides, met on the second call",
    "COO signs, is in the loop",
    "Buying committee of three, all known",
)
_DEADLINES: Final = ("Live before the peak season", "Decision this quarter", "Contract of the old tool ends in June")
_TRIES: Final = (
    ("call", "no_answer"),
    ("email", "sent"),
    ("call", "left_message"),
    ("linkedin", "sent"),
    ("call", "no_answer"),
)


@dataclass(slots=True)
class SalesPlanner:
    """Plans each handoff when it reaches a rep, and keeps the year's rates near those of a healthy company."""

    rng: random.Random
    bad_month: dt.datetime
    new_version: dt.datetime
    sql: SteadyShare = field(init=False)
    late_contact: SteadyShare = field(init=False)
    late_word: SteadyShare = field(init=False)
    won: SteadyShare = field(init=False)
    rejected: dict[tuple[int, int], SteadyShare] = field(init=False)
    pack: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.sql, self.late_contact, self.late_word, self.won = (SteadyShare(self.rng) for _ in range(4))
        self.rejected = defaultdict(lambda: SteadyShare(self.rng))

    def plan(self, case: AssignedLead, now: dt.datetime) -> list[PlannedAction]:
        """In order of time; steps after `now` have not happened."""
        if case.cue:
            return list(self._cued(case, now))
        return sorted(self._usual(case), key=lambda step: step.at)

    def _cued(self, case: AssignedLead, now: dt.datetime) -> Iterator[PlannedAction]:
        """The closing scene; in it, everybody is called in time or not at all."""
        if case.cue == "untouched":
            return
        yield _try(case.assigned_at + (4 if case.tier == 1 else 21) * _MINUTE, 0)
        word_at = case.assigned_at + 130 * _MINUTE
        if case.cue == "sql":
            yield PlannedAction(word_at, SalesAction.ACCEPT)
            yield PlannedAction(case.assigned_at + 2.5 * _DAY, SalesAction.QUALIFY, self._answers())
        elif case.cue.startswith("back"):
            day = now.date() + (4 if case.cue == "back soon" else 0) * _DAY
            note = "Asked to be called again when the new budget is out."
            yield PlannedAction(word_at, SalesAction.REJECT, {"reason": "bad_timing", "note": note, "reengage_on": day})

    def _usual(self, case: AssignedLead) -> Iterator[PlannedAction]:
        first = self._first_contact(case)
        yield _try(first, 0)
        if first > _after(case, 180):
            yield PlannedAction(_after(case, 90), SalesAction.REASSIGN)
        word_at = self._word_at(case, first)
        if self._is_rejected(case, word_at):
            yield from self._reject(case, first, word_at)
            return
        yield PlannedAction(word_at, SalesAction.ACCEPT)
        appeal = names_and_places.SOURCES.get(case.source, (0, 1.0))[1] * (1.35 if case.tier == 1 else 0.9)
        if self.sql.says(SQL, appeal):
            yield from self._sell(case, word_at)
        else:
            yield from self._work_in_vain(case, word_at)

    def _first_contact(self, case: AssignedLead) -> dt.datetime:
        promised = 5 if case.tier == 1 else 30
        late = self.late_contact.says(LATE_CONTACT)
        share = self.rng.uniform(1.3, 9) if late else self.rng.triangular(0.12, 0.97, 0.4)
        return _after(case, share * promised)

    def _word_at(self, case: AssignedLead, first: dt.datetime) -> dt.datetime:
        if self.late_word.says(LATE_WORD):
            return self._days_later(case, case.assigned_at, self.rng.uniform(2, 4))
        thinking = self.rng.choice((2, 4, 9, 25)) + self.rng.random() * 240 * (case.tier > 1)
        return first + thinking * _MINUTE

    def _is_rejected(self, case: AssignedLead, at: dt.datetime) -> bool:
        month = (at.year, at.month)
        share = REJECTED_AT_FIRST if at < self.new_version else REJECTED_AT_LAST
        if month == (self.bad_month.year, self.bad_month.month):
            share = REJECTED_IN_THE_BAD_MONTH
        leaning = {1: 0.5, 2: 1.0, 3: 1.3}[case.tier] * (1.6 if case.source == names_and_places.SYNDICATION else 0.9)
        return self.rejected[month].says(share, leaning)

    def _reject(self, case: AssignedLead, first: dt.datetime, at: dt.datetime) -> Iterator[PlannedAction]:
        reason = self._reason(case)
        if reason == "couldnt_reach":
            at = max(at, first + 6 * 95 * _MINUTE)
            for number in range(1, 6):
                yield _try(first + (at - first) * number / 6, number)
        back_at = at + self.rng.choice((30, 60, 90, 90, 120, 180)) * _DAY
        day = back_at.date() if reason in _RECYCLED else None
        yield PlannedAction(
            at, SalesAction.REJECT, {"reason": reason, "note": self.rng.choice(_NOTES[reason]), "reengage_on": day}
        )

    def _reason(self, case: AssignedLead) -> str:
        if case.source == names_and_places.SYNDICATION:
            return self.rng.choices(list(_REASONS_OF_READERS), list(_REASONS_OF_READERS.values()))[0]
        if not self.pack:
            self.pack = self.rng.sample(_REASONS, len(_REASONS))
        return self.pack.pop()

    def _sell(self, case: AssignedLead, accepted: dt.datetime) -> Iterator[PlannedAction]:
        talked = self._days_later(case, accepted, self.rng.uniform(0.5, 3))
        yield _talk(talked)
        meeting = self._days_later(case, talked, self.rng.uniform(2, 7))
        yield PlannedAction(talked + 2 * _MINUTE, SalesAction.MEETING, {"at": meeting})
        sql = meeting + 50 * _MINUTE
        yield PlannedAction(sql, SalesAction.QUALIFY, self._answers())
        if draw_chance(self.rng, BECOMES_OPPORTUNITY):
            yield from self._negotiate(case, self._days_later(case, sql, self.rng.uniform(1, 9)))
        else:
            yield PlannedAction(
                self._days_later(case, sql, self.rng.uniform(8, 25)),
                SalesAction.LOSE,
                {"reason": self.rng.choice(_LOST)},
            )

    def _answers(self) -> dict[str, str]:
        answers = {
            "problem": _PROBLEMS,
            "budget": names_and_places.BUDGETS,
            "authority": _AUTHORITY,
            "timeline": _DEADLINES,
        }
        return {name: self.rng.choice(choices) for name, choices in answers.items()}

    def _negotiate(self, case: AssignedLead, opened: dt.datetime) -> Iterator[PlannedAction]:
        amount = round(min(18_000 + case.employees * self.rng.uniform(18, 60), 240_000), -2)
        yield PlannedAction(opened, SalesAction.OPPORTUNITY, {"amount": amount})
        closes = self._days_later(case, opened, self.rng.uniform(22, 85))
        if self.won.says(WON, names_and_places.SOURCES.get(case.source, (0, 1.0))[1]):
            yield PlannedAction(closes, SalesAction.WIN, {"amount": round(amount * self.rng.uniform(0.8, 1.05), -2)})
        else:
            yield PlannedAction(closes, SalesAction.LOSE, {"reason": self.rng.choice(_LOST)})

    def _work_in_vain(self, case: AssignedLead, accepted: dt.datetime) -> Iterator[PlannedAction]:
        at = accepted
        for number in range(1, self.rng.randint(3, 7)):
            at = self._days_later(case, at, self.rng.uniform(0.8, 4))
            yield _talk(at) if draw_chance(self.rng, 0.2) else _try(at, number)
        yield PlannedAction(
            self._days_later(case, at, self.rng.uniform(3, 16)), SalesAction.LOSE, {"reason": self.rng.choice(_LOST)}
        )

    def _days_later(self, case: AssignedLead, at: dt.datetime, days: float) -> dt.datetime:
        """So many days on, within the rep's working hours."""
        opens = arithmetic.next_open(case.hours, at + days * _DAY)
        return arithmetic.due(case.hours, opens, self.rng.uniform(60, 6 * 3600))


def _after(case: AssignedLead, minutes: float) -> dt.datetime:
    """After so many minutes of the rep's working time since the handoff arrived."""
    return arithmetic.due(case.hours, case.assigned_at, minutes * 60)


def _try(at: dt.datetime, number: int) -> PlannedAction:
    channel, outcome = _TRIES[number % len(_TRIES)]
    return PlannedAction(at, SalesAction.ATTEMPT, {"channel": channel, "outcome": outcome})


def _talk(at: dt.datetime) -> PlannedAction:
    return PlannedAction(
        at, SalesAction.ATTEMPT, {"channel": "call", "outcome": "connected", "note": "Good talk; knows the numbers."}
    )
