"""The event columns of the engine, and the copy of them that each machine keeps on disk.

Reading a million events costs more than judging them, and events never change: so their columns are kept, sorted, in one file
per range of lead ids, each with the snapshot that saw them, and only what that snapshot did not see is read. (Ids would not do: a
lower one may become visible later.) The folder is named after the server, its timeline and the table's storage, so that a
restored or emptied database starts anew. It may be wiped at any moment.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from django.conf import settings
from numpy.typing import NDArray

from scoring.engine.timeline import Ints, places
from scoring.reading import INSTANT, BulkReader, Reader, Scope, Snapshot, instants

#: Lead ids per file: what bounds the memory of a chunk and the cost of rewriting one.
RANGE = 1 << 16

_SCHEMA = {"lead": pa.int64(), "at": INSTANT, "signal": pa.int16()}


@dataclass(frozen=True, slots=True, eq=False)
class Events:
    """m events sorted by (lead, at): lead ids, microseconds, signal ids, and assets as codes (-1 none; only if asked for)."""

    lead: Ints
    at: Ints
    signal: NDArray[np.int16]
    asset: NDArray[np.int32]

    def __len__(self) -> int:
        return int(self.lead.size)


def read(reader: Reader, where: str, *, with_assets: bool = False) -> Events:
    """Straight from the table; without assets, from its covering index. Asset codes are those of this one answer."""
    asset = ", asset" if with_assets else ""
    schema = _SCHEMA | ({"asset": pa.string()} if with_assets else {})
    table = reader.table(
        f"SELECT lead_id, occurred_at, signal_id{asset} FROM leads_event WHERE {where} ORDER BY lead_id, occurred_at",
        schema,
    )
    assets = _asset_codes(table["asset"]) if with_assets else _no_assets(table.num_rows)
    return Events(table["lead"].to_numpy(), instants(table["at"]), table["signal"].to_numpy(), assets)


class Cache:
    """The kept columns of one database, as one reader sees them. Without assets: few rules ask for them."""

    def __init__(self, reader: BulkReader, folder: Path | None = None) -> None:
        row = reader.table(
            "SELECT (SELECT system_identifier FROM pg_control_system())::text, pg_relation_filenode('leads_event')::bigint,"
            " (SELECT timeline_id FROM pg_control_checkpoint())::bigint,"
            f" EXISTS (SELECT FROM leads_event WHERE transaction >= {reader.snapshot.high})",
            {"server": pa.string(), "storage": pa.int64(), "timeline": pa.int64(), "foreign": pa.bool_()},
        ).to_pylist()[0]
        self._reader = reader
        self._folder = (folder or settings.COLUMN_CACHE_DIR) / f"{row['server']}-{row['timeline']}-{row['storage']}"
        # Rows restored from another server carry its transactions, which say nothing here: then nothing is kept.
        self._usable = not row["foreign"]

    def events(self, number: int) -> Events:
        """All events of the leads `[number * RANGE, (number + 1) * RANGE)` in the reader's snapshot."""
        within = Scope(number * RANGE, (number + 1) * RANGE).sql("lead_id")
        kept = self._kept(number) if self._usable else None
        if kept is None:
            found = read(self._reader, within)
        elif not self._reader.snapshot.covers(kept[1]):
            # Another process keeps what we cannot see yet; our snapshot is the older one and leaves no trace.
            return read(self._reader, within)
        else:
            fresh = read(self._reader, f"{within} AND {kept[1].unseen('transaction')}")
            if not len(fresh):
                return kept[0]
            found = merged(kept[0], fresh)
        if self._usable:
            self._keep(number, found)
        return found

    def _path(self, number: int) -> Path:
        return self._folder / f"{number}.npz"

    def _kept(self, number: int) -> tuple[Events, Snapshot] | None:
        unreadable = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile)
        with contextlib.suppress(*unreadable), self._path(number).open("rb") as file, np.load(file) as kept:
            events = Events(kept["lead"], kept["at"], kept["signal"], _no_assets(kept["lead"].size))
            return events, Snapshot.parsed(str(kept["snapshot"]))
        return None

    def _keep(self, number: int, events: Events) -> None:
        """Whole or not at all: another process may be reading or writing the same file."""
        with _whole(self._path(number)) as draft:
            np.savez(
                draft,
                lead=events.lead,
                at=events.at,
                signal=events.signal,
                snapshot=np.array(str(self._reader.snapshot)),
            )


def merged(some: Events, more: Events) -> Events:
    """Both in one, sorted as they are. Of one lead and instant, those of `some` come first."""
    where = places(some.lead, some.at, more.lead, more.at)
    return Events(
        np.insert(some.lead, where, more.lead),
        np.insert(some.at, where, more.at),
        np.insert(some.signal, where, more.signal),
        np.insert(some.asset, where, more.asset),
    )


def _no_assets(count: int) -> NDArray[np.int32]:
    return np.full(count, -1, dtype=np.int32)


def _asset_codes(column: pa.ChunkedArray) -> NDArray[np.int32]:
    encoded = column.combine_chunks().dictionary_encode()
    codes = encoded.indices.to_numpy().astype(np.int32)
    empty = [code for code, asset in enumerate(encoded.dictionary.to_pylist()) if not asset]
    return np.where(np.isin(codes, empty), np.int32(-1), codes)


@contextlib.contextmanager
def _whole(path: Path) -> Iterator[str]:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, draft = tempfile.mkstemp(dir=path.parent, suffix=".npz")
    os.close(handle)
    try:
        yield draft
        Path(draft).replace(path)
    finally:
        Path(draft).unlink(missing_ok=True)
