"""The values in force of a person known by several leads, each with the lead whose statement decides (rules 13.51)."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, Final

from django.db.models import Count, Max

from leads import attribute_history
from leads.identity import merges
from leads.models import AttributeChange, Company, Event, Lead, LeadMerge
from leads.normalization import attributes, stated_values

#: What a person has of the lead that stands for it, unless that one has none.
_IDENTITY: Final = ("email", "company")
_SHOWN: Final = frozenset({"email", "company", *attributes.LEAD}) - {"do_not_contact"}
_LABELS: Final[Mapping[str, str]] = {"email": "e-mail"}


@dataclass(frozen=True, slots=True)
class DecidingValue:
    """A value in force that comes from another lead of the person than the one that is shown."""

    name: str
    value: str
    lead: Lead
    at: dt.datetime
    source: str

    @property
    def label(self) -> str:
        return _LABELS.get(self.name) or self.name.removeprefix("custom.").replace("_", " ")


@dataclass(frozen=True, slots=True)
class OtherLead:
    """Another lead of the person: the merge that joined them, and what is known of the person by it."""

    lead: Lead
    merge: LeadMerge | None
    events: int
    last_event_at: dt.datetime | None
    values: Sequence[DecidingValue]

    @property
    def is_standing(self) -> bool:
        """Tell whether this lead stands for the person."""
        return self.lead.merged_into_id is None


def show_person(lead: Lead) -> list[OtherLead]:
    """Set the attributes of the lead to the values in force of the whole person, and return the person's other leads.

    The lead is for showing: nobody may save it.
    """
    members = list(merges.select_person(lead).select_related("company"))
    if len(members) == 1:
        return []
    origins, values = _fold(lead, members)
    attribute_history.write_columns(lead, values)
    lead.do_not_contact = any(member.do_not_contact for member in members)
    deciding = _list_deciding(lead, members, origins, values)
    return _describe_others(lead, members, deciding)


def _fold(lead: Lead, members: Sequence[Lead]) -> tuple[dict[str, AttributeChange], dict[str, Any]]:
    """Return the statement that decides each value, and the values."""
    standing_id = lead.merged_into_id or lead.pk
    changes = sorted(
        [*AttributeChange.objects.filter(lead__in=members), *_list_implied(members)],
        key=lambda change: (change.valid_from, change.pk or 0),
    )
    origins: dict[str, AttributeChange] = {}
    values: dict[str, Any] = {}
    own: dict[str, AttributeChange] = {}
    for change in changes:
        stated = stated_values.settle_seniority(values, change.values)
        values = stated_values.fold_statements([values, stated])
        origins |= dict.fromkeys(stated, change)
        if change.lead_id == standing_id:
            own |= {name: change for name in _IDENTITY if change.values.get(name) is not None}
    for name, change in own.items():
        values[name], origins[name] = change.values[name], change
    return origins, values


def _list_implied(members: Iterable[Lead]) -> list[AttributeChange]:
    """Return a statement of the address and the company of each lead, as of when it is known, for those never described."""
    return [
        AttributeChange(
            lead=member,
            valid_from=member.known_at,
            recorded_at=member.recorded_at,
            values={name: value for name, value in (("email", member.email), ("company", member.company_id)) if value},
        )
        for member in members
    ]


def _list_deciding(
    lead: Lead, members: Iterable[Lead], origins: Mapping[str, AttributeChange], values: Mapping[str, Any]
) -> list[DecidingValue]:
    """Return the values that other leads than the shown one decide."""
    by_id = {member.pk: member for member in members}
    companies = Company.objects.in_bulk([values["company"]] if values.get("company") else [])
    return [
        DecidingValue(
            name,
            str(companies.get(value, value)) if name == "company" else str(value),
            by_id[change.lead_id or 0],
            change.valid_from,
            change.source,
        )
        for name, change in sorted(origins.items())
        if change.lead_id != lead.pk
        and (name in _SHOWN or name.startswith("custom."))
        and (value := values.get(name)) not in (None, "", False)
    ]


def _describe_others(lead: Lead, members: Iterable[Lead], deciding: Iterable[DecidingValue]) -> list[OtherLead]:
    others = [member for member in members if member.pk != lead.pk]
    # An alias that is shown came into the person by its own merge; for the lead that stands for it there is none.
    merges_of = {
        row.alias_id: row
        for row in LeadMerge.objects.filter(alias__in=[*others, lead], ended_at__isnull=True).select_related("by")
    }
    events = {
        pk: (count, last_at)
        for pk, count, last_at in Event.objects.filter(lead__in=others)
        .order_by()
        .values_list("lead")
        .annotate(Count("pk"), Max("occurred_at"))
    }
    by_lead: dict[int, list[DecidingValue]] = defaultdict(list)
    for value in deciding:
        by_lead[value.lead.pk].append(value)
    return [
        OtherLead(
            other,
            merges_of.get(other.pk) or merges_of.get(lead.pk),
            *events.get(other.pk, (0, None)),
            by_lead[other.pk],
        )
        for other in sorted(others, key=attrgetter("pk"))
    ]
