"""The fastest way to write many rows of one model: as one JSON document, of which PostgreSQL makes rows.

The ORM writes a parameter for each value of each row, and preparing them takes several times as long as PostgreSQL needs
for storing the rows.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Collection, Sequence
from decimal import Decimal
from functools import cache
from typing import Any, TypeVar

from django.db import connection
from django.db.models import Field, Model
from django.db.models.expressions import DatabaseDefault

Row = TypeVar("Row", bound=Model)


def build_row(model: type[Row], **columns: object) -> Row:
    """Return a new row with these columns, given by the names of their attributes, and the defaults of the others.

    A model that is built by positions, as Django builds those it reads, costs a quarter of one that is built by names.
    """
    return model(*[columns[name] if name in columns else default() for name, default in _defaults_of(model)])


def take_ids(model: type[Model], count: int) -> list[int]:
    """Return ids for rows that are to be inserted, rising."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT nextval(pg_get_serial_sequence(%s, 'id')) FROM generate_series(1, %s)",
            [model._meta.db_table, count],  # noqa: SLF001  # Django documents _meta
        )
        return sorted(pk for (pk,) in cursor.fetchall())


def insert_rows(rows: Sequence[Model], *, may_exist: bool = False) -> None:
    """Insert rows of one model in their order, with their ids if they have any.

    With `may_exist` a row whose unique key exists already is left out. A column that has a default of the database gets
    it unless the rows have a value.
    """
    if not rows:
        return
    table, fields = _table_of(type(rows[0])), _inserted_fields(type(rows[0]))
    fields += tuple(field for field in _optional_fields(type(rows[0])) if _has_value(rows, field))
    names = ", ".join(_quote(field.column) for field in fields)
    source = f"json_populate_recordset(NULL::{table}, %s::json)"
    statement = f"INSERT INTO {table} ({names}) SELECT {names} FROM {source}"  # noqa: S608  # the model's own names
    _execute(f"{statement} ON CONFLICT DO NOTHING" if may_exist else statement, rows, fields)


def update_rows(rows: Sequence[Model], columns: Collection[str]) -> None:
    """Write these fields of rows that exist, found by their ids."""
    if not rows:
        return
    table, fields = _table_of(type(rows[0])), _named_fields(type(rows[0]), frozenset(columns))
    sets = ", ".join(
        f"{_quote(field.column)} = fresh.{_quote(field.column)}" for field in fields if not field.primary_key
    )
    source = f"json_populate_recordset(NULL::{table}, %s::json)"
    statement = f"UPDATE {table} SET {sets} FROM {source} AS fresh"  # noqa: S608  # the model's own names
    _execute(f"{statement} WHERE {table}.id = fresh.id", rows, fields)


def _execute(statement: str, rows: Sequence[Model], fields: Sequence[Field[Any, Any]]) -> None:
    names = [(field.column, field.attname) for field in fields]
    document = json.dumps(
        [{column: getattr(row, attname) for column, attname in names} for row in rows], default=_as_json
    )
    with connection.cursor() as cursor:
        cursor.execute(statement, [document])


def _as_json(value: object) -> str:
    if isinstance(value, dt.datetime):
        return value.isoformat()
    if isinstance(value, Decimal):
        return str(value)
    raise TypeError(f"{type(value).__name__} has no place in a row.")


@cache
def _inserted_fields(model: type[Model]) -> tuple[Field[Any, Any], ...]:
    fields = model._meta.concrete_fields  # noqa: SLF001  # Django documents _meta
    return tuple(
        field for field in fields if not field.primary_key and (field.has_default() or not field.has_db_default())
    )


@cache
def _optional_fields(model: type[Model]) -> tuple[Field[Any, Any], ...]:
    """Return the id and the columns that have a default of the database."""
    fields = model._meta.concrete_fields  # noqa: SLF001  # Django documents _meta
    return tuple(field for field in fields if field.primary_key or (field.has_db_default() and not field.has_default()))


def _has_value(rows: Sequence[Model], field: Field[Any, Any]) -> bool:
    values = (getattr(row, field.attname) for row in rows)
    return any(value is not None and not isinstance(value, DatabaseDefault) for value in values)


@cache
def _defaults_of(model: type[Model]) -> tuple[tuple[str, Callable[[], Any]], ...]:
    fields = model._meta.concrete_fields  # noqa: SLF001  # Django documents _meta
    return tuple((field.attname, field.get_default) for field in fields)


@cache
def _named_fields(model: type[Model], columns: frozenset[str]) -> tuple[Field[Any, Any], ...]:
    fields = model._meta.concrete_fields  # noqa: SLF001  # Django documents _meta
    return tuple(field for field in fields if field.primary_key or field.name in columns)


def _table_of(model: type[Model]) -> str:
    return _quote(model._meta.db_table)  # noqa: SLF001  # Django documents _meta


def _quote(name: str | None) -> str:
    return str(connection.ops.quote_name(str(name)))
