"""
How attributes are kept: leads and companies of a range each, as they were read.

They change in place, but a row is stamped whenever one of its attributes changes (leads.change_stamps), and so is each statement of the
ledger: the subjects of what a snapshot did not see are read again, the others stay. Rows that are gone show in the count.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import reduce

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from scoring.columns.attribute_fields import packed, unpacked
from scoring.columns.attribute_rows import Rows, Spells, coded, joined, read
from scoring.columns.bulk_reader import BulkReader, Scope, Snapshot
from scoring.columns.column_cache import RANGE, Arrays, Shelf
from scoring.engine.facts import Column
from scoring.engine.timeline import Ints, Positions

#: Where more than this part of a range is news, all of it is read.
_MUCH = 4
_BYTES_A_VALUE = 120
_SPARE = 1000
_TABLES = {"lead": "leads", "company": "companies"}


def rows(shelf: Shelf, number: int, fields: Iterable[str]) -> Rows:
    """The attribute rows of the leads `[number * RANGE, (number + 1) * RANGE)`: at least these fields."""
    names = sorted(set(fields))
    leads = shelf.part(_Kept(shelf.reader, "lead", number, names), number)
    ranges = np.unique(leads.company[leads.company > 0] // RANGE).tolist()
    # Leads of every range may work for the same companies: those are kept at hand.
    companies = [shelf.part(_Kept(shelf.reader, "company", each, names), each, in_memory=True) for each in ranges] or [
        read(shelf.reader, "company", Scope(some=()), names)
    ]
    return shelf.made(
        "rows",
        number,
        (leads, *companies),
        None,
        lambda: joined(leads, reduce(merged, companies)),
        16 * leads.subject.size,
    )


class _Kept:
    def __init__(self, reader: BulkReader, subject: str, number: int, fields: Sequence[str]) -> None:
        self.name = _TABLES[subject]
        self._reader = reader
        self._subject = subject
        self._scope = Scope(number * RANGE, (number + 1) * RANGE)
        self._fields = {name for name in fields if name.startswith(f"{subject}.")}

    def whole(self) -> Spells:
        return self._read(self._scope, self._fields)

    def completed(self, part: Spells, since: Snapshot) -> tuple[Spells, int]:
        missing = self._fields - part.columns.keys()
        if since == self._reader.snapshot and not missing:
            return part, 0
        total, news = self._news(since)
        if not missing and news.size * _MUCH <= total:
            fresh = self._read(Scope(some=news.tolist()), part.columns) if news.size else None
            found = part if fresh is None else merged(without(part, news), fresh)
            # What is kept holds all that there is; if it holds more, the others are gone.
            if found.ids.size == total:
                return found, int(news.size)
        # What was asked for once is asked for again.
        return self._read(self._scope, self._fields | part.columns.keys()), total + 1

    def pack(self, part: Spells) -> Arrays:
        values = packed({name: column.values for name, column in part.columns.items()})
        return {
            "ids": part.ids,
            "subject": part.subject,
            "start": part.start,
            "company": part.company,
            "values": np.frombuffer(values.encode(), dtype=np.uint8),
            **{f"codes.{name}": column.codes for name, column in part.columns.items()},
        }

    def unpack(self, arrays: Arrays) -> Spells:
        values = unpacked(arrays["values"].tobytes().decode())
        columns = {name: Column(arrays[f"codes.{name}"], each) for name, each in values.items()}
        return Spells(arrays["ids"], arrays["subject"], arrays["start"], arrays["company"], columns)

    def size(self, part: Spells) -> tuple[int, int]:
        columns = part.columns.values()
        held = sum(column.codes.nbytes + _BYTES_A_VALUE * len(column.values) for column in columns)
        return int(part.ids.size), held + sum(
            each.nbytes for each in (part.ids, part.subject, part.start, part.company)
        )

    def _read(self, scope: Scope, fields: Iterable[str]) -> Spells:
        return read(self._reader, self._subject, scope, sorted(fields))

    def _news(self, since: Snapshot) -> tuple[int, Ints]:
        """How many subjects there are, and those of which `since` did not see the latest, or some statement."""
        unseen, id_ = since.unseen("transaction"), f"{self._subject}_id"
        found = self._reader.table(
            f"SELECT (SELECT count(*) FROM leads_{self._subject} WHERE {self._scope.sql('id')}), NULL::bigint"
            f" UNION ALL SELECT 0, id FROM leads_{self._subject} WHERE {self._scope.sql('id')} AND {unseen}"
            f" UNION SELECT 0, {id_} FROM leads_attributechange WHERE {self._scope.sql(id_)} AND {unseen}",
            {"total": pa.int64(), "id": pa.int64()},
        )
        return int(found["total"].to_numpy().max()), np.sort(found["id"].drop_null().to_numpy())


def without(spells: Spells, ids: Ints) -> Spells:
    stay = ~np.isin(spells.subject, ids)
    return Spells(
        spells.ids[~np.isin(spells.ids, ids)],
        spells.subject[stay],
        spells.start[stay],
        spells.company[stay],
        {name: column.at(stay) for name, column in spells.columns.items()},
    )


def merged(some: Spells, more: Spells) -> Spells:
    """Both in one; nobody is in both, and they know the same attributes."""
    subject = np.concatenate([some.subject, more.subject])
    order = np.argsort(subject, kind="stable")
    return Spells(
        np.sort(np.concatenate([some.ids, more.ids])),
        subject[order],
        np.concatenate([some.start, more.start])[order],
        np.concatenate([some.company, more.company])[order],
        {name: _merged(column, more.columns[name], order) for name, column in some.columns.items()},
    )


def _merged(some: Column, more: Column, order: Positions) -> Column:
    """Under one dictionary: the first one, longer. What was asked of its values before stays answered."""
    values, known = list(some.values), coded(some.values)
    places = []
    for value in more.values:
        place = known.setdefault((type(value), value), len(values))
        if place == len(values):
            values.append(value)
        places.append(place)
    codes = np.concatenate([some.codes, np.array(places, dtype=np.int32)[more.codes]])[order]
    # A dictionary mostly of what no row says any more is not worth its memory.
    return (
        Column(codes, tuple(values), dict(some.asked)) if len(values) <= codes.size + _SPARE else _tidied(codes, values)
    )


def _tidied(codes: NDArray[np.int32], values: list[object]) -> Column:
    used = np.bincount(codes, minlength=len(values)) > 0
    used[values.index(None)] = True
    places = (np.cumsum(used) - 1).astype(np.int32)
    return Column(places[codes], tuple(values[code] for code in np.flatnonzero(used).tolist()))
