"""A fact names its lead: by e-mail, by the sender's external id (a text) or by Accord's id (a whole number)."""

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


class Found(NamedTuple):
    pk: int
    known_at: dt.datetime


def read(item: Mapping[str, Any]) -> LeadRef:
    """The keys `email` or `lead` of a fact. Raises Refused."""
    email, lead = item.get("email"), item.get("lead")
    if email is not None and lead is not None:
        raise Refused("lead", "and email are both given: one of them says who it was.")
    if email is not None:
        return LeadRef("email", _email(email))
    if isinstance(lead, int) and not isinstance(lead, bool):
        if not 0 < lead <= validation.MAX_BIGINT:
            raise Refused("lead", "is not the id of a lead.")
        return LeadRef("id", lead)
    if lead is not None:
        return LeadRef("external_id", validation.identity("lead", lead, limit=128))
    raise Refused("email", "is required, or lead: an event belongs to somebody.")


def _email(value: object) -> str:
    # Validating costs more than all the rest of reading an event, and most addresses come again and again.
    if isinstance(value, str) and value in _SEEN:
        return _SEEN[value]
    clean = validation.email("email", value)
    if len(_SEEN) >= _MOST_SEEN:
        _SEEN.clear()
    _SEEN[str(value)] = clean
    return clean


_COLUMNS: Final[tuple[tuple[Literal["email", "external_id", "id"], str, str], ...]] = (
    ("email", "lower(email)", "text[]"),
    ("external_id", "external_id", "text[]"),
    ("id", "id", "bigint[]"),
)
_MOST_SEEN = 50_000
_SEEN: dict[str, str] = {}


def add(missing: Mapping[LeadRef, dt.datetime], *, now: dt.datetime) -> dict[LeadRef, Found]:
    """Leads that nobody knew, known from these instants on; an id of ours is not made up."""
    new = {_new(ref, at) for ref, at in missing.items() if ref.kind != "id"}
    if not new:
        return {}
    matching.add_leads(new, now=now)
    return find(missing)


def resolve(first_seen: Mapping[LeadRef, dt.datetime], *, now: dt.datetime) -> dict[LeadRef, Found]:
    """The leads meant, made where they are missing; only an unknown id of ours stays out."""
    found = find(first_seen)
    return found | add({ref: at for ref, at in first_seen.items() if ref not in found}, now=now)


def unknown(ref: LeadRef) -> Refused:
    return Refused("lead", f"{ref.key} is not the id of a lead; a text would be your own id.")


def _new(ref: LeadRef, known_at: dt.datetime) -> NewLead:
    email, external_id = (ref.key, "") if ref.kind == "email" else ("", ref.key)
    return NewLead(str(email), str(external_id), known_at)


def find(refs: Collection[LeadRef]) -> dict[LeadRef, Found]:
    """One query for each way of naming. An array is one parameter; a list of a thousand costs more than the search."""
    found: dict[LeadRef, Found] = {}
    for kind, column, array in _COLUMNS:
        keys = [ref.key for ref in refs if ref.kind == kind]
        if keys:
            # Column and type are ours, from the table above.
            query = f"SELECT {column}, id, known_at FROM leads_lead WHERE {column} = ANY(%s::{array})"  # noqa: S608
            with connection.cursor() as cursor:
                cursor.execute(query, [keys])
                found |= {LeadRef(kind, key): Found(pk, known_at) for key, pk, known_at in cursor.fetchall()}
    return found
