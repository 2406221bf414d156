"""Columns out of PostgreSQL: a few leads through Django's connection, in its transaction; ranges through ADBC, in bulk."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import pyarrow as pa
from adbc_driver_postgresql import dbapi
from django.db import connection
from psycopg.conninfo import make_conninfo

INSTANT = pa.timestamp("us", tz="UTC")
Schema = Mapping[str, pa.DataType]


class Reader(Protocol):
    def table(self, query: str, schema: Schema) -> pa.Table:
        """The rows of a query whose columns are those of the schema, in its order."""


@dataclass(frozen=True, slots=True)
class Scope:
    """Which leads: `some` ids, or all of `[low, high)`."""

    low: int = 0
    high: int = 0
    some: Sequence[int] | None = None

    def sql(self, column: str) -> str:
        """A condition on a column of lead ids. Only integers of ours go into the text."""
        if self.some is None:
            return f"{column} >= {int(self.low)} AND {column} < {int(self.high)}"
        return f"{column} = ANY ('{{{','.join(str(int(lead)) for lead in self.some)}}}'::bigint[])"


class NearReader:
    """Within the caller's transaction, seeing what it wrote."""

    def table(self, query: str, schema: Schema) -> pa.Table:
        with connection.cursor() as cursor:
            cursor.execute(query)
            rows = cursor.fetchall()
        columns: list[Any] = list(zip(*rows, strict=True)) or [()] * len(schema)
        return pa.table(
            [pa.array(column, kind) for column, kind in zip(columns, schema.values(), strict=True)], names=list(schema)
        )


class BulkReader:
    """Its own connection and snapshot; three times as fast as COPY through psycopg."""

    def __init__(self, raw: dbapi.Connection) -> None:
        self.raw = raw

    def table(self, query: str, schema: Schema) -> pa.Table:
        with self.raw.cursor() as cursor:
            cursor.execute(query)
            return cursor.fetch_arrow_table().rename_columns(list(schema)).cast(pa.schema(list(schema.items())))


@contextmanager
def bulk_reader() -> Iterator[BulkReader]:
    """One repeatable snapshot of the database for all that is read."""
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
    with dbapi.connect(make_conninfo(**parameters)) as raw:
        with raw.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        yield BulkReader(raw)
        raw.rollback()


def instants(column: pa.ChunkedArray) -> Any:
    """Microseconds since the epoch, UTC, int64."""
    return column.cast(pa.int64()).to_numpy()
