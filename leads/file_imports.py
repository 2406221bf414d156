"""The import of files, in batches: a transaction stores a batch together with how far the file came (rules 13.7).

A crash loses nothing: the same file is resumed after its last committed batch. A bad row does not stop the others.
"""

from __future__ import annotations

import csv
import datetime as dt
import hashlib
import json
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import IO, Any, Final, NamedTuple

from django.db import DataError, IntegrityError, transaction

from leads import events, file_reader, lead_upserts, outcomes, refused_row_files
from leads.exceptions import Refused
from leads.import_mapping import ColumnMap, ImportKind, ImportPlan, build_header_test, build_plan
from leads.models import ImportRun
from leads.notes import Note
from leads.table_rows import FileRow, Unreadable
from leads.vocabulary import BEGINNING

BATCH: Final = 1_000
#: Columns are guessed by their headers and by so many rows.
SAMPLE: Final = 100
_COUNT_COLUMNS: Final = {"accepted": "created", "duplicate": "unchanged"}

Item = dict[str, Any]


class RowVerdict(NamedTuple):
    """The verdict on one row: accepted in some way, or rejected for a field and a reason."""

    status: str
    field: str = ""
    reason: str = ""
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True, slots=True)
class FileImport:
    """A file to import: its path, the plan of its columns, the namespace of its ids, and the file for rejected rows."""

    path: Path
    plan: ImportPlan
    header: Sequence[str]
    source: str
    rejected: Path


def prepare_import(*, path: Path, kind: ImportKind, column_map: ColumnMap, source: str, rejected: Path) -> FileImport:
    """Read the header of a file, and match it with the map. Raises Unreadable or OSError."""
    if rejected.resolve() == path.resolve():
        raise Unreadable("The refused rows cannot go into the file that is imported; name another with --rejected.")
    header, sample_rows = read_sample(path, kind, column_map)
    return FileImport(path, build_plan(kind, column_map, header, sample_rows), header, source, rejected)


def read_sample(
    path: Path, kind: ImportKind, column_map: ColumnMap, rows: int = SAMPLE
) -> tuple[Sequence[str], list[Sequence[str]]]:
    """Return the header of a file and its first rows without flaws. Raises Unreadable or OSError."""
    with closing(_read_rows(path, kind, column_map)) as table:
        header = next(table).cells
        return header, [row.cells for row in islice((row for row in table if not row.flaw), rows)]


def _read_rows(path: Path, kind: ImportKind, column_map: ColumnMap) -> Generator[FileRow, None, None]:
    return file_reader.read_rows(path, column_map.reading, is_header=build_header_test(kind, column_map))


def run_import(*, file: FileImport, again: bool, now: dt.datetime, progress: Callable[[ImportRun], None]) -> ImportRun:
    """Import a file, or the rest of it. A file that was imported completely is imported again only with `again`.

    `progress` is called after each batch. Raises Unreadable; what is committed by then stays.
    """
    record, _ = ImportRun.objects.get_or_create(
        kind=file.plan.kind.name,
        digest=_build_digest(file),
        defaults={"file_name": file.path.name[-255:], "started_at": now},
    )
    if again:
        _reset(record, now)
    if record.finished_at is not None:
        return record
    with _open_rejected_file(file, record.lines_done) as rejected:
        for batch in _read_batches(file, record.lines_done):
            _store_batch(batch, file, record, csv.writer(rejected), now)
            rejected.flush()
            progress(record)
    record.finished_at = now
    record.save(update_fields=["finished_at"])
    if not record.rejected:
        file.rejected.unlink(missing_ok=True)
    return record


def _build_digest(file: FileImport) -> str:
    """Return a digest of the content, the map and the source: the same file with another map is another import."""
    digest = hashlib.sha256(json.dumps([asdict(file.plan.map), file.source], sort_keys=True).encode())
    with file.path.open("rb") as content:
        while block := content.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _reset(record: ImportRun, now: dt.datetime) -> None:
    record.started_at, record.finished_at, record.lines_done = now, None, 0
    record.created = record.updated = record.unchanged = record.rejected = 0
    record.notes = {}
    record.save()


def _read_batches(file: FileImport, lines_done: int) -> Iterator[list[FileRow]]:
    rows = _read_rows(file.path, file.plan.kind, file.plan.map)
    next(rows)
    remaining = (row for row in rows if row.line > lines_done)
    while batch := list(islice(remaining, BATCH)):
        yield batch


def _open_rejected_file(file: FileImport, lines_done: int) -> IO[str]:
    """Open the file of rejected rows for writing, and write the rejected rows of earlier batches to it."""
    earlier_rows = _rejected_before(file, lines_done) if lines_done and file.rejected.exists() else []
    target = file.rejected.open("w", encoding="utf-8", errors="surrogateescape", newline="")
    header = [*refused_row_files.OWN_COLUMNS, *map(refused_row_files.protect_cell, file.header)]
    csv.writer(target).writerows([header, *earlier_rows])
    return target


def _rejected_before(file: FileImport, lines_done: int) -> list[list[str]]:
    with file.rejected.open(encoding="utf-8", errors="surrogateescape", newline="") as earlier:
        return [row for row in csv.reader(earlier) if row and row[0].isdecimal() and int(row[0]) <= lines_done]


def _store_batch(
    batch: Sequence[FileRow], file: FileImport, record: ImportRun, rejected: Any, now: dt.datetime
) -> None:
    with transaction.atomic():
        verdicts = _judge_rows(batch, file, now)
        for row, verdict in zip(batch, verdicts, strict=True):
            if verdict.status == "rejected":
                cells = map(refused_row_files.protect_cell, row.cells)
                rejected.writerow([row.line, verdict.field, verdict.reason, *cells])
        counts = Counter(_COUNT_COLUMNS.get(verdict.status, verdict.status) for verdict in verdicts)
        for name, count in counts.items():
            setattr(record, name, getattr(record, name) + count)
        _count_notes(record, verdicts)
        record.lines_done = batch[-1].line
        record.save()


def _count_notes(record: ImportRun, verdicts: Iterable[RowVerdict]) -> None:
    for verdict in verdicts:
        for note in verdict.notes:
            fields = record.notes.setdefault(note.kind.value, {})
            fields[note.field] = fields.get(note.field, 0) + 1


def _judge_rows(batch: Sequence[FileRow], file: FileImport, now: dt.datetime) -> list[RowVerdict]:
    verdicts: list[RowVerdict | None] = [None] * len(batch)
    items: dict[int, Item] = {}
    for position, row in enumerate(batch):
        if row.flaw:
            verdicts[position] = RowVerdict("rejected", "row", row.flaw)
            continue
        try:
            items[position] = file.plan.build_item(row.cells)
        except Refused as refusal:
            verdicts[position] = RowVerdict("rejected", refusal.field, refusal.rule)
    stored = _store_items(list(items.values()), STORE_BY_KIND[file.plan.kind.name], file.source, now)
    for position, verdict in zip(items, stored, strict=True):
        verdicts[position] = verdict
    return [verdict for verdict in verdicts if verdict is not None]


StoreItems = Callable[[Sequence[Item], str, dt.datetime], list[RowVerdict]]


def _store_items(items: Sequence[Item], store: StoreItems, source: str, now: dt.datetime) -> list[RowVerdict]:
    """Store all items at once, or one by one if the database refuses a value that no rule foresaw."""
    try:
        with transaction.atomic():
            return store(items, source, now)
    except (DataError, IntegrityError):
        if len(items) == 1:
            return [RowVerdict("rejected", "row", "could not be stored.")]
        return [_store_items([item], store, source, now)[0] for item in items]


def _store_events(items: Sequence[Item], source: str, now: dt.datetime) -> list[RowVerdict]:
    return [_verdict_of(result) for result in events.record(items=items, source=source, now=now)]


def _store_outcomes(items: Sequence[Item], source: str, now: dt.datetime) -> list[RowVerdict]:
    return [_verdict_of(result) for result in outcomes.record(items=items, source=source, now=now)]


def _verdict_of(result: events.EventResult) -> RowVerdict:
    return RowVerdict(result.status, result.field, result.reason)


def _store_leads(items: Sequence[Item], source: str, now: dt.datetime) -> list[RowVerdict]:
    return _upsert_items(items, lead_upserts.read_lead, lead_upserts.upsert_leads, source, now)


def _store_companies(items: Sequence[Item], source: str, now: dt.datetime) -> list[RowVerdict]:
    return _upsert_items(items, lead_upserts.read_company, lead_upserts.upsert_companies, source, now)


def _upsert_items(
    items: Iterable[Item], read: Callable[..., Any], upsert: Callable[..., list[Any]], source: str, now: dt.datetime
) -> list[RowVerdict]:
    """Upsert leads or companies. In a file without dates, a first statement holds since `BEGINNING`."""
    results = lead_upserts.read_and_upsert(
        items=items, read=read, upsert=upsert, source=source, now=now, since=BEGINNING
    )
    return [
        RowVerdict(result.change, result.refusal.field, result.refusal.rule)
        if result.refusal
        else RowVerdict(result.change, notes=result.notes)
        for result in results
    ]


STORE_BY_KIND: Final[Mapping[str, StoreItems]] = {
    "companies": _store_companies,
    "leads": _store_leads,
    "events": _store_events,
    "outcomes": _store_outcomes,
}

__all__ = ["BATCH", "FileImport", "Unreadable", "prepare_import", "run_import"]
