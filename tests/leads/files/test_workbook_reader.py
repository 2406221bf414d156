from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
import python_calamine

from leads.files import file_reader
from leads.files.file_reader import ReadingOptions
from leads.files.table_rows import FileRow, Unreadable
from tests.leads.files.workbooks import DATE, DATE_TIME, ZEROS, write_sheet, write_workbook


def read(path: Path, **options: str | int) -> list[FileRow]:
    return list(file_reader.read_rows(path, ReadingOptions(**options)))  # type: ignore[arg-type]  # of several types


def cells(path: Path) -> list[list[str]]:
    return [list(row.cells) for row in read(path)]


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        (12.0, "12"),
        (0.1, "0.1"),
        (491510000065, "491510000065"),
        (1234567890123456, "1.23456789012346E+15"),
        (f'<c s="{DATE}"><v>45321</v></c>', "2024-01-30"),
        (f'<c s="{DATE_TIME}"><v>45321.395833333336</v></c>', "2024-01-30T09:30:00"),
        (f'<c s="{ZEROS}"><v>123</v></c>', "00123"),
        ('<c s="2"><v>0.5</v></c>', "12:00:00"),
        ('<c t="b"><v>1</v></c>', "true"),
        ('<c t="e"><v>#REF!</v></c>', "#REF!"),
        ('<c t="str"><f>A1&amp;"x"</f><v>result</v></c>', "result"),
        ('<c t="d"><v>2024-01-30</v></c>', "2024-01-30"),
        ('<c t="s"><v>1</v></c>', "Rich text"),
        ('<c t="s"><v>2</v></c>', "two\nlines"),
        ('<c t="s"><v>3</v></c>', "東京"),
    ],
)
def test_a_cell_is_read_as_a_person_sees_it(tmp_path: Path, cell: str | float, text: str) -> None:
    texts = [
        "<si><t>first</t></si>",
        '<si><r><t xml:space="preserve">Rich </t></r><r><t>text</t></r></si>',
        "<si><t>two_x000A_lines</t></si>",
        "<si><t>東京</t><rPh sb='0' eb='2'><t>トウキョウ</t></rPh></si>",
    ]

    assert cells(write_workbook(tmp_path / "a.xlsx", [["head"], [cell]], texts=texts)) == [["head"], [text]]


def test_dates_count_from_1904_where_the_workbook_says_so(tmp_path: Path) -> None:
    path = write_workbook(
        tmp_path / "a.xlsx", [["day"], [f'<c s="{DATE}"><v>43859</v></c>']], workbook='<workbookPr date1904="1"/>'
    )

    assert cells(path) == [["day"], ["2024-01-30"]]


def test_rows_are_as_wide_as_the_header_and_empty_ones_are_left_out(tmp_path: Path) -> None:
    rows = [
        ["email", "title", None],
        [None, " "],
        ["a@b.example"],
        ["c@d.example", "CTO", None, ""],
        ["e", "f", "slipped"],
    ]

    assert read(write_workbook(tmp_path / "a.xlsx", rows)) == [
        FileRow(1, ["email", "title"]),
        FileRow(3, ["a@b.example", ""]),
        FileRow(4, ["c@d.example", "CTO"]),
        FileRow(5, ["e", "f", "slipped"], "has 3 cells, the header has 2."),
    ]


def test_cells_stand_where_their_references_say(tmp_path: Path) -> None:
    sheet = (
        '<x:worksheet xmlns:x="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><x:sheetData>'
        '<x:row r="3"><x:c r="B3" t="str"><x:v>email</x:v></x:c><x:c r="D3" t="str"><x:v>title</x:v></x:c></x:row>'
        '<x:row r="9"><x:c r="D9" t="str"><x:v>CTO</x:v></x:c><x:c r="B9" t="str"><x:v>a@b.example</x:v></x:c></x:row>'
        "</x:sheetData></x:worksheet>"
    )

    assert read(write_workbook(tmp_path / "a.xlsx", sheets={"A": sheet})) == [
        FileRow(3, ["", "email", "", "title"]),
        FileRow(9, ["", "a@b.example", "", "CTO"]),
    ]


def test_the_first_visible_sheet_is_read_or_the_one_that_is_named(tmp_path: Path) -> None:
    sheets = {name: write_sheet([[name]]) for name in ("Leads", "Archive")}
    path = write_workbook(tmp_path / "a.xlsx", sheets=sheets)

    assert read(path)[0].cells == ["Leads"]
    assert read(path, sheet="archive")[0].cells == ["Archive"]
    with pytest.raises(Unreadable, match="no sheet 'Other'; it has: Leads, Archive"):
        read(path, sheet="Other")


def test_the_header_is_found_below_a_title_or_where_the_map_says(tmp_path: Path) -> None:
    path = write_workbook(tmp_path / "a.xlsx", [["Export of today"], [], ["email", "title"], ["a@b.example", "CTO"]])

    assert [row.line for row in file_reader.read_rows(path, is_header=lambda row: "email" in row)] == [3, 4]
    assert [row.line for row in read(path, header_line=3)] == [3, 4]


def test_another_reader_of_workbooks_reads_the_same(tmp_path: Path) -> None:
    rows = [["email", "n", "x"], ["a@b.example", 1.5, "ä & <b>"], ["c@d.example", 7.25, "'quoted'"]]
    path = write_workbook(tmp_path / "a.xlsx", rows)
    other = python_calamine.CalamineWorkbook.from_path(path).get_sheet_by_index(0).to_python()

    assert cells(path) == [[str(cell) for cell in row] for row in other]


def test_refused_rows_may_come_back_as_a_workbook(tmp_path: Path) -> None:
    own = ["accord_line", "accord_field", "accord_reason"]
    path = write_workbook(tmp_path / "a.xlsx", [[*own, "email", "phone"], ["7", "email", "why", "a@b.example", "'+49"]])

    assert [row.cells for row in read(path, header_line=3, sheet="Of the first file")] == [
        ["email", "phone"],
        ["a@b.example", "+49"],
    ]


def break_archive(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-300])


def flip_bytes(path: Path) -> None:
    with zipfile.ZipFile(path) as archive:
        begin = archive.getinfo("xl/worksheets/sheet1.xml").header_offset + 60
    content = bytearray(path.read_bytes())
    content[begin : begin + 20] = bytes(20)
    path.write_bytes(content)


@pytest.mark.parametrize("damage", [break_archive, flip_bytes])
def test_a_damaged_workbook_is_refused_with_a_sentence(tmp_path: Path, damage: object) -> None:
    path = write_workbook(tmp_path / "a.xlsx", [["email"], *[[f"p{n}@acme.example"] for n in range(50)]])
    assert callable(damage)
    damage(path)

    with pytest.raises(Unreadable, match="damaged"):
        read(path)


MAIN = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'


@pytest.mark.parametrize(
    ("sheet", "reason"),
    [
        (f'<!DOCTYPE a [<!ENTITY b "c">]><worksheet {MAIN}><sheetData/></worksheet>', "declares XML entities"),
        (f"<worksheet {MAIN}>" + "<a>" * 100_000, "endless elements"),
        (f'<worksheet {MAIN} a="{"x" * 5_000_000}"/>', "endless tag"),
        (f"<worksheet {MAIN}><sheetData/></worksheet>", "empty sheet"),
        (write_sheet([["email"], ['<c t="s"><v>9</v></c>']]), "a text that is not there"),
        (write_sheet([[f"c{n}" for n in range(401)]]), "column 400"),
    ],
)
def test_a_hostile_workbook_is_refused_in_little_memory(tmp_path: Path, sheet: str, reason: str) -> None:
    with pytest.raises(Unreadable, match=reason):
        read(write_workbook(tmp_path / "a.xlsx", sheets={"A": sheet}))


def test_a_workbook_that_unpacks_beyond_measure_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = write_workbook(tmp_path / "a.xlsx", [["email"]], parts={"xl/media/image.png": "0" * 60_000_000})

    with pytest.raises(Unreadable, match="unpacks to 57 MB"):
        read(path)


def test_a_cell_in_the_far_corner_costs_only_its_row(tmp_path: Path) -> None:
    sheet = (
        f'<worksheet {MAIN}><sheetData><row r="1"><c r="A1" t="str"><v>email</v></c></row>'
        '<row r="1048576"><c r="XFD1048576"><v>2</v></c></row></sheetData></worksheet>'
    )

    assert [row.flaw[:25] for row in read(write_workbook(tmp_path / "a.xlsx", sheets={"A": sheet}))] == [
        "",
        "has a cell behind column ",
    ]


def test_a_cell_beyond_the_limit_costs_only_its_row(tmp_path: Path) -> None:
    rows = read(write_workbook(tmp_path / "a.xlsx", [["email"], ["x" * 1_000_001], ["a@b.example"]]))

    assert [row.flaw for row in rows] == ["", "has a cell of more than 1,000,000 characters.", ""]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"\xd0\xcf\x11\xe0" + "EncryptedPackage".encode("utf-16-le"), "protected by a password"),
        (b"\xd0\xcf\x11\xe0" + b"Workbook", "an old Excel workbook; save it as XLSX"),
    ],
)
def test_the_container_of_old_and_of_locked_workbooks_is_refused(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "a.xls"
    path.write_bytes(content)

    with pytest.raises(Unreadable, match=reason):
        read(path)


def test_a_zip_archive_that_is_no_workbook_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("leads.csv", "email\n")

    with pytest.raises(Unreadable, match="a ZIP archive, but not an XLSX workbook"):
        read(path)
