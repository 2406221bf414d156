"""What happened to a lead, told in one list: what it did, what people did, where it went."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from types import MappingProxyType
from typing import Final, TypeAlias

from leads.models import Event, Lead, StageChange
from leads.vocabulary import Intent
from sla.clocks import clocks
from sla.models import Attempt, Disposition, Note, RoutingDecision
from sla.vocabulary import AttemptOutcome

SHOWN: Final = 60
SHOWN_AT_MOST: Final = 3000

INTENT_TONES: Final = {Intent.HIGH: "marketing", Intent.MEDIUM: "info", Intent.LOW: ""}


@dataclass(frozen=True, slots=True)
class TimelineEntry:
    """`by` is empty for what the lead did and what Accord did by itself; `about_at`: an instant the title speaks of."""

    at: dt.datetime
    tone: str
    title: str
    detail: str = ""
    by: str = ""
    about_at: dt.datetime | None = None


@dataclass(frozen=True, slots=True)
class LeadTimeline:
    """`kind` is one of KINDS, or empty for everything."""

    entries: list[TimelineEntry]
    is_cut: bool
    kind: str = ""
    limit: int = SHOWN


def for_lead(lead: Lead, *, limit: int = SHOWN, kind: str = "") -> LeadTimeline:
    """The newest first; one query for each kind."""
    kind = kind if kind in KINDS else ""
    sources = [source for name, (_, source) in KINDS.items() if kind in ("", name)]
    entries = sorted(
        chain.from_iterable(source(lead, limit + 1) for source in sources), key=lambda entry: entry.at, reverse=True
    )
    return LeadTimeline(entries[:limit], is_cut=len(entries) > limit, kind=kind, limit=limit)


def _events(lead: Lead, limit: int) -> Iterator[TimelineEntry]:
    events: Iterable[Event] = lead.events.select_related("signal").order_by("-occurred_at", "-pk")[:limit]
    for event in events:
        page = event.properties.get("page") or event.properties.get("url") or ""
        yield TimelineEntry(
            event.occurred_at, INTENT_TONES[Intent(event.signal.intent)], event.signal.name, event.asset or str(page)
        )


def _stages(lead: Lead, limit: int) -> Iterator[TimelineEntry]:
    changes: Iterable[StageChange] = lead.stage_changes.select_related("by").order_by("-at", "-pk")[:limit]
    for change in changes:
        title = f"{change.get_from_stage_display()} → {change.get_to_stage_display()}"
        yield TimelineEntry(change.at, "good", title, change.why, str(change.by or ""))


def _attempts(lead: Lead, limit: int) -> Iterator[TimelineEntry]:
    made = Attempt.objects.filter(handoff__lead=lead).select_related("by")
    for attempt in made.order_by("-at", "-pk")[:limit]:
        tone = "good" if attempt.outcome == AttemptOutcome.CONNECTED else "sales"
        title = ", ".join(part for part in (str(attempt), clocks.late_logging_remark(attempt)) if part)
        yield TimelineEntry(attempt.at, tone, title, attempt.note, str(attempt.by))


def _notes(lead: Lead, limit: int) -> Iterator[TimelineEntry]:
    for note in Note.objects.filter(handoff__lead=lead).select_related("by").order_by("-at", "-pk")[:limit]:
        title = "Note" if note.meeting_at is None else "Meeting booked for"
        yield TimelineEntry(note.at, "sales", title, note.text, str(note.by or ""), note.meeting_at)


def _dispositions(lead: Lead, limit: int) -> Iterator[TimelineEntry]:
    words = Disposition.objects.filter(handoff__lead=lead).select_related("by", "reason", "corrects__reason")
    for word in words.order_by("-at", "-pk")[:limit]:
        was = f"Was: {_lowered(word.corrects)}." if word.corrects else ""
        again = f"Back on {word.reengage_on:%-d %B %Y}." if word.reengage_on else ""
        missing = f"What was missing: {word.missing}" if word.missing else ""
        detail = " ".join(part for part in (was, again, word.note, missing) if part)
        title = f"Corrected to {_lowered(word)}" if word.corrects else _said(word)
        yield TimelineEntry(word.at, "bad" if word.reason else "sales", title, detail, str(word.by))


def _said(word: Disposition) -> str:
    return word.get_kind_display() + (f": {word.reason}" if word.reason else "")


def _lowered(word: Disposition) -> str:
    said = _said(word)
    return said[:1].lower() + said[1:]


def _routing(lead: Lead, limit: int) -> Iterator[TimelineEntry]:
    decisions = RoutingDecision.objects.filter(handoff__lead=lead).select_related("by", "rep__user")
    for decision in decisions.order_by("-at", "-pk")[:limit]:
        title = f"Routed to {decision.rep}" if decision.rep else "Nobody to route to"
        yield TimelineEntry(
            decision.at, "info" if decision.rep else "warn", title, decision.explanation, str(decision.by or "")
        )


_Source: TypeAlias = Callable[[Lead, int], Iterator[TimelineEntry]]

#: What can be asked for alone: its name on the page, and who reads it.
KINDS: Final[Mapping[str, tuple[str, _Source]]] = MappingProxyType(
    {
        "activity": ("Lead’s activity", _events),
        "contacts": ("Contacts", _attempts),
        "notes": ("Notes and meetings", _notes),
        "decisions": ("Decisions", _dispositions),
        "stages": ("Stages", _stages),
        "routing": ("Routing", _routing),
    }
)
