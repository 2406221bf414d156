"""The outlook of an import: the verdicts that its first rows would have, and that nothing of it stays."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
from django.db import transaction

from definitions import version_documents
from leads.identity import merges
from leads.imports import file_imports, import_previews
from leads.imports.column_map import ColumnMap
from leads.imports.file_imports import FileImport
from leads.imports.import_kinds import KINDS
from leads.models import AttributeChange, Company, Lead, StageChange
from leads.vocabulary import Stage
from scoring.live import import_outlook
from scoring.live.import_outlook import RowOutlook
from scoring.models import Qualification, Score
from tests.factories import DAY, NOW, CompanyFactory, EventFactory, LeadFactory
from tests.scoring import facts
from tests.scoring.reference_lead import put_in_force
from tests.threads import at_once

pytestmark = pytest.mark.django_db

LEADS = (
    "email,title,company_domain,do_not_contact\n"
    "ada@fit.example,CTO,,\n"
    "eve@other.example,CTO,,\n"
    "nobody,,,\n"
    "known@fit.example,VP Marketing,,maybe\n"
)


@pytest.fixture
def in_force() -> None:
    draft = version_documents.import_document(document=facts.document(), by=None, now=NOW - 2 * DAY)
    put_in_force(draft, NOW - DAY)


def prepare(folder: Path, text: str, kind: str = "leads") -> FileImport:
    path = folder / "file.csv"
    path.write_text(text)
    return file_imports.prepare_import(path=path, kind=KINDS[kind], column_map=ColumnMap(), source="test")


def preview(file: FileImport, now: dt.datetime = NOW) -> list[RowOutlook]:
    rows = import_previews.read_sample(file.path, file.plan.kind, file.plan.map).rows
    return import_outlook.preview_import(file=file, rows=rows, now=now)


@pytest.mark.usefixtures("in_force")
def test_the_gates_of_two_definitions_with_one_number_are_told_apart(tmp_path: Path) -> None:
    document = facts.document() | {"name": "Product", "motion": "pql"}
    put_in_force(version_documents.import_document(document=document, by=None, now=NOW - 2 * DAY), NOW - DAY)

    ada, *_ = preview(prepare(tmp_path, LEADS))

    assert ada.lead is not None
    assert [gate.version for gate in ada.lead.gates] == [f"{facts.document()['name']} v1.0", "Product v1.0"]


@pytest.mark.usefixtures("in_force")
def test_each_lead_has_the_verdict_that_the_import_would_give(tmp_path: Path) -> None:
    company = CompanyFactory(fits=True)
    known = LeadFactory(email="known@fit.example", company=company)
    EventFactory(lead=known, occurred_at=NOW - dt.timedelta(hours=1))

    ada, eve, nobody, hot = preview(prepare(tmp_path, LEADS.replace("maybe", "")))

    assert hot.lead is not None
    assert (hot.lead.stage, [gate.verdict for gate in hot.lead.gates]) == (Stage.MQL, ["pass"])
    assert hot.lead.tier is not None
    assert ada.lead is not None
    assert (ada.lead.stage, ada.lead.tier, ada.lead.gates[0].verdict) == (Stage.LEAD, None, "pass")
    assert eve.lead is not None
    assert eve.lead.gates[0].verdict != "pass"
    assert (nobody.lead, nobody.row.verdict.field) == (None, "email")


@pytest.mark.usefixtures("in_force")
def test_a_merged_lead_has_the_verdict_of_the_person(tmp_path: Path) -> None:
    alias, standing = LeadFactory(email="known@fit.example"), LeadFactory(company=CompanyFactory(fits=True))
    EventFactory(lead=standing, occurred_at=NOW - dt.timedelta(hours=1))
    merges.merge(lead_id=alias.pk, into_id=standing.pk, by=None, now=NOW - DAY)

    (row,) = preview(prepare(tmp_path, "email,title\nknown@fit.example,VP Marketing\n"))

    assert row.lead is not None
    assert (row.lead.stage, row.lead.gates[0].verdict) == (Stage.MQL, "pass")


@pytest.mark.usefixtures("in_force")
def test_nothing_of_a_preview_stays(tmp_path: Path) -> None:
    company = CompanyFactory(fits=True)
    known = LeadFactory(email="known@fit.example", company=company, title="Clerk")
    EventFactory(lead=known, occurred_at=NOW - dt.timedelta(hours=1))

    preview(prepare(tmp_path, LEADS.replace(",,maybe", ",new.example,")))

    assert list(Lead.objects.values_list("title", "stage", "next_look_at")) == [("Clerk", Stage.LEAD, None)]
    assert Company.objects.get() == company
    for model in (AttributeChange, StageChange, Qualification, Score):
        assert not model.objects.exists()


def test_each_value_is_shown_as_it_is_understood(tmp_path: Path) -> None:
    text = "email,company_domain,created_at,do_not_contact\nADA@Fit.example,https://www.Fit.example/x,2026-01-31T10:00:00Z,1\n"

    (outlook,) = preview(prepare(tmp_path, text))

    assert [(cell.target, cell.value) for cell in outlook.row.cells] == [
        ("email", "ada@fit.example"),
        ("company_domain", "fit.example"),
        ("created_at", "2026-01-31 10:00 UTC"),
        ("do_not_contact", "yes"),
    ]


def test_the_cell_at_fault_is_marked(tmp_path: Path) -> None:
    (outlook,) = preview(prepare(tmp_path, "email,valid_from\na@b.example,someday\n"))

    assert [cell.is_refused for cell in outlook.row.cells] == [False, True]


@pytest.mark.parametrize(
    ("kind", "text", "values"),
    [
        ("companies", "domain,employees\nacme.example,51-200\n", ["acme.example", "51 to 200"]),
        (
            "events",
            "email,signal,occurred_at\na@b.example,blog_read,2026-01-05T10:00:00Z\n",
            ["a@b.example", "blog_read"],
        ),
        ("outcomes", "email,kind,at,amount\na@b.example,won,2026-01-05T10:00:00Z,12.5\n", ["a@b.example", "won"]),
    ],
)
def test_other_kinds_are_previewed_without_a_verdict(tmp_path: Path, kind: str, text: str, values: list[str]) -> None:
    (outlook,) = preview(prepare(tmp_path, text, kind))

    assert outlook.lead is None
    assert outlook.row.verdict.status in {"created", "accepted"}
    assert [cell.value for cell in outlook.row.cells][:2] == values
    assert not Lead.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_preview_does_not_wait_long_for_leads_that_somebody_else_changes(tmp_path: Path) -> None:
    LeadFactory(email="ada@fit.example")
    file = prepare(tmp_path, "email,title\nada@fit.example,CTO\n")

    with transaction.atomic():
        Lead.objects.select_for_update().get()
        results = at_once(1, lambda _: _outcome(file))

    assert results == ["Some of these leads are being changed right now. Look again in a moment."]


def _outcome(file: FileImport) -> str:
    try:
        preview(file)
    except import_outlook.OutlookUnavailable as refusal:
        return str(refusal)
    return "previewed"
