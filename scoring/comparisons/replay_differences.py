"""Why a replay of the past and the record of it differ, where that can be told: what was learned too late to matter then."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from django.contrib.admin.models import LogEntry

from definitions.models import Version
from leads.models import AttributeChange, Event, Lead, Outcome

#: A fact that reached us so long after its instant was late for it.
_LATE: Final = dt.timedelta(minutes=5)
#: Facts of the last moments of a version were judged by the one that took over.
_LAST_MOMENTS: Final = dt.timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Difference:
    """`missing`: expected, not made. `surplus`: made, not expected. `moved`: made at another instant. Without `reason`, unexplained."""

    kind: str
    lead_id: int
    cycle: int
    expected_at: dt.datetime | None
    made_at: dt.datetime | None
    recorded_at: dt.datetime | None
    reason: str = ""

    @property
    def at(self) -> dt.datetime:
        """The later of the two instants: what was known of it had to be known by then."""
        return max(at for at in (self.expected_at, self.made_at) if at is not None)

    @property
    def judged_at(self) -> dt.datetime:
        """When the record was written, or should have been."""
        return self.recorded_at or self.at + _LATE


def explained(differences: Iterable[Difference], *, version: Version, now: dt.datetime) -> tuple[Difference, ...]:
    """The differences with their reasons."""
    found = tuple(differences)
    if not found:
        return ()
    leads = {lead.pk: lead for lead in Lead.objects.filter(pk__in={each.lead_id for each in found})}
    learned, edits = _learned(leads), _edits(version)
    return tuple(
        replace(each, reason=_reason(each, leads[each.lead_id], learned[each.lead_id], edits, version, now))
        for each in found
    )


@dataclass(frozen=True, slots=True)
class _News:
    """Something that holds since `valid_at` and that we learned at `recorded_at`."""

    what: str
    valid_at: dt.datetime
    recorded_at: dt.datetime


def _reason(
    each: Difference, lead: Lead, learned: Sequence[_News], edits: Sequence[_News], version: Version, now: dt.datetime
) -> str:
    late = next((news for news in learned if news.valid_at <= each.at and news.recorded_at > each.judged_at), None)
    if late is not None:
        return f"{late.what} of {late.valid_at:%Y-%m-%d %H:%M} UTC was recorded later, on {late.recorded_at:%Y-%m-%d %H:%M} UTC."
    edit = next((news for news in edits if news.recorded_at > each.judged_at), None)
    if edit is not None:
        return f"{edit.what} was changed later, on {edit.recorded_at:%Y-%m-%d}."
    if each.kind == "missing" and lead.look_error:
        return "It could not be judged; the error is kept with the lead."
    if each.kind == "missing" and lead.next_look_at is not None and lead.next_look_at <= now:
        return "It has not been judged yet."
    return _around_a_change(each, version)


def _around_a_change(each: Difference, version: Version) -> str:
    if each.kind == "missing" and version.retired_at is not None and each.at >= version.retired_at - _LAST_MOMENTS:
        return "The next version took over before it was judged."
    if each.made_at is not None and each.made_at == version.activated_at and version.hands_over_entrants is False:
        return "What it did just before the version came into force had not been judged."
    return ""


def _learned(leads: Mapping[int, Lead]) -> Mapping[int, list[_News]]:
    """What is known of each lead, with when we learned it."""
    known: dict[int, list[_News]] = defaultdict(list)
    of_company: dict[int, list[int]] = defaultdict(list)
    for lead in leads.values():
        known[lead.pk].append(_News("The lead", lead.known_at, lead.recorded_at))
        if lead.company_id is not None:
            of_company[lead.company_id].append(lead.pk)
    for event in Event.objects.filter(lead_id__in=leads).select_related("signal").order_by("pk").iterator():
        known[event.lead_id].append(_News(event.signal.name, event.occurred_at, event.recorded_at))
    for outcome in Outcome.objects.filter(lead_id__in=leads).order_by("pk"):
        known[outcome.lead_id].append(_News(outcome.get_kind_display(), outcome.at, outcome.recorded_at))
    for change in AttributeChange.objects.filter(lead_id__in=leads).order_by("pk"):
        known[change.lead_id or 0].append(_News("An attribute", change.valid_from, change.recorded_at))
    for change in AttributeChange.objects.filter(company_id__in=of_company).order_by("pk"):
        for lead_id in of_company[change.company_id or 0]:
            known[lead_id].append(_News("An attribute of the company", change.valid_from, change.recorded_at))
    return known


def _edits(version: Version) -> list[_News]:
    """Changes in the administration of what the rules look up: the named lists, the signals' meanings."""
    looked_up = {"namedlist": "The named list", "signal": "The signal"}
    entries = LogEntry.objects.filter(content_type__app_label="leads", content_type__model__in=looked_up)
    rows = entries.order_by("action_time").values_list("content_type__model", "object_repr", "action_time")
    return [_News(f"{looked_up[model]} “{name}”", version.created_at, at) for model, name, at in rows]
