"""Entering costs, files of them, and their corrections (rules 12.48 to 12.51)."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest
import time_machine
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError, ProgrammingError, transaction
from django.test import Client
from django.urls import reverse

from config.accounts.vocabulary import Role
from leads.vocabulary import Motion
from sla.marketing_costs import cost_entry, cost_sums
from sla.marketing_costs.cost_entry import CostLine, CostRefused
from sla.models import MarketingCost
from tests.factories import NOW, LeadFactory, UserFactory

pytestmark = pytest.mark.django_db

MARCH = dt.date(2026, 3, 1)


@pytest.fixture
def ops():
    return UserFactory(roles=[Role.MARKETING_OPS])


def line(amount: str = "310", **changes: object) -> CostLine:
    values = {"motion": Motion.MQL, "source": "ads", "campaign": "", "month": MARCH, "currency": "EUR", **changes}
    return CostLine(amount=Decimal(amount), **values)


def upload(user, text: str, reason: str = "", name: str = "costs.csv"):
    client = Client()
    client.force_login(user)
    file = SimpleUploadedFile(name, text.encode(), "text/csv")
    with time_machine.travel(NOW, tick=False):
        return client.post(reverse("cost_upload"), {"file": file, "reason": reason})


@pytest.mark.usefixtures("application_role")
def test_a_cost_is_corrected_by_a_later_row_that_says_why(ops):
    cost_entry.store([line("310")], by=ops, now=NOW)
    cost = MarketingCost.objects.get()

    cost_entry.correct(cost=cost, amount=Decimal("290.50"), by=ops, now=NOW, reason="A credit note came.")

    (standing,) = MarketingCost.objects.standing()
    assert (standing.amount, standing.corrects, standing.reason, standing.entered_by) == (
        Decimal("290.50"), cost, "A credit note came.", ops,
    )  # fmt: skip
    cost.refresh_from_db()
    assert cost.amount == Decimal(310)


@pytest.mark.usefixtures("application_role")
def test_a_corrected_cost_is_not_corrected_twice(ops):
    cost_entry.store([line()], by=ops, now=NOW)
    cost = MarketingCost.objects.get()
    cost_entry.correct(cost=cost, amount=Decimal(1), by=ops, now=NOW, reason="Wrong.")

    with pytest.raises(CostRefused, match="Somebody else has corrected"):
        cost_entry.correct(cost=cost, amount=Decimal(2), by=ops, now=NOW, reason="Wrong too.")


def test_a_withdrawn_cost_counts_no_more_and_can_be_entered_again(ops):
    cost_entry.store([line()], by=ops, now=NOW)
    cost_entry.correct(cost=MarketingCost.objects.get(), amount=None, by=ops, now=NOW, reason="Of another year.")
    assert not MarketingCost.objects.standing().exists()

    stored = cost_entry.store([line()], by=ops, now=NOW, reason="It was of this one.")

    assert (stored.added, stored.corrected) == (0, 1)
    assert MarketingCost.objects.standing().get().amount == Decimal(310)


@pytest.mark.parametrize(
    "change",
    [
        {"month": dt.date(2026, 3, 2)},
        {"amount": Decimal(-1)},
        {"amount": None},
        {"source": ""},
        {"currency": "eur"},
        {"motion": "aql"},
        {"reason": "Why, of nothing."},
    ],
)
def test_the_database_refuses_what_is_no_cost(ops, change):
    values = {"source": "ads", "month": MARCH, "amount": Decimal(1), "currency": "EUR"} | change

    with pytest.raises(IntegrityError), transaction.atomic():
        MarketingCost.objects.create(entered_by=ops, entered_at=NOW, **values)


def test_the_database_keeps_costs_and_corrects_the_same_cost_alone(ops):
    cost_entry.store([line()], by=ops, now=NOW)
    cost = MarketingCost.objects.get()

    for write in (
        lambda: MarketingCost.objects.update(amount=Decimal(1)),
        lambda: MarketingCost.objects.all().delete(),
        lambda: MarketingCost.objects.create(
            source="fair",
            month=MARCH,
            amount=1,
            currency="EUR",
            entered_by=ops,
            entered_at=NOW,
            corrects=cost,
            reason="x",
        ),
    ):
        with pytest.raises(ProgrammingError), transaction.atomic():
            write()
    with pytest.raises(IntegrityError), transaction.atomic():
        MarketingCost.objects.create(
            source="ads", month=MARCH, amount=1, currency="EUR", entered_by=ops, entered_at=NOW
        )


def test_only_marketing_ops_enters_costs():
    leader = UserFactory(roles=[Role.MARKETING_LEADER])

    with pytest.raises(CostRefused, match="Only marketing ops"):
        cost_entry.store([line()], by=leader, now=NOW)
    assert upload(leader, "source,month,amount\nads,2026-03,1\n").status_code == 403
    assert not MarketingCost.objects.exists()


@pytest.mark.usefixtures("application_role")
def test_the_same_file_twice_changes_nothing(ops):
    text = "source;campaign;month;amount;currency\nads;Spring;2026-03;1.200,50;EUR\nfair;;2026-02;80;usd\n"

    first, second = upload(ops, text), upload(ops, text)

    assert (first.status_code, second.status_code) == (302, 302)
    rows = MarketingCost.objects.order_by("pk").values_list(
        "source", "campaign", "month", "amount", "currency", "file_name"
    )
    assert list(rows) == [
        ("ads", "Spring", MARCH, Decimal("1200.50"), "EUR", "costs.csv"),
        ("fair", "", dt.date(2026, 2, 1), Decimal(80), "USD", "costs.csv"),
    ]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("source,month,amount\nads,2026-03,5\nfair,March,1\n", "Line 3, month: “March” is no month as 2026-03."),
        ("source,month,amount\nads,2026-03,5\n,2026-03,1\n", "Line 3, source: Name the source as leads write it."),
        ("source,month,amount\nads,2026-03,much\n", "Line 2, amount: “much” is not an amount"),
        ("source,month,amount\nads,2026-03,-5\n", "Line 2, amount: It must not be negative"),
        ("source,month,amount,currency\nads,2026-03,5,XXQ\n", "Line 2, currency: “XXQ” is not the code of a currency"),
        ("source,month,amount,motion\nads,2026-03,5,aql\n", "Line 2, motion: It must be mql or pql"),
        ("source,month,amount\nads,2026-03,5\nads,2026-03-15,6\n", "Line 3, source: The same cost stands in line 2 already."),
        ("source,month\nads,2026-03\n", "Line 1, amount: This column is missing."),
        ("source,month,amount,cost\nads,2026-03,5,6\n", "Line 1, cost: This column is not known."),
        ("source,month,amount\n", "The file has a header and no costs."),
        ("", "The submitted file is empty.|The file is empty."),
    ],
)  # fmt: skip
def test_a_file_with_a_fault_names_line_and_field_and_stores_nothing(ops, text, sentence):
    answer = upload(ops, text)

    assert answer.status_code == 422
    page = answer.content.decode()
    assert any(one in page for one in sentence.split("|")), page
    assert not MarketingCost.objects.exists()


def test_a_file_corrects_only_with_a_reason(ops):
    upload(ops, "source,month,amount\nads,2026-03,5\n")
    changed = "source,month,amount\nfair,2026-03,1\nads,2026-03,6\n"

    without = upload(ops, changed)
    assert without.status_code == 422
    assert "Line 3, amount: 5.00 EUR is entered for ads in March 2026 already" in without.content.decode()
    assert MarketingCost.objects.count() == 1

    assert upload(ops, changed, reason="The final invoice.").status_code == 302
    assert dict(MarketingCost.objects.standing().values_list("source", "amount")) == {"ads": 6, "fair": 1}


@pytest.mark.usefixtures("application_role")
def test_costs_are_entered_corrected_and_listed_on_pages(ops):
    client = Client()
    client.force_login(ops)
    LeadFactory(source="ads")
    typed = {"motion": "mql", "source": "ads<b>", "month": "2026-03", "amount": "1,200.50", "currency": "EUR"}

    with time_machine.travel(NOW, tick=False):
        assert client.get(reverse("costs")).status_code == 200
        assert client.post(reverse("cost_new"), typed | {"amount": "x"}).status_code == 422
        assert client.post(reverse("cost_new"), typed).status_code == 302
        cost = MarketingCost.objects.get()
        page = client.get(reverse("costs")).content.decode()
        assert "ads&lt;b&gt;" in page
        assert "No lead has this source yet." in page
        correction = {"amount": "7", "reason": "Wrong."}
        assert client.post(reverse("cost_correct", args=[cost.pk]), correction).status_code == 302
        history = client.get(reverse("cost_correct", args=[MarketingCost.objects.standing().get().pk])).content.decode()
    assert "1,200.50" in history
    assert "Wrong." in history


def test_the_export_can_be_uploaded_again(ops):
    cost_entry.store([line(), line(campaign="Spring", currency="USD")], by=ops, now=NOW)
    client = Client()
    client.force_login(ops)

    text = client.get(reverse("costs_export")).getvalue().decode()

    assert upload(ops, text).status_code == 302
    assert MarketingCost.objects.count() == 2


def test_a_period_has_the_part_of_its_days(ops):
    cost_entry.store([line("310"), line("280", month=dt.date(2026, 2, 1)), line("31", currency="USD")], by=ops, now=NOW)

    parts = cost_sums.read_parts(Motion.MQL, first=dt.date(2026, 2, 22), end=dt.date(2026, 3, 11))

    # Seven of the 28 days of February, and ten of the 31 of March.
    assert cost_sums.add_up(parts) == {"EUR": Decimal(70 + 100), "USD": Decimal(10)}
