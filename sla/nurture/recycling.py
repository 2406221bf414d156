"""Recycling: the end of a lead's cycle, the day it comes back, and postponing or advancing it (rules 7.7 to 7.9)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, Final

import structlog
from django.db import transaction
from django.db.models import Exists, OuterRef

from config import company_days
from config.accounts import sources
from config.accounts.models import User
from config.accounts.roles import holds
from config.accounts.vocabulary import Role
from config.jobs import sweeps
from leads.identity import merges
from leads.intake import events
from leads.models import Event
from leads.rescoring import rescore_queue
from leads.stages import motion_stages, stage_changes
from leads.vocabulary import Stage
from scoring import active_versions
from scoring.live import mqls
from sla.models import Handoff, HandoffQuerySet, Note, Notice
from sla.notifications import outbox
from sla.nurture import nurture_tasks
from sla.vocabulary import HandoffState, NoticeKind

log = structlog.get_logger(__name__)

#: The name under which returns that could not be announced are set aside.
SWEEP: Final = "returns to announce"
REQUEST_CLOSED: Final = "request_closed"
#: The external id of a deal that a rep recorded on a handoff is this and the id of the handoff.
DEAL_PREFIX: Final = "handoff-"

#: The roles that manage nurture.
NURTURE_ROLES: Final = (Role.MARKETING_OPS, Role.MARKETING_LEADER)
POSTPONED_AT_MOST: Final = dt.timedelta(days=2 * 365)


class RecyclingRefused(Exception):
    """A change of nurture that is not possible."""


@dataclass(frozen=True, slots=True)
class PostponeResult:
    """The number of leads moved, and of those not moved: gone from nurture, or later already."""

    moved: int
    unmoved: int


def recycle(*, handoff: Handoff, on: dt.date, now: dt.datetime) -> None:
    """End the cycle; from midnight of the day `on`, in the company's zone, the lead is scored afresh."""
    back_at = company_days.start_of(on)
    mqls.close_cycle(qualification=handoff.qualification, now=now, reenter_at=back_at)
    rescore_queue.request(lead_ids=[handoff.lead_id], at=back_at)
    outbox.write_notices([draft_recycled(handoff=handoff, on=on, at=now)])


def draft_recycled(*, handoff: Handoff, on: dt.date, at: dt.datetime) -> outbox.NoticeDraft:
    """Draft the notice to marketing that sales recycled a lead until the day `on`."""
    return outbox.NoticeDraft(
        kind=NoticeKind.RECYCLED,
        once=f"recycled:{handoff.pk}:{on}",
        handoff=handoff,
        to=outbox.marketing_ops(),
        text=f"Recycled by sales, back on {on:%-d %B %Y}: {outbox.name_lead(handoff)}",
        at=at,
    )


@transaction.atomic
def postpone(*, handoff_ids: Collection[int], to: dt.date, by: User, now: dt.datetime, why: str = "") -> PostponeResult:
    """Keep these leads in nurture until a later day, at most two years ahead; who, when and why is noted on each.

    1. Check the person's role and the day.
    2. Lock the handoffs whose lead waits in nurture.
    3. Move each qualification's return to the new day; an earlier day than before changes nothing.
    4. Write a note on each handoff that moved.
    5. Request a rescore of those leads on the new day.

    Raises RecyclingRefused with a sentence for the user.
    """
    _require_marketing(by)
    today = company_days.day_of(now)
    if not today < to <= today + POSTPONED_AT_MOST:
        raise RecyclingRefused("Choose a day after today, at most two years ahead.")
    back_at = company_days.start_of(to)
    qualifications = {handoff.pk: handoff.qualification for handoff in _lock_recycled(handoff_ids)}
    moved = {
        pk: qualification
        for pk, qualification in qualifications.items()
        if mqls.postpone_reentry(qualification=qualification, to=back_at)
    }
    Note.objects.bulk_create(
        Note(handoff_id=pk, at=now, by=by, text=_postponement_note(qualification.reenter_at, to, why))
        for pk, qualification in moved.items()
    )
    rescore_queue.request(lead_ids=[qualification.lead_id for qualification in moved.values()], at=back_at)
    return PostponeResult(len(moved), len(set(handoff_ids)) - len(moved))


@transaction.atomic
def bring_back(*, handoff_ids: Collection[int], by: User, now: dt.datetime, why: str = "") -> PostponeResult:
    """Return these leads from nurture to marketing now; any new activity may qualify them. Raises RecyclingRefused."""
    _require_marketing(by)
    handoffs = _lock_recycled(handoff_ids, with_paused=True)
    for handoff in handoffs:
        mqls.allow_reentry(qualification=handoff.qualification, now=now)
        reason = f"Back to marketing before its day{f': {why}' if why else ''}"
        stage_changes.move(lead=handoff.lead, motion=handoff.motion, to=Stage.MAL, by=by, now=now, why=reason[:300])
    rescore_queue.request(lead_ids=[handoff.lead_id for handoff in handoffs], at=now)
    return PostponeResult(len(handoffs), len(set(handoff_ids)) - len(handoffs))


def close_cycle(*, handoff: Handoff, now: dt.datetime) -> None:
    """End the cycle without a date: only newer activity can qualify the lead again."""
    mqls.close_cycle(qualification=handoff.qualification, now=now)


def reopen_cycle(*, handoff: Handoff) -> None:
    """Reopen the cycle, for a corrected rejection."""
    mqls.reopen_cycle(qualification=handoff.qualification)


def close_request(*, handoff: Handoff, now: dt.datetime) -> None:
    """Record an event that the lead's explicit request was answered, so that it no longer counts as open timing."""
    event = build_request_closed(handoff=handoff, now=now)
    if event is None:
        return
    for result in events.record(items=[event], source=sources.ACCORD, now=now):
        if result.status == "rejected":
            log.warning("request_not_closed", handoff=handoff.pk, why=f"{result.field} {result.reason}")


def build_request_closed(*, handoff: Handoff, now: dt.datetime) -> dict[str, Any] | None:
    """Return the event that answers the lead's explicit request, as an item for `events.record`.

    None if the lead made no request until now. What a request is, the version of the handoff says (rules 9.18).
    """
    of_person = Event.objects.filter(lead__in=merges.list_person_ids(handoff.lead))
    requests = active_versions.rules_of(handoff.version).catalogue.requests
    if not of_person.filter(signal__code__in=requests, occurred_at__lte=now).exists():
        return None
    return {
        "lead": handoff.lead_id,
        "signal": REQUEST_CLOSED,
        "occurred_at": now,
        "id": f"handoff-{handoff.pk}-decided",
        "properties": {},
    }


def returning_handoffs(now: dt.datetime) -> HandoffQuerySet:
    """Return the handoffs whose lead is in nurture and due to come back: marketing's re-engagement tasks."""
    return nurture_tasks.select_recycled(Handoff.objects.all()).filter(qualification__reenter_at__lte=now)


def announce_returns(*, now: dt.datetime, limit: int = 500) -> int:
    """Notify marketing of each returned lead, once; one that fails is set aside (rules 17.5). Return how many."""
    # A lead that was postponed after its day came is announced again on the new day.
    announced = Notice.objects.filter(
        handoff=OuterRef("pk"), kind=NoticeKind.REENGAGED, created_at__gte=OuterRef("qualification__reenter_at")
    )
    # First the few that are due and not announced: whether a person has a later cycle is asked for each row.
    due = Handoff.objects.filter(
        motion_stages.stands_in(Stage.NURTURE), ~Exists(announced), state=HandoffState.REJECTED
    )
    due = due.filter(qualification__reenter_at__lte=now)
    sweeps.forget_done(SWEEP, due, now)
    count = 0
    while True:
        due_ids = list(sweeps.exclude_set_aside(SWEEP, due, now).values_list("pk", flat=True))
        recycled = nurture_tasks.select_recycled(Handoff.objects.filter(pk__in=due_ids))
        ids = [handoff.pk for handoff in recycled[:limit]] if due_ids else []
        failed = sweeps.do_together(SWEEP, ids, lambda part: _announce(part, now), now=now)
        count += len(ids) - failed
        if not failed or len(ids) < limit:
            return count


def _announce(handoff_ids: Collection[int], now: dt.datetime) -> None:
    receivers = outbox.marketing_ops()
    outbox.write_notices(
        outbox.NoticeDraft(
            kind=NoticeKind.REENGAGED,
            once=f"reengaged:{handoff.pk}:{handoff.qualification.reenter_at:%Y-%m-%d}",
            handoff=handoff,
            to=receivers,
            text=f"Back from nurture today: {outbox.name_lead(handoff)}",
            at=now,
        )
        for handoff in nurture_tasks.select_recycled(Handoff.objects.filter(pk__in=handoff_ids))
    )


def _lock_recycled(handoff_ids: Collection[int], *, with_paused: bool = False) -> list[Handoff]:
    """Return the handoffs among these whose lead waits in nurture, locked until the end of the transaction.

    `with_paused`: those of leads that were paused there as well.
    """
    # Locked in id order, so that two bulk actions cannot deadlock.
    rows = Handoff.objects.filter(pk__in=handoff_ids).order_by("pk")
    locked_ids = list(rows.select_for_update(of=("self",), no_key=True).values_list("pk", flat=True))
    handoffs = Handoff.objects.filter(pk__in=locked_ids)
    paused = nurture_tasks.select_paused(handoffs) if with_paused else ()
    return sorted([*nurture_tasks.select_recycled(handoffs), *paused], key=attrgetter("pk"))


def _postponement_note(before: dt.datetime | None, to: dt.date, why: str) -> str:
    former_day = f" from {company_days.day_of(before):%-d %B %Y}" if before else ""
    return f"Return postponed{former_day} to {to:%-d %B %Y}{f': {why}' if why else ''}"[:1000]


def _require_marketing(by: User) -> None:
    if not holds(by, *NURTURE_ROLES):
        raise RecyclingRefused("Marketing decides about the leads in nurture.")
