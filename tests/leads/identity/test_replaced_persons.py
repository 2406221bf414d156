"""A person replaced by another under one address is noted, listed and shown (rules 13.40)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from config.accounts.vocabulary import Role
from leads.identity import replaced_persons
from leads.identity.replaced_persons import NameChange, PersonName
from leads.intake import lead_upserts
from leads.models import ImportRun, Lead
from leads.normalization.row_notes import RowNote
from tests.factories import UserFactory
from tests.leads.facts import DAY, NOW, values_at

ADDRESS = "office@nordwerk.example"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (("Anna", "Alt"), ("ANNA", "ALT")),
        (("José", "Núñez"), ("Jose", "Nunez")),
        (("Jürgen", "Müller"), ("Juergen", "Mueller")),
        (("Jürgen", "Müller"), ("Jurgen", "Muller")),
        (("Anna", "Alt"), ("Anna Maria", "Alt")),
        (("Anna", "Alt"), ("A.", "Alt")),
        (("Anna", "Alt"), ("Anna", "A.")),
        (("Alexander", "Berg"), ("Alex", "Berg")),
        (("Robert", "Miller"), ("Bob", "Miller")),
        (("Hans-Peter", "Berg"), ("Hans", "Berg")),
        (("Anna", "Alt"), ("Anna", "Alt-Neumann")),
        (("Vincent", "van der Berg"), ("Vincent", "Berg")),
        (("Stephen", "Hawkng"), ("Stephen", "Hawking")),
        (("Alt", "Anna"), ("Anna", "Alt")),
        (("Sean", "O'Neill"), ("Sean", "ONeill")),
        (("Anna", ""), ("Berta", "Berg")),
        (("Anna", "Alt"), ("Berta", "")),
        (("李", "伟"), ("李", "伟")),
    ],
)
def test_variants_of_a_name_are_one_person(before: tuple[str, str], after: tuple[str, str]) -> None:
    assert replaced_persons.compare_names(PersonName(*before), PersonName(*after)) == NameChange.VARIANT
    assert replaced_persons.compare_names(PersonName(*after), PersonName(*before)) == NameChange.VARIANT


@pytest.mark.parametrize(
    ("before", "after", "change"),
    [
        (("Anna", "Alt"), ("Anna", "Neumann"), NameChange.DOUBTFUL),
        (("Анна", "Альт"), ("Anna", "Alt"), NameChange.DOUBTFUL),
        (("Anna", "Alt"), ("Berta", "Berg"), NameChange.ANOTHER_PERSON),
        (("Anna", "Alt"), ("Berta", "Alt"), NameChange.ANOTHER_PERSON),
        (("Jan", "van der Berg"), ("Piet", "van der Meer"), NameChange.ANOTHER_PERSON),
        (("伟", "李"), ("芳", "王"), NameChange.ANOTHER_PERSON),
        (("Anna", "Alt"), ("Anne", "Neumann"), NameChange.ANOTHER_PERSON),
        (("Jan", "Alt"), ("Janet", "Berg"), NameChange.ANOTHER_PERSON),
        (("A.", "Alt"), ("Anna", "Berg"), NameChange.DOUBTFUL),
        (("Robert", "Alt"), ("Bob", "Berg"), NameChange.DOUBTFUL),
    ],
)
def test_other_names_are_doubtful_or_another_person(
    before: tuple[str, str], after: tuple[str, str], change: NameChange
) -> None:
    assert replaced_persons.compare_names(PersonName(*before), PersonName(*after)) == change


def test_hostile_names_compare_in_no_time() -> None:
    name = PersonName("-" * 100, "a " * 50)

    assert replaced_persons.compare_names(name, PersonName("b " * 50, "\u0301" * 100)) in set(NameChange)


def state_name(first: str, last: str, *, now: Any = NOW, **facts: Any) -> tuple[RowNote, ...]:
    item = {"email": ADDRESS, "first_name": first, "last_name": last} | facts
    statement = lead_upserts.read_lead(item, now=now)
    (result,) = lead_upserts.upsert_leads(items=[statement], source="crm", now=now)
    return result.notes


@pytest.mark.django_db
def test_another_person_is_noted_listed_and_loses_nothing() -> None:
    assert state_name("Anna", "Alt", title="CTO", do_not_contact=True) == ()

    (note,) = state_name("Berta", "Berg", now=NOW + DAY)

    lead = Lead.objects.get()
    assert (note.kind, note.field) == ("replaced_person", "first_name")
    assert "it belonged to Anna Alt and belongs to Berta Berg now" in note.text
    (change,) = replaced_persons.replaced_persons()
    assert (change.lead, change.at, change.source) == (lead, NOW + DAY, "crm")
    assert values_at(lead, NOW)["first_name"] == "Anna"
    # The address was told not to be written to, whoever reads it.
    assert lead.do_not_contact
    assert state_name("Berta", "Berg", now=NOW + 2 * DAY) == ()


@pytest.mark.django_db
def test_a_married_name_is_noted_and_no_other_person() -> None:
    state_name("Anna", "Alt")

    (note,) = state_name("Anna", "Neumann", now=NOW + DAY)

    assert note.field == "last_name"
    assert not replaced_persons.replaced_persons().exists()


@pytest.mark.django_db
def test_an_older_statement_changes_no_person() -> None:
    state_name("Anna", "Alt", valid_from=NOW)

    assert state_name("Berta", "Berg", valid_from=NOW - DAY, now=NOW + DAY) == ()
    assert not replaced_persons.replaced_persons().exists()


@pytest.mark.django_db
def test_an_import_counts_them_and_the_lead_page_shows_them(tmp_path: Path, capsys: Any) -> None:
    state_name("Anna <i>", "Alt")
    path = tmp_path / "leads.csv"
    path.write_text(f"email,first_name,last_name\n{ADDRESS},Berta,Berg\n")

    call_command("import_leads", str(path))

    assert ImportRun.objects.get().notes == {"replaced_person": {"first_name": 1}}
    assert "Another person under the same address: first_name 1." in capsys.readouterr().out
    client = Client()
    client.force_login(UserFactory(roles=[Role.VIEWER]))
    page = client.get(reverse("lead", args=[Lead.objects.get().pk])).content.decode()
    assert "this address belonged to <strong>Anna &lt;i&gt; Alt</strong>" in " ".join(page.split())
