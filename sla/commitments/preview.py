"""Previews of a calendar and commitments: when a lead's promises would be due, and why (rules 6.11 to 6.15)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from leads.vocabulary import Motion
from sla.business_time import calendars
from sla.business_time.arithmetic import Calendar, NeverOpen, wall_to_instant
from sla.business_time.due_date_explanation import DueDateExplanation, explain_due_date
from sla.commitments import commitments
from sla.models import Commitment

NEVER = "These hours never open again, so nothing would ever be due."


@dataclass(frozen=True, slots=True)
class PromisePreview:
    """A preview of one promise on one lead. If the hours never open, `explanation` is None and `problem` says so."""

    subject: str
    promise: str
    explanation: DueDateExplanation | None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class ArrivalPreview:
    """A lead that arrives at an instant; the first of `answers` is the most important one."""

    title: str
    answers: tuple[PromisePreview, ...]


@dataclass(frozen=True, slots=True)
class PreviewComparison:
    """A promise on the same lead under the commitments in force and under a draft."""

    before: PromisePreview | None
    after: PromisePreview


def terms_in_force(motion: Motion) -> Commitment:
    """Return the motion's commitments in force, or the product's defaults before anything was agreed about it."""
    try:
        return commitments.current_commitment(motion)
    except commitments.NotYetAgreed:
        return Commitment(motion=motion)


def preview_arrival(calendar: Calendar, *, terms: Commitment, at: dt.datetime, title: str) -> ArrivalPreview:
    """Preview the first contact of a tier 2 and of a tier 1 lead, then the decision."""
    return ArrivalPreview(title, _preview_promises(calendar, terms, at))


def compare_previews(
    calendar: Calendar, *, before: Commitment | None, after: Commitment, at: dt.datetime
) -> tuple[PreviewComparison, ...]:
    """Pair each promise's preview under both commitments; `before` is None when none are in force."""
    after_previews = _preview_promises(calendar, after, at)
    before_previews: Sequence[PromisePreview | None] = (
        (None,) * len(after_previews) if before is None else _preview_promises(calendar, before, at)
    )
    return tuple(PreviewComparison(*pair) for pair in zip(before_previews, after_previews, strict=True))


def instant_of_wall_time(calendar: Calendar, wall: dt.datetime) -> dt.datetime:
    """Return the instant of a time typed as the wall clock of the calendar shows it."""
    return wall_to_instant(calendar.zone, wall)


def friday_afternoon(now: dt.datetime, zone: str) -> dt.datetime:
    """Return the coming Friday, 16:50 on the wall clock: the example most people would ask about first."""
    local = now.astimezone(ZoneInfo(zone))
    day = local.date() + dt.timedelta(days=(4 - local.weekday()) % 7)
    return dt.datetime.combine(day, dt.time(16, 50))


def _preview_promises(calendar: Calendar, terms: Commitment, at: dt.datetime) -> tuple[PromisePreview, ...]:
    days = calendars.whole_days(calendar)
    return (
        _preview_promise(calendar, at, "A tier 2 lead", "first contact", terms.contact_minutes * 60),
        _preview_promise(calendar, at, "A tier 1 lead", "first contact", terms.contact_minutes_tier_1 * 60),
        _preview_promise(days, at, "Its decision", "accept or reject", terms.disposition_hours * 3600),
    )


def _preview_promise(calendar: Calendar, at: dt.datetime, subject: str, promise: str, seconds: int) -> PromisePreview:
    try:
        return PromisePreview(subject, promise, explain_due_date(calendar, at, seconds))
    except NeverOpen:
        return PromisePreview(subject, promise, None, NEVER)
