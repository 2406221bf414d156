"""New and changed rows of the example, kept in memory in their order and written by one statement a table."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from copy import copy
from typing import Any, Final, TypeVar

from django.db import connection, models

from leads.models import Event, Lead, Outcome, StageChange
from leads.stages import stage_changes
from scoring.models import Qualification
from sla.models import Attempt, Clock, Disposition, Handoff, Notice, Rep, RoutingDecision, SalesQualification
from sla.notifications import outbox
from sla.vocabulary import CRM_MOVES, HANDOFF_MOVES, HandoffState

_Row = TypeVar("_Row", bound=models.Model)

#: In an order that foreign keys allow, each with the columns that may change after the row was written.
_TABLES: Final[Sequence[tuple[type[models.Model], Sequence[str]]]] = (
    (Qualification, ("taken_at", "closed_at", "reenter_at")),
    (
        Handoff,
        (
            "state",
            "team",
            "rep",
            "routed_at",
            "first_contact_at",
            "decided_at",
            "meeting_at",
            "closed_at",
            "due_at",
            "rep_name",
            "team_name",
        ),
    ),
    (Clock, ("warned_at", "breached_at", "met_at", "used_seconds", "is_late", "cancelled_at")),
    (RoutingDecision, ()),
    (Attempt, ()),
    (Disposition, ()),
    (SalesQualification, ()),
    (StageChange, ()),
    (Outcome, ()),
    (Event, ()),
    (Notice, ()),
)
_STATE: Final = dict(_TABLES)[Handoff].index("state")
_BATCH: Final = 1_000
_IDS_AT_ONCE: Final = 500


class BulkWriter:
    """Collect rows and write them on demand; a row may change after it was written and is then updated.

    A row gets its id from the table's sequence when it is added, so that other rows can name it before it is written.
    """

    def __init__(self) -> None:
        self._rows: dict[type[models.Model], list[Any]] = defaultdict(list)
        self._written: dict[type[models.Model], int] = defaultdict(int)
        self._ids: dict[type[models.Model], list[int]] = defaultdict(list)
        # The changeable columns of each written row, as they were when it was written.
        self._columns: dict[models.Model, tuple[object, ...]] = {}
        self._notice_keys: set[str] = set()

    def add(self, row: _Row) -> _Row:
        """Give the row its id and keep it for the next `write`."""
        row.pk = self._next_id(type(row))
        self._rows[type(row)].append(row)
        return row

    def add_notices(self, drafts: Iterable[outbox.NoticeDraft]) -> None:
        """Keep the notices of these drafts, none of them twice; nothing is sent."""
        for notice in (notice for draft in drafts for notice in outbox.build_notices(draft)):
            if notice.once not in self._notice_keys:
                self._notice_keys.add(notice.once)
                self.add(notice)

    def rows(self, table: type[_Row]) -> list[_Row]:
        """Return all rows of a table in the order in which they were added."""
        return self._rows[table]

    def write(self, reps: Sequence[Rep]) -> None:
        """Write everything added or changed since the last call, and the last turns of the reps.

        1. Update rows that changed after they were written.
        2. Create new rows, table by table.
        3. Update the stages of leads and the last turns of reps.
        """
        # A cycle or handoff that was open when it was written may be closed by now. It is updated first, because a lead
        # has only one open handoff at a time.
        for table, columns in _TABLES:
            written = self._rows[table][: self._written[table]]
            changed = [row for row in written if columns and self._columns[row] != _values(row, columns)]
            if table is Handoff:
                self._write_passed_states(changed)
            if changed:
                table._base_manager.bulk_update(changed, columns, batch_size=_BATCH)  # noqa: SLF001 (Django's own name)
        leads = {change.lead.pk: change.lead for change in self._unwritten(StageChange)}
        for table, columns in _TABLES:
            table._base_manager.bulk_create(self._unwritten(table), batch_size=_BATCH)  # noqa: SLF001 (as above)
            self._written[table] = len(self._rows[table])
            self._columns |= {row: _values(row, columns) for row in self._rows[table] if columns}
        Lead.objects.bulk_update(leads.values(), stage_changes.SUMMARY, batch_size=_BATCH)
        Rep.objects.bulk_update(reps, ["last_assigned_at"])

    def _write_passed_states(self, handoffs: Iterable[Handoff]) -> None:
        """Write the states that handoffs passed since they were written: the database allows one move at a time."""
        steps: dict[int, list[Handoff]] = defaultdict(list)
        for handoff in handoffs:
            before = HandoffState(str(self._columns[handoff][_STATE]))
            for step, state in enumerate(_find_passed_states(before, HandoffState(handoff.state))):
                passing = copy(handoff)
                passing.state = state
                steps[step].append(passing)
        for step in sorted(steps):
            Handoff.objects.bulk_update(steps[step], ["state", "rep", "team"], batch_size=_BATCH)

    def _unwritten(self, table: type[_Row]) -> list[_Row]:
        return self._rows[table][self._written[table] :]

    def _next_id(self, table: type[models.Model]) -> int:
        ids = self._ids[table]
        if not ids:
            with connection.cursor() as cursor:
                cursor.execute(
                    "SELECT nextval(pg_get_serial_sequence(%s, 'id')) FROM generate_series(1, %s) ORDER BY 1 DESC",
                    [table._meta.db_table, _IDS_AT_ONCE],  # noqa: SLF001 (Django's own name)
                )
                ids.extend(pk for (pk,) in cursor.fetchall())
        # The smallest comes last: ids rise in the order in which rows are added.
        return ids.pop()


def _find_passed_states(before: HandoffState, to: HandoffState) -> list[HandoffState]:
    """Return the states between two on the shortest way along the tables of moves; none for a single move."""
    ways = [[before]]
    for way in ways:
        if way[-1] == to:
            return way[1:-1]
        targets = {*HANDOFF_MOVES[way[-1]], *CRM_MOVES.get(way[-1], ())}
        ways += [[*way, state] for state in sorted(targets) if state not in way]
    raise ValueError(f"No way leads from {before} to {to}.")


def _values(row: models.Model, columns: Sequence[str]) -> tuple[object, ...]:
    return tuple(getattr(row, column) for column in columns)
