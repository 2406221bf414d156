"""Changes of a week: versions, commitments, suppressions, lists and routing, for the weekly meeting (rules 12.57)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from operator import attrgetter
from typing import Final

from django.urls import reverse

from config.calendar_periods import CalendarPeriod
from definitions.models import Suppression, Version
from leads.models import ListEntry, NamedList, ReferenceData
from leads.vocabulary import Motion
from sla.models import Commitment, RoutingRule, Team
from sla.teams import changelog

#: More changes of one kind are counted, not listed.
SHOWN_OF_A_KIND: Final = 10


@dataclass(frozen=True, slots=True)
class WeeklyChange:
    """A change: what kind of thing, what happened to it, when and by whom; Accord itself where nobody is named."""

    kind: str
    text: str
    at: dt.datetime
    by: str = ""
    href: str = ""


def list_changes(motion: Motion, week: CalendarPeriod) -> list[WeeklyChange]:
    """Return the changes of a week, the oldest first: those of the motion, and those of lists and routing, which all share."""
    changes = [
        *_list_versions(motion, week),
        *_list_commitments(motion, week),
        *_list_suppressions(week),
        *_list_data_sets(week),
        *_list_logged("List", week, NamedList, ListEntry),
        *_list_logged("Routing", week, RoutingRule, Team),
    ]
    return sorted(changes, key=attrgetter("at"))


def _list_versions(motion: Motion, week: CalendarPeriod) -> Iterator[WeeklyChange]:
    versions = Version.objects.filter(definition__motion=motion).select_related("definition").order_by("pk")
    for version in versions.filter(activated_at__gte=week.start, activated_at__lt=week.end):
        address = reverse("definition_version", args=[version.definition.slug, version.number])
        assert version.activated_at is not None  # noqa: S101  # filtered by it
        yield WeeklyChange(
            "Definition", f"{version} came into force: {version.reason}", version.activated_at, "", address
        )


def _list_commitments(motion: Motion, week: CalendarPeriod) -> Iterator[WeeklyChange]:
    rows = Commitment.objects.filter(motion=motion, activated_at__gte=week.start, activated_at__lt=week.end)
    for row in rows.select_related("signed_by_marketing", "signed_by_sales").order_by("pk"):
        assert row.activated_at is not None  # noqa: S101  # filtered by it
        signers = f"{row.signed_by_marketing} and {row.signed_by_sales}"
        text = f"{row} came into force" + (f": {row.reason}" if row.reason else "")
        yield WeeklyChange("Commitments", text, row.activated_at, signers, reverse("commitment", args=[row.pk]))


def _list_suppressions(week: CalendarPeriod) -> Iterator[WeeklyChange]:
    rows = Suppression.objects.filter(set_at__gte=week.start, set_at__lt=week.end)
    for row in rows.select_related("set_by", "lead", "company").order_by("pk")[:SHOWN_OF_A_KIND]:
        yield WeeklyChange(
            "Suppression", str(row.reason), row.set_at, str(row.set_by), reverse("suppression", args=[row.pk])
        )


def _list_data_sets(week: CalendarPeriod) -> Iterator[WeeklyChange]:
    for row in ReferenceData.objects.filter(loaded_at__gte=week.start, loaded_at__lt=week.end).order_by("name"):
        yield WeeklyChange("List", f"The shipped data set {row} was loaded", row.loaded_at)


def _list_logged(kind: str, week: CalendarPeriod, *models: type) -> Iterator[WeeklyChange]:
    entries = changelog.latest_changes(*models).filter(action_time__gte=week.start, action_time__lt=week.end)
    for entry in entries[:SHOWN_OF_A_KIND]:
        text = f"{entry.object_repr}: {entry.get_change_message()}"
        yield WeeklyChange(kind, text, entry.action_time, str(entry.user))
    if (more := entries.count() - SHOWN_OF_A_KIND) > 0:
        yield WeeklyChange(kind, f"And {more:,} more changes", entries[SHOWN_OF_A_KIND].action_time)
