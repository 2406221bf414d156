"""The shipped data sets, and what is left of the customer's corrections when a newer one comes."""

from __future__ import annotations

import csv
import datetime as dt
import importlib
import json
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from leads import named_lists, reference_data_loading
from leads.models import ListEntry, NamedList, ReferenceData
from leads.vocabulary import EntryStatus

pytestmark = pytest.mark.django_db

NOW = dt.datetime(2026, 12, 24, 9, 0, tzinfo=dt.UTC)
CASE = Path(__file__).parents[1] / "data" / "cases" / "employers-on-the-free-mail-list"


@pytest.fixture
def free_email() -> NamedList:
    return NamedList.objects.get(name="free_email")


def ship_a_newer_set(monkeypatch: pytest.MonkeyPatch, entries: set[str]) -> None:
    """Let the package of free mail providers have these entries only."""
    sources = named_lists._source_lists() | {"free_email": ("Free e-mail providers", entries)}
    monkeypatch.setattr(named_lists, "_source_lists", lambda: sources)


def test_employers_are_no_free_mail_and_providers_are() -> None:
    with (CASE / "leads.csv").open(encoding="utf-8") as file:
        domains = [row["email"].partition("@")[2] for row in csv.DictReader(file)]

    listed = named_lists.find_listed_domains(domains, names=["free_email"])

    assert listed == {"gmail.com", "web.de", "tutanota.com"}


@pytest.mark.parametrize(
    "domain",
    [
        "google.com",
        "apple.com",
        "microsoft.com",
        "facebook.com",
        "alibaba.com",
        "oath.com",
        "name.com",
        "eurosport.com",
        "cox.com",
    ],
)
def test_well_known_employers_stand_on_no_shipped_list(domain: str) -> None:
    names = ["free_email", "disposable_email", "student_email"]
    assert named_lists.find_listed_domains([domain, f"mail.{domain}"], names=names) == frozenset()


@pytest.mark.parametrize(
    "domain", ["tuta.com", "hey.com", "proton.me", "pm.me", "duck.com", "icloud.com", "gmx.net", "orange.fr"]
)
def test_providers_of_free_mail_stand_on_the_list(domain: str) -> None:
    assert named_lists.find_listed_domains([domain], names=["free_email"]) == {domain}


def test_no_domain_is_both_added_and_taken_out() -> None:
    corrections = json.loads(named_lists.CORRECTIONS_FILE.read_text(encoding="utf-8"))["lists"]
    for name, parts in corrections.items():
        added, taken_out = ({value for line in parts[key] for value in line.split(", ")} for key in ("add", "take_out"))
        assert added & taken_out == set(), name


def test_migrating_records_each_data_set_with_its_date_and_digest() -> None:
    recorded = {row.name: (row.dated, row.digest) for row in ReferenceData.objects.all()}

    assert recorded == {
        data_set.name: (data_set.dated, data_set.digest) for data_set in reference_data_loading.shipped_data_sets()
    }
    assert {"list: free_email", "list: competitors", "job_titles"} <= recorded.keys()


def test_migrating_again_writes_nothing() -> None:
    with CaptureQueriesContext(connection) as captured:
        call_command("migrate", verbosity=0)

    writes = [query["sql"] for query in captured if query["sql"].startswith(("INSERT", "UPDATE", "DELETE"))]
    assert [sql for sql in writes if "leads_" in sql] == []


def test_corrections_of_the_customer_outlive_a_newer_data_set(
    free_email: NamedList, monkeypatch: pytest.MonkeyPatch
) -> None:
    entries = ListEntry.objects.filter(list=free_email)
    named_lists.take_out(entries.filter(value__in=["gmx.net", "aim.com"]))
    ListEntry.objects.create(list=free_email, value="Mail.Ours.example")
    ship_a_newer_set(monkeypatch, {"gmx.net", "aim.com", "new.example", "mail.ours.example"})

    changed = reference_data_loading.load_data_sets(now=NOW)

    assert changed == ["list: free_email"]
    in_force = named_lists.read_entries(["free_email"])["free_email"]
    assert {"new.example", "mail.ours.example", "tuta.com"} <= in_force
    assert in_force.isdisjoint({"gmx.net", "aim.com", "0815.su"})
    assert entries.get(value="Mail.Ours.example").status == EntryStatus.OWN
    assert not entries.filter(value="0815.su").exists()
    assert ReferenceData.objects.get(name="list: free_email").loaded_at == NOW


def test_an_own_entry_stays_when_the_data_set_drops_it(free_email: NamedList, monkeypatch: pytest.MonkeyPatch) -> None:
    ListEntry.objects.create(list=free_email, value="ours.example")
    ship_a_newer_set(monkeypatch, {"ours.example"})
    reference_data_loading.load_data_sets(now=NOW)
    ship_a_newer_set(monkeypatch, set())
    reference_data_loading.load_data_sets(now=NOW)

    assert "ours.example" in named_lists.read_entries(["free_email"])["free_email"]


def test_an_entry_that_was_taken_out_counts_nowhere_until_it_is_put_back(free_email: NamedList) -> None:
    entry = ListEntry.objects.filter(list=free_email, value="gmail.com")
    named_lists.take_out(entry)

    assert "gmail.com" not in named_lists.read_entries(["free_email"])["free_email"]
    assert named_lists.find_listed_domains(["gmail.com"], names=["free_email"]) == frozenset()

    assert named_lists.put_back(entry) == 1
    assert "gmail.com" in named_lists.read_entries(["free_email"])["free_email"]


@pytest.mark.parametrize("signal", [{}, {"apps": None, "plan": []}])
def test_a_flush_loads_nothing(signal: dict[str, Any]) -> None:
    ReferenceData.objects.all().delete()

    reference_data_loading.load_after_migrate(**signal)

    assert not ReferenceData.objects.exists()


def test_an_installation_of_the_first_release_keeps_what_it_deleted(free_email: NamedList) -> None:
    ListEntry.objects.filter(list=free_email, value="gmail.com").delete()
    ListEntry.objects.create(list=free_email, value="ours.example")
    ListEntry.objects.update(status=EntryStatus.OWN)

    importlib.import_module("leads.migrations.0004_reference_data").tell_shipped_from_own(apps, None)

    of_list = ListEntry.objects.filter(list=free_email)
    statuses = dict(of_list.filter(value__in=["gmail.com", "web.de", "ours.example"]).values_list("value", "status"))
    assert statuses == {"gmail.com": "removed", "web.de": "shipped", "ours.example": "own"}


def test_every_shipped_data_set_is_dated() -> None:
    names = {data_set.name for data_set in reference_data_loading.shipped_data_sets()}

    assert {"country_names", "country_names_by_hand", "job_titles"} <= names
