"""Work that waits for marketing ops: versions in preparation, reviews, and what came in and was not understood (rules 12.75)."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Final

from django.db.models import Count, Max
from django.urls import reverse

from config.jobs.models import SetAsideRow
from definitions.models import Review, Version
from definitions.vocabulary import VersionState
from leads.identity import duplicates
from leads.intake import not_understood
from leads.models import Event, ImportRun

#: What came in is counted over this time.
CAME_IN_OVER: Final = dt.timedelta(days=7)
_PREPARED: Final = (VersionState.DRAFT, VersionState.PROPOSED, VersionState.APPROVED)


@dataclass(frozen=True, slots=True)
class WaitingCount:
    """Work that waits: how many, what they are, and the address of their page. `tone` is "warn" where nothing goes on without it."""

    label: str
    count: int
    href: str
    note: str
    tone: str = ""


@dataclass(frozen=True, slots=True)
class SenderIntake:
    """The events that one sender sent within CAME_IN_OVER: events, about how many leads, and when the last one came in."""

    sender: str
    events: int
    leads: int
    last_at: dt.datetime


def list_versions() -> list[Version]:
    """List the versions that are prepared and not in force yet, those to be signed or activated first."""
    versions = Version.objects.filter(state__in=_PREPARED).select_related("definition")
    return sorted(versions, key=lambda version: (-_PREPARED.index(VersionState(version.state)), version.pk))


def list_reviews() -> list[Review]:
    """List the reviews to decide, by the day when they are due."""
    reviews = Review.objects.undecided().select_related("definition")
    return sorted(reviews, key=lambda review: (review.due_at, review.pk))


def count_waiting(*, now: dt.datetime) -> list[WaitingCount]:
    """Count what was not understood, refused or put aside, and pairs that may be one person."""
    since = now - CAME_IN_OVER
    runs = ImportRun.objects.filter(started_at__gte=since)
    return [
        WaitingCount(
            "Values not understood",
            len(not_understood.list_texts()),
            reverse("value_list"),
            "They count as unknown until somebody says what they mean.",
            "warn",
        ),
        WaitingCount(
            "Imports with refused rows",
            runs.filter(refused_rows__isnull=False).distinct().count(),
            reverse("import_list"),
            "Started within the last 7 days.",
            "warn",
        ),
        WaitingCount(
            "Imports that failed",
            runs.exclude(error="").count(),
            reverse("import_list"),
            "Started within the last 7 days; nothing of the file was stored after the error.",
            "warn",
        ),
        WaitingCount(
            "Possible duplicates",
            duplicates.list_candidates().count(),
            reverse("duplicates"),
            "Pairs that may be one person.",
        ),
        WaitingCount(
            "Set aside",
            SetAsideRow.objects.count(),
            reverse("set_aside"),
            "Work that cannot be done for now and is tried again by itself.",
        ),
    ]


def list_senders(*, now: dt.datetime) -> list[SenderIntake]:
    """List what each sender of events sent within CAME_IN_OVER, the busiest first."""
    events = Event.objects.filter(recorded_at__gte=now - CAME_IN_OVER).order_by().values_list("source")
    counted = events.annotate(events=Count("pk"), leads=Count("lead", distinct=True), last_at=Max("recorded_at"))
    return sorted((SenderIntake(*row) for row in counted), key=lambda row: (-row.events, row.sender))
