"""The registry of reports: every report that is built, by its name in addresses. Menu, pages, files and API read it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from config.accounts.models import User
from sla.reports import (
    content_report,
    data_health_report,
    diagnosis_report,
    forecast_report,
    funnel_report,
    meeting_report,
    rejections_report,
    sla_report,
    sources_report,
    speed_report,
    versions_report,
)
from sla.reports.framework.report_entry import ReportEntry, UnknownReport

REPORTS: Final[Mapping[str, ReportEntry]] = {
    entry.name: entry
    for entry in (
        sla_report.ENTRY,
        funnel_report.ENTRY,
        rejections_report.ENTRY,
        speed_report.ENTRY,
        sources_report.ENTRY,
        content_report.ENTRY,
        forecast_report.ENTRY,
        versions_report.ENTRY,
        data_health_report.ENTRY,
        diagnosis_report.ENTRY,
        meeting_report.ENTRY,
    )
}


def find_report(name: str) -> ReportEntry:
    """Return the entry of a report. Raises UnknownReport with a sentence that lists the names."""
    entry = REPORTS.get(name)
    if entry is None:
        raise UnknownReport(name, REPORTS)
    return entry


def list_reports(reader: User) -> list[ReportEntry]:
    """Return the reports that the reader may open, in the order of the menu."""
    return [entry for entry in REPORTS.values() if entry.is_open_to(reader)]
