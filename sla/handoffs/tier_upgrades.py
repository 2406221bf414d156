"""MQLs of tier 3 that are of tier 2 by all that is known now, but were handed off before (rules 6.34)."""

from __future__ import annotations

import datetime as dt
from typing import Final

from config.jobs import sweeps
from scoring.live import mqls
from scoring.models import TierUpgrade
from sla import handoff_states
from sla.models import Handoff

SWEEP: Final = "tier upgrades"


def follow_tier_upgrades(*, now: dt.datetime, limit: int = 100) -> int:
    """Raise the handoffs whose MQL turned out to be of a better tier, each in its own transaction; return how many.

    Both tiers have the same promises, so only the rank changes. An MQL that sales does not have yet is left to
    `creation.hand_off_waiting`, which takes the tier. Any number of workers may run at once.
    """
    waiting = TierUpgrade.objects.waiting().filter(qualification__handoff__isnull=False)
    waiting = waiting.defer("evidence").order_by("pk")
    return sum(1 for _ in sweeps.claim_each(SWEEP, waiting, lambda row: _follow(row, now), now=now, limit=limit))


def _follow(tier_upgrade: TierUpgrade, now: dt.datetime) -> TierUpgrade:
    handoff = handoff_states.lock(Handoff.objects.get(qualification=tier_upgrade.qualification_id))
    # A closed handoff says what it said on its day.
    if handoff.is_open and tier_upgrade.tier < handoff.tier:
        handoff.raised_to = tier_upgrade.tier
        handoff.save(update_fields=["raised_to"])
    mqls.mark_upgrade_taken(upgrade=tier_upgrade, now=now)
    return tier_upgrade
