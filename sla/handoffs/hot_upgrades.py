"""Leads that turned hot after they qualified: open handoffs are hurried, waiting MQLs are handed off now (rules 6.25)."""

from __future__ import annotations

import datetime as dt
from typing import Final

import structlog

from config.jobs import sweeps
from leads.vocabulary import Motion
from scoring.live import mqls
from scoring.models import HotUpgrade
from sla import handoff_states
from sla.business_time.arithmetic import BadCalendar, NeverOpen
from sla.clocks import clocks
from sla.commitments import commitments
from sla.handoffs import creation, routing
from sla.handoffs.tier_3_hold import CommitmentsByMotion
from sla.models import Handoff
from sla.notifications import outbox
from sla.vocabulary import HandoffState, NoticeKind

log = structlog.get_logger(__name__)

SWEEP: Final = "hot upgrades"
#: In later states a person has confirmed the need already and is in contact with the lead.
STATES_TO_HURRY: Final = (HandoffState.UNROUTED, HandoffState.ASSIGNED, HandoffState.ACCEPTED)


def follow_hot_upgrades(*, now: dt.datetime, limit: int = 100) -> int:
    """Act once on each lead that turned hot, each in its own transaction; return how many.

    An MQL that sales does not have yet is handed off as tier 1. For an open handoff the rep is notified, and the first
    contact is due in tier 1's minutes from now on. A hot upgrade that fails is set aside (rules 17.5). Any number of
    workers may run at once.
    """
    in_force = commitments.commitments_in_force()
    if not in_force:
        # Without commitments nothing was handed off; creation.hand_off_waiting logs that MQLs wait.
        return 0
    count = 0
    waiting = HotUpgrade.objects.waiting().filter(qualification__motion__in=list(in_force)).order_by("pk")
    for followed in sweeps.claim_each(SWEEP, waiting, lambda row: _follow(row, in_force, now), now=now, limit=limit):
        if isinstance(followed, Handoff) and followed.is_unrouted:
            routing.route_handoff(handoff=followed, now=now)
        count += 1
    return count


def _follow(hot_upgrade: HotUpgrade, in_force: CommitmentsByMotion, now: dt.datetime) -> Handoff | HotUpgrade:
    """Return the handoff that was created or hurried, or the hot upgrade itself if its MQL is no case for sales any more."""
    mqls.mark_upgrade_taken(upgrade=hot_upgrade, now=now)
    commitment = in_force[Motion(hot_upgrade.qualification.motion)]
    handoff = creation.hand_off_hot(hot_upgrade=hot_upgrade, commitment=commitment, now=now)
    return handoff or _hurry_handoff(hot_upgrade, now) or hot_upgrade


def _hurry_handoff(hot_upgrade: HotUpgrade, now: dt.datetime) -> Handoff | None:
    unlocked = Handoff.objects.filter(qualification=hot_upgrade.qualification_id).first()
    if unlocked is None:
        return None
    handoff = handoff_states.lock(unlocked)
    # Handed off as tier 1 already, by a worker that saw the upgrade first.
    if handoff.hot_upgraded_at is not None or handoff.state not in STATES_TO_HURRY:
        return handoff
    handoff.hot_upgraded_at = now
    handoff.save(update_fields=["hot_upgraded_at"])
    if handoff.rep is not None:
        try:
            clocks.hurry_first_contact(handoff=handoff, rep=handoff.rep, now=now)
        except (NeverOpen, BadCalendar):
            # The running clock stays as it is; the rep is notified all the same.
            log.warning("not_hurried", handoff=handoff.pk)
    draft = outbox.NoticeDraft(
        kind=NoticeKind.REENGAGED,
        once=f"hot_upgrade:{hot_upgrade.pk}",
        handoff=handoff,
        to=outbox.rep_or_managers(handoff.rep, handoff.team),
        text=f"Hot now: {outbox.name_lead(handoff)}. {hot_upgrade.why}",
        at=now,
    )
    outbox.write_notices([draft])
    return handoff
