from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from leads.identity import merges
from leads.intake import customer_status, lead_upserts, outcomes
from leads.models import AttributeChange, Company, Lead
from leads.rescoring import company_rescores
from tests.leads.facts import DAY, NOW, values_at
from tests.threads import at_once

pytestmark = pytest.mark.django_db


def describe(**values: Any) -> Company:
    company, _ = lead_upserts.upsert_company(
        domain="acme.example", values=values, valid_from=NOW - 90 * DAY, source="crm", now=NOW - 90 * DAY
    )
    return company


def add_lead(email: str = "ada@acme.example") -> Lead:
    return lead_upserts.upsert_lead(email=email, source="crm", now=NOW - 80 * DAY)[0]


def report(kind: str, days_ago: int, **changes: Any) -> None:
    item = {
        "email": "ada@acme.example",
        "kind": kind,
        "at": (NOW - days_ago * DAY).isoformat(),
        "id": "deal-1",
    } | changes
    (result,) = outcomes.record(items=[item], source="crm", now=NOW)
    assert result.status == "accepted", result


def is_customer(days_ago: int) -> bool | None:
    status: bool | None = values_at(Company.objects.get(), NOW - days_ago * DAY).get("is_customer")
    return status


def test_a_won_deal_makes_the_company_a_customer_from_the_win_on() -> None:
    describe(industry="Software")
    lead = add_lead()
    Lead.objects.update(next_look_at=None)

    report("won", 10)

    company = Company.objects.get()
    assert (company.is_customer, company.industry, company.has_history) == (True, "Software", True)
    assert (is_customer(11), is_customer(10)) == (None, True)
    assert AttributeChange.objects.get(source=customer_status.SOURCE).valid_from == NOW - 10 * DAY
    lead.refresh_from_db()
    assert lead.next_look_at == NOW


def test_a_correction_of_the_date_moves_the_customer() -> None:
    describe()
    add_lead()

    report("won", 20)
    report("won", 10)

    assert [is_customer(days) for days in (21, 20, 11, 10, 0)] == [None, None, None, True, True]


def test_a_loss_after_the_win_ends_the_customer_and_restores_what_senders_said() -> None:
    describe(is_customer=False)
    add_lead()

    report("won", 20)
    report("lost", 10)

    assert [is_customer(days) for days in (21, 20, 11, 10, 0)] == [False, True, True, False, False]


def test_the_loss_of_another_deal_ends_nothing() -> None:
    describe()
    add_lead()

    report("won", 20)
    report("lost", 10, id="deal-2")

    assert Company.objects.get().is_customer is True


def test_a_later_statement_of_a_sender_counts_more_than_the_win() -> None:
    describe()
    add_lead()
    report("won", 20)

    lead_upserts.upsert_company(domain="acme.example", values={"is_customer": False}, source="crm", now=NOW - 5 * DAY)
    report("won", 19, id="deal-2")

    assert [is_customer(days) for days in (20, 6, 5, 0)] == [True, True, False, False]


def test_a_win_sent_again_states_nothing_again() -> None:
    describe()
    add_lead()
    report("won", 20)

    outcomes.record(
        items=[{"email": "ada@acme.example", "kind": "won", "at": (NOW - 20 * DAY).isoformat(), "id": "deal-1"}],
        source="crm",
        now=NOW + DAY,
    )

    assert AttributeChange.objects.filter(source=customer_status.SOURCE).count() == 1


def test_a_company_that_the_winner_joins_later_becomes_a_customer_as_well() -> None:
    report("won", 20)
    describe()
    assert (Lead.objects.get().company, Company.objects.get().is_customer) == (Company.objects.get(), None)

    changed = [customer_status.follow_wins(now=NOW) for _ in range(2)]

    assert (changed, Company.objects.get().is_customer, is_customer(20)) == ([1, 0], True, True)


def test_customers_from_before_their_win_do_not_keep_later_ones_waiting() -> None:
    lead_upserts.upsert_lead(email="bo@old.example", source="crm", now=NOW)
    report("won", 20, id="deal-2", email="bo@old.example")
    lead_upserts.upsert_company(
        domain="old.example", values={"is_customer": True}, valid_from=NOW - 90 * DAY, source="crm", now=NOW
    )
    lead_upserts.upsert_company(
        domain="old.example", values={"is_customer": False}, valid_from=NOW - DAY, source="crm", now=NOW
    )
    report("won", 20)
    describe()

    changed = sum(customer_status.follow_wins(now=NOW, limit=1) for _ in range(2))

    customers = dict(Company.objects.values_list("domain", "is_customer"))
    assert (changed, customers) == (1, {"old.example": False, "acme.example": True})


@pytest.mark.django_db(transaction=True)
def test_wins_and_losses_at_once_leave_one_history() -> None:
    describe()
    for number in range(4):
        add_lead(f"p{number}@acme.example")

    def send(number: int) -> None:
        report("won", 20 - number, id=f"deal-{number}", email=f"p{number}@acme.example")
        report("lost", 5, id=f"deal-{number}", email=f"p{number}@acme.example")

    results = at_once(4, send)

    assert results == [None] * 4
    assert [is_customer(days) for days in (21, 20, 6, 5)] == [None, True, True, None]
    assert Company.objects.get().known_at == NOW - 90 * DAY


def test_a_company_that_is_a_customer_already_follows_a_winner_who_joins_later() -> None:
    describe()
    add_lead()
    report("won", 10)
    report("won", 20, id="deal-2", email="bo@gmail.com")
    assert is_customer(11) is None

    lead_upserts.upsert_lead(email="bo@gmail.com", company_domain="acme.example", source="crm", now=NOW)
    customer_status.follow_wins(now=NOW)

    assert [is_customer(days) for days in (21, 20, 11, 0)] == [None, True, True, True]


def test_a_win_and_a_loss_of_one_instant_are_looked_at_once() -> None:
    report("won", 20)
    report("lost", 20)
    describe()
    lead_upserts.upsert_company(domain="other.example", source="crm", now=NOW)
    report("won", 20, id="deal-2", email="bo@other.example")

    changed = [customer_status.follow_wins(now=NOW, limit=1) for _ in range(3)]

    assert changed == [0, 0, 0]
    assert dict(Company.objects.values_list("domain", "is_customer")) == {"acme.example": None, "other.example": True}


def test_a_deal_of_an_alias_without_a_company_makes_the_company_of_the_person_a_customer() -> None:
    describe()
    standing = add_lead()
    alias, _ = lead_upserts.upsert_lead(email="ada@gmail.com", source="crm", now=NOW)
    merges.merge(lead_id=alias.pk, into_id=standing.pk, by=None, now=NOW)

    report("won", 20, email="ada@gmail.com")

    assert [is_customer(days) for days in (21, 20)] == [None, True]

    merges.unmerge(lead_id=alias.pk, by=None, now=NOW)
    assert customer_status.follow_wins(now=NOW) == 1
    assert is_customer(20) is None
    merges.merge(lead_id=alias.pk, into_id=standing.pk, by=None, now=NOW)
    assert [customer_status.follow_wins(now=NOW) for _ in range(2)] == [1, 0]
    assert is_customer(20) is True


def test_a_win_locks_no_colleagues_and_has_them_rescored_in_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(company_rescores, "BATCH", 2)
    describe()
    for number in range(5):
        add_lead(f"p{number}@acme.example")
    Lead.objects.update(next_look_at=None)

    with CaptureQueriesContext(connection) as captured:
        report("won", 10, email="p3@acme.example")

    assert list(Lead.objects.exclude(next_look_at=None).values_list("email", flat=True)) == ["p3@acme.example"]
    locking = [query["sql"] for query in captured if "FOR NO KEY UPDATE" in query["sql"]]
    assert not any('"leads_lead"."company_id" ' in sql.partition("WHERE")[2] for sql in locking)
    assert [company_rescores.rescore_people(now=NOW, limit=1) for _ in range(4)] == [2, 2, 1, 0]
    assert not Lead.objects.filter(next_look_at=None).exists()
