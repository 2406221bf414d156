"""Files as senders write them, from import to verdict."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from config.accounts.vocabulary import Role
from leads.intake import lead_upserts
from leads.models import Lead, Spelling
from scoring.columns import fact_reader
from scoring.engine.judge import explain
from scoring.explain import lead_explanation
from scoring.explain.evaluation import find_rules
from scoring.instants import microseconds
from tests.factories import UserFactory

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("shipped")]

CASES = Path(__file__).parent.parent / "data" / "cases"


def bring(name: str, tmp_path: Path) -> Path:
    return Path(shutil.copytree(CASES / name, tmp_path / name))


def evaluate(folder: Path, capsys: Any) -> list[dict[str, str]]:
    capsys.readouterr()
    call_command("evaluate", definition=str(folder / "definition.json"))
    return list(csv.DictReader(capsys.readouterr().out.splitlines()))


def test_a_country_passes_by_whatever_name(tmp_path: Path, capsys: Any) -> None:
    folder = bring("countries-by-name", tmp_path)
    call_command("import_companies", str(folder / "companies.csv"))
    call_command("import_leads", str(folder / "leads.csv"))

    rows = evaluate(folder, capsys)

    assert [row["gate"] for row in rows] == ["pass"] * 13


def test_a_definition_may_write_names_and_an_unread_country_is_unknown(tmp_path: Path, capsys: Any) -> None:
    folder = bring("countries-by-name", tmp_path)
    document = json.loads((folder / "definition.json").read_text())
    document["gate"][0]["value"] = ["Germany", "UK"]
    (folder / "definition.json").write_text(json.dumps(document))
    for email, country in (("a@a.example", "DE"), ("b@b.example", "Ruritania"), ("c@c.example", "France")):
        lead_upserts.upsert_company(
            domain=email.partition("@")[2], values={"country": country}, source="crm", now=timezone.now()
        )
        lead_upserts.upsert_lead(email=email, source="crm", now=timezone.now())

    rows = evaluate(folder, capsys)

    assert [row["gate"] for row in rows] == ["pass", "unknown", "fail"]
    rules = find_rules(str(folder / "definition.json"))
    lead = Lead.objects.get(email="b@b.example")
    explanation = explain(rules, fact_reader.read_for_leads([lead.pk], rules), 0, microseconds(timezone.now()))
    shown = lead_explanation.show_not_understood(explanation, lead, timezone.now())
    assert shown.gate_answers[0].seen == "“Ruritania” (not understood)"
    assert "“Ruritania” (not understood)" in shown.why


def test_answers_that_say_nothing_are_unknown(tmp_path: Path, capsys: Any) -> None:
    folder = bring("answers-that-say-nothing", tmp_path)
    call_command("import_leads", str(folder / "leads.csv"))

    (row,) = evaluate(folder, capsys)

    lead = Lead.objects.get()
    assert float(row["bant"]) == 0
    assert (lead.budget, lead.use_case, lead.timeline, lead.title, lead.country) == ("", "", "", "", "")
    assert lead.not_understood == {}


def test_a_source_is_one_in_any_case(tmp_path: Path) -> None:
    folder = bring("sources-in-any-case", tmp_path)
    call_command("import_leads", str(folder / "leads.csv"))
    client = Client()
    client.force_login(UserFactory(roles=[Role.MARKETING_OPS]))

    assert sorted(Spelling.objects.values_list("text", flat=True)) == ["Linked In", "LinkedIn"]
    assert len(client.get("/api/v1/leads?source=linkedin").json()["results"]) == 3
    shown = client.get(reverse("lead_list"), {"source": "LinkedIn"}).content.decode()
    assert shown.count("<option") - shown.count('<option value=""') >= 2
    assert "d@f16.example" not in shown.replace('title="', "")
