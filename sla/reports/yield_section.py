"""The section of the SLA report on what reps made of what they were given, for those who may see them by name (rules 12.5)."""

from __future__ import annotations

from config.accounts.models import User
from leads.vocabulary import Motion
from scoring.backtests.intervals_and_tests import Sample
from sla.figure_catalogue.speed_figures import HANDED_OVER, MEETING_BOOKED, MEETING_TO_OPPORTUNITY
from sla.reports import play_reports, volume_and_yield
from sla.reports.framework import headlines, row_rights
from sla.reports.framework.report_query import ReportQuery
from sla.reports.framework.report_shape import ReportCell, ReportColumn, ReportRow, ReportSection, ReportTable
from sla.reports.volume_and_yield import RepYield
from sla.teams import people_groups


def build(query: ReportQuery, reader: User) -> ReportSection:
    """Build the yields of the reps whom the reader may see by name, the fewest meetings first."""
    named = people_groups.select_reps_by_name(reader).values("pk")
    handoffs = row_rights.select_handoffs(query, reader).filter(rep__in=named)
    start, end = query.period.start, query.period.end
    if query.motion == Motion.AQL:
        yields = play_reports.read_yields(handoffs, start=start, end=end)
    else:
        yields = volume_and_yield.read_yields(handoffs, motion=query.motion, start=start, end=end)
    name = query.motion.upper()
    columns = (
        ReportColumn("given", f"{name}s given", HANDED_OVER),
        ReportColumn("meeting", f"{name} to meeting", MEETING_BOOKED),
        ReportColumn("opportunity", "Meeting to opportunity", MEETING_TO_OPPORTUNITY),
    )
    rows = tuple(ReportRow(str(row.rep), row.name, _cells(row)) for row in yields)
    table = ReportTable("yield", f"From {name} to meeting", "Rep", columns, rows, worst_by="meeting")
    samples = [(row.name, Sample(row.meetings, row.assigned)) for row in yields]
    note = "Young ones have still to come this far. Opportunities are those of the person or company."
    headline = headlines.describe_worst(samples, f"{name} to meeting")
    return ReportSection("yield", f"From {name} to meeting", headline, table=table, notes=(note,))


def _cells(row: RepYield) -> tuple[ReportCell, ...]:
    return (
        ReportCell(row.assigned),
        ReportCell(Sample(row.meetings, row.assigned)),
        ReportCell(Sample(row.opened_after_meeting, row.meetings)),
    )
