"""MQLs of tier 3 that are of tier 2 by all that is known now, but were handed off before (rules 6.34)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Set

import structlog
from django.db import transaction

from scoring.live import mqls
from scoring.models import TierUpgrade
from sla import handoff_states
from sla.handoffs.row_claims import RowFailed, claim_each
from sla.models import Handoff

log = structlog.get_logger(__name__)


def follow_tier_upgrades(*, now: dt.datetime, limit: int = 100) -> int:
    """Raise the handoffs whose MQL turned out to be of a better tier, each in its own transaction; return how many.

    Both tiers have the same promises, so only the rank changes. An MQL that sales does not have yet is left to
    `creation.hand_off_waiting`, which takes the tier. Any number of workers may run at once.
    """
    return sum(1 for _ in claim_each(lambda failed: _follow_next(failed, now), limit=limit))


@transaction.atomic
def _follow_next(failed: Set[int], now: dt.datetime) -> TierUpgrade | None:
    waiting = TierUpgrade.objects.waiting().filter(qualification__handoff__isnull=False).exclude(pk__in=failed)
    rows = waiting.defer("evidence").order_by("pk").select_for_update(of=("self",), no_key=True, skip_locked=True)
    tier_upgrade = rows.first()
    if tier_upgrade is None:
        return None
    try:
        with transaction.atomic():
            handoff = handoff_states.lock(Handoff.objects.get(qualification=tier_upgrade.qualification_id))
            # A closed handoff says what it said on its day.
            if handoff.is_open and tier_upgrade.tier < handoff.tier:
                handoff.raised_to = tier_upgrade.tier
                handoff.save(update_fields=["raised_to"])
            mqls.mark_upgrade_taken(upgrade=tier_upgrade, now=now)
    except Exception as error:
        log.exception("tier_upgrade_failed", tier_upgrade=tier_upgrade.pk)
        raise RowFailed(tier_upgrade.pk) from error
    return tier_upgrade
