"""The reference definition in force for a year, and a lead that passes its gate and has done nothing yet."""

from __future__ import annotations

import datetime as dt

import pytest

from definitions import version_documents
from definitions.models import Version
from definitions.vocabulary import VersionState
from leads.models import Lead
from tests.factories import CompanyFactory, EventFactory, LeadFactory, advance_version
from tests.scoring import facts

NOW = dt.datetime(2026, 3, 2, 9, 0, tzinfo=dt.UTC)
HOUR, DAY = dt.timedelta(hours=1), dt.timedelta(days=1)


@pytest.fixture
def version(db: None) -> Version:
    """Return the reference definition, in force for a year."""
    draft = version_documents.import_document(document=facts.document(), by=None, now=NOW - 365 * DAY)
    return put_in_force(draft, NOW - 365 * DAY)


def put_in_force(draft: Version, at: dt.datetime) -> Version:
    """Sign the draft by both sides and activate it at `at`."""
    return advance_version(draft, to=VersionState.ACTIVE, at=at)


@pytest.fixture
def lead(db: None) -> Lead:
    """Return a lead of a company that passes the gate, known for 300 days, and due."""
    at = NOW - 300 * DAY
    company = CompanyFactory(fits=True, recorded_at=at - 100 * DAY)
    return LeadFactory(
        email="ada@fit.example", title="Head of Operations", company=company, at=at, known_at=at, next_look_at=at
    )


def add_event(lead: Lead, signal: str, at: dt.datetime) -> None:
    """Store an event of the lead and make the lead due."""
    EventFactory(lead=lead, signal__code=signal, occurred_at=at, recorded_at=max(at, NOW))
    Lead.objects.filter(pk=lead.pk).update(next_look_at=at)
