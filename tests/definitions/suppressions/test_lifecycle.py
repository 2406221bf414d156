"""Setting and ending suppressions (rules 9.21, 9.22), and what the next review says of them (rules 8.10)."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import DatabaseError, transaction

from config.accounts.vocabulary import Role
from definitions import permissions, reviews
from definitions.models import Suppression
from definitions.suppressions import lifecycle, subject_matching
from definitions.vocabulary import ReviewKind, ReviewTrigger
from leads.exceptions import Refused
from leads.identity import merges
from tests.definitions.suppressions.suppressed import end, suppress
from tests.factories import DAY, NOW, CompanyFactory, DefinitionFactory, LeadFactory, UserFactory

pytestmark = pytest.mark.django_db


def test_without_an_end_it_ends_after_ninety_days() -> None:
    suppression = suppress("domain", "Competitor.Example", at=NOW)

    assert (suppression.value, suppression.until - NOW) == ("competitor.example", 90 * DAY)
    assert suppression.sentence.startswith("Suppressed until 8 June 2026 by ")


@pytest.mark.parametrize(
    ("terms", "field"),
    [
        ({"reason": "  "}, "reason"),
        ({"reason": "x" * 501}, "reason"),
        ({"until": NOW}, "until"),
        ({"until": NOW + 367 * DAY}, "until"),
        ({"starts_at": NOW - DAY}, "starts_at"),
        ({"value": "no domain"}, "value"),
        ({"value": "co.uk"}, "value"),
        ({"value": ""}, "value"),
        ({"subject": "lead", "value": "nobody@nowhere.example"}, "value"),
        ({"subject": "company", "value": "7"}, "value"),
        ({"subject": "source", "value": "x" * 121}, "value"),
        ({"subject": "country", "value": "DE"}, "subject"),
    ],
)
def test_terms_that_make_no_sense_are_refused_by_field(terms: dict[str, Any], field: str) -> None:
    with pytest.raises(Refused) as refusal:
        suppress(**{"subject": "domain", "value": "competitor.example", "at": NOW} | terms)

    assert refusal.value.field == field
    assert not Suppression.objects.exists()


@pytest.mark.parametrize("role", [Role.SDR, Role.SALES_MANAGER, Role.VIEWER])
def test_others_than_marketing_ops_and_leaders_may_not(role: Role) -> None:
    person = UserFactory(roles=[role])
    with pytest.raises(permissions.NotAllowed):
        suppress("domain", "competitor.example", at=NOW, by=person)
    suppression = suppress("domain", "competitor.example", at=NOW)
    with pytest.raises(permissions.NotAllowed):
        lifecycle.end(suppression=suppression, reason="No.", by=person, now=NOW)


def test_it_is_ended_once() -> None:
    suppression = end(suppress("source", "Spring Fair", at=NOW), at=NOW + DAY)

    assert suppression.ends_at == NOW + DAY
    with pytest.raises(lifecycle.SuppressionEnded, match="11 March 2026, by"):
        end(suppression, at=NOW + 2 * DAY)


@pytest.mark.parametrize("change", [{"reason": "Else."}, {"until": NOW + 300 * DAY}, {"value": "other.example"}])
def test_the_database_refuses_edits_and_deletion(change: dict[str, Any]) -> None:
    suppression = suppress("domain", "competitor.example", at=NOW)

    for step in (lambda: Suppression.objects.update(**change), suppression.delete):
        with pytest.raises(DatabaseError), transaction.atomic():
            step()
    end(suppression, at=NOW + DAY)
    with pytest.raises(DatabaseError), transaction.atomic():
        Suppression.objects.update(ended_at=NOW + 2 * DAY)


@pytest.mark.parametrize(
    ("subject", "value", "is_matched"),
    [
        ("domain", "competitor.example", True),
        ("domain", "https://www.competitor.example/about", True),
        ("domain", "titor.example", False),
        ("source", "spring FAIR", True),
        ("source", "spring", False),
        ("lead", "mia@mail.competitor.example", True),
        ("company", "competitor-gmbh.example", True),
        ("domain", "competitor-gmbh.example", True),
    ],
)
def test_a_lead_is_matched_by_its_domain_source_company_or_itself(subject: str, value: str, is_matched: bool) -> None:
    company = CompanyFactory(domain="competitor-gmbh.example")
    lead = LeadFactory(email="mia@mail.competitor.example", source="Spring Fair", company=company)
    LeadFactory(email="other@fit.example")

    suppression = suppress(subject, value, at=NOW)

    matches = subject_matching.match_leads([lead.pk], now=NOW)
    assert matches == ({lead.pk: [suppression]} if is_matched else {})


def test_a_person_is_suppressed_when_one_of_its_leads_is() -> None:
    private, work = LeadFactory(email="mia@home.example"), LeadFactory(email="mia@competitor.example")
    suppression = suppress("domain", "competitor.example", at=NOW)
    merges.merge(lead_id=work.pk, into_id=private.pk, by=None, now=NOW)
    work.refresh_from_db()

    assert subject_matching.find_for_lead(private, at=NOW) == suppression
    assert subject_matching.find_for_lead(work, at=NOW) == suppression
    assert subject_matching.find_for_lead(private, at=suppression.until) is None


def open_review(definition: Any, *, at: Any) -> Any:
    return reviews.open_review(
        definition=definition, trigger=ReviewTrigger.MANUAL, kind=ReviewKind.FULL, title="Review", evidence={},
        proposal="", now=at, by=UserFactory(roles=[Role.MARKETING_OPS]),
    )  # fmt: skip


def test_the_next_review_lists_what_was_in_force_since_the_last_one() -> None:
    definition = DefinitionFactory()
    end(suppress("domain", "competitor.example", at=NOW - 9 * DAY), at=NOW - 8 * DAY)
    suppress("source", "Spring Fair", at=NOW - 9 * DAY)
    suppress("source", "Coming", at=NOW - 9 * DAY, starts_at=NOW + 9 * DAY)

    first, second = (open_review(definition, at=at) for at in (NOW - 5 * DAY, NOW))

    listed = [[row["suppressed"] for row in review.evidence["suppressions"]] for review in (first, second)]
    assert listed == [["Domain competitor.example", "Source Spring Fair"], ["Source Spring Fair"]]
    assert first.evidence["suppressions"][0]["kept_back"] == "0 leads"
