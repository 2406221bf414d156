"""The steps of people in a weekly meeting: note, decide, settle decisions, and close it (rules 12.59 to 12.61)."""

from __future__ import annotations

import datetime as dt
from typing import Final

import structlog
from django.db import transaction
from django.urls import reverse

from config import company_days, lock_waits
from config.accounts.models import User
from config.accounts.roles import holds
from config.accounts.vocabulary import Role
from config.calendar_periods import CalendarWeek
from leads.exceptions import Refused
from leads.vocabulary import READERS_OF_LEADS, Motion
from sla.models import MeetingDecision, MeetingNote, WeeklyMeeting
from sla.notifications import outbox
from sla.notifications.outbox import NoticeDraft
from sla.reports import meeting_report
from sla.reports.framework import frozen_report
from sla.vocabulary import MeetingDecisionState, NoticeKind

log = structlog.get_logger(__name__)

#: Whoever writes notes and decisions; executives read.
WRITERS: Final = (Role.MARKETING_OPS, Role.MARKETING_LEADER, Role.SALES_LEADER, Role.SALES_MANAGER)
#: Whoever closes a meeting.
CLOSERS: Final = (Role.MARKETING_OPS, Role.MARKETING_LEADER, Role.SALES_LEADER)


class MeetingRefused(Exception):
    """A step that the meeting does not allow; the sentence says why."""


class MeetingClosed(MeetingRefused):
    """A step in a meeting that somebody has closed; the sentence says who and when."""

    def __init__(self, meeting: WeeklyMeeting, closed_at: dt.datetime) -> None:
        day = f"{company_days.day_of(closed_at):%-d %B %Y}"
        super().__init__(f"{meeting.closed_by} closed this meeting on {day}; its record stays as it is.")


class DecisionSettled(MeetingRefused):
    """A decision that somebody settled before; the sentence says who, when and how."""

    def __init__(self, decision: MeetingDecision, settled_at: dt.datetime) -> None:
        day = f"{company_days.day_of(settled_at):%-d %B %Y}"
        super().__init__(f"{decision.settled_by} marked this decision as {decision.state} on {day}.")


def may_write(user: User) -> bool:
    return holds(user, *WRITERS)


def may_close(user: User) -> bool:
    return holds(user, *CLOSERS)


def may_settle(user: User, decision: MeetingDecision) -> bool:
    """Say whether a person may mark a decision as done or dropped: its owner, or whoever closes meetings."""
    return (user.is_active and decision.owner_id == user.pk) or may_close(user)


@transaction.atomic
def write_note(*, meeting: WeeklyMeeting, text: str, by: User, now: dt.datetime) -> MeetingNote:
    """Write a note. Raises MeetingRefused, Refused, RowContended."""
    _require(may_write(by), "Only leaders, sales managers and marketing ops write in a meeting.")
    open_meeting = _lock_open(meeting)
    return MeetingNote.objects.create(meeting=open_meeting, text=_require_text("text", text), by=by, at=now)


@transaction.atomic
def take_decision(  # each is a field of the page
    *, meeting: WeeklyMeeting, text: str, owner: User, due_on: dt.date, by: User, now: dt.datetime
) -> MeetingDecision:
    """Write down a decision with its owner and its date. Raises MeetingRefused, Refused, RowContended."""
    _require(may_write(by), "Only leaders, sales managers and marketing ops write in a meeting.")
    open_meeting = _lock_open(meeting)
    if not holds(owner, *READERS_OF_LEADS):
        raise Refused("owner", "must be an active person who may read the meeting.")
    if due_on < company_days.day_of(now):
        raise Refused("due_on", "lies in the past.")
    return MeetingDecision.objects.create(
        meeting=open_meeting, text=_require_text("text", text), owner=owner, due_on=due_on, by=by, at=now
    )


@transaction.atomic
def settle_decision(
    *, decision: MeetingDecision, state: MeetingDecisionState, outcome: str, by: User, now: dt.datetime
) -> MeetingDecision:
    """Mark a decision as done, or as dropped for a reason; also after its meeting. Raises MeetingRefused, Refused, RowContended."""
    with lock_waits.limit_lock_waits():
        locked = MeetingDecision.objects.select_for_update(of=("self",), no_key=True).get(pk=decision.pk)
    _require(may_settle(by, locked), f"Only {locked.owner}, the leaders and marketing ops can settle this decision.")
    if locked.settled_at is not None:
        raise DecisionSettled(locked, locked.settled_at)
    if state == MeetingDecisionState.OPEN:
        raise Refused("state", "must be done or dropped.")
    text = outcome.strip()
    if state == MeetingDecisionState.DROPPED and not text:
        raise Refused("outcome", "is required for a dropped decision: say why.")
    locked.state, locked.outcome, locked.settled_by, locked.settled_at = state, text, by, now
    locked.save(update_fields=["state", "outcome", "settled_by", "settled_at"])
    return locked


@transaction.atomic
def close_meeting(*, meeting: WeeklyMeeting, by: User, now: dt.datetime) -> WeeklyMeeting:
    """Freeze the report as it stands, and send the meeting to both sides. Raises MeetingRefused, RowContended.

    1. Lock the meeting: whoever still writes waits, and is refused.
    2. Build the report from the rows and freeze it, without names of leads.
    3. Write a notice to everybody who may read the meeting.
    """
    _require(may_close(by), "Only the leaders and marketing ops close a meeting.")
    # 1.
    locked = _lock_open(meeting)
    # 2.
    motion, week = Motion(locked.motion), CalendarWeek(locked.week, locked.start, locked.end)
    report = meeting_report.build_live(motion, week, meeting=locked, now=now)
    locked.report, locked.closed_at, locked.closed_by = frozen_report.freeze(report), now, by
    locked.save(update_fields=["report", "closed_at", "closed_by"])
    # 3.
    outbox.write_notices([_draft_notice(locked, report.headline, by, now)])
    log.info("meeting_closed", meeting=locked.pk, by=by.pk)
    return locked


def address_of(motion: str, week: str) -> str:
    return f"{reverse('meeting')}?motion={motion}&week={week}"


def _draft_notice(meeting: WeeklyMeeting, headline: str, by: User, now: dt.datetime) -> NoticeDraft:
    count = meeting.decisions.count()
    decisions = f"{count:,} decision{'' if count == 1 else 's'}"
    return NoticeDraft(
        kind=NoticeKind.MEETING,
        once=f"meeting:{meeting.pk}",
        handoff=None,
        to=[person for person in outbox.role_holders(*READERS_OF_LEADS) if person.pk != by.pk],
        text=f"{by} closed the {meeting.motion.upper()} meeting of {meeting.week} with {decisions}. {headline}",
        at=now,
        path=address_of(meeting.motion, meeting.week),
    )


def _lock_open(meeting: WeeklyMeeting) -> WeeklyMeeting:
    with lock_waits.limit_lock_waits():
        locked = WeeklyMeeting.objects.select_for_update(of=("self",), no_key=True).get(pk=meeting.pk)
    if locked.closed_at is not None:
        raise MeetingClosed(locked, locked.closed_at)
    return locked


def _require(allowed: bool, sentence: str) -> None:
    if not allowed:
        raise MeetingRefused(sentence)


def _require_text(field: str, text: str) -> str:
    if not text.strip():
        raise Refused(field, "is required.")
    return text.strip()
