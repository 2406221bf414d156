from __future__ import annotations

import csv
import datetime as dt
import json
import random
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from leads.files import csv_reader
from leads.imports import file_imports
from leads.intake import events
from leads.models import Company, Event, ImportRun, Lead, Outcome
from leads.vocabulary import BEGINNING
from tests.leads.facts import values_at

pytestmark = pytest.mark.django_db

DATA = Path(__file__).parents[2] / "data"
MAPS = DATA / "maps"
EVENTS = "email,signal,occurred_at,id\n"


def save(path: Path, text: str | bytes) -> Path:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def refused(path: Path) -> list[list[str]]:
    with path.with_name(f"{path.name}.rejected.csv").open(
        newline="", encoding="utf-8", errors="surrogateescape"
    ) as file:
        return list(csv.reader(file))[1:]


def line(number: int, signal: str = "blog_read") -> str:
    return f"p{number}@acme.example,{signal},2026-01-05T10:00:00Z,{number}\n"


def test_a_bad_row_alone_is_rejected_with_its_line_and_reason(tmp_path: Path, capsys: Any) -> None:
    path = save(tmp_path / "events.csv", EVENTS + line(1) + line(2, "dance") + "x,,,,y\n" + "\n" + line(3))

    call_command("import_events", str(path))

    assert Event.objects.count() == 2
    assert refused(path) == [
        ["3", "signal", "'dance' is not a signal; see the list of signals.", *line(2, "dance").strip().split(",")],
        ["4", "row", "has 5 cells, the header has 4.", "x", "", "", "", "y"],
    ]
    assert "2 new, 0 changed, 0 as before, 2 refused" in capsys.readouterr().out


def test_a_file_is_imported_again_only_on_request(tmp_path: Path, capsys: Any) -> None:
    path = save(tmp_path / "events.csv", EVENTS + line(1))

    for again in ([], [], ["--again"]):
        call_command("import_events", str(path), *again)

    assert Event.objects.count() == 1
    assert [text.split(":")[1].split(",")[0] for text in capsys.readouterr().out.splitlines()] == [
        " 1 new",
        " 1 new",
        " 0 new",
    ]


def test_an_import_resumes_after_a_crash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_imports, "BATCH", 10)
    path = save(
        tmp_path / "events.csv", EVENTS + "".join(line(n, "dance" if n % 10 == 5 else "blog_read") for n in range(45))
    )
    batch_sizes: list[int] = []

    def fail_in_the_third(items: Any, source: str, now: Any) -> Any:
        batch_sizes.append(len(items))
        if len(batch_sizes) == 3:
            events.record(items=items, source=source, now=now)
            raise KeyboardInterrupt
        return normal(items, source, now)

    normal = file_imports.STORE_BY_KIND["events"]
    monkeypatch.setitem(file_imports.STORE_BY_KIND, "events", fail_in_the_third)
    with pytest.raises(KeyboardInterrupt):
        call_command("import_events", str(path))
    assert (Event.objects.count(), ImportRun.objects.get().lines_done) == (18, 21)

    call_command("import_events", str(path))

    assert batch_sizes == [10, 10, 10, 10, 10, 5]
    assert Event.objects.count() == 41
    run = ImportRun.objects.get()
    assert (run.created, run.rejected, run.unchanged) == (41, 4, 0)
    assert [row[0] for row in refused(path)] == ["7", "17", "27", "37"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("email\n".encode("utf-16-le"), "NUL bytes. If it is UTF-16"),
        (b"PK\x03\x04rest", "not a workbook that can be read"),
        (b"\xd0\xcf\x11\xe0rest", "old Excel workbook"),
        (b"<!DOCTYPE html><html>", "web page"),
        (b"\x00\x01\x02\x03", "NUL"),
        (b"", "empty"),
        (b"name,color\nx,y\n", "says who it is about: company_domain, company_external_id, email, lead"),
        (b"email,signal,Signal\nx,y,z\n", "both mean signal"),
        (b'"email,signal,id"\n"a@b.example,x,1"\n', "quoted as a whole"),
        (b"email," + b",".join(b"c%d" % n for n in range(400)), "401 columns"),
    ],
)
def test_a_file_that_is_no_table_is_refused_with_a_reason(tmp_path: Path, content: bytes, message: str) -> None:
    with pytest.raises(CommandError, match=message):
        call_command("import_events", str(save(tmp_path / "file.csv", content)))

    assert not ImportRun.objects.exists()


def test_a_row_with_a_byte_that_is_no_utf_8_is_rejected(tmp_path: Path) -> None:
    path = save(
        tmp_path / "leads.csv",
        b"\xef\xbb\xbfemail,title\na@b.example,Gesch\xe4ft\nc@d.example,Gesch\xc3\xa4ft\nd@e.example,a\x00b\n",
    )

    call_command("import_leads", str(path))

    assert [lead.title for lead in Lead.objects.all()] == ["Geschäft"]
    assert [row[:2] for row in refused(path)] == [["2", "row"], ["4", "title"]]


def test_the_map_can_name_another_encoding(tmp_path: Path) -> None:
    path = save(tmp_path / "leads.csv", "E-Mail;Beruf\na@b.example;Geschäft\n".encode("latin-1"))
    a_map = save(
        tmp_path / "map.json",
        json.dumps({"columns": {"email": "E-Mail", "lead.title": "Beruf"}, "encoding": "latin-1"}),
    )

    call_command("import_leads", str(path), map=a_map)

    assert Lead.objects.get().title == "Geschäft"


def test_a_row_with_an_unclosed_quote_is_rejected_with_the_reason(tmp_path: Path) -> None:
    rows = [line(n) for n in range(1500)]
    rows[3] = f'"{rows[3]}'
    rows[1490] = f'"{rows[1490]}'
    path = save(tmp_path / "events.csv", EVENTS + "".join(rows))

    call_command("import_events", str(path))

    assert Event.objects.count() == 1498
    assert [row[:3] for row in refused(path)] == [
        ["5", "row", "opens a quote that does not close."],
        ["1492", "row", "opens a quote that does not close."],
    ]


def test_cells_may_hold_line_breaks_quotes_and_delimiters(tmp_path: Path) -> None:
    path = save(
        tmp_path / "leads.csv", 'email,use_case\na@b.example,"one,\n""two"""\nb@b.example,"x"y"\nc@b.example,z\n'
    )

    call_command("import_leads", str(path))

    assert dict(Lead.objects.values_list("email", "use_case")) == {"a@b.example": 'one,\n"two"', "c@b.example": "z"}
    assert [row[:3] for row in refused(path)] == [["4", "row", "has a broken quote."]]


def test_a_row_with_a_cell_beyond_the_limit_is_rejected(tmp_path: Path) -> None:
    path = save(tmp_path / "leads.csv", f"email,title\na@b.example,{'x' * 1_100_000}\nc@d.example,y\n")

    call_command("import_leads", str(path))

    assert Lead.objects.get().email == "c@d.example"
    assert "1,000,000" in refused(path)[0][2]


def test_a_formula_is_written_to_the_rejected_file_as_text(tmp_path: Path) -> None:
    path = save(tmp_path / "leads.csv", "email,title\nnobody,=HYPERLINK(1)\n")

    with pytest.raises(SystemExit):
        call_command("import_leads", str(path))

    assert refused(path)[0][3:] == ["nobody", "'=HYPERLINK(1)"]


@pytest.mark.parametrize(
    ("cell", "more", "expected"),
    [
        ("2026-01-05", {"zone": "America/Sao_Paulo"}, "2026-01-05T03:00:00+00:00"),
        ("2017-10-15", {"zone": "America/Sao_Paulo"}, "2017-10-15T03:00:00+00:00"),
        ("2026-01-05 09:14", {"zone": "Europe/Berlin"}, "2026-01-05T08:14:00+00:00"),
        ("2026-01-05T09:14:00+02:00", {}, "2026-01-05T07:14:00+00:00"),
        ("1/5/2026 2:30 PM", {"zone": "UTC", "date_format": "%m/%d/%Y %I:%M %p"}, "2026-01-05T14:30:00+00:00"),
        ("1767600000000", {"date_format": "epoch_ms"}, "2026-01-05T08:00:00+00:00"),
        ("2026-01-05 09:14", {}, "carries no zone"),
        ("1/5/2026", {"zone": "UTC"}, "is 1 May 2026 or 5 January 2026"),
        ("2025-03-30 02:30", {"zone": "Europe/Berlin"}, "does not exist in Europe/Berlin"),
        ("soon", {"zone": "UTC"}, "is not a date"),
        ("9999-12-31", {"zone": "America/Sao_Paulo"}, "in the future"),
    ],
)
def test_dates_are_read_without_guessing(tmp_path: Path, cell: str, more: dict[str, str], expected: str) -> None:
    path = save(tmp_path / "events.csv", f"who,when\na@b.example,{cell}\n")
    document = {"columns": {"email": "who", "occurred_at": "when"}, "constants": {"signal": "blog_read"}} | more

    try:
        call_command("import_events", str(path), map=save(tmp_path / "map.json", json.dumps(document)))
        result = Event.objects.get().occurred_at.isoformat()
    except SystemExit:
        result = refused(path)[0][2]

    assert expected in result


def test_values_are_translated_scaled_typed_and_left_out_by_the_map(tmp_path: Path) -> None:
    path = save(
        tmp_path / "companies.csv", "web,size,rev,tier,tech\nacme.example,51-200,2.5,A,Go|Rust\nb.example,unknown,,B,\n"
    )
    a_map = {
        "columns": {"domain": "web", "employees": "size", "annual_revenue": "rev", "custom.tier": "tier", "technologies": "tech"},
        "values": {"custom.tier": {"A": 1, "B": None}},
        "scale": {"annual_revenue": 1000000},
        "null_values": ["Unknown"],
        "constants": {"country": "DE"},
    }  # fmt: skip

    call_command("import_companies", str(path), map=save(tmp_path / "map.json", json.dumps(a_map)))

    acme, other = Company.objects.order_by("pk")
    assert (acme.employees_low, acme.annual_revenue, acme.custom, acme.technologies) == (
        51,
        2_500_000,
        {"tier": 1},
        ["Go", "Rust"],
    )
    assert values_at(other, BEGINNING) == {"country": "DE"}


def test_numbers_dates_and_amounts_are_read_in_the_locale_and_currency_of_the_map(tmp_path: Path) -> None:
    path = save(
        tmp_path / "companies.csv",
        "web;mitarbeiter;umsatz;seit;sitze\na.example;1.001 – 5.000;1,5 Mio. €;31.1.2026;1.250\n"
        "b.example;10.000;2.500.000;5.1.2026;12,5\nc.example;7;;5. März 2025;\n",
    )
    a_map = {
        "columns": {"domain": "web", "employees": "mitarbeiter", "annual_revenue": "umsatz", "created_at": "seit", "custom.seats": "sitze"},
        "types": {"custom.seats": "number"},
        "locale": "de",
        "currency": "CHF",
        "zone": "Europe/Berlin",
    }  # fmt: skip

    call_command("import_companies", str(path), map=save(tmp_path / "map.json", json.dumps(a_map)))

    columns = (
        "employees_low",
        "employees_high",
        "annual_revenue",
        "annual_revenue_currency",
        "custom",
        "known_at__date",
    )
    assert list(Company.objects.order_by("pk").values_list(*columns)) == [
        (1001, 5000, 1_500_000, "EUR", {"seats": 1250}, dt.date(2026, 1, 30)),
        (10_000, 10_000, 2_500_000, "CHF", {"seats": 12.5}, dt.date(2026, 1, 4)),
        (7, 7, None, "", {}, dt.date(2025, 3, 4)),
    ]


def test_without_a_locale_a_row_with_two_readings_is_refused_with_both(tmp_path: Path) -> None:
    path = save(
        tmp_path / "outcomes.csv",
        "lead,kind,at,id,amount,currency\n1,won,2026-01-05T10:00Z,1,1.234,EUR\n2,won,5/1/2026,2,5,EUR\n"
        '3,won,2026-01-05T10:00Z,3,$5k,\n4,won,2026-01-05T10:00Z,4,5 EUR,USD\n5,won,2026-01-05T10:00Z,5,"1,200.50 USD",\n',
    )

    call_command("import_outcomes", str(path), map=save(tmp_path / "map.json", json.dumps({"zone": "UTC"})))

    assert [(row[1], row[2].partition(":")[0]) for row in refused(path)] == [
        ("amount", "is 1234 or 1.234"),
        ("at", "is 5 January 2026 or 1 May 2026"),
        ("amount", "is in USD, CAD or another currency with “$”"),
        ("amount", "is in EUR, and its currency is stated as USD."),
    ]
    row = Outcome.objects.get()
    assert (float(row.amount or 0), row.currency) == (1200.5, "USD")


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({"locale": "xx"}, "not a locale as de"),
        ({"currency": "DOGE"}, "not the code of a currency"),
        ([], "must be a JSON object"),
        ({"column": {}}, "the key 'column'"),
        ({"columns": {"stage": "Stage"}}, "names 'stage'"),
        ({"columns": {"email": 5}}, "must give headers"),
        ({"columns": {"email": "Mail"}}, "'Mail' of the mapping is not in the file"),
        ({"zone": "Mars"}, "There is no such time zone"),
        ({"zone": "EST"}, "EST has no summer time; take America/New_York."),
        ({"types": {"custom.a": "date"}}, "must be text"),
    ],
)
def test_a_wrong_map_is_refused_with_the_wrong_key(tmp_path: Path, document: object, message: str) -> None:
    path = save(tmp_path / "leads.csv", "email,stage\na@b.example,won\n")

    with pytest.raises(CommandError, match=message):
        call_command("import_leads", str(path), map=save(tmp_path / "map.json", json.dumps(document)))


def test_exports_of_common_crms_need_no_map(tmp_path: Path) -> None:
    hubspot = "Record ID,First Name,Last Name,Email,Phone Number,Job Title,Country/Region,Website URL\n"
    salesforce = "Id,FirstName,LastName,Title,Email,LeadSource,State,HasOptedOutOfEmail\n"

    call_command(
        "import_leads",
        str(save(tmp_path / "hubspot.csv", hubspot + "7,Ada,L,ada@b.example,1,CTO,DE,https://b.example/x\n")),
    )
    call_command(
        "import_leads", str(save(tmp_path / "salesforce.csv", salesforce + "00Q1,Eve,M,CEO,eve@b.example,Web,CA,1\n"))
    )

    ada, eve = Lead.objects.order_by("pk")
    assert (ada.external_id, ada.first_name, ada.title, ada.country, ada.company and ada.company.domain) == (
        "7",
        "Ada",
        "CTO",
        "DE",
        "b.example",
    )
    assert (eve.external_id, eve.source, eve.region, eve.do_not_contact) == ("00Q1", "Web", "CA", True)


def test_a_long_file_is_read_in_little_memory(tmp_path: Path) -> None:
    path = save(tmp_path / "events.csv", EVENTS + "".join(line(n) for n in range(20_000)))

    rows = csv_reader.read_rows(path)

    assert sum(1 for _ in rows) == 20_001


COMPANY = DATA / "company_1k"


@pytest.mark.skipif(not COMPANY.exists(), reason="the synthetic company is not there")
@pytest.mark.parametrize(
    "order",
    [("companies", "leads", "events"), ("events", "leads", "companies"), ("leads", "events", "companies", "leads")],
)
def test_files_of_a_company_can_be_imported_in_any_order(order: tuple[str, ...], tmp_path: Path) -> None:
    for kind in order:
        header, *lines = (COMPANY / f"{kind}.csv").read_text().splitlines(keepends=True)
        random.Random(kind).shuffle(lines)
        path = save(tmp_path / f"{kind}.csv", header + "".join(lines))
        options = {"map": MAPS / "company_1k_companies.json"} if kind == "companies" else {}
        call_command(f"import_{kind}", str(path), again=True, **options)

    assert (Company.objects.count(), Lead.objects.count(), Event.objects.count()) == (450, 1000, 10_097)
    assert not ImportRun.objects.filter(rejected__gt=0).exists()
    one = Lead.objects.select_related("company").get(external_id="1")
    assert (one.email, one.title, one.company and one.company.external_id) == (
        "fatima.nguyen1@icloud.com",
        "Specialist Supply Chain",
        "353",
    )
    assert (one.known_at.isoformat(), one.has_history) == ("2024-01-01T05:10:37+00:00", False)
    assert float(Company.objects.get(external_id="1").annual_revenue or 0) == 6_080_000
    assert not Company.objects.filter(has_history=True).exists()
