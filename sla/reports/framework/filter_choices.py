"""The choices that a report's page offers for its filters: only what the reader may ask for (rules 12.21)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from django.db import connection

from config.accounts.models import User
from definitions.models import Version
from leads.vocabulary import Motion
from sla.models import Team
from sla.reports.framework import row_rights
from sla.reports.framework.report_query import NO_SOURCE, ReportQuery
from sla.teams import people_groups

#: Sources beyond this number can be asked for in the address alone.
SOURCES_OFFERED: Final = 200
#: From one source to the next in the index lead_by_source, where DISTINCT would read all leads.
_SOURCES: Final = """
    WITH RECURSIVE one AS (
        (SELECT source FROM leads_lead ORDER BY source LIMIT 1)
        UNION ALL
        SELECT (SELECT l.source FROM leads_lead l WHERE l.source > one.source ORDER BY l.source LIMIT 1)
        FROM one WHERE one.source IS NOT NULL
    )
    SELECT source FROM one WHERE source IS NOT NULL LIMIT %s
"""


@dataclass(frozen=True, slots=True)
class FilterChoice:
    """A filter of the page: its options as (value, label), None for a text that people type; `chosen` is what holds now."""

    name: str
    label: str
    all_label: str
    options: Sequence[tuple[str, str]] | None
    chosen: str


def list_choices(query: ReportQuery, names: Sequence[str], reader: User) -> list[FilterChoice]:
    """Return the filters of a report with their options; those without any choice are left out."""
    left_out = ("source", "campaign") if query.motion == Motion.AQL else ()
    if row_rights.counts_own_rows_only(reader):
        left_out = (*left_out, "team", "rep")
    names = [name for name in names if name not in left_out]
    choices = [
        FilterChoice(name, *_LABELS[name], _list_options(name, query, reader), query.typed.get(name, ""))
        for name in names
    ]
    return [choice for choice in choices if choice.options is None or choice.options or choice.chosen]


def _list_options(name: str, query: ReportQuery, reader: User) -> Sequence[tuple[str, str]] | None:
    read = _OPTIONS.get(name)
    return read(query, reader) if read else None


def _list_teams(_query: ReportQuery, reader: User) -> list[tuple[str, str]]:
    teams = Team.objects.exclude(pk__in=people_groups.list_hidden_teams(reader)).order_by("name", "pk")
    return [(str(team.pk), team.name) for team in teams]


def _list_reps(_query: ReportQuery, reader: User) -> list[tuple[str, str]]:
    reps = people_groups.select_reps_by_name(reader).select_related("user")
    return [(str(rep.pk), str(rep)) for rep in reps.order_by("user__first_name", "user__last_name", "pk")]


def _list_tiers(query: ReportQuery, _reader: User) -> list[tuple[str, str]]:
    return [(str(tier), f"Tier {tier}") for tier in ((1, 2) if query.motion == Motion.AQL else (1, 2, 3))]


def _list_sources(_query: ReportQuery, _reader: User) -> list[tuple[str, str]]:
    with connection.cursor() as cursor:
        cursor.execute(_SOURCES, [SOURCES_OFFERED])
        sources = [source for (source,) in cursor.fetchall()]
    return [(source or NO_SOURCE, source or "No source") for source in sources]


def _list_versions(query: ReportQuery, _reader: User) -> list[tuple[str, str]]:
    in_use = Version.objects.filter(definition__motion=query.motion, activated_at__isnull=False)
    rows = in_use.select_related("definition").order_by("-activated_at", "-pk")
    return [(str(version.pk), str(version)) for version in rows]


_LABELS: Final = {
    "team": ("Team", "All teams"),
    "rep": ("Rep", "All reps"),
    "tier": ("Tier", "All tiers"),
    "source": ("Source", "All sources"),
    "campaign": ("Campaign", "All campaigns"),
    "version": ("Version", "All versions"),
}
_OPTIONS: Final[dict[str, Callable[[ReportQuery, User], list[tuple[str, str]]]]] = {
    "team": _list_teams,
    "rep": _list_reps,
    "tier": _list_tiers,
    "source": _list_sources,
    "version": _list_versions,
}
