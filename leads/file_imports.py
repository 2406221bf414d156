"""Files on their way in: in batches, each its own transaction together with the mark how far the file came.

A crash loses nothing: the same file goes on after the last batch that was committed. A bad row costs itself.
"""

from __future__ import annotations

import csv
import datetime as dt
import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import IO, Any, Final

from django.db import DataError, IntegrityError, transaction

from config import downloads
from leads import csv_reader, events, lead_upserts, outcomes
from leads.csv_reader import Row, Unreadable
from leads.exceptions import Refused
from leads.import_mapping import Map, Plan, plan
from leads.models import ImportRun
from leads.vocabulary import BEGINNING

BATCH: Final = 1_000
_COUNTED: Final = {"accepted": "created", "duplicate": "unchanged"}

Item = dict[str, Any]
#: (status, field, reason) for each item.
Verdict = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Import:
    """One file to take in: what it holds, how its columns read, in whose space its ids are."""

    path: Path
    plan: Plan
    header: Sequence[str]
    source: str
    rejected: Path


def prepare(*, path: Path, kind: Any, a_map: Map, source: str, rejected: Path) -> Import:
    """Read the header. Raises Unreadable or OSError."""
    with closing(csv_reader.rows(path, encoding=a_map.encoding, delimiter=a_map.delimiter)) as rows:
        header = next(rows).cells
    return Import(path, plan(kind, a_map, header), header, source, rejected)


def run(*, file: Import, again: bool, now: dt.datetime, progress: Callable[[ImportRun], None]) -> ImportRun:
    """Take the file in, or the rest of it; a finished file only `again`. Raises Unreadable; what is committed stays."""
    record, _ = ImportRun.objects.get_or_create(
        kind=file.plan.kind.name,
        digest=_digest(file),
        defaults={"file_name": file.path.name[-255:], "started_at": now},
    )
    if again:
        _reset(record, now)
    if record.finished_at is not None:
        return record
    with _rejected_rows(file, record.lines_done) as rejected:
        for batch in _batches(file, record.lines_done):
            _store(batch, file, record, csv.writer(rejected), now)
            rejected.flush()
            progress(record)
    record.finished_at = now
    record.save(update_fields=["finished_at"])
    if not record.rejected:
        file.rejected.unlink(missing_ok=True)
    return record


def _digest(file: Import) -> str:
    """Of the content and of the way to read it: with another map it is another import."""
    digest = hashlib.sha256(json.dumps([asdict(file.plan.map), file.source], sort_keys=True).encode())
    with file.path.open("rb") as content:
        while block := content.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _reset(record: ImportRun, now: dt.datetime) -> None:
    record.started_at, record.finished_at, record.lines_done = now, None, 0
    record.created = record.updated = record.unchanged = record.rejected = 0
    record.save()


def _batches(file: Import, lines_done: int) -> Iterator[list[Row]]:
    a_map = file.plan.map
    rows = csv_reader.rows(file.path, encoding=a_map.encoding, delimiter=a_map.delimiter)
    next(rows)
    waiting = (row for row in rows if row.line > lines_done)
    while batch := list(islice(waiting, BATCH)):
        yield batch


def _rejected_rows(file: Import, lines_done: int) -> IO[str]:
    """The file of rejected rows, with those of the batches that were committed before."""
    kept = _kept(file, lines_done) if lines_done and file.rejected.exists() else []
    target = file.rejected.open("w", encoding="utf-8", errors="surrogateescape", newline="")
    csv.writer(target).writerows([["line", "field", "reason", *map(downloads.cell, file.header)], *kept])
    return target


def _kept(file: Import, lines_done: int) -> list[list[str]]:
    with file.rejected.open(encoding="utf-8", errors="surrogateescape", newline="") as earlier:
        return [row for row in csv.reader(earlier) if row and row[0].isdecimal() and int(row[0]) <= lines_done]


def _store(batch: Sequence[Row], file: Import, record: ImportRun, rejected: Any, now: dt.datetime) -> None:
    with transaction.atomic():
        verdicts = _verdicts(batch, file, now)
        for row, (status, field, reason) in zip(batch, verdicts, strict=True):
            if status == "rejected":
                rejected.writerow([row.line, field, reason, *map(downloads.cell, row.cells)])
        counts = Counter(_COUNTED.get(status, status) for status, _, _ in verdicts)
        for name, count in counts.items():
            setattr(record, name, getattr(record, name) + count)
        record.lines_done = batch[-1].line
        record.save()


def _verdicts(batch: Sequence[Row], file: Import, now: dt.datetime) -> list[Verdict]:
    verdicts: list[Verdict | None] = [None] * len(batch)
    items: dict[int, Item] = {}
    for position, row in enumerate(batch):
        if row.flaw:
            verdicts[position] = ("rejected", "row", row.flaw)
            continue
        try:
            items[position] = file.plan.item(row.cells)
        except Refused as refusal:
            verdicts[position] = ("rejected", refusal.field, refusal.rule)
    taken = _taken(list(items.values()), TAKERS[file.plan.kind.name], file.source, now)
    for position, verdict in zip(items, taken, strict=True):
        verdicts[position] = verdict
    return [verdict for verdict in verdicts if verdict is not None]


Taker = Callable[[Sequence[Item], str, dt.datetime], list[Verdict]]


def _taken(items: Sequence[Item], take: Taker, source: str, now: dt.datetime) -> list[Verdict]:
    """All at once; one by one where the database refuses something that we did not foresee."""
    try:
        with transaction.atomic():
            return take(items, source, now)
    except (DataError, IntegrityError):
        if len(items) == 1:
            return [("rejected", "row", "could not be stored.")]
        return [_taken([item], take, source, now)[0] for item in items]


def _take_events(items: Sequence[Item], source: str, now: dt.datetime) -> list[Verdict]:
    return [_of_result(result) for result in events.record(items=items, source=source, now=now)]


def _take_outcomes(items: Sequence[Item], source: str, now: dt.datetime) -> list[Verdict]:
    return [_of_result(result) for result in outcomes.record(items=items, source=source, now=now)]


def _of_result(result: events.Result) -> Verdict:
    return result.status, result.field, result.reason


def _take_leads(items: Sequence[Item], source: str, now: dt.datetime) -> list[Verdict]:
    return _upserted(items, lead_upserts.read_lead, lead_upserts.upsert_leads, source, now)


def _take_companies(items: Sequence[Item], source: str, now: dt.datetime) -> list[Verdict]:
    return _upserted(items, lead_upserts.read_company, lead_upserts.upsert_companies, source, now)


def _upserted(
    items: Iterable[Item], read: Callable[..., Any], upsert: Callable[..., list[Any]], source: str, now: dt.datetime
) -> list[Verdict]:
    """A file without dates tells what has always been so."""
    answers = lead_upserts.read_and_upsert(
        items=items, read=read, upsert=upsert, source=source, now=now, since=BEGINNING
    )
    return [
        (each.change, each.refusal.field if each.refusal else "", each.refusal.rule if each.refusal else "")
        for each in answers
    ]


TAKERS: Final[Mapping[str, Taker]] = {
    "companies": _take_companies,
    "leads": _take_leads,
    "events": _take_events,
    "outcomes": _take_outcomes,
}

__all__ = ["BATCH", "Import", "Unreadable", "prepare", "run"]
