"""The archive of an XLSX workbook: its checks against hostile files, its sheets, and the formats of its numbers."""

from __future__ import annotations

import datetime as dt
import posixpath
import re
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import IO, Final, NoReturn
from xml.parsers import expat

from leads.files.table_rows import Unreadable

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
#: The formats that stand for dates by their number, without a code of their own.
_DATE_FORMAT_IDS: Final = frozenset({*range(14, 23), *range(27, 37), *range(45, 48), *range(50, 59)})
_NO_DATE_IN_FORMAT = re.compile(r'"[^"]*"|\\.|_.|\*.|\[(?!h+\]|m+\]|s+\])[^\]]*\]', re.IGNORECASE)
_DATE_LETTER = re.compile(r"[ymdhs]", re.IGNORECASE)


def check_archive(archive: zipfile.ZipFile) -> None:
    """Raise Unreadable for an archive that has a password or was made to fill memory or disk."""
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
class Workbook:
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


def parse_xml(stream: IO[bytes], **handlers: Callable[..., None]) -> Iterator[None]:
    """Parse a part block by block, and pause after each block. Handlers get names as the file writes them, with their prefix."""
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


def check_depth(depth: int) -> None:
    """Raise Unreadable for elements in each other deeper than any spreadsheet program writes."""
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
        for _ in parse_xml(stream, StartElementHandler=keep):
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


def read_workbook(archive: zipfile.ZipFile) -> Workbook:
    """Read where the sheets are, and the formats of numbers. Raises Unreadable."""
    parts = frozenset(archive.namelist())
    main = next((part for kind, part in _list_relations(archive, "").values() if kind == "officeDocument"), "")
    if main not in parts:
        raise Unreadable("The file is a ZIP archive, but not an XLSX workbook; unpack it, and import the file in it.")
    relations = {key: target for key, target in _list_relations(archive, main).items() if target[1] in parts}
    workbook = Workbook()
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
