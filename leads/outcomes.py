"""The intake of outcomes from the CRM: opportunity, won, lost.

Idempotent on (source, id, kind); a correction is a new row.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from leads import lead_lookup, rescore_queue, stage_changes, validation
from leads.events import EventResult
from leads.exceptions import Refused
from leads.lead_lookup import LeadRef
from leads.models import Lead, Outcome, StageChange
from leads.retry_on_conflict import run_with_retries
from leads.vocabulary import MOVES, OutcomeKind, Stage

_KEYS: Final = frozenset({"email", "lead", "system", "kind", "at", "id", "amount", "reason"})
_MOST_MONEY: Final = 10**15


@dataclass(frozen=True, slots=True)
class _Item:
    lead: LeadRef
    kind: OutcomeKind
    at: dt.datetime
    external_id: str | None
    amount: Decimal | None
    reason: str


def record(*, items: Sequence[object], source: str, now: dt.datetime) -> list[EventResult]:
    """Store outcomes `{"email" or "lead", "kind", "at", "id", "amount", "reason"}`. Return one result each, in order.

    An outcome moves its lead to the stage of its kind if the table of moves allows it and no later change of stage
    exists.
    """
    parsed = [_read_or_refusal(item, source, now) for item in items]
    return run_with_retries(lambda: _store_outcomes(parsed, source, now))


def _read_or_refusal(item: object, source: str, now: dt.datetime) -> _Item | EventResult:
    try:
        return _read_outcome(item, source, now)
    except Refused as refusal:
        return EventResult("rejected", field=refusal.field, reason=refusal.rule)


def _read_outcome(item: object, source: str, now: dt.datetime) -> _Item:
    body = validation.mapping("outcome", item)
    if not body.keys() <= _KEYS:
        raise Refused(
            validation.shorten_name(min(body.keys() - _KEYS)),
            f"is not a key of an outcome ({', '.join(sorted(_KEYS))}).",
        )
    if body.get("kind") not in OutcomeKind.values:
        raise Refused("kind", f"must be one of: {', '.join(OutcomeKind.values)}.")
    if "at" not in body:
        raise Refused("at", "is required.")
    return _Item(
        lead=lead_lookup.read_reference(body, source),
        kind=OutcomeKind(body["kind"]),
        at=validation.instant("at", body["at"], now=now),
        external_id=None if body.get("id") is None else validation.identity("id", body["id"], may_be_zero=True),
        amount=_read_amount(body),
        reason=validation.text("reason", body.get("reason") or "", limit=200),
    )


def _read_amount(body: Mapping[str, Any]) -> Decimal | None:
    if body.get("amount") is None:
        return None
    return round(Decimal(repr(validation.number("amount", body["amount"], low=0, high=_MOST_MONEY))), 2)


def _store_outcomes(parsed: Sequence[_Item | EventResult], source: str, now: dt.datetime) -> list[EventResult]:
    items = [entry for entry in parsed if isinstance(entry, _Item)]
    leads = _lock_leads([item for item in items if not _find_earlier_outcome(item, source)], now)
    return [
        entry if isinstance(entry, EventResult) else _record_outcome(entry, leads.get(entry.lead), source, now)
        for entry in parsed
    ]


def _lock_leads(items: Sequence[_Item], now: dt.datetime) -> dict[LeadRef, Lead]:
    """Lock the leads of the items in id order, and add missing ones. Return them by reference.

    The locks make two senders of one outcome take turns; the second then finds the row of the first.
    """
    first_seen: dict[LeadRef, dt.datetime] = {}
    for item in items:
        first_seen[item.lead] = min(item.at, first_seen.get(item.lead, now))
    references = lead_lookup.find_or_add(first_seen, now=now)
    ids = {lead.pk for lead in references.values()}
    rows = Lead.objects.filter(pk__in=ids).order_by("pk").select_for_update(of=("self",), no_key=True)
    leads = {lead.pk: lead for lead in rows}
    return {ref: leads[lead.pk] for ref, lead in references.items()}


def _record_outcome(item: _Item, lead: Lead | None, source: str, now: dt.datetime) -> EventResult:
    if earlier := _find_earlier_outcome(item, source):
        return _compare_with_earlier(item, earlier)
    if lead is None:
        refusal = lead_lookup.unknown_lead(item.lead)
        return EventResult("rejected", field=refusal.field, reason=refusal.rule)
    outcome = Outcome.objects.create(
        lead=lead,
        kind=item.kind,
        at=item.at,
        amount=item.amount,
        reason=item.reason,
        recorded_at=now,
        source=source,
        external_id=item.external_id,
    )
    _move_lead(lead, item)
    rescore_queue.request(lead_ids=[lead.pk], at=now)
    return EventResult("accepted", id=outcome.pk)


def _find_earlier_outcome(item: _Item, source: str) -> Outcome | None:
    if item.external_id is None:
        return None
    return Outcome.objects.filter(source=source, external_id=item.external_id, kind=item.kind).first()


def _compare_with_earlier(item: _Item, earlier: Outcome) -> EventResult:
    lead = lead_lookup.find_leads([item.lead]).get(item.lead)
    is_same = lead is not None and lead.pk == earlier.lead_id
    if is_same and (item.at, item.amount, item.reason) == (earlier.at, earlier.amount, earlier.reason):
        return EventResult("duplicate", id=earlier.pk)
    return EventResult(
        "rejected", field="id", reason="conflict: another outcome with this id was recorded, and its content differs."
    )


def _move_lead(lead: Lead, item: _Item) -> None:
    to = Stage(item.kind)
    is_newest = not StageChange.objects.filter(lead=lead, at__gt=item.at).exists()
    if is_newest and to in MOVES[Stage(lead.stage)]:
        lead.stage = stage_changes.move(lead=lead, to=to, by=None, now=item.at, why="Outcome from the CRM").stage
