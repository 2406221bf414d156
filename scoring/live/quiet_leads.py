"""The pausing of quiet leads: MALs and leads in nurture without activity for long (rules 2.22)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Final

from django.db.models import Exists, OuterRef

from config.jobs import sweeps
from leads.identity import merges
from leads.models import Event, Lead, LeadQuerySet, StageChange
from leads.stages import stage_pauses
from leads.vocabulary import PAUSABLE
from scoring.models import Qualification, RecencyValidation

#: The name under which leads that could not be paused are set aside.
SWEEP: Final = "quiet leads"
#: Leads paused in one transaction, few enough that an intake does not wait long for their rows.
BATCH: Final = 200


def pause_quiet(*, now: dt.datetime, limit: int = BATCH) -> int:
    """Pause up to `limit` quiet leads; return how many were looked at. Any number of workers may call it at once.

    Rows that another worker or an intake has locked are skipped. An event that was committed before the lock keeps its lead
    awake. One that is committed later waits for the lock, and the rescoring that it asks for resumes the lead. A lead that
    fails is set aside (rules 17.5).
    """
    return sweeps.claim_together(
        SWEEP, select_quiet(now).order_by("pk"), lambda leads: _pause(leads, now), now=now, limit=limit
    )


def _pause(leads: Iterable[Lead], now: dt.datetime) -> None:
    for lead in leads:
        stage_pauses.pause(lead=lead, now=now)


def select_quiet(now: dt.datetime) -> LeadQuerySet:
    """Return the leads that are to be paused.

    Their silence counts from the last activity of the person, from the day on which it was to come back from nurture, or
    from when somebody put the lead where it is, whichever is the latest. A lead
    whose interest is to be validated waits for that (rules 2.28).
    """
    since = now - stage_pauses.pause_after()
    activity = Event.objects.filter(signal__is_engagement=True, occurred_at__gt=since)
    return_days = Qualification.objects.filter(reenter_at__gt=since)
    placements = StageChange.objects.filter(
        lead=OuterRef("pk"), motion=OuterRef("stage_motion"), to_stage=OuterRef("stage"), by__isnull=False, at__gt=since
    )
    waiting = Lead.objects.standing().filter(stage__in=PAUSABLE)
    validations = RecencyValidation.objects.open().filter(lead=OuterRef("pk"))
    return waiting.filter(
        ~Exists(placements),
        ~Exists(validations),
        merges.none_of_same_person(return_days, "pk"),
        merges.none_of_same_person(activity, "pk"),
    )
