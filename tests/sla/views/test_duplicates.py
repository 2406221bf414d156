from __future__ import annotations

import re
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from config.accounts.vocabulary import Role
from leads.identity import duplicates, merges
from leads.intake import lead_upserts
from leads.models import Lead, LeadMerge, NotDuplicate
from leads.vocabulary import READERS_OF_LEADS
from tests.factories import NOW, CompanyFactory, EventFactory, HandoffFactory, LeadFactory, UserFactory

pytestmark = pytest.mark.django_db


def signed_in(*roles: Role) -> Client:
    client = Client()
    client.force_login(UserFactory(roles=roles))
    return client


@pytest.fixture
def ops() -> Client:
    return signed_in(Role.MARKETING_OPS)


@pytest.fixture
def pair() -> tuple[Lead, Lead]:
    company = CompanyFactory()
    names = {"first_name": "Ada", "last_name": "Lovelace", "company": company}
    pair = (
        LeadFactory(email="ada@acme.example", title="<b>CEO</b>", **names),
        LeadFactory(email="a.da@acme.example", **names),
    )
    duplicates.find_candidates(now=NOW)
    return pair


@pytest.mark.parametrize("path", ["/duplicates/", "/duplicates/compare/?lead={0}&other={1}"])
@pytest.mark.parametrize("action", ["/duplicates/merge/", "/duplicates/apart/"])
def test_the_buttons_of_a_pair_carry_the_token_of_their_form(pair: tuple[Lead, Lead], path: str, action: str) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(UserFactory(roles=[Role.MARKETING_OPS]))
    content = page(browser, path.format(pair[0].pk, pair[1].pk))
    token = re.search(r'action="/duplicates/merge/".*?name="csrfmiddlewaretoken" value="(\w+)"', content, re.DOTALL)
    assert token is not None

    fields = {"first": pair[0].pk, "second": pair[1].pk, "into": pair[1].pk, "csrfmiddlewaretoken": token[1]}
    response = browser.post(action, fields)

    assert response.status_code == 302


def page(client: Client, path: str) -> str:
    response = client.get(path)
    assert response.status_code == 200
    return response.content.decode()


def test_both_leads_stand_side_by_side_with_what_differs(ops: Client, pair: tuple[Lead, Lead]) -> None:
    EventFactory.create_batch(3, lead=pair[1])
    HandoffFactory(lead=pair[0])

    text = page(ops, "/duplicates/?reason=address")

    for part in (
        "ada@acme.example",
        "a.da@acme.example",
        "&lt;b&gt;CEO&lt;/b&gt;",
        "differs",
        "Open handoff",
        "strong",
    ):
        assert part in text
    assert "<b>CEO" not in text
    assert "Same name at the same company" in page(ops, "/duplicates/")
    assert "No duplicates to decide" in page(ops, "/duplicates/?reason=phone")


def test_the_lead_that_was_chosen_stays_and_they_can_be_parted_on_its_page(
    ops: Client, pair: tuple[Lead, Lead]
) -> None:
    alias, lead = pair
    response = ops.post(
        "/duplicates/merge/",
        {"first": alias.pk, "second": lead.pk, "into": lead.pk, "why": "Two addresses."},
        follow=True,
    )

    assert response.redirect_chain == [(f"/leads/{lead.pk}/", 302)]
    row = LeadMerge.objects.get()
    assert (row.alias, row.into, row.why) == (alias, lead, "Two addresses.")
    assert "Part them again" in response.content.decode()
    assert "Merged into" in page(ops, f"/leads/{alias.pk}/")
    assert "Merged lately" in page(ops, "/duplicates/")

    response = ops.post(f"/leads/{alias.pk}/part/", follow=True)

    assert "two people again" in response.content.decode()
    alias.refresh_from_db()
    assert alias.merged_into is None


@pytest.mark.parametrize("into", ["", "0", "x"])
def test_nothing_is_merged_without_a_choice(ops: Client, pair: tuple[Lead, Lead], into: str) -> None:
    response = ops.post("/duplicates/merge/", {"first": pair[0].pk, "second": pair[1].pk, "into": into}, follow=True)

    assert "Nothing was merged" in response.content.decode()
    assert not LeadMerge.objects.exists()


def test_who_merges_or_parts_too_late_reads_who_was_first(ops: Client, pair: tuple[Lead, Lead]) -> None:
    merges.merge(lead_id=pair[0].pk, into_id=pair[1].pk, by=None, now=NOW)

    again = ops.post("/duplicates/merge/", {"first": pair[0].pk, "second": pair[1].pk, "into": pair[1].pk})
    parted_twice = [ops.post(f"/leads/{pair[0].pk}/part/") for _ in range(2)][1]

    assert (again.status_code, parted_twice.status_code) == (409, 409)
    assert f"Another system merged {pair[0]} into {pair[1]} on 10 March 2026" in again.content.decode()
    assert "parted them on" in parted_twice.content.decode()


def test_a_lead_that_was_never_merged_is_not_parted(ops: Client, pair: tuple[Lead, Lead]) -> None:
    response = ops.post(f"/leads/{pair[0].pk}/part/", follow=True)

    assert "is not merged" in response.content.decode()


def test_people_who_are_kept_apart_are_not_shown_until_that_is_taken_back(ops: Client, pair: tuple[Lead, Lead]) -> None:
    ops.post("/duplicates/apart/", {"first": pair[0].pk, "second": pair[1].pk})

    text = page(ops, "/duplicates/")
    assert "No duplicates to decide" in text
    assert "Not the same person" in text

    response = ops.post(f"/duplicates/apart/{NotDuplicate.objects.get().pk}/take-back/", follow=True)
    assert "a.da@acme.example" in response.content.decode()


def test_any_two_leads_can_be_compared(ops: Client, pair: tuple[Lead, Lead]) -> None:
    other = LeadFactory()

    assert "This lead stays" in page(ops, f"/duplicates/compare/?lead={pair[0].pk}&other={other.pk}")
    assert "a.da@acme.example" in page(ops, f"/duplicates/compare/?lead={pair[0].pk}")
    assert "No duplicates to decide" in page(ops, f"/duplicates/compare/?lead={other.pk}")
    assert ops.get("/duplicates/compare/?lead=0").status_code == 404
    assert "1 possible duplicate<" in page(ops, f"/leads/{pair[0].pk}/")
    handoff = HandoffFactory(lead=pair[0])
    assert "1 possible duplicate<" in page(ops, f"/handoffs/{handoff.pk}/")


def test_only_marketing_ops_decide_and_only_by_posting(pair: tuple[Lead, Lead]) -> None:
    paths = ["/duplicates/merge/", "/duplicates/apart/", f"/leads/{pair[0].pk}/part/", "/duplicates/apart/1/take-back/"]
    readers = signed_in(*(role for role in READERS_OF_LEADS if role != Role.MARKETING_OPS))
    for client, status in ((readers, 403), (signed_in(Role.SDR), 404)):
        assert client.get("/duplicates/").status_code == status
        assert client.get(f"/duplicates/compare/?lead={pair[0].pk}").status_code == status
        assert [client.post(path).status_code for path in paths] == [status] * 4
    ops = signed_in(Role.MARKETING_OPS)
    assert [ops.get(path).status_code for path in paths] == [405] * 4


def test_the_page_takes_the_same_queries_for_any_number_of_pairs(ops: Client, pair: tuple[Lead, Lead]) -> None:
    def count() -> int:
        with CaptureQueriesContext(connection) as captured:
            page(ops, "/duplicates/")
        return len(captured)

    count()
    before = count()
    for number in range(20):
        LeadFactory(phone=f"+49 30 12345{number // 2:02}", company=CompanyFactory())
    duplicates.find_candidates(now=NOW)

    assert count() == before
    assert "Next page" in page(ops, "/duplicates/")


def test_merged_leads_are_left_out_of_the_list_and_the_export_unless_asked_for(ops: Client) -> None:
    alias, lead = LeadFactory(email="alias@acme.example"), LeadFactory(email="stays@acme.example")
    merges.merge(lead_id=alias.pk, into_id=lead.pk, by=None, now=NOW)

    def export(query: str) -> str:
        response: Any = ops.get(f"/leads/export.csv{query}")
        return b"".join(response.streaming_content).decode()

    for read in (lambda query: page(ops, f"/leads/{query}"), export):
        assert "alias@" not in read("") if read is export else alias.name not in read("")
        assert lead.name in read("") or "stays@" in read("")
    assert "alias@" in export("?merged=true")
    assert "stays@" not in export("?merged=true")
    assert alias.name in page(ops, "/leads/?merged=true")


def test_a_pair_with_several_reasons_is_compared_once(ops: Client, pair: tuple[Lead, Lead]) -> None:
    text = page(ops, f"/duplicates/compare/?lead={pair[1].pk}")

    assert text.count("Not the same person") == 1
    assert "Same address in another spelling, Same name at the same company" in text
    assert "1 possible duplicate<" in page(ops, f"/leads/{pair[0].pk}/")


def test_the_pages_of_a_merged_person_name_the_other_lead_and_what_it_says(ops: Client) -> None:
    alias = LeadFactory(first_name="Grace", last_name="Hopper", email="grace@gmail.com", title="")
    lead = LeadFactory(first_name="Grace", last_name="Hopper", email="grace@acme.example")
    lead_upserts.upsert_lead(email="grace@gmail.com", values={"title": "Rear admiral"}, source="crm", now=NOW)
    handoff = HandoffFactory(lead=lead)
    merges.merge(lead_id=alias.pk, into_id=lead.pk, by=UserFactory(first_name="Olga"), now=NOW, why="Same voice.")

    lead_page = page(ops, f"/leads/{lead.pk}/")
    handoff_page = page(ops, f"/handoffs/{handoff.pk}/")

    for content in (lead_page, handoff_page):
        assert "grace@gmail.com" in content
        assert "Rear admiral" in content
        assert "by Olga" in content
        assert "Same voice." in content
    assert "Also known as" in handoff_page
