"""Leads that sales sent away: the end of their cycle, the day they come back, who waits for whom (SPEC 7)."""

from __future__ import annotations

import datetime as dt
from typing import Final

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet

from leads import events, looks
from leads.models import Event, Lead
from leads.vocabulary import Stage
from scoring import qualifications
from sla import notices
from sla.calendar import wall_to_instant
from sla.models import Handoff, Notice
from sla.vocabulary import HandoffState, NoticeKind

log = structlog.get_logger(__name__)

#: SPEC 4: a lead in nurture without activity for so long is paused.
PAUSED_AFTER: Final = dt.timedelta(days=90)
REQUEST_CLOSED: Final = "request_closed"
SOURCE: Final = "accord"


def recycle(*, handoff: Handoff, on: dt.date, now: dt.datetime) -> None:
    """End the cycle; from the midnight that begins the day, in the company's zone, the lead is judged afresh."""
    back_at = wall_to_instant(settings.COMPANY_TIME_ZONE, dt.datetime.combine(on, dt.time()))
    qualifications.close(qualification=handoff.qualification, now=now, reenter_at=back_at)
    looks.request(lead_ids=[handoff.lead_id], at=back_at)
    recycled = notices.Draft(
        kind=NoticeKind.RECYCLED,
        once=f"recycled:{handoff.pk}:{on}",
        handoff=handoff,
        to=notices.marketing(),
        text=f"Recycled by sales, back on {on}: {handoff.lead}",
        at=now,
    )
    notices.write([recycled])


def close(*, handoff: Handoff, now: dt.datetime) -> None:
    """End the cycle without a date: only newer activity can qualify the lead again."""
    qualifications.close(qualification=handoff.qualification, now=now)


def reopen(*, handoff: Handoff) -> None:
    """Take the end of the cycle back, for a corrected rejection."""
    qualifications.reopen(qualification=handoff.qualification)


def close_request(*, handoff: Handoff, now: dt.datetime) -> None:
    """The lead's explicit request has been answered, so it does not keep the timing open any more."""
    asked = handoff.lead.events.filter(signal__is_explicit_request=True, occurred_at__lte=now)
    if not asked.exists():
        return
    answered = {
        "lead": handoff.lead_id,
        "signal": REQUEST_CLOSED,
        "occurred_at": now,
        "id": f"handoff-{handoff.pk}-decided",
        "properties": {},
    }
    for result in events.record(items=[answered], source=SOURCE, now=now):
        if result.status == "rejected":
            log.warning("request_not_closed", handoff=handoff.pk, why=f"{result.field} {result.reason}")


def returning(now: dt.datetime) -> QuerySet[Handoff]:
    """Handoffs whose lead's day has come, while it is still in nurture: marketing's re-engagement tasks."""
    due = Handoff.objects.filter(state=HandoffState.REJECTED, qualification__reenter_at__lte=now)
    return due.filter(lead__stage=Stage.NURTURE).select_related("lead").order_by("qualification__reenter_at", "pk")


def paused(now: dt.datetime) -> QuerySet[Lead]:
    """Leads in nurture that have done nothing for 90 days."""
    active = Event.objects.filter(lead=OuterRef("pk"), signal__is_engagement=True, occurred_at__gt=now - PAUSED_AFTER)
    nurtured = Lead.objects.filter(stage=Stage.NURTURE).filter(~Exists(active))
    return nurtured.order_by("pk")


@transaction.atomic
def announce_returns(*, now: dt.datetime, limit: int = 500) -> int:
    """Tell marketing of each returned lead, once."""
    told = Notice.objects.filter(handoff=OuterRef("pk"), kind=NoticeKind.REENGAGED)
    back = list(returning(now).filter(~Exists(told))[:limit])
    receivers = notices.marketing() if back else []
    notices.write(
        notices.Draft(
            kind=NoticeKind.REENGAGED,
            once=f"reengaged:{handoff.pk}",
            handoff=handoff,
            to=receivers,
            text=f"Back from nurture today: {handoff.lead}",
            at=now,
        )
        for handoff in back
    )
    return len(back)
