"""One tick of the beat: it takes new facts all the way to a rep (rules 17.4)."""

from __future__ import annotations

import datetime as dt

import pytest
from django.utils import timezone

from config import periodic
from definitions import version_documents
from leads import named_lists, shipped_signals
from leads.intake import events
from leads.models import Lead, Signal
from sla.models import Handoff
from tests.factories import CommitmentFactory, CompanyFactory, TeamFactory, WorkCalendarFactory
from tests.scoring import facts
from tests.scoring.reference_lead import put_in_force

#: More than one sweep takes at once, and few enough for the seconds of a tick on a busy machine.
MQLS = 110

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def company_at_work() -> None:
    """A definition in force, commitments, one team that never sleeps, and as many demo requests as `MQLS`."""
    now = timezone.now()
    shipped_signals.ship(signals=Signal.objects)
    named_lists.ship()
    draft = version_documents.import_document(document=facts.document(), by=None, now=now)
    put_in_force(draft, now - dt.timedelta(days=1))
    CommitmentFactory(active=True)
    TeamFactory(working=True, reps=3, calendar=WorkCalendarFactory(always_open=True))
    company = CompanyFactory(fits=True, recorded_at=now)
    Lead.objects.bulk_create(
        Lead(email=f"{n}@fit.example", company=company, stage_at=now, recorded_at=now) for n in range(MQLS)
    )


def _ask_for_demos() -> None:
    at = (timezone.now() - dt.timedelta(seconds=1)).isoformat()
    items = [
        {"email": f"{n}@fit.example", "signal": "demo_request", "occurred_at": at, "id": str(n)} for n in range(MQLS)
    ]
    answers = events.record(items=items, source="drill", now=timezone.now())
    assert {answer.status for answer in answers} == {"accepted"}


@pytest.mark.usefixtures("company_at_work")
def test_one_tick_takes_an_event_to_a_rep(monkeypatch: pytest.MonkeyPatch) -> None:
    # On a slow machine the next tick would do the rest.
    monkeypatch.setattr(periodic, "SECONDS_A_TICK", 600)
    _ask_for_demos()

    counts = periodic.tick(now=timezone.now())

    assert counts["rescored"] == MQLS
    assert counts["handed_off"] == MQLS
    assert Handoff.objects.filter(rep__isnull=False, tier=1).count() == MQLS
