from __future__ import annotations

import datetime as dt
import itertools
import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection

from leads import named_lists
from leads.exceptions import Refused
from leads.intake import events, lead_upserts
from leads.models import AttributeChange, Company, Lead
from leads.vocabulary import BEGINNING
from tests.leads.facts import DAY, NOW, event, values_at

pytestmark = pytest.mark.django_db


def lead(**facts: Any) -> tuple[Lead, str]:
    return lead_upserts.upsert_lead(**({"source": "crm", "now": NOW} | facts))


def company(**facts: Any) -> tuple[Company, str]:
    return lead_upserts.upsert_company(**({"source": "crm", "now": NOW} | facts))


def test_a_new_lead_has_one_statement_and_is_to_be_rescored() -> None:
    ada, change = lead(email=" Ada@Acme.example ", values={"title": " CTO ", "custom": {"plan": "gold"}})

    ada.refresh_from_db()
    assert change == "created"
    assert (ada.email, ada.title, ada.custom, ada.known_at, ada.has_history) == (
        "ada@acme.example",
        "CTO",
        {"plan": "gold"},
        NOW,
        False,
    )
    assert values_at(ada, NOW) == {
        "email": "ada@acme.example",
        "title": "CTO",
        "custom.plan": "gold",
        "do_not_contact": False,
    }
    assert ada.next_look_at == NOW


def test_the_same_values_again_write_nothing() -> None:
    lead(email="ada@acme.example", values={"title": "CTO"})
    Lead.objects.update(next_look_at=None)

    ada, change = lead(email="ADA@acme.example", values={"title": "CTO", "phone": None}, now=NOW + DAY)

    assert change == "unchanged"
    assert (AttributeChange.objects.count(), ada.next_look_at) == (1, None)


def test_a_change_is_stored_as_the_changed_values_from_now_on() -> None:
    lead(email="ada@acme.example", values={"title": "CTO", "country": "DE"})

    ada, change = lead(email="ada@acme.example", values={"title": "CEO", "country": "DE"}, now=NOW + DAY)

    ada.refresh_from_db()
    assert (change, ada.title, ada.has_history, ada.known_at) == ("updated", "CEO", True, NOW)
    assert AttributeChange.objects.latest("pk").values == {"title": "CEO"}
    assert values_at(ada, NOW)["title"] == "CTO"


def test_a_null_makes_a_value_unknown() -> None:
    lead(email="ada@acme.example", values={"title": "CTO"})

    ada, _ = lead(email="ada@acme.example", values={"title": None}, now=NOW + DAY)

    ada.refresh_from_db()
    assert ada.title == ""
    assert AttributeChange.objects.latest("pk").values == {"title": None}


def test_dated_statements_in_any_order_give_the_same_facts() -> None:
    statements = [(NOW - 3 * DAY, "A"), (NOW - 2 * DAY, "B"), (NOW - DAY, "A")]

    for number, order in enumerate(itertools.permutations(statements)):
        for valid_from, title in [*order, *order]:
            ada, _ = lead(external_id=f"x{number}", values={"title": title}, valid_from=valid_from)
        ada.refresh_from_db()
        assert [values_at(ada, at)["title"] for at, _ in statements] == ["A", "B", "A"]
        assert (ada.title, ada.known_at, ada.has_history) == ("A", NOW - 3 * DAY, True)


def test_a_statement_of_today_changes_nothing_before_today() -> None:
    events.record(items=[event()], source="site", now=NOW)
    (ada,) = Lead.objects.all()

    lead(email="ada@acme.example", values={"title": "CTO"})

    ada.refresh_from_db()
    assert values_at(ada, NOW - DAY) == {"email": "ada@acme.example", "do_not_contact": False}
    assert (ada.known_at, ada.has_history) == (NOW - DAY, True)


def test_keys_that_belong_to_two_leads_are_refused_naming_both() -> None:
    lead(email="ada@acme.example", external_id="1")
    lead(email="eve@acme.example", external_id="2")

    with pytest.raises(Refused, match="email: belongs to one lead and external_id to another"):
        lead(email="ada@acme.example", external_id="2")
    with pytest.raises(Refused, match="email: belongs to the lead with external_id 1, not 3"):
        lead(email="ada@acme.example", external_id="3")


def test_a_key_that_was_missing_is_added() -> None:
    ada, _ = lead(email="ada@acme.example")

    same, change = lead(email="ada@acme.example", external_id="7")
    moved, _ = lead(external_id="7", email="ada@new.example", now=NOW + DAY)

    assert (same.pk, change, moved.pk) == (ada.pk, "updated", ada.pk)
    moved.refresh_from_db()
    assert moved.email == "ada@new.example"
    assert values_at(moved, NOW)["email"] == "ada@acme.example"


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"title": 5}, "title: must be a text"),
        ({"title": "x" * 201}, "title: must have at most 200 characters"),
        ({"title": "a\x00"}, "title: contains a character"),
        ({"do_not_contact": 1}, "do_not_contact: must be true or false"),
        ({"time_zone": 5}, "time_zone: must be a text"),
        ({"country": {}}, "country: must be a text"),
        ({"country": "x" * 501}, "country: must have at most 500 characters"),
        ({"stage": "won"}, "stage: is not a known field"),
        ({"next_look_at": None}, "next_look_at: is not a known field"),
        ({"custom": {"a b": 1}}, "custom.a b: must be named"),
        ({"custom": {"a": {}}}, "custom.a: must be a text"),
        ({"custom": 5}, "custom: must be an object"),
        ({"custom": {f"a{n}": 1 for n in range(201)}}, "at most 200 attributes"),
    ],
)
def test_a_bad_value_is_refused_by_field_and_rule(values: dict[str, object], message: str) -> None:
    with pytest.raises(Refused, match=message):
        lead(email="ada@acme.example", values=values)

    assert not Lead.objects.exists()


def test_a_lead_without_any_key_is_refused() -> None:
    with pytest.raises(Refused, match="email: is required, or external_id"):
        lead(values={"title": "CTO"})


@pytest.mark.parametrize(
    ("employees", "low", "high"),
    [
        (120, 120, 120), ("51-200", 51, 200), ("1,001 to 5,000", 1001, 5000), ("1000+", 1000, None), ("<50", 0, 49),
        ("250 employees", 250, 250), ("> 10", 11, None), (None, None, None),
    ],
)  # fmt: skip
def test_employees_are_a_count_or_a_band(employees: object, low: int | None, high: int | None) -> None:
    acme, _ = company(domain="acme.example", values={"employees": employees})

    acme.refresh_from_db()
    assert (acme.employees_low, acme.employees_high) == (low, high)


@pytest.mark.parametrize("employees", ["many", "200-51", "9" * 30])
def test_employees_in_words_are_unknown_and_kept_as_they_came(employees: str) -> None:
    acme, _ = company(domain="acme.example", values={"employees": employees})

    assert (acme.employees_low, acme.employees_high, acme.not_understood) == (None, None, {"employees": employees})


@pytest.mark.parametrize("employees", [-1, 1.5, True, 10**12])
def test_invalid_employees_are_refused(employees: object) -> None:
    with pytest.raises(Refused, match="employees"):
        company(domain="acme.example", values={"employees": employees})


def test_a_refused_row_leaves_no_lead_behind() -> None:
    company(domain="acme.example", external_id="a-1")
    items = [
        lead_upserts.read_lead(body, source="crm", now=NOW)
        for body in (
            {"email": "ada@acme.example", "company_domain": "acme.example", "company_external_id": "b-2"},
            {"email": "bob@acme.example", "company_domain": "acme.example"},
        )
    ]

    refused, created = lead_upserts.upsert_leads(items=items, source="crm", now=NOW)

    assert (refused.change, created.change) == ("rejected", "created")
    assert list(Lead.objects.values_list("email", flat=True)) == ["bob@acme.example"]


def test_new_leads_of_one_batch_keep_their_own_values() -> None:
    plans: list[Any] = [True, 1, "1", 1]
    items = [
        lead_upserts.read_lead({"email": f"p{n}@acme.example", "custom": {"plan": plan}}, source="crm", now=NOW)
        for n, plan in enumerate(plans)
    ]

    lead_upserts.upsert_leads(items=items, source="crm", now=NOW)

    stored = [row["plan"] for row in Lead.objects.order_by("email").values_list("custom", flat=True)]
    assert [(type(plan), plan) for plan in stored] == [(type(plan), plan) for plan in plans]


def test_two_rows_about_one_new_person_make_one_lead_with_both() -> None:
    items = [
        lead_upserts.read_lead(body, source="crm", now=NOW)
        for body in (
            {"email": "ada@acme.example", "external_id": "1", "title": "CTO"},
            {"external_id": "1", "first_name": "Ada"},
            {"email": "ada@acme.example", "last_name": "Byron"},
        )
    ]

    changes = [result.change for result in lead_upserts.upsert_leads(items=items, source="crm", now=NOW)]

    ada = Lead.objects.get()
    assert changes == ["created", "updated", "updated"]
    assert (ada.title, ada.first_name, ada.last_name) == ("CTO", "Ada", "Byron")
    assert ada.keys.count() == 2
    assert ada.next_look_at == NOW


def test_a_companys_change_has_its_leads_rescored() -> None:
    ada, _ = lead(email="ada@acme.example", company_domain="https://www.Acme.example/about", values={"title": "CTO"})
    Lead.objects.update(next_look_at=None)

    acme, change = company(
        domain="acme.example",
        values={"industry": "Software", "annual_revenue": 1250000.5, "technologies": ["Go", " Rust "]},
        now=NOW + DAY,
    )

    ada.refresh_from_db()
    acme.refresh_from_db()
    assert (change, ada.company, ada.next_look_at) == ("updated", acme, NOW + DAY)
    assert (acme.industry, acme.technologies, acme.has_history) == ("Software", ["Go", "Rust"], False)
    assert acme.annual_revenue == Decimal("1250000.50")


def test_leads_join_the_company_of_their_email_domain_unless_it_is_a_shared_one() -> None:
    named_lists.ship()
    acme, _ = company(domain="acme.example")
    company(domain="freemail.hu")

    ada, _ = lead(email="ada@acme.example")
    eve, _ = lead(email="eve@freemail.hu")

    assert (ada.company_id, eve.company_id) == (acme.pk, None)


def test_a_company_that_arrives_later_gets_its_leads() -> None:
    ada, _ = lead(email="ada@acme.example", values={"title": "CTO"}, since=NOW - 9 * DAY)
    eve, _ = lead(email="eve@acme.example", company_domain="other.example")

    acme, _ = company(domain="acme.example", now=NOW + DAY)

    ada.refresh_from_db()
    eve.refresh_from_db()
    assert (ada.company, ada.known_at, ada.has_history, ada.next_look_at) == (acme, NOW - 9 * DAY, False, NOW)
    assert values_at(ada, NOW - 9 * DAY)["company"] == acme.pk
    assert eve.company != acme


def _facts() -> dict[str, Any]:
    everybody = {}
    for person in Lead.objects.select_related("company"):
        employer = person.company
        times = [NOW - days * DAY for days in range(0, 40, 4)]
        values = [sorted(item for item in values_at(person, at).items() if item[0] != "company") for at in times]
        of_employer = [values_at(employer, at) for at in times] if employer else None
        key = person.external_id or person.email
        everybody[key] = (
            person.email,
            person.title,
            person.known_at,
            person.stage_at,
            employer and employer.external_id,
            values,
            of_employer,
        )
    return everybody


def test_the_order_of_files_does_not_matter() -> None:
    def steps(prefix: str) -> list[Callable[[], object]]:
        def happened(**changes: Any) -> Callable[[], object]:
            return lambda: events.record(items=[event(**changes)], source="site", now=NOW)

        domain = f"{prefix}.example"
        return [
            lambda: company(external_id=f"c{prefix}", domain=domain, values={"industry": "Software"}, since=BEGINNING),
            lambda: lead(
                external_id=f"l{prefix}",
                company_external_id=f"c{prefix}",
                values={"title": "CTO"},
                since=NOW - 20 * DAY,
            ),
            lambda: lead(email=f"eve@{domain}", values={"title": "CEO"}, valid_from=NOW - 10 * DAY),
            happened(
                email=None, lead=f"l{prefix}", system="crm", id=f"{prefix}1", occurred_at=(NOW - 30 * DAY).isoformat()
            ),
            happened(email=f"eve@{domain}", id=f"{prefix}2", occurred_at=(NOW - 25 * DAY).isoformat()),
            happened(email=f"eve@{domain}", id=f"{prefix}3", occurred_at=(NOW - 5 * DAY).isoformat()),
        ]

    results = set()
    for number in range(12):
        prefix = f"p{number}"
        todo = steps(prefix) * 2
        random.Random(number).shuffle(todo)
        for step in todo:
            step()
        facts = {
            key: value
            for key, value in _facts().items()
            if prefix in key.replace("@", ".").split(".")[1:] or key == f"l{prefix}"
        }
        results.add(repr(sorted(facts.items())).replace(prefix, "p"))

    assert len(results) == 1, "\n".join(results)


@pytest.mark.django_db(transaction=True)
def test_eight_senders_of_one_person_make_one_lead() -> None:
    def send(number: int) -> list[str]:
        now = NOW + number * dt.timedelta(seconds=1)
        try:
            items = [
                {
                    "email": f"p{n}@acme.example",
                    "external_id": f"x{n}",
                    "title": "CTO",
                    "company_domain": "acme.example",
                }
                for n in range(20)
            ]
            random.Random(number).shuffle(items)
            read = [lead_upserts.read_lead(item, now=now, since=NOW) for item in items]
            return [answer.change for answer in lead_upserts.upsert_leads(items=read, source="crm", now=now)]
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        changes = list(itertools.chain.from_iterable(pool.map(send, range(8))))

    assert (changes.count("created"), changes.count("unchanged")) == (20, 140)
    assert (Lead.objects.count(), Company.objects.count()) == (20, 1)
    assert AttributeChange.objects.filter(lead__isnull=False).count() == 20
