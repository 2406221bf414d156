"""The lookup of the lead that a fact names: by e-mail, by the sender's id (a text) or by Accord's id (a number).

An id is looked up among those of the sender's system, and then among those that every system may name (rules 13.27).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping
from typing import Any, Final, Literal, NamedTuple

from leads import bulk_rows
from leads.exceptions import NobodysKey, Refused
from leads.identity import matching
from leads.identity.matching import NewLead
from leads.normalization import validation
from leads.normalization.placeholders import is_placeholder, is_placeholder_address

ReferenceKind = Literal["email", "external_id", "id"]


class LeadRef(NamedTuple):
    kind: ReferenceKind
    key: str | int
    system: str = ""


class FoundLead(NamedTuple):
    pk: int
    known_at: dt.datetime


def read_reference(item: Mapping[str, Any], source: str) -> LeadRef:
    """Read the keys `email` or `lead` of a fact; an id belongs to `system`, or else to its source. Raises Refused.

    A placeholder beside the other key is passed over.
    """
    email, lead = item.get("email"), item.get("lead")
    if email is not None and lead is not None:
        if isinstance(lead, str) and is_placeholder(lead):
            lead = None
        elif isinstance(email, str) and (is_placeholder(email) or is_placeholder_address(email.strip().lower())):
            email = None
        else:
            raise Refused("lead", "and email are both given: one of them says who it was.")
    if email is not None:
        return LeadRef("email", _read_email(email))
    if isinstance(lead, int) and not isinstance(lead, bool):
        if not 0 < lead <= validation.MAX_BIGINT:
            raise Refused("lead", "is not the id of a lead.")
        return LeadRef("id", lead)
    if lead is not None:
        return LeadRef("external_id", validation.identity("lead", lead, limit=128), validation.system(item, source))
    raise Refused("email", "is required, or lead: one of them says whom this is about.")


def _read_email(value: object) -> str:
    # Validating an address costs more than the rest of reading an event, and most addresses recur: cache clean ones.
    if isinstance(value, str) and value in _CLEAN_EMAILS:
        return _CLEAN_EMAILS[value]
    try:
        clean = validation.email("email", value)
    except Refused:
        if isinstance(value, str) and is_placeholder(value):
            raise NobodysKey("email", f"is the placeholder {value.strip()!r}, which names nobody.") from None
        raise
    if len(_CLEAN_EMAILS) >= _CLEAN_EMAILS_AT_MOST:
        _CLEAN_EMAILS.clear()
    _CLEAN_EMAILS[str(value)] = clean
    return clean


_CLEAN_EMAILS_AT_MOST = 50_000
_CLEAN_EMAILS: dict[str, str] = {}
_BY_KEY: Final = """
    SELECT key.value, key.system, lead.id, lead.known_at
    FROM leads_leadkey AS key JOIN leads_lead AS lead ON lead.id = key.lead_id
    WHERE key.kind = %s AND key.value = ANY(%s::text[]) AND key.system = ANY(%s::text[])
"""
_LOCK: Final = """
    SELECT id FROM leads_lead
    WHERE id IN (SELECT unnest(%s::bigint[]) UNION SELECT merged_into_id FROM leads_lead WHERE id = ANY(%s::bigint[]))
    ORDER BY id FOR NO KEY UPDATE
"""
_BY_ID: Final = "SELECT id, known_at FROM leads_lead WHERE id = ANY(%s::bigint[])"


def add_missing(
    missing: Mapping[LeadRef, dt.datetime], *, known: Collection[FoundLead], now: dt.datetime
) -> dict[LeadRef, FoundLead]:
    """Add leads that are unknown, dated from the given instants. Accord's own ids that do not exist are left out.

    The `known` leads of the same facts are locked first.
    """
    new = {_new_lead(ref, at) for ref, at in missing.items() if ref.kind != "id"}
    if not new:
        return {}
    # Whoever adds leads adds keys. The upsert of a batch locks the leads that it knows before it adds keys: in the other
    # order the two could wait for each other.
    lock_leads({lead.pk for lead in known})
    matching.add_leads(new, now=now)
    return find_leads(missing)


def find_or_add(first_seen: Mapping[LeadRef, dt.datetime], *, now: dt.datetime) -> dict[LeadRef, FoundLead]:
    """Return the leads of these references, and add those that are missing.

    Unknown ids of Accord's own are left out.
    """
    leads = find_leads(first_seen)
    missing = {ref: at for ref, at in first_seen.items() if ref not in leads}
    return leads | add_missing(missing, known=leads.values(), now=now)


def lock_leads(ids: Collection[int]) -> None:
    """Lock these leads, and those that stand for them, in id order until the transaction ends."""
    if ids:
        bulk_rows.fetch_rows(_LOCK, [list(ids), list(ids)])


def unknown_lead(ref: LeadRef) -> Refused:
    return Refused("lead", f"{ref.key} is not the id of a lead; a text would be your own id.")


def _new_lead(ref: LeadRef, known_at: dt.datetime) -> NewLead:
    email, external_id = (ref.key, "") if ref.kind == "email" else ("", ref.key)
    return NewLead(str(email), str(external_id), ref.system, "", known_at)


def find_leads(refs: Collection[LeadRef]) -> dict[LeadRef, FoundLead]:
    """Find leads with one query for each kind of reference. References without a lead are left out."""
    emails = [ref.key for ref in refs if ref.kind == "email"]
    ids = [ref.key for ref in refs if ref.kind == "id"]
    leads: dict[LeadRef, FoundLead] = {}
    # An array is one parameter; a list of a thousand parameters costs more than the search itself.
    if emails:
        rows = bulk_rows.fetch_rows(_BY_KEY, ["email", emails, [""]])
        leads |= {LeadRef("email", address): FoundLead(pk, known_at) for address, _, pk, known_at in rows}
    if ids:
        leads |= {LeadRef("id", pk): FoundLead(pk, known_at) for pk, known_at in bulk_rows.fetch_rows(_BY_ID, [ids])}
    return leads | _find_by_sender_id([ref for ref in refs if ref.kind == "external_id"])


def _find_by_sender_id(refs: Collection[LeadRef]) -> dict[LeadRef, FoundLead]:
    if not refs:
        return {}
    systems = {ref.system for ref in refs} | {""}
    rows = bulk_rows.fetch_rows(_BY_KEY, ["id", [ref.key for ref in refs], sorted(systems)])
    by_key = {(system, value): FoundLead(pk, known_at) for value, system, pk, known_at in rows}
    leads = {ref: by_key.get((ref.system, ref.key)) or by_key.get(("", ref.key)) for ref in refs}
    return {ref: lead for ref, lead in leads.items() if lead is not None}
