"""Changes to a lead since it became an MQL: its activity, its attributes and its score now."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from django.db.models import Q

from config.accounts import sources
from leads.identity import merges
from leads.models import AttributeChange, Event
from leads.normalization import stated_values
from leads.normalization.countries import country_name
from scoring.engine.why import field_words
from scoring.explain import lead_explanation
from scoring.models import Qualification
from sla.models import Handoff

SIGNALS_SHOWN: Final = 5
EVENTS_READ: Final = 200
STATEMENTS_READ: Final = 400
CHANGES_SHOWN: Final = 8
TEXT_SHOWN: Final = 120
#: What a statement has beside attributes that people know.
_NOT_SHOWN: Final = (stated_values.READ_AS, stated_values.SENIORITY_OF_TITLE)


@dataclass(frozen=True, slots=True)
class RepeatedSignal:
    """A signal, the number of its events since the MQL, and the time of the last one."""

    name: str
    count: int
    last_at: dt.datetime


@dataclass(frozen=True, slots=True)
class AttributeChangeSinceMql:
    label: str
    before: str
    after: str
    at: dt.datetime


@dataclass(frozen=True, slots=True)
class AxisChange:
    label: str
    then: float
    now: float

    @property
    def difference(self) -> float:
        return round(self.now - self.then, 1)


@dataclass(frozen=True, slots=True)
class ChangesSinceMql:
    """The changes since the MQL. `events` counts all events; `signals` are the latest.

    `would_meet` is None when the lead cannot be judged now.
    """

    events: int
    signals: list[RepeatedSignal]
    changes: list[AttributeChangeSinceMql]
    axes: list[AxisChange]
    would_meet: bool | None
    why: str

    @property
    def is_quiet(self) -> bool:
        return not self.events and not self.changes


def for_handoff(handoff: Handoff, *, now: dt.datetime) -> ChangesSinceMql:
    """Collect the changes since the qualification. A fact that is older but was recorded later counts as new."""
    qualification = handoff.qualification
    ids = merges.list_person_ids(handoff.lead)
    later = Event.objects.filter(lead__in=ids).exclude(source=sources.ACCORD)
    later = later.filter(Q(occurred_at__gt=qualification.at) | Q(recorded_at__gt=qualification.recorded_at))
    signals = _group_by_signal(later.select_related("signal").order_by("-occurred_at", "-pk")[:EVENTS_READ])
    explanations = lead_explanation.explain_lead(handoff.lead, at=now, under=[handoff.version])
    explanation = explanations[0][1] if explanations else None
    return ChangesSinceMql(
        events=later.count(),
        signals=signals[:SIGNALS_SHOWN],
        changes=_read_attribute_changes(handoff, qualification, ids)[:CHANGES_SHOWN],
        axes=[] if explanation is None else list(_compare_axes(qualification, explanation)),
        would_meet=None if explanation is None else explanation.meets,
        why="" if explanation is None else explanation.why,
    )


def _group_by_signal(events: Iterable[Event]) -> list[RepeatedSignal]:
    """Group events, given newest first, by signal name."""
    by_signal: dict[str, list[Event]] = {}
    for event in events:
        by_signal.setdefault(event.signal.name, []).append(event)
    return [RepeatedSignal(name, len(group), group[0].occurred_at) for name, group in by_signal.items()]


def _compare_axes(qualification: Qualification, explanation: Any) -> Iterator[AxisChange]:
    for label, then, now in (
        ("Fit", qualification.fit, explanation.fit.value),
        ("Engagement", qualification.engagement, explanation.engagement.value),
        ("BANT", qualification.bant, explanation.bant.value),
    ):
        if then or now:
            yield AxisChange(label, then, now)


def _read_attribute_changes(
    handoff: Handoff, qualification: Qualification, ids: Collection[int]
) -> list[AttributeChangeSinceMql]:
    """Return the attribute changes of the person's leads, newest first.

    A statement that repeats the known value is no change, nor is the address of another lead of the person.
    """
    about = Q(lead__in=ids)
    if handoff.lead.company_id is not None:
        about |= Q(company=handoff.lead.company_id)
    newest = AttributeChange.objects.filter(about).order_by("-valid_from", "-pk")[:STATEMENTS_READ]
    known: dict[tuple[str, str], Any] = {}
    changes: list[AttributeChangeSinceMql] = []
    # Oldest first, so that each value is compared with the one known before it.
    for statement in reversed(newest):
        owner = "lead" if statement.lead_id else "company"
        is_new = statement.valid_from > qualification.at or statement.recorded_at > qualification.recorded_at
        for name, value in stated_values.understand_stored_values(statement.values).items():
            if name == "email" and statement.lead_id != handoff.lead_id:
                continue
            before = known.get((owner, name))
            known[owner, name] = value
            if is_new and value != before and name != "company" and not name.startswith(_NOT_SHOWN):
                label = field_words(f"{owner}.{name.removeprefix(stated_values.NOT_UNDERSTOOD)}")
                changes.append(
                    AttributeChangeSinceMql(
                        f"{label[:1].upper()}{label[1:]}",
                        _format_value(name, before),
                        _format_value(name, value),
                        statement.valid_from,
                    )
                )
    return changes[::-1]


def _format_value(name: str, value: Any) -> str:
    """Format an attribute's value for people; empty for an unknown one."""
    if value is None or value == "":
        return ""
    if name.startswith(stated_values.NOT_UNDERSTOOD):
        return f"“{value[:TEXT_SHOWN]}” (not understood)"
    if name == "country":
        return country_name(value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(str, value))[:TEXT_SHOWN]
    return (f"{value:,}" if isinstance(value, int | float) else str(value))[:TEXT_SHOWN]
