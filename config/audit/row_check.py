"""The check of governed rows against their entries, both ways: each row is what its entries make it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from decimal import Decimal
from itertools import groupby
from operator import attrgetter
from typing import Any, Final

from config.audit import stored_entries
from config.audit.guard_check import GuardCheck, RecordedChange
from config.audit.stored_entries import GovernedRow, RowEntry
from config.audit.triggers import GovernedTable
from config.audit.vocabulary import Operation

_DRAFT: Final = "draft"
#: The entries of a settled row that are proper.
_SETTLED_OPERATIONS: Final = (Operation.FOUND, Operation.ERASE)

#: So many changes are checked against the guards by one query.
_CHECKED_AT_ONCE: Final = 500

#: An erasure carries them beside the columns.
_ERASED_BY: Final = "erased_by"
_ERASED_WHY: Final = "erased_why"


class RowCheck:
    """A pass over the rows and the entries of a table. `erasures` are sentences as well, but no faults."""

    def __init__(self, table: GovernedTable, settlements: Settlements) -> None:
        self.table = table
        self._settlements = settlements
        self.erasures: list[str] = []
        self._guards = GuardCheck(table)
        self._changes: list[RecordedChange] = []

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
                yield from self._apply(history, entry)
            own_row = row if row is not None and row.row_id == row_id else None
            yield from history.compare(own_row)
            self.erasures.extend(history.erasures)
            if own_row is not None:
                row = next(rows, None)
        while row is not None:
            yield self._describe_unknown(row)
            row = next(rows, None)
        yield from self._guards.find_faults(self._changes)
        self._changes.clear()

    def _apply(self, history: _RowHistory, entry: RowEntry) -> Iterator[str]:
        before = history.columns
        yield from history.apply(entry)
        change = history.describe_change(entry, before)
        if self._settlements.is_too_late(self.table, entry, change):
            yield f"{change.sentence}, although what it belongs to had left its draft."
        if self._guards.concerns(entry.operation):
            self._changes.append(change)
        if len(self._changes) >= _CHECKED_AT_ONCE:
            yield from self._guards.find_faults(self._changes)
            self._changes.clear()

    def _describe_unknown(self, row: GovernedRow) -> str:
        return (
            f"{self.table.name} {row.row_id} has no entry: the row was inserted past its audit trigger, or its entries"
            " were deleted or cut off."
        )


class Settlements:
    """The positions at which rows that settle others left their draft: from then on the others may not change."""

    def __init__(self, tables: Iterable[GovernedTable]) -> None:
        self._settling = {table.settled_in for table in tables}
        # By table and id.
        self._positions: dict[tuple[str, object], int] = {}

    def is_too_late(self, table: GovernedTable, entry: RowEntry, change: RecordedChange) -> bool:
        """Note since when the row is settled, if it settles others; return whether it was settled before this entry."""
        position = self._find_position(table, entry, change)
        if position is None or entry.position is None:
            return False
        if table.name in self._settling:
            self._positions.setdefault((table.name, entry.row_id), position)
        return entry.position > position and bool(table.settled_by) and entry.operation not in _SETTLED_OPERATIONS

    def _find_position(self, table: GovernedTable, entry: RowEntry, change: RecordedChange) -> int | None:
        if not table.settled_by:
            return entry.position if change.after.get("state", _DRAFT) != _DRAFT else None
        keys = {(table.settled_in, columns.get(table.settled_by)) for columns in (change.before, change.after)}
        return min((self._positions[key] for key in keys & self._positions.keys()), default=None)


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
        try:
            content = parse_columns(entry.content)
        except ValueError:
            yield f"{self._name} has an entry whose content cannot be read: {_phrase(entry)}."
            return
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

    @property
    def columns(self) -> dict[str, Any]:
        """Return the columns by the entries so far; empty if the row is not there."""
        return dict(self._columns or {})

    def describe_change(self, entry: RowEntry, before: dict[str, Any]) -> RecordedChange:
        """Return what the latest entry did to the row."""
        after = self.columns or before
        if entry.operation == Operation.UPDATE:
            # What a migration fills in later was not changed: the row did not have it.
            before = after | before
        sentence = f"{self._name} was changed by {entry.role} ({_phrase(entry)})"
        return RecordedChange(entry.operation, before, after, sentence)

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
    """Parse the columns of a row or an entry; decimals keep all their digits. Raises ValueError."""
    columns = json.loads(text, parse_float=Decimal)
    if not isinstance(columns, dict):
        raise ValueError("Columns are a JSON object.")  # noqa: TRY004 (the text is at fault, not its type)
    return columns


def _phrase(entry: RowEntry) -> str:
    return f"{entry.operation} of {entry.at:%Y-%m-%d %H:%M} UTC, {entry.place}"
