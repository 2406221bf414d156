"""Events on their way in: read by hand, stored by one statement a batch, each with its own answer (SPEC 13, 14, 16).

The hot path of the product. An event that was answered `accepted` is committed together with the wish to have its
lead judged; sent again, by whomever and in whatever order, it is a `duplicate`.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from django.db import connection

from leads import lead_lookup, lead_upserts, rescore_queue, validation
from leads.exceptions import Refused
from leads.lead_lookup import LeadRef
from leads.models import Event, Signal
from leads.retry_on_conflict import repeated

MAX_BATCH: Final = 1_000
MAX_PROPERTIES: Final = 16 * 1024
_KEYS: Final = frozenset({"email", "lead", "signal", "occurred_at", "id", "properties"})
#: A scanner or a mail client opened it, not the person: kept, but it is no engagement (FIELD_NOTES P7).
_MACHINE_FLAGS: Final = ("sg_machine_open", "bot")
_MACHINE_OPEN: Final = "machine_open"
_OPENED_BY_MACHINES: Final = frozenset({"email_open", "email_click"})

_INSERT = """
    INSERT INTO leads_event
        (lead_id, signal_id, occurred_at, recorded_at, source, external_id, digest, asset, properties)
    SELECT lead_id, signal_id, occurred_at, %s, %s, external_id, digest, asset, properties::jsonb
    FROM unnest(%s::bigint[], %s::smallint[], %s::timestamptz[], %s::text[], %s::bytea[], %s::text[], %s::text[])
        AS item (lead_id, signal_id, occurred_at, external_id, digest, asset, properties)
    ON CONFLICT (source, external_id) DO NOTHING
    RETURNING id, external_id
"""


@dataclass(frozen=True, slots=True)
class Result:
    """`id` is Accord's id of the event: of the first one for a duplicate, None for what was refused."""

    status: Literal["accepted", "duplicate", "rejected"]
    id: int | None = None
    field: str = ""
    reason: str = ""


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


def record(*, items: Sequence[object], source: str, now: dt.datetime) -> list[Result]:
    """Store a batch of events in the shape of SPEC 16; one result each, in order. `source` is the space of their ids."""
    results: list[Result | None] = [None] * len(items)
    signals = dict(Signal.objects.values_list("code", "pk"))
    read: list[_Item] = []
    for position, item in enumerate(items):
        try:
            read.append(_read(position, item, signals, now))
        except Refused as refusal:
            results[position] = _rejected(refusal)
    for position, result in repeated(lambda: dict(_store(read, source, now))).items():
        results[position] = result
    return [result for result in results if result is not None]


def _rejected(refusal: Refused) -> Result:
    return Result("rejected", field=refusal.field, reason=refusal.rule)


def _read(position: int, item: object, signals: Mapping[str, int], now: dt.datetime) -> _Item:
    if not isinstance(item, dict):
        raise Refused("event", "must be an object.")
    if not item.keys() <= _KEYS:
        raise Refused(
            validation.shown(min(map(str, item.keys() - _KEYS))),
            f"is not a key of an event ({', '.join(sorted(_KEYS))}).",
        )
    lead = lead_lookup.read(item)
    properties = item.get("properties")
    if properties is None:
        properties = {}
    if not isinstance(properties, dict):
        raise Refused("properties", "must be an object.")
    if "occurred_at" not in item:
        raise Refused("occurred_at", "is required.")
    occurred_at = validation.instant("occurred_at", item["occurred_at"], now=now)
    external_id = None if item.get("id") is None else validation.identity("id", item["id"])
    signal = item.get("signal")
    as_json = _json(properties)
    body = f'["{lead.kind}",{json.dumps(lead.key)},{json.dumps(signal, default=str)},"{occurred_at.isoformat()}",{as_json}]'
    return _Item(
        position=position,
        lead=lead,
        signal_id=_signal(signal, properties, signals),
        occurred_at=occurred_at,
        external_id=external_id,
        digest=hashlib.sha256(body.encode()).digest()[:16],
        asset=_asset(properties),
        properties=as_json,
    )


def _json(properties: dict[str, Any]) -> str:
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


def _signal(code: object, properties: Mapping[str, Any], signals: Mapping[str, int]) -> int:
    if not isinstance(code, str):
        raise Refused("signal", "is required, as the code of a signal.")
    if code not in signals:
        raise Refused("signal", f"{validation.shown(code)!r} is not a signal; see the list of signals.")
    if code in _OPENED_BY_MACHINES and any(properties.get(name) is True for name in _MACHINE_FLAGS):
        code = _MACHINE_OPEN if _MACHINE_OPEN in signals else code
    return signals[code]


def _asset(properties: Mapping[str, Any]) -> str:
    asset = properties.get("asset")
    return "" if asset is None else validation.text("properties.asset", asset, limit=200)


def _store(read: Sequence[_Item], source: str, now: dt.datetime) -> Iterable[tuple[int, Result]]:
    firsts = _without_repeats(read)
    leads = lead_lookup.find({item.lead for item in firsts})
    # Before somebody is made up for an event, see that it is not a repeated one.
    earlier = _earlier([item for item in firsts if item.lead not in leads], source)
    fresh = [item for item in firsts if item.external_id not in earlier]
    first_seen: dict[LeadRef, dt.datetime] = {}
    for item in fresh:
        first_seen[item.lead] = min(item.occurred_at, first_seen.get(item.lead, now))
    leads |= lead_lookup.add({ref: at for ref, at in first_seen.items() if ref not in leads}, now=now)
    stored = _insert([item for item in fresh if item.lead in leads], leads, source, now)
    acted = {item.lead for item in fresh if item.position in stored}
    # This locks all of them, in order; what follows locks none that is not among them.
    rescore_queue.request(lead_ids={leads[ref].pk for ref in acted}, at=now)
    _note_addresses({ref: first_seen[ref] for ref in acted}, leads, source, now)
    unstored = [
        item for item in firsts if item.position not in stored and (item.lead in leads or item.external_id in earlier)
    ]
    earlier |= _earlier([item for item in unstored if item.external_id not in earlier], source)
    return _answers(read, {item.position: _result(item, stored, earlier) for item in firsts}, firsts)


def _without_repeats(read: Sequence[_Item]) -> list[_Item]:
    """The first item of each id, in the order of the ids: two intakes of the same events never wait crosswise."""
    firsts: dict[str | int, _Item] = {}
    for item in read:
        firsts.setdefault(item.external_id if item.external_id is not None else item.position, item)
    return sorted(firsts.values(), key=lambda item: (item.external_id or "", item.position))


def _answers(
    read: Sequence[_Item], answered: Mapping[int, Result], firsts: Sequence[_Item]
) -> Iterable[tuple[int, Result]]:
    by_id = {item.external_id: item for item in firsts}
    for item in read:
        if item.position in answered:
            yield item.position, answered[item.position]
            continue
        first = by_id[item.external_id]
        result = answered[first.position]
        again = Result("duplicate", id=result.id) if result.id else result
        yield item.position, again if first.digest == item.digest else _conflict()


def _insert(
    items: Sequence[_Item], leads: Mapping[LeadRef, lead_lookup.Found], source: str, now: dt.datetime
) -> dict[int, int]:
    """Accord's ids of the events that were new, by position."""
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
        cursor.execute(_INSERT, [now, source, *columns])
        rows = cursor.fetchall()
    ids = {external_id: pk for pk, external_id in rows if external_id is not None}
    # Events without an id of their own are always new, and come back in the order they went in.
    nameless = iter(pk for pk, external_id in rows if external_id is None)
    positions = {
        item.position: ids.get(item.external_id) if item.external_id is not None else next(nameless) for item in items
    }
    return {position: pk for position, pk in positions.items() if pk is not None}


def _earlier(items: Sequence[_Item], source: str) -> dict[str | None, tuple[int, bytes]]:
    keys = [item.external_id for item in items if item.external_id is not None]
    rows = (
        Event.objects.filter(source=source, external_id__in=keys).values_list("external_id", "pk", "digest")
        if keys
        else []
    )
    return {external_id: (pk, bytes(digest)) for external_id, pk, digest in rows}


def _result(item: _Item, stored: Mapping[int, int], earlier: Mapping[str | None, tuple[int, bytes]]) -> Result:
    if item.position in stored:
        return Result("accepted", id=stored[item.position])
    if item.external_id not in earlier:
        return _rejected(lead_lookup.unknown(item.lead))
    pk, digest = earlier[item.external_id]
    return Result("duplicate", id=pk) if digest == item.digest else _conflict()


def _conflict() -> Result:
    return Result(
        "rejected", field="id", reason="conflict: another event with this id was recorded, and its content differs."
    )


def _note_addresses(
    first_seen: Mapping[LeadRef, dt.datetime], leads: Mapping[LeadRef, lead_lookup.Found], source: str, now: dt.datetime
) -> None:
    """A lead that acted under its address before we knew of it had that address then."""
    sooner = {ref.key: at for ref, at in first_seen.items() if ref.kind == "email" and at < leads[ref].known_at}
    if sooner:
        lead_upserts.note_seen(emails={str(email): at for email, at in sooner.items()}, source=source, now=now)
