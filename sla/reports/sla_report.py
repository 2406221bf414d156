"""The SLA report: how both sides keep their promises, and whether leads are accepted in earnest (rules 12.1, 12.24, 12.27)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any, Final, TypeAlias

from django.db.models import Count, F, Q
from django.urls import reverse

from config.accounts.models import User
from leads.vocabulary import Motion
from scoring.backtests.intervals_and_tests import Sample
from sla.figure_catalogue.figure_shape import CatalogueFigure
from sla.figure_catalogue.promise_figures import (
    COMPLETE_CONTEXT,
    CONTACT_MEDIAN,
    CONTACT_P90,
    CONTACTED_IN_TIME,
    DECIDED_IN_TIME,
    MET_DEFINITION,
    OUT_OF_TURN,
    ROUTED_IN_TIME,
    ROUTING_P90,
    TRIED_AS_PROMISED,
    UNCONTACTED,
    UNREAD,
    UNSEEN,
)
from sla.reports import (
    acceptance_integrity,
    attempts_before_rejection,
    compliance,
    promise_tables,
    satisfaction_results,
    volume_section,
    waiting_work,
    yield_section,
)
from sla.reports.acceptance_integrity import IntegritySigns
from sla.reports.compliance import PromiseFigure
from sla.reports.framework import row_rights
from sla.reports.framework.figure_rows import FigureRow, FigureRows
from sla.reports.framework.report_entry import ReportEntry
from sla.reports.framework.report_period import ReportPeriod
from sla.reports.framework.report_query import ReportQuery, RowFilters
from sla.reports.framework.report_shape import (
    Report,
    ReportCard,
    ReportCell,
    ReportColumn,
    ReportRow,
    ReportSection,
    ReportTable,
)
from sla.reports.promise_tables import sample_of, time_cell
from sla.reports.volume_and_yield import DeliveredVolume
from sla.teams import people_groups
from sla.vocabulary import ClockKind

NAME: Final = "sla"
Promises: TypeAlias = dict[str, PromiseFigure]
#: Stands for a person whose figures the reader may not see.
NOT_NAMED: Final = "Not named here"


def build(query: ReportQuery, *, reader: User, now: dt.datetime) -> Report:
    """Build the report for what the reader may see. About thirty queries, whatever the number of rows."""
    is_of_oneself = row_rights.counts_own_rows_only(reader)
    # Volume is a promise to all of sales; a report of one's own rows, or of filtered ones, leaves it out.
    months = [] if is_of_oneself or query.filters != RowFilters() else volume_section.read_months(query.motion, now)
    columns = compliance.read_columns(query, reader)
    promises = _by_kind(compliance.list_for_reader(columns, reader))
    before = _by_kind(compliance.read_for_reader(query, reader, query.period.before))
    marketing = _build_marketing(query, reader, months, promises, before)
    sales = _build_sales(query, reader, promises, before, now)
    names_people = _names_people(reader)
    groups = promise_tables.offered_groups(query.motion, names_people=names_people, is_of_oneself=is_of_oneself)
    sections = [
        marketing,
        sales,
        promise_tables.build_weeks(query, reader, columns),
        *(promise_tables.build_group(query, reader, columns, by) for by in groups),
        promise_tables.build_hours(query, reader),
        *([yield_section.build(query, reader)] if names_people else []),
        *_build_integrity(query, reader),
        # Of all of sales, so it stands in no report of one's own rows or of filtered ones.
        *([satisfaction_results.build_section(now)] if months else []),
    ]
    return Report(
        name=NAME,
        title="SLA compliance",
        motion=query.motion,
        period=query.period,
        headline=f"{marketing.headline} {sales.headline}".strip(),
        sections=tuple(sections),
        notes=_notes(query, reader),
        links=(("The commitments", f"{reverse('commitments')}?motion={query.motion}"),),
    )


def _names_people(reader: User) -> bool:
    return people_groups.select_reps_by_name(reader).exists()


def _notes(query: ReportQuery, reader: User) -> tuple[str, ...]:
    whose = "account plays" if query.motion == Motion.AQL else f"{query.motion.upper()}s"
    notes = [
        f"Of the {whose} that you may see. Times are business time. Kept and late are judged; what still runs is not."
    ]
    if row_rights.counts_own_rows_only(reader):
        notes.append("These are your own figures; your manager sees them, and everybody else sees those of your team.")
    if people_groups.list_hidden_teams(reader):
        notes.append("Teams of one person are left out of the tables by team: their figures would be that person's.")
    return tuple(notes)


def _by_kind(figures: Sequence[PromiseFigure]) -> Promises:
    return {figure.kind: figure for figure in figures}


def _build_marketing(
    query: ReportQuery, reader: User, months: list[DeliveredVolume], promises: Promises, before: Promises
) -> ReportSection:
    cards = volume_section.build_cards(months, query.motion)
    cards.append(
        ReportCard(
            "routed_in_time",
            ROUTED_IN_TIME,
            _promise_cell(query, promises, ClockKind.ROUTE),
            _promise_cell(None, before, ClockKind.ROUTE),
        )
    )
    cards.append(_time_card("routing_p90", ROUTING_P90, promises.get(ClockKind.ROUTE), before.get(ClockKind.ROUTE)))
    complete, met = _read_context(query, reader, query.period)
    complete_before, met_before = _read_context(query, reader, query.period.before)
    cards.append(ReportCard("met_definition", MET_DEFINITION, ReportCell(met), ReportCell(met_before)))
    if query.motion != Motion.AQL:
        card = ReportCard("complete_context", COMPLETE_CONTEXT, ReportCell(complete), ReportCell(complete_before))
        cards.append(card)
    note = "Months are those of all teams, by the day on which the leads qualified; the running month is not over."
    return ReportSection(
        "marketing",
        "What marketing promised",
        volume_section.describe_months(months, query.motion),
        tuple(cards),
        table=volume_section.build_table(query, months),
        notes=(note,) if months else (),
    )


def _time_card(
    key: str, figure: CatalogueFigure, promise: PromiseFigure | None, before: PromiseFigure | None
) -> ReportCard:
    """Return the card of a 90th percentile."""
    cell, cell_before = (time_cell(row.p90_minutes if row else None, row) for row in (promise, before))
    return ReportCard(key, figure, cell, cell_before)


def _read_context(query: ReportQuery, reader: User, period: ReportPeriod) -> tuple[Sample, Sample]:
    """Return how many of the MQLs of a period have their context on record, and were judged by a version in force."""
    mqls = row_rights.select_mqls(query, reader).filter(at__gte=period.start, at__lt=period.end)
    in_force = Q(version__activated_at__lte=F("at")) & (
        Q(version__retired_at=None) | Q(version__retired_at__gt=F("at")) | Q(version__retired_at__gt=F("recorded_at"))
    )
    counts: dict[str, Any] = {"total": Count("pk"), "met": Count("pk", filter=in_force)}
    if query.motion != Motion.AQL:
        counts["complete"] = Count("pk", filter=Q(has_context=True))
    row = mqls.order_by().aggregate(**counts)
    return Sample(row.get("complete", 0), row["total"]), Sample(row["met"], row["total"])


def _build_sales(
    query: ReportQuery, reader: User, promises: Promises, before: Promises, now: dt.datetime
) -> ReportSection:
    contact, contact_before = (figures.get(ClockKind.FIRST_CONTACT) for figures in (promises, before))
    uncontacted = acceptance_integrity.count_uncontacted(query, reader)
    cards = (
        ReportCard(
            "contacted_in_time", CONTACTED_IN_TIME,
            _promise_cell(query, promises, ClockKind.FIRST_CONTACT), _promise_cell(None, before, ClockKind.FIRST_CONTACT),
        ),
        ReportCard(
            "contact_median", CONTACT_MEDIAN,
            time_cell(contact.median_minutes if contact else None, contact),
            time_cell(contact_before.median_minutes if contact_before else None, contact_before),
        ),
        _time_card("contact_p90", CONTACT_P90, contact, contact_before),
        ReportCard(
            "decided_in_time", DECIDED_IN_TIME,
            _promise_cell(query, promises, ClockKind.DISPOSITION), _promise_cell(None, before, ClockKind.DISPOSITION),
        ),
        ReportCard(
            "tried_as_promised", TRIED_AS_PROMISED,
            ReportCell(_read_tried(query, reader, query.period, now)),
            ReportCell(_read_tried(query, reader, query.period.before, now)),
        ),
        ReportCard("accepted_not_contacted", UNCONTACTED, _sign_cell(query, uncontacted, UNCONTACTED.key)),
    )  # fmt: skip
    sample = sample_of(contact)
    headline = ""
    if sample.total:
        headline = f"Sales made {sample.hits:,} of {sample.total:,} first contacts in time."
    return ReportSection("sales", "What sales promised", headline, cards)


def _promise_cell(query: ReportQuery | None, figures: Promises, kind: ClockKind) -> ReportCell:
    figure = figures.get(kind)
    href = query.link("sla_rows", kind=kind, verdict="judged") if query and figure and figure.judged else ""
    note = f"{figure.running:,} still running" if figure and figure.running else ""
    return ReportCell(sample_of(figure), href=href, note=note)


def _read_tried(query: ReportQuery, reader: User, period: ReportPeriod, now: dt.datetime) -> Sample:
    handed_over = row_rights.select_given(query, reader)
    return attempts_before_rejection.read_sample(
        handed_over, motion=query.motion, start=period.start, end=period.end, now=now
    )


def _build_integrity(query: ReportQuery, reader: User) -> list[ReportSection]:
    """Build the signs of acceptances without reading: by team, and by person where the reader may see them."""
    sections = []
    if not row_rights.counts_own_rows_only(reader):
        sections.append(_integrity_section(query, acceptance_integrity.read_signs(query, reader, by="team"), "team"))
    if _names_people(reader):
        sections.append(_integrity_section(query, acceptance_integrity.read_signs(query, reader, by="rep"), "rep"))
    return sections


def _integrity_section(query: ReportQuery, signs: list[IntegritySigns], by: str) -> ReportSection:
    figures = acceptance_integrity.list_signs(query.motion)
    columns = tuple(ReportColumn(figure.key, figure.name, figure) for figure in figures)
    rows = tuple(
        ReportRow(
            sign.key,
            sign.label,
            tuple(_sign_cell(query, sign.samples[figure.key], figure.key, **{by: sign.key}) for figure in figures),
        )
        for sign in signs
    )
    total = _add_signs(signs, figures) if by == "team" and signs else None
    table = ReportTable(
        f"acceptance_{by}",
        f"Signs of acceptance by {by}",
        by.capitalize(),
        columns,
        rows,
        total,
        worst_by=UNCONTACTED.key,
    )
    return ReportSection(
        f"acceptance_{by}", f"Is a lead accepted in earnest? By {'person' if by == 'rep' else by}", _ask(signs), table=table,
        notes=("These are questions to talk about and no verdict: a rep may know the company, or work outside of Accord.",),
    )  # fmt: skip


def _ask(signs: list[IntegritySigns]) -> str:
    """Return the question that the signs raise, with its numbers."""
    uncontacted = sum(sign.samples[UNCONTACTED.key].hits for sign in signs)
    accepted = sum(sign.samples[UNCONTACTED.key].total for sign in signs)
    if not accepted:
        return ""
    if not uncontacted:
        return f"All {accepted:,} accepted leads were contacted."
    return f"{uncontacted:,} of {accepted:,} accepted leads have not been contacted: what keeps sales from them?"


def _add_signs(signs: list[IntegritySigns], figures: Sequence[CatalogueFigure]) -> ReportRow:
    cells = []
    for figure in figures:
        samples = [sign.samples[figure.key] for sign in signs]
        cells.append(ReportCell(Sample(sum(row.hits for row in samples), sum(row.total for row in samples))))
    return ReportRow("total", "All of these", tuple(cells))


def _sign_cell(query: ReportQuery, sample: Sample, key: str, **group: object) -> ReportCell:
    href = query.link("report_rows", NAME, figure=key, **group) if sample.hits else ""
    return ReportCell(sample, href=href)


def list_rows(figure: str, query: ReportQuery, *, reader: User, now: dt.datetime) -> FigureRows | None:
    """Return the handoffs or plays that a sign counts, or that wait now; None for a figure without a list."""
    if figure in waiting_work.NAMES and query.motion != Motion.AQL:
        return _list_waiting(figure, query, reader, now)
    names = {sign.key: sign.name for sign in acceptance_integrity.list_signs(query.motion)}
    if figure not in names:
        return None
    rows = acceptance_integrity.select_sign(query, reader, figure)
    named = set(people_groups.select_reps_by_name(reader).values_list("pk", flat=True))
    return FigureRows(
        names[figure], rows, lambda row: write_handoff(row, _explain_sign(row, figure), names_rep=row.rep_id in named)
    )


def _list_waiting(figure: str, query: ReportQuery, reader: User, now: dt.datetime) -> FigureRows:
    """Return the handoffs that wait for sales now, whenever they came. Whose they are is no figure of a person."""
    handoffs = row_rights.select_handoffs(query, reader).filter(waiting_work.match(figure, now))
    return FigureRows(
        waiting_work.NAMES[figure],
        handoffs.select_related("lead__company", "rep__user", "team"),
        lambda row: write_handoff(row, waiting_work.explain(row), names_rep=True),
        when="as it is now",
    )


def write_handoff(row: Any, why: str, *, names_rep: bool) -> FigureRow:
    """Write a handoff or a play as a row of a list; whose it is only where the reader may see that person's figures."""
    is_play = hasattr(row, "company_id")
    return FigureRow(
        label=str(row.company) if is_play else row.lead.name,
        company="" if is_play else str(row.lead.company or ""),
        href=reverse("play" if is_play else "handoff", args=[row.pk]),
        owner=row.rep_label if names_rep else NOT_NAMED,
        tier=row.tier,
        state=row.get_state_display(),
        tone=row.state_tone,
        at=row.created_at,
        why=why,
    )


def _explain_sign(row: Any, figure: str) -> str:
    if figure == OUT_OF_TURN.key:
        return "An older lead of the same tier waited at that moment."
    if figure == UNCONTACTED.key:
        return "Accepted; no contact is logged."
    if figure == UNREAD.key:
        return "Accepted without opening its page in Accord; the list of the queue shows a part of the evidence."
    if figure == UNSEEN.key:
        return "Accepted before any contact was logged."
    seconds = (row.decided_at - row.routed_at).total_seconds() if row.routed_at and row.decided_at else None
    return "" if seconds is None else f"Accepted {seconds:,.0f} seconds after it was given."


ENTRY: Final = ReportEntry(NAME, "SLA compliance", build, list_rows=list_rows)
