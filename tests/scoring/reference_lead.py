"""The reference definition in force for a year, and a lead that passes its gate and has done nothing yet."""

from __future__ import annotations

import datetime as dt

import pytest

from config.accounts.models import User
from definitions import version_documents
from definitions.models import SignOff, Version
from definitions.vocabulary import Decision, Side, VersionState
from leads.models import Company, Event, Lead, Signal
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
    Version.objects.filter(pk=draft.pk).update(state=VersionState.PROPOSED, proposed_at=at)
    for side in (Side.MARKETING, Side.SALES):
        leader = User.objects.create(email=f"{side}@accord.test")
        SignOff.objects.create(
            version=draft, side=side, decision=Decision.APPROVED, by=leader, at=at, comment="Agreed."
        )
    Version.objects.filter(pk=draft.pk).update(state=VersionState.APPROVED, approved_at=at)
    Version.objects.filter(pk=draft.pk).update(state=VersionState.ACTIVE, activated_at=at)
    draft.refresh_from_db()
    return draft


@pytest.fixture
def lead(db: None) -> Lead:
    """Return a lead of a company that passes the gate, known for 300 days, and due."""
    company = Company.objects.create(
        domain="fit.example",
        industry="Software",
        country="DE",
        employees_low=200,
        employees_high=200,
        recorded_at=NOW - 400 * DAY,
    )
    return Lead.objects.create(
        email="ada@fit.example", title="Head of Operations", company=company, known_at=NOW - 300 * DAY,
        stage_at=NOW - 300 * DAY, recorded_at=NOW - 300 * DAY, next_look_at=NOW - 300 * DAY,
    )  # fmt: skip


def add_event(lead: Lead, signal: str, at: dt.datetime) -> None:
    """Store an event of the lead and make the lead due."""
    Event.objects.create(
        lead=lead,
        signal=Signal.objects.get(code=signal),
        occurred_at=at,
        recorded_at=max(at, NOW),
        source="test",
        digest=b"",
    )
    Lead.objects.filter(pk=lead.pk).update(next_look_at=at)
