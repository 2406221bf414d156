"""The rows that a reader's reports count: an SDR's own, a manager's teams, everybody's for the others (rules 12.22)."""

from __future__ import annotations

from typing import Any

from django.db.models import Q, QuerySet

from config.accounts.models import User
from config.accounts.roles import holds
from config.accounts.vocabulary import Role
from leads.vocabulary import Motion
from scoring.models import AccountQualification, Qualification
from sla import permissions
from sla.figure_catalogue import readings
from sla.models import Clock, PlayClock
from sla.reports.framework.report_query import ReportQuery, RowFilters


def counts_own_rows_only(reader: User) -> bool:
    """Say whether the reader is an SDR and nothing else: their reports are about themselves."""
    return not holds(reader, Role.SALES_MANAGER, *permissions.SEE_EVERYTHING)


def select_handoffs(query: ReportQuery, reader: User) -> QuerySet[Any]:
    """Return the handoffs, of AQLs the plays, that the reader's reports count, with the filters of the question."""
    is_of_plays = query.motion == Motion.AQL
    rows: QuerySet[Any] = permissions.plays_visible_to(reader) if is_of_plays else permissions.visible_to(reader)
    if not is_of_plays:
        rows = rows.filter(motion=query.motion)
    if counts_own_rows_only(reader):
        rows = rows.filter(rep__user=reader)
    return rows.filter(_match(query.filters, "", query.motion))


def select_clocks(query: ReportQuery, reader: User) -> QuerySet[Any]:
    """Return the promises that the reader's reports count. A filter by rep asks for those whose promise it was."""
    is_of_plays = query.motion == Motion.AQL
    owner = "play" if is_of_plays else "handoff"
    clocks: QuerySet[Any] = (
        PlayClock.objects.all() if is_of_plays else Clock.objects.filter(handoff__motion=query.motion)
    )
    if counts_own_rows_only(reader):
        clocks = clocks.filter(Q(rep__user=reader) | Q(rep=None, **{f"{owner}__rep__user": reader}))
    else:
        visible: QuerySet[Any] = permissions.plays_visible_to(reader) if is_of_plays else permissions.visible_to(reader)
        if not holds(reader, *permissions.SEE_EVERYTHING):
            clocks = clocks.filter(**{f"{owner}__in": visible.order_by().values("pk")})
    if query.filters.rep is not None:
        clocks = clocks.filter(rep=query.filters.rep)
    return clocks.filter(_match(query.filters, f"{owner}__", query.motion, with_rep=False))


def select_mqls(query: ReportQuery, reader: User) -> QuerySet[Any]:
    """Return the MQLs, of AQLs the companies, that the reader's reports count, with the filters of the question.

    Whoever may read leads sees those of all teams, as volume is a promise to all of sales; an SDR sees their own.
    """
    is_of_plays = query.motion == Motion.AQL
    owner = "play" if is_of_plays else "handoff"
    rows: QuerySet[Any] = (
        AccountQualification.objects.all() if is_of_plays else Qualification.objects.filter(motion=query.motion)
    )
    if counts_own_rows_only(reader):
        rows = rows.filter(**{f"{owner}__rep__user": reader})
    filters = query.filters
    if filters.campaign is not None:
        rows = readings.with_campaign(rows, filters.campaign)
    conditions = {
        f"{owner}__team": filters.team, f"{owner}__rep": filters.rep, "tier": filters.tier,
        "lead__source": filters.source, "version": filters.version,
    }  # fmt: skip
    return rows.filter(**{name: value for name, value in conditions.items() if value is not None})


def _match(filters: RowFilters, path: str, motion: Motion, *, with_rep: bool = True) -> Q:
    """Return the filters as a condition on handoffs or plays behind a path."""
    conditions = {
        "team": filters.team,
        "rep": filters.rep if with_rep else None,
        "tier": filters.tier,
        "lead__source": filters.source,
        "version": filters.version,
    }
    match = Q(**{f"{path}{name}": value for name, value in conditions.items() if value is not None})
    if filters.campaign is not None:
        mqls = readings.with_campaign(Qualification.objects.filter(motion=motion), filters.campaign)
        match &= Q(**{f"{path}qualification__in": mqls.values("pk")})
    return match
