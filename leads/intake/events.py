"""The intake of events: reading, storing and one result each (rules 13.3, 14.1). The hot path of the product.

An event answered with `accepted` is committed together with the request to rescore its lead. Sent again, by any sender
of the same source and in any order, it is a `duplicate`.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.db import connection

from leads.exceptions import Refused
from leads.identity import lead_lookup
from leads.identity.lead_lookup import LeadRef
from leads.intake import company_events, lead_upserts
from leads.intake.company_events import NewCompanyEvent
from leads.intake.item_results import ItemResult
from leads.models import Event, Signal
from leads.normalization import machine_events, validation
from leads.normalization.locale_formats import UNSTATED, SenderFormats
from leads.rescoring import rescore_queue
from leads.retry_on_conflict import run_with_retries

MAX_BATCH: Final = 1_000
MAX_PROPERTIES: Final = 16 * 1024
_KEYS: Final = frozenset({"email", "lead", "system", "signal", "occurred_at", "id", "properties"})

# One statement for a batch: an array for each column costs less than a parameter for each value. The unique key decides
# which events are new, so two senders of one event cannot both store it.
_INSERT = """
    INSERT INTO leads_event
        (lead_id, signal_id, occurred_at, recorded_at, source, is_imported, external_id, digest, asset, properties)
    SELECT lead_id, signal_id, occurred_at, %s, %s, %s, external_id, digest, asset, properties::jsonb
    FROM unnest(%s::bigint[], %s::smallint[], %s::timestamptz[], %s::text[], %s::bytea[], %s::text[], %s::text[])
        AS item (lead_id, signal_id, occurred_at, external_id, digest, asset, properties)
    ON CONFLICT (source, external_id) DO NOTHING
    RETURNING id, external_id
"""


@dataclass(frozen=True, slots=True)
class _Item:
    position: int
    lead: LeadRef
    signal_id: int
    occurred_at: dt.datetime
    external_id: str | None
    digest: bytes
    asset: str
    properties: str


def record(
    *,
    items: Sequence[object],
    source: str,
    now: dt.datetime,
    formats: SenderFormats = UNSTATED,
    is_imported: bool = False,
) -> list[ItemResult]:
    """Store a batch of events in the shape of rules 16.2. Return one result each, in order.

    `source` is the namespace of the events' ids; their dates are read in the sender's `formats`. Events of a file
    `is_imported`.

    1. Read the items; those that break a rule are rejected, the others go on.
    2. Keep the first of several events with the same id, and sort them by id.
    3. Find and lock the leads, and add the unknown ones, but not for an event that was recorded before.
    4. Insert the events; those whose (source, id) exists are left out.
    5. Have the leads of the inserted events rescored.
    6. Date addresses back to the first event under them.
    7. Answer the events that were not inserted: duplicate, conflict or unknown lead.

    Steps 2 to 7 are one transaction, repeated after a conflict with another one.
    """
    # 1. Reading, by hand: serializers would take longer than everything else.
    results: list[ItemResult | None] = [None] * len(items)
    signals = dict(Signal.objects.values_list("code", "pk"))
    valid_items: list[_Item] = []
    of_companies: list[NewCompanyEvent] = []
    for position, item in enumerate(items):
        try:
            if isinstance(item, dict) and company_events.names_company(item):
                of_companies.append(_read_company_event(position, item, signals, source, now, formats.locale))
            else:
                valid_items.append(_read_event(position, item, signals, source, now, formats.locale))
        except Refused as refusal:
            results[position] = _rejected_result(refusal)
    # 2. to 7. in one transaction, those of companies included.
    of_all = run_with_retries(lambda: _store_all(valid_items, of_companies, source, is_imported, now))
    for position, result in of_all.items():
        results[position] = result
    return [result for result in results if result is not None]


def _store_all(
    items: Sequence[_Item], of_companies: Sequence[NewCompanyEvent], source: str, is_imported: bool, now: dt.datetime
) -> dict[int, ItemResult]:
    results = dict(_store(items, source, is_imported, now))
    if of_companies:
        results |= company_events.store(of_companies, source=source, now=now)
    return results


def _rejected_result(refusal: Refused) -> ItemResult:
    return ItemResult("rejected", field=refusal.field, reason=refusal.rule)


def _read_event(  # one call for each event of a batch: positions are faster than names
    position: int, item: object, signals: Mapping[str, int], source: str, now: dt.datetime, locale: str
) -> _Item:
    if not isinstance(item, dict):
        raise Refused("event", "must be an object.")
    if not item.keys() <= _KEYS:
        raise Refused(
            validation.shorten_name(min(map(str, item.keys() - _KEYS))),
            f"is not a key of an event ({', '.join(sorted(_KEYS))}).",
        )
    lead = lead_lookup.read_reference(item, source)
    properties = item.get("properties")
    if properties is None:
        properties = {}
    if not isinstance(properties, dict):
        raise Refused("properties", "must be an object.")
    if "occurred_at" not in item:
        raise Refused("occurred_at", "is required.")
    occurred_at = validation.instant("occurred_at", item["occurred_at"], now=now, locale=locale)
    external_id = None if item.get("id") is None else validation.identity("id", item["id"], may_be_zero=True)
    signal = item.get("signal")
    as_json = _serialize_properties(properties)
    # Who sends an id without its system means its own: the digest says the system only where the sender does.
    person = [lead.system, lead.key] if lead.system and item.get("system") else lead.key
    body = (
        f'["{lead.kind}",{json.dumps(person)},{json.dumps(signal, default=str)},"{occurred_at.isoformat()}",{as_json}]'
    )
    return _Item(
        position=position,
        lead=lead,
        signal_id=_find_signal_id(signal, properties, signals),
        occurred_at=occurred_at,
        external_id=external_id,
        digest=hashlib.sha256(body.encode()).digest()[:16],
        asset=_read_asset(properties),
        properties=as_json,
    )


def _read_company_event(
    position: int, item: Mapping[str, Any], signals: Mapping[str, int], source: str, now: dt.datetime, locale: str
) -> NewCompanyEvent:
    """Read an event that names a company instead of a person (rules 13.56). Raises Refused."""
    keys = (_KEYS | set(company_events.COMPANY_KEYS)) - {"email", "lead"}
    company = company_events.read_reference(item, source)
    if not item.keys() <= keys | {"email", "lead"}:
        unknown = validation.shorten_name(min(map(str, item.keys() - keys)))
        raise Refused(unknown, f"is not a key of an event of a company ({', '.join(sorted(keys))}).")
    properties = validation.mapping("properties", item.get("properties") or {})
    if "occurred_at" not in item:
        raise Refused("occurred_at", "is required.")
    occurred_at = validation.instant("occurred_at", item["occurred_at"], now=now, locale=locale)
    as_json = _serialize_properties(properties)
    body = json.dumps([company.id, company.key, item.get("signal"), occurred_at.isoformat(), as_json], default=str)
    return NewCompanyEvent(
        position=position,
        company=company,
        signal_id=_find_signal_id(item.get("signal"), {}, signals),
        occurred_at=occurred_at,
        external_id=None if item.get("id") is None else validation.identity("id", item["id"], may_be_zero=True),
        digest=hashlib.sha256(body.encode()).digest()[:16],
        properties=properties,
    )


def _serialize_properties(properties: dict[str, Any]) -> str:
    if not properties:
        return "{}"
    try:
        as_json = json.dumps(properties, sort_keys=True, separators=(",", ":"), allow_nan=False)
    except (ValueError, TypeError, RecursionError):
        raise Refused("properties", "must be JSON, with numbers that can be stored.") from None
    if len(as_json) > MAX_PROPERTIES:
        raise Refused("properties", f"must have at most {MAX_PROPERTIES:,} characters as JSON.")
    if "\\u0000" in as_json or ("\\ud" in as_json and _has_half_characters(properties)):
        raise Refused("properties", "contain a character that cannot be stored.")
    return as_json


def _has_half_characters(properties: dict[str, Any]) -> bool:
    try:
        json.dumps(properties, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return True
    return False


def _find_signal_id(code: object, properties: Mapping[str, Any], signals: Mapping[str, int]) -> int:
    if not isinstance(code, str):
        raise Refused("signal", "is required, as the code of a signal.")
    if code not in signals:
        raise Refused("signal", f"{validation.shorten_name(code)!r} is not a signal; see the list of signals.")
    # Stored as a signal that counts as no engagement (rules 13.4).
    if code in machine_events.OPENED_BY_MACHINES and properties and machine_events.is_by_machine(properties):
        code = machine_events.MACHINE_OPEN if machine_events.MACHINE_OPEN in signals else code
    return signals[code]


def _read_asset(properties: Mapping[str, Any]) -> str:
    asset = properties.get("asset")
    return "" if asset is None else validation.text("properties.asset", asset, limit=200)


def _store(
    items: Sequence[_Item], source: str, is_imported: bool, now: dt.datetime
) -> Iterable[tuple[int, ItemResult]]:
    """Carry out steps 2 to 7 of `record` in the transaction of the caller. Yield (position, result) of each item."""
    # 2. One event for each id.
    firsts = _first_of_each_id(items)
    # 3. The leads. An event of an unknown lead may be a repeat under another name of the lead: then none must be added.
    leads = lead_lookup.find_leads({item.lead for item in firsts})
    earlier = _find_earlier_events([item for item in firsts if item.lead not in leads], source)
    fresh = [item for item in firsts if item.external_id not in earlier]
    first_seen: dict[LeadRef, dt.datetime] = {}
    for item in fresh:
        first_seen[item.lead] = min(item.occurred_at, first_seen.get(item.lead, now))
    missing = {ref: at for ref, at in first_seen.items() if ref not in leads}
    # Two deliveries of one event are about one lead: who has its lock has no event of it to wait for.
    lead_lookup.lock_leads({leads[ref].pk for ref in first_seen if ref in leads})
    leads |= lead_lookup.add_missing(missing, known=leads.values(), now=now)
    # 4. The events.
    stored = _insert_events([item for item in fresh if item.lead in leads], leads, source, is_imported, now)
    # 5. The request to rescore.
    active_refs = {item.lead for item in fresh if item.position in stored}
    rescore_queue.request(lead_ids={leads[ref].pk for ref in active_refs}, at=now, goes_first=True)
    # 6. The addresses.
    _backdate_addresses({ref: first_seen[ref] for ref in active_refs}, leads, source, now)
    # 7. The results. Events that were not inserted have an earlier one, or their lead is unknown.
    unstored = [
        item for item in firsts if item.position not in stored and (item.lead in leads or item.external_id in earlier)
    ]
    earlier |= _find_earlier_events([item for item in unstored if item.external_id not in earlier], source)
    return _results_in_order(items, {item.position: _build_result(item, stored, earlier) for item in firsts}, firsts)


def _first_of_each_id(items: Sequence[_Item]) -> list[_Item]:
    """Return the first item of each id, in id order: two transactions with the same events insert in the same order."""
    firsts: dict[str | int, _Item] = {}
    for item in items:
        firsts.setdefault(item.external_id if item.external_id is not None else item.position, item)
    return sorted(firsts.values(), key=lambda item: (item.external_id or "", item.position))


def _results_in_order(
    items: Sequence[_Item], results: Mapping[int, ItemResult], firsts: Sequence[_Item]
) -> Iterable[tuple[int, ItemResult]]:
    by_id = {item.external_id: item for item in firsts}
    for item in items:
        if item.position in results:
            yield item.position, results[item.position]
            continue
        first = by_id[item.external_id]
        result = results[first.position]
        repeat = ItemResult("duplicate", id=result.id) if result.id else result
        yield item.position, repeat if first.digest == item.digest else _conflict_result()


def _insert_events(
    items: Sequence[_Item],
    leads: Mapping[LeadRef, lead_lookup.FoundLead],
    source: str,
    is_imported: bool,
    now: dt.datetime,
) -> dict[int, int]:
    """Insert the events. Return Accord's ids of those that were new, by position."""
    if not items:
        return {}
    columns: list[list[Any]] = [
        [leads[item.lead].pk for item in items],
        [item.signal_id for item in items],
        [item.occurred_at for item in items],
        [item.external_id for item in items],
        [item.digest for item in items],
        [item.asset for item in items],
        [item.properties for item in items],
    ]
    with connection.cursor() as cursor:
        cursor.execute(_INSERT, [now, source, is_imported, *columns])
        rows = cursor.fetchall()
    ids = {external_id: pk for pk, external_id in rows if external_id is not None}
    # Events without an id of their own are always new. RETURNING gives rows in the order in which they were inserted.
    nameless = iter(pk for pk, external_id in rows if external_id is None)
    positions = {
        item.position: ids.get(item.external_id) if item.external_id is not None else next(nameless) for item in items
    }
    return {position: pk for position, pk in positions.items() if pk is not None}


def _find_earlier_events(items: Sequence[_Item], source: str) -> dict[str | None, tuple[int, bytes]]:
    keys = [item.external_id for item in items if item.external_id is not None]
    rows = (
        Event.objects.filter(source=source, external_id__in=keys).values_list("external_id", "pk", "digest")
        if keys
        else []
    )
    return {external_id: (pk, bytes(digest)) for external_id, pk, digest in rows}


def _build_result(
    item: _Item, stored: Mapping[int, int], earlier: Mapping[str | None, tuple[int, bytes]]
) -> ItemResult:
    if item.position in stored:
        return ItemResult("accepted", id=stored[item.position])
    if item.external_id not in earlier:
        return _rejected_result(lead_lookup.unknown_lead(item.lead))
    pk, digest = earlier[item.external_id]
    return ItemResult("duplicate", id=pk) if digest == item.digest else _conflict_result()


def _conflict_result() -> ItemResult:
    return ItemResult(
        "rejected", field="id", reason="conflict: another event with this id was recorded, and its content differs."
    )


def _backdate_addresses(
    first_seen: Mapping[LeadRef, dt.datetime],
    leads: Mapping[LeadRef, lead_lookup.FoundLead],
    source: str,
    now: dt.datetime,
) -> None:
    """Date addresses back: a lead that acted under an address before Accord knew it already had the address then."""
    earlier_than_known = {
        ref.key: at for ref, at in first_seen.items() if ref.kind == "email" and at < leads[ref].known_at
    }
    if earlier_than_known:
        lead_upserts.backdate_addresses(
            emails={str(email): at for email, at in earlier_than_known.items()}, source=source, now=now
        )
