"""Definitions of one motion with different scopes in force beside each other (rules 3.13, 3.14)."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from config.accounts.models import ApiKey
from config.accounts.vocabulary import Role
from definitions import draft_templates, proposals, scopes, version_documents
from definitions.lint import OtherDefinition
from definitions.models import Definition, Version
from definitions.proposals import ProposalGrounds
from definitions.vocabulary import VersionState
from scoring.models import Qualification
from tests.definitions.lint_cases import MEANINGS, NAMES, criterion, lint, sound_document
from tests.definitions.version_lifecycles import NOW, create_active, create_draft
from tests.factories import UserFactory, advance_version
from tests.scoring.lead_histories import (
    DAY,
    HOUR,
    START,
    add_event,
    document,
    make_company,
    make_lead,
    rescore_all_due,
)


def overlap(gate: list[Any], other: list[Any]) -> list[lint.Finding]:
    others = (OtherDefinition("MQL UK", "UK", sound_document(gate=other)),)
    findings = lint.lint_document(sound_document(gate=gate), meanings=MEANINGS, names=NAMES, others=others)
    return [finding for finding in findings if finding.code == "scope.overlap"]


GERMAN = criterion("company.country", "in", ["Germany", "AT"])


@pytest.mark.parametrize(
    ("gate", "other"),
    [
        ([GERMAN], [criterion("company.country", "in", ["GB"])]),
        ([GERMAN], [criterion("company.country", "not_in", ["DE", "Austria"])]),
        ([criterion("company.employees", "at_most", 99)], [criterion("company.employees", "at_least", 100)]),
    ],
)
def test_gates_that_no_lead_passes_both_do_not_overlap(gate: list[Any], other: list[Any]) -> None:
    assert overlap(gate, other) == []


@pytest.mark.parametrize(
    ("gate", "other", "rows"),
    [
        ([GERMAN], [criterion("company.country", "in", ["DE", "FR"])], ("gate[0]",)),
        ([GERMAN], [criterion("lead.country", "in", ["GB"])], ("gate[0]",)),
        ([criterion("company.employees", "at_least", 50)], [GERMAN], ("gate",)),
    ],
)
def test_an_overlap_names_the_field_that_would_separate(gate: list[Any], other: list[Any], rows: tuple[str]) -> None:
    (finding,) = overlap(gate, other)

    assert finding.severity == "warning"
    assert "“MQL UK” (UK)" in finding.sentence
    assert "Separate the two by company country" in finding.remedy
    assert finding.rows == rows


@pytest.fixture
def dach(db: None) -> Version:
    version = create_active(name="MQL DACH")
    Definition.objects.update(scope="DACH")
    return version


@pytest.mark.django_db
def test_a_draft_is_linted_against_the_other_definitions_in_force(dach: Version) -> None:
    same, other = create_draft(name="MQL DACH"), create_draft(name="MQL UK")

    findings = {
        draft.pk: [finding.code for finding in proposals.build_case(draft, ProposalGrounds(), now=NOW).findings]
        for draft in (same, other)
    }

    assert "scope.overlap" not in findings[same.pk]
    assert "scope.overlap" in findings[other.pk]
    assert scopes.list_coexisting(other.definition) == [dach]


@pytest.mark.django_db
def test_the_definition_in_force_is_asked_for_by_scope(dach: Version) -> None:
    world = create_active(name="MQL World")
    owner = UserFactory(roles=[Role.MARKETING_OPS])
    _, secret = ApiKey.objects.create_key(name="crm", owner=owner, source="crm", scopes=["definitions:read"])
    machine = Client(headers={"authorization": f"Api-Key {secret}"})

    def ask(**query: str) -> Any:
        return machine.get("/api/v1/definitions/current", query)

    assert (ask(scope=" dach").json()["id"], ask(scope="dach").json()["scope"]) == (dach.pk, "DACH")
    assert ask(scope="").json()["id"] == world.pk
    assert ask().json()["id"] == dach.pk
    unknown = ask(scope="Nordics")
    assert unknown.status_code == 404
    assert "Scopes in force: one without a scope, “DACH”." in unknown.content.decode()
    Definition.objects.update(scope="DACH")
    ambiguous = ask(scope="DACH")
    assert ambiguous.status_code == 409
    assert "mql-dach, mql-world" in ambiguous.content.decode()
    assert ask(scope="DACH", definition="mql-world").json()["id"] == world.pk


@pytest.mark.django_db
def test_a_draft_of_a_new_definition_takes_its_scope_and_pages_name_those_beside_it(dach: Version) -> None:
    ops = UserFactory(roles=[Role.MARKETING_OPS])
    draft = draft_templates.start_draft(code="", name="MQL UK", into=None, by=ops, now=NOW, scope=" UK ")
    page = Client()
    page.force_login(ops)

    shown = page.get(reverse("definition_version", args=[draft.definition.slug, draft.number])).content.decode()

    assert "Scope: UK." in shown
    assert "MQL DACH v" in shown
    assert ": DACH" in page.get(reverse("definitions")).content.decode()


@pytest.mark.django_db
def test_a_lead_that_meets_two_scopes_makes_one_mql_of_the_version_drafted_first() -> None:
    drafts = [
        version_documents.import_document(document=document() | {"name": name}, by=None, now=START)
        for name in ("MQL UK", "MQL DACH")
    ]
    for draft in reversed(drafts):
        advance_version(draft, to=VersionState.ACTIVE, at=START)
    lead = make_lead(1, make_company())
    add_event(lead, "demo_request", START + HOUR)

    rescore_all_due(START + HOUR)
    rescore_all_due(START + DAY)

    assert [row.version for row in Qualification.objects.select_related("version")] == [drafts[0]]
