"""A signed version is judged with the lists, the meanings of signals and the reading tables that it was signed with."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pytest

from definitions import backtest_requests, version_basis, version_documents
from definitions.models import KeptContent, Version
from definitions.vocabulary import VersionState
from leads.models import Lead, ListEntry, NamedList, Signal
from leads.normalization import title_words
from scoring import active_versions
from scoring.columns import fact_reader
from scoring.engine.judge import first_qualifying
from scoring.explain import evaluation
from scoring.instants import microseconds
from scoring.live import due_leads
from scoring.models import Qualification
from tests.definitions.documents import criterion, minimal_document
from tests.factories import EventFactory, LeadFactory, advance_version

pytestmark = pytest.mark.django_db

NOW = dt.datetime(2026, 11, 2, 9, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)


def create_version(**changes: Any) -> Version:
    document = minimal_document(
        disqualifiers=[criterion("lead.email_domain", "in_list", "competitors")],
        timing={"engaged_within_days": 30, "or_request_within_days": None},
        **changes,
    )
    return version_documents.import_document(document=document, by=None, now=NOW - 20 * DAY)


def activate(version: Version) -> Version:
    return advance_version(version, to=VersionState.ACTIVE, at=NOW - 10 * DAY)


def create_asking_lead(**changes: Any) -> Lead:
    lead = LeadFactory(email="ann@rival.example", known_at=NOW - 5 * DAY, recorded_at=NOW - 5 * DAY, **changes)
    EventFactory(lead=lead, signal__code="demo_request", occurred_at=NOW - DAY)
    return lead


def meets(version: Version, lead: Lead) -> bool:
    """Return what the engine says of the lead, now and of its past, as `evaluate` and a backtest ask; both must agree."""
    rules = active_versions.rules_of(version)
    [row] = evaluation.judge_leads(rules, [lead.pk], NOW)
    first, _at, _verdicts = first_qualifying(
        rules, fact_reader.read_for_leads([lead.pk], rules), until=microseconds(NOW)
    )
    assert row["meets"] is bool(first.size)
    return bool(row["meets"])


def compete(domain: str = "rival.example") -> None:
    ListEntry.objects.create(list=NamedList.objects.get(name="competitors"), value=domain)


def test_an_entry_added_after_the_signatures_changes_nothing_for_the_version() -> None:
    version, draft, lead = activate(create_version()), create_version(name="Draft"), create_asking_lead()
    before = version_documents.fingerprint(version), version_documents.fingerprint(draft)

    compete()

    assert meets(version, lead)
    assert not meets(draft, lead)
    assert version_documents.fingerprint(version) == before[0]
    assert version_documents.fingerprint(draft) != before[1]


def test_an_entry_removed_after_the_signatures_stays_with_the_version() -> None:
    compete()
    version, draft, lead = activate(create_version()), create_version(name="Draft"), create_asking_lead()

    ListEntry.objects.filter(value="rival.example").delete()

    assert not meets(version, lead)
    assert meets(draft, lead)


def test_leads_become_mqls_by_what_was_signed() -> None:
    version, lead = activate(create_version()), create_asking_lead()
    compete()

    Lead.objects.filter(pk=lead.pk).update(next_look_at=NOW)
    due_leads.rescore_due(now=NOW)

    assert Qualification.objects.filter(lead=lead, version=version).exists()


@pytest.mark.parametrize("flag", ["is_engagement", "is_explicit_request", "closes_request"])
def test_flags_changed_after_the_signatures_change_nothing_for_the_version(flag: str) -> None:
    version, draft, lead = activate(create_version()), create_version(name="Draft"), create_asking_lead()
    before = version_documents.fingerprint(version), version_documents.fingerprint(draft)
    signal = Signal.objects.get(code="demo_request")

    Signal.objects.filter(pk=signal.pk).update(**{flag: not getattr(signal, flag)})

    assert meets(version, lead)
    assert version_documents.fingerprint(version) == before[0]
    assert version_documents.fingerprint(draft) != before[1]


def test_engagement_is_what_it_was_when_the_version_was_signed() -> None:
    version, draft, lead = activate(create_version()), create_version(name="Draft"), create_asking_lead()

    Signal.objects.update(is_engagement=False)

    assert meets(version, lead)
    assert not meets(draft, lead)


def test_a_title_is_read_by_the_table_that_was_signed(monkeypatch: pytest.MonkeyPatch) -> None:
    gate = [criterion("lead.seniority", "at_least", "director")]
    version = activate(create_version(gate=gate))
    lead = create_asking_lead(title="Hochmeister")
    assert not meets(version, lead)
    table = title_words.read_shipped_table() | {"dated": "2027-01-01"}
    table["languages"]["de"]["director"] += ", hochmeister"
    text = json.dumps(table)

    monkeypatch.setattr(version_basis, "shipped_titles", lambda: version_basis.TitleTable.from_text(text))
    monkeypatch.setattr(version_basis, "SHIPPED_TITLES", version_basis.TitleReader(table))
    version_basis.title_reader.cache_clear()

    assert meets(create_version(name="Draft", gate=gate), lead)
    assert not meets(version, lead)


def test_countries_are_the_codes_that_were_read_when_the_version_was_signed() -> None:
    version = activate(create_version(gate=[criterion("lead.country", "contains_any", ["land"])]))
    readings = active_versions.basis_of(version).countries

    assert readings is not None
    assert "PL" in readings.contained["land"]
    assert meets(version, create_asking_lead(country="PL"))


def test_versions_with_equal_contents_keep_them_once() -> None:
    activate(create_version())
    count = KeptContent.objects.count()

    activate(create_version(name="Another"))

    assert KeptContent.objects.count() == count


def test_a_backtest_judges_with_the_basis_of_its_request() -> None:
    version, lead = create_version(), create_asking_lead()
    backtest = backtest_requests.request_backtest(version=version, start=NOW - 10 * DAY, end=NOW, by=None, now=NOW)

    compete()

    [row] = evaluation.judge_leads(active_versions.rules_of_backtest(backtest), [lead.pk], NOW)
    assert row["meets"]
    assert version_documents.fingerprint(version) != backtest.digest
