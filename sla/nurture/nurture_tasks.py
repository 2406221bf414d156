"""Marketing's tasks in nurture: recycled leads and the day each comes back (rules 7.7, 7.8)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from django.db.models import Exists, OuterRef, Prefetch, Q, Subquery
from django.db.models.functions import Greatest

from config import company_days
from leads import search
from leads.identity import merges
from leads.models import Event, StageChange
from leads.stages import motion_stages
from leads.vocabulary import Motion, Stage
from scoring.models import Qualification
from sla.models import Disposition, Handoff, HandoffQuerySet, ReasonCode, Rep
from sla.vocabulary import HandoffState

#: The filter for the leads that were paused in nurture; they are no tasks (rules 2.22).
PAUSED: Final = "paused"
RETURN_PERIODS: Final = MappingProxyType(
    {
        "due": "Today or overdue",
        "week": "Within 7 days",
        "month": "Within 30 days",
        "later": "Later",
        PAUSED: "Paused",
    }
)
HEADER: Final = (
    "Lead", "E-mail", "Title", "Company", "Motion", "Reason", "Note", "Rejected on",
    "Comes back on", "What to do", "Owner", "Last activity", "Paused",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class NurtureTask:
    """A lead in nurture as marketing's task; `tone` is "bad" when overdue, "warn" when due today, else empty."""

    handoff: Handoff
    disposition: Disposition | None
    back_on: dt.date
    action: str
    tone: str
    active_at: dt.datetime | None
    paused_at: dt.datetime | None


def select_recycled(handoffs: HandoffQuerySet) -> HandoffQuerySet:
    """Return the last handoff of each lead and motion in nurture that has a return date, the nearest first.

    The current disposition is prefetched as `standing_dispositions[0]`.
    """
    return _select_last_rejected(handoffs.filter(motion_stages.stands_in(Stage.NURTURE)))


def select_paused(handoffs: HandoffQuerySet) -> HandoffQuerySet:
    """Return the last handoff of each lead that was paused in nurture, as `select_recycled` does."""
    last_changes = StageChange.objects.filter(lead=OuterRef("lead"), motion=OuterRef("motion")).order_by("-pk")
    paused = handoffs.filter(motion_stages.stands_in(Stage.PAUSED)).annotate(
        stage_before=Subquery(last_changes.values("from_stage")[:1]), paused_at=Subquery(last_changes.values("at")[:1])
    )
    return _select_last_rejected(paused.filter(stage_before=Stage.NURTURE))


def _select_last_rejected(handoffs: HandoffQuerySet) -> HandoffQuerySet:
    later = Qualification.objects.filter(motion=OuterRef("motion"), pk__gt=OuterRef("qualification"))
    standing = Disposition.objects.standing().select_related("reason", "by")
    rows = handoffs.filter(
        merges.none_of_same_person(later),
        state=HandoffState.REJECTED,
        qualification__reenter_at__isnull=False,
    )
    return (
        rows.select_related("lead__company", "qualification", "rep__user")
        .defer("qualification__evidence")
        .prefetch_related(Prefetch("dispositions", queryset=standing, to_attr="standing_dispositions"))
        .order_by("qualification__reenter_at", "pk")
    )


def filter_recycled(
    rows: HandoffQuerySet,
    *,
    now: dt.datetime,
    q: str = "",
    when: str = "",
    reason: ReasonCode | None = None,
    rep: Rep | None = None,
    motion: Motion | None = None,
) -> HandoffQuerySet:
    """Filter recycled handoffs; days are the company's, `when` is a key of RETURN_PERIODS."""
    rows = rows.filter(search.match_leads(q, by="lead__"))
    if motion is not None:
        rows = rows.filter(motion=motion)
    if reason is not None:
        standing = Disposition.objects.standing().filter(handoff=OuterRef("pk"), reason=reason)
        rows = rows.filter(Exists(standing))
    if rep is not None:
        rows = rows.filter(rep=rep)
    return _filter_by_return(rows, when, now)


def last_activity(now: dt.datetime) -> Greatest:
    """Return an expression of when the row's person last did something, to annotate rows that have a lead."""
    engaged = Event.objects.filter(signal__is_engagement=True, occurred_at__lte=now)
    # GREATEST ignores the leads that did nothing.
    return Greatest(
        *(Subquery(rows.order_by("-occurred_at").values("occurred_at")[:1]) for rows in merges.of_same_person(engaged))
    )


def build_tasks(rows: HandoffQuerySet, *, now: dt.datetime) -> Iterator[NurtureTask]:
    """Yield the task of each handoff with its last activity, in the order of the rows."""
    handoffs: Iterable[Any] = rows.annotate(active_at=last_activity(now))
    for handoff in handoffs:
        yield _build_task(handoff, handoff.active_at, now)


def cells(task: NurtureTask) -> Sequence[object]:
    """Return the cells of a task's row under HEADER."""
    lead, disposition = task.handoff.lead, task.disposition
    return (
        lead.name,
        lead.email,
        lead.title,
        str(lead.company or ""),
        task.handoff.motion.upper(),
        str(disposition.reason) if disposition else "",
        disposition.note if disposition else "",
        company_days.day_of(disposition.at).isoformat() if disposition else "",
        task.back_on.isoformat(),
        task.action,
        task.handoff.rep_label,
        task.active_at.isoformat() if task.active_at else "",
        "yes" if task.paused_at is not None else "no",
    )


def _filter_by_return(rows: HandoffQuerySet, when: str, now: dt.datetime) -> HandoffQuerySet:
    today = company_days.day_of(now)

    def until(days: int) -> dt.datetime:
        return company_days.start_of(today + dt.timedelta(days=days))

    conditions = {
        "due": Q(qualification__reenter_at__lt=until(1)),
        "week": Q(qualification__reenter_at__gte=until(1), qualification__reenter_at__lt=until(8)),
        "month": Q(qualification__reenter_at__gte=until(1), qualification__reenter_at__lt=until(31)),
        "later": Q(qualification__reenter_at__gte=until(31)),
    }
    return rows.filter(conditions[when]) if when in conditions else rows


def _build_task(handoff: Any, active_at: dt.datetime | None, now: dt.datetime) -> NurtureTask:
    back_on, today = company_days.day_of(handoff.qualification.reenter_at), company_days.day_of(now)
    days_overdue = (today - back_on).days
    # Set by select_paused alone.
    paused_at = getattr(handoff, "paused_at", None)
    if paused_at is not None:
        action, tone = "Nothing, until it is active", ""
    elif days_overdue > 0:
        action, tone = f"Re-engage now: {days_overdue} day{'' if days_overdue == 1 else 's'} overdue", "bad"
    elif days_overdue == 0:
        action, tone = "Re-engage today", "warn"
    else:
        action, tone = f"Coming in {-days_overdue} day{'' if days_overdue == -1 else 's'}", ""
    disposition = handoff.standing_dispositions[0] if handoff.standing_dispositions else None
    return NurtureTask(handoff, disposition, back_on, action, tone, active_at, paused_at)
