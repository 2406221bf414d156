"""The record of a weekly meeting as sections of its report: decisions before, notes and decisions (rules 12.60, 12.61)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Final

from django.db.models import Q, QuerySet

from config import company_days
from config.calendar_periods import CalendarWeek
from leads.vocabulary import Motion
from sla.models import MeetingDecision, MeetingNote, WeeklyMeeting
from sla.reports.framework.report_shape import ReportCell, ReportColumn, ReportRow, ReportSection, ReportTable
from sla.vocabulary import MeetingDecisionState

EARLIER: Final = "earlier_decisions"
DECISIONS: Final = "decisions"
NOTES: Final = "notes"
#: The sections that the page of a meeting shows with their forms instead of as tables.
RECORD_SECTIONS: Final = (EARLIER, DECISIONS, NOTES)
_DECISION_COLUMNS: Final = (
    ReportColumn("owner", "Owner"),
    ReportColumn("due", "Due"),
    ReportColumn("state", "State"),
    ReportColumn("outcome", "What became of it"),
    ReportColumn("by", "Noted by"),
)


def build_sections(motion: Motion, week: CalendarWeek, meeting: WeeklyMeeting | None) -> tuple[ReportSection, ...]:
    """Build what became of earlier decisions, and the notes and decisions of this meeting."""
    decisions = () if meeting is None else list_decisions(meeting)
    notes = () if meeting is None else list_notes(meeting)
    earlier = list_earlier_decisions(motion, week)
    return (
        _decision_section(EARLIER, "Decisions of last meeting and those still open", earlier),
        _decision_section(DECISIONS, "Decisions", decisions),
        ReportSection(NOTES, "Notes", table=_note_table(notes)),
    )


def list_decisions(meeting: WeeklyMeeting) -> QuerySet[MeetingDecision]:
    return meeting.decisions.select_related("owner", "by", "settled_by").order_by("pk")


def list_notes(meeting: WeeklyMeeting) -> QuerySet[MeetingNote]:
    return meeting.notes.select_related("by").order_by("pk")


def list_earlier_decisions(motion: Motion, week: CalendarWeek) -> QuerySet[MeetingDecision]:
    """Return the decisions of the meeting before, and those of older meetings that were still open when the week ended."""
    earlier = WeeklyMeeting.objects.filter(motion=motion, start__lt=week.start).order_by("-start")
    last = earlier.values("pk")[:1]
    still_open = Q(state=MeetingDecisionState.OPEN) | Q(settled_at__gte=week.end)
    rows = MeetingDecision.objects.filter(meeting__motion=motion, meeting__start__lt=week.start)
    rows = rows.filter(Q(meeting__in=last) | still_open)
    return rows.select_related("owner", "by", "settled_by", "meeting").order_by("meeting__start", "pk")


def _decision_section(key: str, title: str, decisions: Iterable[MeetingDecision]) -> ReportSection:
    rows = tuple(_decision_row(row) for row in decisions)
    done_count = sum(row.cells[2].value == MeetingDecisionState.DONE.label for row in rows)
    headline = f"{done_count:,} of {len(rows):,} are done." if rows and key == EARLIER else ""
    return ReportSection(key, title, headline, table=ReportTable(key, title, "Decision", _DECISION_COLUMNS, rows))


def _decision_row(row: MeetingDecision) -> ReportRow:
    cells: tuple[str | dt.date, ...] = (
        str(row.owner), row.due_on, str(row.get_state_display()), row.outcome, str(row.by),
    )  # fmt: skip
    return ReportRow(str(row.pk), row.text, tuple(map(ReportCell, cells)))


def _note_table(notes: Iterable[MeetingNote]) -> ReportTable:
    columns = (ReportColumn("by", "By"), ReportColumn("at", "When"))
    rows = tuple(
        ReportRow(str(note.pk), note.text, (ReportCell(str(note.by)), ReportCell(company_days.day_of(note.at))))
        for note in notes
    )
    return ReportTable(NOTES, "Notes of the meeting", "Note", columns, rows)
