"""The reader of files: one interface for CSV and XLSX. The header comes first, then the rows in its width."""

from __future__ import annotations

import codecs
import re
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from leads.files import csv_reader, refused_row_files, workbook_reader
from leads.files.table_rows import FileRow, HeaderTest, Unreadable

_ZIP: Final = b"PK\x03\x04"
_COMPOUND_FILE: Final = b"\xd0\xcf\x11\xe0"
_OWN_BEGINNING = re.compile(rb'"?accord_line"?[,;\t|]|line,field,reason,')


@dataclass(frozen=True, slots=True)
class ReadingOptions:
    """The settings of a map that concern the file itself; empty where the file shows it."""

    encoding: str = ""
    delimiter: str = ""
    header_line: int = 0
    sheet: str = ""


def read_rows(
    path: Path, options: ReadingOptions | None = None, *, is_header: HeaderTest | None = None
) -> Generator[FileRow, None, None]:
    """Yield the header, then every row that is not empty, each as wide as the header. Raises Unreadable.

    The header is the first row among the first thirty lines that `is_header` accepts, otherwise the first row.
    A row that ends early is filled up with empty cells; one that goes on behind the header has a flaw. A file of
    refused rows comes back as the first file was: without our columns, and with its cells as they stood there.
    """
    options = options or ReadingOptions()
    with path.open("rb") as file:
        beginning = file.read(64)
    if beginning.startswith(_COMPOUND_FILE):
        workbook_reader.refuse_compound_file(path)
    if beginning.startswith(_ZIP):
        if (options.header_line or options.sheet) and _holds_refused_rows(path):
            options = ReadingOptions()
        rows = workbook_reader.read_rows(
            path, sheet=options.sheet, header_line=options.header_line, is_header=_accept_own_header(is_header)
        )
    elif _OWN_BEGINNING.match(beginning.removeprefix(codecs.BOM_UTF8)):
        # Our file is UTF-8, whatever the map says of the first one. What was not UTF-8 in that one still is not.
        rows = csv_reader.read_rows(path, fallback_encoding=options.encoding)
    else:
        rows = csv_reader.read_rows(
            path,
            encoding=options.encoding,
            delimiter=options.delimiter,
            header_line=options.header_line,
            is_header=is_header,
        )
    yield from _shape_rows(rows)


def _holds_refused_rows(path: Path) -> bool:
    """Tell whether a workbook is a file of refused rows that somebody mended and saved as XLSX."""
    try:
        with closing(workbook_reader.read_rows(path)) as rows:
            return refused_row_files.is_own_header(next(rows).cells)
    except Unreadable:
        return False


def _accept_own_header(is_header: HeaderTest | None) -> HeaderTest:
    return lambda cells: refused_row_files.is_own_header(cells) or bool(is_header and is_header(cells))


def _shape_rows(rows: Iterator[FileRow]) -> Iterator[FileRow]:
    first = next(rows)
    is_own = refused_row_files.is_own_header(first.cells)
    header = refused_row_files.restore_cells(first.cells) if is_own else list(first.cells)
    while header and not header[-1].strip():
        header.pop()
    if not header:
        raise Unreadable("The header of the file is empty.")
    yield FileRow(first.line, header)
    for row in rows:
        if row.flaw and not is_own:
            yield row
            continue
        yield _fit_row(row, refused_row_files.restore_cells(row.cells) if is_own else row.cells, len(header))


def _fit_row(row: FileRow, cells: Sequence[str], width: int) -> FileRow:
    if row.flaw or len(cells) == width:
        return row if cells is row.cells else FileRow(row.line, cells, row.flaw)
    if len(cells) < width:
        return FileRow(row.line, [*cells, *[""] * (width - len(cells))])
    used = next(place for place in range(len(cells), -1, -1) if place == width or cells[place - 1].strip())
    if used > width:
        return FileRow(row.line, cells, f"has {used} cells, the header has {width}.")
    return FileRow(row.line, cells[:width])


__all__ = ["FileRow", "ReadingOptions", "Unreadable", "read_rows"]
