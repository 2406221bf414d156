"""Facts about leads, in columns: events, and attributes as they were from each change to the next."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from scoring.engine.bands import Band, parse_band
from scoring.engine.timeline import EVER, FOREVER, Bools, Floats, Ints, Positions, bounds, places

__all__ = ["Band", "Column", "Facts", "parse_band"]

_EVENTS_PER_CHUNK = 1 << 18
_SPAN_PER_CHUNK = float(1 << 61)


@dataclass(frozen=True, slots=True, eq=False)
class Column:
    """An attribute, dictionary-encoded: `codes` (int32, one per attribute row) index `values`.

    A value is None (missing), str, int, float, bool, a tuple of str, or a Band. `asked` is the profile's note of what criteria
    answered for the values; columns with one dictionary share it.
    """

    codes: NDArray[np.int32]
    values: tuple[object, ...]
    asked: dict[Hashable, NDArray[np.int8]] = field(default_factory=dict, repr=False)

    def at(self, rows: slice | Positions | Bools) -> Column:
        return Column(self.codes[rows], self.values, self.asked)


@dataclass(frozen=True, slots=True, eq=False)
class Facts:
    """The facts about n leads; m events sorted by (lead, at), r attribute rows sorted by (lead, from).

    `lead_ids` int64[n] ascending · `event_lead` int32[m] index into it · `event_at` int64[m] microseconds since the epoch, UTC
    · `event_signal` int16[m] index into `signals` · `event_asset` int32[m], -1 for none · `row_lead` int32[r]
    · `row_from` int64[r], EVER for "since ever" · `columns` by field name ("lead.title", "company.employees", …).

    A row holds all attributes of its lead, its company's among them, until the lead's next row. Before the first row, and for a
    field without a column, every value is missing. Of several rows from one instant the last counts.
    """

    lead_ids: Ints
    event_lead: NDArray[np.int32]
    event_at: Ints
    event_signal: NDArray[np.int16]
    event_asset: NDArray[np.int32]
    signals: tuple[str, ...]
    row_lead: NDArray[np.int32]
    row_from: Ints
    columns: Mapping[str, Column]

    def __len__(self) -> int:
        return int(self.lead_ids.size)

    def validated(self) -> Facts:
        """Itself, or ValueError naming the column that breaks the rules above. For whoever builds facts; `judge` trusts."""
        _require(_ascending(self.lead_ids, strictly=True), "lead_ids must ascend")
        _check_dated("event", self.event_lead, self.event_at, len(self))
        _check_dated("row", self.row_lead, self.row_from, len(self))
        events, rows = self.event_at.size, self.row_from.size
        _require(self.event_signal.size == events, "event_signal must have one entry per event")
        _require(self.event_asset.size == events, "event_asset must have one entry per event")
        _require(_in_range(self.event_signal, len(self.signals)), "event_signal must index signals")
        for name, column in self.columns.items():
            _require(column.codes.size == rows, f"{name} must have one code per attribute row")
            _require(_in_range(column.codes, len(column.values)), f"the codes of {name} must index its values")
        return self

    def slice(self, lead_from: int, lead_to: int) -> Facts:
        """The facts of leads [lead_from, lead_to), without copying events or attributes."""
        events = slice(*np.searchsorted(self.event_lead, (lead_from, lead_to)))
        rows = slice(*np.searchsorted(self.row_lead, (lead_from, lead_to)))
        return Facts(
            lead_ids=self.lead_ids[lead_from:lead_to],
            event_lead=self.event_lead[events] - np.int32(lead_from),
            event_at=self.event_at[events],
            event_signal=self.event_signal[events],
            event_asset=self.event_asset[events],
            signals=self.signals,
            row_lead=self.row_lead[rows] - np.int32(lead_from),
            row_from=self.row_from[rows],
            columns={name: column.at(rows) for name, column in self.columns.items()},
        )

    def known(self, leads: Positions, at: Ints | None = None) -> Facts:
        """The facts of these leads in this order, each pair a lead of its own, without those dated after its `at`."""
        event, event_lead = _gather(self.event_lead, leads)
        row, row_lead = _gather(self.row_lead, leads)
        if at is not None:
            past_event, past_row = self.event_at[event] <= at[event_lead], self.row_from[row] <= at[row_lead]
            event, event_lead = event[past_event], event_lead[past_event]
            row, row_lead = row[past_row], row_lead[past_row]
        return Facts(
            lead_ids=self.lead_ids[leads],
            event_lead=event_lead.astype(np.int32),
            event_at=self.event_at[event],
            event_signal=self.event_signal[event],
            event_asset=self.event_asset[event],
            signals=self.signals,
            row_lead=row_lead.astype(np.int32),
            row_from=self.row_from[row],
            columns={name: column.at(row) for name, column in self.columns.items()},
        )

    def instants(self) -> tuple[Positions, Ints]:
        """(lead index, at) of every event and every dated attribute change; sorted, each once."""
        dated = self.row_from > EVER
        row_lead, row_from = self.row_lead[dated], self.row_from[dated]
        where = places(self.event_lead, self.event_at, row_lead, row_from)
        lead, at = np.insert(self.event_lead, where, row_lead), np.insert(self.event_at, where, row_from)
        fresh = np.ones(at.size, dtype=np.bool_)
        fresh[1:] = (lead[1:] != lead[:-1]) | (at[1:] != at[:-1])
        return lead[fresh].astype(np.intp), at[fresh]

    def chunks(self) -> list[tuple[int, int]]:
        """Ranges of leads small enough for memory and for the key of a Timeline; at least one. A giant lead is one by itself."""
        load = np.zeros(len(self) + 1)
        for lead, at in ((self.event_lead, self.event_at), (self.row_lead, self.row_from)):
            starts = bounds(lead, len(self))
            load[1:] += np.diff(starts) / _EVENTS_PER_CHUNK + _spans(starts, at) / _SPAN_PER_CHUNK
        number = np.floor(np.cumsum(load)[:-1])
        edges = [0, *(np.flatnonzero(np.diff(number)) + 1).tolist(), len(self)]
        return list(pairwise(edges))


def _spans(starts: Positions, at: Ints) -> Floats:
    """Microseconds between the first and the last dated row of each lead."""
    dated = at[at > EVER]
    spans = np.zeros(starts.size - 1)
    if dated.size:
        settled = np.maximum(at, dated.min() - 1)
        some = np.flatnonzero(starts[1:] > starts[:-1])
        spans[some] = settled[starts[some + 1] - 1] - settled[starts[some]]
    return spans


def _gather(column: NDArray[np.int32], leads: Positions) -> tuple[Positions, Positions]:
    """The rows of each lead asked for, and which of the leads asked for each belongs to."""
    first = np.searchsorted(column, leads, side="left")
    count = np.searchsorted(column, leads, side="right") - first
    owner = np.repeat(np.arange(leads.size), count)
    return np.arange(owner.size) + np.repeat(first - (np.cumsum(count) - count), count), owner


def _check_dated(what: str, lead: NDArray[np.int32], at: Ints, leads: int) -> None:
    _require(lead.size == at.size, f"{what} columns must have one length")
    _require(_in_range(lead, leads), f"{what}_lead must index lead_ids")
    _require(_ascending(lead), f"{what}s must be sorted by lead")
    _require(bool(np.all((np.diff(at) >= 0) | (np.diff(lead) > 0))), f"{what}s of one lead must be sorted by instant")
    # Outside the years 1 to 9999 sums of spans could pass an int64.
    sane: Bools = (np.abs(at) < FOREVER >> 2) | ((at == EVER) if what == "row" else False)
    _require(bool(np.all(sane)), f"{what}s must be dated between the years 1 and 9999")


def _ascending(column: NDArray[np.generic], *, strictly: bool = False) -> bool:
    steps = np.diff(column)
    return bool(np.all(steps > 0 if strictly else steps >= 0))


def _in_range(column: NDArray[np.generic], size: int) -> bool:
    return not column.size or (int(column.min()) >= 0 and int(column.max()) < size)


def _require(holds: bool, otherwise: str) -> None:
    if not holds:
        raise ValueError(f"Facts: {otherwise}.")
