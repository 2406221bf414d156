"""Reps of a manager's teams who need help now: the open work of each rep, the most urgent first (rules 12.74)."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any, Final

from django.db.models import Count, Min, Q, QuerySet

from config.accounts.models import User
from leads.vocabulary import Motion
from sla.models import AccountPlay, Handoff, Rep
from sla.teams import people_groups, round_robin
from sla.vocabulary import HandoffState, PlayState

#: A promise that ends within this time is about to be broken.
SOON: Final = dt.timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class RepNow:
    """A rep's open work of one motion; `hindrance` says why they can be given none now, empty if they can.

    `overdue` and `due_soon` have a promise that is broken, or ends within SOON; `untouched` nobody contacted yet;
    `to_decide` are neither accepted nor rejected. `oldest_due_at` is when the oldest broken promise ended.
    """

    rep: Rep
    hindrance: str
    overdue: int = 0
    due_soon: int = 0
    untouched: int = 0
    to_decide: int = 0
    oldest_due_at: dt.datetime | None = None

    @property
    def needs_help(self) -> bool:
        """Say whether a promise is broken or about to be, or work lies with somebody who is not there."""
        return bool(self.overdue or self.due_soon or (self.hindrance and self.to_decide))


def list_reps(manager: User, motion: Motion, *, now: dt.datetime) -> list[RepNow]:
    """List the active reps of the manager's teams, who needs help the most first. Six queries."""
    managed = people_groups.list_managed_teams(manager)
    reps = list(
        Rep.objects.filter(team__in=managed, is_active=True).select_related("user", "team__calendar", "calendar")
    )
    counts = {row.pop("rep"): row for row in _count_by_rep(_select_work(motion).filter(team__in=managed), now)}
    lines = [
        RepNow(line.rep, "" if line.may_be_given else line.why, **counts.get(line.rep.pk, {}))
        for line in round_robin.fetch_availabilities(reps, now, motion=motion)
    ]
    return sorted(lines, key=_urgency)


def count_unrouted(motion: Motion) -> int:
    """Count the work that nobody has; every manager may take it."""
    unrouted: QuerySet[Any] = (
        AccountPlay.objects.filter(state=PlayState.UNROUTED)
        if motion == Motion.AQL
        else Handoff.objects.unrouted().filter(motion=motion)
    )
    return unrouted.count()


def _select_work(motion: Motion) -> QuerySet[Any]:
    """Return the handoffs or plays whose promises run: those to decide and those that sales accepted."""
    if motion == Motion.AQL:
        return AccountPlay.objects.filter(state__in=(PlayState.ASSIGNED, PlayState.ACCEPTED))
    return Handoff.objects.filter(motion=motion, state__in=(HandoffState.ASSIGNED, HandoffState.ACCEPTED))


def _count_by_rep(work: QuerySet[Any], now: dt.datetime) -> QuerySet[Any]:
    counted: QuerySet[Any] = (
        work.order_by()
        .values("rep")
        .annotate(
            overdue=Count("pk", filter=Q(due_at__lt=now)),
            due_soon=Count("pk", filter=Q(due_at__gte=now, due_at__lt=now + SOON)),
            untouched=Count("pk", filter=Q(first_contact_at=None)),
            to_decide=Count("pk", filter=Q(state="assigned")),
            oldest_due_at=Min("due_at", filter=Q(due_at__lt=now)),
        )
    )
    return counted


def _urgency(line: RepNow) -> tuple[Any, ...]:
    far = dt.datetime.max.replace(tzinfo=dt.UTC)
    return (
        not line.overdue,
        line.oldest_due_at or far,
        -line.due_soon,
        not (line.hindrance and line.to_decide),
        -line.to_decide,
        str(line.rep).casefold(),
        line.rep.pk,
    )
