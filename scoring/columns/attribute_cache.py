"""The cache of attributes: leads and companies of one range of ids each, as they were read.

Attributes change in place, but leads.change_stamps stamps a row whenever one of its attributes changes, and each
statement of the history carries its own stamp. So subjects with a stamp that a snapshot did not see are read again, and
the others stay. Deleted rows show in the count.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import reduce

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from scoring.columns.attribute_fields import pack_values, unpack_values
from scoring.columns.attribute_rows import (
    AttributePeriods,
    AttributeRows,
    index_values,
    join_companies,
    keep_periods,
    read_periods,
)
from scoring.columns.bulk_reader import BulkReader, Scope, Snapshot
from scoring.columns.column_cache import RANGE, Arrays, ColumnCache
from scoring.engine.facts import Column
from scoring.engine.timeline import Ints, Positions

#: A range is read whole where more than 1/4 of its subjects have changed.
_REREAD_FRACTION = 4
#: Roughly what one distinct value takes in memory.
_BYTES_PER_VALUE = 120
#: Unused values that a dictionary may hold before it is tidied.
_SPARE_VALUES = 1000
_TABLES = {"lead": "leads", "company": "companies"}


def read_rows(
    cache: ColumnCache,
    number: int,
    fields: Iterable[str],
    fold: Callable[[AttributePeriods], AttributePeriods] = keep_periods,
    fold_key: object = None,
) -> AttributeRows:
    """Return the attribute rows of the leads `[number * RANGE, (number + 1) * RANGE)`, with at least these fields.

    `fold` gives each person known by several leads one subject; its answer holds while `fold_key` stays equal.
    """
    names = sorted(set(fields))
    stored = cache.read_part(_AttributePart(cache.reader, "lead", number, names), number)
    leads = cache.derive("people", number, (stored,), fold_key, lambda: fold(stored), 16 * stored.subject.size)
    ranges = np.unique(leads.company[leads.company > 0] // RANGE).tolist()
    # Leads of every range may work for the same companies, so these are always kept in memory.
    companies = [
        cache.read_part(_AttributePart(cache.reader, "company", range_number, names), range_number, in_memory=True)
        for range_number in ranges
    ] or [read_periods(cache.reader, "company", Scope(some=()), names)]
    return cache.derive(
        "rows",
        number,
        (leads, *companies),
        None,
        lambda: join_companies(leads, reduce(merge_periods, companies)),
        16 * leads.subject.size,
    )


class _AttributePart:
    """The leads or companies (`subject`) of one range of ids, as a part of the column cache."""

    def __init__(self, reader: BulkReader, subject: str, number: int, fields: Sequence[str]) -> None:
        self.name = _TABLES[subject]
        self._reader = reader
        self._subject = subject
        self._scope = Scope(number * RANGE, (number + 1) * RANGE)
        self._fields = {name for name in fields if name.startswith(f"{subject}.")}

    def read_whole(self) -> AttributePeriods:
        """Read the range from the tables, with the fields asked for."""
        return self._read(self._scope, self._fields)

    def complete(self, part: AttributePeriods, since: Snapshot) -> tuple[AttributePeriods, int]:
        """Return the part as of now, and how many subjects had to be read.

        1. Return the part as it is if the snapshot is the same and no field is missing.
        2. Find the subjects with a change that `since` did not see, and count all subjects.
        3. Unless a field is missing or more than 1/4 of the range changed, read the changed subjects alone.
        4. Merge: their old rows go, their new ones come in.
        5. Return the merged part if its number of subjects is right; with too many, some were deleted.
        6. In every other case read the whole range, with the new fields and all that were asked for before.
        """
        missing = self._fields - part.columns.keys()
        # 1.
        if since == self._reader.snapshot and not missing:
            return part, 0
        # 2.
        total, changed = self._read_changed_subjects(since)
        if not missing and changed.size * _REREAD_FRACTION <= total:
            # 3.
            changed_periods = self._read(Scope(some=changed.tolist()), part.columns) if changed.size else None
            # 4.
            periods = (
                part if changed_periods is None else merge_periods(without_subjects(part, changed), changed_periods)
            )
            # 5. The merged part holds every subject there is; if it holds more, some have been deleted.
            if periods.ids.size == total:
                return periods, int(changed.size)
        # 6. Fields that were asked for once will be asked for again, so they stay in the part.
        return self._read(self._scope, self._fields | part.columns.keys()), total + 1

    def pack(self, part: AttributePeriods) -> Arrays:
        values = pack_values({name: column.values for name, column in part.columns.items()})
        return {
            "ids": part.ids,
            "subject": part.subject,
            "start": part.start,
            "company": part.company,
            "values": np.frombuffer(values.encode(), dtype=np.uint8),
            **{f"codes.{name}": column.codes for name, column in part.columns.items()},
        }

    def unpack(self, arrays: Arrays) -> AttributePeriods:
        values = unpack_values(arrays["values"].tobytes().decode())
        columns = {name: Column(arrays[f"codes.{name}"], column_values) for name, column_values in values.items()}
        return AttributePeriods(arrays["ids"], arrays["subject"], arrays["start"], arrays["company"], columns)

    def size(self, part: AttributePeriods) -> tuple[int, int]:
        """Return the number of subjects and roughly the bytes in memory."""
        columns = part.columns.values()
        column_bytes = sum(column.codes.nbytes + _BYTES_PER_VALUE * len(column.values) for column in columns)
        return int(part.ids.size), column_bytes + sum(
            array.nbytes for array in (part.ids, part.subject, part.start, part.company)
        )

    def _read(self, scope: Scope, fields: Iterable[str]) -> AttributePeriods:
        return read_periods(self._reader, self._subject, scope, sorted(fields))

    def _read_changed_subjects(self, since: Snapshot) -> tuple[int, Ints]:
        """Return the number of subjects in the range, and the ids of those with a row or a statement that `since` did not
        see.
        """
        # One query: a row with the total, then the ids. UNION drops ids that both a row and a statement name. The rows
        # are found by their range of ids, the statements by the BRIN index on their transaction.
        unseen, id_ = since.unseen_condition("transaction"), f"{self._subject}_id"
        table = self._reader.table(
            f"SELECT (SELECT count(*) FROM leads_{self._subject} WHERE {self._scope.sql('id')}), NULL::bigint"
            f" UNION ALL SELECT 0, id FROM leads_{self._subject} WHERE {self._scope.sql('id')} AND {unseen}"
            f" UNION SELECT 0, {id_} FROM leads_attributechange WHERE {self._scope.sql(id_)} AND {unseen}",
            {"total": pa.int64(), "id": pa.int64()},
        )
        return int(table["total"].to_numpy().max()), np.sort(table["id"].drop_null().to_numpy())


def without_subjects(periods: AttributePeriods, ids: Ints) -> AttributePeriods:
    """Return the periods without those of these subjects."""
    remaining = ~np.isin(periods.subject, ids)
    return AttributePeriods(
        periods.ids[~np.isin(periods.ids, ids)],
        periods.subject[remaining],
        periods.start[remaining],
        periods.company[remaining],
        {name: column.at(remaining) for name, column in periods.columns.items()},
    )


def merge_periods(first: AttributePeriods, second: AttributePeriods) -> AttributePeriods:
    """Merge the periods of two sets of subjects; the sets are disjoint and have the same attributes."""
    subject = np.concatenate([first.subject, second.subject])
    order = np.argsort(subject, kind="stable")
    return AttributePeriods(
        np.sort(np.concatenate([first.ids, second.ids])),
        subject[order],
        np.concatenate([first.start, second.start])[order],
        np.concatenate([first.company, second.company])[order],
        {name: _merge_column(column, second.columns[name], order) for name, column in first.columns.items()},
    )


def _merge_column(first: Column, second: Column, order: Positions) -> Column:
    """Merge two columns under the first one's dictionary, extended by new values, so that answers kept for its values stay
    valid.
    """
    values, code_of_value = list(first.values), index_values(first.values)
    second_codes = []
    for value in second.values:
        code = code_of_value.setdefault((type(value), value), len(values))
        if code == len(values):
            values.append(value)
        second_codes.append(code)
    codes = np.concatenate([first.codes, np.array(second_codes, dtype=np.int32)[second.codes]])[order]
    # A dictionary that consists mostly of values in no row any more is not worth its memory.
    return (
        Column(codes, tuple(values), dict(first.asked))
        if len(values) <= codes.size + _SPARE_VALUES
        else _drop_unused_values(codes, values)
    )


def _drop_unused_values(codes: NDArray[np.int32], values: list[object]) -> Column:
    """Return the column with a dictionary of only the values in use, and None."""
    used = np.bincount(codes, minlength=len(values)) > 0
    used[values.index(None)] = True
    places = (np.cumsum(used) - 1).astype(np.int32)
    return Column(places[codes], tuple(values[code] for code in np.flatnonzero(used).tolist()))
