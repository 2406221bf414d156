"""The work of a rep, or of a manager's teams, the most urgent first (rules 6.30)."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Final

from django.db.models import Case, Count, Exists, F, OuterRef, Prefetch, Q, Value, When
from django.utils import timezone

from config.accounts.models import User
from config.accounts.roles import holds
from config.accounts.vocabulary import Role
from leads.identity import merges
from leads.vocabulary import Motion
from sla.models import Attempt, Clock, Handoff, HandoffQuerySet, RoutingDecision
from sla.vocabulary import HandoffState

#: A handoff is due soon when this much time or less is left, whichever promise it is.
SOON: Final = dt.timedelta(minutes=15)
#: More handoffs than a rep usually works on; the cost of the page grows with its rows.
SHOWN: Final = 40
SHOWN_AT_MOST: Final = 500
#: After this long without a contact or a meeting ahead, the rep is advised to write again.
SILENCE: Final = dt.timedelta(days=2)
PIPELINE: Final = (HandoffState.QUALIFIED, HandoffState.OPPORTUNITY)
IN_WORK: Final = (HandoffState.ASSIGNED, HandoffState.ACCEPTED, *PIPELINE)

#: The groups in the order in which reps work through them: key, title, tone.
GROUPS: Final = (
    ("breached", "Overdue", "bad"),
    ("soon", "Due soon", "warn"),
    ("today", "Today", "info"),
    ("later", "Due later", ""),
    ("accepted", "In work", "sales"),
    ("waiting", "Meeting ahead", ""),
    ("pipeline", "SQLs and opportunities", "sales"),
)
_GROUP_POSITIONS: Final = {key: Value(at) for at, (key, _, _) in enumerate(GROUPS)}
#: The columns that a row shows. Others, such as a lead's attributes and the frozen evidence, are wide.
_SHOWN_COLUMNS: Final = (
    "state", "tier", "motion", "meeting_at", "hot_upgraded_at", "raised_to",
    "qualification__why", "qualification__tier", "qualification__at",
    "qualification__hot_upgrade__why", "qualification__hot_upgrade__at", "qualification__hot_upgrade__recorded_at",
    "qualification__tier_upgrade__why", "qualification__tier_upgrade__at", "qualification__tier_upgrade__recorded_at",
    "lead__first_name", "lead__last_name", "lead__email", "lead__external_id", "lead__phone",
    "lead__title", "lead__do_not_contact",
    "lead__company__name", "lead__company__domain", "lead__company__external_id",
    "team__name", "rep__user__first_name", "rep__user__last_name", "rep__user__email",
    "pending_decision__kind", "pending_decision__final_at", "pending_decision__reason__label",
    "pending_decision__by__first_name", "pending_decision__by__last_name", "pending_decision__by__email",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class QueueGroup:
    """A group of the queue; `count` counts all its handoffs, `rows` are those shown."""

    key: str
    title: str
    tone: str
    count: int
    rows: list[Handoff]


@dataclass(frozen=True, slots=True)
class Queue:
    groups: list[QueueGroup]
    total: int
    shown: int

    @property
    def is_cut(self) -> bool:
        return self.shown < self.total


def for_user(user: User) -> HandoffQuerySet:
    """Return the handoffs that the person works on: their own, and as a manager those of their teams."""
    work: HandoffQuerySet = Handoff.objects.filter(state__in=IN_WORK)
    if user.is_superuser:
        return work
    own = Q(rep__user=user)
    if holds(user, Role.SALES_MANAGER):
        own |= Q(team__in=user.managed_teams.values("pk"))
    return work.filter(own)


def build_queue(work: HandoffQuerySet, *, now: dt.datetime, limit: int = SHOWN) -> Queue:
    """Build the queue in groups by urgency; five queries, whatever its length."""
    work = _with_group(work, now)
    counts = dict(work.order_by().values_list("group").annotate(n=Count("pk")))  # type: ignore[misc]  # annotated
    rows = _read_rows(work, limit)
    rows_by_group: dict[int, list[Handoff]] = {}
    for row in rows:
        rows_by_group.setdefault(row.group, []).append(row)  # type: ignore[attr-defined]  # set by _read_rows
    groups = [
        QueueGroup(key, title, tone, counts.get(position, 0), rows_by_group.get(position, []))
        for position, (key, title, tone) in enumerate(GROUPS)
    ]
    return Queue(groups, total=sum(counts.values()), shown=len(rows))


def unrouted_handoffs(motion: Motion | None = None) -> HandoffQuerySet:
    """Return the handoffs without a rep, of one motion or of all: the hot ones first, then those to be routed the soonest."""
    unrouted = Handoff.objects.unrouted()
    running = Clock.objects.running().order_by("due_at", "pk")
    decisions = RoutingDecision.objects.order_by("-at", "-pk")
    return (
        (unrouted if motion is None else unrouted.filter(motion=motion))
        .select_related("lead__company", "qualification")
        .defer("qualification__evidence")
        .prefetch_related(
            Prefetch("clocks", queryset=running, to_attr="running_clocks"),
            Prefetch("routing_decisions", queryset=decisions, to_attr="decisions"),
        )
        .with_rank()
        .order_by("rank", F("due_at").asc(nulls_last=True), "created_at", "pk")  # type: ignore[misc]  # annotated
    )


def _read_rows(work: HandoffQuerySet, limit: int) -> list[Handoff]:
    """Read the most urgent rows, in order, each with its position in GROUPS as `group`.

    The sort uses columns of the handoff alone; leads, reasons and clocks are read only for the rows shown.
    """
    order = work.with_rank().order_by("group", "rank", F("due_at").asc(nulls_last=True), "pk")  # type: ignore[misc]  # annotated
    group_of = dict(order.values_list("pk", "group")[:limit])  # type: ignore[misc]  # annotated
    running = Clock.objects.running().order_by("due_at", "pk")
    shown = (
        Handoff.objects.filter(pk__in=group_of)
        .select_related(
            "lead__company",
            "qualification__hot_upgrade",
            "qualification__tier_upgrade",
            "rep__user",
            "team",
            "pending_decision__reason",
            "pending_decision__by",
        )
        .only(*_SHOWN_COLUMNS)
        .annotate(is_opted_out=merges.is_opted_out())
        .prefetch_related(Prefetch("clocks", queryset=running, to_attr="running_clocks"))
        .in_bulk()
    )
    # A handoff deleted between the two queries is missing from `shown`.
    rows = [shown[pk] for pk in group_of if pk in shown]
    for row in rows:
        row.group = group_of[row.pk]  # type: ignore[attr-defined]  # read by build_queue
    return rows


def _with_group(work: HandoffQuerySet, now: dt.datetime) -> HandoffQuerySet:
    """Annotate `group`, the position in GROUPS: by the time left of the due promise, accepted or not.

    Without a running promise the group says what the handoff waits for.
    """
    tomorrow = timezone.localtime(now).replace(hour=0, minute=0, second=0, microsecond=0) + dt.timedelta(days=1)
    accepted = Q(state=HandoffState.ACCEPTED)
    # Accepted, without a running promise, and the lead has been contacted or has a meeting.
    begun = accepted & Q(due_at__isnull=True) & (Q(first_contact_at__isnull=False) | Q(meeting_at__isnull=False))
    recent = Exists(Attempt.objects.filter(handoff=OuterRef("pk"), at__gt=now - SILENCE))
    return work.annotate(
        group=Case(
            When(due_at__lt=now, then=_GROUP_POSITIONS["breached"]),
            When(due_at__lt=now + SOON, then=_GROUP_POSITIONS["soon"]),
            When(due_at__lt=tomorrow, then=_GROUP_POSITIONS["today"]),
            When(state__in=PIPELINE, then=_GROUP_POSITIONS["pipeline"]),
            When(begun & Q(meeting_at__gte=now), then=_GROUP_POSITIONS["waiting"]),
            When(begun & (Q(meeting_at__isnull=False) | ~recent), then=_GROUP_POSITIONS["today"]),
            When(accepted, then=_GROUP_POSITIONS["accepted"]),
            default=_GROUP_POSITIONS["later"],
        )
    )
