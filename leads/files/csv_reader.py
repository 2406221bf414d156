"""A reader of CSV files, row by row in little memory. A broken row is reported and does not spoil the rows after it."""

from __future__ import annotations

import codecs
import csv
import re
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import IO, Final

from leads.files.table_rows import HEADER_WITHIN, MAX_CELL, FileRow, HeaderTest, Unreadable, check_column_count

MAX_LINE: Final = 4_000_000
#: A row with more lines than this has an opening quote that is never closed.
MAX_LINES_OF_A_ROW: Final = 1_000
_DELIMITERS: Final = ",;\t|"
_FOREIGN_FORMATS: Final = (
    (b"%PDF", "is a PDF, not a table"),
    (b"\x89PNG", "is a picture, not a table"),
    (b"GIF8", "is a picture, not a table"),
    (b"\xff\xd8\xff", "is a picture, not a table"),
    (b"\x1f\x8b", "is compressed with gzip; unpack it, and import the file in it"),
)
_HTML: Final = (b"<!doctype", b"<html", b"<table", b"<?xml")
_UTF_16: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
#: The first line that Excel reads as the name of the delimiter.
_SEP_LINE = re.compile(r'"?sep=(.)"?\s*', re.IGNORECASE)
#: A byte that the encoding does not know, as `surrogateescape` reads it.
_UNDECODED = re.compile("[\udc80-\udcff]")


def read_rows(
    path: Path,
    *,
    encoding: str = "",
    delimiter: str = "",
    header_line: int = 0,
    is_header: HeaderTest | None = None,
    fallback_encoding: str = "",
) -> Generator[FileRow, None, None]:
    """Yield the header, then every row that is not empty. Raises Unreadable.

    A file that begins with the mark of UTF-8 or UTF-16 is that; another one is in `encoding`, or UTF-8 without one.
    A line that is not UTF-8 is read in `fallback_encoding`; without one, its row has a flaw.
    """
    codec = _recognise_mark(path) or _find_codec(encoding) or _recognise_encoding(path)
    csv.field_size_limit(MAX_CELL)
    errors = "surrogatepass" if codec.replace("-", "_").startswith(("utf_16", "utf_32")) else "surrogateescape"
    try:
        with path.open(encoding=codec, errors=errors, newline="") as file:
            lines = _Lines(file, _find_codec(fallback_encoding))
            yield from _parse_rows(lines, delimiter, header_line, is_header, encoding)
    except UnicodeError:
        raise Unreadable(f"The file is not in the encoding {encoding or codec}, or is cut off.") from None


def _find_codec(encoding: str) -> str:
    """Return the codec of an encoding's name. What people call Latin-1 is Windows-1252, and browsers read it so."""
    if not encoding:
        return ""
    try:
        name = codecs.lookup(encoding).name
        "".encode(name)
    except LookupError:
        raise Unreadable(f"{encoding!r} is not an encoding.") from None
    return {"iso8859-1": "cp1252", "ascii": "cp1252", "utf-8": "utf-8-sig"}.get(name, name)


def _recognise_mark(path: Path) -> str:
    """Return the codec by the file's byte order mark. It is surer than what a map says."""
    with path.open("rb") as file:
        start = file.read(3)
    if start.startswith(_UTF_16):
        return "utf-16"
    return "utf-8-sig" if start == codecs.BOM_UTF8 else ""


def _recognise_encoding(path: Path) -> str:
    """Return UTF-8 for what may be text. Raises Unreadable for what cannot be a table."""
    with path.open("rb") as file:
        start = file.read(65_536)
    for beginning, reason in _FOREIGN_FORMATS:
        if start.startswith(beginning):
            raise Unreadable(f"The file {reason}.")
    if start.lstrip(b"\xef\xbb\xbf \r\n\t").lower().startswith(_HTML):
        raise Unreadable("The file is a web page, not CSV: the download asked for a sign-in, or the name ends wrongly.")
    if b"\x00" in start.partition(b"\n")[0]:
        raise Unreadable(
            "The file is not text: it begins with NUL bytes. If it is UTF-16, name it: `encoding` in the mapping."
        )
    if not start.strip():
        raise Unreadable("The file is empty.")
    return "utf-8-sig"


class _RowTooLong(Exception):
    """A row spans more than `MAX_LINES_OF_A_ROW` lines."""


class _Lines(Iterator[str]):
    """The lines of a file. It remembers those of the current row, so that they can be read again."""

    def __init__(self, file: IO[str], fallback_encoding: str) -> None:
        self._file = file
        self._fallback = fallback_encoding
        self._returned: deque[str] = deque()
        self._row: list[str] = []
        self.number = 0
        self.has_undecoded_byte = False

    def __next__(self) -> str:
        if len(self._row) >= MAX_LINES_OF_A_ROW:
            raise _RowTooLong
        line = self._returned.popleft() if self._returned else self._read()
        if not line:
            raise StopIteration
        if not line.isascii() and _UNDECODED.search(line):
            self.has_undecoded_byte = True
        self._row.append(line)
        self.number += 1
        return line

    def _read(self) -> str:
        line = self._file.readline(MAX_LINE)
        if len(line) >= MAX_LINE:
            raise Unreadable(f"Line {self.number + len(self._returned) + 1:,} is longer than {MAX_LINE:,} characters.")
        if self._fallback and not line.isascii() and _UNDECODED.search(line):
            return line.encode("utf-8", "surrogateescape").decode(self._fallback, "surrogateescape")
        return line

    def peek(self, count: int) -> list[str]:
        """Return the next lines without passing over them."""
        while len(self._returned) < count and (line := self._read()):
            self._returned.append(line)
        return list(self._returned)

    def begin_row(self) -> int:
        self._row.clear()
        self.has_undecoded_byte = False
        return self.number + 1

    def give_back(self) -> None:
        """Read all lines of the current row but the first once more: they may be rows of their own."""
        self._returned.extendleft(reversed(self._row[1:]))
        self.number -= len(self._row) - 1


def _parse_rows(
    lines: _Lines, delimiter: str, header_line: int, is_header: HeaderTest | None, encoding: str
) -> Iterator[FileRow]:
    skipped, delimiter = _find_header(lines.peek(max(HEADER_WITHIN, header_line)), delimiter, header_line, is_header)
    for _ in islice(lines, skipped):
        lines.begin_row()
    line = lines.begin_row()
    header = _parse_header(lines, delimiter)
    check_column_count(header)
    if len(header) == 1 and any(mark in header[0] for mark in _DELIMITERS):
        raise Unreadable("Each row is quoted as a whole, as one cell: export it again without the outer quotes.")
    yield FileRow(line, header)
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
            yield FileRow(line, (), _describe_flaw(error))
            continue
        if any(cell.strip() for cell in cells):
            flaw = _describe_undecoded_byte(header, cells, encoding) if lines.has_undecoded_byte else ""
            yield FileRow(line, cells, flaw)


def _find_header(
    first_lines: Sequence[str], delimiter: str, header_line: int, is_header: HeaderTest | None
) -> tuple[int, str]:
    """Return how many lines stand before the header, and the delimiter."""
    if header_line > len(first_lines):
        raise Unreadable(f"header_line in the mapping is {header_line}, and the file has {len(first_lines)} lines.")
    named = _SEP_LINE.fullmatch(first_lines[0]) if first_lines else None
    delimiter = delimiter or (named[1] if named else "")
    if header_line:
        return header_line - 1, delimiter or _guess_delimiter(first_lines[header_line - 1])
    begin = 1 if named else 0
    candidates = [place for place, line in enumerate(first_lines) if place >= begin and line.strip()]
    for place in candidates:
        guess = delimiter or _guess_delimiter(first_lines[place])
        if is_header and is_header(first_lines[place].replace('"', "").split(guess)):
            return place, guess
    if not candidates:
        raise Unreadable("The file has no header.")
    return candidates[0], delimiter or _guess_delimiter(first_lines[candidates[0]])


def _guess_delimiter(line: str) -> str:
    return max(_DELIMITERS, key=line.count)


def _parse_header(lines: _Lines, delimiter: str) -> list[str]:
    try:
        return next(csv.reader(lines, delimiter=delimiter, strict=True))
    except (csv.Error, _RowTooLong):
        raise Unreadable("The header has a broken quote, or one that does not close.") from None


def _describe_flaw(error: Exception) -> str:
    if isinstance(error, _RowTooLong) or "unexpected end" in str(error):
        return "opens a quote that does not close."
    if "field larger" in str(error):
        return f"has a cell of more than {MAX_CELL:,} characters."
    return "has a broken quote."


def _describe_undecoded_byte(header: Sequence[str], cells: Sequence[str], encoding: str) -> str:
    place = next((place for place, cell in enumerate(cells) if _UNDECODED.search(cell)), None)
    if place is None:
        return ""
    byte = ord(_UNDECODED.findall(cells[place])[0]) - 0xDC00
    column = f"“{header[place].strip()}”" if place < len(header) and header[place].strip() else f"column {place + 1}"
    if encoding:
        return f"is not in the encoding {encoding}: the byte {byte:02X} in {column} means nothing there."
    return (
        f"is not UTF-8 (byte {byte:02X} in {column}). Save the file as CSV UTF-8, or name its `encoding` in the mapping; "
        "Excel on Windows writes windows-1252."
    )


__all__ = ["MAX_LINE", "FileRow", "Unreadable", "read_rows"]
