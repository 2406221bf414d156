"""What a calendar and commitments mean for a lead that arrives at an instant: due when, and why (SPEC 6)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from sla.business_time import calendars
from sla.business_time.arithmetic import Calendar, NeverOpen, wall_to_instant
from sla.business_time.due_date_explanation import Reckoning, explain
from sla.commitments import commitments
from sla.models import Commitment

NEVER = "These hours never open again, so nothing would ever be due."


@dataclass(frozen=True, slots=True)
class Answer:
    """One promise on one lead. `reckoning` is None when the hours never open; then `problem` says so."""

    what: str
    promise: str
    reckoning: Reckoning | None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Arrival:
    """A lead that arrives `at`; the first answer is the one to read first."""

    title: str
    answers: tuple[Answer, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """The same lead under the commitments in force and under a draft."""

    before: Answer | None
    after: Answer


def terms_in_force() -> Commitment:
    """The commitments in force; the product's defaults before anything was agreed."""
    try:
        return commitments.current()
    except commitments.NotYetAgreed:
        return Commitment()


def of(calendar: Calendar, *, terms: Commitment, at: dt.datetime, title: str) -> Arrival:
    """A tier 2 lead's, then a tier 1 lead's first contact, then the decision."""
    return Arrival(title, _answers(calendar, terms, at))


def compared(
    calendar: Calendar, *, before: Commitment | None, after: Commitment, at: dt.datetime
) -> tuple[Comparison, ...]:
    """Each promise under both; nothing before when there is none in force."""
    now = _answers(calendar, after, at)
    then: Sequence[Answer | None] = (None,) * len(now) if before is None else _answers(calendar, before, at)
    return tuple(Comparison(*pair) for pair in zip(then, now, strict=True))


def instant(calendar: Calendar, wall: dt.datetime) -> dt.datetime:
    """The instant of a time typed as the wall clock of the calendar shows it."""
    return wall_to_instant(calendar.zone, wall)


def friday_afternoon(now: dt.datetime, zone: str) -> dt.datetime:
    """The coming Friday, 16:50 on the wall: what most people would ask first."""
    local = now.astimezone(ZoneInfo(zone))
    day = local.date() + dt.timedelta(days=(4 - local.weekday()) % 7)
    return dt.datetime.combine(day, dt.time(16, 50))


def _answers(calendar: Calendar, terms: Commitment, at: dt.datetime) -> tuple[Answer, ...]:
    days = calendars.whole_days(calendar)
    return (
        _answer(calendar, at, "A tier 2 lead", "first contact", terms.contact_minutes * 60),
        _answer(calendar, at, "A tier 1 lead", "first contact", terms.contact_minutes_tier_1 * 60),
        _answer(days, at, "Its decision", "accept or reject", terms.disposition_hours * 3600),
    )


def _answer(calendar: Calendar, at: dt.datetime, what: str, promise: str, seconds: int) -> Answer:
    try:
        return Answer(what, promise, explain(calendar, at, seconds))
    except NeverOpen:
        return Answer(what, promise, None, NEVER)
