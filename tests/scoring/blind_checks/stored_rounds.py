"""Leads, rounds and answers of blind checks for tests."""

from __future__ import annotations

import datetime as dt
from typing import Any

from config.accounts.models import User
from definitions.models import Version
from leads.models import Lead
from scoring.blind_checks import rounds
from scoring.models import BlindCheck, BlindCheckLead
from tests.factories import DAY, CompanyFactory, EventFactory, LeadFactory, UserFactory

NOW = dt.datetime(2026, 11, 30, 12, tzinfo=dt.UTC)
THEN = dt.datetime(2026, 8, 10, 9, tzinfo=dt.UTC)


def store_round(version: Version, lead: Lead, *, pk: int) -> BlindCheck:
    """Store a round with this id and one lead."""
    blind_check = BlindCheck.objects.create(
        pk=pk, version=version, starts_at=NOW - DAY, ends_at=NOW, made_by=UserFactory(), made_at=NOW
    )
    facts = {"attributes": [["Industry", "Software"]], "events": [["Demo request", "2 days before"]]}
    BlindCheckLead.objects.create(blind_check=blind_check, position=1, lead=lead, at=NOW, facts=facts, meets=True)
    return blind_check


def add_lead(number: int, *, signal: str = "demo_request", at: dt.datetime = THEN) -> Lead:
    company = CompanyFactory(name=f"Secret Works {number}", industry="Software", recorded_at=at - DAY)
    lead = LeadFactory(
        email=f"secret{number}@hidden.example", first_name="Quintessa", title="Director", company=company, at=at - DAY
    )
    EventFactory(lead=lead, signal__code=signal, occurred_at=at)
    return lead


def answer_all(blind_check: BlindCheck, person: User, **given: Any) -> None:
    """Answer as the version does, but on the positions given by number."""
    for row in blind_check.leads.all():
        word = given.get(f"lead_{row.position}", row.meets)
        rounds.answer(row=row, is_qualified=word, by=person, now=NOW)
