"""The routine of both sides of the example beside the leads: two meetings on record, the monthly question, the plan of an overhaul."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Callable, Iterator
from functools import partial
from typing import Final

from config.calendar_periods import CalendarMonth, CalendarWeek
from config.demo.company.lead_generator import YearDates
from config.demo.company.staff import Staff
from leads.vocabulary import Motion
from sla.models import MeetingDecision, Rep, SatisfactionQuestion, WeeklyMeeting
from sla.overhaul import plans
from sla.satisfaction import monthly_question
from sla.vocabulary import MeetingDecisionState
from sla.weekly_meetings import meeting_steps, preparation

_HOUR: Final = dt.timedelta(hours=1)
_DAY: Final = dt.timedelta(days=1)
_HELD: Final = 2
_SHARE_ANSWERING: Final = 0.85
_SHARE_WRITING: Final = 0.3
_MONTHS: Final = 5
_PLAN_BEFORE_VERSION: Final = dt.timedelta(days=20)
#: A note, and the decisions of each meeting as (what, who sees to it, in how many days).
_NOTES: Final = (
    "Sales reads three of the five as students who downloaded the price list.",
    "Webinar leads are contacted last; the team in Singapore asks for them a day earlier.",
)
_DECISIONS: Final = (
    (
        ("Ask for the employer on the price list form", "ops", 7),
        ("Call webinar leads on the day of the webinar", "manager", 7),
    ),
    (("Look at the rejections for “wrong company profile” of the last month together", "marketing_leader", 14),),
)
_SENTENCES: Final = ("Fewer students than before.", "Webinar leads answer.", "Too many price list downloads.")
_INTERVIEWS: Final = (
    ("Asked for a demo and named the warehouse that is to be planned.", "A student who wrote a thesis on logistics."),
    (
        "Three people of one company were in the same webinar.",
        "Downloaded the price list and had no budget for a year.",
    ),
    ("The head of supply chain wrote to us herself.", "A competitor with a private address."),
    ("Had read the case study of a company like theirs.", "The phone number was wrong and the mail bounced."),
    ("Asked when we could start.", "A reseller who wanted a list of our customers."),
)


def planned_routine(
    dates: YearDates, staff: Staff
) -> Iterator[tuple[dt.datetime, Callable[[dt.datetime], None], bool]]:
    """Yield instants, what happens then, and whether it reads handoffs: meetings of the last weeks, monthly questions, the plan."""
    yield dates.new_version - _PLAN_BEFORE_VERSION, partial(_begin_plan, staff), True
    for back in reversed(range(_MONTHS)):
        asked_at = CalendarMonth.containing(dates.now, months_back=back).start + 9 * _HOUR
        yield asked_at, lambda now: _ignore(monthly_question.ask_due(now=now)), False
        yield asked_at + 2 * _DAY, partial(_answer, dates), False
    for back in reversed(range(_HELD + 1)):
        monday = CalendarWeek.containing(dates.now, weeks_back=back).start + 6 * _HOUR
        yield monday, lambda now: _ignore(preparation.prepare_due(now=now)), True
        if back:
            yield monday + _DAY + 3 * _HOUR, partial(_hold_meeting, staff, _HELD - back), True


def _ignore(_count: int) -> None:
    return None


def _hold_meeting(staff: Staff, place: int, now: dt.datetime) -> None:
    """Hold the meeting that was prepared yesterday: settle what is done, write a note and decisions, close it."""
    meeting = WeeklyMeeting.objects.filter(motion=Motion.MQL, closed_at__isnull=True).order_by("-start").first()
    if meeting is None:
        return
    for decision in MeetingDecision.objects.filter(state=MeetingDecisionState.OPEN).order_by("pk")[:1]:
        meeting_steps.settle_decision(
            decision=decision, state=MeetingDecisionState.DONE, outcome="The form asks for it.", by=staff.ops, now=now
        )
    meeting_steps.write_note(meeting=meeting, text=_NOTES[place], by=staff.sales_leader, now=now)
    for text, owner, days in _DECISIONS[place]:
        meeting_steps.take_decision(
            meeting=meeting,
            text=text,
            owner=getattr(staff, owner),
            due_on=now.date() + days * _DAY,
            by=staff.ops,
            now=now,
        )
    meeting_steps.close_meeting(meeting=meeting, by=staff.marketing_leader, now=now)


def _answer(dates: YearDates, now: dt.datetime) -> None:
    """Have most of sales answer the month's question: less satisfied until the new version is in force."""
    month = CalendarMonth.containing(now)
    rng = random.Random(f"satisfaction {month.name}")  # noqa: S311  # an example, not a secret
    scores = (3, 4, 4, 5) if now > dates.new_version else (2, 2, 3, 4)
    for question in SatisfactionQuestion.objects.filter(month=month.name).order_by("pk"):
        if rng.random() < _SHARE_ANSWERING:
            sentence = rng.choice(_SENTENCES) if rng.random() < _SHARE_WRITING else ""
            monthly_question.answer(question=question, score=rng.choice(scores), sentence=sentence, now=now)


def _begin_plan(staff: Staff, now: dt.datetime) -> None:
    """Begin the plan of the overhaul that the new version came from, with its interviews."""
    plan = plans.start_plan(motion=Motion.MQL, by=staff.marketing_leader, now=now)
    reps = Rep.objects.select_related("user").order_by("pk")[: len(_INTERVIEWS)]
    for rep, (good, bad) in zip(reps, _INTERVIEWS, strict=False):
        plans.record_interview(plan=plan, rep=rep.user, good_lead=good, bad_lead=bad, by=staff.manager, now=now)
    plans.tick_step(plan=plan, step="sources", note="Fairs bring many leads and few deals.", by=staff.ops, now=now)
