"""The files of tests/data/cases that concern headers, encodings and refused rows, through the commands."""

from __future__ import annotations

import contextlib
import csv
import shutil
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from leads.models import Lead, Outcome
from tests.leads.files.workbooks import write_workbook

pytestmark = pytest.mark.django_db

DATA = Path(__file__).parents[2] / "data"
CASES, EXPORTS = DATA / "cases", DATA / "exports"


def import_case(folder: Path, name: str, kind: str = "leads", **options: Any) -> Path:
    """Import a copy of a case's file. Return the path of the copy."""
    path = Path(shutil.copy(CASES / name, folder))
    run(kind, path, **options)
    return path


def run(kind: str, path: Path, **options: Any) -> None:
    # A command ends with an error when no row was accepted; the tests look at the refused ones.
    with contextlib.suppress(SystemExit):
        call_command(f"import_{kind}", str(path), **options)


def refused(path: Path) -> list[dict[str, str]]:
    with path.with_name(f"{path.name}.rejected.csv").open(
        newline="", encoding="utf-8", errors="surrogateescape"
    ) as file:
        return list(csv.DictReader(file))


def values(*names: str) -> list[Any]:
    return list(Lead.objects.order_by("pk").values_list(*names, flat=len(names) == 1))


def test_headers_of_other_senders(tmp_path: Path, capsys: Any) -> None:
    case = "headers-of-other-senders"
    for name in ("1_google_ads", "2_outlook", "3_meta", "4_meta_test_row", "5_pipedrive"):
        path = import_case(tmp_path, f"{case}/{name}.csv")
        if name == "4_meta_test_row":
            assert [row["accord_reason"] for row in refused(path)] == [
                "comes from the sender's testing tool, not from a person."
            ]

    assert values("email", "external_id", "first_name", "last_name", "phone", "title", "do_not_contact") == [
        ("gad@f65.example", None, "Gad", "Example", "+4915100000065", "", False),
        ("ola@f66.example", None, "Ola", "Look", "+49 6", "Purchasing Manager", False),
        ("jana@f07c.example", None, "Jana", "Beispiel", "+4915100000002", "Head of Operations", False),
        ("pia@f64.example", "55", "Pia", "Pipe", "+49 5", "Head of Operations", True),
    ]
    assert Lead.objects.get(email="jana@f07c.example").known_at.isoformat() == "2026-11-02T08:15:00+00:00"
    summary = capsys.readouterr().out
    assert "The headers look like Google's lead forms." in summary
    assert "Columns left out: Lead ID, GCLID, Campaign Name, Ad Group Name, Lead Form Name." in summary
    assert "Columns left out: Middle Name, Company, E-mail Display Name." in summary


def test_invisible_characters_in_addresses(tmp_path: Path) -> None:
    path = import_case(tmp_path, "invisible-characters-in-addresses/leads.csv")

    assert set(values("email")) == {"nbsp@f13a.example", "zwsp@f13b.example", "bom@f13c.example"}
    (row,) = refused(path)
    assert row["accord_reason"] == "contains the invisible character U+00AD (soft hyphen); nobody can see it."


def test_lines_before_the_header(tmp_path: Path) -> None:
    for name in ("1_sep", "2_linkedin"):
        import_case(tmp_path, f"lines-before-the-header/{name}.csv")

    assert values("email", "first_name", "title") == [
        ("sep@f10a.example", "Sepa", "Planner"),
        ("lina@f32a.example", "Lina", "Head of Planning"),
    ]


def mend(path: Path, old: str, new: str) -> Path:
    mended = path.with_name(f"{path.name}.rejected.csv")
    mended.write_text(mended.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
    return mended


def test_refused_rows_come_back(tmp_path: Path) -> None:
    outcomes = import_case(tmp_path, "refused-rows-come-back/1_outcomes.csv", "outcomes")
    leads = import_case(tmp_path, "refused-rows-come-back/2_leads.csv")

    run("outcomes", mend(outcomes, ",2026-10-03,", ",2026-10-03T00:00:00Z,"))
    run("leads", mend(leads, "broken-address", "brok@f09d.example"))

    assert list(Outcome.objects.order_by("pk").values_list("kind", "reason")) == [("won", ""), ("lost", "Price")]
    assert Lead.objects.get(email="brok@f09d.example").phone == "+49 30 7654321"


def test_refused_rows_of_a_file_with_a_map_come_back_with_the_map(tmp_path: Path) -> None:
    path = tmp_path / "leads.csv"
    path.write_bytes("Liste\nAdresse;Name\nbroken;'t Hooft\n".encode("windows-1252"))
    a_map = tmp_path / "map.json"
    a_map.write_text(
        '{"columns": {"email": "Adresse", "last_name": "Name"}, "encoding": "latin-1", "delimiter": ";", "header_line": 2}'
    )

    run("leads", path, map=a_map)
    run("leads", mend(path, "broken", "gerard@acme.example"), map=a_map)

    assert values("email", "last_name") == [("gerard@acme.example", "'t Hooft")]


def test_rows_without_their_empty_end(tmp_path: Path) -> None:
    for name in ("1_leads", "2_leads"):
        import_case(tmp_path, f"rows-without-their-empty-end/{name}.csv")

    assert set(values("email", "title", "country")) == {
        ("full@f11a.example", "Planner", "DE"),
        ("short@f11b.example", "", ""),
        ("shorter@f11c.example", "", ""),
        ("trail@f12a.example", "Planner", ""),
        ("notrail@f12b.example", "Planner", ""),
    }


def test_windows_1252(tmp_path: Path) -> None:
    path = import_case(tmp_path, "windows-1252/leads.csv")
    (row,) = refused(path)
    assert "is not UTF-8" in row["accord_reason"]
    assert "`encoding` in the mapping" in row["accord_reason"]

    run("leads", path, map=CASES / "windows-1252/map.json")

    assert values("last_name", "title") == [("O’Brien", "“Head” of Planning – EMEA")]


def test_salesforce_exports_need_no_map(tmp_path: Path) -> None:
    for name in ("salesforce_lead_labels", "salesforce_lead_api_names"):
        path = Path(shutil.copy(EXPORTS / f"{name}.csv", tmp_path))
        run("leads", path)
        assert not path.with_name(f"{path.name}.rejected.csv").exists()

    assert values("email", "phone", "source", "title", "do_not_contact") == [
        ("ada@acme.example", "+49 30 1234567", "Web", "VP Operations", False),
        ("grace@navy.example", "+44 20 7946 0000", "Trade Show", "Head of Planning", True),
        ("alan@enigma.example", "+44 20 7946 0001", "Web", "CTO", False),
        ("emmy@ring.example", "", "Partner", "Professor", True),
    ]


def test_an_export_with_digests_for_addresses_is_taken_by_its_ids(tmp_path: Path, capsys: Any) -> None:
    path = tmp_path / "contacts.csv"
    rows = "".join(f"{n},fcb67ef339b691956cc85fa12be6490{n},2021-04-01 17:32:47\n" for n in (1, 2, 3))
    path.write_text(f"id,property_email,property_createdate\n{rows}")

    run("leads", path)

    assert set(values("external_id", "email")) == {("1", None), ("2", None), ("3", None)}
    summary = capsys.readouterr().out
    assert "property_email is left out: its header means e-mail addresses, and its cells hold none." in summary
    assert "created_at without a zone is read as UTC" in summary


def test_a_workbook_is_imported_as_a_csv_file_is(tmp_path: Path) -> None:
    rows = [["Email", "Record ID", "Create Date"], ["a@b.example", 7.0, '<c s="1"><v>45321</v></c>'], ["broken", 8.0]]
    path = write_workbook(tmp_path / "leads.xlsx", rows)

    run("leads", path)
    run("leads", mend(path, "broken", "c@d.example"))

    assert values("email", "external_id") == [("a@b.example", "7"), ("c@d.example", "8")]
    assert Lead.objects.get(external_id="7").known_at.isoformat() == "2024-01-30T00:00:00+00:00"


def test_the_refused_rows_do_not_replace_the_file(tmp_path: Path) -> None:
    path = tmp_path / "leads.csv"
    path.write_text("email\nbroken\n")

    with pytest.raises(CommandError, match="name another with --rejected"):
        call_command("import_leads", str(path), rejected=path)
