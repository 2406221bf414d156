"""A reader of XLSX workbooks, row by row in little memory: it streams the XML of one sheet out of the ZIP archive.

Libraries that lay a sheet out as a grid need 900 MB for a million rows of ten columns, and a file of two kilobytes
with a cell in each corner of the grid makes them ask for 70 GB.
"""

from __future__ import annotations

import datetime as dt
import math
import os
import posixpath
import re
import tempfile
import zipfile
from array import array
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import chain, islice
from pathlib import Path
from typing import IO, Final, NoReturn
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

_MAX_ENTRIES: Final = 10_000
_MAX_EXPANDED: Final = 2 * 1024**3
#: A sheet of people shrinks to a tenth; an archive that shrinks more than this, and is large, was made to fill memory.
_MAX_RATIO: Final = 200
_RATIO_COUNTS_FROM: Final = 50 * 1024**2
#: Workbook, relations and styles are read as a whole; the sheet and its texts are streamed.
_MAX_SMALL_PART: Final = 16 * 1024**2
_BLOCK: Final = 1 << 16
#: A tag or comment longer than this, or elements in each other deeper than this, were made to fill memory.
_MAX_TAG: Final = 4 * 1024**2
_MAX_DEPTH: Final = 50
_CACHED_TEXTS: Final = 50_000
_COLUMN = re.compile(r"[A-Za-z]{1,3}")
_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")
_PASSWORD_MARK: Final = "EncryptedPackage".encode("utf-16-le")
#: The formats that stand for dates by their number, without a code of their own.
_DATE_FORMAT_IDS: Final = frozenset({*range(14, 23), *range(27, 37), *range(45, 48), *range(50, 59)})
_NO_DATE_IN_FORMAT = re.compile(r'"[^"]*"|\\.|_.|\*.|\[(?!h+\]|m+\]|s+\])[^\]]*\]', re.IGNORECASE)
_DATE_LETTER = re.compile(r"[ymdhs]", re.IGNORECASE)
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
            _check_archive(archive)
            workbook = _read_workbook(archive)
            with _open_texts(archive, workbook) as texts:
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


def _check_archive(archive: zipfile.ZipFile) -> None:
    entries = archive.infolist()
    if any(entry.flag_bits & 1 for entry in entries):
        raise Unreadable("The file is protected by a password; save it without one.")
    expanded, packed = sum(entry.file_size for entry in entries), sum(entry.compress_size for entry in entries)
    is_bomb = expanded > _RATIO_COUNTS_FROM and expanded > _MAX_RATIO * max(packed, 1)
    if len(entries) > _MAX_ENTRIES or expanded > _MAX_EXPANDED or is_bomb:
        raise Unreadable(
            f"The file unpacks to {expanded / 1024**2:,.0f} MB in {len(entries):,} parts, more than is taken; "
            "save the sheet alone as XLSX or as CSV UTF-8."
        )
    if len({entry.filename for entry in entries}) < len(entries):
        raise Unreadable("The file holds two parts of one name.")


@dataclass(slots=True)
class _Workbook:
    """The parts of a workbook that say where its sheets are, and how its numbers are shown."""

    #: (name, part, whether hidden) of each sheet.
    sheets: list[tuple[str, str, bool]] = field(default_factory=list)
    texts_part: str = ""
    epoch: dt.datetime = dt.datetime(1899, 12, 30)  # noqa: DTZ001  # a spreadsheet's dates have no zone
    #: The format code of each style; a code for dates is the text "date".
    formats: Sequence[str] = ()

    def find_sheet(self, name: str) -> str:
        visible = [part for _, part, is_hidden in self.sheets if not is_hidden] or [self.sheets[0][1]]
        if not name:
            return visible[0]
        for known, part, _ in self.sheets:
            if known.strip().casefold() == name.strip().casefold():
                return part
        names = ", ".join(known for known, _, _ in self.sheets[:20])
        raise Unreadable(f"The workbook has no sheet {name!r}; it has: {names}.")


def _parse_xml(stream: IO[bytes], **handlers: Callable[..., None]) -> Iterator[None]:
    """Parse a part block by block, and pause after each block. Handlers get names without their prefix."""
    parser = expat.ParserCreate(namespace_separator=None)
    parser.buffer_text = True
    parser.buffer_size = _BLOCK
    for name, handler in handlers.items():
        setattr(parser, name, handler)
    parser.StartDoctypeDeclHandler = _refuse_doctype
    read = 0
    while block := stream.read(_BLOCK):
        parser.Parse(block, False)
        read += len(block)
        if read - parser.CurrentByteIndex > _MAX_TAG:
            raise Unreadable("The workbook holds XML that no spreadsheet program writes: an endless tag.")
        yield
    parser.Parse(b"", True)
    yield


def _check_depth(depth: int) -> None:
    if depth > _MAX_DEPTH:
        raise Unreadable("The workbook holds XML that no spreadsheet program writes: endless elements in each other.")


def _refuse_doctype(*_: object) -> NoReturn:
    raise Unreadable("The workbook declares XML entities, which no spreadsheet program writes.")


def _list_elements(archive: zipfile.ZipFile, part: str) -> list[tuple[str, dict[str, str]]]:
    """List the elements of a small part, as (local name, attributes)."""
    if archive.getinfo(part).file_size > _MAX_SMALL_PART:
        raise Unreadable(f"The part {part} of the workbook is larger than {_MAX_SMALL_PART // 1024**2} MB.")
    elements: list[tuple[str, dict[str, str]]] = []

    def keep(name: str, attributes: dict[str, str]) -> None:
        elements.append((name.rpartition(":")[2], {key.rpartition(":")[2]: value for key, value in attributes.items()}))

    with archive.open(part) as stream:
        for _ in _parse_xml(stream, StartElementHandler=keep):
            pass
    return elements


def _list_relations(archive: zipfile.ZipFile, part: str) -> Mapping[str, tuple[str, str]]:
    """Return the (kind, part) by id of the parts that a part refers to."""
    folder, name = posixpath.split(part)
    try:
        elements = _list_elements(archive, posixpath.join(folder, "_rels", f"{name}.rels"))
    except KeyError:
        return {}
    return {
        attributes.get("Id", ""): (
            attributes.get("Type", "").rpartition("/")[2],
            posixpath.normpath(posixpath.join("/", folder, attributes.get("Target", ""))).lstrip("/"),
        )
        for element, attributes in elements
        if element == "Relationship" and attributes.get("TargetMode") != "External"
    }


def _read_workbook(archive: zipfile.ZipFile) -> _Workbook:
    parts = frozenset(archive.namelist())
    main = next((part for kind, part in _list_relations(archive, "").values() if kind == "officeDocument"), "")
    if main not in parts:
        raise Unreadable("The file is a ZIP archive, but not an XLSX workbook; unpack it, and import the file in it.")
    relations = {key: target for key, target in _list_relations(archive, main).items() if target[1] in parts}
    workbook = _Workbook()
    for element, attributes in _list_elements(archive, main):
        if element == "workbookPr" and attributes.get("date1904") in {"1", "true"}:
            workbook.epoch = dt.datetime(1904, 1, 1)  # noqa: DTZ001  # as above
        kind, part = relations.get(attributes.get("id", ""), ("", ""))
        if element == "sheet" and kind == "worksheet":
            workbook.sheets.append((attributes.get("name", ""), part, attributes.get("state", "visible") != "visible"))
    if not workbook.sheets:
        raise Unreadable("The file is not an XLSX workbook with a sheet.")
    part_by_kind = dict(relations.values())
    workbook.texts_part = part_by_kind.get("sharedStrings", "")
    if "styles" in part_by_kind:
        workbook.formats = _read_formats(archive, part_by_kind["styles"])
    return workbook


def _read_formats(archive: zipfile.ZipFile, part: str) -> list[str]:
    codes: dict[str, str] = {}
    formats: list[str] = []
    is_cell_style = False
    for element, attributes in _list_elements(archive, part):
        if element == "numFmt":
            codes[attributes.get("numFmtId", "")] = attributes.get("formatCode", "")
        elif element in {"cellXfs", "cellStyleXfs", "cellStyles", "dxfs"}:
            is_cell_style = element == "cellXfs"
        elif element == "xf" and is_cell_style:
            formats.append(_describe_format(attributes.get("numFmtId", "0"), codes))
    return formats


def _describe_format(identifier: str, codes: Mapping[str, str]) -> str:
    code = codes.get(identifier, "")
    if not code:
        return "date" if identifier.isdecimal() and int(identifier) in _DATE_FORMAT_IDS else ""
    shown = _NO_DATE_IN_FORMAT.sub("", code.partition(";")[0])
    return "date" if _DATE_LETTER.search(shown.replace("General", "")) else code


class _Texts:
    """The texts that cells share, on disk: a million rows have millions of them."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._ends = array("Q", [0])
        self.find = lru_cache(maxsize=_CACHED_TEXTS)(self._read)

    def add(self, text: str) -> None:
        content = text.encode("utf-8", "surrogatepass")
        self._file.write(content)
        self._ends.append(self._ends[-1] + len(content))

    def _read(self, number: str) -> str:
        place = int(number)
        if not 0 <= place < len(self._ends) - 1:
            raise Unreadable("The workbook is damaged: a cell names a text that is not there.")
        begin = self._ends[place]
        return os.pread(self._file.fileno(), self._ends[place + 1] - begin, begin).decode("utf-8", "surrogatepass")


@contextmanager
def _open_texts(archive: zipfile.ZipFile, workbook: _Workbook) -> Iterator[_Texts]:
    with tempfile.TemporaryFile() as file:
        texts = _Texts(file)
        if workbook.texts_part:
            with archive.open(workbook.texts_part) as stream:
                _store_texts(stream, texts)
        file.flush()
        yield texts


def _store_texts(stream: IO[bytes], texts: _Texts) -> None:
    pieces: list[str] = []
    open_elements: list[str] = []
    length = 0

    def start(name: str, _attributes: dict[str, str]) -> None:
        open_elements.append(name.rpartition(":")[2])
        _check_depth(len(open_elements))

    def end(_name: str) -> None:
        nonlocal length
        if open_elements.pop() == "si":
            texts.add(_unescape("".join(pieces)))
            pieces.clear()
            length = 0

    def text(data: str) -> None:
        nonlocal length
        # rPh is how a Japanese text is spoken, and is not shown. A text beyond the limit is kept too long, not whole.
        if open_elements[-1] == "t" and length <= MAX_CELL and "rPh" not in open_elements:
            pieces.append(data)
            length += len(data)

    for _ in _parse_xml(stream, StartElementHandler=start, EndElementHandler=end, CharacterDataHandler=text):
        pass


def _unescape(text: str) -> str:
    return _ESCAPED.sub(lambda match: chr(int(match[1], 16)), text) if "_x" in text else text


class _SheetHandlers:
    """The handlers of a sheet's XML. `rows` are those that are complete."""

    def __init__(self, workbook: _Workbook, texts: _Texts) -> None:
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
            _check_depth(self._depth)

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
        return value if self._type == "d" else _unescape(value)


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


def _stream_sheet(archive: zipfile.ZipFile, part: str, workbook: _Workbook, texts: _Texts) -> Iterator[FileRow]:
    handlers = _SheetHandlers(workbook, texts)
    with archive.open(part) as stream:
        for _ in _parse_xml(
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
