from __future__ import annotations

from pathlib import Path

import pytest

from leads.files import file_reader, refused_row_files
from leads.files.file_reader import ReadingOptions
from leads.files.table_rows import FileRow, Unreadable


def read(path: Path, content: str | bytes, **options: str | int) -> list[FileRow]:
    path = path / "file.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    settings = ReadingOptions(**options)  # type: ignore[arg-type]  # of several types
    return list(file_reader.read_rows(path, settings, is_header=lambda cells: "email" in cells))


def cells(rows: list[FileRow]) -> list[list[str]]:
    return [list(row.cells) for row in rows]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be"])
def test_unicode_is_recognised_by_its_mark(tmp_path: Path, encoding: str) -> None:
    mark = "\ufeff" if encoding == "utf-16-be" else ""

    rows = read(tmp_path, f"{mark}email\ttitle\r\na@b.example\tGeschäft\r\n".encode(encoding))

    assert cells(rows) == [["email", "title"], ["a@b.example", "Geschäft"]]


def test_a_mark_is_surer_than_a_map(tmp_path: Path) -> None:
    rows = read(tmp_path, "email,name\na@b.example,Bäcker\n".encode("utf-8-sig"), encoding="latin-1")

    assert rows[1].cells[1] == "Bäcker"


def test_a_cut_off_utf_16_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Unreadable, match="cut off"):
        read(tmp_path, "email\na@b.example\n".encode("utf-16")[:-1])


@pytest.mark.parametrize("name", ["latin-1", "ISO-8859-1", "windows-1252"])
def test_latin_1_is_read_as_windows_1252(tmp_path: Path, name: str) -> None:
    rows = read(tmp_path, b"email,name\na@b.example,O\x92Brien\nc@d.example,\x81\n", encoding=name)

    assert rows[1].cells[1] == "O’Brien"
    assert "the byte 81 in “name” means nothing there" in rows[2].flaw


def test_a_row_that_is_not_utf_8_says_so_and_how_to_go_on(tmp_path: Path) -> None:
    rows = read(tmp_path, b"email,name\na@b.example,O\x92Brien\nc@d.example,Ada\n")

    assert "is not UTF-8 (byte 92 in “name”)" in rows[1].flaw
    assert "`encoding` in the mapping" in rows[1].flaw
    assert not rows[2].flaw


@pytest.mark.parametrize(
    ("content", "options"),
    [
        ("sep=;\nemail;name\na@b.example;Ada, L\n", {}),
        ('"sep=;"\r\nemail;name\r\na@b.example;Ada, L\r\n', {}),
        ('Notes:\n"Some, but not all; of it"\n\nemail;name\na@b.example;Ada, L\n', {}),
        ("One,line,more\nemail;name\na@b.example;Ada, L\n", {"header_line": 2}),
        ("\n\nemail;name;\na@b.example;Ada, L;\n", {}),
        ('"email";"name"\n"a@b.example";"Ada, L"\n', {}),
    ],
)
def test_the_header_is_found_behind_other_lines(tmp_path: Path, content: str, options: dict[str, int]) -> None:
    assert cells(read(tmp_path, content, **options)) == [["email", "name"], ["a@b.example", "Ada, L"]]


def test_line_numbers_are_those_of_the_file(tmp_path: Path) -> None:
    rows = read(tmp_path, 'Notes:\n\nemail,use\na@b.example,"two\nlines"\n\nc@d.example,x\n')

    assert [row.line for row in rows] == [3, 4, 7]


def test_a_header_line_beyond_the_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Unreadable, match="header_line in the mapping is 9, and the file has 2 lines"):
        read(tmp_path, "email\na@b.example\n", header_line=9)


def test_rows_may_end_early_and_not_late(tmp_path: Path) -> None:
    rows = read(tmp_path, "email,name,,\na\nb,c,,,\nd,e,f\n,,g\n")

    assert [(list(row.cells), row.flaw) for row in rows] == [
        (["email", "name"], ""),
        (["a", ""], ""),
        (["b", "c"], ""),
        (["d", "e", "f"], "has 3 cells, the header has 2."),
        (["", "", "g"], "has 3 cells, the header has 2."),
    ]


@pytest.mark.parametrize(
    "cell", ["", "Ada", "+49 30", "'t Hooft", "'+49", "''", "=A1", "\t=A1", "'", "-1", "@x", "'=1+1", "\uff1d1"]
)
def test_the_protection_of_a_cell_is_reversible(cell: str) -> None:
    assert refused_row_files.restore_cell(refused_row_files.protect_cell(cell)) == cell


def test_a_name_with_an_apostrophe_typed_while_mending_keeps_it() -> None:
    assert refused_row_files.restore_cell("'t Hooft") == "'t Hooft"


@pytest.mark.parametrize("own", ["accord_line,accord_field,accord_reason", "line,field,reason"])
def test_refused_rows_come_back_without_our_columns(tmp_path: Path, own: str) -> None:
    content = f"{own},email,reason\n3,email,why,a@b.example,'+49\n".encode()

    rows = read(tmp_path, content, encoding="utf-16", delimiter=";", header_line=7)

    assert rows == [FileRow(1, ["email", "reason"]), FileRow(2, ["a@b.example", "+49"])]


def test_refused_rows_that_were_not_utf_8_are_read_by_the_map_of_the_first_file(tmp_path: Path) -> None:
    content = "accord_line,accord_field,accord_reason,email,name\n2,row,x,a@b.example,Bäcker\n".encode()

    rows = read(tmp_path, content + b"3,row,x,c@d.example,M\xfcller\n", encoding="latin-1")

    assert [row.cells[1] for row in rows] == ["name", "Bäcker", "Müller"]


def test_a_senders_own_columns_of_these_names_elsewhere_stay(tmp_path: Path) -> None:
    assert cells(read(tmp_path, "email,line,field,reason\na,1,b,'+c\n")) == [
        ["email", "line", "field", "reason"],
        ["a", "1", "b", "'+c"],
    ]
