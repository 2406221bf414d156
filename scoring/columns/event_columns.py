"""The event columns of the engine, and how they are kept: reading a million events costs more than judging them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from scoring.columns.bulk_reader import INSTANT, BulkReader, Reader, Scope, Snapshot, instants
from scoring.columns.column_cache import RANGE, Arrays, Shelf
from scoring.engine.timeline import Ints, places

__all__ = ["RANGE", "Cache", "Events", "merged", "read"]

_SCHEMA = {"lead": pa.int64(), "at": INSTANT, "signal": pa.int16()}
_NO_ASSET = np.int32(-1)


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

    def __init__(self, reader: BulkReader, folder: Path | None = None, *, shelf: Shelf | None = None) -> None:
        self._reader = reader
        self._shelf = shelf or Shelf(reader, folder)
        found = reader.table(
            f"SELECT EXISTS (SELECT FROM leads_event WHERE transaction >= {reader.snapshot.high})",
            {"foreign": pa.bool_()},
        )
        # Rows restored from another server carry its transactions, which say nothing here: then nothing is kept.
        self._usable = not found["foreign"][0].as_py()

    def events(self, number: int) -> Events:
        """All events of the leads `[number * RANGE, (number + 1) * RANGE)` in the reader's snapshot."""
        kind = _Kept(self._reader, number)
        return self._shelf.part(kind, number) if self._usable else kind.whole()


class _Kept:
    """Events are never changed: to be complete, those of a file only lack what is newer."""

    name = "events"

    def __init__(self, reader: BulkReader, number: int) -> None:
        self._reader = reader
        self._within = Scope(number * RANGE, (number + 1) * RANGE).sql("lead_id")

    def whole(self) -> Events:
        return read(self._reader, self._within)

    def completed(self, part: Events, since: Snapshot) -> tuple[Events, int]:
        if since == self._reader.snapshot:
            return part, 0
        fresh = read(self._reader, f"{self._within} AND {since.unseen('transaction')}")
        return (merged(part, fresh) if len(fresh) else part), len(fresh)

    def pack(self, part: Events) -> Arrays:
        return {"lead": part.lead, "at": part.at, "signal": part.signal}

    def unpack(self, arrays: Arrays) -> Events:
        lead = arrays["lead"]
        return Events(lead, arrays["at"], arrays["signal"], _no_assets(lead.size))

    def size(self, part: Events) -> tuple[int, int]:
        return len(part), sum(column.nbytes for column in (part.lead, part.at, part.signal))


def merged(some: Events, more: Events) -> Events:
    """Both in one, sorted as they are, without assets. Of one lead and instant, those of `some` come first."""
    where = places(some.lead, some.at, more.lead, more.at)
    lead = np.insert(some.lead, where, more.lead)
    return Events(
        lead,
        np.insert(some.at, where, more.at),
        np.insert(some.signal, where, more.signal),
        _no_assets(lead.size),
    )


def _no_assets(count: int) -> NDArray[np.int32]:
    """One value that stands for all, without their memory."""
    return np.broadcast_to(_NO_ASSET, count)


def _asset_codes(column: pa.ChunkedArray) -> NDArray[np.int32]:
    encoded = column.combine_chunks().dictionary_encode()
    codes = encoded.indices.to_numpy().astype(np.int32)
    empty = [code for code, asset in enumerate(encoded.dictionary.to_pylist()) if not asset]
    return np.where(np.isin(codes, empty), _NO_ASSET, codes)
