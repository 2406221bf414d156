from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from config.accounts.vocabulary import Role
from leads.intake import lead_upserts, not_understood
from leads.models import Company, Lead, ValueReading
from tests.factories import UserFactory
from tests.leads.facts import DAY, NOW, values_at

pytestmark = pytest.mark.django_db

HOSTILE = "<script>alert(1)</script>"


@pytest.fixture
def ops() -> Client:
    client = Client()
    client.force_login(UserFactory(roles=[Role.MARKETING_OPS]))
    return client


def add_lead(email: str = "ada@acme.example", **facts: Any) -> Lead:
    return lead_upserts.upsert_lead(email=email, **({"source": "crm", "now": NOW} | facts))[0]


def add_company(domain: str = "acme.example", **facts: Any) -> Company:
    return lead_upserts.upsert_company(domain=domain, **({"source": "crm", "now": NOW} | facts))[0]


def test_a_value_is_unknown_and_kept_as_of_any_instant() -> None:
    add_lead(values={"country": "DE"})
    ada = add_lead(values={"country": "Ruritania"}, now=NOW + DAY)
    assert (ada.country, ada.not_understood) == ("", {"country": "Ruritania"})

    ada = add_lead(values={"country": "France"}, now=NOW + 2 * DAY)
    assert (ada.country, ada.not_understood) == ("FR", {})

    assert not_understood.texts_at(ada, NOW) == {}
    assert not_understood.texts_at(ada, NOW + DAY) == {"lead.country": "Ruritania"}
    assert not_understood.texts_at(ada, NOW + 2 * DAY) == {}
    assert values_at(ada, NOW)["country"] == "DE"


def test_the_same_unread_text_again_writes_nothing_and_null_ends_it() -> None:
    add_lead(values={"country": "Ruritania"})
    _, change = lead_upserts.upsert_lead(
        email="ada@acme.example", values={"country": "Ruritania"}, source="crm", now=NOW + DAY
    )
    assert change == "unchanged"

    ada = add_lead(values={"country": None}, now=NOW + 2 * DAY)
    assert (ada.country, ada.not_understood) == ("", {})


def test_an_unread_wish_leaves_the_wish_as_it_was() -> None:
    add_lead(values={"do_not_contact": True})

    ada = add_lead(values={"do_not_contact": "hmm"}, now=NOW + DAY)

    assert (ada.do_not_contact, ada.not_understood) == (True, {"do_not_contact": "hmm"})


def test_values_are_counted_and_the_leads_behind_them_are_as_many(ops: Client) -> None:
    add_company(values={"country": "Ruritania", "employees": "lots"})
    for number in range(3):
        add_lead(f"p{number}@acme.example")
    add_lead("q@other.example", values={"country": "Ruritania"}, now=NOW + DAY)

    rows = {row.attribute: row for row in not_understood.list_values()}

    assert {name: (row.text, row.count, row.leads) for name, row in rows.items()} == {
        "company.country": ("Ruritania", 1, 3),
        "company.employees": ("lots", 1, 3),
        "lead.country": ("Ruritania", 1, 1),
    }
    assert (rows["lead.country"].last_seen, rows["lead.country"].sources) == (NOW + DAY, ["crm"])
    for row in rows.values():
        assert Lead.objects.filter(not_understood.match_leads(row.token)).count() == row.leads


@pytest.mark.parametrize("token", ["", "x", "lead.country", "lead.email:a", "company.country:a\x00", "lead.title:"])
def test_a_filter_that_names_no_value_finds_nobody(token: str) -> None:
    add_lead(values={"title": "CTO"})

    assert not Lead.objects.filter(not_understood.match_leads(token)).exists()


def test_titles_without_a_rank_are_listed_on_request() -> None:
    add_lead("a@acme.example", values={"title": "Zauberer"})
    add_lead("b@acme.example", values={"title": "CEO"})
    add_lead("c@acme.example", values={"title": "Kaiser", "seniority": "c-level"})

    (row,) = not_understood.list_values("lead.title")

    assert (row.text, row.count) == ("Zauberer", 1)
    assert Lead.objects.filter(not_understood.match_leads(row.token)).count() == 1


def test_the_api_lists_them_in_pages(ops: Client) -> None:
    for number in range(3):
        add_lead(f"p{number}@acme.example", values={"country": f"Land {number}"})

    first = ops.get("/api/v1/values?not_understood=true&page_size=2").json()
    second = ops.get(first["next"]).json()

    texts = [row["text"] for row in (*first["results"], *second["results"])]
    assert (texts, second["next"]) == (["Land 0", "Land 1", "Land 2"], None)
    row = first["results"][0]
    assert (row["attribute"], row["count"]) == ("lead.country", 1)
    assert len(ops.get(row["leads"]).json()["results"]) == 1
    assert ops.get("/api/v1/values?not_understood=true&attribute=company.country").json()["results"] == []
    for query in ("", "?not_understood=no", "?not_understood=true&attribute=x"):
        assert ops.get(f"/api/v1/values{query}").status_code == 400
    assert ops.get("/api/v1/values?not_understood=true&cursor=x").status_code == 404


def test_the_answer_to_a_sender_notes_it(ops: Client) -> None:
    answer = ops.post("/api/v1/leads", {"email": "a@acme.example", "country": "Ruritania"}, "application/json")

    assert answer.status_code == 201
    assert answer.json()["results"][0]["notes"][0]["kind"] == "not_understood"


def test_the_api_finds_countries_by_name_and_sources_in_any_case(ops: Client) -> None:
    add_lead(values={"country": "Germany", "source": "LinkedIn"})
    add_company(values={"country": "Deutschland", "industry": "SaaS"})

    for path in ("leads?country=Germany", "leads?country=de", "leads?source=linkedin", "companies?country=DEU"):
        assert len(ops.get(f"/api/v1/{path}").json()["results"]) == 1, path
    assert len(ops.get("/api/v1/companies?industry=saas").json()["results"]) == 1
    assert ops.get("/api/v1/leads?country=Atlantis").json()["results"] == []


def test_the_page_takes_a_correction_and_takes_it_back(ops: Client) -> None:
    add_lead(values={"country": HOSTILE})
    path = reverse("value_list")
    shown = ops.get(path).content.decode()
    assert HOSTILE not in shown
    assert "1 lead<" in shown

    wrong = ops.post(path, {"attribute": "country", "text": HOSTILE, "meaning": "Atlantis"})
    assert (wrong.status_code, ValueReading.objects.count()) == (422, 0)
    assert ops.post(path, {"attribute": "country", "text": HOSTILE, "meaning": ""}).status_code == 422
    assert ops.post(path, {"attribute": "country", "text": HOSTILE, "meaning": "RO"}).status_code == 302
    reading = ValueReading.objects.get()
    assert "Being applied" in ops.get(path).content.decode()

    assert ops.get(reverse("reading_remove", args=[reading.pk])).status_code == 405
    assert ops.post(reverse("reading_remove", args=[reading.pk])).status_code == 302
    assert "Corrections that ended" in ops.get(path).content.decode()


def test_only_marketing_ops_see_the_page() -> None:
    client = Client()
    client.force_login(UserFactory(roles=[Role.SALES_MANAGER]))

    assert client.get(reverse("value_list")).status_code == 403


def test_the_page_of_a_lead_shows_the_text_beside_the_attribute(ops: Client) -> None:
    add_company(values={"country": "Deutschland", "employees": "lots"})
    ada = add_lead(values={"country": "Ruritania"})

    shown = ops.get(reverse("lead", args=[ada.pk])).content.decode()

    assert "“Ruritania”, not understood" in shown
    assert "“lots”, not understood" in shown
    assert "Germany" in shown


def test_a_value_of_companies_names_them_and_links_to_their_leads_alone(ops: Client) -> None:
    for number in range(4):
        add_company(f"c{number}.example", values={"country": "Ruritania", "name": f"Company {number}"})

    (row,) = not_understood.list_values()
    assert (row.count, row.leads, list(row.examples)) == (4, 0, ["Company 0", "Company 1", "Company 2"])
    content = ops.get(reverse("value_list")).content.decode()
    assert "4 companies" in content
    assert "Company 0, Company 1, Company 2, …" in content
    assert "0 leads" not in content

    add_lead("ada@c1.example")
    assert "1 lead</a>" in ops.get(reverse("value_list")).content.decode()
