from __future__ import annotations

import datetime as dt
import hashlib

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import transaction
from django.utils import timezone

from config.accounts.models import ApiKey
from config.demo.company import lead_generator, seed, staff
from definitions.models import Review
from leads.models import Event, Lead, Outcome, StageChange
from leads.vocabulary import Stage
from scoring.models import Qualification, Score
from sla.models import Attempt, Clock, Disposition, Handoff, Notice, RoutingDecision
from tests.factories import LeadFactory

NOW = dt.datetime(2026, 3, 10, 14, 20, tzinfo=dt.UTC)


@pytest.mark.django_db
def test_a_year_written_in_bulk_equals_one_through_the_use_cases_and_another_seed_gives_others() -> None:
    in_bulk = digest_of("smoke", in_bulk=True)
    by_use_cases = digest_of("smoke", in_bulk=False)

    assert in_bulk == by_use_cases
    assert in_bulk != digest_of("smoke", number=8)


@pytest.mark.django_db
def test_the_command_refuses_a_database_with_leads(capsys: pytest.CaptureFixture[str]) -> None:
    LeadFactory()

    with pytest.raises(CommandError, match="leads in this database already"):
        call_command("seed_demo", profile="smoke")
    call_command("seed_demo", "--if-empty")

    assert "nothing was loaded" in capsys.readouterr().out
    assert Lead.objects.count() == 1


@pytest.mark.django_db
def test_the_command_writes_the_key_and_says_how_to_use_it(
    tmp_path: object, monkeypatch: pytest.MonkeyPatch, settings: object, capsys: pytest.CaptureFixture[str]
) -> None:
    settings.BASE_DIR = tmp_path

    call_command("seed_demo", profile="smoke", now=timezone.now())
    call_command("seed_demo", "--logins")

    key = ApiKey.objects.get_from_key(seed.key_file().read_text().strip())
    output = capsys.readouterr().out
    assert "facts:write" in key.scopes
    assert seed.key_file().stat().st_mode & 0o077 == 0
    assert staff.PASSWORD in output
    assert lead_generator.CURL_EMAIL in output
    assert Lead.objects.get(email=lead_generator.CURL_EMAIL).stage == Stage.MAL


def digest_of(profile: str, *, number: int = 1, in_bulk: bool = True) -> dict[str, str]:
    """Return a digest of each table's rows without ids; the seeding is rolled back."""
    with transaction.atomic():
        seed.seed(size=lead_generator.SIZES[profile], seed=number, now=NOW, say=lambda text: None, in_bulk=in_bulk)
        digests = {name: hashlib.sha256(repr(rows).encode()).hexdigest() for name, rows in tables().items()}
        transaction.set_rollback(True)
    return digests


def tables() -> dict[str, list[object]]:
    lead = "handoff__lead__email"
    columns = {
        Lead: ("email", "title", "company__domain", "stage", "stage_at", "known_at"),
        Event: ("lead__email", "signal__code", "occurred_at", "source", "asset"),
        Qualification: ("lead__email", "cycle", "version__minor", "recorded_at", "taken_at", "closed_at", "reenter_at"),
        Handoff: (
            "lead__email", "state", "rep__user__email", "team__name", "created_at", "routed_at", "first_contact_at",
            "decided_at", "meeting_at", "closed_at", "due_at",
        ),
        RoutingDecision: (lead, "at", "by__email", "rep__user__email", "explanation"),
        Clock: (
            lead, "kind", "rep__user__email", "calendar_version__digest", "target_seconds", "started_at", "due_at", "warn_at", "met_at",
            "used_seconds", "is_late", "cancelled_at", "warned_at", "breached_at",
        ),
        Attempt: (lead, "at", "by__email", "channel", "outcome", "note"),
        Disposition: (lead, "at", "kind", "reason__code", "note", "reengage_on", "contacted_before", "by__email"),
        Notice: (lead, "kind", "to__email", "text", "created_at"),
        StageChange: ("lead__email", "from_stage", "to_stage", "at", "by__email", "why"),
        Outcome: ("lead__email", "kind", "at", "amount", "reason"),
        Score: ("lead__email", "as_of", "fit", "engagement", "bant", "gate", "meets", "tier"),
        Review: ("trigger", "title", "opened_at", "decided_at"),
    }  # fmt: skip
    rows = {model.__name__: sorted(model.objects.values_list(*names), key=repr) for model, names in columns.items()}
    evidence = Qualification.objects.filter(cycle=1).values_list("lead__email", "at", "why", "evidence")
    return rows | {
        "evidence": sorted(
            (email, at, why, repr({**explanation, "lead_id": None})) for email, at, why, explanation in evidence
        )
    }
