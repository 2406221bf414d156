"""Many rows at once: written as one JSON document, of which PostgreSQL makes rows, and read by plain SQL.

The ORM writes a parameter for each value of each row, and preparing them takes several times as long as PostgreSQL needs
for storing the rows.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Collection, Mapping, Sequence
from decimal import Decimal
from functools import cache
from operator import attrgetter
from typing import Any, TypeVar

from django.db import connection
from django.db.models import Field, Model
from django.db.models.base import ModelState
from django.db.models.expressions import DatabaseDefault

Row = TypeVar("Row", bound=Model)


def build_row(model: type[Row], **columns: object) -> Row:
    """Return a new row with these columns, given by the names of their attributes, and the defaults of the others.

    Django's own constructor sets each attribute by itself, which takes ten times as long. Its signals are not sent.
    """
    fixed, factories = _defaults_of(model)
    row = model.__new__(model)
    row._state = ModelState()  # noqa: SLF001  # as Django's constructor does
    vars(row).update(fixed, **columns)
    for name, factory in factories:
        if name not in columns:
            setattr(row, name, factory())
    return row


def take_ids(model: type[Model], count: int) -> list[int]:
    """Return ids for rows that are to be inserted, rising."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT nextval(pg_get_serial_sequence(%s, 'id')) FROM generate_series(1, %s)",
            [model._meta.db_table, count],  # noqa: SLF001  # Django documents _meta
        )
        return sorted(pk for (pk,) in cursor.fetchall())


def insert_rows(rows: Sequence[Model]) -> None:
    """Insert rows of one model in their order, with their ids if they have any.

    A column that has a default of the database gets it unless the rows have a value.
    """
    if not rows:
        return
    table, fields = _table_of(type(rows[0])), _inserted_fields(type(rows[0]))
    fields += tuple(field for field in _optional_fields(type(rows[0])) if _has_value(rows, field))
    source, sources, documents = _as_documents(table, fields, rows)
    names, values = ", ".join(map(_quote, sources)), ", ".join(_qualify(sources))
    _execute(f"INSERT INTO {table} ({names}) SELECT {values} FROM {source}", documents)  # noqa: S608  # the model's own names


def update_rows(rows: Sequence[Model], columns: Collection[str]) -> None:
    """Write these fields of rows that exist, found by their ids."""
    if not rows:
        return
    table, fields = _table_of(type(rows[0])), _named_fields(type(rows[0]), frozenset(columns))
    source, sources, documents = _as_documents(table, fields, rows)
    sets = ", ".join(
        f"{_quote(name)} = {value}" for name, value in zip(sources, _qualify(sources), strict=True) if name != "id"
    )
    _execute(f"UPDATE {table} SET {sets} FROM {source} WHERE {table}.id = fresh.id", documents)  # noqa: S608  # the model's own names


def fetch_rows(query: str, parameters: Sequence[Any]) -> list[Any]:
    """Return the rows of a query as tuples."""
    with connection.cursor() as cursor:
        cursor.execute(query, parameters)
        return list(cursor.fetchall())


def _as_documents(
    table: str, fields: Sequence[Field[Any, Any]], rows: Sequence[Model]
) -> tuple[str, dict[str, str], list[str]]:
    """Return rows as two JSON documents: an array of what differs between them, and one object of what they share.

    Most columns of new rows have the same value in all of them. The tables that PostgreSQL makes of the documents are
    `fresh` and `shared`; the mapping says which of the two has a column.
    """
    own: dict[str, tuple[Any, ...]] = {}
    shared: dict[str, Any] = {}
    read = attrgetter(*(field.attname for field in fields))
    for field, column in zip(fields, zip(*map(read, rows), strict=True), strict=True):
        # The id tells rows apart, and where they have none the first column does: it says how many there are.
        name = str(field.column)
        if own and not field.primary_key and _is_one_value(column):
            shared[name] = column[0]
        else:
            own[name] = column
    document = [dict(zip(own, values, strict=True)) for values in zip(*own.values(), strict=True)]
    source = (
        f"json_populate_recordset(NULL::{table}, %s::json) AS fresh,"
        f" json_populate_record(NULL::{table}, %s::json) AS shared"
    )
    sources = dict.fromkeys(own, "fresh") | dict.fromkeys(shared, "shared")
    return source, sources, [json.dumps(part, default=_as_json) for part in (document, shared)]


def _is_one_value(column: Sequence[Any]) -> bool:
    # In JSON, true and 1 are two values, and Python finds them equal.
    is_document = isinstance(column[0], dict | list) and bool(column[0])
    return not is_document and column.count(column[0]) == len(column)


def _qualify(sources: Mapping[str, str]) -> list[str]:
    return [f"{source}.{_quote(name)}" for name, source in sources.items()]


def _execute(statement: str, documents: Sequence[str]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, documents)


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
def _defaults_of(model: type[Model]) -> tuple[Mapping[str, Any], Sequence[tuple[str, Callable[[], Any]]]]:
    """Return the defaults of a model's columns: those that rows can share, and the makers of the others, as dicts."""
    fields = model._meta.concrete_fields  # noqa: SLF001  # Django documents _meta
    factories = {field.attname: field.default for field in fields if field.has_default() and callable(field.default)}
    fixed = {field.attname: field.get_default() for field in fields if field.attname not in factories}
    return fixed, tuple(factories.items())


@cache
def _named_fields(model: type[Model], columns: frozenset[str]) -> tuple[Field[Any, Any], ...]:
    fields = model._meta.concrete_fields  # noqa: SLF001  # Django documents _meta
    return tuple(field for field in fields if field.primary_key or field.name in columns)


def _table_of(model: type[Model]) -> str:
    return _quote(model._meta.db_table)  # noqa: SLF001  # Django documents _meta


def _quote(name: str | None) -> str:
    return str(connection.ops.quote_name(str(name)))
