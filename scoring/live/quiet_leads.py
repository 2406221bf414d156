"""The pausing of quiet leads: MALs and leads in nurture without activity for long (rules 2.22)."""

from __future__ import annotations

import datetime as dt
from typing import Final

from django.db import transaction
from django.db.models import Exists, OuterRef

from leads.identity import merges
from leads.models import Event, Lead, LeadQuerySet, StageChange
from leads.stages import stage_pauses
from leads.vocabulary import PAUSABLE
from scoring.models import Qualification

#: Leads paused in one transaction, few enough that an intake does not wait long for their rows.
BATCH: Final = 200


@transaction.atomic
def pause_quiet(*, now: dt.datetime, limit: int = BATCH) -> int:
    """Pause up to `limit` quiet leads; return how many were looked at. Any number of workers may call it at once.

    Rows that another worker or an intake has locked are skipped.
    """
    quiet = select_quiet(now).order_by("pk")
    locked_ids = list(
        quiet.select_for_update(of=("self",), no_key=True, skip_locked=True).values_list("pk", flat=True)[:limit]
    )
    # Asked again in a new snapshot: an event that was committed before the lock keeps its lead awake. One that is
    # committed later waits for the lock, and the rescoring that it asks for resumes the lead.
    for lead in select_quiet(now).filter(pk__in=locked_ids).order_by("pk"):
        stage_pauses.pause(lead=lead, now=now)
    return len(locked_ids)


def select_quiet(now: dt.datetime) -> LeadQuerySet:
    """Return the leads that are to be paused.

    Their silence counts from the last activity of the person, from the day on which it was to come back from nurture, or
    from when somebody put the lead where it is, whichever is the latest.
    """
    since = now - stage_pauses.pause_after()
    activity = Event.objects.filter(signal__is_engagement=True, occurred_at__gt=since)
    return_days = Qualification.objects.filter(reenter_at__gt=since)
    placements = StageChange.objects.filter(
        lead=OuterRef("pk"), motion=OuterRef("stage_motion"), to_stage=OuterRef("stage"), by__isnull=False, at__gt=since
    )
    waiting = Lead.objects.standing().filter(stage__in=PAUSABLE)
    return waiting.filter(
        ~Exists(placements), ~merges.any_of_same_person(return_days, "pk"), ~merges.any_of_same_person(activity, "pk")
    )
