"""The figures beside the editor: of the typed document, and of the version in force."""

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
from leads.models import Signal
from scoring.what_ifs import draft_figures
from tests.definitions import version_lifecycles
from tests.definitions.documents import criterion, minimal_document
from tests.factories import CompanyFactory, EventFactory, LeadFactory, UserFactory

pytestmark = pytest.mark.django_db

NOW = dt.datetime(2026, 11, 20, 9, tzinfo=dt.UTC)
MAY_ASK = (Role.MARKETING_OPS, Role.MARKETING_LEADER, Role.SALES_LEADER)


def signed_in(*roles: Role) -> Client:
    client = Client()
    client.force_login(UserFactory(roles=roles))
    return client


def post(client: Client, text: str, **headers: str) -> Any:
    return client.post(reverse("quick_figures"), {"document": text}, headers=headers)


@pytest.mark.django_db(transaction=True)
def test_figures_of_the_typed_document_stand_beside_those_of_the_active_version() -> None:
    shipped_signals.ship(signals=Signal.objects)
    for industry in ("Software", "Mining"):
        lead = LeadFactory(company=CompanyFactory(industry=industry, recorded_at=NOW), at=NOW)
        EventFactory(lead=lead, occurred_at=NOW - dt.timedelta(days=2), recorded_at=NOW)
    active = version_lifecycles.create_active()
    typed = version_documents.export_document(active) | {"gate": [criterion("company.industry", "in", ["Software"])]}

    panel = draft_figures.build_panel(json.dumps(typed), now=NOW)

    assert panel.in_force is not None
    assert (panel.typed.quick.qualify_now, panel.in_force.quick.qualify_now, panel.difference) == (1, 2, -1)
    assert panel.in_force.name == active.number
    assert "Not enough data for a verdict" in panel.verdicts[0]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "no definition document"),
        ("{", "no definition document"),
        ("[" * 100_000, "no definition document"),
        ("9" * 5_000, "no definition document"),
        ("[]", "must be an object"),
        (
            json.dumps(minimal_document(gate=[criterion("company.size", "in", ["x"])])),
            "there is no field “company.size”",
        ),
        (json.dumps(minimal_document(reason="x" * draft_figures.MAX_BYTES)), "larger than 256 kB"),
    ],
)
def test_a_text_that_is_no_definition_is_refused_with_a_sentence(text: str, sentence: str) -> None:
    with pytest.raises(draft_figures.DraftFiguresRefused, match=sentence):
        draft_figures.build_panel(text, now=NOW)

    answer = post(signed_in(Role.MARKETING_OPS), text, **{"HX-Request": "true"})

    assert answer.status_code == 422
    assert sentence in answer.content.decode()
    assert "<html" not in answer.content.decode()


@pytest.mark.parametrize("role", MAY_ASK)
def test_without_script_the_figures_are_a_page(role: Role) -> None:
    answer = post(signed_in(role), json.dumps(minimal_document()))

    assert answer.status_code == 200
    assert "Leads that qualify now" in answer.content.decode()
    assert "</html>" in answer.content.decode()


@pytest.mark.parametrize("role", [role for role in Role if role not in MAY_ASK])
def test_other_roles_get_no_figures(role: Role) -> None:
    assert post(signed_in(role), json.dumps(minimal_document())).status_code == 403
