"""Reading of entries and governed rows in constant memory, all in one snapshot."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from django.db import connection, transaction

from config.audit.triggers import GovernedTable

_ROWS_AT_ONCE: Final = 2_000

_CHAIN: Final = """
    SELECT position, previous, hash, table_name, row_id, operation, at, role, content
    FROM audit_sealedentry ORDER BY position
"""
_ENTRIES_OF_TABLE: Final = """
    SELECT row_id, operation, content, salt::text, position, at, role FROM (
        SELECT row_id, operation, content, salt, position, at, role, 0 AS id
        FROM audit_sealedentry WHERE table_name = %(table)s
        UNION ALL
        SELECT row_id, operation, content, salt, NULL, at, role, id
        FROM audit_unsealedentry WHERE table_name = %(table)s
    ) AS entries ORDER BY row_id, position NULLS LAST, id
"""


@dataclass(frozen=True)
class ChainLink:
    """A sealed entry as it stands in the chain."""

    position: int
    previous: str
    hash: str
    table_name: str
    row_id: int
    operation: str
    at: dt.datetime
    role: str
    content: str

    def compute_hash(self) -> str:
        """Compute the hash as `accord_audit_seal` does: over the hash before and the entry, a line for each column."""
        at = self.at.astimezone(dt.UTC).replace(tzinfo=None).isoformat(timespec="microseconds")
        lines = (self.previous, self.table_name, str(self.row_id), self.operation, at, self.role, self.content)
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()

    def __str__(self) -> str:
        return f"position {self.position} ({self.operation} of {self.table_name} {self.row_id})"


@dataclass(frozen=True)
class RowEntry:
    """An entry as part of the history of its row; `position` is None while it waits to be sealed."""

    row_id: int
    operation: str
    content: str
    salt: str | None
    position: int | None
    at: dt.datetime
    role: str

    @property
    def place(self) -> str:
        return "not sealed yet" if self.position is None else f"position {self.position}"


@dataclass(frozen=True)
class GovernedRow:
    """A governed row as it is: its open columns as JSON, its personal ones as texts."""

    row_id: int
    columns: str
    personal: Sequence[str | None]


@contextmanager
def one_snapshot() -> Iterator[None]:
    """Read everything within the block as of one instant: an entry and the change of its row appear together."""
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        yield


def read_chain() -> Iterator[ChainLink]:
    for columns in _stream(_CHAIN, {}):
        yield ChainLink(*columns)


def read_entries(table: GovernedTable) -> Iterator[RowEntry]:
    """Yield the entries of a table, row by row, each row's in their order."""
    for columns in _stream(_ENTRIES_OF_TABLE, {"table": table.name}):
        yield RowEntry(*columns)


def read_rows(table: GovernedTable) -> Iterator[GovernedRow]:
    """Yield the rows of a table in the order of their ids."""
    name = connection.ops.quote_name(table.name)
    query = f"""
        SELECT id, (columns - %(stored_apart)s::text[])::text, ARRAY(
            SELECT columns->>name FROM unnest(%(personal)s::text[]) WITH ORDINALITY AS names (name, place) ORDER BY place
        )
        FROM (SELECT id, to_jsonb(governed) AS columns FROM {name} AS governed) AS governed_rows ORDER BY id
    """  # noqa: S608 (the name of a table of ours, quoted)
    lists = {"personal": list(table.personal), "stored_apart": [*table.personal, *table.outside]}
    for columns in _stream(query, lists):
        yield GovernedRow(*columns)


def count_entries() -> int:
    """Return how many entries the chain has, as the statistics of the database estimate it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT reltuples FROM pg_class WHERE oid = 'audit_sealedentry'::regclass")
        (estimate,) = cursor.fetchone()
    return max(int(estimate), 0)


def has_trigger(table: GovernedTable) -> bool:
    """Return whether the audit trigger of a table exists and is switched on."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT FROM pg_trigger WHERE tgrelid = %s::regclass AND tgenabled IN ('O', 'A')"
            " AND tgfoid = 'accord_audit_record'::regproc)",
            [connection.ops.quote_name(table.name)],
        )
        (exists,) = cursor.fetchone()
    return bool(exists)


def _stream(query: str, parameters: dict[str, Any]) -> Iterator[tuple[Any, ...]]:
    with connection.chunked_cursor() as cursor:
        cursor.execute(query, parameters)
        while rows := cursor.fetchmany(_ROWS_AT_ONCE):
            yield from rows
