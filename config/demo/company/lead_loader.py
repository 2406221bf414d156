"""The loading of generated companies, leads and events in bulk, dated in the past, with the history of attributes."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from django.db import connection

from config.demo.company.lead_generator import GeneratedCompany, GeneratedLead, GeneratedYear
from config.demo.company.visits import WebActivity
from leads.attribute_history import AttributeHistory
from leads.intake.spellings import settle_spellings
from leads.models import AttributeChange, Company, Lead, Signal

_EVENT_COLUMNS: Final = (
    "lead_id", "signal_id", "occurred_at", "recorded_at", "source", "external_id", "digest", "asset", "properties",
)  # fmt: skip
_SOURCE: Final = "crm"
_BATCH: Final = 2_000
#: The time until an activity is reported.
_LAG: Final = dt.timedelta(seconds=4)


def store_leads(year: GeneratedYear) -> dict[str, int]:
    """Store the companies, leads and events of the year; returns the leads' ids by e-mail."""
    settle_spellings(
        (name, str(values[name]))
        for name, rows in (("industry", year.companies), ("source", year.leads))
        for values in (row.values for row in rows)
        if values.get(name)
    )
    companies = _store_companies(year)
    leads = _store_leads(year, companies)
    _copy_events(year, leads)
    return leads


def _store_companies(year: GeneratedYear) -> dict[str, int]:
    histories = [_company_history(company) for company in year.companies]
    Company.objects.bulk_create([history.subject for history in histories], batch_size=_BATCH)
    _store_changes(histories)
    return {str(history.subject.domain): history.subject.pk for history in histories}


def _company_history(company: GeneratedCompany) -> AttributeHistory[Company]:
    at = company.known_at
    history = AttributeHistory(Company(domain=company.domain, known_at=at, recorded_at=at))
    values = {"name": company.name} | dict(company.values)
    _add_values(history, [(at, values), *company.later_values])
    return history


def _store_leads(year: GeneratedYear, companies: Mapping[str, int]) -> dict[str, int]:
    histories = [_lead_history(lead, companies.get(lead.domain)) for lead in year.leads]
    Lead.objects.bulk_create([history.subject for history in histories], batch_size=_BATCH)
    _store_changes(histories)
    return {str(history.subject.email): history.subject.pk for history in histories}


def _lead_history(lead: GeneratedLead, company_id: int | None) -> AttributeHistory[Lead]:
    at = lead.known_at
    history = AttributeHistory(Lead(email=lead.email, company_id=company_id, known_at=at, stage_at=at, recorded_at=at))
    _add_values(history, [(at, lead.values), *lead.later_values])
    return history


def _add_values(history: AttributeHistory[Any], rows: Sequence[tuple[dt.datetime, Mapping[str, Any]]]) -> None:
    """State the values at their instants; the first ones hold since ever."""
    for number, (at, values) in enumerate(rows):
        history.apply_statement(dict(values), valid_from=at if number else None, since=at, source=_SOURCE, now=at)


def _store_changes(histories: list[Any]) -> None:
    rows = [row for history in histories for row in history.new_changes]
    AttributeChange.objects.bulk_create(rows, batch_size=_BATCH)


def _copy_events(year: GeneratedYear, leads: Mapping[str, int]) -> None:
    """Store the events by COPY: no other table has as many rows."""
    signals = dict(Signal.objects.values_list("code", "pk"))
    rows = [(lead, activity) for lead in year.leads for activity in lead.activities]
    rows.sort(key=lambda pair: (pair[1].at, pair[0].email))
    with (
        connection.cursor() as cursor,
        cursor.copy(f"COPY leads_event ({', '.join(_EVENT_COLUMNS)}) FROM STDIN") as copy,
    ):
        for number, (lead, activity) in enumerate(rows, start=1):
            copy.write_row(
                _event_row(leads[lead.email], signals[activity.signal], activity, f"{activity.source}-{number:06}")
            )


def _event_row(lead_id: int, signal_id: int, activity: WebActivity, external_id: str) -> tuple[object, ...]:
    properties = {name: value for name, value in (("asset", activity.asset), ("campaign", activity.campaign)) if value}
    digest = hashlib.sha256(f"{external_id} {activity}".encode()).digest()[:16]
    return (
        lead_id,
        signal_id,
        activity.at,
        activity.at + _LAG,
        activity.source,
        external_id,
        digest,
        activity.asset,
        json.dumps(properties),
    )
