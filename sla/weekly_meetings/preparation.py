"""The preparation of the meetings of a week that is over, once for each motion (rules 12.57)."""

from __future__ import annotations

import datetime as dt

from django.db import transaction

from config.calendar_periods import CalendarWeek
from config.jobs.periods import claim_period
from definitions import motions
from leads.vocabulary import Motion
from scoring.models import AccountQualification, Qualification
from sla.models import WeeklyMeeting
from sla.reports import rejected_sample


def prepare_due(*, now: dt.datetime) -> int:
    """Prepare the meeting about last week for each motion that has none yet; return how many were made.

    Any number of workers may run it. A motion without any qualification before the week's end has nothing to meet about.
    """
    week = CalendarWeek.containing(now, weeks_back=1)
    prepared = set(WeeklyMeeting.objects.filter(week=week.name).values_list("motion", flat=True))
    due = [motion for motion in motions.list_motions_in_use() if motion not in prepared and _has_begun(motion, week)]
    return sum(prepare_meeting(motion, week, now=now) is not None for motion in due)


@transaction.atomic
def prepare_meeting(motion: Motion, week: CalendarWeek, *, now: dt.datetime) -> WeeklyMeeting | None:
    """Prepare the meeting about a closed week, its rejected leads frozen; None if another worker has claimed it."""
    if not claim_period(job=f"meeting:{motion}", period=week.name, now=now):
        return None
    return WeeklyMeeting.objects.create(
        motion=motion,
        week=week.name,
        start=week.start,
        end=week.end,
        rejected=rejected_sample.choose_rejected(motion, week),
        prepared_at=now,
    )


def _has_begun(motion: Motion, week: CalendarWeek) -> bool:
    if motion == Motion.AQL:
        return AccountQualification.objects.filter(at__lt=week.end).exists()
    return Qualification.objects.filter(motion=motion, at__lt=week.end).exists()
