"""Leads that turned hot after they qualified (rules 6.25): what sales has of them is hurried, what it has not goes there now."""

from __future__ import annotations

import datetime as dt
from typing import Final

import structlog
from django.db import transaction

from scoring.live import mqls
from scoring.models import HotUpgrade
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
STATES_TO_HURRY: Final = (HandoffState.UNROUTED, HandoffState.ASSIGNED, HandoffState.ACCEPTED)


def follow_hot_upgrades(*, now: dt.datetime, limit: int = 100) -> int:
    """Act on each lead that turned hot, once, in its own transaction, by any number of workers at once; how many.

    An MQL that sales does not have yet is handed off as tier 1. Of an open handoff the rep is told, and the first
    contact is due in tier 1's minutes from now on. One that fails is logged, stays and is passed over.
    """
    try:
        commitment = commitments.current_commitment()
    except commitments.NotYetAgreed:
        # Nothing can have been handed off; what waits is logged where it waits.
        return 0
    done, failed = 0, set[int]()
    while done < limit:
        try:
            followed = _follow_next(commitment, failed, now)
        except _Failed as failure:
            failed.add(failure.hot_upgrade)
            continue
        if followed is None:
            break
        if isinstance(followed, Handoff) and followed.is_unrouted:
            routing.route_handoff(handoff=followed, now=now)
        done += 1
    return done


class _Failed(Exception):
    def __init__(self, hot_upgrade: int) -> None:
        self.hot_upgrade = hot_upgrade


@transaction.atomic
def _follow_next(commitment: Commitment, passed_over: set[int], now: dt.datetime) -> Handoff | HotUpgrade | None:
    """The handoff that was made or hurried, or the next one itself, if its MQL is no case for sales any more."""
    waiting = HotUpgrade.objects.waiting().exclude(pk__in=passed_over).order_by("pk")
    hot_upgrade = waiting.select_for_update(of=("self",), no_key=True, skip_locked=True).first()
    if hot_upgrade is None:
        return None
    try:
        with transaction.atomic():
            mqls.take_hot_upgrade(hot_upgrade=hot_upgrade, now=now)
            made = creation.hand_off_hot(hot_upgrade=hot_upgrade, commitment=commitment, now=now)
            return made or _hurry_handoff(hot_upgrade, now) or hot_upgrade
    except Exception as error:
        log.exception("hot_upgrade_failed", hot_upgrade=hot_upgrade.pk)
        raise _Failed(hot_upgrade.pk) from error


def _hurry_handoff(hot_upgrade: HotUpgrade, now: dt.datetime) -> Handoff | None:
    unlocked = Handoff.objects.filter(qualification=hot_upgrade.qualification_id).first()
    if unlocked is None:
        return None
    handoff = handoff_states.lock(unlocked)
    if handoff.state not in STATES_TO_HURRY:
        return handoff
    handoff.hot_upgraded_at = now
    handoff.save(update_fields=["hot_upgraded_at"])
    if handoff.rep is not None:
        try:
            clocks.hurry_first_contact(handoff=handoff, rep=handoff.rep, now=now)
        except (NeverOpen, BadCalendar):
            # The clock that runs stays; the rep is told all the same.
            log.warning("not_hurried", handoff=handoff.pk)
    draft = outbox.NoticeDraft(
        kind=NoticeKind.REENGAGED,
        once=f"hot_upgrade:{hot_upgrade.pk}",
        handoff=handoff,
        to=outbox.rep_or_managers(handoff.rep, handoff.team),
        text=f"Hot now: {handoff.lead}. {hot_upgrade.why}",
        at=now,
    )
    outbox.write_notices([draft])
    return handoff
