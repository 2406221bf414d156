"""Rows that the database refuses to change, as a fault that a sweep meets at some rows and that can be mended."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from django.db import connection

SECRET = "clara.lindqvist@nordfjord.example"


@dataclass(frozen=True, slots=True)
class RowRefusal:
    """A trigger that refuses an operation on the rows of a table with certain values in a column."""

    table: str
    operation: str
    column: str
    #: By default that of an error which does not pass.
    sqlstate: str = "P0001"

    def begin(self, values: Collection[object]) -> None:
        texts = ", ".join(f"'{value}'" for value in values)
        row = "OLD" if self.operation == "DELETE" else "NEW"
        self._execute(
            "CREATE OR REPLACE FUNCTION refuse_row() RETURNS trigger LANGUAGE plpgsql AS"
            f" $$ BEGIN RAISE EXCEPTION 'refused for {SECRET}' USING ERRCODE = '{self.sqlstate}'; END $$",
            f"CREATE TRIGGER refuse_row BEFORE {self.operation} ON {self.table} FOR EACH ROW"
            f" WHEN ({row}.{self.column}::text IN ({texts})) EXECUTE FUNCTION refuse_row()",
        )

    def end(self) -> None:
        self._execute(f"DROP TRIGGER refuse_row ON {self.table}")

    def _execute(self, *statements: str) -> None:
        with connection.cursor() as cursor:
            # A table with checks that wait for the commit cannot get or lose a trigger.
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            for statement in statements:
                cursor.execute(statement)
            cursor.execute("SET CONSTRAINTS ALL DEFERRED")
