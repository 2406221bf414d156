"""The timeline of a lead: its activity, what people did with it, and its stages and routing, in one list."""

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
    """An entry of the timeline.

    `by` is empty for what the lead or Accord itself did; `about_at` is an instant that the title refers to.
    """

    at: dt.datetime
    tone: str
    title: str
    detail: str = ""
    by: str = ""
    about_at: dt.datetime | None = None


@dataclass(frozen=True, slots=True)
class LeadTimeline:
    """A page of the timeline; `kind` is one of KINDS, or empty for everything."""

    entries: list[TimelineEntry]
    is_cut: bool
    kind: str = ""
    limit: int = SHOWN


def for_lead(lead: Lead, *, limit: int = SHOWN, kind: str = "") -> LeadTimeline:
    """Read the timeline, newest first; one query for each kind."""
    kind = kind if kind in KINDS else ""
    sources = [source for name, (_, source) in KINDS.items() if kind in ("", name)]
    # Each kind is read one entry beyond the limit, which shows whether the list is cut.
    entries = sorted(
        chain.from_iterable(source(lead, limit + 1) for source in sources), key=lambda entry: entry.at, reverse=True
    )
    return LeadTimeline(entries[:limit], is_cut=len(entries) > limit, kind=kind, limit=limit)


def _read_events(lead: Lead, limit: int) -> Iterator[TimelineEntry]:
    events: Iterable[Event] = lead.events.select_related("signal").order_by("-occurred_at", "-pk")[:limit]
    for event in events:
        page = event.properties.get("page") or event.properties.get("url") or ""
        yield TimelineEntry(
            event.occurred_at, INTENT_TONES[Intent(event.signal.intent)], event.signal.name, event.asset or str(page)
        )


def _read_stage_changes(lead: Lead, limit: int) -> Iterator[TimelineEntry]:
    changes: Iterable[StageChange] = lead.stage_changes.select_related("by").order_by("-at", "-pk")[:limit]
    for change in changes:
        title = f"{change.get_from_stage_display()} → {change.get_to_stage_display()}"
        yield TimelineEntry(change.at, "good", title, change.why, str(change.by or ""))


def _read_attempts(lead: Lead, limit: int) -> Iterator[TimelineEntry]:
    rows = Attempt.objects.filter(handoff__lead=lead).select_related("by")
    for attempt in rows.order_by("-at", "-pk")[:limit]:
        tone = "good" if attempt.outcome == AttemptOutcome.CONNECTED else "sales"
        title = ", ".join(part for part in (str(attempt), clocks.late_logging_remark(attempt)) if part)
        yield TimelineEntry(attempt.at, tone, title, attempt.note, str(attempt.by))


def _read_notes(lead: Lead, limit: int) -> Iterator[TimelineEntry]:
    for note in Note.objects.filter(handoff__lead=lead).select_related("by").order_by("-at", "-pk")[:limit]:
        title = "Note" if note.meeting_at is None else "Meeting booked for"
        yield TimelineEntry(note.at, "sales", title, note.text, str(note.by or ""), note.meeting_at)


def _read_dispositions(lead: Lead, limit: int) -> Iterator[TimelineEntry]:
    rows = Disposition.objects.filter(handoff__lead=lead).select_related("by", "reason", "corrects__reason")
    for disposition in rows.order_by("-at", "-pk")[:limit]:
        was = f"Was: {_describe_in_sentence(disposition.corrects)}." if disposition.corrects else ""
        again = f"Back on {disposition.reengage_on:%-d %B %Y}." if disposition.reengage_on else ""
        missing = f"What was missing: {disposition.missing}" if disposition.missing else ""
        detail = " ".join(part for part in (was, again, disposition.note, missing) if part)
        title = (
            f"Corrected to {_describe_in_sentence(disposition)}"
            if disposition.corrects
            else _describe_disposition(disposition)
        )
        yield TimelineEntry(
            disposition.at, "bad" if disposition.reason else "sales", title, detail, str(disposition.by)
        )


def _describe_disposition(disposition: Disposition) -> str:
    return disposition.get_kind_display() + (f": {disposition.reason}" if disposition.reason else "")


def _describe_in_sentence(disposition: Disposition) -> str:
    description = _describe_disposition(disposition)
    return description[:1].lower() + description[1:]


def _read_routing_decisions(lead: Lead, limit: int) -> Iterator[TimelineEntry]:
    decisions = RoutingDecision.objects.filter(handoff__lead=lead).select_related("by", "rep__user")
    for decision in decisions.order_by("-at", "-pk")[:limit]:
        title = f"Routed to {decision.rep}" if decision.rep else "Nobody to route to"
        yield TimelineEntry(
            decision.at, "info" if decision.rep else "warn", title, decision.explanation, str(decision.by or "")
        )


_Source: TypeAlias = Callable[[Lead, int], Iterator[TimelineEntry]]

#: The kinds that can be shown alone: key, name on the page, and the function that reads the entries.
KINDS: Final[Mapping[str, tuple[str, _Source]]] = MappingProxyType(
    {
        "activity": ("Lead’s activity", _read_events),
        "contacts": ("Contacts", _read_attempts),
        "notes": ("Notes and meetings", _read_notes),
        "decisions": ("Decisions", _read_dispositions),
        "stages": ("Stages", _read_stage_changes),
        "routing": ("Routing", _read_routing_decisions),
    }
)
