"""Attribute rows for the engine: the values of each lead and its company, from each change to the next.

The columns of a lead or company hold its present values; while `has_history` is false it never had others. The few with
a history are folded from their statements (`AttributeChange`) one after the other. `attribute_cache` stores the result.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from leads.vocabulary import BEGINNING
from scoring.columns.attribute_fields import AttributeField, attribute_field
from scoring.columns.bulk_reader import INSTANT, Reader, Schema, Scope, to_microseconds
from scoring.engine.facts import Column
from scoring.engine.timeline import EVER, FOREVER, Ints, Positions

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MICROSECOND = dt.timedelta(microseconds=1)
_NO_CODES = np.empty(0, dtype=np.int32)
_BEGINNING = (BEGINNING - _EPOCH) // _MICROSECOND


@dataclass(frozen=True, slots=True, eq=False)
class AttributePeriods:
    """Leads or companies (`ids`, ascending) and their rows, sorted by (subject, start): one row for each time their
    attributes changed.

    `subject` and `company` are ids (0: no company); each column has None among its values.
    """

    ids: Ints
    subject: Ints
    start: Ints
    company: Ints
    columns: Mapping[str, Column]

    def ends(self) -> Ints:
        """Return the end of each row: the start of the subject's next row, or FOREVER."""
        ends = np.full(self.start.size, FOREVER, dtype=np.int64)
        same = np.flatnonzero(self.subject[1:] == self.subject[:-1])
        ends[same] = self.start[same + 1]
        return ends


@dataclass(frozen=True, slots=True, eq=False)
class AttributeRows:
    """Rows in the shape of `Facts`: for each row the lead's index, its start, and the values of lead and company."""

    lead_ids: Ints
    lead: NDArray[np.int32]
    start: Ints
    columns: Mapping[str, Column]


def keep_periods(periods: AttributePeriods) -> AttributePeriods:
    """Return the periods as they are: of leads of which none is merged into another one."""
    return periods


def read_rows(
    reader: Reader,
    scope: Scope,
    fields: Iterable[str],
    fold: Callable[[AttributePeriods], AttributePeriods] = keep_periods,
) -> AttributeRows:
    """Read the rows of the leads in scope from the tables, without the cache.

    `fold` gives each person known by several leads one subject.
    """
    names = sorted(set(fields))
    leads = fold(read_periods(reader, "lead", scope, names))
    companies = np.unique(leads.company[leads.company > 0]).tolist()
    return join_companies(leads, read_periods(reader, "company", Scope(some=companies), names))


def read_periods(reader: Reader, subject: str, scope: Scope, names: Iterable[str]) -> AttributePeriods:
    """Read the periods of leads or companies (`subject`) with those of the named attributes that belong to them.

    1. Read the present values of the subjects in scope, as text.
    2. Encode each column and decode its distinct values.
    3. Take the subjects without history as they are: one row each, from when they were known.
    4. Fold the statements of the others into one row for each change.
    5. Append these and sort by subject.
    """
    fields = {name: attribute_field(name) for name in names if name.startswith(f"{subject}.")}
    schema: Schema = {"id": pa.int64(), "known_at": INSTANT, "has_history": pa.bool_(), "company_id": pa.int64()}
    company = "company_id" if subject == "lead" else "0"
    table = reader.table(
        f"SELECT {', '.join(['id', 'known_at', 'has_history', company, *(value.sql for value in fields.values())])}"
        f" FROM leads_{subject} WHERE {scope.sql('id')} ORDER BY id",
        {**schema, **dict.fromkeys(fields, pa.string())},
    )
    ids = table["id"].to_numpy()
    codes = {name: _CodedColumn(table[name], attribute.decode) for name, attribute in fields.items()}
    settled = ~table["has_history"].to_numpy()
    subjects, starts = ids[settled], since_ever(to_microseconds(table["known_at"]))[settled]
    companies = table["company_id"].fill_null(0).to_numpy()[settled]
    folded = [] if settled.all() else list(_fold_history(reader, subject, scope.sql(f"{subject}_id")))
    for column in codes.values():
        column.codes = column.codes[settled]
    return _append_history(AttributePeriods(ids, subjects, starts, companies, {}), codes, fields, folded)


def join_companies(leads: AttributePeriods, companies: AttributePeriods) -> AttributeRows:
    """Join each lead's rows with those of its company, cut wherever either changes."""
    lead_row, company_row, start = _cut_periods(leads, companies)
    columns = {name: column.at(lead_row) for name, column in leads.columns.items()}
    for name, column in companies.columns.items():
        # The appended code of None is at index -1, the company row of leads without a (known) company.
        codes = np.append(column.codes, np.int32(column.values.index(None)))
        columns[name] = Column(codes[company_row], column.values, column.asked)
    lead = np.searchsorted(leads.ids, leads.subject[lead_row]).astype(np.int32)
    return AttributeRows(leads.ids, lead, start, columns)


class _CodedColumn:
    """A column under construction: codes of the rows read as a table, then of the rows folded one by one."""

    def __init__(self, column: pa.ChunkedArray, decode: Callable[[str], object]) -> None:
        encoded = column.combine_chunks().dictionary_encode()
        self.values: list[object] = [*map(decode, encoded.dictionary.to_pylist()), None]
        self.codes = encoded.indices.fill_null(len(self.values) - 1).to_numpy().astype(np.int32)

    def encode(self, values: Iterable[object]) -> NDArray[np.int32]:
        """Return the codes of the values; a new value gets a new code."""
        known = index_values(self.values)
        codes = []
        for value in values:
            code = known.setdefault((type(value), value), len(self.values))
            if code == len(self.values):
                self.values.append(value)
            codes.append(code)
        return np.array(codes, dtype=np.int32)


def index_values(values: Iterable[object]) -> dict[tuple[type, object], int]:
    """Return the code of each value, keyed by (type, value), because True and 1 are one key in a dictionary."""
    return {(type(value), value): code for code, value in enumerate(values)}


def _append_history(
    settled: AttributePeriods,
    codes: dict[str, _CodedColumn],
    fields: Mapping[str, AttributeField],
    folded: list[tuple[int, int, Mapping[str, Any]]],
) -> AttributePeriods:
    """Return the periods of subjects without history together with the folded rows of those with one."""
    subject = np.concatenate([settled.subject, np.array([row[0] for row in folded], dtype=np.int64)])
    start = np.concatenate([settled.start, np.array([row[1] for row in folded], dtype=np.int64)])
    company = np.concatenate(
        [settled.company, np.array([row[2].get("company") or 0 for row in folded], dtype=np.int64)]
    )
    # Subjects without history come in the order of their ids, the others in the order of their statements. No subject
    # is in both, so a stable sort by subject keeps the statements of each in order.
    order = np.argsort(subject, kind="stable")
    columns = {}
    for name, column in codes.items():
        history_codes = column.encode(fields[name].from_statement(row[2]) for row in folded) if folded else _NO_CODES
        columns[name] = Column(np.concatenate([column.codes, history_codes])[order], tuple(column.values))
    return AttributePeriods(settled.ids, subject[order], start[order], company[order], columns)


def _fold_history(reader: Reader, subject: str, where: str) -> Iterator[tuple[int, int, Mapping[str, Any]]]:
    """Yield (id, start, all values up to then) for each statement about a subject with a history."""
    table = reader.table(
        f"SELECT ledger.{subject}_id, ledger.valid_from, ledger.values::text FROM leads_attributechange ledger"
        f" JOIN leads_{subject} subject ON subject.id = ledger.{subject}_id AND subject.has_history"
        f" WHERE ledger.{where} ORDER BY ledger.{subject}_id, ledger.valid_from, ledger.id",
        {"subject": pa.int64(), "valid_from": INSTANT, "values": pa.string()},
    )
    values_so_far: dict[str, Any] = {}
    last = -1
    for owner, start, values in zip(
        table["subject"].to_pylist(),
        since_ever(to_microseconds(table["valid_from"])).tolist(),
        table["values"].to_pylist(),
        strict=True,
    ):
        values_so_far = {**(values_so_far if owner == last else {}), **json.loads(values)}
        last = owner
        yield owner, start, values_so_far


def _cut_periods(leads: AttributePeriods, companies: AttributePeriods) -> tuple[Positions, Positions, Ints]:
    """Return (lead row, company row, start), sorted by (lead, start).

    A company row of -1 means that the lead has no company, or one that was not yet known.
    """
    first = np.searchsorted(companies.subject, leads.company)
    after = np.searchsorted(companies.subject, leads.company, side="right")
    lead_row = np.repeat(np.arange(leads.subject.size), after - first)
    offset = np.cumsum(after - first) - (after - first)
    company_row = np.arange(lead_row.size) - np.repeat(offset - first, after - first)
    lead_end, company_end = leads.ends(), companies.ends()
    start = np.maximum(leads.start[lead_row], companies.start[company_row])
    lasts = start < np.minimum(lead_end[lead_row], company_end[company_row])
    opening = np.full(companies.start.size + 1, FOREVER, dtype=np.int64)
    opening[:-1] = companies.start
    alone = np.flatnonzero(leads.start < np.where(after > first, opening[first], FOREVER))
    lead_row, company_row, start = lead_row[lasts], company_row[lasts], start[lasts]
    first_of_lead = np.searchsorted(lead_row, alone)
    return (
        np.insert(lead_row, first_of_lead, alone),
        np.insert(company_row, first_of_lead, -1),
        np.insert(start, first_of_lead, leads.start[alone]),
    )


def since_ever(at: Ints) -> Ints:
    """Return the instants with BEGINNING replaced by EVER, the engine's "always"."""
    return np.where(at <= _BEGINNING, EVER, at)
