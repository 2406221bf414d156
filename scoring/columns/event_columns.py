"""The event columns of the engine and their cache: reading a million events costs more than judging them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from scoring.columns.bulk_reader import INSTANT, BulkReader, Reader, Scope, Snapshot, to_microseconds
from scoring.columns.column_cache import RANGE, Arrays, ColumnCache
from scoring.engine.timeline import Ints, places

__all__ = ["RANGE", "EventCache", "EventColumns", "merge_events", "read_events"]

_SCHEMA = {"lead": pa.int64(), "at": INSTANT, "signal": pa.int16()}
_NO_ASSET = np.int32(-1)


@dataclass(frozen=True, slots=True, eq=False)
class EventColumns:
    """Events sorted by (lead, at): lead ids, microseconds, signal ids, and asset codes (-1: none; read only on request)."""

    lead: Ints
    at: Ints
    signal: NDArray[np.int16]
    asset: NDArray[np.int32]

    def __len__(self) -> int:
        return int(self.lead.size)


def read_events(reader: Reader, where: str, *, with_assets: bool = False) -> EventColumns:
    """Read events from the table; without assets its covering index suffices. Asset codes hold within this one answer."""
    asset = ", asset" if with_assets else ""
    schema = _SCHEMA | ({"asset": pa.string()} if with_assets else {})
    table = reader.table(
        f"SELECT lead_id, occurred_at, signal_id{asset} FROM leads_event WHERE {where} ORDER BY lead_id, occurred_at",
        schema,
    )
    assets = _asset_codes(table["asset"]) if with_assets else _no_assets(table.num_rows)
    return EventColumns(table["lead"].to_numpy(), to_microseconds(table["at"]), table["signal"].to_numpy(), assets)


class EventCache:
    """The cached event columns of one database as one reader sees them, without assets, which few rules ask for."""

    def __init__(self, reader: BulkReader, folder: Path | None = None, *, cache: ColumnCache | None = None) -> None:
        self._reader = reader
        self._cache = cache or ColumnCache(reader, folder)
        table = reader.table(
            f"SELECT EXISTS (SELECT FROM leads_event WHERE transaction >= {reader.snapshot.high})",
            {"foreign": pa.bool_()},
        )
        # Rows restored from another server carry that server's transaction ids, which cannot be compared with our
        # snapshot. Then nothing is cached.
        self._usable = not table["foreign"][0].as_py()

    def events(self, number: int) -> EventColumns:
        """Return the events of the leads `[number * RANGE, (number + 1) * RANGE)` in the reader's snapshot."""
        kind = _EventPart(self._reader, number)
        return self._cache.read_part(kind, number) if self._usable else kind.read_whole()


class _EventPart:
    """The events of one range of leads, as a part of the column cache. Events never change, so a part lacks only newer
    ones.
    """

    name = "events"

    def __init__(self, reader: BulkReader, number: int) -> None:
        self._reader = reader
        self._within = Scope(number * RANGE, (number + 1) * RANGE).sql("lead_id")

    def read_whole(self) -> EventColumns:
        return read_events(self._reader, self._within)

    def complete(self, part: EventColumns, since: Snapshot) -> tuple[EventColumns, int]:
        """Return the part with the events that `since` did not see merged in, and how many they were."""
        if since == self._reader.snapshot:
            return part, 0
        new_events = read_events(self._reader, f"{self._within} AND {since.unseen_condition('transaction')}")
        return (merge_events(part, new_events) if len(new_events) else part), len(new_events)

    def pack(self, part: EventColumns) -> Arrays:
        return {"lead": part.lead, "at": part.at, "signal": part.signal}

    def unpack(self, arrays: Arrays) -> EventColumns:
        lead = arrays["lead"]
        return EventColumns(lead, arrays["at"], arrays["signal"], _no_assets(lead.size))

    def size(self, part: EventColumns) -> tuple[int, int]:
        return len(part), sum(column.nbytes for column in (part.lead, part.at, part.signal))


def merge_events(first: EventColumns, second: EventColumns) -> EventColumns:
    """Merge two sorted sets of events, without assets. At one lead and instant the events of `first` come first."""
    where = places(first.lead, first.at, second.lead, second.at)
    lead = np.insert(first.lead, where, second.lead)
    return EventColumns(
        lead,
        np.insert(first.at, where, second.at),
        np.insert(first.signal, where, second.signal),
        _no_assets(lead.size),
    )


def _no_assets(count: int) -> NDArray[np.int32]:
    """Return a column of -1 that takes the memory of a single value."""
    return np.broadcast_to(_NO_ASSET, count)


def _asset_codes(column: pa.ChunkedArray) -> NDArray[np.int32]:
    """Return the code of each asset, -1 for an empty one."""
    encoded = column.combine_chunks().dictionary_encode()
    codes = encoded.indices.to_numpy().astype(np.int32)
    empty = [code for code, asset in enumerate(encoded.dictionary.to_pylist()) if not asset]
    return np.where(np.isin(codes, empty), _NO_ASSET, codes)
