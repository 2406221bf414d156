"""Of rows that contradict each other about a key, the first one counts, however they are cut into batches and files."""

from __future__ import annotations

import contextlib
import random
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import transaction

from leads.imports import file_imports
from leads.intake import lead_upserts
from leads.models import Company, CompanyKey, Lead, LeadKey
from leads.vocabulary import BEGINNING
from tests.factories import NOW

pytestmark = pytest.mark.django_db

Row = dict[str, Any]


def upsert(rows: list[Row], sizes: list[int], kind: str) -> list[str]:
    """Upsert rows in batches of these sizes, and return the verdict on each row."""
    read, store = {
        "leads": (lead_upserts.read_lead, lead_upserts.upsert_leads),
        "companies": (lead_upserts.read_company, lead_upserts.upsert_companies),
    }[kind]
    verdicts: list[str] = []
    rest = list(rows)
    for size in sizes:
        batch, rest = rest[:size], rest[size:]
        results = lead_upserts.read_and_upsert(
            items=batch, read=read, upsert=store, source="crm", now=NOW, since=BEGINNING
        )
        verdicts += [result.change if result.change == "rejected" else "taken" for result in results]
    return verdicts


def read_state(kind: str) -> set[tuple[Any, ...]]:
    """Return what is stored, without the ids of rows: the keys of each subject together."""
    model, keys, name = (Lead, LeadKey, "lead") if kind == "leads" else (Company, CompanyKey, "company")
    return {
        (
            *sorted(keys.objects.filter(**{name: subject}).values_list("kind", "system", "value")),
            subject.external_id,
            subject.custom.get("row"),
        )
        for subject in model.objects.all()
    }


def store_and_forget(rows: list[Row], sizes: list[int], kind: str) -> tuple[list[str], set[tuple[Any, ...]]]:
    """Return the verdicts and what was stored, and take it back."""
    savepoint = transaction.savepoint()
    verdicts, state = upsert(rows, sizes, kind), read_state(kind)
    transaction.savepoint_rollback(savepoint)
    return verdicts, state


def make_rows(random_: random.Random, kind: str) -> list[Row]:
    rows: list[Row] = []
    for number in range(random_.randint(3, 9)):
        key, external_id = random_.choice("abc"), random_.choice(["1", "2", "3", "", "4"])
        row: Row = {"custom": {"row": number}}
        if kind == "leads":
            if random_.random() < 0.8 or not external_id:
                row["email"] = f"{key}@gmail.com"
            if random_.random() < 0.3:
                row |= {
                    "company_domain": f"{random_.choice('de')}.example",
                    "company_external_id": random_.choice("67"),
                }
        elif random_.random() < 0.8 or not external_id:
            row["domain"] = f"{key}.example"
        if external_id:
            row["external_id"] = external_id
            if random_.random() < 0.3:
                row["system"] = "erp"
        rows.append(row)
    return rows


@pytest.mark.parametrize("kind", ["leads", "companies"])
def test_rows_in_one_batch_end_like_rows_one_by_one(kind: str) -> None:
    random_ = random.Random(11)
    for _ in range(8):
        rows = make_rows(random_, kind)
        single = store_and_forget(rows, [1] * len(rows), kind)
        cut = random_.randint(1, len(rows))

        assert store_and_forget(rows, [len(rows)], kind) == single, rows
        assert store_and_forget(rows, [cut, len(rows)], kind) == single, rows


@pytest.mark.parametrize("batch", [1, 2, 1_000])
@pytest.mark.parametrize("seed", range(3))
def test_of_rows_with_one_address_the_first_of_a_file_counts(
    batch: int, seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_imports, "BATCH", batch)
    rows = [(address, f"{number}{address}") for address in "abc" for number in (9, 10, 2)]
    random.Random(seed).shuffle(rows)
    first = dict(reversed(rows))
    for name, half in (("first.csv", rows[:4]), ("second.csv", rows[4:])):
        lines = "".join(f"{address}@gmail.com,{row_id},{row_id}.example,{row_id}\n" for address, row_id in half)
        (tmp_path / name).write_text("email,external_id,company_domain,company_external_id\n" + lines)
        # A file of which no row is taken ends with 1.
        with contextlib.suppress(SystemExit):
            call_command("import_leads", str(tmp_path / name))

    assert {lead.email: lead.external_id for lead in Lead.objects.all()} == {
        f"{address}@gmail.com": row_id for address, row_id in first.items()
    }


def test_of_two_ids_of_one_company_the_first_row_counts() -> None:
    rows: list[Row] = [
        {"email": f"p{number}@gmail.com", "company_domain": "acme.example", "company_external_id": number}
        for number in ("9", "3")
    ]

    assert upsert(rows, [2], "leads") == ["taken", "rejected"]
    assert Company.objects.get().external_id == "9"


def test_a_row_that_is_refused_for_its_company_adds_no_lead() -> None:
    upsert([{"domain": "acme.example", "external_id": "1"}], [1], "companies")
    wrong: Row = {
        "email": "a@gmail.com", "external_id": "7", "company_domain": "acme.example", "company_external_id": "2",
    }  # fmt: skip

    assert upsert([wrong, {"email": "a@gmail.com", "external_id": "8"}], [2], "leads") == ["rejected", "taken"]
    assert Lead.objects.get().external_id == "8"


def test_a_row_that_waits_for_its_lead_comes_before_later_rows_of_its_id() -> None:
    upsert([{"email": "a@gmail.com", "external_id": "1"}, {"email": "c@gmail.com"}], [2], "leads")
    rows: list[Row] = [
        {"email": "a@gmail.com", "external_id": "2"},
        {"email": "b@gmail.com", "external_id": "2"},
        {"email": "c@gmail.com", "external_id": "2"},
    ]

    assert upsert(rows, [3], "leads") == ["rejected", "taken", "rejected"]
    assert Lead.objects.get(external_id="2").email == "b@gmail.com"
