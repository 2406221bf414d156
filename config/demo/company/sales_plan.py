"""The planned actions of reps on one handoff: calls, the decision, the deal. Draws them without a database."""

from __future__ import annotations

import datetime as dt
import random
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from config.demo.company import names_and_places
from config.demo.company.visits import draw_bool
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
LATE_DECISION: Final = 0.09
BECOMES_OPPORTUNITY: Final = 0.95
#: Of the opportunities: more than most companies win, so that half a year has the twenty wins of a verdict (rules 10.4).
WON: Final = 0.65


class SalesAction(StrEnum):
    """The actions of reps, and of managers, on a handoff."""

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
    """An action with its instant and with what it needs, such as the reason of a rejection."""

    at: dt.datetime
    kind: SalesAction
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AssignedLead:
    """A handoff that came to a rep, as far as the plan needs it; `hours` are those in which the rep works.

    A lead that `asks_again` makes a request later in the year.
    """

    tier: int
    source: str
    cue: str
    employees: int
    assigned_at: dt.datetime
    hours: Calendar
    asks_again: bool = False


@dataclass(slots=True)
class SteadyShare:
    """A random draw that keeps the share of True close to the one that is wanted, on small numbers too."""

    rng: random.Random
    owed: float = 0.0

    def draw(self, share: float, factor: float = 1.0) -> bool:
        """Draw True with a probability near `share`, times a factor that does not move the share over all draws."""
        # What earlier draws owe to their shares is added to the chance, damped so that the draws still look random.
        chance = share * factor + self.owed * 0.6
        is_true = self.rng.random() < chance
        self.owed += share - is_true
        return is_true


#: The reasons of rejections, each as often as its share: they are drawn without replacement, so that a small example
#: has all of them.
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
#: What was the matter with leads that could not be reached.
_UNREACHED: Final = ("no_answer", "bounced", "no_answer", "bad_number", "left_company")
_RECYCLED: Final = frozenset({"bad_timing", "has_solution", "competitor_selected"})
#: Reasons that close a lead. Nobody gives them to one that asks for sales again later: it would come back that day.
_CLOSING: Final = frozenset({"wrong_company_profile", "existing_customer", "competitor_student_spam"})
#: Reasons that a rep sees on the page of the lead, so that nobody calls first.
_SEEN_WITHOUT_A_CALL: Final = frozenset({"existing_customer", "competitor_student_spam"})
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
    """The planner of reps' actions, which keeps the rates of the year near those of a healthy company (rules 8.8)."""

    rng: random.Random
    bad_month: dt.datetime
    new_version: dt.datetime
    becomes_sql: SteadyShare = field(init=False)
    late_contact: SteadyShare = field(init=False)
    late_decision: SteadyShare = field(init=False)
    won: SteadyShare = field(init=False)
    rejected: dict[tuple[int, int], SteadyShare] = field(init=False)
    reasons: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.becomes_sql, self.late_contact, self.late_decision, self.won = (SteadyShare(self.rng) for _ in range(4))
        self.rejected = defaultdict(lambda: SteadyShare(self.rng))

    def plan(self, lead: AssignedLead, now: dt.datetime) -> list[PlannedAction]:
        """Return the actions on a handoff in order of time; those after `now`, where the year ends, do not happen."""
        if lead.cue:
            return list(self._scripted_actions(lead, now))
        return sorted(self._drawn_actions(lead), key=lambda action: action.at)

    def _scripted_actions(self, lead: AssignedLead, now: dt.datetime) -> Iterator[PlannedAction]:
        """Yield the actions on a scripted lead, who is called in time or not at all."""
        if lead.cue == "untouched":
            return
        yield _attempt(lead.assigned_at + (4 if lead.tier == 1 else 21) * _MINUTE, 0)
        decided_at = lead.assigned_at + 130 * _MINUTE
        if lead.cue == "sql":
            yield PlannedAction(decided_at, SalesAction.ACCEPT)
            yield PlannedAction(lead.assigned_at + 2.5 * _DAY, SalesAction.QUALIFY, self._answers())
        elif lead.cue.startswith("back"):
            day = now.date() + (4 if lead.cue == "back soon" else 0) * _DAY
            note = "Asked to be called again when the new budget is out."
            yield PlannedAction(
                decided_at, SalesAction.REJECT, {"reason": "bad_timing", "note": note, "reengage_on": day}
            )

    def _drawn_actions(self, lead: AssignedLead) -> Iterator[PlannedAction]:
        first = self._first_contact(lead)
        if first > _working_minutes_after(lead, 180):
            yield PlannedAction(_working_minutes_after(lead, 90), SalesAction.REASSIGN)
        decided_at = self._decision_time(lead, first)
        if self._draw_rejection(lead, decided_at):
            yield from self._reject(lead, first, decided_at)
            return
        yield _attempt(first, 0)
        yield PlannedAction(decided_at, SalesAction.ACCEPT)
        appeal = names_and_places.SOURCES.get(lead.source, (0, 1.0))[1] * (1.35 if lead.tier == 1 else 0.9)
        if self.becomes_sql.draw(SQL, appeal):
            yield from self._sell(lead, decided_at)
        else:
            yield from self._follow_up_and_lose(lead, decided_at)

    def _first_contact(self, lead: AssignedLead) -> dt.datetime:
        target = 5 if lead.tier == 1 else 30
        late = self.late_contact.draw(LATE_CONTACT)
        share = self.rng.uniform(1.3, 9) if late else self.rng.triangular(0.12, 0.97, 0.4)
        return _working_minutes_after(lead, share * target)

    def _decision_time(self, lead: AssignedLead, first: dt.datetime) -> dt.datetime:
        if self.late_decision.draw(LATE_DECISION):
            return self._days_later(lead, lead.assigned_at, self.rng.uniform(2, 4))
        minutes = self.rng.choice((2, 4, 9, 25)) + self.rng.random() * 240 * (lead.tier > 1)
        return first + minutes * _MINUTE

    def _draw_rejection(self, lead: AssignedLead, at: dt.datetime) -> bool:
        month = (at.year, at.month)
        share = REJECTED_AT_FIRST if at < self.new_version else REJECTED_AT_LAST
        if month == (self.bad_month.year, self.bad_month.month):
            share = REJECTED_IN_THE_BAD_MONTH
        factor = {1: 0.5, 2: 1.0, 3: 1.3}[lead.tier] * (1.6 if lead.source == names_and_places.SYNDICATION else 0.9)
        return self.rejected[month].draw(share, factor)

    def _reject(self, lead: AssignedLead, first: dt.datetime, at: dt.datetime) -> Iterator[PlannedAction]:
        reason = self._reason(lead)
        if reason in _SEEN_WITHOUT_A_CALL:
            at = first
        else:
            yield _attempt(first, 0)
        if reason == "couldnt_reach":
            tried_at = first
            for number in range(1, 6):
                tried_at = _next_working_day(lead, tried_at, hours=1 + number % 3)
                yield _attempt(tried_at, number)
            at = max(at, tried_at + 30 * _MINUTE)
        reengage_at = at + self.rng.choice((30, 60, 90, 90, 120, 180)) * _DAY
        day = reengage_at.date() if reason in _RECYCLED else None
        details = {"reason": reason, "note": self.rng.choice(_NOTES[reason]), "reengage_on": day}
        if reason == "couldnt_reach":
            details["sub_reason"] = _UNREACHED[lead.employees % len(_UNREACHED)]
        yield PlannedAction(at, SalesAction.REJECT, details)

    def _reason(self, lead: AssignedLead) -> str:
        excluded = _CLOSING if lead.asks_again else frozenset()
        if lead.source == names_and_places.SYNDICATION:
            shares = {reason: share for reason, share in _REASONS_OF_READERS.items() if reason not in excluded}
            return self.rng.choices(list(shares), list(shares.values()))[0]
        if not set(self.reasons) - excluded:
            self.reasons += self.rng.sample(_REASONS, len(_REASONS))
        last = max(place for place, reason in enumerate(self.reasons) if reason not in excluded)
        return self.reasons.pop(last)

    def _sell(self, lead: AssignedLead, accepted_at: dt.datetime) -> Iterator[PlannedAction]:
        talked_at = self._days_later(lead, accepted_at, self.rng.uniform(0.5, 3))
        yield _conversation(talked_at)
        meeting = self._days_later(lead, talked_at, self.rng.uniform(2, 7))
        yield PlannedAction(talked_at + 2 * _MINUTE, SalesAction.MEETING, {"at": meeting})
        qualified_at = meeting + 50 * _MINUTE
        yield PlannedAction(qualified_at, SalesAction.QUALIFY, self._answers())
        if draw_bool(self.rng, BECOMES_OPPORTUNITY):
            yield from self._negotiate(lead, self._days_later(lead, qualified_at, self.rng.uniform(1, 9)))
        else:
            yield PlannedAction(
                self._days_later(lead, qualified_at, self.rng.uniform(8, 25)),
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

    def _negotiate(self, lead: AssignedLead, opened: dt.datetime) -> Iterator[PlannedAction]:
        amount = round(min(18_000 + lead.employees * self.rng.uniform(18, 60), 240_000), -2)
        yield PlannedAction(opened, SalesAction.OPPORTUNITY, {"amount": amount})
        closes = self._days_later(lead, opened, self.rng.uniform(20, 75))
        if self.won.draw(WON, names_and_places.SOURCES.get(lead.source, (0, 1.0))[1]):
            yield PlannedAction(closes, SalesAction.WIN, {"amount": round(amount * self.rng.uniform(0.8, 1.05), -2)})
        else:
            yield PlannedAction(closes, SalesAction.LOSE, {"reason": self.rng.choice(_LOST)})

    def _follow_up_and_lose(self, lead: AssignedLead, accepted_at: dt.datetime) -> Iterator[PlannedAction]:
        at = accepted_at
        for number in range(1, self.rng.randint(3, 7)):
            at = self._days_later(lead, at, self.rng.uniform(0.8, 4))
            yield _conversation(at) if draw_bool(self.rng, 0.2) else _attempt(at, number)
        yield PlannedAction(
            self._days_later(lead, at, self.rng.uniform(3, 16)), SalesAction.LOSE, {"reason": self.rng.choice(_LOST)}
        )

    def _days_later(self, lead: AssignedLead, at: dt.datetime, days: float) -> dt.datetime:
        """Return an instant so many days later, within the rep's working hours."""
        opens = arithmetic.next_open(lead.hours, at + days * _DAY)
        return arithmetic.due_at(lead.hours, opens, self.rng.uniform(60, 6 * 3600))


def _next_working_day(lead: AssignedLead, at: dt.datetime, *, hours: int) -> dt.datetime:
    """Return an instant of the rep's next working day, so many working hours after it opens."""
    return arithmetic.due_at(lead.hours, arithmetic.next_open(lead.hours, at + _DAY), hours * 3600)


def _working_minutes_after(lead: AssignedLead, minutes: float) -> dt.datetime:
    """Return the instant after so many minutes of the rep's working time since the handoff was assigned."""
    return arithmetic.due_at(lead.hours, lead.assigned_at, minutes * 60)


def _attempt(at: dt.datetime, number: int) -> PlannedAction:
    channel, outcome = _TRIES[number % len(_TRIES)]
    return PlannedAction(at, SalesAction.ATTEMPT, {"channel": channel, "outcome": outcome})


def _conversation(at: dt.datetime) -> PlannedAction:
    return PlannedAction(
        at, SalesAction.ATTEMPT, {"channel": "call", "outcome": "connected", "note": "Good talk; knows the numbers."}
    )
