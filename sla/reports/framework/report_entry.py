"""An entry of the registry of reports: a name, its builder, who may read it, and the filters that it knows."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final, Protocol

from config.accounts.models import User
from config.accounts.roles import holds
from config.accounts.vocabulary import Role
from sla.reported_mqls import current_rows
from sla.reports.framework.figure_rows import FigureRows
from sla.reports.framework.report_query import ReportQuery
from sla.reports.framework.report_shape import Report

ALL_FILTERS: Final = ("team", "rep", "tier", "source", "campaign", "version")
EVERYBODY: Final = tuple(Role)


class ReportBuilder(Protocol):
    def __call__(self, query: ReportQuery, *, reader: User, now: dt.datetime) -> Report: ...


class RowLister(Protocol):
    def __call__(self, figure: str, query: ReportQuery, *, reader: User, now: dt.datetime) -> FigureRows | None: ...


@dataclass(frozen=True, slots=True)
class ReportEntry:
    """A report by its name in addresses, with its title in the menu, its builder, its readers and its filters.

    The report takes `own_parameters` beside the filters, and the question has them as `parameters`. `list_rows` gives the rows
    behind a figure of the report, None for a figure without such a list; the page of rows takes `row_parameters` likewise.
    `lead_sections` are the keys of sections that say something of single leads: a key without the scope `facts:read` gets none.
    """

    name: str
    title: str
    build: ReportBuilder
    readers: tuple[str, ...] = EVERYBODY
    filters: tuple[str, ...] = ALL_FILTERS
    own_parameters: tuple[str, ...] = ()
    list_rows: RowLister | None = None
    row_parameters: tuple[str, ...] = ()
    lead_sections: tuple[str, ...] = ()

    def build_current(self, query: ReportQuery, *, reader: User, now: dt.datetime) -> Report:
        """Build the report from renewed rows, with a note if more changed than a reader can wait for (rules 12.83)."""
        current_rows.renew()
        outdated = current_rows.count_outdated()
        report = self.build(query, reader=reader, now=now)
        if not outdated:
            return report
        leads = "lead" if outdated == 1 else "leads"
        note = f"{outdated:,} {leads} changed in the last minutes and count as they were before: look again in a few minutes."
        return replace(report, notes=(*report.notes, note))

    def is_open_to(self, reader: User) -> bool:
        return holds(reader, *self.readers)


class UnknownReport(Exception):
    """No report has this name; the sentence lists those that there are."""

    def __init__(self, name: str, names: Mapping[str, ReportEntry]) -> None:
        super().__init__(f"There is no report “{name}”. The reports are {', '.join(names)}.")
