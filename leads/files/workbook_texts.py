"""The texts that the cells of a workbook share, kept on disk."""

from __future__ import annotations

import os
import re
import tempfile
import zipfile
from array import array
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import IO, Final

from leads.files.table_rows import MAX_CELL, Unreadable
from leads.files.workbook_archive import Workbook, check_depth, parse_xml

_CACHED_TEXTS: Final = 50_000
_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")


class SharedTexts:
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
def open_texts(archive: zipfile.ZipFile, workbook: Workbook) -> Iterator[SharedTexts]:
    """Read the shared texts of a workbook into a temporary file, which the block reads."""
    with tempfile.TemporaryFile() as file:
        texts = SharedTexts(file)
        if workbook.texts_part:
            with archive.open(workbook.texts_part) as stream:
                _store_texts(stream, texts)
        file.flush()
        yield texts


def _store_texts(stream: IO[bytes], texts: SharedTexts) -> None:
    pieces: list[str] = []
    open_elements: list[str] = []
    length = 0

    def start(name: str, _attributes: dict[str, str]) -> None:
        open_elements.append(name.rpartition(":")[2])
        check_depth(len(open_elements))

    def end(_name: str) -> None:
        nonlocal length
        if open_elements.pop() == "si":
            texts.add(unescape_text("".join(pieces)))
            pieces.clear()
            length = 0

    def text(data: str) -> None:
        nonlocal length
        # rPh is how a Japanese text is spoken, and is not shown. A text beyond the limit is kept too long, not whole.
        if open_elements[-1] == "t" and length <= MAX_CELL and "rPh" not in open_elements:
            pieces.append(data)
            length += len(data)

    for _ in parse_xml(stream, StartElementHandler=start, EndElementHandler=end, CharacterDataHandler=text):
        pass


def unescape_text(text: str) -> str:
    """Return a text with the characters that XLSX writes as _x000D_."""
    return _ESCAPED.sub(lambda match: chr(int(match[1], 16)), text) if "_x" in text else text
