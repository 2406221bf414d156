"""What happened to a lead, told in one list: what it did, what people did, where it went."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Final

from leads.models import Event, Lead, StageChange
from leads.vocabulary import Intent
from sla.models import Attempt, Disposition, RoutingDecision
from sla.vocabulary import AttemptOutcome

SHOWN: Final = 60

INTENT_TONES: Final = {Intent.HIGH: "marketing", Intent.MEDIUM: "info", Intent.LOW: ""}


@dataclass(frozen=True, slots=True)
class Entry:
    """`by` is empty for what the lead did and what Accord did by itself."""

    at: dt.datetime
    tone: str
    title: str
    detail: str = ""
    by: str = ""


@dataclass(frozen=True, slots=True)
class Timeline:
    entries: list[Entry]
    is_cut: bool


def of(lead: Lead, *, limit: int = SHOWN) -> Timeline:
    """The newest first; five queries."""
    sources = (_events(lead, limit), _stages(lead), _attempts(lead), _dispositions(lead), _routing(lead))
    entries = sorted(chain.from_iterable(sources), key=lambda entry: entry.at, reverse=True)
    return Timeline(entries[:limit], is_cut=len(entries) > limit)


def _events(lead: Lead, limit: int) -> Iterator[Entry]:
    events: Iterable[Event] = lead.events.select_related("signal").order_by("-occurred_at", "-pk")[: limit + 1]
    for event in events:
        page = event.properties.get("page") or event.properties.get("url") or ""
        yield Entry(
            event.occurred_at, INTENT_TONES[Intent(event.signal.intent)], event.signal.name, event.asset or str(page)
        )


def _stages(lead: Lead) -> Iterator[Entry]:
    changes: Iterable[StageChange] = lead.stage_changes.select_related("by")
    for change in changes:
        title = f"{change.get_from_stage_display()} → {change.get_to_stage_display()}"
        yield Entry(change.at, "good", title, change.why, str(change.by or ""))


def _attempts(lead: Lead) -> Iterator[Entry]:
    for attempt in Attempt.objects.filter(handoff__lead=lead).select_related("by"):
        tone = "good" if attempt.outcome == AttemptOutcome.CONNECTED else "sales"
        yield Entry(attempt.at, tone, str(attempt), attempt.note, str(attempt.by))


def _dispositions(lead: Lead) -> Iterator[Entry]:
    for word in Disposition.objects.filter(handoff__lead=lead).select_related("by", "reason"):
        title = word.get_kind_display() + (f": {word.reason}" if word.reason else "")
        again = f"Back on {word.reengage_on:%-d %B %Y}. " if word.reengage_on else ""
        correction = "Corrects an earlier decision. " if word.corrects_id else ""
        yield Entry(
            word.at, "bad" if word.reason else "sales", title, f"{correction}{again}{word.note}".strip(), str(word.by)
        )


def _routing(lead: Lead) -> Iterator[Entry]:
    for decision in RoutingDecision.objects.filter(handoff__lead=lead).select_related("by", "rep__user"):
        title = f"Routed to {decision.rep}" if decision.rep else "Nobody to route to"
        yield Entry(
            decision.at, "info" if decision.rep else "warn", title, decision.explanation, str(decision.by or "")
        )
