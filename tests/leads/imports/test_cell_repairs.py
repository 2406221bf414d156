from __future__ import annotations

from typing import Any

import pytest

from leads.exceptions import Refused
from leads.imports.column_map import ColumnMap
from leads.imports.import_kinds import KINDS
from leads.imports.import_mapping import build_plan
from leads.normalization import validation
from leads.vocabulary import NoteKind


def build(target: str, cell: str, **settings: Any) -> Any:
    """Return the value that a cell of a leads file becomes, or the reason of its refusal."""
    column_map = ColumnMap(columns={"email": "email", target: "x"}, **settings)
    plan = build_plan(KINDS["leads"], column_map, ["email", "x"])
    try:
        item, _ = plan.build_item(["a@b.example", cell])
    except Refused as refusal:
        return refusal.rule
    del item["email"]
    return item.get(target, item)


@pytest.mark.parametrize(
    ("target", "cell", "value"),
    [
        ("external_id", '="00123"', "00123"),
        ("external_id", '="a""b"', 'a"b'),
        ("title", "=1+1", "=1+1"),
        ("title", "#N/A", {}),
        ("title", "#WERT!", {}),
        ("title", "#1 of sales", "#1 of sales"),
        ("title", "\ufeff CTO\u200b", "CTO"),
        ("title", "'quoted", "'quoted"),
        ("phone", "p:+4915100000002", "+4915100000002"),
        ("phone", "4.9151E+11", {}),
        ("phone", "491510000065", "491510000065"),
        ("custom.code", "1,23457E+15", {}),
        ("title", "4.9E+11", "4.9E+11"),
        ("full_name", "Jana Beispiel", {"first_name": "Jana", "last_name": "Beispiel"}),
        ("full_name", "Ana Maria de Souza", {"first_name": "Ana Maria de", "last_name": "Souza"}),
        ("full_name", "Beispiel, Jana", {"first_name": "Jana", "last_name": "Beispiel"}),
        ("full_name", "Madonna", {"first_name": "Madonna"}),
        ("do_not_contact", "Unsubscribed", True),
        ("do_not_contact", "Do Not Allow", True),
        ("do_not_contact", "2026-02-03 04:05:06", True),
        ("do_not_contact", "Subscribed", False),
        ("do_not_contact", "allow", False),
        ("do_not_contact", "0", False),
        ("do_not_contact", "No consent", {}),
    ],
)
def test_what_a_spreadsheet_or_sender_did_to_a_cell_is_undone(target: str, cell: str, value: Any) -> None:
    assert build(target, cell) == value


@pytest.mark.parametrize(
    ("target", "cell", "reason"),
    [
        ("external_id", "1.23457E+15", "a spreadsheet rounded"),
        ("company_external_id", "1,23457e+15", "a spreadsheet rounded"),
        ("created_at", "45321", '`date_format: "excel"`'),
        ("created_at", "45321.5", "a spreadsheet's number of a day"),
        ("do_not_contact", "Perhaps", "which may be a wish not to be contacted or not"),
        ("title", "<test lead: dummy data for job_title>", "testing tool"),
        ("title", "TeSter-123-ABC", "testing tool"),
        ("title", "test@meta.com", "testing tool"),
    ],
)
def test_what_cannot_be_undone_is_refused_with_the_way_out(target: str, cell: str, reason: str) -> None:
    assert reason in build(target, cell, zone="UTC")


@pytest.mark.parametrize(
    ("cell", "instant"), [("45321", "2024-01-30T00:00:00+01:00"), ("2024-01-30 09:30:00", "2024-01-30T09:30:00+01:00")]
)
def test_a_map_reads_the_numbers_of_days_and_dates_beside_them(cell: str, instant: str) -> None:
    assert build("created_at", cell, zone="Europe/Berlin", date_format="excel").isoformat() == instant


def test_values_that_are_left_out_are_noted() -> None:
    plan = build_plan(KINDS["leads"], ColumnMap(), ["email", "phone"])

    _, (note,) = plan.build_item(["a@b.example", "4.9E+11"])
    _, notes = plan.build_item(["e@f.example", "+49 30"])

    assert (note.kind, note.field, notes) == (NoteKind.NOT_UNDERSTOOD, "phone", ())


@pytest.mark.parametrize(
    ("cell", "wish"),
    [
        ("opted_out", True), ("Opted Out", True), ("OPT-OUT", True), ("1.0", True), ("DNC", True), ("31.12.2025", True),
        ("opted_in", False), ("0.0", False), ("-", None), ("--None--", None), ("HARD_BOUNCE", None),
    ],
)  # fmt: skip
def test_a_wish_is_read_as_programs_write_it(cell: str, wish: bool | None) -> None:
    plan = build_plan(KINDS["leads"], ColumnMap(), ["Email", "Email Opt Out"])

    assert plan.build_item(["a@b.example", cell])[0].get("do_not_contact") is wish


@pytest.mark.parametrize(
    "header", ["Do Not Call", "Newsletter abbestellt", "Ne pas contacter", "No contactar", "Uitgeschreven"]
)
def test_a_wish_is_read_under_headers_of_the_markets(header: str) -> None:
    plan = build_plan(KINDS["leads"], ColumnMap(), ["Email", header])

    assert plan.build_item(["a@b.example", "1"])[0]["do_not_contact"] is True


def test_a_wish_counts_in_whichever_column_it_stands() -> None:
    header = ["Email", "Email Opt Out", "Unsubscribed"]
    plan = build_plan(KINDS["leads"], ColumnMap(), header)

    assert [
        plan.build_item(["a@b.example", *cells])[0].get("do_not_contact") for cells in ("01", "10", "00", ("", ""))
    ] == [
        True,
        True,
        False,
        None,
    ]


def test_a_second_address_is_used_where_the_first_is_empty() -> None:
    plan = build_plan(KINDS["leads"], ColumnMap(), ["E-mail Address", "E-mail 2 Address"])

    assert plan.build_item(["", "b@b.example"])[0] == {"email": "b@b.example"}
    assert plan.build_item(["a@b.example", "b@b.example"])[0] == {"email": "a@b.example"}


@pytest.mark.parametrize(
    ("value", "clean"),
    [
        ("O\u0092Brien", "O’Brien"),
        ("Zo\u200be\ufeff", "Zoe"),
        ("co\u00adop", "coop"),
        ("\u0645\u06cc\u200c\u062e\u0648", "\u0645\u06cc\u200c\u062e\u0648"),
        ("a\u200db", "ab"),
        ("क्\u200d", "क्\u200d"),
        ("👩\u200d💻", "👩\u200d💻"),
        ("two\nlines", "two\nlines"),
        ("bell\u0007", "bell"),
    ],
)
def test_invisible_characters_are_cut_out_of_texts_where_no_letter_needs_them(value: str, clean: str) -> None:
    assert validation.text("title", value, limit=50) == clean


@pytest.mark.parametrize("read", [validation.email, validation.domain, validation.identity])
@pytest.mark.parametrize("character", ["\u00ad", "\u200b", "\ufeff", "\u00a0", "\u3164", "\u0007", "\u202e", "\u200d"])
def test_an_invisible_character_inside_a_key_is_refused_by_name(read: Any, character: str) -> None:
    with pytest.raises(Refused, match=f"U\\+{ord(character):04X}"):
        read("field", f"a{character}b@acme.example")
    assert read("field", f"{character}acme.example" if read is not validation.email else f"a@acme.example{character}")
