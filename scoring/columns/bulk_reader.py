"""Readers of columns from PostgreSQL: of a few leads in Django's transaction, of ranges in bulk through ADBC."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol

import adbc_driver_postgresql
import pyarrow as pa
from adbc_driver_manager import AdbcConnection, AdbcDatabase, AdbcStatement, Error
from django.db import OperationalError, connection
from psycopg.conninfo import make_conninfo

INSTANT = pa.timestamp("us", tz="UTC")
Schema = Mapping[str, pa.DataType]


class Reader(Protocol):
    """A connection that answers queries with Arrow tables."""

    def table(self, query: str, schema: Schema) -> pa.Table:
        """Return the rows of a query whose columns are those of the schema, in its order."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A snapshot in PostgreSQL's terms: it sees the transactions below `high`, except those that were `running`; `low` is
    the lowest of these.
    """

    low: int
    high: int
    running: frozenset[int]

    @classmethod
    def parse(cls, text: str) -> Snapshot:
        """Parse `low:high:running,…`, as `pg_current_snapshot()` writes it. Raises ValueError."""
        low, high, running = text.split(":")
        return cls(int(low), int(high), frozenset(map(int, filter(None, running.split(",")))))

    def __str__(self) -> str:
        return f"{self.low}:{self.high}:{','.join(map(str, sorted(self.running)))}"

    def sees(self, transaction: int) -> bool:
        """Say whether the snapshot sees the rows of this transaction."""
        return transaction < self.high and transaction not in self.running

    def covers(self, other: Snapshot) -> bool:
        """Say whether this snapshot sees everything that the other one sees."""
        return other.high <= self.high and not any(other.sees(transaction) for transaction in self.running)

    def unseen_condition(self, column: str) -> str:
        """Return an SQL condition on a column of transaction ids: rows that this snapshot did not see and that a later one
        may.
        """
        # The bound on `low` changes no answer, but it alone can use the BRIN index on the column; the OR cannot.
        some = "".join(f" OR {column} = {transaction}" for transaction in sorted(self.running))
        return f"{column} >= {self.low} AND ({column} >= {self.high}{some})"


@dataclass(frozen=True, slots=True)
class Scope:
    """A choice of ids: those in `some`, or all of `[low, high)`."""

    low: int = 0
    high: int = 0
    some: Sequence[int] | None = None

    def sql(self, column: str) -> str:
        """Return an SQL condition on a column of ids. Only integers are put into the text, so it cannot be used for
        injection.
        """
        if self.some is None:
            return f"{column} >= {int(self.low)} AND {column} < {int(self.high)}"
        return f"{column} = ANY ('{{{','.join(map(str, map(int, self.some)))}}}'::bigint[])"


class TransactionReader:
    """A reader in the caller's transaction, which sees what that transaction wrote."""

    def table(self, query: str, schema: Schema) -> pa.Table:
        with connection.cursor() as cursor:
            cursor.execute(query)
            rows = cursor.fetchall()
        columns: list[Any] = list(zip(*rows, strict=True)) or [()] * len(schema)
        return pa.table(
            [pa.array(column, kind) for column, kind in zip(columns, schema.values(), strict=True)], names=list(schema)
        )


class BulkReader:
    """A reader with a connection and a snapshot of its own; three times as fast as COPY through psycopg."""

    def __init__(self, raw: AdbcConnection) -> None:
        self.raw = raw
        table = self.table("SELECT pg_current_snapshot()::text", {"snapshot": pa.string()})
        self.snapshot = Snapshot.parse(table["snapshot"][0].as_py())

    def table(self, query: str, schema: Schema) -> pa.Table:
        return self.read_table(query).rename_columns(list(schema)).cast(pa.schema(list(schema.items())))

    def read_table(self, query: str) -> pa.Table:
        """Return the rows of a query with the names and types that the driver gives them."""
        with _as_database_errors(), AdbcStatement(self.raw) as statement:
            statement.set_sql_query(query)
            stream, _ = statement.execute_query()
            return pa.RecordBatchReader.from_stream(stream).read_all()


#: Ends a forgotten reader, because its open snapshot would hold up vacuum and migrations.
_TRANSACTION_SETTINGS = (
    "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY",
    "SET LOCAL idle_in_transaction_session_timeout = '10min'",
)


@contextmanager
def bulk_reader() -> Iterator[BulkReader]:
    """Open a bulk reader: one repeatable, read-only snapshot of the database for everything that is read."""
    known = {
        "dbname",
        "user",
        "password",
        "host",
        "port",
        "connect_timeout",
        "application_name",
        "sslmode",
        "sslrootcert",
    }
    parameters = {name: value for name, value in connection.get_connection_params().items() if name in known}
    with _as_database_errors():
        opened = AdbcConnection(_database(make_conninfo(**parameters)))
    with opened as raw:
        with _as_database_errors():
            raw.set_autocommit(False)
            for setting in _TRANSACTION_SETTINGS:
                with AdbcStatement(raw) as statement:
                    statement.set_sql_query(setting)
                    statement.execute_update()
        yield BulkReader(raw)
        with _as_database_errors():
            raw.rollback()


@contextmanager
def _as_database_errors() -> Iterator[None]:
    """Raise the driver's errors as Django's, so that callers know an outage by either connection (rules 17.12)."""
    try:
        yield
    # A connection that ends while rows are read comes as an error of Arrow.
    except (Error, pa.ArrowException, OSError) as error:
        raise OperationalError("The bulk reader lost the database, or was refused by it.") from error


@lru_cache(maxsize=4)
def _database(conninfo: str) -> AdbcDatabase:
    """Return the driver's handle with the database's types. It holds no connection, but takes five times as long to make
    as one.
    """
    database: AdbcDatabase = adbc_driver_postgresql.connect(conninfo)
    return database


def to_microseconds(column: pa.ChunkedArray) -> Any:
    """Return a column of timestamps as int64 microseconds since the epoch, UTC."""
    return column.cast(pa.int64()).to_numpy()
