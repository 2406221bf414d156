"""Past decisions of sales from files: mapped to the reason codes, evidence for reports and backtests, and nothing else."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from config.accounts.vocabulary import Role
from definitions.models import Review
from definitions.vocabulary import ReviewTrigger
from leads.models import ImportRefusedRow, ImportRun, Lead, PastDisposition, StageChange
from leads.vocabulary import Motion
from sla.handoffs import dispositions, past_disposition_files
from sla.models import Disposition, Notice, SubReason
from sla.reports import pipeline_overview
from sla.review_triggers import daily_check, running_month
from tests.factories import (
    DAY,
    HOUR,
    MINUTE,
    NOW,
    HandoffFactory,
    ReasonCodeFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db

COMPANY = Path(__file__).parents[2] / "data" / "company_1k"
#: The reasons of the company's file, as its map gives them.
CODES = {
    "wrong_profile": "wrong_company_profile",
    "already_customer": "existing_customer",
    "already_has_solution": "has_solution",
    "timing": "bad_timing",
    "no_budget_authority": "no_budget_authority",
}
A_MAP = {
    "columns": {"lead": "lead_id", "id": "mql_id", "kind": "disposition", "reason": "reason", "at": "dispositioned_at", "by": "rep_id"},
    "values": {"reason": CODES},
}  # fmt: skip


def import_file(path: Path, **options: Any) -> ImportRun:
    call_command("import_dispositions", str(path), rejected=path.with_suffix(".rejected"), **options)
    return ImportRun.objects.latest("pk")


def store(*rows: dict[str, Any], source: str = "crm") -> list[tuple[str, str]]:
    verdicts = past_disposition_files.store_items(list(rows), source, NOW)
    return [(verdict.status, verdict.field) for verdict in verdicts]


def decision(**changes: Any) -> dict[str, Any]:
    row = {"email": "ada@acme.example", "kind": "rejected", "reason": "wrong_persona", "at": (NOW - DAY).isoformat()}
    return {name: value for name, value in (row | changes).items() if value is not None}


def test_the_decisions_of_the_reference_company_are_imported_once(tmp_path: Path) -> None:
    map_path, path = tmp_path / "map.json", tmp_path / "mqls.csv"
    map_path.write_text(json.dumps(A_MAP))
    path.write_bytes((COMPANY / "mqls.csv").read_bytes())

    run = import_file(path, map=map_path, strict=True)
    again = import_file(path, map=map_path, again=True)

    assert (run.kind, run.created, run.rejected) == ("dispositions", 76, 0)
    assert (again.created, again.unchanged, PastDisposition.objects.count()) == (0, 76, 76)
    with (COMPANY / "mqls.csv").open(encoding="utf-8") as file:
        reasons = [row["reason"] for row in csv.DictReader(file) if row["disposition"] == "rejected"]
    stored = PastDisposition.objects.filter(kind="reject").values_list("reason", flat=True)
    assert sorted(stored) == sorted(CODES.get(reason, reason) for reason in reasons)
    # Evidence alone: nobody is told, and nobody moves.
    assert not Notice.objects.exists()
    assert not StageChange.objects.exists()
    assert not Disposition.objects.exists()
    assert set(Lead.objects.values_list("stage", flat=True)) == {"lead"}


def test_a_row_that_breaks_a_rule_comes_back_with_its_field(tmp_path: Path) -> None:
    path = tmp_path / "decisions.csv"
    path.write_text(
        "email,decision,decided_at,reason,owner\n"
        "a@acme.example,Accepted,2026-01-05T10:00:00Z,,Jane\n"
        "b@acme.example,Rejected,2026-01-05T10:00:00Z,Wrong persona / title,Jane\n"
        "c@acme.example,Maybe,2026-01-05T10:00:00Z,,Jane\n"
        "d@acme.example,Rejected,2026-01-05T10:00:00Z,,Jane\n"
        "e@acme.example,Rejected,2026-01-05T10:00:00Z,Too young,Jane\n"
        "f@acme.example,Accepted,2026-01-05T10:00:00Z,not_interested,Jane\n"
        "g@acme.example,Rejected,,not_interested,Jane\n"
        ",Rejected,2026-01-05T10:00:00Z,not_interested,Jane\n"
    )

    run = import_file(path)

    assert (run.created, run.rejected) == (2, 6)
    rows = ImportRefusedRow.objects.order_by("line").values_list("field", "reason")
    assert [field for field, _ in rows] == ["kind", "reason", "reason", "reason", "at", "email"]
    assert "write one of these, or map it in `values`: bad_timing, competitor_selected, " in rows[2][1]
    assert list(PastDisposition.objects.order_by("pk").values_list("kind", "reason", "decided_by")) == [
        ("accept", "", "Jane"),
        ("reject", "wrong_persona", "Jane"),
    ]


@pytest.mark.parametrize("key", [{"id": "d-1"}, {}])
def test_the_same_decision_again_is_a_duplicate_and_another_a_conflict(key: dict[str, str]) -> None:
    first = store(decision(**key), decision(**key))
    again = store(decision(**key), decision(**key, reason="not_interested"))

    assert first == [("accepted", ""), ("duplicate", "")]
    assert again == [("duplicate", ""), ("rejected", "id" if key else "at")]
    assert store(decision(**key), source="other") == [("accepted", "")]


def test_what_accord_has_recorded_itself_is_not_imported() -> None:
    handoff = HandoffFactory(now=NOW - HOUR, lead__email="ada@acme.example")

    verdicts = store(decision(at=(handoff.created_at + MINUTE).isoformat()), decision())

    assert verdicts == [("rejected", "at"), ("accepted", "")]


def test_imported_decisions_stand_in_the_reports_as_imported_and_open_no_review() -> None:
    handoff = HandoffFactory(now=NOW - HOUR, rejected=True)
    store(
        *(decision(email=f"lead{n}@acme.example", at=(NOW - DAY).isoformat()) for n in range(30)),
        decision(kind="accepted", reason=None),
        decision(email="pql@acme.example", motion="pql"),
    )

    overview = pipeline_overview.build_overview(motion=Motion.MQL, now=NOW)

    month = overview.month
    assert (month.accepted, month.rejected, month.imported) == (1, 31, 31)
    assert [(row.code, row.detail, row.count, row.imported) for row in overview.reasons] == [
        ("wrong_persona", "", 30, 30),
        (handoff.dispositions.get().reason.code, "", 1, 0),
    ]
    assert PastDisposition.objects.filter(motion=Motion.PQL).count() == 1
    assert running_month.notify_of_crossed_lines(now=NOW) == 0
    daily_check.open_due_reviews(now=NOW + 30 * DAY)
    assert not Review.objects.filter(trigger=ReviewTrigger.REJECTION_SPIKE).exists()
    assert not Notice.objects.filter(kind="review.opened").exists()
    client = Client()
    lead = Lead.objects.get(email="ada@acme.example")
    with time_machine.travel(NOW, tick=False):
        client.force_login(UserFactory(roles=[Role.MARKETING_OPS]))
        shown = client.get(reverse("lead", args=[lead.pk])).content.decode()
        file = b"".join(client.get(reverse("reasons_export")).streaming_content).decode()
    assert "Before Accord" in shown
    assert "Accepted (imported)" in shown
    assert "Wrong persona / title,wrong_persona,Fit,,30,30" in file


def test_the_reports_count_the_details_of_a_reason() -> None:
    reason = ReasonCodeFactory(code="unreached")
    detail = SubReason.objects.create(reason=reason, code="bounced", label="Bounced")
    handoff = HandoffFactory(now=NOW - HOUR)
    dispositions.reject(handoff=handoff, reason=reason, sub_reason=detail, by=handoff.rep.user, now=NOW - MINUTE)

    overview = pipeline_overview.build_overview(motion=Motion.MQL, now=NOW)

    assert [(row.code, row.detail, row.count) for row in overview.reasons] == [
        ("unreached", "", 1),
        ("unreached", "Bounced", 1),
    ]


def test_a_page_of_imports_offers_past_decisions() -> None:
    client = Client()
    client.force_login(UserFactory(roles=[Role.MARKETING_OPS]))

    assert "Past decisions: what sales accepted and rejected" in client.get(reverse("import_new")).content.decode()
