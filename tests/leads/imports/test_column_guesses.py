from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from leads.files.table_rows import Unreadable
from leads.imports.column_guesses import guess_columns, guess_sender
from leads.imports.column_map import ColumnMap
from leads.imports.import_kinds import KINDS
from leads.imports.import_mapping import build_header_test, build_plan
from leads.normalization import attributes

LEADS = KINDS["leads"]


def guess(header: str, kind: str = "leads", rows: list[list[str]] | None = None) -> dict[str, str]:
    names = header.split(",")
    return {entry.header: entry.target for entry in guess_columns(names, rows or [], KINDS[kind]) if entry.target}


#: Headers as senders write them, and the target of each column; columns that mean nothing here are not listed.
EXPORTS = json.loads((Path(__file__).parents[2] / "data" / "sender_headers.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("export", EXPORTS, ids=lambda export: export["sender"])
def test_the_headers_of_common_senders_are_known(export: dict[str, Any]) -> None:
    assert guess(export["header"], export["kind"]) == export["targets"]
    sender = guess_sender(export["header"].split(","), export["kind"])
    assert sender is not None
    assert sender.name == export["sender"]


def test_our_own_names_come_from_no_sender() -> None:
    header = ["email", "external_id", *attributes.LEAD, "company_domain", "created_at", "valid_from"]

    assert guess_sender(header, "leads") is None
    assert guess(",".join(header)) == {name: name for name in header}


def test_the_better_address_comes_first_whatever_the_order_of_the_columns() -> None:
    header = ["Person - ID", "Person - Email - Home", "Person - Email - Work"]

    assert build_plan(LEADS, ColumnMap(), header).columns == [("email", 2), ("email", 1), ("external_id", 0)]


def test_a_plan_names_what_it_leaves_out() -> None:
    plan = build_plan(LEADS, ColumnMap(), ["Email", "Shoe size", ""])

    assert plan.left_out == ["Shoe size", "column 3"]


def test_of_two_columns_with_one_header_the_first_counts() -> None:
    plan = build_plan(LEADS, ColumnMap(), ["Email", "Country", "Country"])

    assert plan.columns == [("country", 1), ("email", 0)]
    assert plan.left_out == ["Country"]


def test_leads_are_not_known_by_an_id_alone_where_addresses_stand_beside_it() -> None:
    rows = [["7", "ada@acme.example"]]

    with pytest.raises(Unreadable, match="the column 'Kontakt' holds e-mail addresses"):
        build_plan(LEADS, ColumnMap(), ["Record ID", "Kontakt"], rows)
    with pytest.raises(Unreadable, match="'Kontakt' holds"):
        build_plan(LEADS, ColumnMap(), ["Record ID", "Kontakt", "Phone"], rows)
    assert build_plan(LEADS, ColumnMap(columns={"external_id": "Record ID"}), ["Record ID", "Kontakt"], rows).columns
    assert build_plan(LEADS, ColumnMap(), ["Record ID", "Kontakt"], [["7", "Ada"]]).columns


def test_an_address_column_of_digests_is_left_out() -> None:
    digests = [[str(n), "fcb67ef339b691956cc85fa12be6490c"] for n in range(3)]

    assert guess("id,email", rows=digests) == {"id": "external_id"}
    assert guess("id,email", rows=[*digests, ["4", "a@b.example"]]) == {"id": "external_id", "email": "email"}


@pytest.mark.parametrize(
    ("cells", "is_header"),
    [
        (["First Name", "Email Address"], True),
        (["Email"], True),
        (["Notes:"], False),
        (["Email", "me", "today"], False),
        (["ada@acme.example", "Ada"], False),
    ],
)
def test_a_header_names_who_the_rows_are_about(cells: list[str], is_header: bool) -> None:
    assert build_header_test(LEADS, ColumnMap())(cells) is is_header


def test_with_a_map_the_header_has_its_columns() -> None:
    is_header = build_header_test(LEADS, ColumnMap(columns={"email": "Adresse", "title": ["Beruf", "Rolle"]}))

    assert is_header(["Rolle", "Adresse ", "Beruf"])
    assert not is_header(["Adresse"])


@pytest.mark.parametrize(
    "header",
    [
        "E-Mail-Adresse,Vorname,Nachname,Position,Telefon geschäftlich,Land/Region geschäftlich",
        "Adresse de messagerie,Prénom,Nom,Titre,Téléphone (bureau),Pays/Région (bureau)",
        "Correo electrónico,Nombre,Apellidos,Cargo,Teléfono,País",
        "Indirizzo e-mail,Nome,Cognome,Qualifica,Telefono,Paese",
        "E-mail,Nome,Sobrenome,Cargo,Telefone,País",
        "E-mailadres,Voornaam,Achternaam,Functie,Telefoon,Land",
        "Adres e-mail,Imię,Nazwisko,Stanowisko,Numer telefonu,Kraj",
        "E-postadress,Förnamn,Efternamn,Befattning,Telefon,Land",
    ],
)
def test_the_languages_of_the_markets_are_known(header: str) -> None:
    assert list(guess(header).values()) == ["email", "first_name", "last_name", "title", "phone", "country"]


@pytest.mark.parametrize(
    ("header", "targets"),
    [
        ("E-Mail,Vorname,Name", ["email", "first_name", "last_name"]),
        ("E-mail,Nome", ["email", "full_name"]),
        ("Email,First Name,Name", ["email", "first_name"]),
    ],
)
def test_a_name_means_what_stands_beside_it(header: str, targets: list[str]) -> None:
    assert list(guess(header).values()) == targets
