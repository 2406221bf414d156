"""Pauses of leads that do nothing: the stage *paused*, out of which the next activity takes a lead (rules 2.22, 2.23)."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Collection
from typing import Final

from django.conf import settings

from leads.identity import merges
from leads.models import Event, Lead, LeadStage, StageChange
from leads.stages import stage_changes
from leads.vocabulary import Motion, Stage

WHY_RESUMED: Final = "Active again"


def pause_after() -> dt.timedelta:
    """Return for how long a lead does nothing before it is paused."""
    return dt.timedelta(days=settings.PAUSE_AFTER_DAYS)


def pause(*, lead: Lead, now: dt.datetime) -> Lead:
    """Move a lead that did nothing for long to the stage *paused* of the motion in which it waits."""
    why = f"No activity for {settings.PAUSE_AFTER_DAYS} days"
    return stage_changes.move(lead=lead, motion=lead.stage_motion, to=Stage.PAUSED, by=None, now=now, why=why)


def resume_active(lead_ids: Collection[int], *, now: dt.datetime) -> dict[int, Lead]:
    """Move the paused ones among these leads that were active since back to the stages they were in; return them by id.

    The caller has locked their rows. Each resumes at the instant of its activity, but not before its pause.
    """
    pauses = _read_pauses(lead_ids)
    active_at = _find_first_activity(pauses)
    return {
        change.lead_id: stage_changes.move(
            lead=change.lead,
            motion=change.motion,
            to=Stage(change.from_stage),
            by=None,
            now=min(max(active_at[change.pk], change.at), now),
            why=WHY_RESUMED,
        )
        for change in pauses
        if change.pk in active_at
    }


def _read_pauses(lead_ids: Collection[int]) -> list[StageChange]:
    """Return the changes by which these leads were paused in the motions in which they are, in the order of the leads."""
    paused = LeadStage.objects.filter(lead__in=list(lead_ids), stage=Stage.PAUSED).values_list("lead_id", "motion")
    standing = set(paused)
    if not standing:
        return []
    changes = StageChange.objects.filter(lead__in={lead_id for lead_id, _ in standing}, to_stage=Stage.PAUSED)
    latest = changes.select_related("lead").order_by("lead", "motion", "-pk").distinct("lead", "motion")
    return [change for change in latest if (change.lead_id, Motion(change.motion)) in standing]


def _find_first_activity(pauses: Collection[StageChange]) -> dict[int, dt.datetime]:
    """Return the first activity that ends each pause, by the id of its change; pauses without one are absent.

    Activity of all leads of the person counts. Nothing was known of the days before a pause that Accord made itself, so
    what becomes known of them later ends it. A person paused the lead in spite of what it had done until then.
    """
    if not pauses:
        return {}
    counts_after = {change.pk: change.at if change.by_id else change.at - pause_after() for change in pauses}
    lead_ids = {change.lead_id for change in pauses}
    standing_ids = {lead_id: lead_id for lead_id in lead_ids} | dict(merges.list_aliases(list(lead_ids)))
    rows = Event.objects.filter(
        lead__in=standing_ids, signal__is_engagement=True, occurred_at__gt=min(counts_after.values())
    )
    instants: dict[int, list[dt.datetime]] = defaultdict(list)
    for lead_id, at in rows.values_list("lead_id", "occurred_at"):
        instants[standing_ids[lead_id]].append(at)
    ends = {change.pk: [at for at in instants[change.lead_id] if at > counts_after[change.pk]] for change in pauses}
    return {pk: min(moments) for pk, moments in ends.items() if moments}
