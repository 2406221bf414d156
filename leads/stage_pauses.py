"""Pauses of leads that do nothing: the stage *paused*, out of which the next activity takes a lead (rules 2.274, 2.275)."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable
from typing import Final

from django.conf import settings

from leads import merges, stage_changes
from leads.models import Event, Lead, StageChange
from leads.vocabulary import Stage

WHY_RESUMED: Final = "Active again"


def pause_after() -> dt.timedelta:
    """Return for how long a lead does nothing before it is paused."""
    return dt.timedelta(days=settings.PAUSE_AFTER_DAYS)


def pause(*, lead: Lead, now: dt.datetime) -> Lead:
    """Move a lead that did nothing for long to the stage *paused*."""
    why = f"No activity for {settings.PAUSE_AFTER_DAYS} days"
    return stage_changes.move(lead=lead, to=Stage.PAUSED, by=None, now=now, why=why)


def resume_active(leads: Iterable[Lead], *, now: dt.datetime) -> dict[int, Lead]:
    """Move the paused ones among these leads that were active since back to the stage they were in; return them by id.

    The caller has locked their rows. Each resumes at the instant of its activity, but not before its pause.
    """
    paused_ids = [lead.pk for lead in leads if lead.stage == Stage.PAUSED]
    if not paused_ids:
        return {}
    pauses = _read_pauses(paused_ids)
    active_at = _find_first_activity(pauses)
    return {
        change.lead_id: stage_changes.move(
            lead=change.lead,
            to=Stage(change.from_stage),
            by=None,
            now=min(max(active_at[change.lead_id], change.at), now),
            why=WHY_RESUMED,
        )
        for change in pauses
        if change.lead_id in active_at
    }


def _read_pauses(lead_ids: list[int]) -> list[StageChange]:
    """Return the change by which each of these leads was paused, in the order of the leads."""
    changes = StageChange.objects.filter(lead__in=lead_ids, to_stage=Stage.PAUSED).select_related("lead")
    return list(changes.order_by("lead", "-pk").distinct("lead"))


def _find_first_activity(pauses: list[StageChange]) -> dict[int, dt.datetime]:
    """Return the first activity that ends each pause, by lead id; leads without one are absent.

    Activity of all leads of the person counts. Nothing was known of the days before a pause that Accord made itself, so
    what becomes known of them later ends it. A person paused the lead in spite of what it had done until then.
    """
    counts_after = {change.lead_id: change.at if change.by_id else change.at - pause_after() for change in pauses}
    standing_ids = {lead_id: lead_id for lead_id in counts_after} | dict(merges.list_aliases(list(counts_after)))
    rows = Event.objects.filter(
        lead__in=standing_ids, signal__is_engagement=True, occurred_at__gt=min(counts_after.values())
    )
    instants: dict[int, list[dt.datetime]] = defaultdict(list)
    for lead_id, at in rows.values_list("lead_id", "occurred_at"):
        standing_id = standing_ids[lead_id]
        if at > counts_after[standing_id]:
            instants[standing_id].append(at)
    return {lead_id: min(moments) for lead_id, moments in instants.items()}
