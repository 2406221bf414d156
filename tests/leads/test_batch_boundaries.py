"""Rows end alike however they are cut into batches: one batch, row by row, or batches of any sizes (rules 13.1, 13.55)."""

from __future__ import annotations

import datetime as dt
import itertools
import random
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from django.db import transaction

from leads.identity import merges
from leads.intake import lead_upserts
from leads.models import AttributeChange, Company, CompanyKey, Lead, LeadKey, PersonChange
from leads.vocabulary import BEGINNING
from tests.factories import DAY, NOW

pytestmark = pytest.mark.django_db

Row = dict[str, Any]
State = dict[str, Any]


_ADDRESSES = (
    "a@gmail.com", "A@Gmail.com", "b@gmail.com", " b@gmail.com", "ann@acme.example", "Ann@ACME.example", "bob@globex.example",
    "bob@mail.globex.example", "eva@new.example", "tom@mail.new.example", "kai@bücher.example", "kai@xn--bcher-kva.example",
)  # fmt: skip
_DOMAINS = (
    "acme.example",
    "globex.example",
    "mail.globex.example",
    "new.example",
    "mail.new.example",
    "bücher.example",
)
_PHONES = ("+49 171 1234567", "0171 1234567", "+491711234567", "+44 20 7946 0958")
_VALUES: tuple[tuple[str, tuple[object, ...]], ...] = (
    ("title", ("CTO", "cto", "VP Sales", "")),
    ("first_name", ("Ann", "Bob", "Robert")),
    ("last_name", ("Lee", "Smith")),
    ("source", ("LinkedIn", "linked in", "LINKEDIN", "Fair")),
    ("country", ("DE", "Atlantis", "France", "n/a")),
    ("seniority", ("vp", "boss of all")),
    ("do_not_contact", (True, False, "perhaps")),
    ("time_zone", ("Europe/Berlin", "EST")),
)


def upsert(rows: Sequence[Row], sizes: Sequence[int], kind: str, source: str) -> list[tuple[Any, ...]]:
    """Upsert rows in batches of these sizes, and return what the sender is answered for each row."""
    read: Callable[..., Any] = lead_upserts.read_lead if kind == "leads" else lead_upserts.read_company
    store: Callable[..., Any] = lead_upserts.upsert_leads if kind == "leads" else lead_upserts.upsert_companies
    verdicts: list[tuple[Any, ...]] = []
    rest = list(rows)
    for size in sizes:
        batch, rest = rest[:size], rest[size:]
        results = lead_upserts.read_and_upsert(
            items=batch, read=read, upsert=store, source=source, now=NOW, since=BEGINNING
        )
        verdicts += [
            (result.change, result.refusal and (result.refusal.field, result.refusal.rule), result.notes)
            for result in results
        ]
    return verdicts


def read_state() -> tuple[list[State], list[State]]:
    """Return all that is stored of companies and leads, with their keys instead of the ids of rows."""
    companies = [_describe(company, CompanyKey, "company", {}) for company in Company.objects.all()]
    names = {company["pk"]: company["keys"] for company in companies}
    leads = [_describe(lead, LeadKey, "lead", names) for lead in Lead.objects.all()]
    for subject in companies + leads:
        del subject["pk"]
    return sorted(companies, key=repr), sorted(leads, key=repr)


def _describe(subject: Any, keys: Any, name: str, companies: dict[int, Any]) -> State:
    left_out = {"id", "transaction", "next_look_at", "company_id", "merged_into_id"}
    state = {column: value for column, value in vars(subject).items() if column[0] != "_" and column not in left_out}
    rows = AttributeChange.objects.filter(**{name: subject}).order_by("valid_from", "pk")
    state |= {
        "pk": subject.pk,
        "keys": sorted(keys.objects.filter(**{name: subject}).values_list("kind", "system", "value")),
        "history": [
            (row.valid_from, row.source, row.is_dated_wish, row.values | _name_company(row.values, companies))
            for row in rows
        ],
    }
    if name == "lead":
        state |= {
            "company": companies.get(subject.company_id),
            "is_due": subject.next_look_at is not None,
            "persons": sorted(
                PersonChange.objects.filter(lead=subject).values_list("at", "from_name", "to_name", "source")
            ),
        }
    return state


def _name_company(values: dict[str, Any], companies: dict[int, Any]) -> dict[str, Any]:
    return {"company": companies.get(values["company"])} if "company" in values else {}


def store_and_forget(rows: Sequence[Row], sizes: Sequence[int], kind: str, source: str) -> tuple[Any, ...]:
    """Return the answers and what was stored, and take it back."""
    savepoint = transaction.savepoint()
    outcome = upsert(rows, sizes, kind, source), *read_state()
    transaction.savepoint_rollback(savepoint)
    return outcome


def cut_into_batches(random_: random.Random, count: int) -> list[int]:
    sizes: list[int] = []
    while sum(sizes) < count:
        sizes.append(random_.randint(1, 4))
    return sizes


def add_known() -> None:
    """Add companies and leads that the rows meet: with several keys, with ids of any system, merged, opted out, stubs."""
    upsert([{"domain": "acme.example", "external_id": "6"}, {"external_id": "7"}], [2], "companies", "crm")
    upsert([{"domain": "bücher.example", "external_id": "8"}], [1], "companies", "")
    leads: list[Row] = [
        {"email": "ann@acme.example", "external_id": "1", "first_name": "Ann", "last_name": "Lee", "source": "Fair"},
        {"email": "old@acme.example", "external_id": "2", "system": "erp"},
        {"email": "a@gmail.com", "do_not_contact": True, "valid_from": NOW - 20 * DAY},
        {"email": "b@gmail.com", "external_id": "3", "title": "CTO", "valid_from": NOW - 30 * DAY},
        {"phone": _PHONES[-1], "first_name": "Zoe"},
        {"email": "bob@globex.example", "external_id": "4"},
    ]
    upsert(leads, [len(leads)], "leads", "crm")
    upsert([{"external_id": "5", "email": "any@gmail.com"}], [1], "leads", "")
    pks = dict(LeadKey.objects.values_list("value", "lead"))
    merges.merge(lead_id=pks["old@acme.example"], into_id=pks["ann@acme.example"], by=None, now=NOW)
    Lead.objects.update(next_look_at=None)


_LEAD_CELLS: tuple[tuple[str, float, tuple[object, ...]], ...] = (
    ("email", 0.7, _ADDRESSES),
    ("external_id", 0.5, tuple("12345678")),
    ("system", 0.25, ("erp", "CRM")),
    ("phone", 0.2, _PHONES),
    ("company_domain", 0.3, _DOMAINS),
    ("company_external_id", 0.15, tuple("6789")),
    *((name, 0.25, values) for name, values in _VALUES),
)
_COMPANY_CELLS: tuple[tuple[str, float, tuple[object, ...]], ...] = (
    ("domain", 0.8, _DOMAINS),
    ("domains", 0.2, tuple(";".join(pair) for pair in itertools.permutations(_DOMAINS, 2))),
    ("external_id", 0.5, tuple("6789")),
    ("system", 0.2, ("erp", "CRM")),
    ("industry", 0.5, ("Software", "SOFTWARE", " soft ware")),
    ("employees", 0.5, (12, "10-50", "many")),
    ("country", 0.3, ("DE", "Atlantis")),
)


def make_row(random_: random.Random, kind: str) -> Row:
    cells = _LEAD_CELLS if kind == "leads" else _COMPANY_CELLS
    row = {name: random_.choice(values) for name, chance, values in cells if random_.random() < chance}
    if kind == "leads" and not row.keys() & {"email", "external_id"}:
        row["phone"] = random_.choice(_PHONES)
    if kind == "companies" and not row.keys() & {"domain", "domains"}:
        row["external_id"] = random_.choice("6789")
    return row | _make_dates(random_)


def _make_dates(random_: random.Random) -> Row:
    name = random_.choice(("valid_from", "created_at", "", "", ""))
    return {name: NOW - dt.timedelta(days=random_.randint(0, 40))} if name else {}


def make_rows(random_: random.Random, kind: str) -> list[Row]:
    rows = [make_row(random_, kind) for _ in range(random_.randint(3, 9))]
    # Some rows come twice.
    return rows + random_.sample(rows, random_.randint(0, 2))


@pytest.mark.parametrize("source", ["crm", ""])
@pytest.mark.parametrize("kind", ["leads", "companies"])
def test_rows_end_alike_in_batches_of_any_sizes(kind: str, source: str) -> None:
    add_known()
    random_ = random.Random(7)
    for _ in range(6):
        rows = make_rows(random_, kind)
        single = store_and_forget(rows, [1] * len(rows), kind, source)

        assert store_and_forget(rows, [len(rows)], kind, source) == single, rows
        assert store_and_forget(rows, cut_into_batches(random_, len(rows)), kind, source) == single, rows


def test_the_first_address_of_a_new_lead_stays_its_key_when_a_later_row_changes_it() -> None:
    rows = [{"email": f"{name}@gmail.com", "external_id": "9"} for name in ("first", "second")]

    upsert(rows, [2], "leads", "crm")

    lead = Lead.objects.get()
    assert lead.email == "second@gmail.com"
    assert set(lead.keys.values_list("value", flat=True)) == {"first@gmail.com", "second@gmail.com", "9"}


def test_a_row_does_not_meet_a_lead_that_a_later_row_adds() -> None:
    upsert([{"email": "known@gmail.com"}], [1], "leads", "")
    rows: list[Row] = [{"email": "known@gmail.com", "external_id": "9", "system": "erp"}, {"external_id": "9"}]

    verdicts = upsert(rows, [2], "leads", "")

    assert [change for change, *_ in verdicts] == ["updated", "created"]
    assert Lead.objects.get(email="known@gmail.com").external_system == "erp"


def test_a_lead_joins_the_company_that_an_earlier_row_names() -> None:
    rows: list[Row] = [
        {"email": "tom@mail.new.example"},
        {"email": "one@gmail.com", "company_domain": "new.example"},
        {"email": "two@gmail.com", "company_domain": "mail.new.example"},
        {"email": "eva@mail.new.example"},
    ]

    upsert(rows, [4], "leads", "crm")

    domains = {lead.email: lead.company and lead.company.domain for lead in Lead.objects.select_related("company")}
    assert domains["tom@mail.new.example"] == "new.example"
    assert domains["eva@mail.new.example"] == "mail.new.example"


def test_a_new_company_does_not_take_a_lead_whose_address_an_earlier_row_changed() -> None:
    upsert([{"email": "tom@new.example", "external_id": "9"}], [1], "leads", "crm")
    rows: list[Row] = [
        {"email": "tom@gmail.com", "external_id": "9"},
        {"email": "one@gmail.com", "company_domain": "new.example"},
    ]

    upsert(rows, [2], "leads", "crm")

    assert Lead.objects.get(external_id="9").company is None
