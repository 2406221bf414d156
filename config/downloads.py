"""Downloads of tables as CSV. Imports no app."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from django.http import StreamingHttpResponse

#: A spreadsheet runs a cell that begins with one of these (some also in full width) as a formula, and leads can write
#: cells by filling in forms.
FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


class _Echo:
    def write(self, line: str) -> str:
        return line


def csv_download(name: str, header: Sequence[str], rows: Iterable[Sequence[object]]) -> StreamingHttpResponse:
    """Build a response that streams a CSV file."""
    lines = _csv_lines(header, rows)
    return StreamingHttpResponse(
        lines,
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}.csv"'},
    )


def text_download(name: str, lines: Iterable[str]) -> StreamingHttpResponse:
    """Build a response that streams the lines of a CSV file that is written already."""
    return StreamingHttpResponse(
        map(encode_line, lines),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}.csv"'},
    )


def encode_line(line: str) -> bytes:
    """Encode a line in UTF-8. Bytes of another file that were no UTF-8, read by `surrogateescape`, stay as they were."""
    try:
        return line.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return line.encode("utf-8", "replace")


def csv_lines(rows: Iterable[Sequence[object]]) -> Iterator[str]:
    """Yield the rows as lines of CSV. Their cells are safe already."""
    writer = csv.writer(_Echo())
    for row in rows:
        yield writer.writerow(row)


def safe_cell(value: object) -> object:
    """Return a cell in which a spreadsheet runs no formula: such text gets an apostrophe in front.

    Numbers stay numbers.
    """
    if isinstance(value, str) and (value.startswith(FORMULA_STARTS) or value.lstrip().startswith(FORMULA_STARTS)):
        return f"'{value}"
    return "" if value is None else value


def _csv_lines(header: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    writer = csv.writer(_Echo())
    yield writer.writerow(header)
    for row in rows:
        yield writer.writerow([safe_cell(value) for value in row])
