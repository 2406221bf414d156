"""The timeline of a lead: its activity, what people did with it, and its stages and routing, in one list."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from types import MappingProxyType
from typing import Final, TypeAlias

from leads.identity import merges
from leads.models import Event, Lead, StageChange
from leads.vocabulary import Intent, Motion
from sla.clocks import clocks
from sla.handoffs import past_disposition_files
from sla.models import Attempt, Disposition, Note, PlayAttempt, RoutingDecision
from sla.vocabulary import AttemptOutcome

SHOWN: Final = 60
SHOWN_AT_MOST: Final = 3000

INTENT_TONES: Final = {Intent.HIGH: "marketing", Intent.MEDIUM: "info", Intent.LOW: ""}


@dataclass(frozen=True, slots=True)
class TimelineEntry:
    """An entry of the timeline.

    `by` is empty for what the lead or Accord itself did; `about_at` is an instant that the title refers to. `lead` is
    the lead that it was recorded for, `known_as` its address if that is another lead of the same person. `motion` is
    empty for what concerns none.
    """

    at: dt.datetime
    tone: str
    title: str
    detail: str = ""
    by: str = ""
    about_at: dt.datetime | None = None
    lead: int = 0
    known_as: str = ""
    motion: str = ""


@dataclass(frozen=True, slots=True)
class LeadTimeline:
    """A page of the timeline; `kind` is one of KINDS, or empty for everything."""

    entries: list[TimelineEntry]
    is_cut: bool
    kind: str = ""
    limit: int = SHOWN


def for_lead(lead: Lead, *, limit: int = SHOWN, kind: str = "") -> LeadTimeline:
    """Read the timeline of the person, newest first; one query for each kind, and two for its other leads."""
    kind = kind if kind in KINDS else ""
    sources = [source for name, (_, source) in KINDS.items() if kind in ("", name)]
    # Each kind is read one entry beyond the limit, which shows whether the list is cut.
    ids = merges.list_person_ids(lead)
    entries = sorted(
        chain.from_iterable(source(ids, limit + 1) for source in sources), key=lambda entry: entry.at, reverse=True
    )
    shown = _name_motions(_name_other_leads(entries[:limit], lead, ids))
    return LeadTimeline(shown, is_cut=len(entries) > limit, kind=kind, limit=limit)


def _name_other_leads(entries: list[TimelineEntry], lead: Lead, ids: Sequence[int]) -> list[TimelineEntry]:
    """Say of each entry of another lead of the person under which address it was recorded."""
    if len(ids) == 1:
        return entries
    names = {other.pk: other.email or other.name for other in Lead.objects.filter(pk__in=ids).exclude(pk=lead.pk)}
    return [replace(entry, known_as=names.get(entry.lead, "")) for entry in entries]


def _name_motions(entries: list[TimelineEntry]) -> list[TimelineEntry]:
    """Name the motion of each entry that has one, unless all are of the motion MQL."""
    if {entry.motion for entry in entries} <= {"", Motion.MQL}:
        return entries
    return [
        replace(entry, title=f"{Motion(entry.motion).short}: {entry.title}") if entry.motion else entry
        for entry in entries
    ]


def _read_events(ids: Sequence[int], limit: int) -> Iterator[TimelineEntry]:
    events = Event.objects.filter(lead__in=ids).select_related("signal")
    for event in events.order_by("-occurred_at", "-pk")[:limit]:
        page = event.properties.get("page") or event.properties.get("url") or ""
        yield TimelineEntry(
            event.occurred_at,
            INTENT_TONES[Intent(event.signal.intent)],
            event.signal.name,
            event.asset or str(page),
            lead=event.lead_id,
        )


def _read_stage_changes(ids: Sequence[int], limit: int) -> Iterator[TimelineEntry]:
    changes = StageChange.objects.filter(lead__in=ids).select_related("by")
    for change in changes.order_by("-at", "-pk")[:limit]:
        title = f"{change.from_label} → {change.to_label}"
        yield TimelineEntry(
            change.at, "good", title, change.why, str(change.by or ""), lead=change.lead_id, motion=change.motion
        )


def _read_attempts(ids: Sequence[int], limit: int) -> Iterator[TimelineEntry]:
    rows = Attempt.objects.filter(handoff__lead__in=ids).select_related("by", "handoff")
    for attempt in rows.order_by("-at", "-pk")[:limit]:
        tone = "good" if attempt.outcome == AttemptOutcome.CONNECTED else "sales"
        title = ", ".join(part for part in (str(attempt), clocks.late_logging_remark(attempt)) if part)
        yield TimelineEntry(
            attempt.at,
            tone,
            title,
            attempt.note,
            str(attempt.by),
            lead=attempt.handoff.lead_id,
            motion=attempt.handoff.motion,
        )


def _read_play_attempts(ids: Sequence[int], limit: int) -> Iterator[TimelineEntry]:
    """Read the contacts that were made with the person in account plays of their company."""
    rows = PlayAttempt.objects.filter(contact__lead__in=ids).select_related("by", "contact", "play__company")
    for attempt in rows.order_by("-at", "-pk")[:limit]:
        yield TimelineEntry(
            attempt.at,
            "good" if attempt.outcome == AttemptOutcome.CONNECTED else "sales",
            f"{attempt}, in the account play {attempt.play.company}",
            attempt.note,
            str(attempt.by),
            lead=attempt.contact.lead_id,
            motion=Motion.AQL,
        )


def _read_contacts(ids: Sequence[int], limit: int) -> Iterator[TimelineEntry]:
    return chain(_read_attempts(ids, limit), _read_play_attempts(ids, limit))


def _read_notes(ids: Sequence[int], limit: int) -> Iterator[TimelineEntry]:
    notes = Note.objects.filter(handoff__lead__in=ids).select_related("by", "handoff")
    for note in notes.order_by("-at", "-pk")[:limit]:
        title = "Note" if note.meeting_at is None else "Meeting booked for"
        yield TimelineEntry(
            note.at,
            "sales",
            title,
            note.text,
            str(note.by or ""),
            note.meeting_at,
            note.handoff.lead_id,
            motion=note.handoff.motion,
        )


def _read_dispositions(ids: Sequence[int], limit: int) -> Iterator[TimelineEntry]:
    rows = Disposition.objects.filter(handoff__lead__in=ids)
    rows = rows.select_related("by", "reason", "sub_reason", "corrects__reason", "corrects__sub_reason", "handoff")
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
            disposition.at,
            "bad" if disposition.reason else "sales",
            title,
            detail,
            disposition.by_name,
            lead=disposition.handoff.lead_id,
            motion=disposition.handoff.motion,
        )


def _read_past_dispositions(ids: Sequence[int], limit: int) -> Iterator[TimelineEntry]:
    for row, reason in past_disposition_files.list_for_person(ids, limit=limit):
        title = f"{row.get_kind_display()} (imported)" + (f": {reason}" if reason else "")
        tone = "bad" if reason else "sales"
        yield TimelineEntry(row.at, tone, title, row.note, row.decided_by, lead=row.lead_id)


def _read_decisions(ids: Sequence[int], limit: int) -> Iterator[TimelineEntry]:
    return chain(_read_dispositions(ids, limit), _read_past_dispositions(ids, limit))


def _describe_disposition(disposition: Disposition) -> str:
    return disposition.get_kind_display() + (f": {disposition.reason_text}" if disposition.reason else "")


def _describe_in_sentence(disposition: Disposition) -> str:
    description = _describe_disposition(disposition)
    return description[:1].lower() + description[1:]


def _read_routing_decisions(ids: Sequence[int], limit: int) -> Iterator[TimelineEntry]:
    decisions = RoutingDecision.objects.filter(handoff__lead__in=ids).select_related("by", "rep__user", "handoff")
    for decision in decisions.order_by("-at", "-pk")[:limit]:
        title = f"Routed to {decision.rep_name}" if decision.rep_id else "Nobody to route to"
        yield TimelineEntry(
            decision.at,
            "info" if decision.rep_id else "warn",
            title,
            decision.explanation,
            str(decision.by or ""),
            lead=decision.handoff.lead_id,
            motion=decision.handoff.motion,
        )


_Source: TypeAlias = Callable[[Sequence[int], int], Iterator[TimelineEntry]]

#: The kinds that can be shown alone: key, name on the page, and the function that reads the entries.
KINDS: Final[Mapping[str, tuple[str, _Source]]] = MappingProxyType(
    {
        "activity": ("Lead’s activity", _read_events),
        "contacts": ("Contacts", _read_contacts),
        "notes": ("Notes and meetings", _read_notes),
        "decisions": ("Decisions", _read_decisions),
        "stages": ("Stages", _read_stage_changes),
        "routing": ("Routing", _read_routing_decisions),
    }
)
