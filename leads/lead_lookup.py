"""The lookup of the lead that a fact names: by e-mail, by external id (a text) or by Accord's id (a number)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping
from typing import Any, Final, Literal, NamedTuple

from django.db import connection

from leads import matching, validation
from leads.exceptions import Refused
from leads.matching import NewLead


class LeadRef(NamedTuple):
    kind: Literal["email", "external_id", "id"]
    key: str | int


class FoundLead(NamedTuple):
    pk: int
    known_at: dt.datetime


def read_reference(item: Mapping[str, Any]) -> LeadRef:
    """Read the keys `email` or `lead` of a fact. Raises Refused."""
    email, lead = item.get("email"), item.get("lead")
    if email is not None and lead is not None:
        raise Refused("lead", "and email are both given: one of them says who it was.")
    if email is not None:
        return LeadRef("email", _read_email(email))
    if isinstance(lead, int) and not isinstance(lead, bool):
        if not 0 < lead <= validation.MAX_BIGINT:
            raise Refused("lead", "is not the id of a lead.")
        return LeadRef("id", lead)
    if lead is not None:
        return LeadRef("external_id", validation.identity("lead", lead, limit=128))
    raise Refused("email", "is required, or lead: one of them says whom this is about.")


def _read_email(value: object) -> str:
    # Validating an address costs more than the rest of reading an event, and most addresses recur: cache clean ones.
    if isinstance(value, str) and value in _CLEAN_EMAILS:
        return _CLEAN_EMAILS[value]
    clean = validation.email("email", value)
    if len(_CLEAN_EMAILS) >= _CLEAN_EMAILS_AT_MOST:
        _CLEAN_EMAILS.clear()
    _CLEAN_EMAILS[str(value)] = clean
    return clean


_REFERENCE_COLUMNS: Final[tuple[tuple[Literal["email", "external_id", "id"], str, str], ...]] = (
    ("email", "lower(email)", "text[]"),
    ("external_id", "external_id", "text[]"),
    ("id", "id", "bigint[]"),
)
_CLEAN_EMAILS_AT_MOST = 50_000
_CLEAN_EMAILS: dict[str, str] = {}


def add_missing(missing: Mapping[LeadRef, dt.datetime], *, now: dt.datetime) -> dict[LeadRef, FoundLead]:
    """Add leads that are unknown, dated from the given instants. Accord's own ids that do not exist are left out."""
    new = {_new_lead(ref, at) for ref, at in missing.items() if ref.kind != "id"}
    if not new:
        return {}
    matching.add_leads(new, now=now)
    return find_leads(missing)


def find_or_add(first_seen: Mapping[LeadRef, dt.datetime], *, now: dt.datetime) -> dict[LeadRef, FoundLead]:
    """Return the leads of these references, and add those that are missing.

    Unknown ids of Accord's own are left out.
    """
    leads = find_leads(first_seen)
    return leads | add_missing({ref: at for ref, at in first_seen.items() if ref not in leads}, now=now)


def unknown_lead(ref: LeadRef) -> Refused:
    return Refused("lead", f"{ref.key} is not the id of a lead; a text would be your own id.")


def _new_lead(ref: LeadRef, known_at: dt.datetime) -> NewLead:
    email, external_id = (ref.key, "") if ref.kind == "email" else ("", ref.key)
    return NewLead(str(email), str(external_id), known_at)


def find_leads(refs: Collection[LeadRef]) -> dict[LeadRef, FoundLead]:
    """Find leads with one query for each kind of reference. References without a lead are left out."""
    leads: dict[LeadRef, FoundLead] = {}
    for kind, column, array in _REFERENCE_COLUMNS:
        keys = [ref.key for ref in refs if ref.kind == kind]
        if keys:
            # An array is one parameter; a list of a thousand parameters costs more than the search itself.
            query = f"SELECT {column}, id, known_at FROM leads_lead WHERE {column} = ANY(%s::{array})"  # noqa: S608  # constants
            with connection.cursor() as cursor:
                cursor.execute(query, [keys])
                leads |= {LeadRef(kind, key): FoundLead(pk, known_at) for key, pk, known_at in cursor.fetchall()}
    return leads
