"""Definitions that judge companies: their document, its lint, diff and words, and their life from preset to activation."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from django.db import transaction
from django.db.utils import ProgrammingError
from django.test import Client

from config import periodic
from config.accounts.vocabulary import Role
from definitions import backtest_requests, diff, presets, version_documents, versions
from definitions.diff import Effect
from definitions.document.parser import DocumentRefused
from definitions.models import Version
from definitions.plain_english import generated_statement
from definitions.vocabulary import Decision, Side, VersionState
from leads.models import Signal
from scoring import active_versions
from scoring.explain import evaluation
from tests.account_plays import account_document, engage_company
from tests.definitions.documents import minimal_document
from tests.definitions.lint_cases import NAMES, complete_document, finding_codes
from tests.definitions.version_lifecycles import build_grounds
from tests.factories import DAY, NOW, UserFactory

COMPANY = {"count_of": ["job_posting"], "at_least": 1, "within_days": 90, "rationale": "A reason."}


def complete(**section: Any) -> dict[str, Any]:
    return complete_document(account_document(**section))


def complaints_of(document: dict[str, Any]) -> str:
    with pytest.raises(DocumentRefused) as refusal:
        complete_document(document)
    return str(refusal.value)


def test_a_document_of_companies_is_read_and_written_alike() -> None:
    document = complete(company_signals=COMPANY, engaged_by=["demo_request", "pricing_view"], tier_1_contacts=5)

    assert complete_document(document) == document
    assert document["account"]["company_signals"]["count_of"] == ["job_posting"]


def test_the_documents_of_leads_have_no_such_section() -> None:
    assert "account" not in complete_document(minimal_document())


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {"signals": [{"signal": "demo_request", "points": 5, "rationale": "x"}]},
            "signals: a definition of the motion",
        ),
        ({"timing": {"engaged_within_days": 30}}, "timing: a definition of the motion aql judges companies, not leads"),
        (
            {"gate": [{"field": "lead.title", "op": "contains_any", "value": ["x"], "rationale": "x"}]},
            "asks for lead.title",
        ),
        (
            {"gate": [{"field": "company.country", "op": "in", "value": ["DE"], "points": 3, "rationale": "x"}]},
            "gives points",
        ),
        ({"account": None}, "account: is what makes a company qualify"),
        ({"motion": "mql", "paths": minimal_document()["paths"]}, "account: only a definition of the motion aql"),
    ],
)
def test_rows_about_leads_are_refused(changes: dict[str, Any], sentence: str) -> None:
    assert sentence in complaints_of(account_document() | changes)


@pytest.mark.parametrize(
    ("section", "sentence"),
    [
        ({"contacts_at_least": 1}, "two different contacts at least"),
        ({"contacts_at_least": 2.5}, "must be a whole number"),
        ({"within_days": 0}, "must be at least 0.01"),
        ({"within_days": None}, "must be a number"),
        ({"engaged_by": ["no_such_signal"]}, "there is no signal"),
        ({"engaged_by": ["demo_request", "demo_request"]}, "names a signal twice"),
        ({"company_signals": {**COMPANY, "count_of": []}}, "names no signal"),
        ({"company_signals": {"count_of": ["job_posting"]}}, "at_least: is missing"),
        ({"tier_1_contacts": 2}, "must be at least contacts_at_least"),
        ({"surprise": 1}, "there is no such key"),
    ],
)
def test_a_section_that_says_nonsense_is_refused(section: dict[str, Any], sentence: str) -> None:
    assert sentence in complaints_of(account_document(**section))


def test_a_document_of_companies_needs_the_section() -> None:
    document = account_document()
    del document["account"]

    assert "account: is missing" in complaints_of(document)


@pytest.mark.parametrize(
    ("changes", "codes"),
    [
        ({}, {}),
        ({"gate": []}, {"account.no_gate": "error"}),
        ({"disqualifiers": []}, {"exclusions.none": "warning"}),
    ],
)
def test_the_linter_reads_the_company(changes: dict[str, Any], codes: dict[str, str]) -> None:
    assert finding_codes(complete_document(account_document() | changes)) == codes


@pytest.mark.parametrize(
    ("section", "code"),
    [
        ({"within_days": 120}, "account.long_window"),
        ({"contacts_at_least": 12}, "account.many_contacts"),
        ({"engaged_by": ["blog_read", "email_open"]}, "account.low_intent"),
        ({"engaged_by": ["unsubscribe", "demo_request"]}, "account.no_engagement"),
        ({"engaged_by": ["job_posting", "demo_request"], "company_signals": COMPANY}, "account.counted_twice"),
    ],
)
def test_the_linter_reads_the_section(section: dict[str, Any], code: str) -> None:
    assert code in finding_codes(complete(**section))


def test_the_words_say_what_a_company_needs() -> None:
    document = complete(company_signals=COMPANY, tier_1_contacts=5)

    assert generated_statement.write_statement(document, NAMES).text == (
        "An AQL is a company based in DE; with at least 3 different contacts engaged in the last 30 days, and with job "
        "posted in the last 90 days. Never: current customers; seniority is at most intern."
    )
    assert generated_statement.describe_tiers(document, NAMES)[0] == (
        "Tier 1 (hot): at least 5 different contacts engaged."
    )


@pytest.mark.parametrize(
    ("section", "label", "effect"),
    [
        ({"contacts_at_least": 4}, "Engaged contacts", Effect.TIGHTER),
        ({"within_days": 60}, "Engaged contacts", Effect.LOOSER),
        ({"company_signals": COMPANY}, "Company signals", Effect.TIGHTER),
        ({"tier_1_contacts": 5}, "Tiers", Effect.NEITHER),
        ({"engaged_by": ["demo_request"]}, "Engaged contacts", Effect.UNCLEAR),
    ],
)
def test_a_change_of_the_section_says_its_effect(section: dict[str, Any], label: str, effect: Effect) -> None:
    (change,) = diff.find_changes(complete(), complete(**section), NAMES)

    assert (change.part, change.label, change.effect) == ("Account", label, effect)


@pytest.mark.django_db
def test_the_preset_goes_to_activation_with_a_backtest_of_companies() -> None:
    ops = UserFactory(roles=[Role.MARKETING_OPS])
    document = copy.deepcopy(presets.load_preset("account").document)
    version = version_documents.import_document(document=document, by=ops, now=NOW - 2 * DAY)
    before = version_documents.fingerprint(version)
    engage_company()
    backtest_requests.request_backtest(
        version=version, start=NOW - 180 * DAY, end=NOW - 2 * DAY, by=ops, now=NOW - 2 * DAY
    )
    periodic.run_backtests(now=NOW - 2 * DAY)
    backtest = version.backtests.get()
    assert backtest.error == ""
    assert backtest.result["leads"] == 1
    assert backtest.result["version"]["verdicts"][0].startswith("Counted in companies")

    grounds = build_grounds(version, now=NOW - 2 * DAY)
    version = versions.propose(version=version, by=ops, now=NOW - 2 * DAY, **grounds)
    for side, role in ((Side.MARKETING, Role.MARKETING_LEADER), (Side.SALES, Role.SALES_LEADER)):
        versions.sign(
            version=version, side=side, decision=Decision.APPROVED, comment="Yes.", by=UserFactory(roles=[role]),
            now=NOW - DAY,
        )  # fmt: skip
    version = versions.activate(version=version, hand_over_entrants=True, by=ops, now=NOW - DAY)

    assert version.state == VersionState.ACTIVE
    assert version_documents.fingerprint(version) == before
    assert active_versions.list_account_versions() == [version]
    assert active_versions.list_active_versions() == []
    with pytest.raises(evaluation.NoSuchDefinition):
        evaluation.find_version("current")
    with pytest.raises(ProgrammingError), transaction.atomic():
        Version.objects.filter(pk=version.pk).update(account={})
    for path in ("/definition/", f"/backtests/{backtest.pk}/", "/definitions/"):
        answer = _client(ops).get(path, follow=True)
        assert (path, answer.status_code) == (path, 200)


@pytest.mark.django_db
def test_a_draft_of_companies_is_edited_on_its_page() -> None:
    ops = UserFactory(roles=[Role.MARKETING_OPS], is_staff=True)
    version = version_documents.import_document(document=account_document(), by=None, now=NOW)
    client, address = _client(ops), f"/admin/definitions/version/{version.pk}/change/"
    page = client.get(address)
    assert page.status_code == 200
    assert "Engaged contacts" in page.content.decode()
    assert "Fit points" not in page.content.decode()

    typed = _typed_values(page) | {
        "contacts_at_least": "4",
        "company_signals": [Signal.objects.get(code="job_posting").code],
        "company_signals_at_least": "1",
        "company_within_days": "60",
        "company_rationale": "A reason to buy.",
    }
    assert client.post(address, typed).status_code == 302

    version.refresh_from_db()
    assert version.account["contacts_at_least"] == 4
    assert version.account["company_signals"]["within_days"] == 60
    assert version.criteria.count() == 3
    refused = client.post(address, typed | {"company_rationale": ""})
    assert refused.status_code == 200
    assert "Fill this for the signals of the company" in refused.content.decode()


def _client(user: Any) -> Client:
    client = Client()
    client.force_login(user)
    return client


def _typed_values(page: Any) -> dict[str, Any]:
    """Return the values of all fields of the page as a browser sends them."""
    forms = [page.context["head"]]
    for section in page.context["sections"]:
        if section.formset is not None:
            forms += [section.formset.management_form, *section.formset.forms]
    values: dict[str, Any] = {}
    for form in forms:
        for field in form:
            value = field.value()
            if value is not None and value is not False:
                values[field.html_name] = value
    return values
