"""The column cache (rules 19.1): columns read before, in files of this machine and, for recent ones, in memory.

Each part (the events, leads or companies of one range of ids) is stored with the snapshot that saw it. Every row
carries the transaction that wrote it, so a later reader asks for what that snapshot did not see, whatever the order of
commits. (Ids or timestamps would not do: a row with a lower one may become visible later.) The folder is named after
the server, its timeline, the database and the storage of the tables, so a restored or emptied database begins with an
empty cache. The folder may be deleted at any moment.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
import threading
import zipfile
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Protocol, TypeVar

import numpy as np
import pyarrow as pa
from django.conf import settings
from numpy.typing import NDArray

from scoring.columns.bulk_reader import BulkReader, Snapshot

Arrays = Mapping[str, NDArray[Any]]
Part = TypeVar("Part")

#: Ids in a part; this bounds the memory of a range and the cost of rewriting its file.
RANGE: Final = 1 << 16
#: The most that a process keeps in memory, in bytes.
MEMORY_BYTES: Final = 160 << 20
#: The number of the reading of columns and stored statements: parts that were read otherwise are not used. Raise it when
#: the reading changes. 2: countries are codes, amounts have a currency.
_READING: Final = 2
#: Rewrite the cache file when at least 1/64 of its rows are new; fewer are read again by the next process.
_REWRITE_FRACTION = 64

_UNREADABLE_ERRORS = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile)


class CachedPart(Protocol[Part]):
    """A kind of part: how it is read, completed, and turned into arrays for a file."""

    name: str

    def read_whole(self) -> Part:
        """Read the part from the tables."""

    def complete(self, part: Part, since: Snapshot) -> tuple[Part, int]:
        """Return the part with what `since` did not see, and how many rows that were; the part itself if there were none."""

    def pack(self, part: Part) -> Arrays:
        """Return the arrays that represent the part in a file."""

    def unpack(self, arrays: Arrays) -> Part:
        """Return the part that the arrays represent. Raises KeyError or ValueError for arrays of another shape."""

    def size(self, part: Part) -> tuple[int, int]:
        """Return the number of rows, and roughly the bytes in memory."""


class ColumnCache:
    """The cached parts of one database as one reader sees them; with `in_memory`, also in this process's memory."""

    def __init__(self, reader: BulkReader, folder: Path | None = None, *, in_memory: bool = False) -> None:
        # A restored server has another timeline and a rewritten or truncated table another file node, and transaction ids
        # cannot be compared across either.
        row = reader.table(
            "SELECT concat_ws('-', (SELECT system_identifier FROM pg_control_system()),"
            " (SELECT timeline_id FROM pg_control_checkpoint()),"
            " (SELECT oid FROM pg_database WHERE datname = current_database())),"
            " concat_ws('-', pg_relation_filenode('leads_event')),"
            " concat_ws('-', pg_relation_filenode('leads_lead'), pg_relation_filenode('leads_company'),"
            " pg_relation_filenode('leads_attributechange'))",
            {"database": pa.string(), "event": pa.string(), "attribute": pa.string()},
        ).to_pylist()[0]
        self.reader = reader
        self.in_memory = in_memory
        self._folder: Path = (folder or settings.COLUMN_CACHE_DIR) / row["database"]
        # Amounts that name no currency are in that of the installation.
        attribute = f"{row['attribute']}-{settings.CURRENCY}-{_READING}"
        self._storage = {"events": row["event"], "leads": attribute, "companies": attribute}

    def read_part(self, kind: CachedPart[Part], number: int, *, in_memory: bool = False) -> Part:
        """Return the part with the ids `[number * RANGE, (number + 1) * RANGE)`, as of the reader's snapshot.

        1. Find the cached part, in memory or else in its file, with the snapshot that saw it.
        2. Without one, read the part whole.
        3. If the cached part is newer than our snapshot, read whole and store nothing: another process has stored rows
           that we must not see.
        4. Otherwise complete the cached part with what its snapshot did not see.
        5. Rewrite the file if there was none, or if at least 1/64 of the rows is new; fewer rows are read again by the
           next process.
        6. Keep the part in memory, where that is asked for.
        """
        in_memory = in_memory or self.in_memory
        path, snapshot = self._file_path(kind.name, number), self.reader.snapshot
        # 1.
        cached = (_memory.get(str(path)) if in_memory else None) or self._read_file(kind, path)
        if cached is None:
            # 2.
            part, new_rows = kind.read_whole(), 1
        elif not snapshot.covers(cached[0]):
            # 3. Another process has stored rows that our older snapshot must not see; writing ours would undo its work.
            return kind.read_whole()
        else:
            # 4.
            part, new_rows = kind.complete(cached[1], cached[0])
        # 5.
        rows, size = kind.size(part)
        if cached is None or new_rows * _REWRITE_FRACTION > rows:
            _write_file(path, {**kind.pack(part), "snapshot": np.array(str(snapshot))})
        # 6.
        if in_memory:
            _memory.put(str(path), (snapshot, part), size)
        return part

    def derive(
        self, name: str, number: int, sources: tuple[object, ...], others: object, make: Callable[[], Part], size: int
    ) -> Part:
        """Return what `make` derives from the sources, from memory if these very objects, and equal `others`, were its
        sources before.
        """
        key = f"{self._folder}/{name}/{number}"
        cached = _memory.get(key) if self.in_memory else None
        if cached is not None and _are_identical(cached[0], sources) and cached[1] == others:
            cached_value: Part = cached[2]
            return cached_value
        value = make()
        if self.in_memory:
            _memory.put(key, (sources, others, value), size)
        return value

    def _file_path(self, name: str, number: int) -> Path:
        return self._folder / f"{name}-{self._storage[name]}" / f"{number}.npz"

    def _read_file(self, kind: CachedPart[Part], path: Path) -> tuple[Snapshot, Part] | None:
        """Return the snapshot and the part in the file; None if there is no file or it cannot be read."""
        with contextlib.suppress(*_UNREADABLE_ERRORS), path.open("rb") as file, np.load(file) as arrays:
            return Snapshot.parse(str(arrays["snapshot"])), kind.unpack(arrays)
        return None


class _MemoryCache:
    """A least-recently-used cache with a budget of bytes, shared by threads: entries are replaced but never changed."""

    def __init__(self, budget: int) -> None:
        self._budget = budget
        self._entries: OrderedDict[str, tuple[Any, int]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: str) -> Any:
        # Threads of one process share the cache; the lock is held only while the dictionary is touched.
        with self._lock:
            if key not in self._entries:
                return None
            self._entries.move_to_end(key)
            return self._entries[key][0]

    def put(self, key: str, value: object, size: int) -> None:
        with self._lock:
            self._entries.pop(key, None)
            self._entries[key] = value, size
            while sum(entry_size for _, entry_size in self._entries.values()) > self._budget:
                self._entries.popitem(last=False)


_memory = _MemoryCache(MEMORY_BYTES)


def _are_identical(first: Sequence[object], second: Sequence[object]) -> bool:
    """Say whether both sequences hold the same objects."""
    return len(first) == len(second) and all(left is right for left, right in zip(first, second, strict=True))


def _write_file(path: Path, arrays: Arrays) -> None:
    """Write the arrays whole or not at all, because another process may be reading or writing the same file."""
    with _draft_file(path) as draft:
        np.savez(draft, **arrays)  # type: ignore[arg-type]  # its stub takes ** for allow_pickle


@contextlib.contextmanager
def _draft_file(path: Path) -> Iterator[str]:
    """Yield the path of a new file beside `path` that replaces it at the end, in one step."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, draft = tempfile.mkstemp(dir=path.parent, suffix=".npz")
    os.close(handle)
    try:
        yield draft
        Path(draft).replace(path)
    finally:
        Path(draft).unlink(missing_ok=True)
