from __future__ import annotations

import hashlib
import importlib
import json
from typing import Any

import pgtrigger
import pytest
from django.apps import apps
from django.db import IntegrityError, ProgrammingError, transaction
from django.db.utils import InternalError
from django.test import Client
from django.urls import reverse

from config.accounts.vocabulary import Role
from definitions import amendments, backtest_requests, diff, permissions, version_basis, version_documents, versions
from definitions.models import KeptContent, Version
from definitions.vocabulary import Side, VersionState
from leads.models import ListEntry, NamedList, Signal
from tests.definitions.documents import criterion, minimal_document
from tests.definitions.version_lifecycles import DAY, NOW, create_active, create_draft, propose, sign
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db

RULES: dict[str, Any] = {
    "gate": [criterion("company.country", "in", ["Germany", "AT"])],
    "disqualifiers": [criterion("lead.email_domain", "in_list", "competitors")],
    "timing": {"engaged_within_days": 30, "or_request_within_days": 90},
}


def compete(domain: str = "rival.example") -> ListEntry:
    return ListEntry.objects.create(list=NamedList.objects.get(name="competitors"), value=domain)


def log_in(*roles: Role, **columns: Any) -> Client:
    client = Client()
    client.force_login(UserFactory(roles=roles, **columns))
    return client


def read_page(client: Client, version: Version) -> str:
    return client.get(reverse("definition_version", args=[version.definition.slug, version.number])).content.decode()


def draft_amendment(version: Version) -> Version:
    return amendments.draft_amendment(version=version, by=UserFactory(roles=[Role.MARKETING_OPS]), now=NOW + 5 * DAY)


# ── What is kept


def test_a_proposal_keeps_what_the_rows_are_judged_with() -> None:
    compete()
    version = propose(create_draft(**RULES))

    basis = version_documents.read_basis(Version.objects.get(pk=version.pk))

    assert basis.lists == {"competitors": frozenset({"rival.example"})}
    assert basis.meanings["demo_request"] == ("engagement", "request")
    assert basis.meanings["request_closed"] == ("closing",)
    assert basis.countries is not None
    assert basis.countries.names == {"Germany": "DE", "AT": "AT"}
    assert version.basis_kept_at == version.proposed_at


def test_a_kept_content_cannot_be_edited_or_forged() -> None:
    propose(create_draft(**RULES))

    for write in (
        lambda: KeptContent.objects.update(content="[]"),
        lambda: KeptContent.objects.all()._raw_delete("default"),
        lambda: KeptContent.objects.create(digest="0" * 64, content="[]", kept_at=NOW),
    ):
        with pytest.raises((ProgrammingError, InternalError, IntegrityError)), transaction.atomic():
            write()


def test_no_version_is_signed_without_its_basis() -> None:
    draft, version = create_draft(), propose(create_draft(name="Proposed"))

    for rows, columns in (
        (Version.objects.filter(pk=draft.pk), {"state": VersionState.PROPOSED}),
        (Version.objects.filter(pk=draft.pk), {"basis": {"lists": {}, "signals": "0" * 64}}),
        (
            Version.objects.filter(pk=version.pk),
            {"basis": {"lists": {"competitors": version.basis["signals"]}, "signals": version.basis["signals"]}},
        ),
    ):
        with pytest.raises((ProgrammingError, InternalError, IntegrityError)), transaction.atomic():
            rows.update(**columns)


def test_renaming_a_definition_changes_no_fingerprint() -> None:
    version = create_active(**RULES)
    before = version_documents.fingerprint(version)

    type(version.definition).objects.filter(pk=version.definition_id).update(name="Other name", slug="other-slug")

    assert version_documents.fingerprint(Version.objects.get(pk=version.pk)) == before


def write_as_before(part: Any) -> Any:
    """Return a document, or a part of one, without the words that it could not have at that upgrade."""
    if isinstance(part, list):
        return [write_as_before(row) for row in part]
    if not isinstance(part, dict):
        return part
    had_reason = "clauses" in part or "field" in part or "signal" in part
    unknown_then = {"summary", "kind", "cap_rationale", *(() if had_reason else ("rationale",))}
    return {key: write_as_before(value) for key, value in part.items() if key not in unknown_then}


def test_versions_from_before_keep_the_basis_of_the_upgrade_and_their_fingerprint() -> None:
    version = create_active(**RULES, signals=[{"signal": "blog_read", "points": 2.5, "rationale": "Reads."}])
    document, digests = version_documents.export_document(version), version.basis
    migration = importlib.import_module("definitions.migrations.0007_keep_todays_basis")

    with pgtrigger.ignore("definitions.Version:version_is_immutable"):
        Version.objects.update(earlier_fingerprint="")
        migration.keep_todays_basis(apps, None)

    version = Version.objects.get(pk=version.pk)
    text = json.dumps(write_as_before(document), sort_keys=True, ensure_ascii=False)
    assert version.earlier_fingerprint == hashlib.sha256(text.encode()).hexdigest()
    assert version.basis == digests
    assert version.basis_kept_at != version.proposed_at
    assert "the day of the upgrade" in read_page(log_in(Role.VIEWER), version)
    backtest = version.proposal.backtest
    backtest.pk, backtest.digest = None, version.earlier_fingerprint
    backtest.save(force_insert=True)
    assert backtest_requests.find_current_backtest(version) == backtest


# ── Amendments


def test_nothing_is_offered_while_nothing_changed() -> None:
    version = create_active(**RULES)
    compete_elsewhere = NamedList.objects.create(name="partners", label="Partners")
    ListEntry.objects.create(list=compete_elsewhere, value="friend.example")

    assert amendments.find_offer(version) is None
    with pytest.raises(amendments.AmendmentRefused, match="nothing to amend"):
        draft_amendment(version)


def test_an_amendment_is_offered_once_and_is_signed_into_force() -> None:
    version = create_active(**RULES)
    compete()
    Signal.objects.filter(code="blog_read").update(is_engagement=False)

    offer = amendments.find_offer(version)
    amendment = draft_amendment(version)

    assert offer is not None
    assert "List: Competitors: added rival.example." in offer.reason
    assert "Blog read from engagement to no flag" in offer.reason
    assert (amendment.number, amendment.reason, amendment.based_on) == ("v1.1", offer.reason, version)
    with pytest.raises(amendments.AmendmentRefused, match=r"v1\.1 amends v1\.0 already"):
        draft_amendment(version)

    amendment = propose(amendment, now=NOW + 6 * DAY)
    sign(amendment, Side.MARKETING)
    sign(amendment, Side.SALES)
    with pytest.raises(amendments.AmendmentRefused, match=r"v1\.1 amends"):
        draft_amendment(version)
    amendment = versions.activate(
        version=amendment, hand_over_entrants=False, by=UserFactory(roles=[Role.MARKETING_OPS]), now=NOW + 7 * DAY
    )

    assert amendments.find_offer(amendment) is None
    assert version_documents.fingerprint(amendment) == offer.content != version_documents.fingerprint(version)
    assert version_documents.read_basis(amendment).lists["competitors"] == frozenset({"rival.example"})


def test_a_newer_content_is_offered_anew_once_the_amendment_is_proposed() -> None:
    version = create_active(**RULES)
    compete()
    amendment = draft_amendment(version)
    compete("other.example")
    still_covered = amendments.find_offer(version)
    propose(amendment, now=NOW + 6 * DAY)
    compete("third.example")

    offer = amendments.find_offer(version)

    assert still_covered is not None
    assert still_covered.draft == amendment
    assert offer is not None
    assert offer.draft is None


def test_a_newer_table_of_titles_is_offered(monkeypatch: pytest.MonkeyPatch) -> None:
    version = create_active(gate=[criterion("lead.seniority", "at_least", "director")])
    table = version_basis.TitleTable.from_text(json.dumps({"dated": "2027-01-01"}))
    monkeypatch.setattr(version_basis, "shipped_titles", lambda: table)

    offer = amendments.find_offer(version)

    assert offer is not None
    assert "Job titles: from words of" in offer.reason
    assert "to words of 2027-01-01" in offer.reason


def test_only_marketing_ops_amend() -> None:
    version = create_active(**RULES)
    compete()
    leader = log_in(Role.SALES_LEADER)

    with pytest.raises(permissions.NotAllowed):
        amendments.draft_amendment(version=version, by=UserFactory(roles=[Role.SALES_LEADER]), now=NOW)
    assert leader.post(reverse("version_amendment", args=[version.pk])).status_code in (403, 404)
    assert "Marketing ops drafts the amendment." in read_page(leader, version)


def test_the_page_offers_the_amendment_with_one_button() -> None:
    version = create_active(**RULES)
    compete("<b>rival.example")
    ops = log_in(Role.MARKETING_OPS)

    page = read_page(ops, version)
    answer = ops.post(reverse("version_amendment", args=[version.pk]), follow=True)
    again = ops.post(reverse("version_amendment", args=[version.pk]), follow=True)

    assert "&lt;b&gt;rival.example" in page
    assert "<b>rival" not in page
    assert "Draft the amendment" in page
    assert ops.get(reverse("version_amendment", args=[version.pk])).status_code == 405
    assert "v1.1 is a draft now" in answer.content.decode()
    assert "v1.1 amends v1.0 already" in again.content.decode()
    assert "Draft the amendment" not in read_page(ops, version)


def test_the_administration_of_lists_and_signals_says_who_keeps_the_earlier_content() -> None:
    create_active(**RULES)
    entry = compete()
    signal = Signal.objects.get(code="blog_read")
    admin = log_in(Role.MARKETING_OPS, is_staff=True, is_superuser=True)

    pages = [
        admin.get(reverse(f"admin:leads_{name}_change", args=[pk])).content.decode()
        for name, pk in (("namedlist", entry.list_id), ("listentry", entry.pk), ("signal", signal.pk))
    ]

    assert "1 signed version keeps the earlier content" in pages[0]
    assert "1 signed version keeps the earlier content" in pages[1]
    assert "keeps the earlier" not in pages[2]
    for name in ("listentry", "namedlist", "signal"):
        listed = admin.get(reverse(f"admin:leads_{name}_changelist")).content.decode()
        assert "1 signed version keeps the earlier content of lists and signals" in listed


# ── Differences and documents


def test_the_difference_of_two_versions_names_entries_and_flags() -> None:
    entry = compete("old.example")
    version = create_active(**RULES)
    entry.delete()
    compete("new.example")
    Signal.objects.filter(code="blog_read").update(is_explicit_request=True)

    changes = version_documents.find_basis_changes(version, draft_amendment(version))

    assert [(change.part, change.before, change.after, str(change.effect)) for change in changes] == [
        ("List: Competitors", "", "new.example", "tighter"),
        ("List: Competitors", "old.example", "", "looser"),
        ("Meaning of signals", "engagement", "engagement, request", "unclear"),
    ]
    assert diff.any_may_loosen(changes)


def test_an_exported_document_has_the_basis_and_can_be_imported() -> None:
    compete()
    document: Any = version_documents.export_with_basis(propose(create_draft(**RULES)))

    copy = version_documents.import_document(document=document | {"name": "Copy"}, by=None, now=NOW)

    assert document["basis"]["lists"]["competitors"]["entries"] == 1
    assert document["basis"]["signals"]["meanings"]["demo_request"] == ["engagement", "request"]
    assert copy.basis is None
    with pytest.raises(version_documents.DocumentRefused, match=r"basis\.colour"):
        version_documents.normalize_document(minimal_document(basis=document["basis"] | {"colour": "red"}))
