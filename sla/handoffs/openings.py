"""The record of the first time that a rep opens the page of a handoff (rules 12.72)."""

from __future__ import annotations

import datetime as dt

from config.accounts.models import User
from sla.models import Handoff, HandoffOpening


def record_opening(*, handoff: Handoff, by: User, now: dt.datetime) -> None:
    """Store that the rep who has a handoff opened its page; nothing for anybody else, and nothing the second time."""
    if handoff.rep is None or handoff.rep.user_id != by.pk:
        return
    if not HandoffOpening.objects.filter(pk=handoff.pk).exists():
        # Two pages at once: the second row is not written.
        HandoffOpening.objects.bulk_create([HandoffOpening(handoff=handoff, at=now)], ignore_conflicts=True)
