"""The report of rejections: rate by month with its line, reasons, families, work, and who let them in (rules 12.42 to 12.44)."""

from __future__ import annotations

import datetime as dt
from typing import Any, Final

from django.db.models import OuterRef, QuerySet, Subquery
from django.urls import reverse

from config.accounts.models import User
from config.accounts.roles import holds
from config.accounts.vocabulary import Role
from definitions.models import Version
from leads.models import PastDisposition
from leads.vocabulary import Motion, PastDecision
from sla import permissions
from sla.figure_catalogue.catalogue import REJECTION
from sla.figure_catalogue.rejection_figures import (
    ATTEMPTS_ON_REJECTED,
    ATTEMPTS_SHARE,
    DECIDED,
    MINUTES_ON_REJECTED,
    REJECTED_UNCONTACTED,
    TIME_TO_REJECTION,
)
from sla.models import Disposition, RejectionDigest
from sla.reports import (
    rejection_decisions,
    rejection_digests,
    rejection_families,
    rejection_groups,
    rejection_tables,
    rejection_work,
    sla_report,
)
from sla.reports.framework import row_rights
from sla.reports.framework.figure_rows import FigureRow, FigureRows
from sla.reports.framework.report_entry import ReportEntry
from sla.reports.framework.report_query import ReportQuery, RowFilters
from sla.reports.framework.report_shape import Report, ReportCard, ReportCell, ReportSection
from sla.reports.rejection_decisions import DecisionCount
from sla.reports.rejection_tables import NAME
from sla.teams import people_groups
from sla.vocabulary import DispositionKind


def build(query: ReportQuery, *, reader: User, now: dt.datetime) -> Report:
    """Build the rejections among the decisions of the period that the reader may see."""
    decisions = rejection_decisions.select_decisions(query, reader)
    rows = rejection_decisions.count_decisions(decisions)
    sections = [
        _build_cards(query, reader, decisions, rows),
        rejection_tables.build_months(query, rows, now),
        rejection_tables.build_reasons(query, decisions),
        rejection_tables.build_families(query, rows),
        rejection_tables.build_contact(query, decisions, rows),
    ]
    if query.motion != Motion.AQL:
        sections.append(rejection_groups.build_sources(query, rows))
        sections.append(rejection_groups.build_ways(query, decisions))
    if not row_rights.counts_own_rows_only(reader):
        sections.append(rejection_groups.build_teams(query, reader, rows))
    if people_groups.select_reps_by_name(reader).exists():
        sections.append(rejection_groups.build_reps(query, reader, decisions))
    digests = _list_digests(query, reader)
    if digests:
        sections.append(rejection_tables.build_digests(digests, _link_drafts(digests, reader)))
    return Report(
        name=NAME,
        title="Rejections",
        motion=query.motion,
        period=query.period,
        headline=rejection_families.describe_consequence(rejection_decisions.count_families(rows)),
        sections=tuple(sections),
        notes=_notes(query, reader),
    )


def _list_digests(query: ReportQuery, reader: User) -> list[RejectionDigest]:
    """Return the digests of the period: they count all teams, so they stand where nothing is filtered and all may be seen."""
    if query.filters != RowFilters() or not holds(reader, *permissions.SEE_EVERYTHING):
        return []
    return rejection_digests.list_digests(query.motion, query.period)


def _link_drafts(digests: list[RejectionDigest], reader: User) -> dict[int, str]:
    """Return by digest the address that starts a draft of its definition, for who may draft. It changes nothing by itself."""
    if not digests or not holds(reader, Role.MARKETING_OPS):
        return {}
    active = {version.definition_id: version.pk for version in Version.objects.active()}
    return {
        digest.pk: f"{reverse('version_step', args=[active[digest.definition_id], 'copy'])}?digest={digest.pk}"
        for digest in digests
        if digest.definition_id in active
    }


def _build_cards(
    query: ReportQuery, reader: User, decisions: QuerySet[Any], rows: list[DecisionCount]
) -> ReportSection:
    before = rejection_decisions.select_decisions(query, reader, query.period.before)
    rows_before = rejection_decisions.count_decisions(before)
    rejected, rejected_before = (rejection_decisions.rejected_of(counted) for counted in (rows, rows_before))
    early, early_before = (rejection_decisions.early_of(counted) for counted in (rows, rows_before))
    attempts, attempts_before = (rejection_work.count_attempts(part) for part in (decisions, before))
    time, time_before = (
        rejection_work.read_time(part.filter(decision=DispositionKind.REJECT)) for part in (decisions, before)
    )
    estimate, estimate_before = (
        rejection_work.estimate_time(part, query.motion, end=query.period.end) for part in (decisions, before)
    )
    cards = (
        ReportCard("decided", DECIDED, ReportCell(rejected.total, href=_link(query, "decided")), ReportCell(rejected_before.total)),
        ReportCard("rejection", REJECTION, ReportCell(rejected, href=_link(query, "rejected")), ReportCell(rejected_before)),
        ReportCard(
            "rejected_uncontacted", REJECTED_UNCONTACTED,
            ReportCell(early, href=_link(query, "rejected", contact=rejection_decisions.BEFORE)), ReportCell(early_before),
        ),
        ReportCard("attempts_on_rejected", ATTEMPTS_ON_REJECTED, ReportCell(attempts.hits), ReportCell(attempts_before.hits)),
        ReportCard("attempts_share", ATTEMPTS_SHARE, ReportCell(attempts), ReportCell(attempts_before)),
        ReportCard(
            "minutes_on_rejected", MINUTES_ON_REJECTED, ReportCell(estimate.time, sample=attempts.hits),
            ReportCell(estimate_before.time, sample=attempts_before.hits), note=estimate.basis,
        ),
        ReportCard("time_to_rejection", TIME_TO_REJECTION, time, time_before),
    )  # fmt: skip
    headline = ""
    if attempts.total:
        headline = f"{attempts.hits:,} of {attempts.total:,} contact attempts went into leads that were rejected."
        headline = f"{headline} {estimate.sentence}".strip()
    return ReportSection("rejection", "Rejections and the work in them", headline, cards)


def _link(query: ReportQuery, figure: str, **parameters: str) -> str:
    return query.link("report_rows", NAME, figure=figure, **parameters)


def _notes(query: ReportQuery, reader: User) -> tuple[str, ...]:
    notes = ["Decisions count in the month in which sales decided, a corrected one as corrected."]
    if row_rights.counts_own_rows_only(reader):
        notes.append("These are the decisions on your own leads.")
    elif query.filters == RowFilters() and query.motion != Motion.AQL:
        imported = PastDisposition.objects.filter(
            motion=query.motion, kind=PastDecision.REJECT, at__gte=query.period.start, at__lt=query.period.end
        ).count()
        if imported:
            notes.append(
                f"{imported:,} rejections from files of the time before Accord stand on the overview, not here."
            )
    if people_groups.list_hidden_teams(reader):
        notes.append("Teams of one person are left out of the table by team: their figures would be that person's.")
    return tuple(notes)


def list_rows(figure: str, query: ReportQuery, *, reader: User, now: dt.datetime) -> FigureRows | None:  # noqa: ARG001  # the interface of entries
    """Return the decided or rejected handoffs or plays, narrowed by month, reason, family, contact and what they had met."""
    if figure not in ("decided", "rejected"):
        return None
    handoffs = rejection_decisions.select_handoffs(query, reader)
    rows = rejection_decisions.narrow_handoffs(
        handoffs, query.motion, query.parameters, rejected_only=figure == "rejected"
    )
    if way := query.parameters.get("way"):
        decisions = rejection_decisions.select_decisions(query, reader)
        rows = rows.filter(pk__in=rejection_groups.list_handoffs_by_way(decisions, way))
    named = set(people_groups.select_reps_by_name(reader).values_list("pk", flat=True))
    return FigureRows(figure.capitalize(), _with_page_facts(rows, query.motion), lambda row: _write(row, named))


def _with_page_facts(rows: Any, motion: Motion) -> Any:
    """Read with handoffs or plays what `_write` shows of them."""
    if motion == Motion.AQL:
        return rows.select_related("company", "rep__user", "team", "disposition")
    standing = Disposition.objects.standing().filter(handoff=OuterRef("pk"))
    labels = {name: Subquery(standing.values(name)[:1]) for name in ("reason_label", "sub_reason_label", "kind")}
    return rows.select_related("lead__company", "rep__user", "team").annotate(**labels)


def _write(row: Any, named: set[int]) -> FigureRow:
    decision = row.disposition if hasattr(row, "company_id") else row
    why = ": ".join(filter(None, (decision.reason_label, decision.sub_reason_label)))
    why = f"Rejected: {why}" if decision.kind == DispositionKind.REJECT else "Accepted"
    return sla_report.write_handoff(row, why, names_rep=row.rep_id in named)


#: What the page of rows takes beside the filters.
ROW_PARAMETERS: Final = ("month", "reason", "family", "contact", "way")
ENTRY: Final = ReportEntry(NAME, "Rejections", build, list_rows=list_rows, row_parameters=ROW_PARAMETERS)
