"""The fastest way to write many rows of one model: as one JSON document, of which PostgreSQL makes rows.

The ORM writes a parameter for each value of each row, and preparing them takes several times as long as PostgreSQL needs
for storing the rows.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Collection, Sequence
from decimal import Decimal
from functools import cache
from typing import Any

from django.db import connection
from django.db.models import Field, Model
from django.db.models.expressions import DatabaseDefault


def insert_rows(rows: Sequence[Model]) -> None:
    """Insert rows of one model in their order. A row whose unique key exists already is left out.

    The rows keep no id. A column that has a default of the database gets it unless the rows have a value.
    """
    if not rows:
        return
    table, fields = _table_of(type(rows[0])), _inserted_fields(type(rows[0]))
    fields += tuple(field for field in _defaulted_fields(type(rows[0])) if _has_value(rows, field))
    names = ", ".join(_quote(field.column) for field in fields)
    source = f"json_populate_recordset(NULL::{table}, %s::json)"
    statement = f"INSERT INTO {table} ({names}) SELECT {names} FROM {source}"  # noqa: S608  # the model's own names
    _execute(f"{statement} ON CONFLICT DO NOTHING", rows, fields)


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
def _defaulted_fields(model: type[Model]) -> tuple[Field[Any, Any], ...]:
    fields = model._meta.concrete_fields  # noqa: SLF001  # Django documents _meta
    return tuple(field for field in fields if field.has_db_default() and not field.has_default())


def _has_value(rows: Sequence[Model], field: Field[Any, Any]) -> bool:
    return any(not isinstance(getattr(row, field.attname), DatabaseDefault) for row in rows)


@cache
def _named_fields(model: type[Model], columns: frozenset[str]) -> tuple[Field[Any, Any], ...]:
    fields = model._meta.concrete_fields  # noqa: SLF001  # Django documents _meta
    return tuple(field for field in fields if field.primary_key or field.name in columns)


def _table_of(model: type[Model]) -> str:
    return _quote(model._meta.db_table)  # noqa: SLF001  # Django documents _meta


def _quote(name: str | None) -> str:
    return str(connection.ops.quote_name(str(name)))
