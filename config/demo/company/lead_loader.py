"""The facts of the example company into the database: in bulk, dated in the past, with their ledger."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Mapping
from typing import Any, Final

from django.db import connection

from config.demo.company.lead_generator import GeneratedCompany, GeneratedLead, GeneratedYear
from config.demo.company.visits import WebActivity
from leads.attribute_history import AttributeHistory
from leads.models import AttributeChange, Company, Lead, Signal

_EVENT_COLUMNS: Final = (
    "lead_id", "signal_id", "occurred_at", "recorded_at", "source", "external_id", "digest", "asset", "properties",
)  # fmt: skip
_SOURCE: Final = "crm"
_BATCH: Final = 2_000
#: How long the systems that report take to do so.
_LAG: Final = dt.timedelta(seconds=4)


def store_leads(world: GeneratedYear) -> dict[str, int]:
    """Write it all; returns each person's lead id by e-mail."""
    companies = _companies(world)
    leads = _leads(world, companies)
    _events(world, leads)
    return leads


def _companies(world: GeneratedYear) -> dict[str, int]:
    dossiers = [_firm(firm) for firm in world.firms]
    Company.objects.bulk_create([dossier.subject for dossier in dossiers], batch_size=_BATCH)
    _remember(dossiers)
    return {str(dossier.subject.domain): dossier.subject.pk for dossier in dossiers}


def _firm(firm: GeneratedCompany) -> AttributeHistory[Company]:
    company = Company(domain=firm.domain, known_at=firm.known_at, recorded_at=firm.known_at)
    dossier = AttributeHistory(company)
    _say(dossier, {"name": firm.name} | dict(firm.values), firm.known_at)
    for at, values in firm.later:
        _say(dossier, values, at)
    return dossier


def _leads(world: GeneratedYear, companies: Mapping[str, int]) -> dict[str, int]:
    dossiers = [_person(person, companies.get(person.domain)) for person in world.people]
    Lead.objects.bulk_create([dossier.subject for dossier in dossiers], batch_size=_BATCH)
    _remember(dossiers)
    return {str(dossier.subject.email): dossier.subject.pk for dossier in dossiers}


def _person(person: GeneratedLead, company: int | None) -> AttributeHistory[Lead]:
    at = person.known_at
    lead = Lead(email=person.email, company_id=company, known_at=at, stage_at=at, recorded_at=at)
    dossier = AttributeHistory(lead)
    _say(dossier, dict(person.values), at)
    for later, values in person.later:
        _say(dossier, values, later)
    return dossier


def _say(dossier: AttributeHistory[Any], values: Mapping[str, Any], at: dt.datetime) -> None:
    first = not dossier.said
    dossier.state(values, valid_from=None if first else at, since=at, source=_SOURCE, now=at)


def _remember(dossiers: list[Any]) -> None:
    rows = [row for dossier in dossiers for row in dossier.added]
    AttributeChange.objects.bulk_create(rows, batch_size=_BATCH)


def _events(world: GeneratedYear, leads: Mapping[str, int]) -> None:
    """By COPY: the one table of this size."""
    signals = dict(Signal.objects.values_list("code", "pk"))
    all_deeds = [(person, deed) for person in world.people for deed in person.deeds]
    all_deeds.sort(key=lambda pair: (pair[1].at, pair[0].email))
    with (
        connection.cursor() as cursor,
        cursor.copy(f"COPY leads_event ({', '.join(_EVENT_COLUMNS)}) FROM STDIN") as copy,
    ):
        for number, (person, deed) in enumerate(all_deeds, start=1):
            copy.write_row(_event_row(leads[person.email], signals[deed.signal], deed, f"{deed.source}-{number:06}"))


def _event_row(lead: int, signal: int, deed: WebActivity, external_id: str) -> tuple[object, ...]:
    properties = {name: value for name, value in (("asset", deed.asset), ("campaign", deed.campaign)) if value}
    digest = hashlib.sha256(f"{external_id} {deed}".encode()).digest()[:16]
    return lead, signal, deed.at, deed.at + _LAG, deed.source, external_id, digest, deed.asset, json.dumps(properties)
