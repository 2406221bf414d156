"""Signs of acceptances without reading, each a question and no verdict (rules 12.27).

By person only for the person and their manager, by team for everybody else.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final

from django.db.models import Count, DateTimeField, F, Max, Min, Q, QuerySet, RowRange, Value, Window
from django.db.models.functions import Coalesce

from config.accounts.models import User
from leads.vocabulary import Motion
from scoring.backtests.intervals_and_tests import Sample
from sla.figure_catalogue.figure_shape import CatalogueFigure
from sla.figure_catalogue.promise_figures import (
    HASTY,
    HASTY_WITHIN_SECONDS,
    OUT_OF_TURN,
    TURNS,
    UNCONTACTED,
    UNREAD,
    UNSEEN,
)
from sla.models import AccountPlay, Handoff, HandoffOpening, Rep, Team
from sla.reported_mqls import current_rows
from sla.reports.framework import row_rights
from sla.reports.framework.report_query import ReportQuery
from sla.teams import people_groups
from sla.vocabulary import DispositionKind

SIGNS: Final = (HASTY, UNREAD, UNCONTACTED, UNSEEN, OUT_OF_TURN)
#: Of plays no opening is recorded.
SIGNS_OF_PLAYS: Final = tuple(sign for sign in SIGNS if sign != UNREAD)
_HASTY_WITHIN: Final = dt.timedelta(seconds=HASTY_WITHIN_SECONDS)
#: The window of turns reads the handoffs that were given this long before the period, too.
_LOOKS_BACK: Final = dt.timedelta(days=30)
_IS_UNREAD: Final = Q(read_at=None) | Q(read_at__gt=F("decided_at"))
_NEVER: Final = dt.datetime(9999, 1, 1, tzinfo=dt.UTC)


@dataclass(frozen=True, slots=True)
class IntegritySigns:
    """The signs of one person or team; `samples` has a rate for each of SIGNS, by its key."""

    key: str
    label: str
    samples: dict[str, Sample]


def list_signs(motion: Motion) -> tuple[CatalogueFigure, ...]:
    return SIGNS_OF_PLAYS if motion == Motion.AQL else SIGNS


def read_signs(query: ReportQuery, reader: User, *, by: str) -> list[IntegritySigns]:
    """Read the signs of the acceptances and first contacts of the period `by` rep or team. Five queries."""
    handoffs = row_rights.select_given(query, reader)
    if by == "rep":
        handoffs = handoffs.filter(rep__in=people_groups.select_reps_by_name(reader).values("pk"))
    if by == "team":
        handoffs = handoffs.filter(team__isnull=False).exclude(team__in=people_groups.list_hidden_teams(reader))
    accepted = _count(_select_accepted(handoffs, query), by, _acceptance_conditions(query.motion))
    unread = (
        {}
        if query.motion == Motion.AQL
        else _count(_since_openings(_select_accepted(handoffs, query)), by, {UNREAD.key: _IS_UNREAD})
    )
    contacted = _count(select_contacted(handoffs, query), by, {OUT_OF_TURN.key: _out_of_turn(query)})
    names = _read_names({*accepted, *contacted}, by)
    return [
        IntegritySigns(
            str(key or ""),
            names.get(key, ""),
            {**_empty(), **accepted.get(key, {}), **unread.get(key, {}), **contacted.get(key, {})},
        )
        for key in sorted({*accepted, *contacted}, key=lambda pk: (names.get(pk, ""), pk or 0))
    ]


def select_sign(query: ReportQuery, reader: User, key: str) -> QuerySet[Any]:
    """Return the handoffs or plays that a sign counts."""
    handed_over = row_rights.select_given(query, reader)
    if key == OUT_OF_TURN.key:
        rows = select_contacted(handed_over, query).filter(_out_of_turn(query))
    elif key == UNREAD.key:
        rows = _since_openings(_select_accepted(handed_over, query)).filter(_IS_UNREAD)
    else:
        rows = _select_accepted(handed_over, query).filter(_acceptance_conditions(query.motion)[key])
    if query.motion == Motion.AQL:
        return rows.select_related("company", "rep__user", "team")
    handoffs = Handoff.objects.filter(pk__in=rows.order_by().values("handoff"))
    return handoffs.select_related("lead__company", "rep__user", "team")


def count_uncontacted(query: ReportQuery, reader: User) -> Sample:
    """Return how many of the leads accepted in the period have no contact."""
    accepted = _select_accepted(row_rights.select_given(query, reader), query)
    counts = _count(accepted, None, {UNCONTACTED.key: _acceptance_conditions(query.motion)[UNCONTACTED.key]})
    return counts[None][UNCONTACTED.key] if counts else Sample(0, 0)


def select_contacted(handoffs: QuerySet[Any], query: ReportQuery) -> QuerySet[Any]:
    """Return the handoffs or plays that were contacted first in the period."""
    return handoffs.filter(
        rep__isnull=False, first_contact_at__gte=query.period.start, first_contact_at__lt=query.period.end
    )


def _select_accepted(handoffs: QuerySet[Any], query: ReportQuery) -> QuerySet[Any]:
    in_period = handoffs.filter(decided_at__gte=query.period.start, decided_at__lt=query.period.end)
    if query.motion == Motion.AQL:
        return in_period.filter(disposition__kind=DispositionKind.ACCEPT)
    return in_period.filter(decision=DispositionKind.ACCEPT)


def _since_openings(accepted: QuerySet[Any]) -> QuerySet[Any]:
    """Return the accepted handoffs made since the first opening was recorded: of older ones nobody knows."""
    first = HandoffOpening.objects.order_by().aggregate(at=Min("at"))["at"]
    return accepted.none() if first is None else accepted.filter(handed_over_at__gte=first)


def _acceptance_conditions(motion: Motion) -> dict[str, Q]:
    contacted_later = Q(first_contact_at=None) | Q(first_contact_at__gt=F("decided_at"))
    return {
        HASTY.key: Q(decided_at__lte=F("routed_at") + _HASTY_WITHIN),
        UNCONTACTED.key: Q(first_contact_at=None),
        UNSEEN.key: contacted_later if motion == Motion.AQL else Q(contacted_before=False),
    }


def _out_of_turn(query: ReportQuery) -> Q:
    """Return the condition on a handoff: at its first contact one given to the rep shortly before it was still waiting."""
    is_of_plays = query.motion == Motion.AQL
    everybody: QuerySet[Any] = (
        AccountPlay.objects.all() if is_of_plays else current_rows.read_mqls().filter(motion=query.motion)
    )
    waits_until = Coalesce("first_contact_at", "closed_at", Value(_NEVER), output_field=DateTimeField())
    routed = everybody.filter(
        rep__isnull=False, routed_at__gte=query.period.start - _LOOKS_BACK, routed_at__lt=query.period.end
    )
    longest_wait = Window(
        Max(waits_until),
        partition_by=[F("rep"), F("tier")],
        order_by=[F("routed_at").asc(), F("pk" if is_of_plays else "handoff").asc()],
        frame=RowRange(start=-TURNS, end=-1),
    )
    passed_over = routed.annotate(longest_wait=longest_wait).filter(longest_wait__gt=F("first_contact_at"))
    return Q(pk__in=passed_over.values("pk"))


def _count(rows: QuerySet[Any], group: str | None, conditions: dict[str, Q]) -> dict[Any, dict[str, Sample]]:
    counts = {"total": Count("pk"), **{key: Count("pk", filter=condition) for key, condition in conditions.items()}}
    if group is None:
        counted = [{"group": None, **rows.order_by().aggregate(**counts)}]
    else:
        counted = list(rows.order_by().values(group=F(group)).annotate(**counts))
    return {
        row["group"]: {key: Sample(row[key], row["total"]) for key in conditions} for row in counted if row["total"]
    }


def _empty() -> dict[str, Sample]:
    return {figure.key: Sample(0, 0) for figure in SIGNS}


def _read_names(keys: Collection[int], by: str) -> dict[int, str]:
    if by == "rep":
        return {rep.pk: str(rep) for rep in Rep.objects.select_related("user").filter(pk__in=keys)}
    return dict(Team.objects.filter(pk__in=keys).values_list("pk", "name"))
