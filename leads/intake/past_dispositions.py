"""The intake of past dispositions: what sales decided on leads before Accord recorded its decisions (rules 13.57).

They are evidence for backtests and reports and nothing else: they move no lead, start no clock and notify nobody.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from django.db.models import Q

from leads.exceptions import Refused
from leads.identity import lead_lookup
from leads.identity.lead_lookup import LeadRef
from leads.intake.item_results import ItemResult
from leads.models import PastDisposition
from leads.normalization import validation
from leads.retry_on_conflict import run_with_retries
from leads.vocabulary import Motion, PastDecision

_KEYS: Final = frozenset({"email", "lead", "system", "kind", "at", "id", "reason", "by", "note", "motion"})
NOTE_AT_MOST: Final = 1000
BY_AT_MOST: Final = 200
#: What senders call the two decisions, in small letters.
_DECISIONS: Final[Mapping[str, PastDecision]] = {
    **dict.fromkeys(("accept", "accepted", "sal", "yes", "approved"), PastDecision.ACCEPT),
    **dict.fromkeys(("reject", "rejected", "no", "declined", "disqualified"), PastDecision.REJECT),
}

#: Maps the ids of leads to the instant of their first handoff in Accord; others are missing.
FindFirstHandoffs = Callable[[Collection[int]], Mapping[int, dt.datetime]]


@dataclass(frozen=True, slots=True)
class _Item:
    lead: LeadRef
    kind: PastDecision
    at: dt.datetime
    external_id: str | None
    reason: str
    by: str
    note: str
    motion: Motion


_Identity = tuple[object, ...]


def record(
    *,
    items: Sequence[object],
    source: str,
    now: dt.datetime,
    reasons: Mapping[str, str],
    find_first_handoffs: FindFirstHandoffs,
) -> list[ItemResult]:
    """Store decisions `{"email" or "lead", "kind", "at", "id", "reason", "by", "note", "motion"}`. Return one result each.

    `reasons` map the texts by which a reason may be named, in small letters, to its code. The same decision again is a
    duplicate; an id with other content is refused, as is a decision that Accord itself must have recorded.
    """
    parsed = [_read_or_refusal(item, source, now, reasons) for item in items]
    # Two processes that import the same decisions at once collide on the unique keys; the second then sees the first's.
    return run_with_retries(lambda: _store_decisions(parsed, source, now, find_first_handoffs))


def _store_decisions(
    parsed: Sequence[_Item | ItemResult], source: str, now: dt.datetime, find_first_handoffs: FindFirstHandoffs
) -> list[ItemResult]:
    decisions = [entry for entry in parsed if isinstance(entry, _Item)]
    first_seen: dict[LeadRef, dt.datetime] = {}
    for item in decisions:
        first_seen[item.lead] = min(item.at, first_seen.get(item.lead, now))
    leads = {ref: lead.pk for ref, lead in lead_lookup.find_or_add(first_seen, now=now).items()}
    handed_off = find_first_handoffs(set(leads.values()))
    stored = _read_stored(decisions, leads, source)
    added: list[PastDisposition] = []
    results = []
    for entry in parsed:
        if isinstance(entry, _Item):
            row = _build_row(entry, leads.get(entry.lead), source, now)
            entry = _judge_row(row, entry, stored, handed_off)  # noqa: PLW2901  # item to result
            if row is not None and entry.status == "accepted":
                stored[_identity_of_row(row)] = row
                added.append(row)
        results.append(entry)
    PastDisposition.objects.bulk_create(added)
    return results


def _read_or_refusal(item: object, source: str, now: dt.datetime, reasons: Mapping[str, str]) -> _Item | ItemResult:
    try:
        return _read_decision(item, source, now, reasons)
    except Refused as refusal:
        return ItemResult("rejected", field=refusal.field, reason=refusal.rule)


def _read_decision(item: object, source: str, now: dt.datetime, reasons: Mapping[str, str]) -> _Item:
    body = validation.mapping("disposition", item)
    if not body.keys() <= _KEYS:
        raise Refused(
            validation.shorten_name(min(body.keys() - _KEYS)),
            f"is not a key of a disposition ({', '.join(sorted(_KEYS))}).",
        )
    kind = _read_kind(body.get("kind"))
    if "at" not in body:
        raise Refused("at", "is required.")
    return _Item(
        lead=lead_lookup.read_reference(body, source),
        kind=kind,
        at=validation.instant("at", body["at"], now=now),
        external_id=None if body.get("id") is None else validation.identity("id", body["id"], may_be_zero=True),
        reason=_read_reason(kind, body.get("reason"), reasons),
        by=validation.text("by", body.get("by") or "", limit=BY_AT_MOST),
        note=validation.text("note", body.get("note") or "", limit=NOTE_AT_MOST),
        motion=_read_motion(body.get("motion")),
    )


def _read_kind(value: object) -> PastDecision:
    kind = _DECISIONS.get(value.strip().casefold()) if isinstance(value, str) else None
    if kind is None:
        raise Refused("kind", "must be accepted or rejected; give the words of the file in `values` of the map.")
    return kind


def _read_reason(kind: PastDecision, value: object, reasons: Mapping[str, str]) -> str:
    text = validation.text("reason", value or "", limit=200).strip()
    if kind == PastDecision.ACCEPT:
        if text:
            raise Refused("reason", "is of rejections only; leave it empty for an accepted lead.")
        return ""
    if not text:
        raise Refused("reason", "is required for a rejection.")
    code = reasons.get(text.casefold())
    if code is None:
        raise Refused(
            "reason",
            f"is no reason code; write one of these, or map it in `values`: {', '.join(sorted(set(reasons.values())))}.",
        )
    return code


def _read_motion(value: object) -> Motion:
    if value in (None, ""):
        return Motion.MQL
    if not isinstance(value, str) or value.casefold() not in Motion.values:
        raise Refused("motion", f"must be one of: {', '.join(Motion.values)}.")
    return Motion(value.casefold())


def _read_stored(
    decisions: Sequence[_Item], leads: Mapping[LeadRef, int], source: str
) -> dict[_Identity, PastDisposition]:
    """Return the rows there are of these decisions, by id and by content."""
    ids = [item.external_id for item in decisions if item.external_id is not None]
    dated = {(leads[item.lead], item.at) for item in decisions if item.external_id is None and item.lead in leads}
    of_leads = Q(external_id=None, lead__in={lead for lead, _ in dated}, at__in={at for _, at in dated})
    rows: dict[_Identity, PastDisposition] = {}
    for row in PastDisposition.objects.filter(Q(external_id__in=ids) | of_leads, source=source):
        rows[_identity_of_row(row)] = row
    return rows


def _identity_of_row(row: PastDisposition) -> _Identity:
    return (row.external_id,) if row.external_id is not None else (row.lead_id, row.motion, row.at)


def _build_row(item: _Item, lead: int | None, source: str, now: dt.datetime) -> PastDisposition | None:
    """Return the row of a decision, not stored yet; None if its lead is unknown."""
    if lead is None:
        return None
    return PastDisposition(
        lead_id=lead, motion=item.motion, kind=item.kind, reason=item.reason, decided_by=item.by, note=item.note, at=item.at,
        recorded_at=now, source=source, external_id=item.external_id,
    )  # fmt: skip


def _judge_row(
    row: PastDisposition | None,
    item: _Item,
    stored: Mapping[_Identity, PastDisposition],
    handed_off: Mapping[int, dt.datetime],
) -> ItemResult:
    """Say whether the row is new, a duplicate, or refused."""
    if row is None:
        refusal = lead_lookup.unknown_lead(item.lead)
        return ItemResult("rejected", field=refusal.field, reason=refusal.rule)
    if (same := stored.get(_identity_of_row(row))) is not None:
        if _content_of(same) == _content_of(row):
            return ItemResult("duplicate", id=same.pk)
        return ItemResult(
            "rejected",
            field="at" if item.external_id is None else "id",
            reason="conflict: another decision was imported under it, and what is recorded is not changed.",
        )
    first_at = handed_off.get(row.lead_id)
    if first_at is not None and item.at >= first_at:
        return ItemResult(
            "rejected",
            field="at",
            reason=f"lies after {first_at:%Y-%m-%d %H:%M} UTC, since when Accord itself records the decisions on this lead.",
        )
    return ItemResult("accepted")


def _content_of(row: PastDisposition) -> tuple[object, ...]:
    return row.lead_id, row.motion, row.kind, row.reason, row.decided_by, row.note, row.at
