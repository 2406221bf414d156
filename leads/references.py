"""A fact names its lead: by e-mail, by the sender's external id (a text) or by Accord's id (a whole number)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping
from typing import Any, Literal, NamedTuple

from django.db.models.functions import Lower

from leads import identities, reading
from leads.identities import NewLead
from leads.models import Lead
from leads.refusals import Refused


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
        if not 0 < lead <= reading.MAX_BIGINT:
            raise Refused("lead", "is not the id of a lead.")
        return LeadRef("id", lead)
    if lead is not None:
        return LeadRef("external_id", reading.identity("lead", lead, limit=128))
    raise Refused("email", "is required, or lead: an event belongs to somebody.")


def _email(value: object) -> str:
    # Validating costs more than all the rest of reading an event, and most addresses come again and again.
    if isinstance(value, str) and value in _SEEN:
        return _SEEN[value]
    clean = reading.email("email", value)
    if len(_SEEN) >= _MOST_SEEN:
        _SEEN.clear()
    _SEEN[str(value)] = clean
    return clean


_MOST_SEEN = 50_000
_SEEN: dict[str, str] = {}


def has_unknown(refs: Collection[LeadRef]) -> bool:
    """Whether one of these leads would have to be made."""
    return any(ref.kind != "id" for ref in set(refs) - _find(refs).keys())


def resolve(first_seen: Mapping[LeadRef, dt.datetime], *, now: dt.datetime) -> dict[LeadRef, Found]:
    """The leads meant, made where they are missing and known from then on; only an unknown id of ours stays out."""
    found = _find(first_seen)
    missing = [ref for ref in first_seen if ref not in found and ref.kind != "id"]
    if missing:
        identities.add_leads({_new(ref, first_seen[ref]) for ref in missing}, now=now)
        found |= _find(missing)
    return found


def unknown(ref: LeadRef) -> Refused:
    return Refused("lead", f"{ref.key} is not the id of a lead; a text would be your own id.")


def _new(ref: LeadRef, known_at: dt.datetime) -> NewLead:
    email, external_id = (ref.key, "") if ref.kind == "email" else ("", ref.key)
    return NewLead(str(email), str(external_id), known_at)


def _find(refs: Collection[LeadRef]) -> dict[LeadRef, Found]:
    keys: dict[str, list[Any]] = {"email": [], "external_id": [], "id": []}
    for ref in refs:
        keys[ref.kind].append(ref.key)
    found: dict[LeadRef, Found] = {}
    if keys["email"]:
        rows = identities.leads_by_email(keys["email"]).values_list(Lower("email"), "pk", "known_at")
        found |= {LeadRef("email", email): Found(pk, known_at) for email, pk, known_at in rows if email}
    if keys["external_id"]:
        named = Lead.objects.filter(external_id__in=keys["external_id"]).values_list("external_id", "pk", "known_at")
        found |= {LeadRef("external_id", key or ""): Found(pk, known_at) for key, pk, known_at in named}
    if keys["id"]:
        ours = Lead.objects.filter(pk__in=keys["id"]).values_list("pk", "known_at")
        found |= {LeadRef("id", pk): Found(pk, known_at) for pk, known_at in ours}
    return found
