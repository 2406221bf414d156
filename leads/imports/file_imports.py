"""The import of files, in batches: a transaction stores a batch together with how far the file came (rules 13.7).

A crash loses nothing: the same file is resumed after its last committed batch. A bad row does not stop the others.
"""

from __future__ import annotations

import datetime as dt
import gc
import hashlib
import json
import time
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any, Final, NamedTuple

from django.db import DataError, IntegrityError, transaction

from config import downloads
from config.accounts.models import User
from leads.exceptions import Refused
from leads.files import file_reader, refused_row_files
from leads.files.table_rows import FileRow, Unreadable
from leads.imports import import_runs, stored_files
from leads.imports.column_map import ColumnMap
from leads.imports.import_kinds import ImportKind
from leads.imports.import_mapping import ImportPlan, build_header_test, build_plan
from leads.imports.import_runs import RunRequest
from leads.intake import company_events, events, lead_upserts, outcomes
from leads.intake.item_results import ItemResult
from leads.models import ImportFile, ImportRefusedRow, ImportRun
from leads.normalization.row_notes import RowNote
from leads.rescoring import rescore_queue
from leads.rescoring.rescore_queue import RescorePace
from leads.vocabulary import BEGINNING

BATCH: Final = 1_000
#: Columns are guessed by their headers and by so many rows.
SAMPLE: Final = 100
#: The longest part of a refused address that is kept beside the row.
ADDRESS_AT_MOST: Final = 254
#: A batch ends at so many characters, too: a few rows of a hostile file may fill the memory.
_BATCH_CHARACTERS: Final = 4_000_000
_PROGRESS_COLUMNS: Final = (
    "lines_done", "lines_total", "created", "updated", "unchanged", "rejected", "notes", "claimed_until", "rescored_until",
    "stalls", "worked_seconds",
)  # fmt: skip
_COUNT_COLUMNS: Final = {"accepted": "created", "duplicate": "unchanged"}

Item = dict[str, Any]


class RowVerdict(NamedTuple):
    """The verdict on one row: accepted in some way, or rejected for a field and a reason.

    `subject_id` is the lead or company that a row about one of them describes.
    """

    status: str
    field: str = ""
    reason: str = ""
    notes: tuple[RowNote, ...] = ()
    subject_id: int | None = None


@dataclass(frozen=True, slots=True)
class FileImport:
    """A file to import: its path, the plan of its columns and the namespace of its ids."""

    path: Path
    plan: ImportPlan
    header: Sequence[str]
    source: str

    @property
    def columns_in_order(self) -> list[tuple[str, int]]:
        """The pairs (target, index in the row) in the order of the file."""
        return sorted(self.plan.columns, key=lambda column: column[1])


def prepare_import(*, path: Path, kind: ImportKind, column_map: ColumnMap, source: str) -> FileImport:
    """Read the header of a file, and match it with the map. Raises Unreadable or OSError."""
    header, sample_rows = read_sample(path, kind, column_map)
    return FileImport(path, build_plan(kind, column_map, header, sample_rows), header, source)


def read_sample(
    path: Path, kind: ImportKind, column_map: ColumnMap, rows: int = SAMPLE
) -> tuple[Sequence[str], list[Sequence[str]]]:
    """Return the header of a file and its first rows without flaws. Raises Unreadable or OSError."""
    with closing(read_table(path, kind, column_map)) as table:
        header = next(table).cells
        return header, [row.cells for row in islice((row for row in table if not row.flaw), rows)]


def read_table(path: Path, kind: ImportKind, column_map: ColumnMap) -> Generator[FileRow, None, None]:
    """Yield the header and the rows of a file as its map says to read it. Raises Unreadable."""
    return file_reader.read_rows(path, column_map.reading, is_header=build_header_test(kind, column_map))


def run_import(*, file: FileImport, again: bool, now: dt.datetime, progress: Callable[[ImportRun], None]) -> ImportRun:
    """Import a file, or the rest of it. A file that was imported completely is imported again only with `again`.

    `progress` is called after each batch. Raises Unreadable, or ImportStopped if somebody cancels it or imports the
    same file at the same time; what is committed by then stays.
    """
    clock = start_clock(now)
    content_digest, lines = _read_content(file.path)
    run, _ = import_runs.request_run(
        build_request(file, file_name=file.path.name, content_digest=content_digest, lines=lines), again=again, now=now
    )
    if not run.is_pending:
        return run
    # Whoever starts the command again need not wait for the lease of the one that was killed.
    if not import_runs.claim_run(run, now=now):
        raise import_runs.ImportStopped
    try:
        for _ in import_batches(file, run, clock):
            progress(run)
    except Unreadable as error:
        import_runs.finish_run(run, now=clock(), error=str(error))
        raise
    import_runs.finish_run(run, now=clock())
    return run


def build_request(
    file: FileImport,
    *,
    file_name: str,
    content_digest: str,
    lines: int,
    stored: ImportFile | None = None,
    by: User | None = None,
) -> RunRequest:
    """Return the request to import a file. The same content with another map or source is another import."""
    column_map = asdict(file.plan.map)
    identity = json.dumps([column_map, file.source, content_digest], sort_keys=True)
    return RunRequest(
        kind=file.plan.kind.name,
        file_name=stored_files.clean_text(file_name),
        digest=hashlib.sha256(identity.encode()).hexdigest(),
        content_digest=content_digest,
        map=column_map,
        source=file.source,
        header=[stored_files.clean_text(name) for name in file.header],
        left_out=[stored_files.clean_text(name) for name in file.plan.left_out],
        columns=list(file.plan.columns),
        reading_notes=[stored_files.clean_text(note) for note in file.plan.notes],
        lines_total=lines,
        file=stored,
        by=by,
    )


def import_batches(file: FileImport, run: ImportRun, clock: Callable[[], dt.datetime]) -> Iterator[ImportRun]:
    """Import the rest of a file, and yield after each batch. The caller has claimed the run.

    1. Skip the rows up to `lines_done`.
    2. Take a batch of rows, in `BATCH` rows or `_BATCH_CHARACTERS`.
    3. In one transaction: lock the run, store the rows and the refused ones, note the progress and renew the lease.

    Raises Unreadable, and ImportStopped before a batch when the claim is lost or the import cancelled.
    """
    pace = RescorePace(run.rescored_until or run.started_at)
    with closing(_read_batches(file, run.lines_done)) as batches:
        for batch in batches:
            began = time.monotonic()
            with rescore_queue.slow_down(pace), _pause_garbage_collection():
                _store_batch(batch, file, run, clock(), pace, began)
            yield run


@contextmanager
def _pause_garbage_collection() -> Iterator[None]:
    """Leave the objects of the block to reference counting.

    Nothing of a batch outlives it, but its objects are so many that the collector would search all of the process for
    garbage every few batches, which takes a fifth of the time.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def refused_lines(run: ImportRun) -> Iterator[str]:
    """Yield the refused rows of an import as lines of CSV: line, field, reason, and the original cells."""
    header = [*refused_row_files.OWN_COLUMNS, *map(refused_row_files.protect_cell, run.header)]
    rows = (
        [row.line, row.field, row.reason, *map(refused_row_files.protect_cell, json.loads(row.cells))]
        for row in read_refused_rows(run)
    )
    return downloads.csv_lines(chain([header], rows))


def read_refused_rows(run: ImportRun) -> Iterator[ImportRefusedRow]:
    """Yield the refused rows of an import in the order of their lines, page by page."""
    line = -1
    while page := list(run.refused_rows.filter(line__gt=line).order_by("line")[:BATCH]):
        yield from page
        line = page[-1].line


def start_clock(now: dt.datetime) -> Callable[[], dt.datetime]:
    """Return a clock that shows `now` and goes on from there: an import takes minutes."""
    began = time.monotonic()
    return lambda: now + dt.timedelta(seconds=time.monotonic() - began)


def _read_content(path: Path) -> tuple[str, int]:
    """Return the digest of a file and the number of its lines; 0 for a workbook."""
    digest, lines, is_archive = hashlib.sha256(), 0, False
    with path.open("rb") as content:
        while block := content.read(1 << 20):
            is_archive = is_archive or (not lines and block.startswith(b"PK\x03\x04"))
            digest.update(block)
            lines += block.count(b"\n")
    return digest.hexdigest(), 0 if is_archive else lines


def _read_batches(file: FileImport, lines_done: int) -> Generator[list[FileRow], None, None]:
    rows = read_table(file.path, file.plan.kind, file.plan.map)
    next(rows)
    batch: list[FileRow] = []
    characters = 0
    for row in rows:
        if row.line <= lines_done:
            continue
        batch.append(row)
        characters += sum(map(len, row.cells))
        if len(batch) >= BATCH or characters >= _BATCH_CHARACTERS:
            yield batch
            batch, characters = [], 0
    if batch:
        yield batch


def _store_batch(
    batch: Sequence[FileRow], file: FileImport, run: ImportRun, now: dt.datetime, pace: RescorePace, began: float
) -> None:
    with transaction.atomic():
        import_runs.lock_claimed(run)
        verdicts = judge_rows(batch, file, now)
        _store_refused_rows(batch, verdicts, file, run)
        counts = Counter(_COUNT_COLUMNS.get(verdict.status, verdict.status) for verdict in verdicts)
        for name, count in counts.items():
            setattr(run, name, getattr(run, name) + count)
        _count_notes(run, verdicts)
        run.lines_done = batch[-1].line
        # The lines of a workbook are not known beforehand.
        run.lines_total = max(run.lines_total, run.lines_done) if run.lines_total else 0
        run.claimed_until, run.rescored_until, run.stalls = now + import_runs.LEASE, pace.until, 0
        run.worked_seconds += time.monotonic() - began
        run.save(update_fields=_PROGRESS_COLUMNS)


def _store_refused_rows(
    batch: Sequence[FileRow], verdicts: Sequence[RowVerdict], file: FileImport, run: ImportRun
) -> None:
    ImportRefusedRow.objects.bulk_create(
        ImportRefusedRow(
            run=run,
            line=row.line,
            field=stored_files.clean_text(verdict.field)[:200],
            reason=stored_files.clean_text(verdict.reason),
            cells=json.dumps(list(row.cells)),
            address=_refused_address(row, verdict, file),
        )
        for row, verdict in zip(batch, verdicts, strict=True)
        if verdict.status == "rejected"
    )


def _refused_address(row: FileRow, verdict: RowVerdict, file: FileImport) -> str:
    """Return the address for which a row was refused, or nothing if that was not the reason."""
    if verdict.field != "email":
        return ""
    cells = (row.cells[place].strip() for target, place in file.plan.columns if target == "email")
    return stored_files.clean_text(next((cell for cell in cells if cell), ""))[:ADDRESS_AT_MOST]


def _count_notes(run: ImportRun, verdicts: Iterable[RowVerdict]) -> None:
    for verdict in verdicts:
        for note in verdict.notes:
            fields = run.notes.setdefault(note.kind.value, {})
            fields[note.field] = fields.get(note.field, 0) + 1


def judge_rows(batch: Sequence[FileRow], file: FileImport, now: dt.datetime) -> list[RowVerdict]:
    """Store rows, and return the verdict on each of them in order. Needs a transaction."""
    verdicts: list[RowVerdict | None] = [None] * len(batch)
    items: dict[int, Item] = {}
    notes: dict[int, tuple[RowNote, ...]] = {}
    for position, row in enumerate(batch):
        if row.flaw:
            verdicts[position] = RowVerdict("rejected", "row", row.flaw)
            continue
        try:
            items[position], notes[position] = file.plan.build_item(row.cells)
        except Refused as refusal:
            verdicts[position] = RowVerdict("rejected", refusal.field, refusal.rule)
    stored = _store_items(list(items.values()), STORE_BY_KIND[file.plan.kind.name], file.source, now)
    for position, verdict in zip(items, stored, strict=True):
        verdicts[position] = verdict._replace(notes=notes[position] + verdict.notes) if notes[position] else verdict
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
    # A file about people often names their companies, too: then the event is the person's.
    of_people = [
        {key: value for key, value in item.items() if key not in company_events.COMPANY_KEYS}
        if "email" in item or "lead" in item
        else item
        for item in items
    ]
    results = events.record(items=of_people, source=source, now=now, is_imported=True)
    return [_verdict_of(result) for result in results]


def _store_outcomes(items: Sequence[Item], source: str, now: dt.datetime) -> list[RowVerdict]:
    return [_verdict_of(result) for result in outcomes.record(items=items, source=source, now=now)]


def _verdict_of(result: ItemResult) -> RowVerdict:
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
        else RowVerdict(result.change, notes=result.notes, subject_id=result.subject and result.subject.pk)
        for result in results
    ]


STORE_BY_KIND: Final[dict[str, StoreItems]] = {
    "companies": _store_companies,
    "leads": _store_leads,
    "events": _store_events,
    "outcomes": _store_outcomes,
}


def register_store(kind: str, store: StoreItems) -> None:
    """Add the storing of a kind of file whose rows another app understands; it is called once for each batch."""
    STORE_BY_KIND[kind] = store


__all__ = [
    "BATCH",
    "FileImport",
    "RowVerdict",
    "Unreadable",
    "import_batches",
    "judge_rows",
    "prepare_import",
    "register_store",
    "run_import",
    "start_clock",
]
