"""Who enters and who leaves with a version that judges companies."""

from __future__ import annotations

import pytest
import time_machine
from django.test import Client

from config.accounts.vocabulary import Role
from definitions import version_documents
from definitions.models import Version
from definitions.vocabulary import VersionState
from leads.models import Company
from scoring.comparisons import account_comparison
from tests.account_plays import account_document, activate_accounts, engage_company, judge
from tests.factories import DAY, NOW, CompanyFactory, UserFactory, advance_version

pytestmark = pytest.mark.django_db


@pytest.fixture
def companies() -> dict[str, Company]:
    """Return companies named after the number of their people who were engaged."""
    return {
        name: engage_company(contacts=count, company=CompanyFactory(name=name, domain=f"{name}.example", country="DE"))
        for name, count in (("two", 2), ("three", 3), ("four", 4))
    }


def approve_next(first: Version, **section: object) -> Version:
    """Return the next version of the definition, signed by both sides."""
    next_version = version_documents.import_document(
        document=account_document(**section) | {"version": "1.1"}, by=None, now=NOW - DAY
    )
    assert next_version.definition_id == first.definition_id
    return advance_version(next_version, to=VersionState.APPROVED, at=NOW - DAY)


def test_the_first_version_is_entered_by_every_company_that_meets_it(companies):
    version = activate_accounts()

    comparison = account_comparison.compare_accounts_with_active(version, now=NOW)

    assert comparison.entering == [companies["three"].pk, companies["four"].pk]
    assert (comparison.known, comparison.leaving, comparison.staying) == (3, [], [])
    assert comparison.handed_over == comparison.entering


def test_a_stricter_version_is_left_by_some_and_a_company_in_a_play_is_not_handed_over(companies):
    first = activate_accounts(contacts_at_least=4)
    judge(companies["four"])
    looser = approve_next(first, contacts_at_least=2)

    comparison = account_comparison.compare_accounts_with_active(looser, now=NOW)

    assert (comparison.entering, comparison.leaving) == ([companies["two"].pk, companies["three"].pk], [])
    assert comparison.staying == [companies["four"].pk]
    assert comparison.handed_over == [companies["two"].pk, companies["three"].pk]


def test_the_page_before_activation_names_companies(companies):
    first = activate_accounts(contacts_at_least=4)
    version = approve_next(first, contacts_at_least=3)
    client = Client()
    client.force_login(UserFactory(roles=[Role.MARKETING_OPS]))

    with time_machine.travel(NOW, tick=False):
        answer = client.get(f"/definitions/versions/{version.pk}/activate/")
    page = " ".join(answer.content.decode().split())

    assert "Which companies enter, which leave" in page
    assert f'<a href="/companies/{companies["three"].pk}/">three</a>' in page
    assert "Companies that meet it by the change alone" in page
    assert "of 3 companies with people" in page
