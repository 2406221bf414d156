"""Leads that sales sent away: the end of their cycle, the day they come back, who waits for whom (rules 7.7 to 7.9)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final
from zoneinfo import ZoneInfo

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet

from config.web import holds
from leads import events, rescore_queue, stage_changes
from leads.models import Event, Lead, User
from leads.vocabulary import Role, Stage
from scoring.live import mqls
from sla.business_time.arithmetic import wall_to_instant
from sla.models import Handoff, Note, Notice
from sla.notifications import outbox
from sla.nurture import nurture_tasks
from sla.vocabulary import HandoffState, NoticeKind

log = structlog.get_logger(__name__)

REQUEST_CLOSED: Final = "request_closed"
SOURCE: Final = "accord"

#: Nurture is marketing's.
NURSES: Final = (Role.MARKETING_OPS, Role.MARKETING_LEADER)
POSTPONED_AT_MOST: Final = dt.timedelta(days=2 * 365)


class RecyclingRefused(Exception):
    """Nurture cannot be changed so."""


@dataclass(frozen=True, slots=True)
class PostponeResult:
    """How many leads were moved, and how many of those asked for were not: gone from nurture, or later already."""

    moved: int
    left: int


def recycle(*, handoff: Handoff, on: dt.date, now: dt.datetime) -> None:
    """End the cycle; from the midnight that begins the day, in the company's zone, the lead is judged afresh."""
    back_at = reentry_instant(on)
    mqls.close(qualification=handoff.qualification, now=now, reenter_at=back_at)
    rescore_queue.request(lead_ids=[handoff.lead_id], at=back_at)
    outbox.write([recycled_notice(handoff=handoff, on=on, at=now)])


def reentry_instant(day: dt.date) -> dt.datetime:
    """Return the midnight that begins a day, in the company's time zone: from then on a recycled lead is judged afresh."""
    return wall_to_instant(settings.COMPANY_TIME_ZONE, dt.datetime.combine(day, dt.time()))


def recycled_notice(*, handoff: Handoff, on: dt.date, at: dt.datetime) -> outbox.NoticeDraft:
    """Return the notice to marketing that sales recycled a lead until a day."""
    return outbox.NoticeDraft(
        kind=NoticeKind.RECYCLED,
        once=f"recycled:{handoff.pk}:{on}",
        handoff=handoff,
        to=outbox.marketing(),
        text=f"Recycled by sales, back on {on}: {handoff.lead}",
        at=at,
    )


@transaction.atomic
def postpone(*, handoff_ids: Collection[int], to: dt.date, by: User, now: dt.datetime, why: str = "") -> PostponeResult:
    """These leads stay in nurture until a later day: only forward, at most two years; who, when and why is noted on each.

    Raises RecyclingRefused with a sentence for the user.
    """
    _check_nurse(by)
    today = now.astimezone(ZoneInfo(settings.COMPANY_TIME_ZONE)).date()
    if not today < to <= today + POSTPONED_AT_MOST:
        raise RecyclingRefused("Choose a day after today, at most two years ahead.")
    back_at = reentry_instant(to)
    waiting = {handoff.pk: handoff.qualification for handoff in _held(handoff_ids)}
    moved = {pk: each for pk, each in waiting.items() if mqls.postpone(qualification=each, to=back_at)}
    Note.objects.bulk_create(
        Note(handoff_id=pk, at=now, by=by, text=_postponed_said(each.reenter_at, to, why)) for pk, each in moved.items()
    )
    rescore_queue.request(lead_ids=[each.lead_id for each in moved.values()], at=back_at)
    return PostponeResult(len(moved), len(set(handoff_ids)) - len(moved))


@transaction.atomic
def bring_back(*, handoff_ids: Collection[int], by: User, now: dt.datetime, why: str = "") -> PostponeResult:
    """These leads leave nurture for marketing now; any new activity may qualify them. Raises RecyclingRefused."""
    _check_nurse(by)
    back = _held(handoff_ids)
    for handoff in back:
        mqls.release(qualification=handoff.qualification, now=now)
        said = f"Back to marketing before its day{f': {why}' if why else ''}"
        stage_changes.move(lead=handoff.lead, to=Stage.MAL, by=by, now=now, why=said[:300])
    rescore_queue.request(lead_ids=[handoff.lead_id for handoff in back], at=now)
    return PostponeResult(len(back), len(set(handoff_ids)) - len(back))


def close(*, handoff: Handoff, now: dt.datetime) -> None:
    """End the cycle without a date: only newer activity can qualify the lead again."""
    mqls.close(qualification=handoff.qualification, now=now)


def reopen(*, handoff: Handoff) -> None:
    """Take the end of the cycle back, for a corrected rejection."""
    mqls.reopen(qualification=handoff.qualification)


def close_request(*, handoff: Handoff, now: dt.datetime) -> None:
    """The lead's explicit request has been answered, so it does not keep the timing open any more."""
    answered = request_closed_event(handoff=handoff, now=now)
    if answered is None:
        return
    for result in events.record(items=[answered], source=SOURCE, now=now):
        if result.status == "rejected":
            log.warning("request_not_closed", handoff=handoff.pk, why=f"{result.field} {result.reason}")


def request_closed_event(*, handoff: Handoff, now: dt.datetime) -> dict[str, Any] | None:
    """Return the event, as the intake takes it, that answers the lead's explicit request; None if there was no request."""
    requests = handoff.lead.events.filter(signal__is_explicit_request=True, occurred_at__lte=now)
    if not requests.exists():
        return None
    return {
        "lead": handoff.lead_id,
        "signal": REQUEST_CLOSED,
        "occurred_at": now,
        "id": f"handoff-{handoff.pk}-decided",
        "properties": {},
    }


def returning(now: dt.datetime) -> QuerySet[Handoff]:
    """Handoffs whose lead's day has come, while it is still in nurture: marketing's re-engagement tasks."""
    due = Handoff.objects.filter(state=HandoffState.REJECTED, qualification__reenter_at__lte=now)
    return due.filter(lead__stage=Stage.NURTURE).select_related("lead").order_by("qualification__reenter_at", "pk")


def paused(now: dt.datetime) -> QuerySet[Lead]:
    """Leads in nurture that have done nothing for 90 days."""
    active = Event.objects.filter(
        lead=OuterRef("pk"), signal__is_engagement=True, occurred_at__gt=now - nurture_tasks.PAUSED_AFTER
    )
    nurtured = Lead.objects.filter(stage=Stage.NURTURE).filter(~Exists(active))
    return nurtured.order_by("pk")


@transaction.atomic
def announce_returns(*, now: dt.datetime, limit: int = 500) -> int:
    """Tell marketing of each returned lead, once."""
    # One that was postponed after its day came is told of again on the new one.
    told = Notice.objects.filter(
        handoff=OuterRef("pk"), kind=NoticeKind.REENGAGED, created_at__gte=OuterRef("qualification__reenter_at")
    )
    back = list(returning(now).select_related("qualification").filter(~Exists(told))[:limit])
    receivers = outbox.marketing() if back else []
    outbox.write(
        outbox.NoticeDraft(
            kind=NoticeKind.REENGAGED,
            once=f"reengaged:{handoff.pk}:{handoff.qualification.reenter_at:%Y-%m-%d}",
            handoff=handoff,
            to=receivers,
            text=f"Back from nurture today: {handoff.lead}",
            at=now,
        )
        for handoff in back
    )
    return len(back)


def _held(handoff_ids: Collection[int]) -> list[Handoff]:
    """Those that wait in nurture, held until the end of the transaction; in order, so that two bulks cannot deadlock."""
    rows = Handoff.objects.filter(pk__in=handoff_ids).order_by("pk")
    held = list(rows.select_for_update(of=("self",), no_key=True).values_list("pk", flat=True))
    return list(nurture_tasks.recycled(Handoff.objects.filter(pk__in=held)).order_by("pk"))


def _postponed_said(before: dt.datetime | None, to: dt.date, why: str) -> str:
    zone = ZoneInfo(settings.COMPANY_TIME_ZONE)
    was = f" from {before.astimezone(zone):%-d %B %Y}" if before else ""
    return f"Return postponed{was} to {to:%-d %B %Y}{f': {why}' if why else ''}"[:1000]


def _check_nurse(by: User) -> None:
    if not holds(by, *NURSES):
        raise RecyclingRefused("Marketing decides about the leads in nurture.")
