from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import IntegrityError, transaction
from django.test import Client

from config.accounts.vocabulary import Role
from leads import named_lists
from leads.intake import events, lead_upserts, outcomes
from leads.models import Company, CompanyKey, Event, Lead, LeadKey
from leads.vocabulary import KeyKind, NoteKind
from tests.factories import CompanyFactory, LeadFactory, UserFactory
from tests.leads.facts import DAY, NOW, event, values_at
from tests.threads import at_once

pytestmark = pytest.mark.django_db

CASES = Path(__file__).parents[2] / "data" / "cases"


def upsert_leads(*items: dict[str, Any], source: str = "crm", now: Any = NOW) -> list[Any]:
    return lead_upserts.read_and_upsert(
        items=items, read=lead_upserts.read_lead, upsert=lead_upserts.upsert_leads, source=source, now=now
    )


def upsert_companies(*items: dict[str, Any], source: str = "crm") -> list[Any]:
    return lead_upserts.read_and_upsert(
        items=items, read=lead_upserts.read_company, upsert=lead_upserts.upsert_companies, source=source, now=NOW
    )


def changes(results: list[Any]) -> list[str]:
    return [result.change for result in results]


def keys(lead: Lead) -> set[tuple[str, str, str]]:
    return set(lead.keys.values_list("kind", "system", "value"))


def read_case(name: str, file: str) -> Any:
    return json.loads((CASES / name / file).read_text(encoding="utf-8"))


def import_case(name: str, file: str, command: str, tmp_path: Path) -> Path:
    """Import a file of a case; returns the path of its rejected rows."""
    rejected = tmp_path / f"{file}.rejected.csv"
    call_command(command, str(CASES / name / file), rejected=rejected)
    return rejected


# --- the cases


def test_case_one_address_in_two_spellings(tmp_path: Path) -> None:
    name = "one-address-in-two-spellings"
    import_case(name, "leads.csv", "import_leads", tmp_path)
    (acme,) = upsert_companies(read_case(name, "company.json"))

    kai = Lead.objects.get()
    assert (kai.email, kai.company) == ("kai@xn--bcher-lager-thb.example", acme.subject)
    spellings = ("kai@bücher-lager.example", "KAI@XN--BCHER-LAGER-THB.example", "kai@BÜCHER-LAGER.example")
    results = events.record(
        items=[event(email=spelling, id=f"e-{number}") for number, spelling in enumerate(spellings)],
        source="site",
        now=NOW,
    )
    assert [result.status for result in results] == ["accepted"] * 3
    assert {row.lead for row in Event.objects.all()} == {kai}


def test_case_placeholder_ids() -> None:
    name = "placeholder-ids"
    results = upsert_leads(*read_case(name, "1_leads.json"))
    facts = [item | {"occurred_at": NOW.isoformat()} for item in read_case(name, "2_events.json")]
    refused = events.record(items=facts, source="crm", now=NOW)

    assert changes(results) == ["created"] * 4
    assert set(Lead.objects.values_list("external_id", flat=True)) == {None}
    assert [(note.kind, note.field, note.text) for note in results[0].notes] == [
        (
            NoteKind.KEY_LEFT_OUT,
            "external_id",
            "external_id is the placeholder 'undefined', which names nobody. It was left out.",
        )
    ]
    assert {(result.status, result.field, result.reason) for result in refused} == {
        ("rejected", "lead", "is the placeholder 'undefined', which names nobody.")
    }


def test_case_salesforce_ids_of_15_and_18(tmp_path: Path) -> None:
    name = "salesforce-ids-of-15-and-18"
    import_case(name, "1_report.csv", "import_leads", tmp_path)
    rejected = import_case(name, "2_api.csv", "import_leads", tmp_path)

    assert not rejected.exists()
    assert dict(Lead.objects.values_list("external_id", "email")) == {
        "00Q5g00000AbCdE": "sal@f31a.example",
        "00Q5g00000abcde": "sol@f31b.example",
    }


def test_case_a_company_with_two_domains(tmp_path: Path) -> None:
    name = "a-company-with-two-domains"
    import_case(name, "companies.csv", "import_companies", tmp_path)
    upsert_leads(*read_case(name, "leads.json"))

    twin = Company.objects.get()
    assert (twin.domain, {lead.company for lead in Lead.objects.all()}) == ("f37one.example", {twin})
    assert set(twin.keys.filter(kind=KeyKind.DOMAIN).values_list("value", flat=True)) == {
        "f37one.example",
        "f37two.example",
    }


def test_case_profile_pages_as_websites(tmp_path: Path) -> None:
    with pytest.raises(SystemExit):
        import_case("profile-pages-as-websites", "companies.csv", "import_companies", tmp_path)

    assert not Company.objects.exists()
    rejected = tmp_path / "companies.csv.rejected.csv"
    assert rejected.read_text(encoding="utf-8").count("it is nobody's own domain") == 4


# --- ids belong to systems


def test_the_same_id_of_two_systems_is_two_people() -> None:
    upsert_leads({"external_id": "7", "first_name": "Ada"}, source="hubspot")
    upsert_leads({"external_id": "7", "first_name": "Bob"}, source="salesforce")
    upsert_leads({"external_id": "7", "title": "CTO", "system": "HubSpot"}, source="upload")

    assert list(Lead.objects.order_by("pk").values_list("first_name", "title", "external_system")) == [
        ("Ada", "CTO", "hubspot"),
        ("Bob", "", "salesforce"),
    ]


def test_an_id_that_every_system_may_name_is_one_person_in_a_batch() -> None:
    results = upsert_leads(
        {"external_id": "7", "system": "hubspot"},
        {"external_id": "7", "system": "salesforce"},
        {"external_id": "8", "first_name": "Ada"},
    )
    LeadFactory(external_id="9")
    (named,) = upsert_leads({"external_id": "9", "first_name": "Bob"}, source="anybody")

    assert changes([*results, named]) == ["created", "created", "created", "updated"]
    assert Lead.objects.count() == 4


def test_a_lead_may_be_known_to_several_systems() -> None:
    upsert_leads({"email": "ada@acme.example", "external_id": "7"}, source="hubspot")
    upsert_leads({"email": "ada@acme.example", "external_id": "00Q1"}, source="salesforce")
    upsert_leads({"external_id": "00Q1", "title": "CTO"}, source="salesforce")
    (refused,) = upsert_leads({"email": "ada@acme.example", "external_id": "00Q2"}, source="salesforce")

    ada = Lead.objects.get()
    assert (ada.external_id, ada.external_system, ada.title) == ("7", "hubspot", "CTO")
    assert keys(ada) == {
        ("email", "", "ada@acme.example"),
        ("id", "hubspot", "7"),
        ("id", "salesforce", "00Q1"),
    }
    assert str(refused.refusal) == "email: belongs to the lead with external_id 00Q1, not 00Q2."


def test_a_fact_names_an_id_of_its_own_system_and_then_one_of_no_system() -> None:
    ours = LeadFactory(external_id="7", external_system="site")
    free = LeadFactory(external_id="8")
    LeadFactory(external_id="9", external_system="other")
    facts = [event(email=None, lead=number, id=f"e-{number}") for number in ("7", "8", "9")]

    events.record(items=facts, source="Site", now=NOW)
    elsewhere = event(email=None, lead="9", system="other", id="e-10")
    events.record(items=[elsewhere], source="site", now=NOW)

    owners = dict(Event.objects.values_list("external_id", "lead__external_system"))
    assert Event.objects.get(external_id="e-7").lead == ours
    assert Event.objects.get(external_id="e-8").lead == free
    assert (owners["e-9"], owners["e-10"]) == ("site", "other")
    assert Lead.objects.count() == 4


def test_an_outcome_sent_again_under_another_key_is_a_duplicate() -> None:
    upsert_leads({"email": "ada@acme.example", "external_id": "7"})
    sale = {"kind": "won", "at": NOW.isoformat(), "id": "0065g00000AbCdE"}

    results = outcomes.record(
        items=[sale | {"lead": "7"}, sale | {"email": "ada@acme.example", "id": "0065g00000AbCdEEAV"}],
        source="crm",
        now=NOW,
    )

    assert [result.status for result in results] == ["accepted", "duplicate"]


# --- addresses


def test_an_earlier_address_stays_the_leads_own() -> None:
    upsert_leads({"email": "ada@old.example", "external_id": "7", "title": "CTO"})
    upsert_leads({"email": "ada@new.example", "external_id": "7"}, now=NOW + DAY)
    (by_old,) = upsert_leads({"email": "ada@old.example", "title": "CEO"}, now=NOW + 2 * DAY)
    events.record(items=[event(email="ada@old.example")], source="site", now=NOW)

    ada = Lead.objects.get()
    assert by_old.change == "updated"
    assert (ada.email, ada.title, Event.objects.get().lead) == ("ada@new.example", "CEO", ada)


def test_an_address_of_somebody_else_is_refused() -> None:
    upsert_leads({"email": "ada@acme.example", "external_id": "7"}, {"email": "bob@acme.example"})
    upsert_leads({"email": "ada@new.example", "external_id": "7"})

    current, earlier = upsert_leads(
        {"email": "bob@acme.example", "external_id": "7"}, {"email": "ada@acme.example", "external_id": "8"}
    )

    assert str(current.refusal) == "email: belongs to one lead and external_id to another."
    assert str(earlier.refusal) == "email: belongs to the lead with external_id 7, not 8."


def test_an_action_under_an_earlier_address_dates_that_address() -> None:
    upsert_leads({"email": "ada@old.example", "external_id": "7"})
    upsert_leads({"email": "ada@new.example", "external_id": "7"}, now=NOW + DAY)

    events.record(items=[event(email="ada@old.example", occurred_at=NOW - 9 * DAY)], source="site", now=NOW + DAY)

    ada = Lead.objects.get()
    assert values_at(ada, NOW - 9 * DAY)["email"] == "ada@old.example"
    assert (ada.email, values_at(ada, NOW + DAY)["email"]) == ("ada@new.example", "ada@new.example")


def test_the_database_keeps_the_keys_of_whoever_writes_a_row() -> None:
    ada = LeadFactory(email="Ada@acme.example", external_id="7", external_system="crm")
    Lead.objects.filter(pk=ada.pk).update(email="ada@new.example", external_id="8")

    assert keys(ada) == {
        ("email", "", "ada@acme.example"),
        ("email", "", "ada@new.example"),
        ("id", "crm", "7"),
        ("id", "crm", "8"),
    }
    with pytest.raises(IntegrityError), transaction.atomic():
        LeadFactory(email="ada@acme.example")
    bob = LeadFactory()
    with pytest.raises(IntegrityError), transaction.atomic():
        Lead.objects.filter(pk=bob.pk).update(external_id="7", external_system="crm")


def test_statements_of_one_batch_that_share_keys_are_one_person() -> None:
    results = upsert_leads(
        {"email": "ada@acme.example"},
        {"email": "ada@acme.example", "external_id": "7"},
        {"external_id": "7", "title": "CTO"},
        {"email": "ada@new.example", "external_id": "7"},
        {"email": "ada@new.example", "external_id": "8"},
        {"email": "bob@acme.example", "external_id": "8"},
    )

    assert changes(results) == ["created", "updated", "updated", "updated", "rejected", "created"]
    assert set(Lead.objects.values_list("email", "external_id")) == {
        ("ada@new.example", "7"),
        ("bob@acme.example", "8"),
    }


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "items",
    [
        [{"email": "ada@acme.example", "external_id": "7"}, {"email": "ada@acme.example", "external_id": "7"}],
        [{"phone": "+49 30 1234567"}, {"phone": "+49301234567"}],
        [{"email": "ada@acme.example", "external_id": "7", "system": name} for name in ("hubspot", "salesforce")],
    ],
)
def test_two_transactions_that_create_a_person_at_once_make_one_lead(items: list[dict[str, Any]]) -> None:
    results = at_once(2, lambda number: upsert_leads(items[number], now=NOW + number * DAY))

    assert sorted(result.change for (result,) in results) in (["created", "unchanged"], ["created", "updated"])
    assert Lead.objects.count() == 1
    assert LeadKey.objects.filter(kind=KeyKind.ID).count() == len(
        {(x["external_id"], x.get("system")) for x in items if "external_id" in x}
    )


# --- companies and their people


def test_people_join_the_company_of_their_host_and_then_of_the_domains_above_it() -> None:
    upsert_companies({"domain": "acme.co.uk"}, {"domain": "eu.acme.com"}, {"domain": "shop.acme.co.uk"})

    upsert_leads(
        *(
            {"email": f"p@{host}"}
            for host in ("mail.acme.co.uk", "a.eu.acme.com", "acme.com", "x.shop.acme.co.uk", "co.uk")
        )
    )

    assert dict(Lead.objects.values_list("email", "company__domain")) == {
        "p@mail.acme.co.uk": "acme.co.uk",
        "p@a.eu.acme.com": "eu.acme.com",
        "p@acme.com": None,
        "p@x.shop.acme.co.uk": "shop.acme.co.uk",
        "p@co.uk": None,
    }


def test_a_company_that_arrives_later_gets_the_people_below_its_domain() -> None:
    upsert_leads(
        *(
            {"email": f"p@{host}"}
            for host in ("acme.example", "mail.acme.example", "x-acme.example", "acme.example.org")
        )
    )

    upsert_companies({"domain": "acme.example"})

    assert set(Lead.objects.exclude(company=None).values_list("email", flat=True)) == {
        "p@acme.example",
        "p@mail.acme.example",
    }


def test_domains_of_a_company_are_added_one_after_the_other() -> None:
    upsert_leads({"email": "p@third.example"})
    results = upsert_companies(
        {"domain": "www.one.example; two.example", "external_id": "7"},
        {"domains": ["https://two.example/about", "third.example"]},
        {"domain": "other.example"},
        {"domains": ["one.example", "other.example"]},
    )

    assert changes(results) == ["created", "updated", "created", "rejected"]
    assert str(results[3].refusal) == (
        "domain: names more than one company: one.example and other.example are of different ones."
    )
    one = Company.objects.get(external_id="7")
    assert (one.domain, one.leads.count(), CompanyKey.objects.filter(company=one, kind="domain").count()) == (
        "one.example",
        1,
        3,
    )


def test_a_page_at_a_shared_host_is_left_out_where_another_key_is_given() -> None:
    (bakery,) = upsert_companies({"domain": "https://www.facebook.com/bakery", "external_id": "7"})
    (ada,) = upsert_leads({"email": "ada@acme.example", "company_domain": "linkedin.com/company/acme"})

    assert (bakery.subject.domain, bakery.notes[0].field, ada.notes[0].field) == (None, "domain", "company_domain")
    assert ada.subject.company is None


def test_an_address_at_a_shared_host_says_no_company() -> None:
    named_lists.ship()
    CompanyFactory(domain="acme.example")
    upsert_leads({"email": "ada@gmail.com"}, {"email": "bob@acme.example"})

    assert set(Lead.objects.values_list("email", "company__domain")) == {
        ("ada@gmail.com", None),
        ("bob@acme.example", "acme.example"),
    }


# --- placeholders


@pytest.mark.parametrize("word", ["null", "N/A", "0", "-", "00000000-0000-0000-0000-000000000000", "{{lead.id}}"])
def test_a_placeholder_alone_is_refused(word: str) -> None:
    (person,) = upsert_leads({"external_id": word})
    (firm,) = upsert_companies({"external_id": word})

    rule = f"external_id: is the placeholder {word!r}, which names nobody."
    assert (str(person.refusal), str(firm.refusal)) == (rule, rule)


def test_a_placeholder_beside_another_key_is_left_out() -> None:
    by_id, by_mail = upsert_leads(
        {"email": "N/A", "external_id": "7", "company_external_id": "null"},
        {"email": "ada@acme.example", "external_id": "undefined"},
    )
    results = events.record(
        items=[
            event(email="ada@acme.example", lead="undefined", id="e-1"),
            event(email="null", lead="7", id="e-2"),
            event(email="ada@acme.example", id="undefined"),
            event(email="ada@acme.example", id=0),
            event(email="{{email}}", id="e-3"),
        ],
        source="crm",
        now=NOW,
    )

    assert [note.field for note in by_id.notes] == ["email", "company_external_id"]
    assert dict(Event.objects.values_list("external_id", "lead")) == {
        "e-1": by_mail.subject.pk,
        "e-2": by_id.subject.pk,
        "0": by_mail.subject.pk,
    }
    assert (results[2].field, results[2].reason) == ("id", "is the placeholder 'undefined', which names nobody.")
    assert (results[4].field, results[4].reason) == ("email", "is the placeholder '{{email}}', which names nobody.")
    assert not Company.objects.exists()


# --- phone numbers


def test_a_phone_number_alone_is_a_key() -> None:
    results = upsert_leads(
        {"phone": "030 1234567", "country": "DE", "first_name": "Ada"},
        {"phone": "+49 (0) 30 / 123 45 67", "title": "CTO"},
        {"phone": "030 1234567", "email": "bob@acme.example", "country": "DE"},
        {"phone": "12 34"},
        {"phone": "0301234567"},
    )

    assert changes(results) == ["created", "updated", "created", "rejected", "created"]
    assert set(Lead.objects.values_list("title", "email", "phone_key")) == {
        ("CTO", None, "+49301234567"),
        ("", "bob@acme.example", "+49301234567"),
        ("", None, "0301234567"),
    }
    assert results[3].refusal.field == "phone"
    assert results[0].subject.name == "Ada"
    assert results[4].subject.name == "0301234567"


def test_the_same_file_of_phone_numbers_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "leads.csv"
    path.write_text("Phone Number,Country\n+1 (212) 555-0123,US\n2125550199,US\n", encoding="utf-8")

    call_command("import_leads", str(path))
    call_command("import_leads", str(path), again=True)

    assert set(Lead.objects.values_list("phone_key", flat=True)) == {"+12125550123", "+12125550199"}


# --- shown and found


def test_the_api_shows_and_finds_all_keys(client: Client) -> None:
    upsert_leads({"email": "ada@old.example", "external_id": "7"}, source="hubspot")
    upsert_leads({"email": "ada@bücher.example", "external_id": "7"}, source="hubspot")
    upsert_leads({"email": "ada@bücher.example", "external_id": "00Q5g00000AbCdE"}, source="salesforce")
    upsert_leads({"external_id": "7"}, source="other")
    upsert_companies({"domains": ["one.example", "two.example"], "external_id": "7"})
    ada = Lead.objects.get(external_system="hubspot")
    client.force_login(UserFactory(roles=[Role.MARKETING_OPS]))

    def find_ids(path: str, **query: str) -> list[int]:
        return [row["id"] for row in client.get(f"/api/v1/{path}", query).json()["results"]]

    body = client.get(f"/api/v1/leads/{ada.pk}").json()
    assert (body["ids"], body["addresses"], body["email"]) == (
        [{"system": "hubspot", "id": "7"}, {"system": "salesforce", "id": "00Q5g00000AbCdE"}],
        ["ada@old.example", "ada@xn--bcher-kva.example"],
        "ada@xn--bcher-kva.example",
    )
    assert find_ids("leads", email="ADA@old.example") == find_ids("leads", email="ada@bücher.example") == [ada.pk]
    assert (
        find_ids("leads", external_id="00Q5g00000AbCdEEAV")
        == find_ids("leads", external_id="7", system="HubSpot")
        == [ada.pk]
    )
    assert len(find_ids("leads", external_id="7")) == 2
    assert find_ids("leads", system="salesforce") == [ada.pk]
    assert find_ids("leads", external_id="undefined") == find_ids("leads", email="nobody") == []
    assert find_ids("leads", q="ada@old.example") == find_ids("leads", q="00Q5g00000AbCdE") == [ada.pk]
    firm = Company.objects.get()
    assert find_ids("companies", domain="https://two.example/x") == find_ids("companies", q="two.example") == [firm.pk]
    assert client.get("/api/v1/companies").json()["results"][0]["domains"] == ["one.example", "two.example"]


def test_the_page_of_a_lead_lists_its_keys(client: Client) -> None:
    upsert_leads({"email": "ada@old.example", "external_id": "7"}, source="hubspot")
    upsert_leads({"email": "ada@bücher.example", "external_id": "7"}, source="hubspot")
    client.force_login(UserFactory(roles=[Role.MARKETING_OPS]))

    page = client.get(f"/leads/{Lead.objects.get().pk}/").content.decode()

    assert "ada@old.example" in page
    assert "ada@bücher.example</a>" in page
    assert "Id in hubspot" in page


def test_a_lead_with_a_phone_number_alone_has_a_page_and_a_row(client: Client) -> None:
    upsert_leads({"phone": "+49 30 1234567"})
    client.force_login(UserFactory(roles=[Role.MARKETING_OPS]))

    pages = [
        b"".join(client.get(path)).decode()
        for path in (f"/leads/{Lead.objects.get().pk}/", "/leads/", "/leads/export.csv")
    ]

    assert ["+49 30 1234567" in page for page in pages] == [True, True, False]
    assert "None" not in pages[0]
