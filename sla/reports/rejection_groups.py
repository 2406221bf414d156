"""The groups of the report of rejections: by source, by what the leads had met, by team and by rep (rules 12.42, 12.44)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, Final

from django.db.models import QuerySet

from config.accounts.models import User
from scoring.backtests.intervals_and_tests import Sample
from sla.figure_catalogue.catalogue import REJECTION
from sla.figure_catalogue.rejection_figures import REJECTED_UNCONTACTED
from sla.models import Team
from sla.reports import evidence_ways, rejection_decisions, rejection_tables
from sla.reports.framework import headlines
from sla.reports.framework.report_query import NO_SOURCE, ReportQuery
from sla.reports.framework.report_shape import ReportCell, ReportColumn, ReportRow, ReportSection, ReportTable
from sla.reports.rejection_decisions import DecisionCount
from sla.teams import people_groups
from sla.vocabulary import DispositionKind

#: What leads had met is read of this many decisions, the latest ones: their evidence is long.
EVIDENCE_READ: Final = 500
WAYS_SHOWN: Final = 30


def build_sources(query: ReportQuery, rows: list[DecisionCount]) -> ReportSection:
    """Build the rejection rate by the source of the leads."""
    by_source = rejection_decisions.part(rows, lambda row: row.source)
    names = {source: source or "No source" for source in by_source}
    keys = {source: source or NO_SOURCE for source in by_source}
    return _build_group(query, by_source, names, keys, "source", "By source")


def build_teams(query: ReportQuery, reader: User, rows: list[DecisionCount]) -> ReportSection:
    """Build the rejection rate by team, without the teams whose figures would be one person's."""
    by_team = rejection_decisions.part(rows, lambda row: row.team)
    shown = Team.objects.filter(pk__in=[pk for pk in by_team if pk is not None])
    shown = shown.exclude(pk__in=people_groups.list_hidden_teams(reader))
    names = dict(shown.values_list("pk", "name"))
    return _build_group(query, by_team, names, {pk: str(pk) for pk in names}, "team", "By team")


def build_reps(query: ReportQuery, reader: User, decisions: QuerySet[Any]) -> ReportSection:
    """Build the rejection rate by rep, for the person and the managers of their team."""
    reps = {rep.pk: str(rep) for rep in people_groups.select_reps_by_name(reader).select_related("user")}
    of_reps = decisions.filter(rep__in=reps)
    by_rep = rejection_decisions.part(rejection_decisions.count_decisions(of_reps, by_rep=True), lambda row: row.rep)
    names = {pk: reps[pk] for pk in by_rep}
    return _build_group(query, by_rep, names, {pk: str(pk) for pk in names}, "rep", "By rep")


def _build_group(
    query: ReportQuery,
    by_group: Mapping[Any, list[DecisionCount]],
    names: Mapping[Any, str],
    keys: Mapping[Any, str],
    group: str,
    title: str,
) -> ReportSection:
    rows = [row for value in names for row in by_group[value]]
    table_rows = []
    for value in sorted(names, key=lambda value: (names[value].casefold(), keys[value])):
        sample = rejection_decisions.rejected_of(by_group[value])
        families = rejection_decisions.count_families(by_group[value])
        cells = (
            ReportCell(
                sample.total, href=rejection_tables.link_rows(query, "decided", sample.total, **{group: keys[value]})
            ),
            ReportCell(sample, href=rejection_tables.link_rows(query, "rejected", sample.hits, **{group: keys[value]})),
            ReportCell(rejection_decisions.early_of(by_group[value])),
            ReportCell(rejection_tables.name_largest(families)),
        )
        table_rows.append(ReportRow(keys[value], names[value], cells))
    columns = (
        *rejection_tables.rate_columns(),
        ReportColumn("early", "Before any contact", REJECTED_UNCONTACTED),
        ReportColumn("family", "Most frequent family"),
    )
    families = rejection_decisions.count_families(rows)
    total = rejection_tables.total_row(
        query, rows, rejection_decisions.early_of(rows), ReportCell(rejection_tables.name_largest(families))
    )
    table = ReportTable(
        group, f"Rejection rate {title.lower()}", title.removeprefix("By ").capitalize(), columns, tuple(table_rows),
        total if group == "source" else None, worst_by="rejection",
    )  # fmt: skip
    samples = [(names[value], rejection_decisions.rejected_of(by_group[value])) for value in names]
    return ReportSection(group, title, headlines.describe_worst(samples, REJECTION.name), table=table)


def build_ways(query: ReportQuery, decisions: QuerySet[Any]) -> ReportSection:
    """Build the rejection rate by what the leads had met of the definition, of the latest decisions."""
    decided: Counter[str] = Counter()
    rejected: Counter[str] = Counter()
    read = 0
    for _handoff, kind, evidence in _read_evidence(decisions):
        read += 1
        ways = evidence_ways.list_ways_and_criteria(evidence)
        decided.update(ways)
        if kind == DispositionKind.REJECT:
            rejected.update(ways)
    in_order = sorted(decided, key=lambda way: (-decided[way], way))[:WAYS_SHOWN]
    rows = tuple(
        ReportRow(
            way, way,
            (
                ReportCell(decided[way], href=rejection_tables.link_rows(query, "decided", decided[way], way=way)),
                ReportCell(Sample(rejected[way], decided[way]), href=rejection_tables.link_rows(query, "rejected", rejected[way], way=way)),
            ),
        )
        for way in in_order
    )  # fmt: skip
    table = ReportTable(
        "criterion",
        "Rejection rate by what the leads had met",
        "Had met",
        rejection_tables.rate_columns(),
        rows,
        worst_by="rejection",
    )
    samples = [(f"“{way}”", Sample(rejected[way], decided[way])) for way in in_order]
    notes = [
        "By the evidence as it was frozen when the lead qualified. One lead stands in several rows; all had met the gate."
    ]
    if len(decided) > WAYS_SHOWN:
        notes.append(f"The {WAYS_SHOWN} that most of them had met.")
    if read == EVIDENCE_READ:
        notes.append(f"Of the {EVIDENCE_READ:,} latest decisions of the period.")
    headline = headlines.describe_worst(samples, REJECTION.name)
    return ReportSection("criterion", "By what they had met", headline, table=table, notes=tuple(notes))


def list_handoffs_by_way(decisions: QuerySet[Any], way: str) -> list[int]:
    """Return the ids of the handoffs of the latest decisions whose lead had met this."""
    return [
        handoff
        for handoff, _kind, evidence in _read_evidence(decisions)
        if way in evidence_ways.list_ways_and_criteria(evidence)
    ]


def _read_evidence(decisions: QuerySet[Any]) -> Iterable[tuple[int, str, object]]:
    latest = decisions.order_by("-decided_at", "-handoff")[:EVIDENCE_READ]
    return latest.values_list("handoff", "decision", "qualification__evidence").iterator(chunk_size=200)
