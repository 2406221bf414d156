"""A reader of XLSX workbooks, row by row in little memory: it streams the XML of one sheet out of the ZIP archive.

Libraries that lay a sheet out as a grid need 900 MB for a million rows of ten columns, and a file of two kilobytes
with a cell in each corner of the grid makes them ask for 70 GB.
"""

from __future__ import annotations

import datetime as dt
import math
import re
import zipfile
from collections.abc import Generator, Iterator
from functools import lru_cache
from itertools import chain, islice
from pathlib import Path
from typing import Final, NoReturn
from xml.parsers import expat

from leads.files.table_rows import (
    HEADER_WITHIN,
    MAX_CELL,
    MAX_COLUMNS,
    FileRow,
    HeaderTest,
    Unreadable,
    check_column_count,
)
from leads.files.workbook_archive import Workbook, check_archive, check_depth, parse_xml, read_workbook
from leads.files.workbook_texts import SharedTexts, open_texts, unescape_text

_MAX_DEPTH: Final = 50
_COLUMN = re.compile(r"[A-Za-z]{1,3}")
_PASSWORD_MARK: Final = "EncryptedPackage".encode("utf-16-le")
#: A spreadsheet keeps fifteen digits of a number.
_ROUNDED_FROM: Final = 10**15
#: The day after 31 December 9999.
_CALENDAR_END: Final = 2_958_466


def refuse_compound_file(path: Path) -> NoReturn:
    """Raise Unreadable for the container of old Excel workbooks, and of new ones with a password."""
    with path.open("rb") as file:
        tail = b""
        while block := file.read(1 << 20):
            if _PASSWORD_MARK in tail + block:
                raise Unreadable("The file is protected by a password; save it without one.")
            tail = block[-len(_PASSWORD_MARK) :]
    raise Unreadable("The file is an old Excel workbook; save it as XLSX or as CSV UTF-8.")


def read_rows(
    path: Path, *, sheet: str = "", header_line: int = 0, is_header: HeaderTest | None = None
) -> Generator[FileRow, None, None]:
    """Yield the header, then every row that is not empty. Raises Unreadable.

    Cells are texts as a person sees them: dates in ISO form, whole numbers without a point, the results of formulas.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            check_archive(archive)
            workbook = read_workbook(archive)
            with open_texts(archive, workbook) as texts:
                rows = _stream_sheet(archive, workbook.find_sheet(sheet), workbook, texts)
                yield from _begin_at_header(rows, header_line, is_header)
    except (zipfile.BadZipFile, zipfile.LargeZipFile, expat.ExpatError, EOFError, NotImplementedError, KeyError):
        raise Unreadable("The file is not a workbook that can be read: it is damaged, or no XLSX.") from None
    except OSError as error:
        raise Unreadable(f"The file cannot be read: {error.strerror or 'it is damaged'}.") from None
    except RuntimeError:
        raise Unreadable("The file is protected by a password; save it without one.") from None
    except zipfile.zlib.error:  # type: ignore[attr-defined]  # zipfile imports zlib, and raises its error
        raise Unreadable("The file is damaged: its contents do not unpack.") from None


class _SheetHandlers:
    """The handlers of a sheet's XML. `rows` are those that are complete."""

    def __init__(self, workbook: Workbook, texts: SharedTexts) -> None:
        self.rows: list[FileRow] = []
        self._workbook = workbook
        self._texts = texts
        self._prefix = ""
        self._line = 0
        self._cells: list[str] = []
        self._flaw = ""
        self._column = -1
        self._type = ""
        self._style = ""
        self._value: list[str] = []
        self._length = 0
        self._depth = 0
        self._is_value = False
        self._is_spoken = False
        self._column_of = lru_cache(maxsize=MAX_COLUMNS * 2)(_column_number)

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if self._prefix:
            name = name.removeprefix(self._prefix)
        if name == "c":
            reference = attributes.get("r")
            match = _COLUMN.match(reference) if reference else None
            self._column = self._column_of(match[0]) if match else self._column + 1
            self._type = attributes.get("t", "n")
            self._style = attributes.get("s", "")
            self._value.clear()
            self._length = 0
        elif name in {"v", "t"}:
            self._is_value = not self._is_spoken
        elif name == "row":
            number = attributes.get("r", "")
            self._line = int(number) if number.isdecimal() else self._line + 1
            self._cells, self._flaw, self._column = [], "", -1
        elif name == "rPh":
            self._is_spoken = True
        elif name.endswith(":worksheet"):
            self._prefix = name.removesuffix("worksheet")
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            check_depth(self._depth)

    def text(self, data: str) -> None:
        if self._is_value and self._length <= MAX_CELL:
            self._value.append(data)
            self._length += len(data)

    def end(self, name: str) -> None:
        self._depth -= 1
        if self._prefix:
            name = name.removeprefix(self._prefix)
        if name in {"v", "t"}:
            self._is_value = False
        elif name == "c":
            if self._value:
                self._put_cell("".join(self._value))
        elif name == "row":
            if self._flaw or any(cell and not cell.isspace() for cell in self._cells):
                self.rows.append(FileRow(self._line, self._cells, self._flaw))
        elif name == "rPh":
            self._is_spoken = False

    def _put_cell(self, value: str) -> None:
        if self._column >= MAX_COLUMNS:
            self._flaw = f"has a cell behind column {MAX_COLUMNS}; so many columns are taken at most."
        else:
            missing = self._column - len(self._cells)
            if missing > 0:
                self._cells.extend([""] * missing)
            text = self._read_value(value)
            if len(text) > MAX_CELL:
                text, self._flaw = "", f"has a cell of more than {MAX_CELL:,} characters."
            if missing >= 0:
                self._cells.append(text)
            else:
                self._cells[self._column] = text

    def _read_value(self, value: str) -> str:
        if self._type == "s":
            return self._texts.find(value)
        if self._type == "n":
            formats = self._workbook.formats
            style = int(self._style) if self._style.isdecimal() else 0
            return _show_number(value, formats[style] if style < len(formats) else "", self._workbook.epoch)
        if self._type == "b":
            return "true" if value.strip() == "1" else "false"
        return value if self._type == "d" else unescape_text(value)


def _column_number(letters: str) -> int:
    number = 0
    for letter in letters.upper():
        number = number * 26 + ord(letter) - 64
    return number - 1


def _show_number(value: str, number_format: str, epoch: dt.datetime) -> str:
    try:
        number = float(value)
    except ValueError:
        return value
    if not math.isfinite(number):
        return value
    if number_format == "date" and 0 <= number < _CALENDAR_END:
        return _show_date(number, epoch)
    if number.is_integer() and abs(number) < _ROUNDED_FROM:
        # A format as 00000 shows the zeros that a code begins with.
        width = len(number_format) if number_format and not number_format.strip("0") else 0
        return str(int(number)).zfill(width)
    return f"{number:.14E}" if abs(number) >= _ROUNDED_FROM else repr(number)


def _show_date(number: float, epoch: dt.datetime) -> str:
    # Spreadsheets believe in a 29 February 1900: the days before it are one further from the epoch.
    day_of_the_bug = 60
    days = number + 1 if number < day_of_the_bug and epoch.year == 1899 else number  # noqa: PLR2004  # the epoch
    at = epoch + dt.timedelta(milliseconds=round(days * 86_400_000))
    if number < 1:
        return at.time().isoformat("seconds")
    return (
        at.date().isoformat()
        if at.time() == dt.time()
        else at.isoformat(timespec="milliseconds" if at.microsecond else "seconds")
    )


def _stream_sheet(archive: zipfile.ZipFile, part: str, workbook: Workbook, texts: SharedTexts) -> Iterator[FileRow]:
    handlers = _SheetHandlers(workbook, texts)
    with archive.open(part) as stream:
        for _ in parse_xml(
            stream,
            StartElementHandler=handlers.start,
            EndElementHandler=handlers.end,
            CharacterDataHandler=handlers.text,
        ):
            rows, handlers.rows = handlers.rows, []
            yield from rows


def _begin_at_header(rows: Iterator[FileRow], header_line: int, is_header: HeaderTest | None) -> Iterator[FileRow]:
    if header_line:
        rows = (row for row in rows if row.line >= header_line)
        first_rows = list(islice(rows, 1))
    else:
        first_rows = list(islice(rows, HEADER_WITHIN))
    if not first_rows:
        raise Unreadable("The file has an empty sheet, or no row at the line of its header.")
    place = next((n for n, row in enumerate(first_rows) if is_header and is_header(row.cells)), 0)
    header = first_rows[place]
    if header.flaw:
        raise Unreadable(f"The header {header.flaw}")
    check_column_count(header.cells)
    yield from chain(first_rows[place:], rows)
