"""The check of governed rows against their entries, both ways: each row is what its entries make it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from decimal import Decimal
from itertools import groupby
from operator import attrgetter
from typing import Any, Final

from config.audit import stored_entries
from config.audit.stored_entries import GovernedRow, RowEntry
from config.audit.triggers import GovernedTable
from config.audit.vocabulary import Operation

#: An erasure carries them beside the columns.
_ERASED_BY: Final = "erased_by"
_ERASED_WHY: Final = "erased_why"


class RowCheck:
    """A pass over the rows and the entries of a table. `erasures` are sentences as well, but no faults."""

    def __init__(self, table: GovernedTable) -> None:
        self.table = table
        self.erasures: list[str] = []

    def find_faults(self) -> Iterator[str]:
        """Yield a sentence for each row that its entries do not explain, and for each entry without its row."""
        if not stored_entries.has_trigger(self.table):
            yield f"The audit trigger of {self.table.name} is missing or switched off: changes are not recorded."
        rows = stored_entries.read_rows(self.table)
        row = next(rows, None)
        for row_id, entries in groupby(stored_entries.read_entries(self.table), key=attrgetter("row_id")):
            while row is not None and row.row_id < row_id:
                yield self._describe_unknown(row)
                row = next(rows, None)
            history = _RowHistory(self.table, row_id)
            for entry in entries:
                yield from history.apply(entry)
            own_row = row if row is not None and row.row_id == row_id else None
            yield from history.compare(own_row)
            self.erasures.extend(history.erasures)
            if own_row is not None:
                row = next(rows, None)
        while row is not None:
            yield self._describe_unknown(row)
            row = next(rows, None)

    def _describe_unknown(self, row: GovernedRow) -> str:
        return (
            f"{self.table.name} {row.row_id} has no entry: the row was inserted past its audit trigger, or its entries"
            " were deleted or cut off."
        )


class _RowHistory:
    """A row as its entries make it: the value of each governed column, and the salt of the personal ones."""

    def __init__(self, table: GovernedTable, row_id: int) -> None:
        self.erasures: list[str] = []
        self._table = table
        self._name = f"{table.name} {row_id}"
        self._columns: dict[str, Any] | None = None
        self._salts: dict[str, str | None] = {}
        self._last: RowEntry | None = None

    def apply(self, entry: RowEntry) -> Iterator[str]:
        """Take the next entry; yield a sentence if it cannot follow the ones before it."""
        content = parse_columns(entry.content)
        former = self._columns
        is_new = entry.operation in (Operation.INSERT, Operation.FOUND)
        if former is None and not is_new:
            yield f"{self._name} has no entry of its beginning before {_phrase(entry)}: it was deleted."
        elif former is not None and entry.operation == Operation.INSERT:
            yield f"{self._name} is added once more by {_phrase(entry)}: this entry was inserted, or one was deleted."
        elif former is not None and entry.operation in (Operation.FOUND, Operation.DELETE):
            changed = [
                name
                for name in sorted(former.keys() & content.keys() - {*self._table.personal})
                if former[name] != content[name]
            ]
            if changed:
                yield f"{self._name} was changed past its audit trigger before {_phrase(entry)}: {', '.join(changed)}."
        if entry.operation == Operation.ERASE:
            by, why = content.pop(_ERASED_BY, ""), content.pop(_ERASED_WHY, "")
            at = f"{entry.at:%Y-%m-%d %H:%M} UTC"
            self.erasures.append(f"{self._name} was erased on {at} by {by}: {why} ({entry.place}).")
        self._store(entry, content, is_whole=is_new)

    def compare(self, row: GovernedRow | None) -> Iterator[str]:
        """Yield a sentence if the row is not what its entries say."""
        if row is None:
            if self._columns is not None:
                yield f"{self._name} is gone, and no entry says that it was deleted (its last: {self._describe_last()})."
            return
        if self._columns is None:
            yield f"{self._name} is there, although it was deleted by its last entry ({self._describe_last()})."
            return
        present = parse_columns(row.columns)
        differing = [name for name in present.keys() & self._columns.keys() if present[name] != self._columns[name]]
        for name, text in zip(self._table.personal, row.personal, strict=True):
            if name in self._columns and self._columns[name] != self._digest(name, text):
                differing.append(name)
        if differing:
            yield (
                f"{self._name} says otherwise than its entries (the last: {self._describe_last()}) in"
                f" {', '.join(sorted(differing))}: it was changed past its audit trigger, or entries were deleted or cut off."
            )

    def _store(self, entry: RowEntry, content: dict[str, Any], *, is_whole: bool) -> None:
        if entry.operation == Operation.DELETE:
            self._columns = None
        elif is_whole or self._columns is None:
            self._columns = content
        else:
            self._columns |= content
        self._salts |= {name: entry.salt for name in self._table.personal if name in content}
        self._last = entry

    def _digest(self, name: str, text: str | None) -> str | None:
        if text is None:
            return None
        return hashlib.sha256(f"{self._salts.get(name)}:{name}:{text}".encode()).hexdigest()

    def _describe_last(self) -> str:
        return "none" if self._last is None else _phrase(self._last)


def parse_columns(text: str) -> dict[str, Any]:
    """Parse the columns of a row or an entry; decimals keep all their digits."""
    columns: dict[str, Any] = json.loads(text, parse_float=Decimal)
    return columns


def _phrase(entry: RowEntry) -> str:
    return f"{entry.operation} of {entry.at:%Y-%m-%d %H:%M} UTC, {entry.place}"
