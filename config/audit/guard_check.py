"""The check of recorded changes against the guards of their table.

Whoever owns the database can switch off a guard alone and leave the audit on. The change is recorded then, and everything
fits together, but no guard would have let it pass.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import pgtrigger
from django.db import DataError, connection, transaction

from config.audit.triggers import GovernedTable
from config.audit.vocabulary import Operation

#: The condition of a guard that has none. A column that the row did not have is filled in, which is no change.
_ANY_CHANGE: Final = "(operation = 'delete' OR old IS DISTINCT FROM new)"


@dataclass(frozen=True)
class RecordedChange:
    """A row before and after an entry, as its entries make it, and the sentence to say if a guard forbids the change."""

    operation: str
    before: dict[str, Any]
    after: dict[str, Any]
    sentence: str


@dataclass(frozen=True)
class _Guard:
    name: str
    operations: str
    # In SQL, over rows named old and new.
    condition: str


class GuardCheck:
    """The guards of a table that refuse rows by a condition, or moves of a state."""

    def __init__(self, table: GovernedTable) -> None:
        self._table = table
        self._guards: list[_Guard] = []
        self._moves: list[pgtrigger.FSM] = []
        for model, trigger in pgtrigger.registered():
            if model._meta.db_table != table.name:  # noqa: SLF001 (Django's own name)
                continue
            if isinstance(trigger, pgtrigger.Protect):
                condition = trigger.render_condition(model).removeprefix("WHEN ") or _ANY_CHANGE
                self._guards.append(_Guard(str(trigger.name), str(trigger.operation).lower(), condition))
            elif isinstance(trigger, pgtrigger.FSM):
                self._moves.append(trigger)

    def concerns(self, operation: str) -> bool:
        """Return whether any guard looks at entries of this kind."""
        return (operation == Operation.UPDATE and bool(self._moves)) or any(
            operation in guard.operations for guard in self._guards
        )

    def find_faults(self, changes: Sequence[RecordedChange]) -> Iterator[str]:
        """Yield a sentence for each change that a guard forbids."""
        try:
            # A savepoint, so that a value which does not fit its column leaves the snapshot usable.
            with transaction.atomic():
                evaluated = self._evaluate(changes)
        except DataError:
            if len(changes) == 1:
                yield f"{changes[0].sentence}, with values that its columns cannot hold."
                return
            for change in changes:
                yield from self.find_faults([change])
            return
        for change, broken in zip(changes, evaluated, strict=True):
            names = [*broken, *(str(guard.name) for guard in self._moves if _is_forbidden_move(guard, change))]
            if names:
                yield f"{change.sentence}, although the guard {' and '.join(sorted(names))} forbids it."

    def _evaluate(self, changes: Sequence[RecordedChange]) -> list[list[str]]:
        """Return the names of the broken guards of each change; the database computes the guards' own conditions."""
        if not (changes and self._guards):
            return [[] for _ in changes]
        table = connection.ops.quote_name(self._table.name)
        tests = ", ".join(
            f"strpos(%s, operation) > 0 AND coalesce({guard.condition.replace('%', '%%')}, false)"
            for guard in self._guards
        )
        query = f"""
            SELECT ARRAY[{tests}] FROM unnest(%s::text[], %s::jsonb[], %s::jsonb[])
                WITH ORDINALITY AS changes (operation, before, after, place),
                jsonb_populate_record(NULL::{table}, before) AS old, jsonb_populate_record(NULL::{table}, after) AS new
            ORDER BY place
        """  # noqa: S608 (names and conditions come from our models)
        parameters: list[Any] = [
            *(guard.operations for guard in self._guards),
            [change.operation for change in changes],
            [json.dumps(change.before, default=str) for change in changes],
            [json.dumps(change.after, default=str) for change in changes],
        ]
        with connection.cursor() as cursor:
            cursor.execute(query, parameters)
            rows = cursor.fetchall()
        return [
            [guard.name for guard, is_broken in zip(self._guards, answers, strict=True) if is_broken]
            for (answers,) in rows
        ]


def _is_forbidden_move(guard: pgtrigger.FSM, change: RecordedChange) -> bool:
    before, after = change.before.get(str(guard.field)), change.after.get(str(guard.field))
    return change.operation == Operation.UPDATE and before != after and (before, after) not in (guard.transitions or [])
