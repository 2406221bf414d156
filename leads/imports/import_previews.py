"""The first rows of a file as its map understands them, for the pages of an import."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Final

from django.utils import timezone

from leads.exceptions import Refused
from leads.files.table_rows import FileRow
from leads.imports import column_guesses, file_imports, stored_files
from leads.imports.column_map import ColumnMap
from leads.imports.file_imports import FileImport, RowVerdict
from leads.imports.import_kinds import ImportKind
from leads.intake import lead_upserts, value_readings
from leads.intake.attribute_statements import AttributeStatement
from leads.normalization import domain_names
from leads.normalization.stated_values import Readings
from leads.vocabulary import BEGINNING, NoteKind

PREVIEW_ROWS: Final = 20
_EXAMPLES: Final = 3
_LONGEST_SHOWN: Final = 200


@dataclass(frozen=True, slots=True)
class TableSample:
    """The header and the first rows of a file."""

    header: Sequence[str]
    rows: Sequence[FileRow]

    def examples(self, place: int) -> list[str]:
        """Return up to three different values of a column."""
        values = (shown_text(row.cells[place]) for row in self.rows if not row.flaw and place < len(row.cells))
        return list(dict.fromkeys(value for value in values if value))[:_EXAMPLES]


@dataclass(frozen=True, slots=True)
class ColumnExamples:
    """A column of a file with some of its values: what it seems to mean, and how we know. An empty target is left out.

    `rank` orders the columns of one target.
    """

    header: str
    target: str
    sender: str
    reason: str
    rank: int
    examples: Sequence[str]


@dataclass(frozen=True, slots=True)
class PreviewCell:
    """A cell: the text in the file, and what it was understood as. `is_understood` is false for a value kept as it came.

    `is_used` is false where another column of the same meaning gave the row its value.
    """

    header: str
    target: str
    text: str
    value: str
    is_understood: bool
    is_refused: bool
    is_used: bool


@dataclass(frozen=True, slots=True)
class PreviewRow:
    line: int
    cells: Sequence[PreviewCell]
    verdict: RowVerdict
    notes: Sequence[str]


def read_sample(path: Path, kind: ImportKind, column_map: ColumnMap, *, limit: int = PREVIEW_ROWS) -> TableSample:
    """Read the header and the first rows of a file. Raises Unreadable."""
    with closing(file_imports.read_table(path, kind, column_map)) as rows:
        return TableSample(next(rows).cells, list(islice(rows, limit)))


def guess_targets(sample: TableSample, kind: ImportKind) -> list[ColumnExamples]:
    """Guess the meaning of each column from its header and its first values."""
    cells = [row.cells for row in sample.rows if not row.flaw]
    guesses = column_guesses.guess_columns([name.strip() for name in sample.header], cells, kind)
    return [
        ColumnExamples(
            shown_text(guess.header), guess.target, guess.sender, guess.reason, guess.rank, sample.examples(place)
        )
        for place, guess in enumerate(guesses)
    ]


def build_preview(
    file: FileImport, rows: Sequence[FileRow], verdicts: Sequence[RowVerdict], now: dt.datetime
) -> list[PreviewRow]:
    """Return what the plan understands of each row, beside the verdict that storing it would have."""
    readings = value_readings.current_readings()
    return [
        PreviewRow(
            row.line,
            _build_cells(file, row, verdict, now, readings),
            verdict,
            [note.text for note in verdict.notes],
        )
        for row, verdict in zip(rows, verdicts, strict=True)
    ]


def shown_text(value: object) -> str:
    """Return a value of a file as a short text for people."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dt.datetime):
        return "since ever" if value == BEGINNING else timezone.localtime(value).strftime("%Y-%m-%d %H:%M %Z")
    if isinstance(value, list | tuple):
        return ", ".join(map(shown_text, value))
    text = stored_files.clean_text(str(value)).strip()
    return text if len(text) <= _LONGEST_SHOWN else f"{text[: _LONGEST_SHOWN - 1]}…"


def _build_cells(
    file: FileImport, row: FileRow, verdict: RowVerdict, now: dt.datetime, readings: Readings
) -> list[PreviewCell]:
    values = _understand(file, row, now, readings)
    unread = {note.field for note in verdict.notes if note.kind == NoteKind.NOT_UNDERSTOOD}
    refused = verdict.field if verdict.status == "rejected" else ""
    used = file.plan.find_used_places(row.cells)
    return [
        PreviewCell(
            header=shown_text(file.header[place]),
            target=target,
            text=shown_text(row.cells[place]) if place < len(row.cells) else "",
            value=values.get(target, "") if place in used else "",
            is_understood=place not in used or target not in unread,
            is_refused=place in used and target == refused,
            is_used=place in used,
        )
        for target, place in file.columns_in_order
    ]


def _understand(file: FileImport, row: FileRow, now: dt.datetime, readings: Readings) -> Mapping[str, str]:
    """Return the value that each target gets from a row, as text; nothing for a row that is refused as a whole."""
    if row.flaw:
        return {}
    try:
        item, _ = file.plan.build_item(row.cells)
        read = _STATEMENT_READERS.get(file.plan.kind.name)
        values = (
            _statement_values(read(item, source=file.source, now=now, since=BEGINNING, readings=readings))
            if read
            else _flat_item(item)
        )
    except Refused:
        return {}
    return {target: shown_text(value) for target, value in values.items()}


def _statement_values(statement: AttributeStatement) -> dict[str, Any]:
    values = dict(statement.values)
    keys = {
        "domain": statement.first_key,
        "email": domain_names.address_to_letters(statement.first_key),
        "external_id": statement.external_id,
        "company_domain": statement.company_domain,
        "company_external_id": statement.company_external_id,
        "valid_from": statement.valid_from,
        "created_at": statement.since,
        "employees": _band_text(values),
    }
    return keys | values


def _band_text(values: Mapping[str, Any]) -> str:
    low, high = values.get("employees_low"), values.get("employees_high")
    if low is None and high is None:
        return ""
    return f"{low:,}" if low == high else f"{low or 0:,} to {high:,}" if high is not None else f"{low:,} or more"


def _flat_item(item: Mapping[str, Any]) -> dict[str, Any]:
    properties = {f"properties.{name}": value for name, value in item.get("properties", {}).items()}
    return {**item, **properties}


_STATEMENT_READERS: Final[Mapping[str, Callable[..., AttributeStatement]]] = {
    "leads": lead_upserts.read_lead,
    "companies": lead_upserts.read_company,
}
