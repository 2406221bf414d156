"""A reader of CSV files, row by row in little memory. A broken row is reported and does not spoil the rows after it."""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

MAX_COLUMNS: Final = 400
MAX_CELL: Final = 1_000_000
MAX_LINE: Final = 4_000_000
#: A row with more lines than this has an opening quote that is never closed.
MAX_LINES_OF_A_ROW: Final = 1_000
_DELIMITERS: Final = ",;\t|"
_FOREIGN_FORMATS: Final = (
    (b"\xff\xfe", "is saved as UTF-16 (“Unicode”); save it as CSV UTF-8, or name its encoding in the map"),
    (b"\xfe\xff", "is saved as UTF-16 (“Unicode”); save it as CSV UTF-8, or name its encoding in the map"),
    (b"PK\x03\x04", "is a spreadsheet or ZIP archive, not CSV; save the sheet as CSV UTF-8"),
    (b"\xd0\xcf\x11\xe0", "is an old Excel workbook, not CSV; save the sheet as CSV UTF-8"),
    (b"%PDF", "is a PDF, not CSV"),
)
_HTML: Final = (b"<!doctype", b"<html", b"<table", b"<?xml")


class Unreadable(Exception):
    """The file as a whole cannot be read; the message is a sentence for the user."""


@dataclass(frozen=True, slots=True)
class CsvRow:
    """A row of a file. `line` is where it begins, from 1; `flaw` says why its cells cannot be used."""

    line: int
    cells: Sequence[str]
    flaw: str = ""


def read_rows(path: Path, *, encoding: str = "", delimiter: str = "") -> Generator[CsvRow, None, None]:
    """Yield the header, then every row that is not empty. Raises Unreadable.

    Without an encoding the file must be UTF-8; other bytes are read as lone surrogates, which no field accepts.
    """
    if not encoding:
        _check_beginning(path)
    csv.field_size_limit(MAX_CELL)
    try:
        with path.open(
            encoding=encoding or "utf-8-sig", errors="strict" if encoding else "surrogateescape", newline=""
        ) as file:
            yield from _parse_rows(_Lines(file), delimiter)
    except LookupError:
        raise Unreadable(f"{encoding!r} is not an encoding.") from None
    except UnicodeError:
        raise Unreadable(f"{path.name} is not in the encoding {encoding}.") from None


def _check_beginning(path: Path) -> None:
    with path.open("rb") as file:
        start = file.read(65_536)
    for beginning, reason in _FOREIGN_FORMATS:
        if start.startswith(beginning):
            raise Unreadable(f"{path.name} {reason}.")
    if start.lstrip(b"\xef\xbb\xbf \r\n\t").lower().startswith(_HTML):
        raise Unreadable(
            f"{path.name} is a web page, not CSV: the download asked for a sign-in, or the name ends wrongly."
        )
    if b"\x00" in start.partition(b"\n")[0]:
        raise Unreadable(f"{path.name} is not text: it begins with NUL bytes.")
    if not start.strip():
        raise Unreadable(f"{path.name} is empty.")


class _RowTooLong(Exception):
    """A row spans more than `MAX_LINES_OF_A_ROW` lines."""


class _Lines(Iterator[str]):
    """The lines of a file. It remembers those of the current row, so that they can be read again."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file
        self._returned: deque[str] = deque()
        self._row: list[str] = []
        self.number = 0

    def __next__(self) -> str:
        if len(self._row) >= MAX_LINES_OF_A_ROW:
            raise _RowTooLong
        line = self._returned.popleft() if self._returned else self._file.readline(MAX_LINE)
        if not line:
            raise StopIteration
        if len(line) >= MAX_LINE:
            raise Unreadable(f"Line {self.number + 1:,} is longer than {MAX_LINE:,} characters.")
        self._row.append(line)
        self.number += 1
        return line

    def begin_row(self) -> int:
        self._row.clear()
        return self.number + 1

    def give_back(self) -> None:
        """Read all lines of the current row but the first once more: they may be rows of their own."""
        self._returned.extendleft(reversed(self._row[1:]))
        self.number -= len(self._row) - 1


def _parse_rows(lines: _Lines, delimiter: str) -> Iterator[CsvRow]:
    header_line = next(lines, "")
    lines.begin_row()
    delimiter = delimiter or max(_DELIMITERS, key=header_line.count)
    header = next(csv.reader([header_line], delimiter=delimiter))
    if len(header) > MAX_COLUMNS:
        raise Unreadable(f"The file has {len(header):,} columns; {MAX_COLUMNS} are taken at most.")
    if len(header) == 1 and any(mark in header[0] for mark in _DELIMITERS):
        raise Unreadable("Each row is quoted as a whole, as one cell: export it again without the outer quotes.")
    yield CsvRow(1, header)
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    while True:
        line = lines.begin_row()
        try:
            cells = next(reader)
        except StopIteration:
            return
        except (csv.Error, _RowTooLong) as error:
            lines.give_back()
            reader = csv.reader(lines, delimiter=delimiter, strict=True)
            yield CsvRow(line, (), _describe_flaw(error))
            continue
        if any(cell.strip() for cell in cells):
            yield CsvRow(
                line,
                cells,
                "" if len(cells) == len(header) else f"has {len(cells)} cells, the header has {len(header)}.",
            )


def _describe_flaw(error: Exception) -> str:
    if isinstance(error, _RowTooLong) or "unexpected end" in str(error):
        return "opens a quote that does not close."
    if "field larger" in str(error):
        return f"has a cell of more than {MAX_CELL:,} characters."
    return "has a broken quote."
