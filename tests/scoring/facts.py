"""The synthetic company, stored straight in the tables: for tests of judgement, not of intake."""

from __future__ import annotations

import csv
import datetime as dt
import json
from decimal import Decimal
from pathlib import Path

from leads.models import AttributeChange, Company, Event, Lead, Signal
from leads.vocabulary import BEGINNING

COMPANY_1K = Path(__file__).parent.parent / "data" / "company_1k"


def instant(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text)


def rows(name: str) -> list[dict[str, str]]:
    with (COMPANY_1K / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def document() -> dict[str, object]:
    content: dict[str, object] = json.loads((COMPANY_1K / "definition.json").read_text())
    return content


def load_company_1k(now: dt.datetime, *, every: int = 1) -> None:
    """Load all leads of the company, or only every n-th, with `every` as n."""
    companies = Company.objects.bulk_create(
        Company(
            external_id=row["company_id"],
            name=row["name"],
            domain=row["domain"],
            industry=row["industry"],
            country=row["country"],
            employees_low=row["employees"] or None,
            employees_high=row["employees"] or None,
            annual_revenue=Decimal(row["revenue_musd"]) * 1_000_000 if row["revenue_musd"] else None,
            known_at=BEGINNING,
            recorded_at=now,
        )
        for row in rows("companies")
    )
    company = {row.external_id: row for row in companies}
    leads = Lead.objects.bulk_create(
        Lead(
            external_id=row["lead_id"],
            email=row["email"],
            title=row["title"],
            source=row["source"],
            country=row["country"],
            company=company.get(row["company_id"]),
            known_at=instant(row["created_at"]),
            stage_at=instant(row["created_at"]),
            recorded_at=now,
        )
        for row in rows("leads")[::every]
    )
    lead = {row.external_id: row for row in leads}
    signals = {row["type"] for row in rows("events")}
    Signal.objects.bulk_create([Signal(code=code, name=code) for code in signals], ignore_conflicts=True)
    signal = {row.code: row for row in Signal.objects.all()}
    Event.objects.bulk_create(
        Event(
            lead=lead[row["lead_id"]],
            signal=signal[row["type"]],
            occurred_at=instant(row["occurred_at"]),
            recorded_at=now,
            source="file",
            external_id=row["event_id"],
            digest=b"",
        )
        for row in rows("events")
        if row["lead_id"] in lead
    )


def add_statement(lead: Lead, at: dt.datetime, now: dt.datetime, **values: object) -> None:
    """Add a statement to the lead's history; the baseline is added with the first one."""
    if not lead.has_history:
        baseline = {
            "email": lead.email,
            "title": lead.title,
            "source": lead.source,
            "country": lead.country,
            "company": lead.company_id,
        }
        AttributeChange.objects.create(
            lead=lead, values=baseline, valid_from=lead.known_at, recorded_at=now, source="test"
        )
    AttributeChange.objects.create(lead=lead, values=values, valid_from=at, recorded_at=now, source="test")
    lead.has_history = True
    lead.save()
