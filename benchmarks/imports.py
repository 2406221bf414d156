"""The import of files of leads: a CSV file, an XLSX file, and a bare COPY of the same leads into the same tables."""

from __future__ import annotations

import csv
import json
import os
import time
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final
from xml.sax.saxutils import escape

import numpy as np
from django.db import connection
from django.utils import timezone

from benchmarks import agreement
from benchmarks.child import Measured, folder
from leads.imports import file_imports
from leads.imports.column_map import ColumnMap
from leads.imports.import_kinds import KINDS

HEADER: Final = (
    "Record ID", "Email", "First Name", "Last Name", "Job Title", "Phone Number", "Lead Source", "Country", "State",
    "Company Domain Name", "Create Date", "Notes",
)  # fmt: skip
_TITLES: Final = ("VP Marketing", "Head of Sales", "Software Engineer", "Account Executive", "CFO", "Office Manager")
_FIRST: Final = ("Ada", "Grace", "Émile", "José", "Olga", "Yuki", "Maria", "John")
_LAST: Final = ("Miller", "Garcia", "Müller", "Rossi", "Kowalski", "Svensson", "Dubois", "Jansen")
_SOURCES: Final = ("Webinar", "Organic search", "Paid social", "Trade fair", "Referral")
_SHEET: Final = (
    '<?xml version="1.0" encoding="UTF-8"?>'
    '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
)
_BOOK: Final = {
    "[Content_Types].xml": '<?xml version="1.0" encoding="UTF-8"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/'
    'content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    '<Default Extension="xml" ContentType="application/xml"/><Override PartName="/xl/workbook.xml" ContentType='
    '"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/><Override PartName="/xl/worksheets/sheet1.xml"'
    ' ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"/></Types>',
    "_rels/.rels": '<?xml version="1.0" encoding="UTF-8"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/'
    'relationships"><Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/'
    'officeDocument" Target="xl/workbook.xml"/></Relationships>',
    "xl/workbook.xml": '<?xml version="1.0" encoding="UTF-8"?><workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/'
    '2006/main" xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"><sheets><sheet name="Leads"'
    ' sheetId="1" r:id="rId1"/></sheets></workbook>',
    "xl/_rels/workbook.xml.rels": '<?xml version="1.0" encoding="UTF-8"?><Relationships xmlns="http://schemas.openxmlformats.org/'
    'package/2006/relationships"><Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/'
    'relationships/worksheet" Target="worksheets/sheet1.xml"/></Relationships>',
}


def write_files() -> Measured:
    """Write the CSV and the XLSX file of as many leads as BENCH_LEADS; their ids are new in each file."""
    rows = int(os.environ["BENCH_LEADS"])
    measured = Measured(rows=rows)
    with measured.timed():
        with (folder() / "leads.csv").open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerow(HEADER)
            csv.writer(file).writerows(_generate_rows("c", rows))
        _write_workbook(folder() / "leads.xlsx", _generate_rows("x", rows))
    return measured


def csv_file() -> Measured:
    return _import_file(folder() / "leads.csv")


def csv_file_again() -> Measured:
    """Measure the same file once more, with nothing to change."""
    return _import_file(folder() / "leads.csv")


def xlsx_file() -> Measured:
    return _import_file(folder() / "leads.xlsx")


def bare_copy() -> Measured:
    """Copy as many leads with one statement of their attributes each, everything read and resolved, and take them away."""
    count = int(os.environ["BENCH_LEADS"])
    measured, cpu = Measured(rows=count), time.process_time()
    now = timezone.now()
    connection.ensure_connection()
    connection.set_autocommit(False)
    with measured.timed(), connection.cursor() as cursor:
        _copy_leads(cursor.cursor, count, now)
    measured.more = {"cpu": time.process_time() - cpu}
    connection.rollback()
    connection.set_autocommit(True)
    return measured


def _copy_leads(cursor: Any, count: int, now: Any) -> None:
    columns = "external_id, email, first_name, last_name, title, phone, source, country, region"
    fixed = (
        "seniority, budget, timeline, use_case, time_zone, custom, not_understood, known_at, has_history, recorded_at,"
        " do_not_contact, stage, stage_at, look_failures, look_error, external_system"
    )
    end = ("", "", "", "", "", "{}", "{}", now, False, now, False, "lead", now, 0, "", "")
    with cursor.copy(f"COPY leads_lead ({columns}, {fixed}) FROM STDIN") as copy:
        for row in _generate_rows("b", count):
            copy.write_row((*row[:9], *end))
    cursor.execute("SELECT id FROM leads_lead WHERE external_id LIKE 'b%%' ORDER BY id")
    ids = [pk for (pk,) in cursor.fetchall()]
    with cursor.copy(
        "COPY leads_attributechange (lead_id, values, valid_from, recorded_at, source) FROM STDIN"
    ) as copy:
        for pk, row in zip(ids, _generate_rows("b", count), strict=True):
            values = dict(zip(("email", "first_name", "last_name", "title", "phone", "source"), row[1:7], strict=True))
            copy.write_row((pk, json.dumps(values), now, now, "bare"))


def _import_file(path: Path) -> Measured:
    measured, cpu = Measured(), time.process_time()
    with measured.timed():
        file = file_imports.prepare_import(
            path=path, kind=KINDS["leads"], column_map=ColumnMap(zone="UTC"), source="bench"
        )
        run = file_imports.run_import(file=file, again=True, now=timezone.now(), progress=lambda _run: None)
    assert run.rejected == 0, run
    measured.rows = run.rows_done
    measured.more = {"created": run.created, "unchanged": run.unchanged, "cpu": time.process_time() - cpu}
    return measured


def _generate_rows(prefix: str, count: int) -> Iterator[Sequence[str]]:
    random = np.random.default_rng(3)
    for start in range(0, count, 10_000):
        draws = random.integers(0, 1_000_000, (min(10_000, count - start), 8)).tolist()
        for number, draw in enumerate(draws, start):
            domain = f"company{draw[0] % 20_000}.example"
            first, last = _FIRST[draw[1] % len(_FIRST)], _LAST[draw[2] % len(_LAST)]
            yield (
                f"{prefix}{number}", f"{prefix}{number}@{domain}", first, last, _TITLES[draw[3] % len(_TITLES)],
                f"+49 30 {1_000_000 + draw[4]}", _SOURCES[draw[5] % len(_SOURCES)],
                agreement.COUNTRIES[draw[6] % len(agreement.COUNTRIES)], "", domain,
                f"2026-0{1 + draw[7] % 9}-{1 + number % 28:02} 10:30", "Met at the fair, asked for a call back.",
            )  # fmt: skip


def _write_workbook(path: Path, rows: Iterator[Sequence[str]]) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as book:
        for name, text in _BOOK.items():
            book.writestr(name, text)
        with book.open("xl/worksheets/sheet1.xml", "w") as sheet:
            sheet.write(_SHEET.encode())
            for cells in ((HEADER,), rows):
                for row in cells:
                    sheet.write(_sheet_row(row).encode())
            sheet.write(b"</sheetData></worksheet>")


def _sheet_row(cells: Sequence[str]) -> str:
    texts = "".join(f'<c t="inlineStr"><is><t>{escape(cell)}</t></is></c>' for cell in cells)
    return f"<row>{texts}</row>"
