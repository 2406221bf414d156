"""Changes of a week: versions, commitments, suppressions, lists and routing, for the weekly meeting (rules 12.57)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from operator import attrgetter
from typing import Any, Final

from django.contrib.admin.models import LogEntry
from django.db.models import QuerySet
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
    rows = Suppression.objects.filter(set_at__gte=week.start, set_at__lt=week.end).select_related("set_by")
    yield from _list_latest(rows.order_by("-set_at", "-pk"), _describe_suppression)


def _describe_suppression(row: Suppression) -> WeeklyChange:
    return WeeklyChange("Suppression", row.reason, row.set_at, str(row.set_by), reverse("suppression", args=[row.pk]))


def _list_data_sets(week: CalendarPeriod) -> Iterator[WeeklyChange]:
    for row in ReferenceData.objects.filter(loaded_at__gte=week.start, loaded_at__lt=week.end).order_by("name"):
        yield WeeklyChange("List", f"The shipped data set {row} was loaded", row.loaded_at)


def _list_logged(kind: str, week: CalendarPeriod, *models: type) -> Iterator[WeeklyChange]:
    entries = changelog.latest_changes(*models).filter(action_time__gte=week.start, action_time__lt=week.end)
    yield from _list_latest(entries, partial(_describe_entry, kind))


def _describe_entry(kind: str, entry: LogEntry) -> WeeklyChange:
    text = f"{entry.object_repr}: {entry.get_change_message()}"
    return WeeklyChange(kind, text, entry.action_time, str(entry.user))


def _list_latest(rows: QuerySet[Any], describe: Callable[[Any], WeeklyChange]) -> Iterator[WeeklyChange]:
    """Yield the latest changes of a kind, and how many stand before them; `rows` are in order, the latest first."""
    changes = [describe(row) for row in rows[: SHOWN_OF_A_KIND + 1]]
    yield from changes[:SHOWN_OF_A_KIND]
    if more := changes[SHOWN_OF_A_KIND:]:
        count = rows.count() - SHOWN_OF_A_KIND
        text = "1 earlier change" if count == 1 else f"{count:,} earlier changes"
        yield replace(more[0], text=f"{text} of the week", by="", href="")
