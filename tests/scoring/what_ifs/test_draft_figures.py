"""The figures beside the editor: of what is typed, and of the version in force."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from config.accounts.vocabulary import Role
from definitions import version_documents
from leads import shipped_signals
from leads.models import Company, Event, Lead, Signal
from scoring.what_ifs import draft_figures
from tests.definitions import version_lifecycles
from tests.definitions.documents import criterion, minimal
from tests.definitions.people import person

pytestmark = pytest.mark.django_db

NOW = dt.datetime(2026, 11, 20, 9, tzinfo=dt.UTC)
MAY_ASK = (Role.MARKETING_OPS, Role.MARKETING_LEADER, Role.SALES_LEADER)


def signed_in(*roles: Role) -> Client:
    client = Client()
    client.force_login(person(*roles))
    return client


def post(client: Client, text: str, **headers: str) -> Any:
    return client.post(reverse("quick_figures"), {"document": text}, headers=headers)


@pytest.mark.django_db(transaction=True)
def test_what_is_typed_stands_beside_what_is_in_force() -> None:
    shipped_signals.ship(signals=Signal.objects)
    for industry in ("Software", "Mining"):
        firm = Company.objects.create(industry=industry, recorded_at=NOW)
        lead = Lead.objects.create(email=f"{industry}@a.example", company=firm, stage_at=NOW, recorded_at=NOW)
        Event.objects.create(
            lead=lead, signal=Signal.objects.get(code="demo_request"), occurred_at=NOW - dt.timedelta(days=2),
            recorded_at=NOW, source="form", external_id=industry, digest=b"",
        )  # fmt: skip
    active = version_lifecycles.active()
    typed = version_documents.export(active) | {"gate": [criterion("company.industry", "in", ["Software"])]}

    seen = draft_figures.at(json.dumps(typed), now=NOW)

    assert seen.in_force is not None
    assert (seen.typed.quick.qualify_now, seen.in_force.quick.qualify_now, seen.difference) == (1, 2, -1)
    assert seen.in_force.name == active.number
    assert "Not enough data for a verdict" in seen.verdicts[0]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "no definition document"),
        ("{", "no definition document"),
        ("[" * 100_000, "no definition document"),
        ("9" * 5_000, "no definition document"),
        ("[]", "must be an object"),
        (json.dumps(minimal(gate=[criterion("company.size", "in", ["x"])])), "there is no field “company.size”"),
        (json.dumps(minimal(reason="x" * draft_figures.BYTES_AT_MOST)), "larger than 256 kB"),
    ],
)
def test_what_cannot_be_judged_is_refused_politely(text: str, sentence: str) -> None:
    with pytest.raises(draft_figures.DraftFiguresRefused, match=sentence):
        draft_figures.at(text, now=NOW)

    answer = post(signed_in(Role.MARKETING_OPS), text, **{"HX-Request": "true"})

    assert answer.status_code == 422
    assert sentence in answer.content.decode()
    assert "<html" not in answer.content.decode()


@pytest.mark.parametrize("role", MAY_ASK)
def test_without_script_the_figures_are_a_page(role: Role) -> None:
    answer = post(signed_in(role), json.dumps(minimal()))

    assert answer.status_code == 200
    assert "Leads that qualify now" in answer.content.decode()
    assert "</html>" in answer.content.decode()


@pytest.mark.parametrize("role", [role for role in Role if role not in MAY_ASK])
def test_nobody_else_may_ask(role: Role) -> None:
    assert post(signed_in(role), json.dumps(minimal())).status_code == 403
