"""The facts of people known by several leads (rules 13.50): those of all their leads, as if one lead had them.

The caches keep the facts of each lead as they lie in the tables, because merges rewrite nothing. What is read from them
is folded afterwards: the events of aliases move to the lead that stands for the person, and the attribute periods of
such people are folded anew from the statements about all their leads. Only these few people cost anything.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import groupby
from operator import attrgetter
from typing import Any, Final

import numpy as np
import pyarrow as pa

from leads.normalization import stated_values
from leads.normalization.stated_values import SENIORITY_OF_TITLE
from scoring.columns.attribute_cache import merge_periods, without_subjects
from scoring.columns.attribute_fields import attribute_field
from scoring.columns.attribute_rows import AttributePeriods, index_values, since_ever
from scoring.columns.bulk_reader import INSTANT, Reader, Scope, to_microseconds
from scoring.columns.event_columns import EventColumns, read_events
from scoring.engine.facts import Column
from scoring.engine.timeline import Ints, places

_PAIRS: Final = {"alias": pa.int64(), "standing": pa.int64()}
_STATEMENTS: Final = {
    "lead": pa.int64(),
    "at": INSTANT,
    "id": pa.int64(),
    "is_row": pa.bool_(),
    "values": pa.string(),
}
#: The mark of a lead's seniority, which has no column.
_SENIORITY_MARK: Final = (
    f"SELECT ledger.values -> '{SENIORITY_OF_TITLE}' FROM leads_attributechange ledger WHERE lead_id = leads_lead.id"
    " AND jsonb_exists(ledger.values, 'seniority') ORDER BY valid_from DESC, id DESC LIMIT 1"
)
#: What a person has of the lead that stands for it, unless that one has none (rules 13.51).
_IDENTITY: Final = ("email", "company")


@dataclass(frozen=True, slots=True)
class _Statement:
    """The values that a lead has from an instant (microseconds) on; `id` tells which of one instant came later."""

    lead: int
    at: int
    id: int
    values: Mapping[str, Any]


@dataclass(frozen=True)
class MergedPeople:
    """The merges that concern a scope of leads, as one reader sees them: each alias with the lead that stands for it.

    `aliases` ascends. The standing leads need not be in the scope; `in_scope` marks the aliases whose standing lead is.
    """

    reader: Reader
    aliases: Ints
    standing: Ints
    in_scope: Ints = field(default_factory=lambda: np.empty(0, dtype=np.int64))

    def __bool__(self) -> bool:
        return bool(self.aliases.size)

    @property
    def moving(self) -> Scope:
        """Return the aliases whose facts move to a lead of the scope."""
        return Scope(some=self.in_scope.tolist())

    @cached_property
    def statements(self) -> Sequence[tuple[int, int, int, bool, str]]:
        """Return (lead, at, id, is a row, values as JSON) of all statements about the people in scope, in the order of leads."""
        chosen = np.isin(self.aliases, self.in_scope)
        people = Scope(some=np.union1d(self.aliases[chosen], self.standing[chosen]).tolist())
        # A lead without history is one statement of its columns, whatever was stated about it.
        table = self.reader.table(
            "SELECT id, known_at,"
            " coalesce((SELECT max(id) FROM leads_attributechange WHERE lead_id = leads_lead.id), 0), true,"
            " (jsonb_strip_nulls(to_jsonb(leads_lead)) || jsonb_build_object('company', company_id, "
            f"'{SENIORITY_OF_TITLE}', ({_SENIORITY_MARK})))::text"
            f" FROM leads_lead WHERE NOT has_history AND {people.sql('id')}"
            " UNION ALL SELECT ledger.lead_id, ledger.valid_from, ledger.id, false, ledger.values::text"
            " FROM leads_attributechange ledger JOIN leads_lead subject ON subject.id = ledger.lead_id"
            f" WHERE subject.has_history AND {people.sql('ledger.lead_id')} ORDER BY 1, 2, 3",
            _STATEMENTS,
        )
        return list(
            zip(
                table["lead"].to_pylist(),
                since_ever(to_microseconds(table["at"])).tolist(),
                table["id"].to_pylist(),
                table["is_row"].to_pylist(),
                table["values"].to_pylist(),
                strict=True,
            )
        )

    @property
    def statements_key(self) -> object:
        """Return a value that stays equal while the merges, and what is stated about these people, are the same."""
        return (*self._pairs_key, tuple(self.statements)) if self else None

    def events_key(self, moved: EventColumns) -> object:
        """Return a value that stays equal while the merges and the moved events are the same."""
        return (*self._pairs_key, moved.at.tobytes(), moved.signal.tobytes()) if self else None

    @property
    def _pairs_key(self) -> tuple[bytes, bytes]:
        return self.aliases.tobytes(), self.standing.tobytes()

    def read_moving_events(self, reader: Reader) -> EventColumns:
        """Read the events that move to a lead of the scope, without assets."""
        return read_events(reader, self.moving.sql("lead_id") if self else "false")

    def pick_moving_events(self, events: EventColumns) -> EventColumns:
        """Return those of the events that move to a lead of the scope."""
        moves = np.isin(events.lead, self.in_scope)
        return EventColumns(events.lead[moves], events.at[moves], events.signal[moves], events.asset[moves])

    def fold_periods(self, periods: AttributePeriods) -> AttributePeriods:
        """Return the attribute periods of the scope with one subject for each person."""
        if not self:
            return periods
        standing = np.intersect1d(self.standing, periods.ids)
        rest = without_subjects(periods, np.union1d(self.aliases, standing))
        if not standing.size:
            return rest
        rows = [row for person in self._people(standing) for row in _fold_person(*person)]
        return merge_periods(rest, _build_periods(standing, rows, periods.columns))

    def fold_events(self, events: EventColumns, moved: EventColumns) -> EventColumns:
        """Return the events of the scope, without those of aliases, with `moved`, those of `moving`, at their new place."""
        if not self:
            return events
        own = ~np.isin(events.lead, self.aliases)
        lead = self.standing[np.searchsorted(self.aliases, moved.lead)]
        order = np.lexsort((moved.at, lead))
        where = places(events.lead[own], events.at[own], lead[order], moved.at[order])
        return EventColumns(
            np.insert(events.lead[own], where, lead[order]),
            np.insert(events.at[own], where, moved.at[order]),
            np.insert(events.signal[own], where, moved.signal[order]),
            np.insert(events.asset[own], where, moved.asset[order]),
        )

    def _people(self, standing: Ints) -> Iterator[tuple[int, list[_Statement]]]:
        """Yield each standing lead with the statements about all leads of the person, oldest first."""
        person_of = dict(zip(self.aliases.tolist(), self.standing.tolist(), strict=True))
        by_person: dict[int, list[_Statement]] = {lead: [] for lead in standing.tolist()}
        for lead, at, number, is_row, values in self.statements:
            person = person_of.get(lead, lead)
            if person in by_person:
                by_person[person].append(_Statement(lead, at, number, _read_values(values, is_row=is_row)))
        for person, statements in by_person.items():
            yield person, sorted(statements, key=attrgetter("at", "id"))


def read_merged_people(reader: Reader, scope: Scope) -> MergedPeople:
    """Read the merges of which the alias or the standing lead is in the scope."""
    table = reader.table(
        "SELECT id, merged_into_id FROM leads_lead WHERE merged_into_id IS NOT NULL"
        f" AND ({scope.sql('id')} OR {scope.sql('merged_into_id')}) ORDER BY id",
        _PAIRS,
    )
    aliases, standing = table["alias"].to_numpy(), table["standing"].to_numpy()
    inside = (
        np.isin(standing, list(scope.some))
        if scope.some is not None
        else (standing >= scope.low) & (standing < scope.high)
    )
    return MergedPeople(reader, aliases, standing, aliases[inside])


def _read_values(text: str, *, is_row: bool) -> dict[str, Any]:
    """Read the values of a statement, or of a lead's row, whose own attributes are put as statements put them."""
    values: dict[str, Any] = json.loads(text)
    if not is_row:
        return values
    custom = {f"custom.{name}": value for name, value in values.pop("custom", {}).items()}
    return {name: value for name, value in {**values, **custom}.items() if value not in ("", None)}


def _fold_person(person: int, statements: Sequence[_Statement]) -> Iterator[tuple[int, int, Mapping[str, Any]]]:
    """Yield (lead, start, all values up to then) for each instant with statements about a person.

    1. Of two statements the later one holds, whichever lead it is about; a seniority belongs to its title.
    2. The address and the company are those of the standing lead; while it has none, those of its aliases.
    3. The person may not be contacted while any of its leads says so: the word of another lead does not lift it.
    """
    values: dict[str, Any] = {}
    own: dict[str, Any] = {}
    opted_out: dict[int, bool] = {}
    for at, group in groupby(statements, key=attrgetter("at")):
        for statement in group:
            # 1.
            values |= stated_values.settle_seniority(values, statement.values)
            if statement.lead == person:
                own |= {name: statement.values[name] for name in _IDENTITY if name in statement.values}
            if "do_not_contact" in statement.values:
                opted_out[statement.lead] = bool(statement.values["do_not_contact"])
        # 2.
        values |= {name: value for name, value in own.items() if value is not None}
        # 3.
        values["do_not_contact"] = any(opted_out.values())
        yield person, at, dict(values)


def _build_periods(
    ids: Ints, rows: Sequence[tuple[int, int, Mapping[str, Any]]], columns: Iterable[str]
) -> AttributePeriods:
    """Return the periods of these people from their folded rows, in the order of leads and instants."""
    encoded = {}
    for name in columns:
        values: list[object] = [None]
        codes = index_values(values)
        column = []
        for row in rows:
            value = attribute_field(name).from_statement(row[2])
            code = codes.setdefault((type(value), value), len(values))
            if code == len(values):
                values.append(value)
            column.append(code)
        encoded[name] = Column(np.array(column, dtype=np.int32), tuple(values))
    return AttributePeriods(
        ids,
        np.array([row[0] for row in rows], dtype=np.int64),
        np.array([row[1] for row in rows], dtype=np.int64),
        np.array([row[2].get("company") or 0 for row in rows], dtype=np.int64),
        encoded,
    )
