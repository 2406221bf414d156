"""The rows that a reader's reports count: an SDR's own, a manager's teams, everybody's for the others (rules 12.22)."""

from __future__ import annotations

from typing import Any

from django.db.models import F, Q, QuerySet

from config.accounts.models import User
from config.accounts.roles import holds
from config.accounts.vocabulary import Role
from leads.vocabulary import Motion
from scoring.models import AccountQualification
from sla import permissions
from sla.models import Clock, PlayClock, read_verdict
from sla.reported_mqls import current_rows
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
    return rows.filter(_match(query.filters, query.motion))


def select_promises(query: ReportQuery, reader: User) -> QuerySet[Any]:
    """Return the reported promises, of AQLs the clocks of plays with the same fields, that the reader's reports count.

    A filter by rep asks for those whose promise it was.
    """
    filters = query.filters
    promises = read_promises(query.motion)
    owner = "play" if query.motion == Motion.AQL else "handoff"
    if counts_own_rows_only(reader):
        promises = promises.filter(Q(rep__user=reader) | Q(rep=None, **{f"{owner}__rep__user": reader}))
    elif not holds(reader, *permissions.SEE_EVERYTHING):
        visible: QuerySet[Any] = (
            permissions.plays_visible_to(reader) if query.motion == Motion.AQL else permissions.visible_to(reader)
        )
        promises = promises.filter(**{f"{owner}__in": visible.order_by().values("pk")})
    return _narrow(
        promises, team=filters.team, rep=filters.rep, tier=filters.tier, source=filters.source, campaign=filters.campaign,
        version=filters.version,
    )  # fmt: skip


def read_promises(motion: Motion) -> QuerySet[Any]:
    """Return all promises of a motion: reported promises, of AQLs the clocks of plays with the same fields."""
    if motion != Motion.AQL:
        return current_rows.read_promises().filter(motion=motion)
    fields = {name: F(f"play__{name}") for name in ("team", "tier", "version")}
    return PlayClock.objects.annotate(**fields, verdict=read_verdict())


def select_clocks(query: ReportQuery, reader: User) -> QuerySet[Any]:
    """Return the clocks of the promises that the reader's reports count."""
    clocks: QuerySet[Any] = PlayClock.objects.all() if query.motion == Motion.AQL else Clock.objects.all()
    return clocks.filter(pk__in=select_promises(query, reader).order_by().values("pk"))


def select_mqls(query: ReportQuery, reader: User) -> QuerySet[Any]:
    """Return the reported MQLs, of AQLs the companies, that the reader's reports count, with the filters of the question.

    Whoever may read leads sees those of all teams, as volume is a promise to all of sales; an SDR sees their own.
    """
    filters = query.filters
    if query.motion == Motion.AQL:
        companies: QuerySet[Any] = AccountQualification.objects.all()
        if counts_own_rows_only(reader):
            companies = companies.filter(play__rep__user=reader)
        return _narrow(
            companies, play__team=filters.team, play__rep=filters.rep, tier=filters.tier, version=filters.version
        )
    mqls = current_rows.read_mqls().filter(motion=query.motion)
    if counts_own_rows_only(reader):
        mqls = mqls.filter(rep__user=reader)
    return _narrow(
        mqls, team=filters.team, rep=filters.rep, tier=filters.tier, source=filters.source, campaign=filters.campaign,
        version=filters.version,
    )  # fmt: skip


def select_handed_over(query: ReportQuery, reader: User) -> QuerySet[Any]:
    """Return those of `select_mqls` whose handoffs, of AQLs whose plays, the reader's reports count."""
    mqls = select_mqls(query, reader)
    if query.motion == Motion.AQL:
        return mqls.filter(play__in=select_handoffs(query, reader).order_by().values("pk"))
    if holds(reader, *permissions.SEE_EVERYTHING) or counts_own_rows_only(reader):
        return mqls.filter(handoff__isnull=False)
    return mqls.filter(handoff__in=permissions.visible_to(reader).order_by().values("pk"))


def select_given(query: ReportQuery, reader: User) -> QuerySet[Any]:
    """Return the reported MQLs of the handoffs, of AQLs the plays, that the reader's reports count.

    What reports read of both has the same names: `rep`, `team`, `tier`, and the instants but that of the handoff itself.
    """
    return select_handoffs(query, reader) if query.motion == Motion.AQL else select_handed_over(query, reader)


def _narrow(rows: QuerySet[Any], **conditions: object) -> QuerySet[Any]:
    return rows.filter(**{name: value for name, value in conditions.items() if value is not None})


def _match(filters: RowFilters, motion: Motion) -> Q:
    """Return the filters as a condition on handoffs or plays."""
    conditions = {
        "team": filters.team,
        "rep": filters.rep,
        "tier": filters.tier,
        "lead__source": filters.source,
        "version": filters.version,
    }
    match = Q(**{name: value for name, value in conditions.items() if value is not None})
    if filters.campaign is not None:
        mqls = current_rows.read_mqls().filter(motion=motion, campaign=filters.campaign)
        match &= Q(qualification__in=mqls.values("pk"))
    return match
