"""Rows of the story on their way into the database: kept in order, written by one statement a table."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, Final, TypeVar

from django.db import models

from config.demo.company.staff import Staff
from leads.models import Event, Lead, Outcome, Signal, StageChange, User
from scoring.models import Qualification
from sla.models import Attempt, Clock, Disposition, Handoff, Notice, Rep, RoutingDecision, SalesQualification
from sla.nurture import recycling
from sla.vocabulary import NoticeKind

_Row = TypeVar("_Row", bound=models.Model)

#: In an order that foreign keys allow. What may change after it was written comes with those columns.
_TABLES: Final[Sequence[tuple[type[models.Model], Sequence[str]]]] = (
    (Qualification, ("taken_at", "closed_at", "reenter_at")),
    (
        Handoff,
        ("state", "team", "rep", "routed_at", "first_contact_at", "decided_at", "meeting_at", "closed_at", "due_at"),
    ),
    (Clock, ("warned_at", "breached_at", "met_at", "used_seconds", "is_late", "cancelled_at")),
    (RoutingDecision, ()),
    (Attempt, ()),
    (Disposition, ()),
    (SalesQualification, ()),
    (StageChange, ()),
)
_BATCH: Final = 1_000


class BulkWriter:
    def __init__(self, *, staff: Staff) -> None:
        self.staff = staff
        self._rows: dict[type[models.Model], list[Any]] = defaultdict(list)
        self._written: dict[type[models.Model], int] = defaultdict(int)
        # What the columns that may change were when a row was written, by the object.
        self._seen: dict[int, tuple[object, ...]] = {}
        self._named: list[tuple[Handoff, Outcome]] = []
        self._answers: list[tuple[Handoff, dt.datetime]] = []
        self._notices: list[tuple[Notice, models.Model, str]] = []

    def add(self, row: models.Model) -> None:
        self._rows[type(row)].append(row)

    def rows(self, table: type[_Row]) -> list[_Row]:
        return self._rows[table]

    def fresh(self, table: type[_Row]) -> list[_Row]:
        """Rows that are not written yet."""
        return self._rows[table][self._written[table] :]

    def name_after(self, handoff: Handoff, row: Outcome) -> None:
        """Its external id tells the handoff's, which is not known before that is written."""
        self._named.append((handoff, row))

    def answer(self, handoff: Handoff, at: dt.datetime) -> None:
        self._answers.append((handoff, at))

    def tell(
        self, kind: NoticeKind, to: Iterable[User], text: str, at: dt.datetime, about: Handoff | Clock, once: str
    ) -> None:
        """`once` has a place for the id of what it is about."""
        handoff = about if isinstance(about, Handoff) else about.handoff
        for person in to:
            notice = Notice(kind=kind, handoff=handoff, to=person, text=text[:300], created_at=at)
            self._notices.append((notice, about, f"{once}:{person.pk}"))

    def write(self, reps: Sequence[Rep]) -> None:
        # What was open when it was written may be closed by now, and make room for the next cycle.
        for table, columns in _TABLES:
            before = self._rows[table][: self._written[table]]
            changed = [row for row in before if columns and self._seen[id(row)] != _state(row, columns)]
            if changed:
                table._base_manager.bulk_update(changed, columns, batch_size=_BATCH)  # noqa: SLF001 (Django's own name)
        moved = {change.lead.pk: change.lead for change in self.fresh(StageChange)}
        for table, columns in _TABLES:
            table._base_manager.bulk_create(self.fresh(table), batch_size=_BATCH)  # noqa: SLF001
            self._written[table] = len(self._rows[table])
            self._seen |= {id(row): _state(row, columns) for row in self._rows[table] if columns}
        self._write_what_follows()
        Lead.objects.bulk_update(moved.values(), ["stage", "stage_at"], batch_size=_BATCH)
        Rep.objects.bulk_update(reps, ["last_assigned_at"])

    def _write_what_follows(self) -> None:
        for handoff, row in self._named:
            row.external_id = f"handoff-{handoff.pk}"
        Outcome.objects.bulk_create([row for _, row in self._named], batch_size=_BATCH)
        closed = Signal.objects.get(code=recycling.REQUEST_CLOSED)
        Event.objects.bulk_create([_answered(handoff, closed, at) for handoff, at in self._answers], batch_size=_BATCH)
        for notice, about, once in self._notices:
            notice.once = once.format(about.pk)
        Notice.objects.bulk_create([notice for notice, _, _ in self._notices], batch_size=_BATCH)
        self._named, self._answers, self._notices = [], [], []


def _state(row: models.Model, columns: Sequence[str]) -> tuple[object, ...]:
    return tuple(getattr(row, column) for column in columns)


def _answered(handoff: Handoff, signal: Signal, at: dt.datetime) -> Event:
    external_id = f"handoff-{handoff.pk}-decided"
    return Event(
        lead_id=handoff.lead_id,
        signal=signal,
        occurred_at=at,
        recorded_at=at,
        source=recycling.SOURCE,
        external_id=external_id,
        digest=hashlib.sha256(external_id.encode()).digest()[:16],
    )
