"""Leads that turned hot after they qualified (SPEC 3.5, 6): what sales has of them is hurried, what it has not goes there now."""

from __future__ import annotations

import datetime as dt
from typing import Final

import structlog
from django.db import transaction

from scoring.live import mqls
from scoring.models import Heating
from sla import handoff_states
from sla.business_time.arithmetic import BadCalendar, NeverOpen
from sla.clocks import clocks
from sla.commitments import commitments
from sla.handoffs import creation, routing
from sla.models import Commitment, Handoff
from sla.notifications import outbox
from sla.vocabulary import HandoffState, NoticeKind

log = structlog.get_logger(__name__)

#: Later a human has confirmed the need already, and speaks with them.
TO_HURRY: Final = (HandoffState.UNROUTED, HandoffState.ASSIGNED, HandoffState.ACCEPTED)


def follow(*, now: dt.datetime, limit: int = 100) -> int:
    """Act on each lead that turned hot, once, in its own transaction, by any number of workers at once; how many.

    An MQL that sales does not have yet is handed off as tier 1. Of an open handoff the rep is told, and the first
    contact is due in tier 1's minutes from now on. One that fails is logged, stays and is passed over.
    """
    try:
        commitment = commitments.current()
    except commitments.NotYetAgreed:
        # Nothing can have been handed off; what waits is logged where it waits.
        return 0
    done, failed = 0, set[int]()
    while done < limit:
        try:
            followed = _follow_next(commitment, failed, now)
        except _Failed as failure:
            failed.add(failure.heating)
            continue
        if followed is None:
            break
        if isinstance(followed, Handoff) and followed.is_unrouted:
            routing.route(handoff=followed, now=now)
        done += 1
    return done


class _Failed(Exception):
    def __init__(self, heating: int) -> None:
        self.heating = heating


@transaction.atomic
def _follow_next(commitment: Commitment, passed_over: set[int], now: dt.datetime) -> Handoff | Heating | None:
    """The handoff that was made or hurried, or the next one itself, if its MQL is no case for sales any more."""
    waiting = Heating.objects.waiting().exclude(pk__in=passed_over).order_by("pk")
    heating = waiting.select_for_update(of=("self",), no_key=True, skip_locked=True).first()
    if heating is None:
        return None
    try:
        with transaction.atomic():
            mqls.take_heating(heating=heating, now=now)
            made = creation.hand_off_hot(heating=heating, commitment=commitment, now=now)
            return made or _hurry(heating, now) or heating
    except Exception as error:
        log.exception("heating_failed", heating=heating.pk)
        raise _Failed(heating.pk) from error


def _hurry(heating: Heating, now: dt.datetime) -> Handoff | None:
    found = Handoff.objects.filter(qualification=heating.qualification_id).first()
    if found is None:
        return None
    handoff = handoff_states.lock(found)
    if handoff.state not in TO_HURRY:
        return handoff
    handoff.heated_at = now
    handoff.save(update_fields=["heated_at"])
    if handoff.rep is not None:
        try:
            clocks.hurry(handoff=handoff, rep=handoff.rep, now=now)
        except (NeverOpen, BadCalendar):
            # The clock that runs stays; the rep is told all the same.
            log.warning("not_hurried", handoff=handoff.pk)
    told = outbox.Draft(
        kind=NoticeKind.REENGAGED,
        once=f"heated:{heating.pk}",
        handoff=handoff,
        to=outbox.rep_or_managers(handoff.rep, handoff.team),
        text=f"Hot now: {handoff.lead}. {heating.why}",
        at=now,
    )
    outbox.write([told])
    return handoff
