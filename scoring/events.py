"""The event columns of the engine, and the copy of them that each machine keeps on disk.

Reading a million events costs more than judging them (PERFORMANCE.md), and events never change: so their columns are
kept, sorted, in one file per range of lead ids, and only what came since is read. What may still become visible is never
kept: a file ends at the oldest transaction that was running when it was read (ids are not commit order). The folder is named
after the server and the table's storage, so a restored or emptied database starts anew; it may be wiped at any moment.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from django.conf import settings
from numpy.typing import NDArray

from scoring.engine.timeline import Bools, Ints
from scoring.reading import INSTANT, Reader, Scope, instants

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

    def where(self, chosen: Bools) -> Events:
        return Events(self.lead[chosen], self.at[chosen], self.signal[chosen], self.asset[chosen])


def read(reader: Reader, where: str, *, with_assets: bool) -> Events:
    """Straight from the table. Asset codes are those of this one answer."""
    asset = ", asset" if with_assets else ""
    schema = _SCHEMA | ({"asset": pa.string()} if with_assets else {})
    table = reader.table(f"SELECT lead_id, occurred_at, signal_id{asset} FROM leads_event WHERE {where}", schema)
    lead, at = table["lead"].to_numpy(), instants(table["at"])
    assets = _asset_codes(table["asset"]) if with_assets else np.full(lead.size, -1, dtype=np.int32)
    return _sorted(lead, at, table["signal"].to_numpy(), assets)


class Cache:
    """The kept columns of one database, as seen by one reader's snapshot. Without assets: few rules ask for them."""

    def __init__(self, reader: Reader, folder: Path | None = None) -> None:
        table = reader.table(
            "SELECT (SELECT system_identifier::text FROM pg_control_system()), pg_relation_filenode('leads_event')::bigint,"
            " pg_snapshot_xmin(pg_current_snapshot())::text::bigint",
            {"server": pa.string(), "storage": pa.int64(), "horizon": pa.int64()},
        )
        row = table.to_pylist()[0]
        self._reader = reader
        self._horizon = int(row["horizon"])
        self._folder = (folder or settings.COLUMN_CACHE_DIR) / f"{row['server']}-{row['storage']}"
        self._folder.mkdir(parents=True, exist_ok=True)

    def events(self, number: int) -> Events:
        """All events of the leads `[number * RANGE, (number + 1) * RANGE)` in the reader's snapshot."""
        kept, until = self._kept(number)
        within = Scope(number * RANGE, (number + 1) * RANGE).sql("lead_id")
        settled = read(
            self._reader, f"{within} AND transaction >= {until} AND transaction < {self._horizon}", with_assets=False
        )
        if len(settled):
            kept = merged(kept, settled)
        if len(settled) or until == 0:
            self._keep(number, kept)
        # Another process with a later snapshot may have kept more than ours has settled.
        fresh = max(until, self._horizon)
        return merged(kept, read(self._reader, f"{within} AND transaction >= {fresh}", with_assets=False))

    def _path(self, number: int) -> Path:
        return self._folder / f"{number}.npz"

    def _kept(self, number: int) -> tuple[Events, int]:
        with (
            contextlib.suppress(FileNotFoundError, ValueError, KeyError, EOFError),
            np.load(self._path(number)) as file,
        ):
            return Events(
                file["lead"], file["at"], file["signal"], np.full(file["lead"].size, -1, dtype=np.int32)
            ), int(file["until"])
        return _NONE, 0

    def _keep(self, number: int, events: Events) -> None:
        """Whole or not at all: another process may be reading or writing the same file."""
        with _whole(self._path(number)) as draft:
            np.savez(draft, lead=events.lead, at=events.at, signal=events.signal, until=np.int64(self._horizon))


def merged(some: Events, more: Events) -> Events:
    if not len(more):
        return some
    return _sorted(*(np.concatenate(pair) for pair in zip(_columns(some), _columns(more), strict=True)))


def _columns(events: Events) -> tuple[NDArray[np.generic], ...]:
    return events.lead, events.at, events.signal, events.asset


def _sorted(lead: Ints, at: Ints, signal: NDArray[np.int16], asset: NDArray[np.int32]) -> Events:
    order = np.lexsort((at, lead))
    return Events(lead[order], at[order], signal[order], asset[order])


_NONE = Events(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.int16), np.empty(0, np.int32))


def _asset_codes(column: pa.ChunkedArray) -> NDArray[np.int32]:
    encoded = column.combine_chunks().dictionary_encode()
    codes = encoded.indices.to_numpy().astype(np.int32)
    empty = [code for code, asset in enumerate(encoded.dictionary.to_pylist()) if not asset]
    return np.where(np.isin(codes, empty), np.int32(-1), codes)


@contextlib.contextmanager
def _whole(path: Path) -> Iterator[str]:
    handle, draft = tempfile.mkstemp(dir=path.parent, suffix=".npz")
    os.close(handle)
    try:
        yield draft
        Path(draft).replace(path)
    finally:
        Path(draft).unlink(missing_ok=True)
