"""What happened to a lead after it became an MQL: what it did, what is known of it now, what it would score now."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from django.db.models import Q

from leads.models import AttributeChange, Event
from scoring.engine.why import field_words
from scoring.explain import lead_explanation
from scoring.models import Qualification
from sla.models import Handoff
from sla.nurture import recycling

SIGNALS_SHOWN: Final = 5
EVENTS_READ: Final = 200
STATEMENTS_READ: Final = 400
CHANGES_SHOWN: Final = 8
TEXT_SHOWN: Final = 120


@dataclass(frozen=True, slots=True)
class RepeatedSignal:
    """A signal, how often it came since, and when last."""

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
    def moved(self) -> float:
        return round(self.now - self.then, 1)


@dataclass(frozen=True, slots=True)
class ChangesSinceMql:
    """`events` counts all; `signals` are the latest. `would_meet` is None when the lead cannot be judged now."""

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
    """Since the qualification. A fact that is older but became known later counts as new."""
    qualified = handoff.qualification
    later = handoff.lead.events.exclude(source=recycling.SOURCE).filter(
        Q(occurred_at__gt=qualified.at) | Q(recorded_at__gt=qualified.recorded_at)
    )
    signals = _repeated(later.select_related("signal").order_by("-occurred_at", "-pk")[:EVENTS_READ])
    told = lead_explanation.explain_lead(handoff.lead, at=now, under=[handoff.version])
    explained = told[0][1] if told else None
    return ChangesSinceMql(
        events=later.count(),
        signals=signals[:SIGNALS_SHOWN],
        changes=_changes(handoff, qualified)[:CHANGES_SHOWN],
        axes=[] if explained is None else list(_axes(qualified, explained)),
        would_meet=None if explained is None else explained.meets,
        why="" if explained is None else explained.why,
    )


def _repeated(events: Iterable[Event]) -> list[RepeatedSignal]:
    """`events` the newest first."""
    by_signal: dict[str, list[Event]] = {}
    for event in events:
        by_signal.setdefault(event.signal.name, []).append(event)
    return [RepeatedSignal(name, len(found), found[0].occurred_at) for name, found in by_signal.items()]


def _axes(qualified: Qualification, told: Any) -> Iterator[AxisChange]:
    for label, then, now in (
        ("Fit", qualified.fit, told.fit.value),
        ("Engagement", qualified.engagement, told.engagement.value),
        ("BANT", qualified.bant, told.bant.value),
    ):
        if then or now:
            yield AxisChange(label, then, now)


def _changes(handoff: Handoff, qualified: Qualification) -> list[AttributeChangeSinceMql]:
    """The newest first; a statement that repeats what was known changes nothing."""
    about = Q(lead=handoff.lead_id)
    if handoff.lead.company_id is not None:
        about |= Q(company=handoff.lead.company_id)
    newest = AttributeChange.objects.filter(about).order_by("-valid_from", "-pk")[:STATEMENTS_READ]
    held: dict[tuple[str, str], Any] = {}
    found: list[AttributeChangeSinceMql] = []
    for statement in reversed(newest):
        owner = "lead" if statement.lead_id else "company"
        is_new = statement.valid_from > qualified.at or statement.recorded_at > qualified.recorded_at
        for name, value in statement.values.items():
            before = held.get((owner, name))
            held[owner, name] = value
            if is_new and value != before and name != "company":
                label = field_words(f"{owner}.{name}")
                found.append(
                    AttributeChangeSinceMql(
                        f"{label[:1].upper()}{label[1:]}", _shown(before), _shown(value), statement.valid_from
                    )
                )
    return found[::-1]


def _shown(value: Any) -> str:
    """A value of an attribute as people read it; empty for what is not known."""
    if value is None or value == "":
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(str, value))[:TEXT_SHOWN]
    return (f"{value:,}" if isinstance(value, int | float) else str(value))[:TEXT_SHOWN]
