"""The values in force of a person known by several leads, as the pages show them, and the search for such a person."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from leads.identity import merged_values, merges
from leads.intake import lead_upserts
from leads.models import Lead
from leads.search import match_leads
from sla.models import Handoff
from tests.factories import NOW, CompanyFactory, EventFactory, HandoffFactory, LeadFactory, UserFactory

pytestmark = pytest.mark.django_db

DAY = dt.timedelta(days=1)


def describe(email: str, *, days_ago: int, **values: Any) -> Lead:
    at = NOW - days_ago * DAY
    return lead_upserts.upsert_lead(email=email, values=values, valid_from=at, source="crm", now=at)[0]


def test_of_two_statements_the_later_one_is_shown_with_the_lead_it_is_about() -> None:
    lead = describe("ada@acme.example", days_ago=20, title="Engineer", country="DE", phone="+49 30 1")
    alias = describe("ada@gmail.com", days_ago=10, title="CTO", budget="10k")
    describe("ada@acme.example", days_ago=5, country="FR")
    describe("ada@gmail.com", days_ago=7, country="US")
    EventFactory(lead=alias, occurred_at=NOW - 3 * DAY)
    by = UserFactory(first_name="Olga", last_name="Ops")
    merges.merge(lead_id=alias.pk, into_id=lead.pk, by=by, now=NOW, why="Two addresses.")

    lead.refresh_from_db()
    (other,) = merged_values.show_person(lead)

    assert (lead.title, lead.country, lead.phone, lead.budget, lead.email) == (
        "CTO", "FR", "+49 30 1", "10k", "ada@acme.example",
    )  # fmt: skip
    assert (other.lead, other.events, other.last_event_at) == (alias, 1, NOW - 3 * DAY)
    assert other.merge is not None
    assert (other.merge.by, other.merge.why) == (by, "Two addresses.")
    assert [(value.label, value.value, value.at) for value in other.values] == [
        ("budget", "10k", NOW - 10 * DAY),
        ("title", "CTO", NOW - 10 * DAY),
    ]


def test_an_alias_is_shown_with_the_address_and_the_company_of_the_person() -> None:
    company = CompanyFactory(name="Acme")
    lead, alias = (
        LeadFactory(email="ada@acme.example", company=company),
        LeadFactory(email="ada@gmail.com", company=None),
    )
    merges.merge(lead_id=alias.pk, into_id=lead.pk, by=None, now=NOW)

    alias.refresh_from_db()
    (other,) = merged_values.show_person(alias)

    assert (alias.email, alias.company, other.lead, other.is_standing) == ("ada@acme.example", company, lead, True)
    assert {value.label: value.value for value in other.values} == {"company": "Acme", "e-mail": "ada@acme.example"}


def test_a_lead_without_merges_is_shown_as_it_is() -> None:
    lead = LeadFactory(title="CTO")

    assert merged_values.show_person(lead) == []
    assert lead.title == "CTO"


@pytest.mark.parametrize("text", ["ada", "lovelace grace", "gmail", "crm-7", "old@acme.example", "acme hopper"])
def test_the_handoff_of_any_lead_of_a_person_is_found_by_any_other(text: str) -> None:
    company = CompanyFactory(name="Acme")
    lead = LeadFactory(first_name="Ada", last_name="Lovelace", email="ada@acme.example", company=company, mql=True)
    lead.keys.create(kind="email", value="old@acme.example", recorded_at=NOW)
    aliases = [
        LeadFactory(first_name="Grace", last_name="Hopper", email="grace@gmail.com", mql=True),
        LeadFactory(first_name="", last_name="", email="third@posteo.example", external_id="crm-7", mql=True),
    ]
    LeadFactory(first_name="Ida", last_name="Noname")
    handoffs = [HandoffFactory(lead=member) for member in (lead, *aliases)]
    for alias in aliases:
        merges.merge(lead_id=alias.pk, into_id=lead.pk, by=None, now=NOW)

    rows = Handoff.objects.filter(match_leads(text, by="lead__"))
    assert set(rows) == set(handoffs)
    assert list(Lead.objects.standing().filter(match_leads(text))) == [lead]
